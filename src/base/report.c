/* SPDX-License-Identifier: MIT */
#include "base/report.h"

#include <string.h>

#define REPORT_COLUMNS 80

const char *report_extent_text(enum err_extent extent)
{
	switch (extent) {
	case EXTENT_NOTHING:
		return "nothing has been written";
	case EXTENT_STAGE:
		return "the old system is whole; only the stage beside it was written";
	case EXTENT_SWITCHING:
		return "the switch has begun and is not complete: do not boot from this disk yet";
	case EXTENT_SWITCHED:
		return "the clone is in place; the old system is kept beside it";
	case EXTENT_RELEASING:
		return "the clone is in place; the old system is partly deleted, there is no way "
		       "back";
	case EXTENT_UNKNOWN:
		break;
	}
	return "not examined by this command; 'status' tells";
}

/* Bytes up to the next place where a line may be broken: a word, or what stands in 'quotes' and is typed as it is. */
static size_t unbroken_len(const char *s, size_t len)
{
	size_t word = 0, n;

	while (word < len && s[word] != ' ')
		word++;
	if (*s != '\'')
		return word;
	for (n = 1; n < len; n++) {
		size_t end = n + 1;

		while (end < len && strchr(".,:;)", s[end]))
			end++;
		if (s[n] == '\'' && (end == len || s[end] == ' '))
			return end;
	}
	return word; /* an apostrophe */
}

/* One line of the text, as many of the screen as it needs. */
static void print_wrapped(FILE *out, const char *label, int width, const char *text, size_t len)
{
	size_t room = REPORT_COLUMNS - (size_t)width - 1, used = 0;

	fprintf(out, "%-*s", width, label);
	while (len > 0) {
		size_t n = unbroken_len(text, len);

		if (used > 0 && used + 1 + n > room) {
			fprintf(out, "\n%-*s", width, "");
			used = 0;
		}
		fprintf(out, " %.*s", (int)n, text);
		used += n + (used > 0);
		n += n < len; /* the blank */
		text += n;
		len -= n;
	}
	fputc('\n', out);
}

void report_print_lines(FILE *out, const char *label, int width, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		print_wrapped(out, label, width, text, len);
		label = "";
		text += len;
		if (*text == '\n')
			text++;
	}
}

void report_error(FILE *out, const struct err *e)
{
	const struct err_info *info = err_info(e->code);
	unsigned i;

	fprintf(out, "rehost: %s  [%s]\n", info->title, info->id);
	for (i = e->nctx; i > 1; i--)
		fprintf(out, "  %-8s %s\n", i == e->nctx ? "doing" : "", e->ctx[i - 1]);
	if (e->nctx > 0 && e->sys)
		fprintf(out, "  %-8s %s: %s\n", "because", e->ctx[0], strerror(e->sys));
	else if (e->nctx > 0)
		fprintf(out, "  %-8s %s\n", "because", e->ctx[0]);
	fprintf(out, "  %-8s %s\n", "disk", report_extent_text(e->extent));
	report_print_lines(out, "  next", 2 + 8, info->advice);
}

json_t *report_error_json(const struct err *e)
{
	const struct err_info *info = err_info(e->code);
	json_t *doing = json_array();
	json_t *next = json_array();
	const char *line = info->advice;
	unsigned i;

	for (i = e->nctx; i > 1; i--)
		json_array_append_new(doing, json_text(e->ctx[i - 1]));
	while (*line) {
		size_t len = strcspn(line, "\n");

		json_array_append_new(next, json_stringn(line, len));
		line += len + (line[len] == '\n');
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:s, s:o}", "id", info->id, "title",
			 info->title, "doing", doing, "because",
			 json_text(e->nctx ? e->ctx[0] : ""), "errno", e->sys, "disk",
			 report_extent_text(e->extent), "next", next);
}

int report_exit_code(const struct err *e)
{
	if (e->code == ERR_NONE)
		return EXIT_DONE;
	if (e->extent == EXTENT_SWITCHING)
		return EXIT_INCOMPLETE;
	return err_info(e->code)->exit_code;
}
