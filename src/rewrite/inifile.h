/* SPDX-License-Identifier: MIT */
/* One file of sections and assignments, as systemd.syntax(7) and GKeyFile have them; lenient, nothing merged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define INI_MAX_BYTES (1024 * 1024)

enum ini_dialect {
	INI_SYSTEMD, /* comments '#' and ';', lines continued by a backslash at their end */
	INI_KEYFILE  /* comments '#', values escaped: ini_unescape */
};

struct ini_entry {
	char *key,
		*value; /* without blanks around them; the value as written, joined lines by a blank */
	size_t line;	/* first physical line, counted from 0 */
};

struct ini_section {
	char *name;
	struct ini_entry *entries; /* in order, every one of a repeated key */
	size_t entry_count;
	size_t line;
};

struct ini_file {
	struct ini_section *sections; /* in order, every one of a repeated section */
	size_t section_count;
	size_t bad_line; /* the first line that is neither of all this; SIZE_MAX: none */
};

/* ERR_LIMIT above INI_MAX_BYTES, ERR_PARSE on NUL bytes; of any other text the lines that are understood are taken. */
int ini_parse(struct ini_file *ret, enum ini_dialect dialect, const char *text, size_t len,
	      struct err *e) must_check;
void ini_done(struct ini_file *f);

/* The last value of the key in all sections of that name, as both programs take it for single values; NULL: none. */
const char *ini_get(const struct ini_file *f, const char *section, const char *key);

/* GKeyFile's escapes taken away, in place: \s \n \t \r \\; of others the backslash stays. */
void ini_unescape(char *value);
