/* SPDX-License-Identifier: MIT */
/* What one option of an iface stanza means. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "rewrite/net_ifupdown.h"

/* Prefix length of a netmask given as dotted quad or number; -1: neither. */
static int mask_length(const char *mask)
{
	struct in_addr a;
	uint32_t bits, v;

	if (parse_u32(mask, &bits) == 0)
		return bits <= 128 ? (int)bits : -1;
	if (inet_pton(AF_INET, mask, &a) != 1)
		return -1;
	v = ntohl(a.s_addr);
	/* ones first, then zeros only */
	if (~v & (~v + 1))
		return -1;
	return __builtin_popcount(v);
}

static const char *option(const struct stanza *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->option_count; i++)
		if (strcmp(s->options[i].name, name) == 0)
			return s->options[i].value;
	return NULL;
}

static int add_address(struct net_link *l, const struct stanza *s, const char *address, bool v6)
{
	const char *mask = option(s, "netmask");
	int plen = mask ? mask_length(mask) : v6 ? 64 : -1;

	if (strchr(address, '/') || plen < 0)
		return strlist_add(&l->addresses, address);
	return strlist_addf(&l->addresses, "%s/%d", address, plen);
}

static int set_text(char **to, const char *value, size_t len)
{
	if (*to)
		return 0; /* a second stanza of the link: the first gateway is the one that counts */
	*to = strndup(value, len);
	return *to ? 0 : -1;
}

/* "gateway" with a "metric" beside it is a route like others. */
static int add_gateway(struct net_link *l, const struct stanza *s, const char *value, bool v6)
{
	struct net_route r = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"), .via = (char *)value };
	const char *metric = option(s, "metric");

	if (metric && parse_u32(metric, &r.metric) == 0 && r.metric)
		return net_take_route(l, &r);
	return set_text(v6 ? &l->gateway6 : &l->gateway4, value, strlen(value));
}

/* ---- commands ---------------------------------------------------------------------------------------------- */

/* The words of a command without "|| true"; false: it is more than one plain command. */
static bool split_command(const char *text, struct strlist *words)
{
	static const char *const ends[] = { "|| true", "|| :", "2>/dev/null", ">/dev/null" };
	char *s cleanup_free = strdup(text);
	size_t i, len;
	bool cut = true;

	while (s && cut) {
		cut = false;
		len = strlen(s);
		while (len && isspace((unsigned char)s[len - 1]))
			s[--len] = '\0';
		for (i = 0; i < ARRAY_SIZE(ends); i++)
			if (str_ends(s, ends[i])) {
				s[len - strlen(ends[i])] = '\0';
				cut = true;
				break;
			}
	}
	return s && !strpbrk(s, ";&|<>`()\\'*?#") && strlist_split(words, s, " \t") == 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "ip -6 route add": the object and the verb may be shortened, as people do. */
static bool is_word(const char *word, const char *const *forms)
{
	for (; *forms; forms++)
		if (strcmp(word, *forms) == 0)
			return true;
	return false;
}

static const char *const verbs_add[] = { "add", "a", "append", "replace", "change", NULL };
static const char *const routes[] = { "route", "r", "ro", NULL };
static const char *const rules[] = { "rule", "ru", NULL };
static const char *const addresses[] = { "addr", "address", "a", NULL };
static const char *const links[] = { "link", "l", NULL };

/* "ip addr add ADDRESS/LEN dev LINK" */
static int take_address(struct net_link *l, const struct strlist *w, size_t at)
{
	bool own = w->count == at + 3 && strcmp(w->items[at + 1], "dev") == 0 &&
		   (strcmp(w->items[at + 2], "$IFACE") == 0 ||
		    strcmp(w->items[at + 2], l->name) == 0);
	char *prefix = own ? net_prefix_of(w->items[at], false) : NULL;
	int rc;

	if (!prefix || strcmp(w->items[at], "default") == 0) {
		free(prefix);
		return 0;
	}
	rc = strlist_add(&l->addresses, prefix);
	if (net_is_v6(prefix) ? l->v6 == NET_OFF : l->v4 == NET_OFF)
		*(net_is_v6(prefix) ? &l->v6 : &l->v4) = NET_STATIC;
	free(prefix);
	return rc < 0 ? -1 : 1;
}

/* "ip link set dev LINK mtu N", or "up": which ifup does anyway. */
static int take_link_set(struct net_link *l, const struct strlist *w, size_t at)
{
	size_t n = at;
	uint32_t mtu;

	if (n < w->count && strcmp(w->items[n], "dev") == 0)
		n++;
	if (n >= w->count || (strcmp(w->items[n], "$IFACE") != 0 && strcmp(w->items[n], l->name)))
		return 0;
	n++;
	if (w->count == n + 1 && strcmp(w->items[n], "up") == 0)
		return 1;
	if (w->count == n + 2 && strcmp(w->items[n], "mtu") == 0 &&
	    parse_u32(w->items[n + 1], &mtu) == 0) {
		l->mtu = mtu;
		return 1;
	}
	return 0;
}

static int take_ip(struct net_link *l, const struct strlist *w)
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
	if (is_word(w->items[at], links) && strcmp(w->items[at + 1], "set") == 0)
		return take_link_set(l, w, at + 2);
	if (!is_word(w->items[at + 1], verbs_add))
		return 0;
	if (is_word(w->items[at], addresses))
		return take_address(l, w, at + 2);
	if (is_word(w->items[at], routes) && net_parse_route(&route, w, at + 2, v6, l->name) > 0) {
		rc = net_take_route(l, &route) < 0 ? -1 : 1;
		net_route_done(&route);
	} else if (is_word(w->items[at], rules) && net_parse_rule(&rule, w, at + 2, v6) > 0) {
		to = net_rule_add(l);
		if (to)
			*to = rule;
		else
			net_rule_done(&rule);
		rc = to ? 1 : -1;
	}
	return rc;
}

/* 1: the command is in the model now; 0: it is not understood whole; -1: no memory */
static int take_up(struct net_link *l, const char *command)
{
	struct strlist w cleanup_strlist = STRLIST_INIT;
	struct net_route route;
	int rc;

	if (strcmp(command, IFUPDOWN_NO_RA) == 0)
		return 1;
	if (strcmp(command, IFUPDOWN_RA) == 0) {
		l->v6 = l->v6 == NET_DHCP ? NET_DHCP : NET_AUTO;
		return 1;
	}
	if (!split_command(command, &w) || w.count < 3)
		return 0;
	if (strcmp(base_name(w.items[0]), "ip") == 0)
		return take_ip(l, &w);
	if (strcmp(base_name(w.items[0]), "route") != 0 || strcmp(w.items[1], "add") != 0 ||
	    net_parse_old_route(&route, &w, 2, l->name) <= 0)
		return 0;
	rc = net_take_route(l, &route) < 0 ? -1 : 1;
	net_route_done(&route);
	return rc;
}

/* What takes back what an "up" line has made. */
static bool is_undoing(const char *command)
{
	struct strlist w cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!split_command(command, &w) || w.count < 3 ||
	    (strcmp(base_name(w.items[0]), "ip") != 0 &&
	     strcmp(base_name(w.items[0]), "route") != 0))
		return false;
	for (i = 1; i < w.count && i < 4; i++)
		if (strcmp(w.items[i], "del") == 0 || strcmp(w.items[i], "delete") == 0)
			return true;
	return false;
}

/* ---- bonds, bridges, VLANs --------------------------------------------------------------------------------- */

static int add_ports(struct net_link *l, enum net_kind kind, const char *value)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	l->kind = kind;
	if (strlist_split(&words, value, " \t") < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		if (strcmp(words.items[i], "none") == 0)
			continue;
		if (strcmp(words.items[i], "all") == 0 || strcmp(words.items[i], "regex") == 0)
			return strlist_addf(&l->extra, "bridge_ports %s", value);
		if (!strlist_has(&l->ports, words.items[i]) &&
		    strlist_add(&l->ports, words.items[i]) < 0)
			return -1;
	}
	return 0;
}

/* Old files give some values of a bond by number (Documentation/networking/bonding.rst). */
static const char *bond_word(const char *key, const char *value)
{
	static const char *const modes[] = { "balance-rr", "active-backup", "balance-xor",
					     "broadcast",  "802.3ad",	    "balance-tlb",
					     "balance-alb" };
	uint32_t n;

	if (parse_u32(value, &n) < 0)
		return value;
	if (strcmp(key, "mode") == 0 && n < ARRAY_SIZE(modes))
		return modes[n];
	if (strcmp(key, "lacp_rate") == 0 && n < 2)
		return n ? "fast" : "slow";
	return value;
}

static int add_bond_option(struct net_link *l, const char *name, const char *value)
{
	char key[64];
	size_t i;

	if (strcmp(name, "slaves") == 0 || strcmp(name, "members") == 0)
		return add_ports(l, NET_BOND, value);
	l->kind = NET_BOND;
	snprintf(key, sizeof(key), "%s", name);
	for (i = 0; key[i]; i++)
		if (key[i] == '-')
			key[i] = '_';
	return strlist_addf(&l->options, "%s=%s", key, bond_word(key, value));
}

static int add_bridge_option(struct net_link *l, const struct iface_option *o, const char *name)
{
	static const char *const known[][2] = {
		{ "fd", "forward_delay" },   { "hello", "hello_time" },	   { "maxage", "max_age" },
		{ "ageing", "ageing_time" }, { "bridgeprio", "priority" },
	};
	size_t i;

	if (strcmp(name, "ports") == 0)
		return add_ports(l, NET_BRIDGE, o->value);
	l->kind = NET_BRIDGE;
	if (strcmp(name, "stp") == 0)
		return strlist_addf(&l->options, "stp=%s",
				    strcmp(o->value, "on") == 0 || strcmp(o->value, "yes") == 0
					    ? "yes"
					    : "no");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i][0]) == 0)
			return strlist_addf(&l->options, "%s=%s", known[i][1], o->value);
	return strlist_addf(&l->extra, "%s %s", o->name, o->value);
}

/* 1: it was one of these; 0: not; -1: no memory */
static int take_virtual(struct net_link *l, const struct iface_option *o)
{
	const char *n = o->name;
	uint32_t id;
	int rc;

	if (strcmp(n, "slaves") == 0)
		rc = add_ports(l, NET_BOND, o->value);
	else if (str_ends(n, "-master") || str_ends(n, "_master") || str_ends(n, "-raw-device") ||
		 str_ends(n, "_raw_device"))
		return n[0] != 'v' || n[1] != 'l'			      ? 0
		       : set_text(&l->parent, o->value, strlen(o->value)) < 0 ? -1
									      : 1;
	else if (str_starts(n, "bond-") || str_starts(n, "bond_"))
		rc = add_bond_option(l, n + 5, o->value);
	else if (str_starts(n, "bridge-") || str_starts(n, "bridge_"))
		rc = add_bridge_option(l, o, n + 7);
	else if ((strcmp(n, "vlan-id") == 0 || strcmp(n, "vlan_id") == 0) &&
		 parse_u32(o->value, &id) == 0 && id >= 1 && id <= 4094)
		rc = 0, l->vlan_id = id;
	else
		return 0;
	return rc < 0 ? -1 : 1;
}

/* ---- all --------------------------------------------------------------------------------------------------- */

/* "ether 02:00:00:00:00:01" or the address alone; "random" and other kinds stay as they are. */
static const char *ether_address(const char *value)
{
	size_t i;

	if (str_starts(value, "ether "))
		value += 6 + strspn(value + 6, " \t");
	if (strlen(value) != 17)
		return NULL;
	for (i = 0; i < 17; i++)
		if (i % 3 == 2 ? value[i] != ':' : !isxdigit((unsigned char)value[i]))
			return NULL;
	return value;
}

static int take_hwaddress(struct net_link *l, const char *value)
{
	const char *mac = ether_address(value);
	char *s;

	if (!mac)
		return 0;
	if (set_text(&l->set_mac, mac, 17) < 0)
		return -1;
	for (s = l->set_mac; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	return 1;
}

/* Options that turn router advertisements off, or on beside addresses. 1: understood. */
static int take_ra(struct net_link *l, const struct iface_option *o, bool v6)
{
	if (!v6 || (strcmp(o->name, "accept_ra") != 0 && strcmp(o->name, "autoconf") != 0))
		return 0;
	if (strcmp(o->value, "0") != 0 && strcmp(o->name, "autoconf") == 0 && l->v6 == NET_STATIC)
		l->v6 = NET_AUTO;
	return 1;
}

int ifupdown_take_option(struct net_link *l, const struct stanza *s, const struct iface_option *o,
			 bool v6)
{
	static const char *const passed[] = { "netmask", "broadcast", "network", NULL };
	static const char *const ups[] = { "up", "post-up", "pre-up", NULL };
	static const char *const downs[] = { "down", "pre-down", "post-down", NULL };
	uint32_t mtu;
	int rc = 0;

	if (strcmp(o->name, "address") == 0)
		return add_address(l, s, o->value, v6);
	if (is_word(o->name, passed) || (strcmp(o->name, "metric") == 0 && option(s, "gateway")))
		return 0;
	if (strcmp(o->name, "gateway") == 0)
		return add_gateway(l, s, o->value, v6);
	if (strcmp(o->name, "mtu") == 0 && parse_u32(o->value, &mtu) == 0) {
		l->mtu = mtu;
		return 0;
	}
	if (str_starts(o->name, "dns-nameserver"))
		return strlist_split(&l->dns, o->value, " \t");
	if (strcmp(o->name, "dns-search") == 0 || strcmp(o->name, "dns-domain") == 0)
		return strlist_split(&l->search, o->value, " \t");
	if (strcmp(o->name, "pointopoint") == 0 || strcmp(o->name, "point-to-point") == 0)
		return set_text(&l->peer4, o->value, strcspn(o->value, "/ \t"));
	if (strcmp(o->name, "hwaddress") == 0)
		rc = take_hwaddress(l, o->value);
	else if (is_word(o->name, ups))
		rc = take_up(l, o->value);
	else if (is_word(o->name, downs))
		rc = is_undoing(o->value);
	else
		rc = take_ra(l, o, v6);
	if (rc == 0)
		rc = take_virtual(l, o);
	if (rc == 0)
		rc = strlist_addf(&l->extra, "%s %s", o->name, o->value);
	return rc < 0 ? -1 : 0;
}

/* ---- when all is read -------------------------------------------------------------------------------------- */

/* "bond-master bond0" in the stanza of the port. */
static int move_master(struct net_model *m, struct net_link *l)
{
	size_t i;

	for (i = 0; i < l->extra.count; i++) {
		char *line = l->extra.items[i];
		struct net_link *bond;

		if (!str_starts(line, "bond-master ") && !str_starts(line, "bond_master "))
			continue;
		bond = (struct net_link *)net_find(m, line + 12);
		if (!bond || bond == l)
			continue;
		bond->kind = NET_BOND;
		if (!strlist_has(&bond->ports, l->name) && strlist_add(&bond->ports, l->name) < 0)
			return -1;
		free(line);
		memmove(&l->extra.items[i], &l->extra.items[i + 1],
			(--l->extra.count - i) * sizeof(char *));
		i--;
	}
	return 0;
}

/* "eth0.5", and "vlan5" with the device beside it (interfaces(5), vlan-interfaces(5)). */
static int name_vlan(struct net_link *l)
{
	const char *dot = strrchr(l->name, '.'), *digits = dot ? dot + 1 : l->name;
	uint32_t id = 0;

	if (l->kind != NET_CARD || (!dot && !l->parent))
		return 0;
	if (!dot)
		while (*digits && !isdigit((unsigned char)*digits))
			digits++;
	if (!l->vlan_id && parse_u32(digits, &id) == 0 && id >= 1 && id <= 4094)
		l->vlan_id = id;
	if (!l->vlan_id)
		return 0;
	l->kind = NET_VLAN;
	return dot ? set_text(&l->parent, l->name, (size_t)(dot - l->name)) : 0;
}

/* A route to the gateway itself is how it is made reachable. */
static void drop_gateway_routes(struct net_link *l)
{
	unsigned i;

	for (i = 0; i < l->route_count; i++) {
		struct net_route *r = &l->routes[i];
		const char *gateway = net_is_v6(r->to) ? l->gateway6 : l->gateway4;
		size_t len = gateway ? strlen(gateway) : 0;

		if (!gateway || r->via || r->metric || r->table || r->src || r->type ||
		    strncmp(r->to, gateway, len) != 0 ||
		    strcmp(r->to + len, net_is_v6(r->to) ? "/128" : "/32") != 0)
			continue;
		net_route_done(r);
		memmove(r, r + 1, (--l->route_count - i) * sizeof(*r));
		i--;
	}
}

int ifupdown_finish(struct net_model *m)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++) {
		struct net_link *l = &m->links[i];

		if (move_master(m, l) < 0 || name_vlan(l) < 0)
			return -1;
		drop_gateway_routes(l);
		/* ifupdown says onlink itself where it is needed */
		l->is_onlink4 = l->gateway4 && net_needs_onlink(l, l->gateway4);
		l->is_onlink6 = l->gateway6 && net_needs_onlink(l, l->gateway6);
	}
	return 0;
}
