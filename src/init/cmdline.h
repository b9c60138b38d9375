/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line and what the operator says with it. Pure functions over text.
 * /etc/rehost/cmdline of an appended cpio holds further words in the same syntax.
 */
#pragma once

#include "base/str.h"

/*
 * Splits at blanks the way the kernel does: a double quote begins and ends a stretch in which
 * blanks do not separate; quotes are removed. A NUL-terminated text; newlines are blanks, words
 * with other control bytes are dropped. -1 when out of memory.
 */
int cmdline_split(struct strlist *words, const char *text) must_check;

/* Value of the last word "KEY=VALUE", or "" for a bare "KEY"; NULL when absent. Borrowed. */
const char *cmdline_value(const struct strlist *words, const char *key);

/* True for a bare word, and for KEY=1, yes, on, true. */
bool cmdline_flag(const struct strlist *words, const char *key);

/*
 * Options of the program: from the text of /etc/rehost/options (lines KEY=VALUE, "rehost." before
 * the key allowed, # comments) and then the words rehost.KEY=VALUE, which win. Appends sorted
 * "key=value\n" lines, each key once; "key" and "observer_key" (SSH keys) are left out. file may be NULL.
 */
int cmdline_options(struct strbuf *ret, const struct strlist *words, const char *file) must_check;

/*
 * authorized_keys: one line per word=, "rehost.key" for one, then the lines of the file (may be NULL).
 * Returns the number of keys, -1 when out of memory. Lines that cannot be a key (no blank in
 * them, no known beginning after options) are skipped and counted in *ret_skipped.
 */
int cmdline_keys(struct strbuf *ret, const struct strlist *words, const char *word,
		 const char *file, unsigned *ret_skipped) must_check;
