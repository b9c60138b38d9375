/* SPDX-License-Identifier: MIT */
/* Any bytes as a DUID in dhclient's and in dhcpcd's form: what is accepted is written and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/duid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct duid *d)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct duid again;

	if (d->len < 3 || d->len > DUID_MAX)
		abort();
	duid_type_word(d);
	duid_add_dhclient(&out, d);
	if (!duid_parse_dhclient(&again, strbuf_str(&out)) || again.len != d->len ||
	    memcmp(again.bytes, d->bytes, d->len) != 0)
		abort();
	strbuf_done(&out);
	duid_add_hex(&out, d->bytes, d->len);
	if (!duid_parse_hex(&again, strbuf_str(&out)) || again.len != d->len ||
	    memcmp(again.bytes, d->bytes, d->len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct duid d;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (duid_parse_dhclient(&d, text))
		check(&d);
	if (duid_parse_hex(&d, text))
		check(&d);
	free(text);
	return 0;
}
