/* SPDX-License-Identifier: MIT */
/*
 * The model as SUSE's ifcfg files: one for each link, with ifroute-, ifrule- and ifsysctl- of that name, and the name servers in
 * the file config, out of which netconfig makes resolv.conf. Cards are known by name only.
 */
#include <string.h>

#include "rewrite/net_wicked_priv.h"

/* ---- what it is -------------------------------------------------------------------------------------------------- */

static void put_bond(struct ini_writer *w)
{
	char name[40];
	size_t i;

	strbuf_adds(w->to, "BONDING_MASTER='yes'\n");
	for (i = 0; i < w->l->ports.count; i++) {
		snprintf(name, sizeof(name), "BONDING_SLAVE_%zu", i);
		sysconfig_put(w, name, w->l->ports.items[i]);
	}
	sysconfig_put_list(w, "BONDING_MODULE_OPTS", &w->l->options);
}

static void put_bridge(struct ini_writer *w)
{
	static const char *const keys[][2] = {
		{ "stp=", "BRIDGE_STP" },
		{ "ageing_time=", "BRIDGE_AGEINGTIME" },
		{ "hello_time=", "BRIDGE_HELLOTIME" },
		{ "forward_delay=", "BRIDGE_FORWARDDELAY" },
		{ "max_age=", "BRIDGE_MAXAGE" },
		{ "priority=", "BRIDGE_PRIORITY" },
	};
	const struct strlist *options = &w->l->options;
	size_t i, k;

	strbuf_adds(w->to, "BRIDGE='yes'\n");
	if (w->l->ports.count)
		sysconfig_put_list(w, "BRIDGE_PORTS", &w->l->ports);
	else
		strbuf_adds(w->to, "BRIDGE_PORTS=''\n");
	for (i = 0; i < options->count; i++) {
		const char *s = options->items[i];

		for (k = 0; k < ARRAY_SIZE(keys); k++)
			if (str_starts(s, keys[k][0]))
				break;
		if (k == ARRAY_SIZE(keys))
			sysconfig_lose(w, "the bridge's option \"%s\" is not written", s);
		else
			sysconfig_put(w, keys[k][1], s + strlen(keys[k][0]));
	}
}

static void put_kind(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	char id[16];

	if (l->kind == NET_BOND)
		put_bond(w);
	else if (l->kind == NET_BRIDGE)
		put_bridge(w);
	else if (l->kind == NET_VLAN) {
		snprintf(id, sizeof(id), "%u", l->vlan_id);
		sysconfig_put(w, "ETHERDEVICE", l->parent);
		sysconfig_put(w, "VLAN_ID", id);
	}
}

static void put_own(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	char mac[18];

	if (l->mac)
		sysconfig_lose(w, "found by the address %s before, now only by its name", l->mac);
	if (l->set_mac && net_mac_of(l->set_mac, mac))
		sysconfig_put(w, "LLADDR", mac);
	else if (l->set_mac)
		sysconfig_lose(w, "the address %s is not given to it", l->set_mac);
	if (l->mtu)
		strbuf_addf(w->to, "MTU='%u'\n", l->mtu);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

/* ifcfg(5): dhcp wants one of the two, dhcp4 and dhcp6 that one. Routers are listened to without a word. */
static const char *method_word(const struct net_link *l)
{
	if (l->v4 == NET_DHCP)
		return l->v6 == NET_DHCP ? "dhcp" : "dhcp4";
	if (l->v6 == NET_DHCP)
		return "dhcp6";
	return l->v6 == NET_AUTO && !l->addresses.count ? "auto6" : "static";
}

static void put_peer(struct ini_writer *w, const char *suffix, const char *address)
{
	const char *peer = w->l->peer4;

	if (net_is_address(peer) && !net_is_v6(peer) && str_ends(address, "/32"))
		strbuf_addf(w->to, "REMOTE_IPADDR%s='%s'\n", suffix, peer);
	else
		sysconfig_lose(w, "the peer %s is not written: its address needs the length 32",
			       peer);
}

static void put_addresses(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	bool is_first4 = true;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];
		char name[24], suffix[12] = "";

		if (!sysconfig_is_prefix(w, address))
			continue;
		if (n)
			snprintf(suffix, sizeof(suffix), "_%u", n);
		n++;
		snprintf(name, sizeof(name), "IPADDR%s", suffix);
		sysconfig_put(w, name, address);
		if (net_is_v6(address))
			continue;
		if (is_first4 && l->peer4)
			put_peer(w, suffix, address);
		is_first4 = false;
	}
}

/* ---- routes and rules ------------------------------------------------------------------------------------------------- */

static bool is_sound_route(const struct net_route *r)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	return net_print_route(&text, r, "lo");
}

/* Destination Gateway Netmask Interface Options: ifroute(5). */
static void print_route(struct ini_writer *w, const struct net_route *r)
{
	struct strbuf *to = w->to;

	if (!is_sound_route(r)) {
		sysconfig_lose(w, "the route to %s is not written", r->to ? r->to : "nowhere");
		return;
	}
	strbuf_addf(to, "%s %s - %s", r->to, r->via && !r->type ? r->via : "-",
		    r->type ? "-" : w->l->name);
	if (r->type)
		strbuf_addf(to, " %s", r->type);
	if (r->metric)
		strbuf_addf(to, " metric %u", r->metric);
	if (r->table)
		strbuf_addf(to, " table %u", r->table);
	if (r->mtu)
		strbuf_addf(to, " mtu %u", r->mtu);
	if (r->src)
		strbuf_addf(to, " src %s", r->src);
	strbuf_addc(to, '\n');
}

/* Whether put_peer wrote it, so that it is on the link. */
static const char *written_peer(const struct net_link *l)
{
	size_t i;

	for (i = 0; i < l->addresses.count; i++)
		if (!net_is_v6(l->addresses.items[i]))
			return str_ends(l->addresses.items[i], "/32") ? l->peer4 : NULL;
	return NULL;
}

static void write_routes(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		const char *gateway = v6 ? l->gateway6 : l->gateway4;
		bool is_good = gateway && net_is_address(gateway) && net_is_v6(gateway) == v6;

		if (gateway && !is_good)
			sysconfig_lose(w, "the gateway %s is not written", gateway);
		sysconfig_each_route(w, v6, is_good, v6 ? NULL : written_peer(l), print_route);
	}
}

static void write_rules(struct ini_writer *w)
{
	unsigned i;

	for (i = 0; i < w->l->rule_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const struct net_rule *r = &w->l->rules[i];

		if (!net_print_rule(&text, r)) {
			sysconfig_lose(w, "a rule for table %u is not written", r->table);
			continue;
		}
		/* "from all" has no address that ifrule(5) knows */
		strbuf_addf(w->to, "%s %s\n", r->is_v6 ? "ipv6" : "ipv4",
			    r->from ? strbuf_str(&text) : strbuf_str(&text) + strlen("from all "));
		w->failed |= text.failed;
	}
}

/* Without it the kernel listens to routers, whatever BOOTPROTO says. */
static void write_sysctl(struct ini_writer *w)
{
	char name[32], *c;

	if (w->l->v6 != NET_STATIC && w->l->v6 != NET_OFF)
		return;
	snprintf(name, sizeof(name), "%s", w->l->name);
	for (c = name; *c; c++)
		if (*c == '.')
			*c = '/';
	strbuf_addf(w->to, "net.ipv6.conf.%s.accept_ra = 0\nnet.ipv6.conf.%s.autoconf = 0\n", name,
		    name);
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

static void write_port(struct ini_writer *w)
{
	const struct net_link *l = w->l;

	/* the bond waits for its ports, ifup need not */
	strbuf_addf(w->to, "STARTMODE='%s'\nBOOTPROTO='none'\n", l->at_boot ? "hotplug" : "manual");
	if (l->addresses.count || l->v4 != NET_OFF || l->route_count || l->rule_count)
		sysconfig_lose(w, "what the port has of its own is not written");
	put_kind(w);
	put_own(w);
}

static void write_link(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	bool is_port = net_port_owner(w->m, l->name);

	if (!sysconfig_can_write(w) || sysconfig_begin(w, WICKED_DIR, "ifcfg-") < 0)
		return;
	if (is_port) {
		write_port(w);
	} else {
		strbuf_addf(w->to, "STARTMODE='%s'\nBOOTPROTO='%s'\n",
			    l->at_boot ? "auto" : "manual", method_word(l));
		put_kind(w);
		put_own(w);
		put_addresses(w);
	}
	w->failed |= w->to->failed || net_lose_extra(w->o, l) < 0;
	if (is_port)
		return;
	sysconfig_write_list(w, WICKED_DIR, "ifroute-", write_routes);
	sysconfig_write_list(w, WICKED_DIR, "ifrule-", write_rules);
	sysconfig_write_list(w, WICKED_DIR, "ifsysctl-", write_sysctl);
}

/* All of them in one list, without those that were said before. */
static void gather(struct ini_writer *w, struct strbuf *to, bool search)
{
	struct strlist said cleanup_strlist = STRLIST_INIT;
	unsigned i, links = 0;
	size_t n;

	for (i = 0; i < w->m->link_count; i++) {
		const struct strlist *list = search ? &w->m->links[i].search : &w->m->links[i].dns;

		w->l = &w->m->links[i];
		links += list->count > 0;
		for (n = 0; n < list->count; n++) {
			if (strlist_has(&said, list->items[n]))
				continue;
			if (!sysconfig_is_plain(list->items[n])) {
				sysconfig_lose(w, "the name server or domain \"%s\" is not written",
					       list->items[n]);
				continue;
			}
			w->failed |= strlist_add(&said, list->items[n]) < 0;
			strbuf_addf(to, "%s%s", to->len ? " " : "", list->items[n]);
		}
		if (links == 2 && list->count)
			sysconfig_lose(w, "%s count for all links alike",
				       search ? "search domains" : "name servers");
	}
}

static int write_config(struct ini_writer *w, const struct root *root, struct err *e)
{
	struct strbuf servers cleanup_strbuf = STRBUF_INIT, search cleanup_strbuf = STRBUF_INIT;
	struct sysconfig_change changes[] = { { "NETCONFIG_DNS_STATIC_SERVERS", NULL, false },
					      { "NETCONFIG_DNS_STATIC_SEARCHLIST", NULL, false } };

	gather(w, &servers, false);
	gather(w, &search, true);
	changes[0].value = strbuf_str(&servers);
	changes[0].only_there = !servers.len;
	changes[1].value = strbuf_str(&search);
	changes[1].only_there = !search.len;
	if (servers.failed || search.failed)
		return err_set(e, ERR_NOMEM, 0, "wicked");
	return sysconfig_edit(w->o, root, WICKED_CONFIG, changes, ARRAY_SIZE(changes), e);
}

/* The source's name at its DHCP server. */
static int write_dhcp(struct net_output *o, const struct root *root, struct err *e)
{
	static const struct sysconfig_change changes[] = { { "DHCLIENT_CLIENT_ID", "", true },
							   { "DHCLIENT6_CLIENT_ID", "", true } };

	return sysconfig_edit(o, root, WICKED_DIR "/dhcp", changes, ARRAY_SIZE(changes), e);
}

int wicked_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e)
{
	struct ini_writer w = { .o = o, .m = m };

	ini_write_links(&w, write_link, true);
	if (w.failed || strlist_add(&o->units, "wicked.service") < 0)
		return err_set(e, ERR_NOMEM, 0, "wicked");
	if (write_config(&w, root, e) < 0 || write_dhcp(o, root, e) < 0)
		return -1;
	return w.failed ? err_set(e, ERR_NOMEM, 0, "wicked") : 0;
}
