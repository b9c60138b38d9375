/* SPDX-License-Identifier: MIT */
/* Growable strings, string lists, escaping, and strict number parsing. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/*
 * A growable byte string, always NUL-terminated once used. When memory runs out 'failed' stays
 * true and later additions do nothing, so that one check at the end is enough.
 */
struct strbuf {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define STRBUF_INIT ((struct strbuf){ 0 })
#define cleanup_strbuf __attribute__((cleanup(strbuf_done)))

void strbuf_done(struct strbuf *b); /* frees; b is empty and usable again */
void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) printf_like(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) printf_like(2, 0);

/* Borrowed, never NULL, valid until the next change. */
const char *strbuf_str(const struct strbuf *b);

/* Hands the string over to the caller (free()); NULL when an addition failed. b is empty after. */
char *strbuf_take(struct strbuf *b) must_check;

/* A list of owned strings. */
struct strlist {
	char **items;
	size_t count;
	size_t cap;
};

#define STRLIST_INIT ((struct strlist){ 0 })
#define cleanup_strlist __attribute__((cleanup(strlist_done)))

void strlist_done(struct strlist *l);
int strlist_add(struct strlist *l, const char *s) must_check; /* copies; -1 when out of memory */
int strlist_addn(struct strlist *l, const char *s, size_t len) must_check;
int strlist_addf(struct strlist *l, const char *fmt, ...) printf_like(2, 3) must_check;
int strlist_vaddf(struct strlist *l, const char *fmt, va_list ap) printf_like(2, 0) must_check;
bool strlist_has(const struct strlist *l, const char *s);

/* Splits at runs of the bytes in seps, no empty fields. -1 when out of memory. */
int strlist_split(struct strlist *l, const char *s, const char *seps) must_check;

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
static inline bool str_is_empty(const char *s)
{
	return !s || !*s;
}

/*
 * Copies src to dst (size bytes, always terminated) with control bytes, backslash-x and bytes
 * above 0x7e that are not part of valid UTF-8 written as \xNN. For names from archives and disks.
 */
void str_escape(char *dst, size_t size, const char *src);

/* Whole-string decimal numbers without sign, blank or trailing text. -1 when not such a number. */
int parse_u64(const char *s, uint64_t *ret) must_check;
int parse_u32(const char *s, uint32_t *ret) must_check;

/* Formats bytes for people: "1.4 GB" (powers of ten), into buf, which is returned. */
const char *format_bytes(char *buf, size_t size, uint64_t bytes);
/* Formats seconds for people: "2 min 05 s". */
const char *format_seconds(char *buf, size_t size, uint64_t seconds);
