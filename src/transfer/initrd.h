/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* One file of interest inside an initramfs. */
struct initrd_file {
	const char *path; /* as in the archive, without leading "./" */
	const void *data; /* content, only for paths the want callback accepted; else NULL */
	size_t len;	  /* size of the content, also when data is NULL */
};

/*
 * Walks every entry of a Linux initramfs image: any number of concatenated cpio archives (newc), plain or
 * compressed with gzip, bzip2, xz, lzma, zstd or lz4, with zero padding between (kernel
 * Documentation/driver-api/early-userspace/buffer-format.rst). Calls want(arg, path) to learn whether
 * the content is wanted (larger than 1 MiB is never given), then file(arg, entry); a non-zero return stops and is
 * returned. fd must be seekable. Something appended behind a
 * part compressed with xz, zstd or lz4 cannot be told from damage and is refused. A damaged or cut image, or one without any entry, is ERR_INITRD.
 */
int initrd_walk(int fd, int (*want)(void *arg, const char *path),
		int (*file)(void *arg, const struct initrd_file *), void *arg,
		struct err *e) must_check;
