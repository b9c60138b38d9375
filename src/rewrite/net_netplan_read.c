/* SPDX-License-Identifier: MIT */
/* netplan's tree into the model. Defaults are those of its networkd and NetworkManager backends, tried with 0.106. */
#include <string.h>

#include "rewrite/net_netplan.h"

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

static bool has_id(const struct netplan_reader *r, const char *id)
{
	unsigned i;

	for (i = 0; i < r->count; i++)
		if (strcmp(r->defs[i]->key, id) == 0)
			return true;
	return false;
}

static bool is_free(const struct netplan_reader *r, const char *name, const char *id)
{
	return !net_find(r->m, name) && (strcmp(name, id) == 0 || !has_id(r, name));
}

/* What the link is called: set-name, else the name it is matched by, else the id. */
static const char *choose_name(const struct netplan_reader *r, const struct ynode *def)
{
	const struct ynode *match = ynode_get(def, "match");
	const char *set = ynode_text(def, "set-name"), *name = ynode_text(match, "name");
	bool has_mac = ynode_text(match, "macaddress") != NULL;

	if (set && net_is_word(set) && is_free(r, set, def->key))
		return set;
	if (!set && name && net_is_word(name) && !(has_mac && is_pattern(name)) &&
	    is_free(r, name, def->key))
		return name;
	return def->key;
}

static void read_match(struct netplan_reader *r)
{
	const struct ynode *match = ynode_get(r->def, "match"), *item;
	const struct ynode *set = ynode_get(r->def, "set-name");

	for (item = match && match->kind == YNODE_MAP ? match->first : NULL; item;
	     item = item->next) {
		bool is_text = item->kind == YNODE_TEXT;

		if (is_text && strcmp(item->key, "macaddress") == 0 &&
		    netplan_set_mac(r, &r->l->mac, item->text))
			continue;
		if (!is_text || strcmp(item->key, "name") != 0 || set ||
		    strcmp(item->text, r->l->name) != 0)
			netplan_extra(r, "match.", item);
		if (is_text && strcmp(item->key, "name") == 0 && is_pattern(item->text))
			netplan_note(r, item,
				     "cards are found by a pattern: which they are is not said");
	}
	if (set && (!r->l->mac || set->kind != YNODE_TEXT || strcmp(set->text, r->l->name) != 0))
		netplan_extra(r, "", set);
}

/* True for a port of a bond or bridge, by the definitions: these have no addresses of their own (LinkLocalAddressing=no). */
static bool is_port(const struct netplan_reader *r)
{
	unsigned i;

	for (i = 0; i < r->count; i++) {
		const struct net_link *l = &r->m->links[r->first + i];
		const struct ynode *list = l->kind == NET_BOND || l->kind == NET_BRIDGE
						   ? ynode_get(r->defs[i], "interfaces")
						   : NULL;
		const struct ynode *item;

		for (item = list ? list->first : NULL; item; item = item->next)
			if (item->kind == YNODE_TEXT && strcmp(item->text, r->def->key) == 0)
				return true;
	}
	return false;
}

/*
 * networkd takes router advertisements unless told not to (not on bridges, and not without a link-local address);
 * NetworkManager only without addresses, where it leaves IPv6 to the kernel.
 */
static bool takes_ra(const struct netplan_reader *r, bool has6)
{
	if (r->accept_ra >= 0)
		return r->accept_ra;
	if (strcmp(r->m->renderer, "NetworkManager") == 0)
		return !has6 && !is_port(r);
	return r->has_ll6 && r->l->kind != NET_BRIDGE && !is_port(r);
}

static void set_methods(struct netplan_reader *r)
{
	bool has6 = net_has_addresses(r->l, true);

	r->l->v4 = r->dhcp4 ? NET_DHCP : net_has_addresses(r->l, false) ? NET_STATIC : NET_OFF;
	r->l->v6 = r->dhcp6 ? NET_DHCP : takes_ra(r, has6) ? NET_AUTO : has6 ? NET_STATIC : NET_OFF;
	if (r->dhcp6 && r->accept_ra == 0)
		netplan_extra(r, "", ynode_get(r->def, "accept-ra"));
}

static void read_link(struct netplan_reader *r, unsigned i)
{
	const struct ynode *item;

	r->l = &r->m->links[r->first + i];
	r->def = r->defs[i];
	r->accept_ra = -1;
	r->dhcp4 = r->dhcp6 = false;
	r->has_ll6 = true;
	r->l->at_boot = true;
	read_match(r);
	for (item = r->def->first; item; item = item->next) {
		if (item->is_repeated)
			netplan_note(r, item, "said a second time");
		netplan_take_key(r, item);
	}
	set_methods(r);
	if (r->l->kind == NET_VLAN && (!r->l->parent || !r->l->vlan_id))
		netplan_note(r, r->def, "a VLAN without id or link");
	r->l = NULL;
}

static void define(struct netplan_reader *r, const struct ynode *section, const struct ynode *def)
{
	if (strcmp(def->key, "lo") == 0)
		return;
	if (strcmp(def->key, "renderer") == 0 && def->kind == YNODE_TEXT)
		return; /* of the section, see netplan_renderer() */
	if (def->kind != YNODE_MAP || !net_is_word(def->key) || has_id(r, def->key) ||
	    r->count == NETPLAN_LINKS_MAX) {
		netplan_note(r, def, "not a link, or one too many");
		return;
	}
	r->sections[r->count] = section;
	r->defs[r->count++] = def;
}

/* What it says is read when all have their names. */
static void make_link(struct netplan_reader *r, unsigned i)
{
	struct net_link *l = net_link_get(r->m, choose_name(r, r->defs[i]));

	if (!l) {
		r->failed = true;
		return;
	}
	for (l->kind = NET_CARD; l->kind != NET_OTHER; l->kind++)
		if (strcmp(netplan_section(l->kind), r->sections[i]->key) == 0)
			break;
	if (l->kind == NET_OTHER &&
	    strlist_addf(&l->extra, NETPLAN_SECTION "%s", r->sections[i]->key) < 0)
		r->failed = true;
}

static void define_section(struct netplan_reader *r, const struct ynode *section)
{
	const struct ynode *def;

	if (section->kind != YNODE_MAP) {
		if (!ynode_is_null(section))
			netplan_note(r, section, "not a map of links");
		return;
	}
	if (!net_is_word(section->key) || strcmp(section->key, "openvswitch") == 0) {
		netplan_note(r, section, "is not understood");
		return;
	}
	for (def = section->first; def; def = def->next)
		define(r, section, def);
}

const char *netplan_renderer(const struct ynode *network)
{
	const char *all = ynode_text(network, "renderer"), *one;
	const struct ynode *section, *def;
	unsigned nm = 0, other = 0;

	if (all)
		return strcmp(all, "NetworkManager") == 0 ? "NetworkManager" : "networkd";
	for (section = network->first; section; section = section->next)
		for (def = section->first; section->kind == YNODE_MAP && def; def = def->next) {
			one = ynode_text(def, "renderer");
			if (!one)
				one = ynode_text(section, "renderer");
			*(one && strcmp(one, "NetworkManager") == 0 ? &nm : &other) += 1;
		}
	return nm && !other ? "NetworkManager" : "networkd";
}

/* NetworkManager adds the way to a gateway outside every prefix by itself, "on-link" or not. */
static void mark_onlink(struct net_link *l)
{
	unsigned i;

	if (strlist_has(&l->extra, "renderer: networkd"))
		return;
	if (l->gateway4 && net_has_addresses(l, false))
		l->is_onlink4 |= net_needs_onlink(l, l->gateway4);
	if (l->gateway6 && net_has_addresses(l, true))
		l->is_onlink6 |= net_needs_onlink(l, l->gateway6);
	for (i = 0; i < l->route_count; i++) {
		struct net_route *r = &l->routes[i];

		if (r->via && net_has_addresses(l, net_is_v6(r->via)))
			r->is_onlink |= net_needs_onlink(l, r->via);
	}
}

int netplan_links(struct net_model *m, const struct ynode *network, struct err *e)
{
	struct netplan_reader *r = calloc(1, sizeof(*r));
	const struct ynode *item;
	bool failed = !r;
	unsigned i;

	if (r) {
		r->m = m;
		r->first = m->link_count;
		free(m->renderer);
		m->renderer = strdup(netplan_renderer(network));
		r->failed = !m->renderer;
	}
	if (r && network->kind != YNODE_MAP)
		netplan_note(r, network, "'network' is not a map");
	for (item = network->kind == YNODE_MAP ? network->first : NULL; r && !r->failed && item;
	     item = item->next)
		if (strcmp(item->key, "version") == 0) {
			if (item->kind != YNODE_TEXT || strcmp(item->text, "2") != 0)
				netplan_note(r, item, "another version than 2");
		} else if (strcmp(item->key, "renderer") != 0) {
			define_section(r, item);
		}
	for (i = 0; r && !r->failed && i < r->count; i++)
		make_link(r, i);
	for (i = 0; r && !r->failed && i < r->count; i++)
		read_link(r, i);
	for (i = 0;
	     r && !r->failed && strcmp(m->renderer, "NetworkManager") == 0 && i < m->link_count;
	     i++)
		mark_onlink(&m->links[i]);
	failed = failed || r->failed;
	free(r);
	return failed ? err_set(e, ERR_NOMEM, 0, "netplan") : 0;
}
