/* SPDX-License-Identifier: MIT */
/* SUSE's routes and rules: ifroute(5), ifrule(5). */
#include <limits.h>
#include <string.h>

#include "rewrite/net_wicked_priv.h"

/* A dash stands for nothing, as does a column that is not there. */
static const char *column(const struct strlist *words, size_t n)
{
	return n < words->count && strcmp(words->items[n], "-") != 0 ? words->items[n] : NULL;
}

/* The columns as words of ip-route(8): TO [via GATEWAY] OPTIONS, a type first. False: not understood. */
static bool reorder(const struct strlist *in, struct strlist *out, bool *failed)
{
	static const char *const types[] = { "blackhole", "unreachable", "prohibit", "unicast" };
	const char *to = column(in, 0), *gateway = column(in, 1), *mask = column(in, 2);
	const char *type = NULL;
	int len = mask ? net_mask_length(mask) : -1;
	size_t i, n;

	for (i = 4; i < in->count; i++) {
		for (n = 0; n < ARRAY_SIZE(types); n++)
			if (strcmp(in->items[i], types[n]) == 0)
				type = types[n];
	}
	/* "0.0.0.0" of old files is no gateway; a default route is of the gateway's family */
	if (gateway && (strcmp(gateway, "0.0.0.0") == 0 || strcmp(gateway, "::") == 0))
		gateway = NULL;
	if (!to || (!gateway && strcmp(to, "default") == 0) ||
	    (gateway && !net_is_address(gateway)))
		return false;
	*failed |= type && strlist_add(out, type) < 0;
	if (len >= 0 && !strchr(to, '/') && strcmp(to, "default") != 0)
		*failed |= strlist_addf(out, "%s/%d", to, len) < 0;
	else
		*failed |= strlist_add(out, to) < 0;
	if (gateway && !type)
		*failed |= strlist_add(out, "via") < 0 || strlist_add(out, gateway) < 0;
	for (i = 4; i < in->count; i++) {
		const char *word = in->items[i];

		if ((type && strcmp(word, type) == 0) || strcmp(word, "type") == 0)
			continue;
		*failed |= strlist_add(out, strcmp(word, "priority") == 0 ? "metric" : word) < 0;
	}
	return true;
}

static bool reaches(const struct net_link *l, const char *gateway)
{
	if (l->peer4 && strcmp(l->peer4, gateway) == 0)
		return true;
	return !(net_is_v6(gateway) && (strncasecmp(gateway, "fe80:", 5) == 0)) &&
	       net_has_addresses(l, net_is_v6(gateway)) && !net_needs_onlink(l, gateway);
}

/* Whether a link has a route of its own to that gateway. */
static bool has_way(const struct net_link *l, const char *gateway)
{
	size_t len = strlen(gateway);
	unsigned i;

	for (i = 0; i < l->route_count; i++)
		if (!l->routes[i].via && strncmp(l->routes[i].to, gateway, len) == 0 &&
		    l->routes[i].to[len] == '/')
			return true;
	return false;
}

/* The link a line of the file routes is for: the named one, else the first that reaches the gateway. */
static struct net_link *link_for(struct net_model *m, const struct strlist *words)
{
	const char *device = column(words, 3), *gateway = column(words, 1);
	unsigned i;

	if (device)
		return (struct net_link *)net_find(m, device);
	for (i = 0; gateway && net_is_address(gateway) && i < m->link_count; i++)
		if (reaches(&m->links[i], gateway) || has_way(&m->links[i], gateway))
			return &m->links[i];
	return NULL;
}

static int take_route(struct net_link *l, const struct net_route *r, const char *line)
{
	const char *gateway = net_is_v6(r->to) ? l->gateway6 : l->gateway4;

	/* ifroute-NAME comes first, and a second route to the same place is passed over */
	if (gateway && r->via && str_ends(r->to, "/0") && !r->metric && !r->table)
		return strcmp(gateway, r->via) == 0 ? 0 : strlist_addf(&l->extra, "route %s", line);
	return net_take_route(l, r);
}

static int take_line(struct sysconfig_reader *r, struct net_link *l, const char *path,
		     const char *line)
{
	struct strlist words cleanup_strlist = STRLIST_INIT, ordered cleanup_strlist = STRLIST_INIT;
	struct net_route route;
	bool failed = false;
	int rc;

	if (strlist_split(&words, line, " \t") < 0)
		return sysconfig_nomem(r);
	if (!l && column(&words, 3) && strcmp(column(&words, 3), "lo") == 0)
		return 0;
	if (!l)
		l = link_for(r->m, &words);
	if (!l)
		return strlist_addf(&r->m->notes, "%s: \"%.100s\" is for no link that is known",
				    path, line) < 0
			       ? sysconfig_nomem(r)
			       : 0;
	if (!reorder(&words, &ordered, &failed) ||
	    net_parse_route(&route, &ordered, 0, false, l->name) <= 0) {
		if (failed || strlist_addf(&l->extra, "route %s", line) < 0)
			return sysconfig_nomem(r);
		return 0;
	}
	rc = take_route(l, &route, line);
	net_route_done(&route);
	return rc < 0 || failed ? sysconfig_nomem(r) : 0;
}

int wicked_read_routes(struct sysconfig_reader *r, struct net_link *l)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (l)
		snprintf(path, sizeof(path), WICKED_DIR "/ifroute-%.64s", l->name);
	else
		snprintf(path, sizeof(path), WICKED_DIR "/routes");
	if (sysconfig_lines(&lines, r, path) < 0)
		return -1;
	for (i = 0; i < lines.count; i++)
		if (take_line(r, l, path, lines.items[i]) < 0)
			return -1;
	return 0;
}

int wicked_read_rules(struct sysconfig_reader *r, struct net_link *l)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), WICKED_DIR "/ifrule-%.64s", l->name);
	if (sysconfig_lines(&lines, r, path) < 0)
		return -1;
	for (i = 0; i < lines.count; i++) {
		const char *s = lines.items[i] + strspn(lines.items[i], " \t");
		bool v6 = str_starts(s, "ipv6 ");

		if (v6 || str_starts(s, "ipv4 "))
			s += strlen("ipv4 ");
		if (sysconfig_take_rule(l, s, v6, "rule") < 0)
			return sysconfig_nomem(r);
	}
	return 0;
}
