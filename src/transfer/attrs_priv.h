/* SPDX-License-Identifier: MIT */
/* Putting owner, mode, extended attributes and times on something in the tree. */
#pragma once

#include "transfer/pool_priv.h"

struct receiver;

/* Appends one extended attribute to a set. */
void xattrs_add(struct strbuf *set, const char *name, const void *value, size_t len);
/* Walks a set: *at begins at 0. false at the end. Results point into the set. */
bool xattrs_next(const struct strbuf *set, size_t *at, const char **name, const void **value,
		 size_t *len);

/* What attributes are put on: an open file or directory, or (fd -1) a name that is no directory. */
struct object {
	int fd;
	int dirfd;
	const char *name;
	const char *path; /* for messages */
	bool existed;	  /* it may carry other attributes, which are removed */
	mode_t type;	  /* S_IFMT bits */
};

/* Owner, mode, extended attributes; times with set_times. What is right already is left alone. */
int attrs_apply(struct receiver *r, const struct object *o, const struct attrs *attrs,
		bool set_times, struct err *e) must_check;
/* One attribute; what the file system cannot hold becomes a note. */
int xattr_apply(struct receiver *r, const struct object *o, const char *name, const void *value,
		size_t len, struct err *e) must_check;
