/* SPDX-License-Identifier: MIT */
/*
 * Entries of the Boot Loader Specification (UAPI.1): "key value" lines in loader/entries/NAME.conf. Printing an entry that was
 * not changed gives the same bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define BLS_MAX 65536 /* bytes of one file */

struct bls_entry {
	struct strlist lines;
	bool ends_with_newline;
};

/* ERR_PARSE for NUL bytes, ERR_NOMEM. */
int bls_parse(struct bls_entry *ret, const char *text, size_t len, struct err *e) must_check;
void bls_done(struct bls_entry *b);
void bls_print(const struct bls_entry *b, struct strbuf *out);

/* The value of a line when it says key, else NULL. */
const char *bls_value(const char *line, const char *key);
/* Of the first such line; NULL: none. */
const char *bls_get(const struct bls_entry *b, const char *key);
/* Gives the line another value; what stands before it stays. -1: no memory. */
int bls_set(struct bls_entry *b, size_t line, const char *value) must_check;

/* The values of all lines of the key, with a blank between them. */
void bls_join(const struct bls_entry *b, const char *key, struct strbuf *out);
