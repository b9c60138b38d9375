/* SPDX-License-Identifier: MIT */
/* What of an ext2, ext3 or ext4 matters to a boot loader that reads it. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/err.h"

#define EXTFS_SUPER_AT 1024
#define EXTFS_SUPER_BYTES 1024

/*
 * Why GRUB 2.06 could not read files from a file system with this superblock; NULL when it can. Static text. Tried with grub-fstest: it
 * reads filetype, meta_bg, extents, 64bit, mmp, flex_bg, csum_seed, large_dir and encrypt, not inline_data, ea_inode, casefold
 * and bigalloc.
 */
const char *extfs_why_unreadable(const uint8_t super[EXTFS_SUPER_BYTES]);

/* The same of an open device or image, or why it could not write a file in place so that it stays. */
int extfs_why_not_grub(int fd, const char **ret, struct err *e) must_check;

/*
 * Why fsck would check it although its journal is clean; NULL when it would not, or when it is no ext file system. Static text.
 */
int extfs_why_check(int fd, time_t now, const char **ret, struct err *e) must_check;
