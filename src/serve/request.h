/* SPDX-License-Identifier: MIT */
/* What a client may ask for: an exec line becomes words, never a shell command. Pure. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define REQUEST_WORDS_MAX 64 /* openrsync sends each option as a word */
#define REQUEST_BYTES_MAX 4095

/*
 * Splits a line at blanks. '...' is literal, "..." knows \" and \\, outside quotes a backslash makes the next byte
 * literal; nothing else is special. Control characters, an open quote, a backslash at the end and too
 * many words are ERR_USAGE. An empty line gives no words.
 */
int request_split(struct strlist *ret, const char *line, struct err *e) must_check;

/* A command that may be run for a client. */
struct request_command {
	const char *name;
	bool ends_with_client; /* ended when the client goes away; the others finish their work unheard */
	bool takes_stream;     /* reads binary data: no terminal */
	bool needs_permission; /* only where the operator allowed it */
	bool looks;	       /* for those who may look only, as well */
};

/* NULL: there is no such command. */
const struct request_command *request_find(const char *name);
