/* SPDX-License-Identifier: MIT */
/*
 * A tiny writer of tar archives for tests: every field can be made wrong on purpose. Formats: POSIX.1-1988
 * ustar, POSIX.1-2001 pax records, and GNU's long names and base-256 numbers.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct tar_member {
	const char *name;
	char type; /* '0' file '1' hard link '2' symlink '3' char '4' block '5' directory '6' fifo ... */
	unsigned mode;
	unsigned long uid, gid;
	unsigned long long size; /* what the header says; data of that size is to follow */
	long long mtime;
	const char *link;
	unsigned major, minor;
	bool gnu; /* GNU magic instead of ustar's */
};

static inline void tar_checksum(unsigned char *h)
{
	unsigned sum = 0, i;

	memset(h + 148, ' ', 8);
	for (i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	h[155] = ' ';
}

static inline void tar_header(struct strbuf *b, const struct tar_member *m)
{
	unsigned char h[512] = { 0 };
	char number[32];

	memcpy(h, m->name, strnlen(m->name, 100));
	snprintf((char *)h + 100, 8, "%07o", m->mode & 07777777u);
	snprintf((char *)h + 108, 8, "%07lo", m->uid & 07777777ul);
	snprintf((char *)h + 116, 8, "%07lo", m->gid & 07777777ul);
	snprintf(number, sizeof(number), "%011llo", m->size);
	memcpy(h + 124, number, 11);
	snprintf(number, sizeof(number), "%011llo", (unsigned long long)m->mtime & 077777777777ull);
	memcpy(h + 136, number, 11);
	h[156] = (unsigned char)m->type;
	if (m->link)
		memcpy(h + 157, m->link, strnlen(m->link, 100));
	memcpy(h + 257, m->gnu ? "ustar  \0" : "ustar\00000", 8);
	snprintf((char *)h + 329, 8, "%07o", m->major & 07777777u);
	snprintf((char *)h + 337, 8, "%07o", m->minor & 07777777u);
	tar_checksum(h);
	strbuf_add(b, h, sizeof(h));
}

static inline void tar_data(struct strbuf *b, const void *data, size_t len)
{
	static const char zeros[512];

	strbuf_add(b, data, len);
	strbuf_add(b, zeros, -len & 511);
}

/* A whole regular file with text as content. */
static inline void tar_file(struct strbuf *b, const char *name, const char *text)
{
	struct tar_member m = {
		.name = name, .type = '0', .mode = 0644, .size = strlen(text), .mtime = 1000000000
	};

	tar_header(b, &m);
	tar_data(b, text, strlen(text));
}

static inline void tar_dir(struct strbuf *b, const char *name)
{
	struct tar_member m = { .name = name, .type = '5', .mode = 0755, .mtime = 1000000000 };

	tar_header(b, &m);
}

static inline void tar_link(struct strbuf *b, char type, const char *name, const char *to)
{
	struct tar_member m = {
		.name = name, .type = type, .mode = 0777, .link = to, .mtime = 1000000000
	};

	tar_header(b, &m);
}

/* One pax record "LEN KEY=VALUE\n" appended to records. */
static inline void tar_pax_record(struct strbuf *records, const char *key, const void *value,
				  size_t len)
{
	size_t rest = 1 + strlen(key) + 1 + len + 1, total = rest + 1, digits;

	for (digits = 1; snprintf(NULL, 0, "%zu", rest + digits) != (int)digits; digits++)
		;
	total = rest + digits;
	strbuf_addf(records, "%zu %s=", total, key);
	strbuf_add(records, value, len);
	strbuf_addc(records, '\n');
}

/* The extended header that goes before a member ('x') or all that follow ('g'). */
static inline void tar_pax(struct strbuf *b, char type, const struct strbuf *records)
{
	struct tar_member m = {
		.name = "PaxHeaders/x", .type = type, .mode = 0644, .size = records->len
	};

	tar_header(b, &m);
	tar_data(b, records->data, records->len);
}

/* The two zero blocks. */
static inline void tar_end(struct strbuf *b)
{
	static const char zeros[1024];

	strbuf_add(b, zeros, sizeof(zeros));
}
