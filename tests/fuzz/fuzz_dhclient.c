/* SPDX-License-Identifier: MIT */
/* Any bytes as a dhclient file: statements lie inside the text, in order, and their values inside them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/dhclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "send dhcp-client-identifier",
					     "option dhcp-client-identifier", "default-duid" };
	char *text = malloc(size ? size : 1); /* exactly so large: reading on is noticed */
	size_t i;

	if (!text)
		return 0;
	memcpy(text, data, size);
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct dhclient_scan scan = { .text = text, .len = size };
		struct dhclient_statement st;
		size_t before = 0;

		while (dhclient_next(&scan, words[i], &st)) {
			if (st.start < before || st.end <= st.start || st.end > size ||
			    st.value < st.start || st.value_end < st.value ||
			    st.value_end >= st.end)
				abort();
			dhclient_value_is_plain(text + st.value, st.value_end - st.value);
			before = st.end;
		}
	}
	free(text);
	return 0;
}
