/* SPDX-License-Identifier: MIT */
/* The report for people. */
#include <limits.h>
#include <string.h>

#include "rewrite/report.h"

#define WROTE_SHOWN 8

/* The text at key, safe for a terminal; fallback where there is none. */
static const char *text_of(const json_t *o, const char *key, const char *fallback, char *buf,
			   size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	str_escape(buf, size, s ? s : fallback);
	return buf;
}

static void add_list(struct strbuf *out, const char *title, const json_t *list)
{
	char safe[2048];
	size_t i;

	if (!json_array_size(list))
		return;
	strbuf_addf(out, "\n%s\n", title);
	for (i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		str_escape(safe, sizeof(safe), s ? s : "?");
		strbuf_addf(out, "  - %s\n", safe);
	}
}

static bool is_other(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key));
	const char *y = json_string_value(json_object_get(b, key));

	return !x || !y || strcmp(x, y) != 0;
}

void report_add_files(struct strbuf *out, const json_t *files)
{
	const json_t *last = NULL;
	char safe[PATH_MAX], change[64];
	size_t i;

	for (i = 0; i < json_array_size(files); i++) {
		const json_t *f = json_array_get(files, i);

		if (!last || is_other(f, last, "subject")) {
			strbuf_addf(out, "\n%s\n",
				    text_of(f, "subject", "other", safe, sizeof(safe)));
			last = NULL;
		}
		if (!last || is_other(f, last, "why"))
			strbuf_addf(out, "  %s\n", text_of(f, "why", "?", safe, sizeof(safe)));
		strbuf_addf(out, "    %-12s %s\n",
			    text_of(f, "change", "?", change, sizeof(change)),
			    text_of(f, "path", "?", safe, sizeof(safe)));
		last = f;
	}
}

static void add_side(struct strbuf *out, const char *title, const json_t *side)
{
	const json_t *addresses = json_object_get(side, "addresses");
	char name[256], stack[64], safe[128];
	size_t i;

	strbuf_addf(out, "%-9s %s, network by %s", title,
		    text_of(side, "hostname", "no name", name, sizeof(name)),
		    text_of(side, "stack", "nothing known", stack, sizeof(stack)));
	for (i = 0; i < json_array_size(addresses); i++) {
		const char *s = json_string_value(json_array_get(addresses, i));

		str_escape(safe, sizeof(safe), s ? s : "?");
		strbuf_addf(out, ", %s", safe);
	}
	strbuf_addc(out, '\n');
}

static void add_findings(struct strbuf *out, const json_t *findings)
{
	char severity[32], text[2048];
	size_t i;

	if (json_array_size(findings))
		strbuf_adds(out, "\nWhat check found\n");
	for (i = 0; i < json_array_size(findings); i++) {
		const json_t *f = json_array_get(findings, i);

		strbuf_addf(out, "  %s: %s\n",
			    text_of(f, "severity", "?", severity, sizeof(severity)),
			    text_of(f, "text", "?", text, sizeof(text)));
	}
}

static void add_wrote(struct strbuf *out, const json_t *wrote)
{
	size_t i, count = json_array_size(wrote);
	char safe[PATH_MAX];

	for (i = 0; i < count && i < WROTE_SHOWN; i++) {
		const char *s = json_string_value(json_array_get(wrote, i));

		str_escape(safe, sizeof(safe), s ? s : "?");
		strbuf_addf(out, "    wrote        %s\n", safe);
	}
	if (count > WROTE_SHOWN)
		strbuf_addf(out, "    and %zu more files\n", count - WROTE_SHOWN);
}

static void add_programs(struct strbuf *out, const json_t *programs)
{
	size_t i, a;
	char safe[2048];

	if (json_array_size(programs))
		strbuf_adds(out, "\nPrograms of the clone that belong to it\n");
	for (i = 0; i < json_array_size(programs); i++) {
		const json_t *p = json_array_get(programs, i);
		const json_t *argv = json_object_get(p, "argv");

		strbuf_addf(out, "  %s\n   ", text_of(p, "why", "?", safe, sizeof(safe)));
		for (a = 0; a < json_array_size(argv); a++) {
			const char *word = json_string_value(json_array_get(argv, a));

			str_escape(safe, sizeof(safe), word ? word : "?");
			strbuf_addf(out, " %s", safe);
		}
		strbuf_addc(out, '\n');
		add_wrote(out, json_object_get(p, "wrote"));
	}
}

void report_text(const json_t *report, struct strbuf *out)
{
	const json_t *files = json_object_get(report, "files");
	char intent[32];

	strbuf_addf(out, "Report of a migration by rehost (%s)\n\n",
		    text_of(report, "intent", "?", intent, sizeof(intent)));
	add_side(out, "source", json_object_get(report, "source"));
	add_side(out, "clone", json_object_get(report, "clone"));
	add_list(out, "Left to you", json_object_get(report, "left"));
	add_findings(out, json_object_get(report, "findings"));
	add_list(out, "Notes", json_object_get(report, "notes"));
	strbuf_addf(out, "\nFiles: %zu, by subject and reason\n", json_array_size(files));
	report_add_files(out, files);
	add_programs(out, json_object_get(report, "programs"));
	strbuf_adds(out, "\nWhat was changed or moved aside is kept in "
			 "/var/lib/rehost/source-original,\nthis machine's own files in "
			 "/var/lib/rehost/target-original.\n");
}
