/* SPDX-License-Identifier: MIT */
#include "base/report.h"

#include <string.h>

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

static void print_lines(FILE *out, const char *label, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "  %-8s %.*s\n", label, (int)len, text);
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
	print_lines(out, "next", info->advice);
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
