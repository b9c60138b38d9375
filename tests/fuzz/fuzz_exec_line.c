/* SPDX-License-Identifier: MIT */
/* The command a client sends. What comes out must be words within the limits, without control characters. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct err e = ERR_INIT;
	char *line = malloc(size + 1);
	size_t i, total = 0;
	const char *s;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (request_split(&words, line, &e) == 0) {
		if (words.count > REQUEST_WORDS_MAX || err_is_set(&e))
			abort();
		for (i = 0; i < words.count; i++) {
			total += strlen(words.items[i]);
			for (s = words.items[i]; *s; s++)
				if ((unsigned char)*s < 0x20 && *s != '\t')
					abort();
		}
		/* Quoting only ever removes bytes. */
		if (total > strlen(line))
			abort();
		if (words.count && request_find(words.items[0]) && !strchr(line, words.items[0][0]))
			abort();
	} else if (!err_is_set(&e)) {
		abort();
	}
	free(line);
	return 0;
}
