/* SPDX-License-Identifier: MIT */
/* Any bytes as the target's description of 'rewrite --facts': refused with a word for why, or whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/facts_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts_file f = { 0 };
	struct err e = ERR_INIT;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (facts_file_load(&f, text, size, &e) < 0) {
		if (!err_is_set(&e) || !e.ctx[0][0])
			abort();
	} else if (rewrite_facts_check(&f.facts, &f.options, &e) < 0) {
		abort(); /* the loader has asked that */
	}
	facts_file_done(&f);
	free(text);
	return 0;
}
