/* SPDX-License-Identifier: MIT */
/* The model as /etc/conf.d/net, which a shell sources: every value is checked before it is put between quotes. */
#include <string.h>

#include "rewrite/net_netifrc_priv.h"

/* preup finds cards; bonds, bridges and VLANs are there in postup only. */
const char netifrc_functions[] =
	"\n# What the kernel makes of router advertisements: 0 is nothing.\n"
	"rehost_accept_ra() {\n"
	"\tlocal ra=\n"
	"\teval \"ra=\\${" NETIFRC_RA "_${IFVAR}}\"\n"
	"\tif [ -n \"${ra}\" ] && [ -e \"/proc/sys/net/ipv6/conf/${IFACE}\" ]; then\n"
	"\t\techo \"${ra}\" >\"/proc/sys/net/ipv6/conf/${IFACE}/accept_ra\"\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n"
	"preup() {\n"
	"\trehost_accept_ra\n"
	"}\n"
	"postup() {\n"
	"\trehost_accept_ra\n"
	"}\n";

/* NAME_LINK="VALUE"; the value is checked. */
static void put(struct ini_writer *w, const char *stem, const char *value)
{
	char var[NETIFRC_VAR_MAX];

	if (netifrc_var(w->l->name, var))
		strbuf_addf(w->to, "%s_%s=\"%s\"\n", stem, var, value);
}

/* The same of several items with sep between; none: nothing. */
static void put_list(struct ini_writer *w, const char *stem, const struct strlist *items,
		     const char *sep)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < items->count; i++)
		strbuf_addf(&b, "%s%s", i ? sep : "", items->items[i]);
	if (items->count)
		put(w, stem, strbuf_str(&b));
	w->failed |= b.failed;
}

static void put_words(struct ini_writer *w, const char *stem, const char *what,
		      const struct strlist *items)
{
	struct strlist good cleanup_strlist = STRLIST_INIT;
	size_t i;

	for (i = 0; i < items->count; i++) {
		if (net_is_shell_word(items->items[i]))
			w->failed |= strlist_add(&good, items->items[i]) < 0;
		else
			ini_lose(w, what, items->items[i]);
	}
	put_list(w, stem, &good, " ");
}

/* ---- addresses, routes ------------------------------------------------------------------------------------------- */

static void write_config(struct ini_writer *w)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	const struct net_link *l = w->l;
	bool first4 = true;
	size_t i;

	if (l->v4 == NET_DHCP)
		w->failed |= strlist_add(&lines, "dhcp") < 0;
	if (l->v6 == NET_DHCP)
		w->failed |= strlist_add(&lines, "dhcpv6") < 0;
	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];
		bool with_peer = first4 && !net_is_v6(address) && l->peer4;

		if (!net_is_shell_word(address) || !strchr(address, '/')) {
			ini_lose(w, "the address", address);
			continue;
		}
		first4 &= net_is_v6(address);
		if (with_peer && net_is_address(l->peer4))
			w->failed |= strlist_addf(&lines, "%s peer %s", address, l->peer4) < 0;
		else
			w->failed |= strlist_add(&lines, address) < 0;
		if (with_peer && !net_is_address(l->peer4))
			ini_lose(w, "the peer", l->peer4);
	}
	if (!lines.count)
		w->failed |= strlist_add(&lines, "null") < 0;
	put_list(w, "config", &lines, "\n");
	put(w, NETIFRC_RA, l->v6 == NET_AUTO || l->v6 == NET_DHCP ? "2" : "0");
}

static void write_routes(struct ini_writer *w)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	const struct net_link *l = w->l;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *gateway = i ? l->gateway6 : l->gateway4;

		if (net_print_gateway(&text, gateway, i ? l->is_onlink6 : l->is_onlink4))
			w->failed |= text.failed || strlist_add(&lines, strbuf_str(&text)) < 0;
		else if (gateway)
			ini_lose(w, "the gateway", gateway);
	}
	for (i = 0; i < l->route_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		if (net_print_route(&text, &l->routes[i], NULL))
			w->failed |= text.failed || strlist_add(&lines, strbuf_str(&text)) < 0;
		else
			ini_lose(w, "the route to", l->routes[i].to);
	}
	put_list(w, "routes", &lines, "\n");
	/* else the card's number would be the metric of each */
	if (lines.count)
		put(w, "metric", "0");
}

static void write_rules(struct ini_writer *w, const char *stem, bool v6)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	unsigned i;

	for (i = 0; i < w->l->rule_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const struct net_rule *r = &w->l->rules[i];

		if (r->is_v6 != v6)
			continue;
		if (net_print_rule(&text, r))
			w->failed |= text.failed || strlist_add(&lines, strbuf_str(&text)) < 0;
		else
			ini_lose(w, "the rule from", r->from ? r->from : "all");
	}
	put_list(w, stem, &lines, "\n");
}

/* ---- bonds, bridges, VLANs --------------------------------------------------------------------------------------- */

/* The ports, and that their services come first: they set what the port has of its own. */
static void write_ports(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	struct strbuf names cleanup_strbuf = STRBUF_INIT, needs cleanup_strbuf = STRBUF_INIT;
	char var[NETIFRC_VAR_MAX];
	size_t i;

	for (i = 0; i < l->ports.count; i++) {
		const char *port = l->ports.items[i];

		if (!net_is_device_name(port)) {
			ini_lose(w, "the port", port);
			continue;
		}
		strbuf_addf(&names, "%s%s", names.len ? " " : "", port);
		strbuf_addf(&needs, "%snet.%s", needs.len ? " " : "", port);
	}
	put(w, l->kind == NET_BOND ? "slaves" : "bridge", strbuf_str(&names));
	if (needs.len && netifrc_var(l->name, var))
		strbuf_addf(w->to, "rc_net_%s_need=\"%s\"\n", var, strbuf_str(&needs));
	w->failed |= names.failed || needs.failed;
}

static void write_options(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	struct net_said_option o;
	char stem[80];
	size_t i;

	for (i = 0; i < l->options.count; i++) {
		if (!net_say_option(&o, l, i, BRIDGE_SYSFS)) {
			ini_lose(w, "the option", l->options.items[i]);
			continue;
		}
		snprintf(stem, sizeof(stem), "%s%s", l->kind == NET_BRIDGE ? "bridge_" : "",
			 o.name);
		if (strcmp(o.name, "arp_ip_target") == 0) {
			char *s, *targets cleanup_free = strdup(o.value);

			for (s = targets; s && *s; s++)
				*s = *s == ',' ? ' ' : *s;
			if (targets)
				put(w, stem, targets);
			w->failed |= !targets;
		} else {
			put(w, stem, o.value);
		}
	}
}

static bool is_on(const struct net_link *vlan, const char *parent)
{
	return vlan->kind == NET_VLAN && vlan->parent && strcmp(vlan->parent, parent) == 0 &&
	       net_is_device_name(vlan->name);
}

/* What lies on the link is brought up by it (vlan.sh). */
static void write_vlans(struct ini_writer *w)
{
	struct strlist ids cleanup_strlist = STRLIST_INIT;
	const struct net_link *l = w->l;
	char var[NETIFRC_VAR_MAX];
	unsigned i;

	for (i = 0; i < w->m->link_count; i++) {
		const struct net_link *vlan = &w->m->links[i];

		if (!is_on(vlan, l->name) || !netifrc_var(l->name, var))
			continue;
		w->failed |= strlist_addf(&ids, "%u", vlan->vlan_id) < 0;
		strbuf_addf(w->to, "%s_vlan%u_name=\"%s\"\n", var, vlan->vlan_id, vlan->name);
		if (vlan->at_boot != l->at_boot)
			ini_lose(w,
				 vlan->at_boot ? "not started at boot, like the VLAN"
					       : "started at boot, unlike the VLAN",
				 vlan->name);
	}
	put_list(w, "vlans", &ids, " ");
}

/* ---- links --------------------------------------------------------------------------------------------------------- */

/* Two links whose variables would have one name. */
static bool is_ambiguous(const struct net_model *m, const struct net_link *l)
{
	char a[NETIFRC_VAR_MAX], b[NETIFRC_VAR_MAX];
	const struct net_link *k;

	if (!netifrc_var(l->name, a))
		return true;
	for (k = m->links; k < l && k < m->links + m->link_count; k++)
		if (l >= m->links && l < m->links + m->link_count && netifrc_var(k->name, b) &&
		    strcmp(a, b) == 0)
			return true;
	return false;
}

static void write_link(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	char mac[18], mtu[16];

	if (!net_is_device_name(l->name) || l->kind == NET_OTHER || is_ambiguous(w->m, l) ||
	    (l->kind == NET_VLAN && (!l->parent || !net_is_device_name(l->parent)))) {
		ini_lose(w, "a link that netifrc cannot be told of,", l->name);
		return;
	}
	strbuf_addc(w->to, '\n');
	if (l->mac)
		ini_lose(w, "found by its name only, not by the address", l->mac);
	if (l->kind == NET_BOND || l->kind == NET_BRIDGE) {
		write_ports(w);
		write_options(w);
	}
	write_config(w);
	write_routes(w);
	write_rules(w, "rules", false);
	write_rules(w, "rules6", true);
	put_words(w, "dns_servers", "the name server", &l->dns);
	put_words(w, "dns_search", "the search domain", &l->search);
	snprintf(mtu, sizeof(mtu), "%u", l->mtu);
	if (l->mtu)
		put(w, "mtu", mtu);
	if (l->set_mac && net_mac_of(l->set_mac, mac))
		put(w, "mac", mac);
	else if (l->set_mac)
		ini_lose(w, "the hardware address", l->set_mac);
	write_vlans(w);
	w->failed |= net_lose_extra(w->o, l) < 0;
	/* a VLAN has no service of its own */
	if (l->at_boot && l->kind != NET_VLAN)
		w->failed |= strlist_addf(&w->o->units, "net.%s", l->name) < 0;
}

int netifrc_write(struct net_output *o, const struct net_model *m, const struct root *root,
		  struct err *e)
{
	struct net_file *f = net_file_add(o, NETIFRC, 0644);
	struct ini_writer w = { .o = o, .m = m };

	(void)root;
	if (!f)
		return err_set(e, ERR_NOMEM, 0, "netifrc");
	w.to = &f->text;
	strbuf_adds(w.to, "# Written by rehost.\n");
	ini_write_links(&w, write_link, true);
	strbuf_adds(w.to, netifrc_functions);
	return w.failed || f->text.failed ? err_set(e, ERR_NOMEM, 0, "netifrc") : 0;
}
