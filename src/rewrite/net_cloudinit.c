/* SPDX-License-Identifier: MIT */
/* cloud-init: network-config version 1 into the model, and where a tree keeps one. */
#include "rewrite/net_cloudinit.h"

#include <string.h>

#include "rewrite/net_netplan.h"

#define CFG_FILES_MAX 256

/* ---- small things ---------------------------------------------------------------------------------------------- */

/* Prefix length of a netmask, dotted or a number; -1: neither. */
static int mask_length(const char *mask)
{
	uint32_t n, bits = 0;
	unsigned part[4], i;
	char end;

	if (parse_u32(mask, &n) == 0)
		return n <= 128 ? (int)n : -1;
	if (sscanf(mask, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &end) != 4)
		return -1;
	for (i = 0; i < 4; i++) {
		if (part[i] > 255)
			return -1;
		bits = bits << 8 | part[i];
	}
	return ~bits & (~bits + 1) ? -1 : __builtin_popcount(bits);
}

/* "address/length" of an address, with a netmask beside it perhaps. The caller frees; NULL and a note: it is none. */
static char *join_prefix(struct netplan_reader *r, const struct ynode *at, const char *address,
			 const char *mask)
{
	int len = mask ? mask_length(mask) : -1;
	char *text = NULL, *prefix = NULL;

	if (address && !strchr(address, '/') && len >= 0) {
		if (asprintf(&text, "%s/%d", address, len) < 0)
			text = NULL;
		r->failed |= !text;
	}
	if (address)
		prefix = net_prefix_of(text ? text : address, net_is_v6(address));
	free(text);
	if (!prefix)
		netplan_note(r, at, "not an address");
	return prefix;
}

static void add_word(struct netplan_reader *r, struct strlist *to, const struct ynode *n)
{
	if (n->kind != YNODE_TEXT || !net_is_word(n->text))
		netplan_note(r, n, "not a single word");
	else if (!strlist_has(to, n->text) && strlist_add(to, n->text) < 0)
		r->failed = true;
}

/* A text, words with blanks between them, or a list. */
static void add_words(struct netplan_reader *r, struct strlist *to, const struct ynode *n)
{
	const struct ynode *item;
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (n->kind != YNODE_TEXT) {
		for (item = n->first; item; item = item->next)
			add_word(r, to, item);
		return;
	}
	if (strlist_split(&words, n->text, " \t\r\n") < 0)
		r->failed = true;
	for (i = 0; i < words.count; i++)
		if (net_is_word(words.items[i]) && !strlist_has(to, words.items[i]) &&
		    strlist_add(to, words.items[i]) < 0)
			r->failed = true;
}

static bool is_address(const char *text)
{
	char *prefix = text && !strchr(text, '/') && strcmp(text, "default") != 0
			       ? net_prefix_of(text, net_is_v6(text))
			       : NULL;

	free(prefix);
	return prefix != NULL;
}

/* A route with destination or network, netmask, gateway, metric. */
static void add_route(struct netplan_reader *r, struct net_link *l, const struct ynode *n)
{
	const char *to = ynode_text(n, "destination"), *via = ynode_text(n, "gateway");
	const char *metric = ynode_text(n, "metric");
	struct net_route route = { .via = (char *)via };
	const struct ynode *at;

	if (!to)
		to = ynode_text(n, "network");
	at = ynode_get(n, "type");
	if (at && strcmp(at->text ? at->text : "", "route") != 0)
		netplan_note(r, at, "a type of route is not understood");
	if (metric && parse_u32(metric, &route.metric) < 0)
		netplan_note(r, n, "the metric is no number");
	if (via && !is_address(via)) {
		netplan_note(r, n, "the gateway is not an address");
		return;
	}
	route.to = join_prefix(r, n, to, ynode_text(n, "netmask"));
	if (!route.to)
		return;
	if (via)
		route.is_onlink = l->addresses.count && net_needs_onlink(l, via);
	if (l->route_count == NET_ROUTES_MAX)
		netplan_note(r, n, "one route too many");
	else if (net_take_route(l, &route) < 0)
		r->failed = true;
	free(route.to);
}

/* ---- subnets --------------------------------------------------------------------------------------------------- */

static void set_methods(struct netplan_reader *r, const struct ynode *n, const char *type)
{
	struct net_link *l = r->l;

	if (strcmp(type, "dhcp") == 0 || strcmp(type, "dhcp4") == 0)
		l->v4 = NET_DHCP;
	else if (strcmp(type, "dhcp6") == 0 || strcmp(type, "ipv6_dhcpv6-stateful") == 0)
		l->v6 = NET_DHCP;
	else if (strcmp(type, "ipv6_slaac") == 0 || strcmp(type, "ipv6_dhcpv6-stateless") == 0)
		l->v6 = l->v6 == NET_DHCP ? NET_DHCP : NET_AUTO;
	else if (strcmp(type, "static") != 0 && strcmp(type, "static6") != 0 &&
		 strcmp(type, "manual") != 0)
		netplan_note(r, n, "a type of subnet that is not understood");
}

static void add_gateway(struct netplan_reader *r, const struct ynode *n)
{
	struct net_route route = { .via = n->text };

	if (!is_address(n->text)) {
		netplan_note(r, n, "not an address");
		return;
	}
	route.to = (char *)(net_is_v6(n->text) ? "::/0" : "0.0.0.0/0");
	route.is_onlink = r->l->addresses.count && net_needs_onlink(r->l, n->text);
	r->failed |= net_take_route(r->l, &route) < 0;
}

static void take_subnet(struct netplan_reader *r, const struct ynode *n)
{
	static const char *const known[] = { "type",	"address",	   "netmask",
					     "gateway", "dns_nameservers", "dns_search",
					     "routes",	"control",	   "broadcast" };
	const char *type = ynode_text(n, "type"), *address = ynode_text(n, "address");
	const char *control = ynode_text(n, "control");
	const struct ynode *item;
	char *prefix;
	size_t i;

	if (!type) {
		netplan_note(r, n, "a subnet without a type");
		return;
	}
	set_methods(r, n, type);
	prefix = address ? join_prefix(r, n, address, ynode_text(n, "netmask")) : NULL;
	if (prefix) {
		enum net_method *method = net_is_v6(prefix) ? &r->l->v6 : &r->l->v4;

		if (!strlist_has(&r->l->addresses, prefix) &&
		    strlist_add(&r->l->addresses, prefix) < 0)
			r->failed = true;
		if (*method == NET_OFF)
			*method = NET_STATIC;
		free(prefix);
	}
	if (control && (strcmp(control, "manual") == 0 || strcmp(control, "off") == 0))
		r->l->at_boot = false;
	for (item = n->first; item; item = item->next) {
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (strcmp(known[i], item->key) == 0)
				break;
		if (i == ARRAY_SIZE(known))
			netplan_extra(r, "subnets.", item);
	}
	if (ynode_text(n, "gateway"))
		add_gateway(r, ynode_get(n, "gateway"));
	if (ynode_get(n, "dns_nameservers"))
		add_words(r, &r->l->dns, ynode_get(n, "dns_nameservers"));
	if (ynode_get(n, "dns_search"))
		add_words(r, &r->l->search, ynode_get(n, "dns_search"));
	item = ynode_get(n, "routes");
	for (item = item && item->kind == YNODE_LIST ? item->first : NULL; item; item = item->next)
		add_route(r, r->l, item);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* "bond-mode: 802.3ad", "bond_miimon": the kernel's name with a prefix. */
static void take_params(struct netplan_reader *r, const struct ynode *params)
{
	const char *prefix = r->l->kind == NET_BOND ? "bond" : "bridge";
	const struct ynode *n;
	char name[64];
	size_t i;

	for (n = params->kind == YNODE_MAP ? params->first : NULL; n; n = n->next) {
		const char *key = n->key;
		int truth = ynode_truth(n);

		if (str_starts(key, prefix) && strchr("-_", key[strlen(prefix)]))
			key += strlen(prefix) + (key[strlen(prefix)] != '\0');
		(void)snprintf(name, sizeof(name), "%s", key);
		for (i = 0; name[i]; i++)
			if (name[i] == '-')
				name[i] = '_';
		if (strcmp(name, "fd") == 0)
			strcpy(name, "forward_delay");
		else if (strcmp(name, "hello") == 0 || strcmp(name, "maxage") == 0)
			strcpy(name, *name == 'h' ? "hello_time" : "max_age");
		else if (strcmp(name, "ageing") == 0)
			strcpy(name, "ageing_time");
		else if (strcmp(name, "bridgeprio") == 0)
			strcpy(name, "priority");
		if (n->kind != YNODE_TEXT || !net_is_word(n->text) || !net_is_word(name))
			netplan_extra(r, "params.", n);
		else if (strlist_addf(&r->l->options, "%s=%s", name,
				      strcmp(name, "stp") == 0 && truth >= 0
					      ? (truth ? "yes" : "no")
					      : n->text) < 0)
			r->failed = true;
	}
}

static void take_link_key(struct netplan_reader *r, const struct ynode *n)
{
	static const char *const read_elsewhere[] = { "name", "type", "subnets", NULL };
	struct net_link *l = r->l;
	const struct ynode *item;
	uint32_t number = 0;
	size_t i;

	for (i = 0; read_elsewhere[i]; i++)
		if (strcmp(n->key, read_elsewhere[i]) == 0)
			return;
	if (strcmp(n->key, "mac_address") == 0 && n->kind == YNODE_TEXT &&
	    netplan_set_mac(r, l->kind == NET_CARD ? &l->mac : &l->set_mac, n->text))
		return;
	if (strcmp(n->key, "accept-ra") == 0 && ynode_truth(n) >= 0) {
		r->accept_ra = ynode_truth(n);
	} else if (strcmp(n->key, "mtu") == 0 && n->kind == YNODE_TEXT &&
		   (ynode_is_null(n) || parse_u32(n->text, &number) == 0)) {
		l->mtu = number;
	} else if (strcmp(n->key, "bond_interfaces") == 0 ||
		   strcmp(n->key, "bridge_interfaces") == 0) {
		for (item = n->first; item; item = item->next)
			add_word(r, &l->ports, item);
	} else if (strcmp(n->key, "params") == 0 && netplan_options(l->kind)) {
		take_params(r, n);
	} else if (strcmp(n->key, "vlan_link") == 0 && n->kind == YNODE_TEXT &&
		   net_is_word(n->text)) {
		free(l->parent);
		l->parent = strdup(n->text);
		r->failed |= !l->parent;
	} else if (strcmp(n->key, "vlan_id") == 0 && n->kind == YNODE_TEXT &&
		   parse_u32(n->text, &number) == 0 && number >= 1 && number <= 4094) {
		l->vlan_id = number;
	} else {
		netplan_extra(r, "", n);
	}
}

static void take_link(struct netplan_reader *r, const struct ynode *n, enum net_kind kind)
{
	const char *name = ynode_text(n, "name");
	const struct ynode *item;

	if (!name || !net_is_word(name) || net_find(r->m, name) ||
	    r->m->link_count >= NETPLAN_LINKS_MAX) {
		netplan_note(r, n, "a link without a name of its own, or one too many");
		return;
	}
	r->l = net_link_get(r->m, name);
	if (!r->l) {
		r->failed = true;
		return;
	}
	r->l->kind = kind;
	r->l->at_boot = true;
	r->accept_ra = -1;
	for (item = n->first; item; item = item->next)
		if (!item->is_repeated)
			take_link_key(r, item);
	item = ynode_get(n, "subnets");
	for (item = item && item->kind == YNODE_LIST ? item->first : NULL; item; item = item->next)
		take_subnet(r, item);
	if (r->accept_ra == 1 && r->l->v6 <= NET_STATIC)
		r->l->v6 = NET_AUTO;
	r->l = NULL;
}

/* The first link with a prefix that holds the gateway, else the first with any address, else the first. */
static struct net_link *link_for(struct net_model *m, const char *gateway)
{
	unsigned i;

	for (i = 0; gateway && i < m->link_count; i++)
		if (m->links[i].addresses.count && is_address(gateway) &&
		    !net_needs_onlink(&m->links[i], gateway))
			return &m->links[i];
	for (i = 0; i < m->link_count; i++)
		if (m->links[i].addresses.count)
			return &m->links[i];
	return m->link_count ? &m->links[0] : NULL;
}

static void take_nameserver(struct netplan_reader *r, const struct ynode *n)
{
	const char *name = ynode_text(n, "interface");
	struct net_link *l = name ? (struct net_link *)net_find(r->m, name) : link_for(r->m, NULL);

	if (!l) {
		netplan_note(r, n, "name servers for no link");
		return;
	}
	if (ynode_get(n, "address"))
		add_words(r, &l->dns, ynode_get(n, "address"));
	if (ynode_get(n, "search"))
		add_words(r, &l->search, ynode_get(n, "search"));
}

static void take_item(struct netplan_reader *r, const struct ynode *n, bool links)
{
	static const struct {
		const char *type;
		enum net_kind kind;
	} kinds[] = { { "physical", NET_CARD },
		      { "infiniband", NET_CARD },
		      { "bond", NET_BOND },
		      { "bridge", NET_BRIDGE },
		      { "vlan", NET_VLAN } };
	const char *type = ynode_text(n, "type");
	struct net_link *l;
	size_t i;

	for (i = 0; type && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(type, kinds[i].type) == 0) {
			if (links)
				take_link(r, n, kinds[i].kind);
			return;
		}
	if (links || (type && strcmp(type, "loopback") == 0))
		return;
	if (type && strcmp(type, "nameserver") == 0) {
		take_nameserver(r, n);
	} else if (type && strcmp(type, "route") == 0) {
		l = link_for(r->m, ynode_text(n, "gateway"));
		if (l)
			add_route(r, l, n);
		else
			netplan_note(r, n, "a route for no link");
	} else {
		netplan_note(r, n, "is not understood");
	}
}

static int read_version1(struct net_model *m, const struct ynode *config, struct err *e)
{
	struct netplan_reader *r = calloc(1, sizeof(*r));
	const struct ynode *n;
	bool failed = !r;

	if (r) {
		r->m = m;
		/* links first: the rest is about them */
		for (n = config->first; n; n = n->next)
			take_item(r, n, true);
		for (n = config->first; n; n = n->next)
			take_item(r, n, false);
		failed = r->failed;
	}
	free(r);
	return failed ? err_set(e, ERR_NOMEM, 0, "network-config") : 0;
}

int net_cloudinit_links(struct net_model *m, const struct ynode *doc, bool *ret_any, struct err *e)
{
	const struct ynode *inner = ynode_get(doc, "network"), *config;
	const char *version;

	if (inner)
		doc = inner;
	version = ynode_text(doc, "version");
	config = ynode_get(doc, "config");
	*ret_any = true;
	if (version && strcmp(version, "2") == 0)
		return netplan_links(m, doc, e);
	if (config && config->kind == YNODE_LIST)
		return read_version1(m, config, e);
	*ret_any = false;
	return 0;
}
