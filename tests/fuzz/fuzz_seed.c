/* SPDX-License-Identifier: MIT */
/* Seeds: labels, YAML, JSON, three network formats and keys. The first byte chooses the kind and the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/netconf.h"
#include "init/seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct seed *s)
{
	struct net_conf c;

	if (s->words.count > SEED_WORDS_MAX || s->keys.count > SEED_KEYS_MAX)
		abort();
	for (size_t i = 0; i < s->words.count; i++)
		for (const char *p = s->words.items[i]; *p; p++)
			if (*p <= 0x20 || *p >= 0x7f)
				abort();
	for (size_t i = 0; i < s->keys.count; i++)
		if (strpbrk(s->keys.items[i], "\r\n"))
			abort();
	if (netconf_parse(&c, &s->words) < 0)
		abort();
	netconf_done(&c);
	seed_done(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seed s = { 0 };
	const char *type;
	char *text;

	seed_probe(data, size, &type);
	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (seed_parse(&s, data[0] & 1 ? SEED_NOCLOUD : SEED_OPENSTACK, data[0] & 2 ? text : NULL,
		       data[0] & 4 ? text : NULL, data[0] & 8 ? text : NULL) < 0)
		abort();
	check(&s);
	free(text);
	return 0;
}
