/* SPDX-License-Identifier: MIT */
/* Any text as the record of what is held: what is taken from it names units, scripts and links of runlevels, and nothing else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/holds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_names(const struct strlist *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (!*l->items[i] || strpbrk(l->items[i], "/ \t\n") || *l->items[i] == '-')
			abort();
}

static void expect_link(const char *line)
{
	const char *blank = strchr(line, ' '), *up = strstr(line, "/../");

	if (!blank || !blank[1] || (up && up < blank))
		abort();
	if (!str_starts(line, "/etc/rc") && !str_starts(line, "/etc/runlevels/"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct holds h;
	size_t i;

	if (!text || holds_parse(&h, text, NULL) < 0)
		abort();
	expect_names(&h.units);
	expect_names(&h.scripts);
	for (i = 0; i < h.links.count; i++)
		expect_link(h.links.items[i]);
	holds_done(&h);
	free(text);
	return 0;
}
