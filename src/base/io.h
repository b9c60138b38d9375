/* SPDX-License-Identifier: MIT */
/* Whole reads and writes over descriptors, retrying EINTR, and the monotonic clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Writes everything or returns -1 with errno set. */
int write_all(int fd, const void *data, size_t len);
int pwrite_all(int fd, const void *data, size_t len, off_t offset);

/* Reads until len bytes or end of file; returns the number read or -1 with errno set. */
ssize_t read_full(int fd, void *data, size_t len);
ssize_t pread_full(int fd, void *data, size_t len, off_t offset);

/* Appends everything up to end of file to ret; more than limit bytes is ERR_LIMIT. */
int fd_slurp(int fd, struct strbuf *ret, size_t limit, struct err *e) must_check;

/* Reads a file by plain path (kernel files, our own state). ERR_FILE with errno on failure. */
int file_slurp(const char *path, struct strbuf *ret, size_t limit, struct err *e) must_check;

/*
 * Replaces a file by plain path: temporary file beside it, fdatasync, rename, directory fsync.
 * A reader sees the old or the new content, never a mixture, also after a power cut.
 */
int file_replace(const char *path, const void *data, size_t len, mode_t mode,
		 struct err *e) must_check;

/* mkdir -p for a plain path; existing directories are fine. */
int mkdirs(const char *path, mode_t mode, struct err *e) must_check;

/* Monotonic milliseconds. */
uint64_t now_ms(void);
