/* SPDX-License-Identifier: MIT */
/* What one option of an iface stanza means. */
#include <ctype.h>
#include <string.h>

#include "rewrite/net_ifupdown.h"
#include "rewrite/net_ini_priv.h"

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
	int plen = mask ? net_mask_length(mask) : v6 ? 64 : -1;

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
		return net_take_ip(l, &w);
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
	return strlist_addf(&l->options, "%s=%s", key, net_bond_word(key, value));
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
	if (net_is_one_of(o->name, passed) ||
	    (strcmp(o->name, "metric") == 0 && option(s, "gateway")))
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
	else if (net_is_one_of(o->name, ups))
		rc = take_up(l, o->value);
	else if (net_is_one_of(o->name, downs))
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

int ifupdown_finish(struct net_model *m)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++) {
		struct net_link *l = &m->links[i];

		if (move_master(m, l) < 0 || name_vlan(l) < 0)
			return -1;
		/* ifupdown says onlink itself where it is needed */
		net_settle_gateways(l);
	}
	return 0;
}
