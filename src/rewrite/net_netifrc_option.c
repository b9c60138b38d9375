/* SPDX-License-Identifier: MIT */
/* What netifrc's variables of one link mean (net.example; net/iproute2.sh, bonding.sh, bridge.sh, system.sh). */
#include <ctype.h>
#include <string.h>

#include "rewrite/net_netifrc_priv.h"

struct link_vars {
	struct net_link *l;
	const struct shell_script *f;
	const char *var;
	bool failed; /* no memory */
};

static const struct shell_setting *find(const struct link_vars *p, const char *stem)
{
	char name[3 * NETIFRC_VAR_MAX];
	const struct shell_setting *v;

	snprintf(name, sizeof(name), "%s_%s", stem, p->var);
	v = shell_script_find(p->f, name);
	return v && !v->needs_shell ? v : NULL;
}

static const char *value(const struct link_vars *p, const char *stem)
{
	const struct shell_setting *v = find(p, stem);

	return v && v->words.count && *v->words.items[0] ? v->words.items[0] : NULL;
}

static void extra(struct link_vars *p, const char *stem, const char *text)
{
	p->failed |= strlist_addf(&p->l->extra, "%s=%s", stem, text) < 0;
}

/* The lines of a variable; old files have bash arrays (init.d/net.lo, _get_array). */
static void split_lines(struct link_vars *p, const char *stem, struct strlist *ret)
{
	const struct shell_setting *v = find(p, stem);
	size_t i;

	for (i = 0; v && i < v->words.count; i++)
		p->failed |= strlist_split(ret, v->words.items[i], "\n") < 0;
}

/* ---- config_ --------------------------------------------------------------------------------------------------- */

static void raise(enum net_method *to, enum net_method method)
{
	if (*to == NET_OFF || method == NET_DHCP)
		*to = method;
}

/* "192.0.2.5 netmask 255.255.255.0 brd +", "192.0.2.5/32 peer 192.0.2.1" (_add_address) */
static void take_address(struct link_vars *p, const struct strlist *words, const char *line)
{
	const char *address = words->items[0], *peer = NULL;
	bool known = true, v6 = net_is_v6(address);
	char joined[80];
	int len;
	size_t i;

	snprintf(joined, sizeof(joined), "%s", address);
	for (i = 1; i + 1 < words->count; i += 2) {
		const char *word = words->items[i], *of = words->items[i + 1];

		if (strcmp(word, "netmask") == 0 && (len = net_mask_length(of)) >= 0)
			snprintf(joined, sizeof(joined), "%.50s/%d", address, len);
		else if ((strcmp(word, "peer") == 0 || strcmp(word, "pointopoint") == 0) && !v6 &&
			 net_is_address(of) && !net_is_v6(of))
			peer = of;
		else
			known &= strcmp(word, "brd") == 0 || strcmp(word, "broadcast") == 0;
	}
	if (i != words->count || !known)
		extra(p, "config", line);
	if (peer && !p->l->peer4 && !net_has_addresses(p->l, false))
		p->failed |= !(p->l->peer4 = strdup(peer));
	else if (peer)
		extra(p, "config", line);
	if (net_take_prefix(p->l, joined, &p->failed))
		raise(v6 ? &p->l->v6 : &p->l->v4, NET_STATIC);
	else
		extra(p, "config", line);
}

static void take_config(struct link_vars *p, const char *line)
{
	static const char *const dhcp[] = { "dhcp", "dhcpcd", "dhclient", "udhcpc", "pump", NULL };
	static const char *const dhcp6[] = { "dhcpv6", "dhclientv6", NULL };
	static const char *const nothing[] = { "null", "noop", NULL };
	struct strlist words cleanup_strlist = STRLIST_INIT;

	p->failed |= strlist_split(&words, line, " \t") < 0;
	if (!words.count || net_is_one_of(words.items[0], nothing))
		return;
	if (net_is_one_of(words.items[0], dhcp))
		raise(&p->l->v4, NET_DHCP);
	else if (net_is_one_of(words.items[0], dhcp6))
		raise(&p->l->v6, NET_DHCP);
	else if (isdigit((unsigned char)words.items[0][0]) || net_is_v6(words.items[0]))
		take_address(p, &words, line);
	else
		extra(p, "config", line);
}

/* One line may hold several addresses when they have no more words (_load_config). */
static void take_configs(struct link_vars *p)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT, words cleanup_strlist = STRLIST_INIT;
	const struct strlist *items = &lines;
	const char *ra = value(p, NETIFRC_RA);
	size_t i;

	split_lines(p, "config", &lines);
	if (lines.count == 1) {
		p->failed |= strlist_split(&words, lines.items[0], " \t") < 0;
		if (words.count > 1 && strpbrk(words.items[1], ".:"))
			items = &words;
	}
	for (i = 0; i < items->count; i++)
		take_config(p, items->items[i]);
	/* nothing at all: "config_eth0 not specified; defaulting to DHCP" */
	if (!lines.count)
		p->l->v4 = NET_DHCP;
	/* the kernel listens to routers where nobody tells it not to */
	if (p->l->v6 != NET_DHCP && (!ra || strcmp(ra, "0") != 0))
		p->l->v6 = NET_AUTO;
}

/* ---- routes_, rules_ --------------------------------------------------------------------------------------------- */

/* The words of "ip route" in a line of route(8)'s kind: "-net 10.0.0.0 netmask 255.0.0.0 gw 192.0.2.1" (_add_route) */
static int parse_route(struct link_vars *p, struct net_route *ret, const struct strlist *w)
{
	bool v6 = strcmp(w->items[0], "-6") == 0;
	size_t from = v6 || strcmp(w->items[0], "-4") == 0, i;

	for (i = from; i < w->count; i++)
		if (strcmp(w->items[i], "netmask") == 0 || strcmp(w->items[i], "gw") == 0 ||
		    strcmp(w->items[i], "-net") == 0 || strcmp(w->items[i], "-host") == 0)
			return net_parse_old_route(ret, w, from, p->l->name);
	return net_parse_route(ret, w, from, v6, p->l->name);
}

static void take_routes(struct link_vars *p)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	const char *text = value(p, "metric");
	uint32_t metric = 0;
	size_t i;

	if (text && parse_u32(text, &metric) < 0)
		extra(p, "metric", text);
	split_lines(p, "routes", &lines);
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		struct net_route r;

		p->failed |= strlist_split(&words, lines.items[i], " \t") < 0;
		if (!words.count)
			continue;
		if (parse_route(p, &r, &words) <= 0) {
			extra(p, "routes", lines.items[i]);
			continue;
		}
		/* without one, netifrc takes the card's number: as good as none */
		if (!r.metric)
			r.metric = metric;
		p->failed |= net_take_route(p->l, &r) < 0;
		net_route_done(&r);
	}
}

static void take_rules(struct link_vars *p, const char *stem, bool v6)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	split_lines(p, stem, &lines);
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		struct net_rule rule, *to;

		p->failed |= strlist_split(&words, lines.items[i], " \t") < 0;
		if (!words.count)
			continue;
		if (net_parse_rule(&rule, &words, 0, v6) <= 0) {
			extra(p, stem, lines.items[i]);
			continue;
		}
		to = net_rule_add(p->l);
		if (to)
			*to = rule;
		else
			net_rule_done(&rule);
		p->failed |= !to;
	}
}

/* ---- bonds, bridges ---------------------------------------------------------------------------------------------- */

/* "setfd 4", "stp off": times in seconds (brctl(8)). */
static void take_brctl(struct link_vars *p)
{
	static const char *const known[][2] = { { "setfd", "forward_delay" },
						{ "sethello", "hello_time" },
						{ "setmaxage", "max_age" },
						{ "setageing", "ageing_time" },
						{ "setbridgeprio", "priority" } };
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i, k;

	split_lines(p, "brctl", &lines);
	for (i = 0; i < lines.count; i++) {
		struct strlist w cleanup_strlist = STRLIST_INIT;

		p->failed |= strlist_split(&w, lines.items[i], " \t") < 0;
		if (w.count == 2 && strcmp(w.items[0], "stp") == 0 && net_bool(w.items[1]) >= 0) {
			p->failed |= strlist_add(&p->l->options,
						 net_bool(w.items[1]) ? "stp=yes" : "stp=no") < 0;
			continue;
		}
		for (k = 0; w.count == 2 && k < ARRAY_SIZE(known); k++)
			if (strcmp(w.items[0], known[k][0]) == 0)
				break;
		if (w.count != 2 || k == ARRAY_SIZE(known))
			extra(p, "brctl", lines.items[i]);
		else
			p->failed |= strlist_addf(&p->l->options, "%s=%s", known[k][1],
						  w.items[1]) < 0;
	}
}

/* "26.0.0.0 +26.0.0.1": targets are added one by one. */
static void add_bond_option(struct link_vars *p, const char *name, const char *text)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	p->failed |= strlist_split(&words, text, " \t\n") < 0;
	for (i = 0; i < words.count; i++)
		strbuf_addf(&b, "%s%s", i ? "," : "", words.items[i] + (*words.items[i] == '+'));
	p->failed |= b.failed || strlist_addf(&p->l->options, "%s=%s", name, strbuf_str(&b)) < 0;
}

/* STEM_LINK of a bond or bridge, named as in its folder of /sys. 1: taken; 0: not */
static int take_option(struct link_vars *p, const char *stem, const char *text)
{
	bool prefixed = str_starts(stem, "bridge_");
	int rc = 0;

	if (p->l->kind == NET_BOND &&
	    (strcmp(stem, "primary") == 0 || net_option_find(NET_BOND, stem, strlen(stem)))) {
		add_bond_option(p, stem, text);
		return 1;
	}
	if (p->l->kind == NET_BRIDGE)
		rc = net_take_bridge_option(p->l, BRIDGE_SYSFS, stem + (prefixed ? 7 : 0), text);
	p->failed |= rc < 0;
	return rc;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */

static void take_words(struct link_vars *p, const char *stem, struct strlist *to)
{
	const char *text = value(p, stem);

	if (text)
		p->failed |= strlist_split(to, text, " \t\n") < 0;
}

static void take_link(struct link_vars *p)
{
	const char *mtu = value(p, "mtu"), *address = value(p, "mac");
	char mac[18];
	uint32_t n;

	if (mtu && parse_u32(mtu, &n) == 0)
		p->l->mtu = n;
	else if (mtu)
		extra(p, "mtu", mtu);
	if (address && net_mac_of(address, mac))
		p->failed |= !p->l->set_mac && !(p->l->set_mac = strdup(mac));
	else if (address)
		extra(p, "mac", address);
}

/* Variables of the link that were not taken yet: options, or words the model does not have. */
static void take_rest(struct link_vars *p)
{
	static const char *const known[] = { "config",	   "routes",	      "rules",
					     "rules6",	   "metric",	      "mtu",
					     "mac",	   "dns_servers",     "dns_search",
					     "dns_domain", "slaves",	      "bridge",
					     "vlans",	   "brctl",	      NETIFRC_RA,
					     "modules",	   "dhcpcd",	      "dhcp",
					     "dhclient",   "udhcpc",	      "dhcpv6",
					     "dhclientv6", "carrier_timeout", "dad_timeout",
					     "vlan_start", "bridge_add",      "presence_timeout",
					     NULL };
	size_t i, k, tail = strlen(p->var);

	for (i = 0; i < p->f->count; i++) {
		const struct shell_setting *v = &p->f->settings[i];
		size_t len = strlen(v->name);
		char stem[NETIFRC_VAR_MAX];

		if (len < tail + 2 || len - tail - 1 >= sizeof(stem) ||
		    v->name[len - tail - 1] != '_' || strcmp(v->name + len - tail, p->var) != 0)
			continue;
		snprintf(stem, sizeof(stem), "%.*s", (int)(len - tail - 1), v->name);
		if (net_is_one_of(stem, known) && !v->needs_shell)
			continue;
		if (!v->needs_shell && v->words.count == 1 && *v->words.items[0] &&
		    take_option(p, stem, v->words.items[0]))
			continue;
		for (k = 0; k < v->words.count; k++)
			if (*v->words.items[k])
				extra(p, stem, v->words.items[k]);
	}
}

int netifrc_read_options(struct net_link *l, const struct shell_script *f, const char *var)
{
	struct link_vars p = { .l = l, .f = f, .var = var };

	take_configs(&p);
	take_routes(&p);
	take_rules(&p, "rules", false);
	take_rules(&p, "rules6", true);
	take_words(&p, "dns_servers", &l->dns);
	take_words(&p, "dns_search", &l->search);
	if (!l->search.count)
		take_words(&p, "dns_domain", &l->search);
	take_link(&p);
	take_brctl(&p);
	take_rest(&p);
	/* netifrc hands "onlink" to ip(8); without it such a gateway would need a route of its own */
	for (unsigned i = 0; i < 2; i++) {
		const char *gateway = i ? l->gateway6 : l->gateway4;
		bool *onlink = i ? &l->is_onlink6 : &l->is_onlink4;

		*onlink |= gateway && net_needs_onlink(l, gateway);
	}
	return p.failed ? -1 : 0;
}
