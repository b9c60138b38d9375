/* SPDX-License-Identifier: MIT */
/* One file in the syntax of interfaces(5), ifupdown 0.8: every byte kept, stanzas found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define INTERFACES_MAX_BYTES (1024 * 1024)

enum stanza_kind {
	STANZA_IFACE,  /* words: name, then family and method when given */
	STANZA_AUTO,   /* auto, allow-auto, allow-hotplug; words: names or patterns */
	STANZA_SOURCE, /* words: glob patterns */
	STANZA_SOURCE_DIRECTORY,
	STANZA_OTHER, /* mapping, template, rename, allow-CLASS, no-auto-down, no-scripts */
};

struct iface_option {
	char *name, *value; /* as written, value without surrounding blanks */
};

struct stanza {
	enum stanza_kind kind;
	char *keyword;
	struct strlist words;
	struct iface_option *options; /* the lines below it that belong to it */
	size_t option_count;
	size_t line; /* first physical line, counted from 0 */
};

struct interfaces_file {
	struct strlist lines; /* physical lines without newline */
	bool ends_with_newline;
	struct stanza *stanzas;
	size_t stanza_count;
	size_t stray_line; /* first line that belongs to no stanza; SIZE_MAX: none (ifup would refuse the file) */
};

/* ERR_LIMIT above INTERFACES_MAX_BYTES, ERR_PARSE on NUL bytes; any other text is accepted. */
int interfaces_parse(struct interfaces_file *ret, const char *text, size_t len,
		     struct err *e) must_check;
void interfaces_done(struct interfaces_file *f);
/* The same bytes as were read. */
void interfaces_print(const struct interfaces_file *f, struct strbuf *out);
