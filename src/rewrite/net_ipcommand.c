/* SPDX-License-Identifier: MIT */
/* Commands of ip(8) that files of a network stack hold, into the model. */
#include <string.h>

#include "rewrite/net_ini_priv.h"

/* The object and the verb may be shortened, as people do. */
static const char *const verbs_add[] = { "add", "a", "append", "replace", "change", NULL };
static const char *const routes[] = { "route", "r", "ro", NULL };
static const char *const rules[] = { "rule", "ru", NULL };
static const char *const addresses[] = { "addr", "address", "a", NULL };
static const char *const links[] = { "link", "l", NULL };
static const char *const broadcasts[] = { "brd", "broadcast", NULL };

static bool is_own(const struct net_link *l, const char *word)
{
	return strcmp(word, "$IFACE") == 0 || strcmp(word, l->name) == 0;
}

/* "ip addr add ADDRESS/LEN dev LINK", with "peer ADDRESS" and "brd +" */
static int take_address(struct net_link *l, const struct strlist *w, size_t at)
{
	const char *peer = NULL;
	bool own = false, known = true;
	char *prefix;
	size_t i;
	int rc;

	for (i = at + 1; i + 1 < w->count; i += 2) {
		const char *value = w->items[i + 1];

		if (strcmp(w->items[i], "dev") == 0)
			own = is_own(l, value);
		else if (strcmp(w->items[i], "peer") == 0 && net_is_address(value))
			peer = value;
		else
			known &= net_is_one_of(w->items[i], broadcasts) && strcmp(value, "+") == 0;
	}
	if (peer && (net_is_v6(peer) || l->peer4 || net_has_addresses(l, false)))
		known = false;
	prefix = own && known && i == w->count ? net_prefix_of(w->items[at], false) : NULL;
	if (!prefix || strcmp(w->items[at], "default") == 0) {
		free(prefix);
		return 0;
	}
	rc = strlist_add(&l->addresses, prefix);
	if (rc == 0 && peer)
		rc = (l->peer4 = strdup(peer)) ? 0 : -1;
	if (net_is_v6(prefix) ? l->v6 == NET_OFF : l->v4 == NET_OFF)
		*(net_is_v6(prefix) ? &l->v6 : &l->v4) = NET_STATIC;
	free(prefix);
	return rc < 0 ? -1 : 1;
}

/* "ip link set dev LINK mtu N", "address MAC", or "up": which every stack does anyway. */
static int take_link_set(struct net_link *l, const struct strlist *w, size_t at)
{
	size_t n = at;
	uint32_t mtu;
	char mac[18];

	if (n < w->count && strcmp(w->items[n], "dev") == 0)
		n++;
	if (n >= w->count || !is_own(l, w->items[n]))
		return 0;
	n++;
	if (w->count == n + 1 && strcmp(w->items[n], "up") == 0)
		return 1;
	if (w->count == n + 2 && strcmp(w->items[n], "mtu") == 0 &&
	    parse_u32(w->items[n + 1], &mtu) == 0) {
		l->mtu = mtu;
		return 1;
	}
	if (w->count == n + 2 && strcmp(w->items[n], "address") == 0 && !l->set_mac &&
	    net_mac_of(w->items[n + 1], mac))
		return (l->set_mac = strdup(mac)) ? 1 : -1;
	return 0;
}

int net_take_ip(struct net_link *l, const struct strlist *w)
{
	struct net_rule rule, *to;
	struct net_route route;
	bool v6 = false;
	size_t at = 1;
	int rc = 0;

	for (; at < w->count && w->items[at][0] == '-'; at++) {
		if (strcmp(w->items[at], "-6") == 0)
			v6 = true;
		else if (strcmp(w->items[at], "-4") != 0)
			return 0;
	}
	if (at + 2 >= w->count)
		return 0;
	if (net_is_one_of(w->items[at], links) && strcmp(w->items[at + 1], "set") == 0)
		return take_link_set(l, w, at + 2);
	if (!net_is_one_of(w->items[at + 1], verbs_add))
		return 0;
	if (net_is_one_of(w->items[at], addresses))
		return take_address(l, w, at + 2);
	if (net_is_one_of(w->items[at], routes) &&
	    net_parse_route(&route, w, at + 2, v6, l->name) > 0) {
		rc = net_take_route(l, &route) < 0 ? -1 : 1;
		net_route_done(&route);
	} else if (net_is_one_of(w->items[at], rules) && net_parse_rule(&rule, w, at + 2, v6) > 0) {
		to = net_rule_add(l);
		if (to)
			*to = rule;
		else
			net_rule_done(&rule);
		rc = to ? 1 : -1;
	}
	return rc;
}
