/* SPDX-License-Identifier: MIT */
/* What of an ext2, ext3 or ext4 matters to a boot loader that reads it. */
#pragma once

#include "base/err.h"

/*
 * Why GRUB 2.06 could not read files from it, or could not write one in place so that it stays; NULL when it can. Static
 * text. Looks at the superblock of an open device or image only. Tried with grub-fstest: it reads filetype, meta_bg, extents, 64bit,
 * mmp, flex_bg, csum_seed, large_dir and encrypt, not inline_data, ea_inode, casefold and bigalloc.
 */
int extfs_why_not_grub(int fd, const char **ret, struct err *e) must_check;
