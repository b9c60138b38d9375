/* SPDX-License-Identifier: MIT */
/* Any text as a report: what is told of it holds lines of plain text and nothing else, and findings can be put into it. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "rewrite/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_plain(const struct strbuf *text)
{
	size_t i;

	if (text->failed || !text->len)
		abort();
	for (i = 0; i < text->len; i++)
		if (iscntrl((unsigned char)text->data[i]) && text->data[i] != '\n')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
	json_t *report;

	if (report_parse(&report, (const char *)data, size, NULL) < 0)
		return 0;
	report_text(report, &text);
	expect_plain(&text);
	report_set_findings(report, NULL);
	report_text(report, &again);
	expect_plain(&again);
	json_decref(report);
	strbuf_done(&text);
	strbuf_done(&again);
	return 0;
}
