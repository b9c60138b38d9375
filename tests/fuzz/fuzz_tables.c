/* SPDX-License-Identifier: MIT */
/* Any text as a table that names disks: lines only ever become comments, words only go, and the second time nothing does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_odd(void *arg, const char *line)
{
	(void)arg;
	return strlen(line) % 2 == 1;
}

static bool is_long(const char *word)
{
	return strlen(word) > 4;
}

/* Each line is the one that went in, or that with a mark before it; a line that came with a mark may get a second one. */
static void expect_marks_only(const char *in, const char *out)
{
	while (*in) {
		size_t n = strcspn(in, "\n"), got = strcspn(out, "\n");

		if (got == n + strlen(TABLE_MARK) &&
		    strncmp(out, TABLE_MARK, strlen(TABLE_MARK)) == 0) {
			out += strlen(TABLE_MARK);
			got = n;
		}
		n += in[n] == '\n';
		got += out[got] == '\n';
		if (n != got || strncmp(in, out, n) != 0)
			abort();
		in += n;
		out += got;
	}
	if (*out)
		abort();
}

static void try_lines(const char *text, bool continues)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;

	if (table_comment(text, continues, is_odd, NULL, &once) < 0)
		abort();
	expect_marks_only(text, strbuf_str(&once));
	if (table_comment(strbuf_str(&once), continues, is_odd, NULL, &twice) != 0 ||
	    strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0)
		abort();
	strbuf_done(&once);
	strbuf_done(&twice);
}

static void try_lvm(const char *text)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;

	if (table_fit_lvm(text, &once) >= 0) {
		expect_marks_only(text, strbuf_str(&once));
		if (table_fit_lvm(strbuf_str(&once), &twice) != 0)
			abort();
	}
	strbuf_done(&once);
	strbuf_done(&twice);
}

static void try_words(const char *text)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct strlist dropped = STRLIST_INIT, none = STRLIST_INIT;

	if (table_fit_cmdline(text, "1-2", is_long, &once, &dropped) < 0 ||
	    table_fit_cmdline(strbuf_str(&once), "1-2", is_long, &twice, &none) < 0 || none.count ||
	    strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0)
		abort();
	strlist_done(&dropped);
	strlist_done(&none);
	strbuf_done(&once);
	strbuf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	try_lines(text, false);
	try_lines(text, true);
	try_lvm(text);
	try_words(text);
	free(text);
	return 0;
}
