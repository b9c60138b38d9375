/* SPDX-License-Identifier: MIT */
/* The kernel command line: words, options, keys, ip= and the assignment of links. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/cmdline.h"
#include "init/netconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_layer(const struct net_conf *c, const struct net_layer *l,
		      const struct net_link_id *links, bool patient)
{
	int below[NET_BELOW_MAX];
	unsigned missing;
	size_t n = netconf_below(c, l, links, 2, patient, below, &missing);

	if (!l->name[0] || strlen(l->name) >= IFNAMSIZ || !l->nbelow || n > NET_BELOW_MAX ||
	    (l->kind == NET_VLAN && (l->vid < 1 || l->vid > 4094 || l->nbelow != 1)))
		abort();
	for (size_t i = 0; i < n; i++)
		if (below[i] < 0 || below[i] > 1)
			abort();
}

static void try_net(const struct strlist *words)
{
	struct net_link_id links[2] = { { .name = "eth0", .mac = { 2, 0, 0, 0, 0, 1 } },
					{ .name = "eth1", .mac = { 2, 0, 0, 0, 0, 2 } } };
	struct net_conf c;
	int at[NET_WANTS_MAX];

	links[1].carrier = true;
	if (netconf_parse(&c, words) < 0)
		abort();
	for (size_t i = 0; i < c.nwants; i++) {
		const struct net_want *w = &c.wants[i];

		if (w->method == NET_STATIC &&
		    (!w->address.family || w->prefix > net_ip_bits(w->address.family)))
			abort();
	}
	for (int patient = 0; patient < 2; patient++) {
		netconf_assign(&c, links, 2, patient, at);
		for (size_t i = 0; i < c.nwants; i++)
			if (at[i] < NET_ALL_LINKS || at[i] > 1)
				abort();
		for (size_t i = 0; i < c.nlayers; i++)
			try_layer(&c, &c.layers[i], links, patient);
	}
	netconf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strlist words = STRLIST_INIT;
	struct strbuf options = STRBUF_INIT, keys = STRBUF_INIT;
	unsigned skipped;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	if (cmdline_split(&words, text) < 0 || cmdline_options(&options, &words, text) < 0 ||
	    cmdline_keys(&keys, &words, "rehost.key", text, &skipped) < 0)
		abort();
	/* Nothing that ends up in a file of lines may bring lines of its own. */
	for (size_t i = 0; i < words.count; i++)
		if (strchr(words.items[i], '\n'))
			abort();
	try_net(&words);
	strbuf_done(&options);
	strbuf_done(&keys);
	strlist_done(&words);
	free(text);
	return 0;
}
