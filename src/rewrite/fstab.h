/* SPDX-License-Identifier: MIT */
/* fstab(5): a model that keeps every byte it does not change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define FSTAB_MAX_BYTES (1024 * 1024)

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

/*
 * A line that is no entry (a comment, or fewer than three fields) is kept as it is. Fails for want of memory, above
 * FSTAB_MAX_BYTES (ERR_LIMIT), and on a NUL byte (ERR_PARSE: what a crash left, not a text).
 */
int fstab_parse(struct fstab *ret, const char *text, size_t len, struct err *e) must_check;
void fstab_done(struct fstab *t);
/* Prints; unchanged tables give the same bytes. */
void fstab_print(const struct fstab *t, struct strbuf *out);
/* The last entry mounted at file ("/boot"), or NULL. A trailing slash makes no difference. */
const struct fstab_entry *fstab_find(const struct fstab *t, const char *file);

/* The value of a "TAG=value" spec without quotes, NULL when spec has another form; owned by the caller. */
char *fstab_tag_value(const char *spec, const char *tag);

/* Columns of a line, for fstab_line_set. */
enum fstab_column { FSTAB_SPEC, FSTAB_FILE, FSTAB_TYPE, FSTAB_OPTIONS, FSTAB_FREQ, FSTAB_PASSNO };

/*
 * A copy of an entry's line in which one column has another value (plain text, escaped here). All other bytes,
 * the blanks between columns included, stay. Missing columns before it are filled in. NULL: no memory.
 */
char *fstab_line_set(const char *line, enum fstab_column column, const char *value) must_check;

/* Appends value as fstab writes it: blank, tab, newline, backslash and a leading '#' become octal. */
void fstab_escape(struct strbuf *out, const char *value);

/* True when the comma-separated list has the option, "noauto" or "subvol=" (a name ending in '=' matches any value). */
bool fstab_has_option(const char *options, const char *name);
