/* SPDX-License-Identifier: MIT */
/* What may stand in the definition of a link in netplan, into the model. */
#include <ctype.h>
#include <string.h>

#include "rewrite/net_netplan.h"

/* ---- small things ---------------------------------------------------------------------------------------------- */

bool net_is_word(const char *s)
{
	const unsigned char *p;

	for (p = (const unsigned char *)s; *p; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '/')
			return false;
	return *s != '\0';
}

void netplan_note(struct netplan_reader *r, const struct ynode *at, const char *why)
{
	const char *name = r->l ? r->l->name : NULL;

	if (strlist_addf(&r->m->notes, "%s line %u: %s%s%s", at->file ? at->file : "netplan",
			 at->line, name ? name : "", name ? ": " : "", why) < 0)
		r->failed = true;
}

/* "before" and the item as it is written, for people and for our own writer. */
void netplan_extra(struct netplan_reader *r, const char *before, const struct ynode *n)
{
	static const char *const secrets[] = { "access-points", "auth", "keys", "key", "peers" };
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	strbuf_adds(&b, before);
	if (n->key) {
		yaml_quote(&b, n->key);
		for (i = 0; i < ARRAY_SIZE(secrets); i++)
			if (strcmp(n->key, secrets[i]) == 0) {
				strbuf_adds(&b, " (secrets of it are not shown)");
				goto add;
			}
		strbuf_adds(&b, ": ");
	}
	ynode_print(&b, n);
add:
	if (b.failed || strlist_add(&r->l->extra, strbuf_str(&b)) < 0)
		r->failed = true;
}

/* Sets a text of the model when the node has one that may stand in any file. False: it has not, and that is noted. */
static bool set_word(struct netplan_reader *r, char **to, const struct ynode *n)
{
	if (n->kind != YNODE_TEXT || !net_is_word(n->text)) {
		netplan_note(r, n, "not a single word");
		return false;
	}
	free(*to);
	*to = strdup(n->text);
	r->failed |= !*to;
	return true;
}

static void add_once(struct netplan_reader *r, struct strlist *to, const char *text)
{
	if (!strlist_has(to, text) && strlist_add(to, text) < 0)
		r->failed = true;
}

static void set_number(struct netplan_reader *r, uint32_t *to, const struct ynode *n)
{
	if (n->kind != YNODE_TEXT || parse_u32(n->text, to) < 0)
		netplan_note(r, n, "not a number");
}

/* An address without a length; NULL and a note: it is none. */
static const char *address_of(struct netplan_reader *r, const struct ynode *n)
{
	char *prefix = n->kind == YNODE_TEXT && !strchr(n->text, '/')
			       ? net_prefix_of(n->text, net_is_v6(n->text))
			       : NULL;
	bool good = prefix && strcmp(n->text, "default") != 0;

	free(prefix);
	if (!good)
		netplan_note(r, n, "not an address");
	return good ? n->text : NULL;
}

/* Address and length, owned by the caller; NULL and a note: it is none. */
static char *prefix_of(struct netplan_reader *r, const struct ynode *n, bool is_v6)
{
	char *prefix = n->kind == YNODE_TEXT ? net_prefix_of(n->text, is_v6) : NULL;

	if (!prefix)
		netplan_note(r, n, "not an address with a length");
	return prefix;
}

/* A MAC address in lower case into buf; false: it is none. */
static bool lower_mac(char *buf, size_t size, const char *text)
{
	size_t i, len = strlen(text);

	if (len % 3 != 2 || len >= size || len < 17)
		return false;
	for (i = 0; i < len; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
		buf[i] = (char)tolower((unsigned char)text[i]);
	}
	buf[len] = '\0';
	return true;
}

bool netplan_set_mac(struct netplan_reader *r, char **to, const char *text)
{
	char mac[64];

	if (!lower_mac(mac, sizeof(mac), text))
		return false;
	free(*to);
	*to = strdup(mac);
	r->failed |= !*to;
	return true;
}

/* ---- addresses, routes, rules ---------------------------------------------------------------------------------- */

static void take_address(struct netplan_reader *r, const struct ynode *n)
{
	/* "10.0.0.15/24: {label: x}": a map with one item */
	const struct ynode *item = n->kind == YNODE_MAP ? n->first : NULL;
	const char *text = item ? item->key : n->kind == YNODE_TEXT ? n->text : "";
	char *prefix = strchr(text, '/') ? net_prefix_of(text, net_is_v6(text)) : NULL;

	if (!prefix) {
		netplan_note(r, n, "not an address with a length");
		return;
	}
	add_once(r, &r->l->addresses, prefix);
	if (item && !ynode_is_null(item))
		netplan_extra(r, "", item);
	free(prefix);
}

static void take_addresses(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		take_address(r, item);
}

static void add_route(struct netplan_reader *r, const struct ynode *n,
		      const struct net_route *route)
{
	if (r->l->route_count == NET_ROUTES_MAX)
		netplan_note(r, n, "one route too many");
	else if (net_take_route(r->l, route) < 0)
		r->failed = true;
}

static void take_gateway(struct netplan_reader *r, const struct ynode *n)
{
	struct net_route route = { 0 };
	const char *via = address_of(r, n);

	if (!via)
		return;
	route.via = (char *)via;
	route.to = (char *)(net_is_v6(via) ? "::/0" : "0.0.0.0/0");
	add_route(r, n, &route);
}

/* One item of a route; to: for the text of what the model has no word for. */
static void route_item(struct netplan_reader *r, struct net_route *route, const char *to,
		       const struct ynode *n)
{
	char before[128];
	bool is_text = n->kind == YNODE_TEXT;

	if (strcmp(n->key, "to") == 0 || strcmp(n->key, "via") == 0)
		return;
	if (strcmp(n->key, "on-link") == 0 && ynode_truth(n) >= 0)
		route->is_onlink = ynode_truth(n) == 1;
	else if (strcmp(n->key, "metric") == 0)
		set_number(r, &route->metric, n);
	else if (strcmp(n->key, "table") == 0)
		set_number(r, &route->table, n);
	else if (strcmp(n->key, "mtu") == 0)
		set_number(r, &route->mtu, n);
	else if (strcmp(n->key, "from") == 0)
		route->src = (char *)address_of(r, n);
	else if (strcmp(n->key, "type") == 0 && is_text && net_is_word(n->text))
		route->type = strcmp(n->text, "unicast") == 0 ? NULL : n->text;
	else if (strcmp(n->key, "scope") != 0 || !is_text ||
		 strcmp(n->text, route->via ? "global" : "link") != 0) {
		(void)snprintf(before, sizeof(before), "routes[%s].", to);
		netplan_extra(r, before, n);
	}
}

static void take_route(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *to = ynode_get(n, "to"), *via = ynode_get(n, "via"), *item;
	struct net_route route = { 0 };

	if (!to) {
		netplan_note(r, n, "a route that does not say where to");
		return;
	}
	if (via) {
		route.via = (char *)address_of(r, via);
		if (!route.via)
			return;
	}
	route.to = prefix_of(r, to, route.via && net_is_v6(route.via));
	if (!route.to)
		return;
	for (item = n->first; item; item = item->next)
		route_item(r, &route, route.to, item);
	if (route.table == 254) /* main: rt_tables */
		route.table = 0;
	add_route(r, n, &route);
	free(route.to);
}

static void take_routes(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		take_route(r, item);
}

/* NULL for everything, which the model says by leaving it out. */
static char *rule_prefix(struct netplan_reader *r, struct net_rule *rule, const struct ynode *n)
{
	char *prefix = prefix_of(r, n, false);

	if (!prefix)
		return NULL;
	rule->is_v6 |= net_is_v6(prefix);
	if (strcmp(prefix, "0.0.0.0/0") != 0 && strcmp(prefix, "::/0") != 0)
		return prefix;
	free(prefix);
	return NULL;
}

static void take_rule(struct netplan_reader *r, const struct ynode *n)
{
	struct net_rule *rule = n->kind == YNODE_MAP ? net_rule_add(r->l) : NULL;
	const struct ynode *item;

	if (!rule) {
		netplan_note(r, n, "not a rule, or too many");
		return;
	}
	for (item = n->first; item; item = item->next) {
		if (item->is_repeated)
			continue;
		if (strcmp(item->key, "from") == 0)
			rule->from = rule_prefix(r, rule, item);
		else if (strcmp(item->key, "to") == 0)
			rule->to = rule_prefix(r, rule, item);
		else if (strcmp(item->key, "table") == 0)
			set_number(r, &rule->table, item);
		else if (strcmp(item->key, "priority") == 0)
			set_number(r, &rule->priority, item);
		else if (strcmp(item->key, "mark") == 0)
			(void)set_word(r, &rule->fwmark, item);
		else
			netplan_extra(r, "routing-policy.", item);
	}
}

static void take_rules(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		take_rule(r, item);
}

/* ---- the other keys --------------------------------------------------------------------------------------------- */

static void take_words(struct netplan_reader *r, struct strlist *to, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		if (item->kind == YNODE_TEXT && net_is_word(item->text))
			add_once(r, to, item->text);
		else
			netplan_note(r, item, "not a single word");
}

static void take_nameservers(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		if (strcmp(item->key, "addresses") == 0 && item->kind == YNODE_LIST)
			take_words(r, &r->l->dns, item);
		else if (strcmp(item->key, "search") == 0 && item->kind == YNODE_LIST)
			take_words(r, &r->l->search, item);
		else
			netplan_extra(r, "nameservers.", item);
}

/* The link that an id stands for: its name may be another. NULL: no such id. */
const char *netplan_name_of(const struct netplan_reader *r, const char *id)
{
	unsigned i;

	for (i = 0; i < r->count; i++)
		if (strcmp(r->defs[i]->key, id) == 0)
			return r->m->links[r->first + i].name;
	return NULL;
}

static void take_ports(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;
	const char *name;

	for (item = n->first; item; item = item->next) {
		if (item->kind != YNODE_TEXT || !net_is_word(item->text)) {
			netplan_note(r, item, "not the name of a link");
			continue;
		}
		name = netplan_name_of(r, item->text);
		if (!name)
			netplan_note(r, item, "a link that is not defined");
		add_once(r, &r->l->ports, name ? name : item->text);
	}
}

static void take_parent(struct netplan_reader *r, const struct ynode *n)
{
	const char *name = n->kind == YNODE_TEXT ? netplan_name_of(r, n->text) : NULL;

	if (!name) {
		netplan_note(r, n, "a link that is not defined");
		(void)set_word(r, &r->l->parent, n);
		return;
	}
	free(r->l->parent);
	r->l->parent = strdup(name);
	r->failed |= !r->l->parent;
}

static void take_link_local(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;
	bool has4 = false;

	r->has_ll6 = false;
	for (item = n->first; item; item = item->next) {
		r->has_ll6 |= item->kind == YNODE_TEXT && strcmp(item->text, "ipv6") == 0;
		has4 |= item->kind == YNODE_TEXT && strcmp(item->text, "ipv4") == 0;
	}
	if (!r->has_ll6 || has4)
		netplan_extra(r, "", n);
}

static void take_mtu(struct netplan_reader *r, const struct ynode *n)
{
	uint32_t mtu = 0;

	set_number(r, &mtu, n);
	r->l->mtu = mtu;
}

static void take_macaddress(struct netplan_reader *r, const struct ynode *n)
{
	if (!netplan_set_mac(r, &r->l->set_mac, n->text))
		netplan_extra(r, "", n); /* NetworkManager: "random", "permanent" */
}

static void take_vlan_id(struct netplan_reader *r, const struct ynode *n)
{
	uint32_t id = 0;

	set_number(r, &id, n);
	if (id < 1 || id > 4094)
		netplan_note(r, n, "no VLAN has this id");
	else
		r->l->vlan_id = id;
}

static void take_truth(struct netplan_reader *r, const struct ynode *n, bool *to)
{
	if (ynode_truth(n) < 0)
		netplan_note(r, n, "neither true nor false");
	else
		*to = ynode_truth(n) == 1;
}

static void take_dhcp4(struct netplan_reader *r, const struct ynode *n)
{
	take_truth(r, n, &r->dhcp4);
}

static void take_dhcp6(struct netplan_reader *r, const struct ynode *n)
{
	take_truth(r, n, &r->dhcp6);
}

static void take_accept_ra(struct netplan_reader *r, const struct ynode *n)
{
	bool on = false;

	take_truth(r, n, &on);
	r->accept_ra = ynode_truth(n) < 0 ? -1 : on;
}

static void take_activation(struct netplan_reader *r, const struct ynode *n)
{
	r->l->at_boot = false;
	if (n->kind != YNODE_TEXT || strcmp(n->text, "manual") != 0)
		netplan_extra(r, "", n);
}

static void take_renderer(struct netplan_reader *r, const struct ynode *n)
{
	if (n->kind != YNODE_TEXT || strcmp(n->text, r->m->renderer) != 0)
		netplan_extra(r, "", n);
}

static void take_nothing(struct netplan_reader *r, const struct ynode *n)
{
	(void)r;
	(void)n;
}

#define ANY (1U << NET_CARD | 1U << NET_BOND | 1U << NET_BRIDGE | 1U << NET_VLAN | 1U << NET_OTHER)

static const struct {
	const char *key;
	enum ynode_kind form;
	unsigned kinds; /* of links: bits */
	void (*take)(struct netplan_reader *r, const struct ynode *n);
} words[] = {
	{ "match", YNODE_MAP, ANY, take_nothing }, /* read with the names */
	{ "set-name", YNODE_TEXT, ANY, take_nothing },
	{ "renderer", YNODE_TEXT, ANY, take_renderer },
	{ "dhcp4", YNODE_TEXT, ANY, take_dhcp4 },
	{ "dhcp6", YNODE_TEXT, ANY, take_dhcp6 },
	{ "accept-ra", YNODE_TEXT, ANY, take_accept_ra },
	{ "link-local", YNODE_LIST, ANY, take_link_local },
	{ "addresses", YNODE_LIST, ANY, take_addresses },
	{ "gateway4", YNODE_TEXT, ANY, take_gateway },
	{ "gateway6", YNODE_TEXT, ANY, take_gateway },
	{ "routes", YNODE_LIST, ANY, take_routes },
	{ "routing-policy", YNODE_LIST, ANY, take_rules },
	{ "nameservers", YNODE_MAP, ANY, take_nameservers },
	{ "mtu", YNODE_TEXT, ANY, take_mtu },
	{ "macaddress", YNODE_TEXT, ANY, take_macaddress },
	{ "interfaces", YNODE_LIST, 1U << NET_BOND | 1U << NET_BRIDGE, take_ports },
	{ "parameters", YNODE_MAP, 1U << NET_BOND | 1U << NET_BRIDGE, netplan_parameters },
	{ "id", YNODE_TEXT, 1U << NET_VLAN, take_vlan_id },
	{ "link", YNODE_TEXT, 1U << NET_VLAN, take_parent },
	{ "activation-mode", YNODE_TEXT, ANY, take_activation },
};

void netplan_take_key(struct netplan_reader *r, const struct ynode *n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].key, n->key) == 0 && words[i].kinds & 1U << r->l->kind)
			break;
	if (i == ARRAY_SIZE(words))
		netplan_extra(r, "", n);
	else if (words[i].form == n->kind)
		words[i].take(r, n);
	else if (!ynode_is_null(n))
		netplan_note(r, n, "the value is not of the kind that belongs here");
}
