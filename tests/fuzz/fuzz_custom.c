/* SPDX-License-Identifier: MIT */
/* Any bytes as GRUB's custom.cfg: an entry that was put in is there once, and taken out again leaves the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enter/enter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct enter_place place = { .uuid = "1-2", .dir = "/x" };
	struct strbuf entry cleanup_strbuf = STRBUF_INIT, in cleanup_strbuf = STRBUF_INIT;
	struct strbuf out cleanup_strbuf = STRBUF_INIT, clean cleanup_strbuf = STRBUF_INIT;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	enter_menu_fits(text);
	enter_entry_text(&entry, &place, text);
	/* without what an earlier run, or the fuzzer, has left of ours */
	if (enter_custom_text(&clean, text, NULL) == 0 &&
	    !strstr(strbuf_str(&clean), "# rehost-rescue begin")) {
		size_t len = strlen(strbuf_str(&clean));

		if (enter_custom_text(&in, strbuf_str(&clean), strbuf_str(&entry)) < 0 ||
		    !strstr(strbuf_str(&in), strbuf_str(&entry)) ||
		    enter_custom_text(&out, strbuf_str(&in), NULL) < 0 ||
		    strncmp(strbuf_str(&out), strbuf_str(&clean), len) != 0 ||
		    strlen(strbuf_str(&out)) > len + 1)
			abort();
	}
	free(text);
	return 0;
}
