/* SPDX-License-Identifier: MIT */
/*
 * The model as RHEL's ifcfg files, so that both that may read them bring up the same: the service network (initscripts,
 * RHEL 6 and on) and NetworkManager's ifcfg-rh. A gateway outside every prefix is GATEWAY for the latter, which makes the way
 * to it, and two routes for ifup-eth, which passes such a GATEWAY over.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/net_ifcfg_priv.h"

/* How rules are said to who reads the files. */
enum rule_way {
	RULE_FILES,   /* rule-NAME, for the scripts or NetworkManager's dispatcher */
	RULE_KEYS,    /* ROUTING_RULE_1, since NetworkManager 1.18 */
	RULE_SCRIPTS, /* rule-NAME, and NetworkManager is told to leave the link alone */
	RULE_NONE
};

struct writer {
	struct ini_writer base; /* first: what is called back gets it */
	struct ifcfg_user user;
	enum rule_way rules;
	bool says_peer; /* SCOPE was written: the peer is on the link */
};

static enum rule_way rule_way_of(const struct ifcfg_user *u)
{
	if (!u->nm)
		return RULE_FILES;
	if (u->version >= 1018)
		return RULE_KEYS;
	if (u->dispatcher)
		return RULE_FILES;
	return u->scripts ? RULE_SCRIPTS : RULE_NONE;
}

/* ---- what it is ------------------------------------------------------------------------------------------------- */

static bool is_only_scripts(const struct writer *w)
{
	return w->user.scripts && !w->user.nm;
}

/* sysfs counts the times in hundredths of a second, NetworkManager in seconds. */
static void add_bridge_word(struct writer *w, struct strlist *words, const char *option)
{
	const char *value = strchr(option, '=');
	const struct net_option *o =
		value ? net_option_find(NET_BRIDGE, option, (size_t)(value - option)) : NULL;
	const char *name = o ? o->name : "";
	int rc;

	if (!o) {
		sysconfig_lose(&w->base, "the bridge's option \"%s\" is not written", option);
		return;
	}
	value++;
	if (strcmp(name, "vlan_default_pvid") == 0)
		name = "default_pvid";
	if (o->type == OPTION_BOOL)
		rc = strlist_addf(words, "%s=%d", name, net_bool(value) == 1);
	else if (o->type == OPTION_SECONDS && is_only_scripts(w))
		rc = strlist_addf(words, "%s=%s00", name, value);
	else
		rc = strlist_addf(words, "%s=%s", name, value);
	w->base.failed |= rc < 0;
}

static void put_bridge(struct writer *w)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	const struct strlist *options = &w->base.l->options;
	size_t i;

	for (i = 0; i < options->count; i++) {
		const char *s = options->items[i];

		if (str_starts(s, "stp="))
			sysconfig_put(&w->base, "STP", s + strlen("stp="));
		else if (str_starts(s, "forward_delay="))
			sysconfig_put(&w->base, "DELAY", s + strlen("forward_delay="));
		else
			add_bridge_word(w, &words, s);
	}
	sysconfig_put_list(&w->base, "BRIDGING_OPTS", &words);
}

/* The scripts know the id by the name alone, newer ones by VID. */
static void put_vlan(struct writer *w)
{
	const struct net_link *l = w->base.l;
	char by_parent[64], by_id[16], id[16];

	snprintf(by_parent, sizeof(by_parent), "%s.%u", l->parent, l->vlan_id);
	snprintf(by_id, sizeof(by_id), "vlan%u", l->vlan_id);
	snprintf(id, sizeof(id), "%u", l->vlan_id);
	strbuf_adds(w->base.to, "VLAN='yes'\n");
	sysconfig_put(&w->base, "PHYSDEV", l->parent);
	sysconfig_put(&w->base, "VLAN_ID", id);
	if (strcmp(l->name, by_parent) == 0 || strcmp(l->name, by_id) == 0)
		return;
	sysconfig_put(&w->base, "VID", id);
	if (is_only_scripts(w))
		sysconfig_lose(&w->base, "only newer releases of the service network make a VLAN "
					 "whose name does not tell its id");
}

static void put_kind(struct writer *w)
{
	static const char *const types[] = { [NET_CARD] = "Ethernet",
					     [NET_BOND] = "Bond",
					     [NET_BRIDGE] = "Bridge",
					     [NET_VLAN] = "Vlan" };
	const struct net_link *l = w->base.l, *owner = net_port_owner(w->base.m, l->name);

	sysconfig_put(&w->base, "DEVICE", l->name);
	sysconfig_put(&w->base, "TYPE", types[l->kind]);
	if (l->kind == NET_BOND) {
		strbuf_adds(w->base.to, "BONDING_MASTER='yes'\n");
		sysconfig_put_list(&w->base, "BONDING_OPTS", &l->options);
	} else if (l->kind == NET_BRIDGE) {
		put_bridge(w);
	} else if (l->kind == NET_VLAN) {
		put_vlan(w);
	}
	strbuf_addf(w->base.to, "ONBOOT='%s'\n", l->at_boot ? "yes" : "no");
	if (owner && owner->kind == NET_BRIDGE) {
		sysconfig_put(&w->base, "BRIDGE", owner->name);
	} else if (owner) {
		sysconfig_put(&w->base, "MASTER", owner->name);
		strbuf_adds(w->base.to, "SLAVE='yes'\n");
	}
}

static void put_own(struct writer *w)
{
	const struct net_link *l = w->base.l;
	char mac[18];

	if (l->mac && l->kind == NET_CARD && net_mac_of(l->mac, mac))
		sysconfig_put(&w->base, "HWADDR", mac);
	else if (l->mac)
		sysconfig_lose(&w->base, "the address %s is not what it can be found by", l->mac);
	if (l->set_mac && net_mac_of(l->set_mac, mac))
		sysconfig_put(&w->base, "MACADDR", mac);
	else if (l->set_mac)
		sysconfig_lose(&w->base, "the address %s is not given to it", l->set_mac);
	if (l->mtu)
		strbuf_addf(w->base.to, "MTU='%u'\n", l->mtu);
}

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

/* One is IPADDR, several are IPADDR0 and on: sysconfig.txt. */
static void put_addresses(struct writer *w)
{
	const struct net_link *l = w->base.l;
	unsigned count = 0, n = 0;
	size_t i;

	for (i = 0; i < l->addresses.count; i++)
		count += !net_is_v6(l->addresses.items[i]);
	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i], *slash = strchr(address, '/');
		char suffix[12] = "";

		if (net_is_v6(address) || !sysconfig_is_prefix(&w->base, address))
			continue;
		if (count > 1)
			snprintf(suffix, sizeof(suffix), "%u", n++);
		strbuf_addf(w->base.to, "IPADDR%s='%.*s'\nPREFIX%s='%s'\n", suffix,
			    (int)(slash - address), address, suffix, slash + 1);
		/* routers that answer for every address would keep ifup-eth from going on */
		if (l->is_onlink4)
			strbuf_addf(w->base.to, "ARPCHECK%s='no'\n", suffix);
	}
	if (l->peer4 && (count != 1 || !net_is_address(l->peer4) || w->user.nm))
		sysconfig_lose(&w->base, "the peer %s is not written", l->peer4);
	else if (l->peer4) {
		strbuf_addf(w->base.to, "SCOPE='peer %s'\n", l->peer4);
		w->says_peer = true;
	}
}

/* ifup-eth takes no address beside DHCP, but its aliases. */
static void put_aliases(struct writer *w)
{
	const struct net_link *l = w->base.l;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i], *slash = strchr(address, '/');
		char path[PATH_MAX];
		struct net_file *f;

		if (net_is_v6(address) || !sysconfig_is_prefix(&w->base, address))
			continue;
		snprintf(path, sizeof(path), IFCFG_DIR "/ifcfg-%s:%u", l->name, ++n);
		f = net_file_add(w->base.o, path, 0644);
		if (!f) {
			w->base.failed = true;
			break;
		}
		strbuf_addf(&f->text,
			    SYSCONFIG_WRITTEN "DEVICE='%s:%u'\nIPADDR='%.*s'\nPREFIX='%s'\n",
			    l->name, n, (int)(slash - address), address, slash + 1);
		w->base.failed |= f->text.failed;
	}
}

/* A profile with a gateway and no address is none for NetworkManager. */
static bool has_gateway_key(const struct writer *w)
{
	const struct net_link *l = w->base.l;

	return net_has_addresses(l, false) && !(l->v4 == NET_DHCP && is_only_scripts(w));
}

static void put_v4(struct writer *w)
{
	const struct net_link *l = w->base.l;

	strbuf_addf(w->base.to, "BOOTPROTO='%s'\n", l->v4 == NET_DHCP ? "dhcp" : "none");
	if (l->v4 != NET_DHCP || !is_only_scripts(w))
		put_addresses(w);
	if (l->gateway4 && (!net_is_address(l->gateway4) || net_is_v6(l->gateway4)))
		sysconfig_lose(&w->base, "the gateway %s is not written", l->gateway4);
	else if (l->gateway4 && has_gateway_key(w))
		sysconfig_put(&w->base, "GATEWAY", l->gateway4);
}

static void put_v6(struct writer *w)
{
	const struct net_link *l = w->base.l;
	struct strlist others cleanup_strlist = STRLIST_INIT;
	const char *first = NULL;
	size_t i;

	/* without IPV6_AUTOCONF=no routers are listened to, also where nothing else is set */
	strbuf_addf(w->base.to, "IPV6INIT='yes'\nIPV6_AUTOCONF='%s'\n",
		    l->v6 == NET_AUTO || l->v6 == NET_DHCP ? "yes" : "no");
	if (l->v6 == NET_DHCP)
		strbuf_adds(w->base.to, "DHCPV6C='yes'\n");
	if (l->v6 == NET_DHCP && w->user.nm)
		sysconfig_lose(&w->base, "DHCPv6 is asked only where the routers say so");
	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];

		if (!net_is_v6(address) || !sysconfig_is_prefix(&w->base, address))
			continue;
		if (!first)
			sysconfig_put(&w->base, "IPV6ADDR", first = address);
		else
			w->base.failed |= strlist_add(&others, address) < 0;
	}
	sysconfig_put_list(&w->base, "IPV6ADDR_SECONDARIES", &others);
	if (l->gateway6 && net_is_address(l->gateway6) && net_is_v6(l->gateway6))
		strbuf_addf(w->base.to, "IPV6_DEFAULTGW='%s%%%s'\n", l->gateway6, l->name);
	else if (l->gateway6)
		sysconfig_lose(&w->base, "the gateway %s is not written", l->gateway6);
}

static void put_servers(struct writer *w)
{
	const struct net_link *l = w->base.l;
	char name[32];
	size_t i;

	for (i = 0; i < l->dns.count; i++) {
		snprintf(name, sizeof(name), "DNS%zu", i + 1);
		sysconfig_put(&w->base, name, l->dns.items[i]);
	}
	sysconfig_put_list(&w->base, "DOMAIN", &l->search);
}

/* ---- routes and rules ------------------------------------------------------------------------------------------------ */

static void print_route(struct ini_writer *base, const struct net_route *r)
{
	struct writer *w = (struct writer *)base;

	/* NetworkManager knows types since 1.36 */
	if ((r->type && w->user.nm && w->user.version < 1036) ||
	    !net_print_route(base->to, r, base->l->name))
		sysconfig_lose(base, "the route to %s is not written", r->to ? r->to : "nowhere");
	else
		strbuf_addc(base->to, '\n');
}

/* GATEWAY and IPV6_DEFAULTGW say it, but for what they cannot. */
static void write_routes(struct writer *w, bool v6)
{
	const struct net_link *l = w->base.l;
	const char *gateway = v6 ? l->gateway6 : l->gateway4;
	bool is_missing = v6 ? l->is_onlink6 || !net_has_addresses(l, true)
			     : l->is_onlink4 || !has_gateway_key(w);

	/* what is no address was lost before */
	is_missing = is_missing && gateway && net_is_address(gateway) && net_is_v6(gateway) == v6;
	sysconfig_each_route(&w->base, v6, is_missing, w->says_peer ? l->peer4 : NULL, print_route);
}

static void write_routes4(struct ini_writer *base)
{
	write_routes((struct writer *)base, false);
}

static void write_routes6(struct ini_writer *base)
{
	write_routes((struct writer *)base, true);
}

static void print_rule(struct writer *w, const struct net_rule *rule, unsigned n, bool as_key)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct net_rule r = *rule;

	if (as_key && !r.from)
		r.from = (char *)(r.is_v6 ? "::/0" : "0.0.0.0/0");
	if (as_key && !r.priority) {
		r.priority = 32000 + n;
		sysconfig_lose(&w->base, "a rule without a priority gets %u, the key must name one",
			       r.priority);
	}
	if (!net_print_rule(&text, &r))
		sysconfig_lose(&w->base, "a rule for table %u is not written", r.table);
	else if (as_key)
		strbuf_addf(w->base.to, "ROUTING_RULE%s_%u='%s'\n", r.is_v6 ? "6" : "", n,
			    strbuf_str(&text));
	else
		strbuf_addf(w->base.to, "%s\n", strbuf_str(&text));
	w->base.failed |= text.failed;
}

static void write_rules(struct writer *w, bool v6)
{
	const struct net_link *l = w->base.l;
	unsigned i;

	for (i = 0; i < l->rule_count; i++)
		if (l->rules[i].is_v6 == v6)
			print_rule(w, &l->rules[i], i + 1, false);
}

static void write_rules4(struct ini_writer *base)
{
	write_rules((struct writer *)base, false);
}

static void write_rules6(struct ini_writer *base)
{
	write_rules((struct writer *)base, true);
}

static void put_rules(struct writer *w)
{
	const struct net_link *l = w->base.l;
	unsigned i;

	if (l->rule_count && w->rules == RULE_SCRIPTS)
		strbuf_adds(w->base.to, "NM_CONTROLLED='no'\n");
	for (i = 0; i < l->rule_count; i++) {
		if (w->rules == RULE_NONE)
			sysconfig_lose(&w->base,
				       "a rule for table %u is not written: this NetworkManager "
				       "knows none",
				       l->rules[i].table);
		else if (w->rules == RULE_KEYS)
			print_rule(w, &l->rules[i], i + 1, true);
	}
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static void write_link(struct ini_writer *base)
{
	struct writer *w = (struct writer *)base;
	const struct net_link *l = base->l;

	w->says_peer = false;
	if (!sysconfig_can_write(&w->base) || sysconfig_begin(&w->base, IFCFG_DIR, "ifcfg-") < 0)
		return;
	put_kind(w);
	put_own(w);
	if (net_port_owner(w->base.m, l->name)) {
		if (l->addresses.count || l->v4 != NET_OFF || l->route_count || l->rule_count)
			sysconfig_lose(&w->base, "what the port has of its own is not written");
		strbuf_adds(w->base.to, "BOOTPROTO='none'\n");
	} else {
		put_v4(w);
		put_v6(w);
		put_servers(w);
		put_rules(w);
	}
	w->base.failed |= w->base.to->failed || net_lose_extra(w->base.o, l) < 0;
	if (net_port_owner(w->base.m, l->name))
		return;
	if (l->v4 == NET_DHCP && is_only_scripts(w))
		put_aliases(w);
	sysconfig_write_list(base, IFCFG_DIR, "route-", write_routes4);
	sysconfig_write_list(base, IFCFG_DIR, "route6-", write_routes6);
	if (w->rules != RULE_FILES && w->rules != RULE_SCRIPTS)
		return;
	sysconfig_write_list(base, IFCFG_DIR, "rule-", write_rules4);
	sysconfig_write_list(base, IFCFG_DIR, "rule6-", write_rules6);
}

/* What the source says for all links would be for these as well. */
static int write_network(struct net_output *o, const struct root *root, struct err *e)
{
	static const struct sysconfig_change changes[] = {
		{ "NETWORKING", "yes", false },	   { "NETWORKING_IPV6", "yes", true },
		{ "GATEWAY", NULL, false },	   { "GATEWAYDEV", NULL, false },
		{ "IPV6_DEFAULTGW", NULL, false }, { "IPV6_DEFAULTDEV", NULL, false },
		{ "IPV6INIT", NULL, false },	   { "IPV6_AUTOCONF", NULL, false },
	};

	return sysconfig_edit(o, root, IFCFG_NETWORK, changes, ARRAY_SIZE(changes), e);
}

int ifcfg_write(struct net_output *o, const struct net_model *m, const struct root *root,
		struct err *e)
{
	struct writer w = { .base = { .o = o, .m = m } };

	w.user = root ? ifcfg_user_of(root)
		      : (struct ifcfg_user){ .nm = true, .version = UINT_MAX };
	w.rules = rule_way_of(&w.user);
	ini_write_links(&w.base, write_link, true);
	if (w.base.failed || (w.user.nm && strlist_add(&o->units, "NetworkManager.service") < 0))
		return err_set(e, ERR_NOMEM, 0, "ifcfg");
	return write_network(o, root, e);
}
