/* SPDX-License-Identifier: MIT */
/* Which link an operator's word means. */
#include <stdio.h>
#include <string.h>

#include "init/netconf_priv.h"

static bool is_named(const struct net_want *w)
{
	return w->link[0] && strcmp(w->link, "*") != 0;
}

bool netconf_link_matches(const struct net_conf *c, const char *word, const struct net_link_id *l)
{
	uint8_t mac[6];
	char enx[16];

	if (net_mac_parse(mac, word) == 0)
		return memcmp(mac, l->mac, 6) == 0;
	for (size_t i = 0; i < c->nnames; i++)
		if (strcmp(c->names[i].name, word) == 0)
			return memcmp(c->names[i].mac, l->mac, 6) == 0;
	snprintf(enx, sizeof(enx), "enx%02x%02x%02x%02x%02x%02x", l->mac[0], l->mac[1], l->mac[2],
		 l->mac[3], l->mac[4], l->mac[5]);
	if (l->alias[0] && strcmp(word, l->alias) == 0)
		return true;
	return strcmp(word, l->name) == 0 || strcmp(word, enx) == 0 ||
	       (l->path_name[0] && strcmp(word, l->path_name) == 0) ||
	       (l->slot_name[0] && strcmp(word, l->slot_name) == 0);
}

/* The link that a word means. A MAC is a card's own; what is made on the card has it too. */
static int find_link(const struct net_conf *c, const char *word, const struct net_link_id *links,
		     size_t n, bool taken_too)
{
	int found = NET_NO_LINK;

	for (size_t i = 0; i < n; i++) {
		if ((links[i].taken && !taken_too) || !netconf_link_matches(c, word, &links[i]))
			continue;
		if (!links[i].made)
			return (int)i;
		if (found == NET_NO_LINK)
			found = (int)i;
	}
	return found;
}

/* The link an unnamed static want takes; a second address of the other family shares it. */
static int pick_link(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		     const bool *named)
{
	for (size_t i = 0; i < nlinks; i++)
		if (c->has_bootif && !links[i].taken && memcmp(c->bootif, links[i].mac, 6) == 0)
			return (int)i;
	for (size_t i = 0; i < nlinks; i++)
		if (c->bootdev[0] && !links[i].taken &&
		    netconf_link_matches(c, c->bootdev, &links[i]))
			return (int)i;
	for (int made = 1; made >= 0; made--)
		for (size_t i = 0; i < nlinks; i++)
			if (links[i].carrier && !links[i].taken && !named[i] &&
			    links[i].made == (bool)made)
				return (int)i;
	return NET_NO_LINK;
}

void netconf_assign(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		    bool patient, int ret[NET_WANTS_MAX])
{
	bool named[NET_LINKS_MAX] = { false };
	size_t n = nlinks < NET_LINKS_MAX ? nlinks : NET_LINKS_MAX;

	for (size_t w = 0; w < c->nwants; w++) {
		ret[w] = is_named(&c->wants[w]) ? find_link(c, c->wants[w].link, links, n, false)
						: NET_NO_LINK;
		if (ret[w] >= 0)
			named[ret[w]] = true;
	}
	for (size_t w = 0; w < c->nwants; w++) {
		const struct net_want *want = &c->wants[w];

		if (ret[w] != NET_NO_LINK ||
		    (is_named(want) && (patient || netconf_layer(c, want->link))))
			continue;
		if (!is_named(want) && want->method != NET_STATIC)
			ret[w] = NET_ALL_LINKS;
		else
			ret[w] = pick_link(c, links, n, named);
		/* Two lost names are two links, a second address of one want is the same one. */
		if (is_named(want) && ret[w] >= 0) {
			named[ret[w]] = true;
			for (size_t k = w + 1; k < c->nwants; k++)
				if (strcmp(c->wants[k].link, want->link) == 0)
					ret[k] = ret[w];
		}
	}
}

size_t netconf_below(const struct net_conf *c, const struct net_layer *layer,
		     const struct net_link_id *links, size_t nlinks, bool patient,
		     int ret[NET_BELOW_MAX], unsigned *ret_missing)
{
	size_t count = 0, n = nlinks < NET_LINKS_MAX ? nlinks : NET_LINKS_MAX;

	*ret_missing = 0;
	for (size_t i = 0; i < layer->nbelow; i++) {
		/* What a VLAN is made on may be a port itself: then the VLAN is the port's. */
		int at = find_link(c, layer->below[i], links, n, true);

		if (at >= 0 && strcmp(links[at].name, layer->name) != 0)
			ret[count++] = at;
		else
			++*ret_missing;
	}
	for (size_t i = 0; i < n && !count && !patient; i++) {
		bool free = links[i].carrier && !links[i].made && !links[i].taken;

		for (size_t w = 0; w < c->nwants; w++)
			free = free && !(is_named(&c->wants[w]) &&
					 netconf_link_matches(c, c->wants[w].link, &links[i]));
		if (free)
			ret[count++] = (int)i;
	}
	return count;
}
