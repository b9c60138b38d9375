/* SPDX-License-Identifier: MIT */
/* fstab(5): a model that keeps every byte it does not change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct fstab_entry {
	char *spec, *file, *vfstype, *options; /* as written, octal escapes (\040) decoded */
	int freq, passno;		       /* 0 when absent */
	size_t line;			       /* index into lines */
};

struct fstab {
	struct strlist lines; /* every line without its newline, as read */
	bool ends_with_newline;
	struct fstab_entry *entries; /* the lines that are entries, in order */
	size_t entry_count;
};

/* Never fails on content: a line that is no entry is kept as it is. Only memory and a 1 MiB limit. */
int fstab_parse(struct fstab *ret, const char *text, size_t len, struct err *e) must_check;
void fstab_done(struct fstab *t);
/* Prints; unchanged tables give the same bytes. */
void fstab_print(const struct fstab *t, struct strbuf *out);
/* The last entry mounted at file ("/boot"), or NULL. */
const struct fstab_entry *fstab_find(const struct fstab *t, const char *file);
