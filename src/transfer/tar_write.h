/* SPDX-License-Identifier: MIT */
/*
 * Writing a tar stream in the pax format (POSIX.1-2001, pax(1)), as tar_receive() and every tar since 2001 read it: names as the bytes
 * they are, nanoseconds, sparse files in GNU's form 1.0, xattrs as SCHILY.xattr, ACLs as SCHILY.acl with numbers, inode flags as SCHILY.fflags.
 * libarchive makes the bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

struct tar_writer;

/* A stretch of a file that is not a hole. */
struct tar_extent {
	uint64_t offset, bytes;
};

/* Everything is borrowed until tar_writer_begin() returns. */
struct tar_member {
	const char *path;      /* "./etc/passwd" */
	const struct stat *st; /* st_size: what will be written */
	const char *link;      /* text of a symbolic link, or the earlier path of the same file */
	bool is_hard_link;
	const struct strbuf *xattrs; /* xattrs_add() of attrs_priv.h's form: tar_member_xattr() */
	unsigned flags; /* FS_IOC_GETFLAGS(2const) of linux/fs.h, those that are carried */
	const struct tar_extent *extents; /* of a sparse file; NULL: no holes */
	size_t nextents;
};

/* Appends one attribute to a set. */
void tar_member_xattr(struct strbuf *set, const char *name, const void *value, size_t len);

/* Writes to fd, which stays the caller's. ERR_NOMEM. */
int tar_writer_open(struct tar_writer **ret, int fd, struct err *e) must_check;

/* The header. Then st_size bytes of a regular file that is no hard link. ERR_SEND_WRITE: the other end is gone. */
int tar_writer_begin(struct tar_writer *w, const struct tar_member *m, struct err *e) must_check;
/* The next bytes of the file; of a hole only the number counts, data may be NULL. */
int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct err *e) must_check;

/* The two zero blocks. *ret_bytes: the whole stream. w is gone afterwards in any case. */
int tar_writer_end(struct tar_writer *w, uint64_t *ret_bytes, struct err *e) must_check;
/* Without an end: the reader sees a cut stream. NULL is fine. */
void tar_writer_drop(struct tar_writer *w);
