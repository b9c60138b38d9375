/* SPDX-License-Identifier: MIT */
/* Words at line ends; behind an empty line what comes secluded. What is accepted names no path but the stage. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/rsync_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rsync_args *a)
{
	size_t i;

	if (!a->one_file_system)
		abort();
	for (i = 0; i < a->options.count; i++) {
		const char *o = a->options.items[i];

		if (o[0] != '-' || strchr(o, '/') || strcmp(o, "--sender") == 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	char *text = malloc(size + 1), *p = text, *end;
	struct rsync_args a;
	struct err e = ERR_INIT;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while ((end = strchr(p, '\n')) && end != p) {
		*end = '\0';
		if (strlist_add(&words, p) < 0)
			abort();
		p = end + 1;
	}
	if (rsync_args_parse(&a, (const char *const *)words.items, words.count, &e) == 0) {
		if (!a.is_secluded)
			check(&a);
		else if (end &&
			 rsync_args_more(&a, end + 1, size - (size_t)(end + 1 - text), &e) == 0)
			check(&a);
	}
	rsync_args_done(&a);
	free(text);
	return 0;
}
