/* SPDX-License-Identifier: MIT */
/* route-NAME, route6-NAME, rule-NAME and rule6-NAME: ifup-routes of initscripts. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_ifcfg_priv.h"

/* Taken whole, or not at all: then it is extra. A gateway that ifcfg names as well is no second route. */
static int take_route(struct net_link *l, const struct net_route *route)
{
	const char *gateway = net_is_v6(route->to) ? l->gateway6 : l->gateway4;

	if (gateway && route->via && str_ends(route->to, "/0") &&
	    strcmp(gateway, route->via) == 0 && !route->metric && !route->table && !route->mtu &&
	    !route->src && !route->type)
		return 0;
	return net_take_route(l, route);
}

/* "10.0.0.0/8 type blackhole" of NetworkManager is "blackhole 10.0.0.0/8" of ip-route(8). */
static void move_type(struct strlist *words)
{
	size_t i;

	for (i = 1; i + 1 < words->count; i++) {
		char *type = words->items[i + 1];

		if (strcmp(words->items[i], "type") != 0)
			continue;
		free(words->items[i]);
		memmove(&words->items[1], &words->items[0], i * sizeof(*words->items));
		memmove(&words->items[i + 1], &words->items[i + 2],
			(words->count - i - 2) * sizeof(*words->items));
		words->items[0] = type;
		words->count--;
		return;
	}
}

static int take_line(struct net_link *l, const char *line, bool v6)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct net_route route;
	int rc;

	if (strlist_split(&words, line, " \t") < 0)
		return -1;
	move_type(&words);
	if (net_parse_route(&route, &words, 0, v6, l->name) <= 0)
		return strlist_addf(&l->extra, "route %s", line);
	rc = net_is_v6(route.to) == v6 ? take_route(l, &route)
				       : strlist_addf(&l->extra, "route %s", line);
	net_route_done(&route);
	return rc;
}

/* ---- ADDRESSn, NETMASKn, GATEWAYn ------------------------------------------------------------------------------- */

/* One such line makes the whole file one of assignments. */
static bool has_keys(const struct strlist *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++) {
		const char *s = lines->items[i] + strspn(lines->items[i], " \t");
		size_t len;

		if (!str_starts(s, "ADDRESS"))
			continue;
		s += strlen("ADDRESS");
		len = strspn(s, "0123456789");
		if (len && s[len] == '=')
			return true;
	}
	return false;
}

/* 1: taken; 0: there is none of that number; -1: no memory */
static int take_numbered(struct net_link *l, struct sysconfig *s, unsigned n)
{
	char suffix[12];
	const char *address, *mask, *gateway, *metric;
	struct net_route r = { 0 };
	char *to cleanup_free = NULL;
	int len, rc;

	snprintf(suffix, sizeof(suffix), "%u", n);
	address = sysconfig_get_n(s, "ADDRESS", suffix);
	mask = sysconfig_get_n(s, "NETMASK", suffix);
	gateway = sysconfig_get_n(s, "GATEWAY", suffix);
	metric = sysconfig_get_n(s, "METRIC", suffix);
	if (!address)
		return 0;
	len = mask ? net_mask_length(mask) : 32;
	if (net_is_v6(address) || !net_is_address(address) || len < 0 || len > 32 ||
	    (gateway && (net_is_v6(gateway) || !net_is_address(gateway))) ||
	    (metric && parse_u32(metric, &r.metric) < 0))
		return strlist_addf(&l->extra, "ADDRESS%u=%s", n, address) < 0 ? -1 : 1;
	if (asprintf(&to, "%s/%d", address, len) < 0) {
		to = NULL;
		return -1;
	}
	r.to = to;
	r.via = (char *)(gateway && strcmp(gateway, "0.0.0.0") != 0 ? gateway : NULL);
	rc = take_route(l, &r);
	return rc < 0 ? -1 : 1;
}

static int take_file_of_keys(struct ifcfg_reader *r, struct net_link *l, const char *path)
{
	struct sysconfig s;
	unsigned n;
	int rc;

	/* the files' list has it by now */
	net_list_drop(&r->base.m->files, path);
	rc = sysconfig_load(&s, &r->base, path);
	for (n = 0; rc > 0 && n < NET_ROUTES_MAX; n++)
		rc = take_numbered(l, &s, n);
	if (rc >= 0)
		rc = sysconfig_rest(&s, &l->extra);
	sysconfig_done(&s);
	return rc < 0 ? sysconfig_nomem(&r->base) : 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static int read_file(struct ifcfg_reader *r, struct net_link *l, const char *path, bool is_rule,
		     bool v6)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	int rc = sysconfig_lines(&lines, &r->base, path);
	size_t i;

	if (rc <= 0)
		return rc;
	if (!is_rule && has_keys(&lines))
		return take_file_of_keys(r, l, path);
	for (i = 0; i < lines.count; i++)
		if ((is_rule ? sysconfig_take_rule(l, lines.items[i], v6, "rule")
			     : take_line(l, lines.items[i], v6)) < 0)
			return sysconfig_nomem(&r->base);
	return 0;
}

int ifcfg_read_routes(struct ifcfg_reader *r, struct net_link *l, const char *name)
{
	static const char *const prefixes[] = { "route-", "route6-", "rule-", "rule6-" };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(path, sizeof(path), IFCFG_DIR "/%s%.200s", prefixes[i], name);
		if (read_file(r, l, path, i >= 2, i % 2) < 0)
			return -1;
	}
	return 0;
}
