/* SPDX-License-Identifier: MIT */
/*
 * What a boot loader will read: the bytes of a file at their place on the disk, past the page cache and the journal. A loader
 * knows no journal, so "synced" is not enough for what it must see.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Reads the first len bytes (at most 4096) of an open, small file from the block device below it, by O_DIRECT. ERR_PHYSICAL when the
 * file does not lie there in one piece as it is: not allocated, inside the inode, compressed. Where there is
 * no block device to ask (tmpfs, overlay: tests) it reads the file itself.
 */
int physical_read(int fd, void *ret, size_t len, struct err *e) must_check;
