/* SPDX-License-Identifier: MIT */
/* The model as /etc/systemd/network/05-rehost-NAME.{netdev,network}. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_networkd_priv.h"

#define DIR "/etc/systemd/network/05-rehost-"

/* Another file of the link. */
static void open_file(struct ini_writer *w, const char *suffix)
{
	char *label cleanup_free = net_label_of(w->l->name);
	char path[PATH_MAX];
	struct net_file *f = NULL;

	if (label && snprintf(path, sizeof(path), DIR "%s%s", label, suffix) < (int)sizeof(path))
		f = net_file_add(w->o, path, 0644);
	w->failed |= !f;
	w->to = f ? &f->text : w->to;
	strbuf_adds(w->to, "# Written by rehost.\n");
}

/* ---- .netdev ----------------------------------------------------------------------------------------------- */

static void put_option(struct ini_writer *w, const char *option)
{
	size_t len = strcspn(option, "=");
	const struct net_option *o = net_option_find(w->l->kind, option, len);
	const char *value = option[len] ? option + len + 1 : "";
	char *list cleanup_free = NULL, *s;
	uint32_t number;

	if (strncmp(option, "primary", len) == 0 && len == 7)
		return; /* said by the port */
	if (!o || !net_is_ini_word(value) || (o->type == OPTION_BOOL && net_bool(value) < 0) ||
	    (o->type == OPTION_MS && parse_u32(value, &number) < 0)) {
		ini_lose(w, "the option", option);
		return;
	}
	list = strdup(value);
	for (s = list; s && *s && o->type == OPTION_LIST; s++)
		if (*s == ',')
			*s = ' ';
	if (!list)
		w->failed = true;
	else if (o->type == OPTION_BOOL)
		strbuf_addf(w->to, "%s=%s\n", o->networkd, net_bool(value) ? "yes" : "no");
	else
		strbuf_addf(w->to, "%s=%s%s\n", o->networkd, list,
			    o->type == OPTION_MS	? "ms"
			    : o->type == OPTION_SECONDS ? "s"
							: "");
}

static void write_netdev(struct ini_writer *w)
{
	static const char *const kinds[] = {
		[NET_BOND] = "bond", [NET_BRIDGE] = "bridge", [NET_VLAN] = "vlan"
	};
	const struct net_link *l = w->l;
	size_t i;

	open_file(w, ".netdev");
	ini_section(w, "NetDev");
	ini_put(w, "Name", l->name);
	ini_put(w, "Kind", kinds[l->kind]);
	if (l->set_mac)
		ini_put(w, "MACAddress", l->set_mac);
	if (l->kind == NET_VLAN) {
		ini_section(w, "VLAN");
		strbuf_addf(w->to, "Id=%u\n", l->vlan_id);
	} else if (l->options.count) {
		ini_section(w, l->kind == NET_BOND ? "Bond" : "Bridge");
		for (i = 0; i < l->options.count; i++)
			put_option(w, l->options.items[i]);
	}
}

/* ---- .network ---------------------------------------------------------------------------------------------- */

static void write_match(struct ini_writer *w)
{
	const struct net_link *l = w->l;

	ini_section(w, "Match");
	if (!l->mac) {
		ini_put(w, "Name", l->name);
	} else if (w->version >= 245) {
		ini_put(w, "PermanentMACAddress", l->mac);
	} else {
		/* VLANs and bridges have the address of the card: their types are other ones */
		ini_put(w, "MACAddress", l->mac);
		ini_put(w, "Type", "ether");
	}
}

static void write_link_section(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	bool lonely = l->kind == NET_BRIDGE && !l->ports.count;
	const char *mac = l->kind == NET_CARD || l->kind == NET_OTHER ? l->set_mac : NULL;

	if (!l->mtu && l->at_boot && !lonely && !mac)
		return;
	ini_section(w, "Link");
	if (mac)
		ini_put(w, "MACAddress", mac);
	if (l->mtu)
		strbuf_addf(w->to, "MTUBytes=%u\n", l->mtu);
	if (!l->at_boot || lonely)
		strbuf_adds(w->to, "RequiredForOnline=no\n");
	if (!l->at_boot && w->version >= 248)
		strbuf_adds(w->to, "ActivationPolicy=manual\n");
	else if (!l->at_boot)
		w->failed |= net_loss(w->o,
				      "%s is brought up at boot: this systemd-networkd has no "
				      "other way",
				      l->name) < 0;
}

static void write_joins(struct ini_writer *w)
{
	const struct net_link *l = w->l, *owner = net_port_owner(w->m, l->name);
	char primary[64];
	unsigned i;

	if (owner) {
		ini_put(w, owner->kind == NET_BRIDGE ? "Bridge" : "Bond", owner->name);
		snprintf(primary, sizeof(primary), "primary=%s", l->name);
		if (owner->kind == NET_BOND && strlist_has(&owner->options, primary))
			strbuf_adds(w->to, "PrimarySlave=yes\n");
	}
	for (i = 0; i < w->m->link_count; i++)
		if (w->m->links[i].kind == NET_VLAN && w->m->links[i].parent &&
		    strcmp(w->m->links[i].parent, l->name) == 0)
			ini_put(w, "VLAN", w->m->links[i].name);
	if (l->kind == NET_BRIDGE && !l->ports.count)
		strbuf_adds(w->to, "ConfigureWithoutCarrier=yes\n");
}

static void write_network_section(struct ini_writer *w)
{
	static const char *const dhcp[2][2] = { { "no", "ipv6" }, { "ipv4", "yes" } };
	const struct net_link *l = w->l;
	size_t i;

	ini_section(w, "Network");
	write_joins(w);
	strbuf_addf(w->to, "DHCP=%s\n", dhcp[l->v4 == NET_DHCP][l->v6 == NET_DHCP]);
	strbuf_addf(w->to, "IPv6AcceptRA=%s\n",
		    l->v6 == NET_DHCP || l->v6 == NET_AUTO ? "yes" : "no");
	for (i = 0; i < l->addresses.count; i++)
		if (!l->peer4 || net_is_v6(l->addresses.items[i]))
			ini_put(w, "Address", l->addresses.items[i]);
	for (i = 0; i < l->dns.count; i++)
		ini_put(w, "DNS", l->dns.items[i]);
	for (i = 0; i < l->search.count; i++)
		ini_put(w, "Domains", l->search.items[i]);
	/* The default is made of the machine-id: what the server has known for this card is the card's address. */
	if (l->v4 == NET_DHCP)
		strbuf_addf(w->to, "\n[%s]\nClientIdentifier=mac\n",
			    w->version >= 243 ? "DHCPv4" : "DHCP");
	/* DHCPv6 also where no router tells to use it */
	if (l->v6 == NET_DHCP && w->version >= 246)
		strbuf_adds(w->to, "\n[DHCPv6]\nWithoutRA=solicit\n");
}

/* With a peer every IPv4 address has a section of its own, so that the first stays the first. */
static void write_peer(struct ini_writer *w)
{
	const struct strlist *list = &w->l->addresses;
	char peer[64];
	bool is_first = true;
	size_t i;

	for (i = 0; w->l->peer4 && i < list->count; i++) {
		if (net_is_v6(list->items[i]) || !net_is_ini_word(list->items[i]))
			continue;
		ini_section(w, "Address");
		ini_put(w, "Address", list->items[i]);
		snprintf(peer, sizeof(peer), "%s/32", w->l->peer4);
		if (is_first)
			ini_put(w, "Peer", peer);
		is_first = false;
	}
}

static void put_onlink(struct ini_writer *w)
{
	/* so since 242; the old spelling is still read */
	strbuf_addf(w->to, "%s=yes\n", w->version >= 242 ? "GatewayOnLink" : "GatewayOnlink");
}

static void write_gateway(struct ini_writer *w, const char *gateway, bool is_onlink)
{
	if (!gateway)
		return;
	ini_section(w, "Route");
	ini_put(w, "Gateway", gateway);
	if (is_onlink || net_needs_onlink(w->l, gateway))
		put_onlink(w);
}

static void write_route(struct ini_writer *w, const struct net_route *r)
{
	if (!net_route_is_sound(r)) {
		ini_lose(w, "the route to", r->to);
		return;
	}
	ini_section(w, "Route");
	ini_put(w, "Destination", r->to);
	if (r->via)
		ini_put(w, "Gateway", r->via);
	if (r->via && (r->is_onlink || net_needs_onlink(w->l, r->via)))
		put_onlink(w);
	if (r->type)
		ini_put(w, "Type", r->type);
	else if (!r->via && !net_is_v6(r->to))
		strbuf_adds(w->to, "Scope=link\n");
	if (r->src)
		ini_put(w, "PreferredSource", r->src);
	if (r->metric)
		strbuf_addf(w->to, "Metric=%u\n", r->metric);
	if (r->table)
		strbuf_addf(w->to, "Table=%u\n", r->table);
	if (r->mtu)
		strbuf_addf(w->to, "MTUBytes=%u\n", r->mtu);
}

static void write_rule(struct ini_writer *w, const struct net_rule *r)
{
	if (!net_rule_is_sound(r)) {
		ini_lose(w, "the rule from", r->from);
		return;
	}
	ini_section(w, "RoutingPolicyRule");
	if (r->from)
		ini_put(w, "From", r->from);
	if (r->to)
		ini_put(w, "To", r->to);
	if (!r->from && !r->to && r->is_v6)
		strbuf_adds(w->to, "Family=ipv6\n");
	if (r->iif)
		ini_put(w, "IncomingInterface", r->iif);
	if (r->fwmark)
		ini_put(w, "FirewallMark", r->fwmark);
	strbuf_addf(w->to, "Table=%u\n", r->table ? r->table : 254);
	if (r->priority)
		strbuf_addf(w->to, "Priority=%u\n", r->priority);
}

static void write_network(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	unsigned i;

	open_file(w, ".network");
	write_match(w);
	write_link_section(w);
	write_network_section(w);
	write_peer(w);
	write_gateway(w, l->gateway4, l->is_onlink4);
	write_gateway(w, l->gateway6, l->is_onlink6);
	for (i = 0; i < l->route_count; i++)
		write_route(w, &l->routes[i]);
	for (i = 0; i < l->rule_count; i++)
		write_rule(w, &l->rules[i]);
}

/* ---- all links --------------------------------------------------------------------------------------------- */

static void write_link(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	char mac[18];

	/* without a sound [Match] the file would be for every link */
	if (l->mac ? !net_mac_of(l->mac, mac) : !net_is_ini_word(l->name) || l->name[0] == '!') {
		ini_lose(w, "a link that cannot be named,", l->mac ? l->mac : l->name);
		return;
	}
	if (l->kind == NET_OTHER)
		w->failed |= net_loss(w->o,
				      "%s: what makes this link is not written, only its addresses "
				      "and routes",
				      l->name) < 0;
	else if (l->kind != NET_CARD)
		write_netdev(w);
	write_network(w);
	w->failed |= net_lose_extra(w->o, l) < 0;
}

/* networkd only hands servers over: without systemd-resolved nobody uses them. */
static void check_resolved(struct ini_writer *w, const struct root *root)
{
	static const char *const programs[] = { "/usr/lib/systemd/systemd-resolved",
						"/lib/systemd/systemd-resolved", NULL };
	bool any = false;
	unsigned i;

	for (i = 0; i < w->m->link_count; i++)
		any |= w->m->links[i].dns.count || w->m->links[i].v4 == NET_DHCP ||
		       w->m->links[i].v6 == NET_DHCP;
	if (any && root && !net_any_exists(root, programs))
		w->failed |= net_loss(w->o,
				      "name servers are only given to systemd-resolved, which is "
				      "not installed: they must stand in /etc/resolv.conf") < 0;
}

int networkd_write(struct net_output *o, const struct net_model *m, const struct root *root,
		   struct err *e)
{
	struct strbuf nowhere cleanup_strbuf = STRBUF_INIT;
	struct ini_writer w = {
		.o = o, .m = m, .version = root ? networkd_version(root) : UINT_MAX, .to = &nowhere
	};
	unsigned i;

	ini_write_links(&w, write_link, true);
	check_resolved(&w, root);
	for (i = 0; i < o->file_count; i++)
		w.failed |= o->files[i].text.failed;
	if (strlist_add(&o->units, "systemd-networkd.service") < 0 || w.failed)
		return err_set(e, ERR_NOMEM, 0, "systemd-networkd");
	return 0;
}
