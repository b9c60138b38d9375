/* SPDX-License-Identifier: MIT */
/*
 * The model as profiles /etc/netctl/rehost_NAME, each with the drop-in that "netctl enable" would write. Profiles are sourced
 * by bash, so every value is checked first. What has no variable of its own is a line of IPCustom, words for ip(8).
 */
#include <string.h>

#include "rewrite/net_netctl_priv.h"

#define SYSTEMD "/etc/systemd/system/"
#define RUN "rehost_"

/* ---- lines of a profile ------------------------------------------------------------------------------------------ */

/* NAME=('A' 'B'); items are checked. */
static void put_array(struct ini_writer *w, const char *name, const struct strlist *items)
{
	size_t i;

	if (!items->count)
		return;
	strbuf_addf(w->to, "%s=(", name);
	for (i = 0; i < items->count; i++)
		strbuf_addf(w->to, "%s'%s'", i ? " " : "", items->items[i]);
	strbuf_adds(w->to, ")\n");
}

static void printf_like(3, 4) add(struct ini_writer *w, struct strlist *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->failed |= strlist_vaddf(to, fmt, ap) < 0;
	va_end(ap);
}

static const char *ip_of(bool v6)
{
	return v6 ? "-6 " : "";
}

/* What a family is made of. */
struct family {
	bool v6;
	struct strlist addresses, routes; /* of the profile's own variables */
	const char *gateway;
};

static void family_done(struct family *f)
{
	strlist_done(&f->addresses);
	strlist_done(&f->routes);
}

/* Address= counts for static IPv4 only, Address6= for static and stateless IPv6; a peer has no variable. */
static bool has_variables(const struct net_link *l, bool v6)
{
	return v6 ? l->v6 == NET_STATIC || l->v6 == NET_AUTO : l->v4 == NET_STATIC && !l->peer4;
}

static void say_addresses(struct ini_writer *w, struct family *f, struct strlist *custom)
{
	const struct net_link *l = w->l;
	bool first = true;
	size_t i;

	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];

		if (net_is_v6(address) != f->v6)
			continue;
		if (!net_is_shell_word(address) || !strchr(address, '/'))
			ini_lose(w, "the address", address);
		else if (has_variables(l, f->v6))
			add(w, &f->addresses, "%s", address);
		else if (first && !f->v6 && l->peer4 && net_is_address(l->peer4))
			add(w, custom, "addr add %s peer %s dev %s", address, l->peer4, l->name);
		else
			add(w, custom, "%saddr add %s dev %s", ip_of(f->v6), address, l->name);
		first = false;
	}
}

/* netctl adds no "onlink" to Gateway=. */
static void say_gateway(struct ini_writer *w, struct family *f, struct strlist *custom)
{
	const struct net_link *l = w->l;
	const char *gateway = f->v6 ? l->gateway6 : l->gateway4;
	bool onlink = f->v6 ? l->is_onlink6 : l->is_onlink4;

	if (gateway && (!net_is_address(gateway) || net_is_v6(gateway) != f->v6)) {
		ini_lose(w, "the gateway", gateway);
	} else if (gateway && has_variables(l, f->v6) && !onlink) {
		f->gateway = gateway;
	} else if (gateway) {
		add(w, custom, "%sroute add default via %s dev %s%s", ip_of(f->v6), gateway,
		    l->name, onlink ? " onlink" : "");
	}
}

static void say_routes(struct ini_writer *w, struct family *f, struct strlist *custom)
{
	const struct net_link *l = w->l;
	bool plain = has_variables(l, f->v6) && f->addresses.count;
	unsigned i;

	for (i = 0; i < l->route_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const struct net_route *r = &l->routes[i];
		bool own = plain && !r->type && !r->is_onlink;

		if (net_is_v6(r->to) != f->v6)
			continue;
		if (!net_print_route(&text, r, own ? NULL : l->name))
			ini_lose(w, "the route to", r->to);
		else if (own)
			add(w, &f->routes, "%s", strbuf_str(&text));
		else
			add(w, custom, "%sroute add %s", ip_of(f->v6), strbuf_str(&text));
		w->failed |= text.failed;
	}
}

static void say_rules(struct ini_writer *w, struct strlist *custom)
{
	unsigned i;

	for (i = 0; i < w->l->rule_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const struct net_rule *r = &w->l->rules[i];

		if (net_print_rule(&text, r))
			add(w, custom, "%srule add %s", ip_of(r->is_v6), strbuf_str(&text));
		else
			ini_lose(w, "the rule from", r->from ? r->from : "all");
		w->failed |= text.failed;
	}
}

/* Both families at once: IPCustom is one list, and comes last. */
static void write_families(struct ini_writer *w)
{
	static const char *const words4[] = { "no", "static", "dhcp", "no" };
	static const char *const words6[] = { "no", "static", "dhcp", "stateless" };
	struct family v4 = { .v6 = false }, v6 = { .v6 = true }, *const both[] = { &v4, &v6 };
	struct strlist custom cleanup_strlist = STRLIST_INIT;
	const struct net_link *l = w->l;
	bool creates = l->kind != NET_CARD;
	char mac[18];
	size_t i;

	if (l->set_mac && !net_mac_of(l->set_mac, mac))
		ini_lose(w, "the hardware address", l->set_mac);
	else if (l->set_mac && creates)
		strbuf_addf(w->to, "MACAddress=%s\n", mac);
	else if (l->set_mac)
		add(w, &custom, "link set dev %s address %s", l->name, mac);
	if (l->mtu)
		add(w, &custom, "link set dev %s mtu %u", l->name, l->mtu);
	for (i = 0; i < 2; i++) {
		say_addresses(w, both[i], &custom);
		say_gateway(w, both[i], &custom);
		say_routes(w, both[i], &custom);
	}
	say_rules(w, &custom);
	strbuf_addf(w->to, "IP=%s\n", words4[l->v4]);
	put_array(w, "Address", &v4.addresses);
	if (v4.gateway)
		strbuf_addf(w->to, "Gateway=%s\n", v4.gateway);
	put_array(w, "Routes", &v4.routes);
	strbuf_addf(w->to, "IP6=%s\n", words6[l->v6]);
	put_array(w, "Address6", &v6.addresses);
	if (v6.gateway)
		strbuf_addf(w->to, "Gateway6=%s\n", v6.gateway);
	put_array(w, "Routes6", &v6.routes);
	put_array(w, "IPCustom", &custom);
	family_done(&v4);
	family_done(&v6);
}

/* Which clients there are is the tree's; without one, what netctl takes by itself. */
static void write_clients(struct ini_writer *w, const struct root *root)
{
	static const char *const dhcpcd[] = { "/usr/bin/dhcpcd", "/usr/sbin/dhcpcd", "/sbin/dhcpcd",
					      NULL };
	static const char *const dhclient[] = { "/usr/bin/dhclient", "/usr/sbin/dhclient",
						"/sbin/dhclient", NULL };
	const char *client = !root			      ? NULL
			     : net_any_exists(root, dhcpcd)   ? "dhcpcd"
			     : net_any_exists(root, dhclient) ? "dhclient"
							      : NULL;

	if (client && w->l->v4 == NET_DHCP)
		strbuf_addf(w->to, "DHCPClient=%s\n", client);
	if (client && w->l->v6 == NET_DHCP)
		strbuf_addf(w->to, "DHCP6Client=%s\n", client);
}

static void write_name_servers(struct ini_writer *w)
{
	struct strlist dns cleanup_strlist = STRLIST_INIT;
	struct strbuf search cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < w->l->dns.count; i++) {
		if (net_is_address(w->l->dns.items[i]))
			add(w, &dns, "%s", w->l->dns.items[i]);
		else
			ini_lose(w, "the name server", w->l->dns.items[i]);
	}
	put_array(w, "DNS", &dns);
	for (i = 0; i < w->l->search.count; i++) {
		if (net_is_shell_word(w->l->search.items[i]))
			strbuf_addf(&search, "%s%s", search.len ? " " : "", w->l->search.items[i]);
		else
			ini_lose(w, "the search domain", w->l->search.items[i]);
	}
	if (search.len)
		strbuf_addf(w->to, "DNSSearch='%s'\n", strbuf_str(&search));
	if (search.len && !dns.count)
		ini_lose(w, "without a name server netctl does not set the search list with",
			 w->l->search.items[0]);
	w->failed |= search.failed;
}

/* Mode= and LinkOptions= are words behind "ip link add type bond" (ip-link(8)). */
static void write_link_options(struct ini_writer *w)
{
	struct strbuf more cleanup_strbuf = STRBUF_INIT;
	struct net_said_option o;
	size_t i;

	for (i = 0; i < w->l->options.count; i++) {
		if (!net_say_option(&o, w->l, i, BRIDGE_IP_LINK))
			ini_lose(w, "the option", w->l->options.items[i]);
		else if (w->l->kind == NET_BOND && strcmp(o.name, "mode") == 0)
			strbuf_addf(w->to, "Mode=%s\n", o.value);
		else
			strbuf_addf(&more, "%s%s %s", more.len ? " " : "", o.name, o.value);
	}
	if (more.len)
		strbuf_addf(w->to, "LinkOptions='%s'\n", strbuf_str(&more));
	w->failed |= more.failed;
}

static void write_kind(struct ini_writer *w)
{
	static const char *const kinds[] = { [NET_CARD] = "ethernet",
					     [NET_BOND] = "bond",
					     [NET_BRIDGE] = "bridge",
					     [NET_VLAN] = "vlan" };
	const struct net_link *l = w->l;
	size_t i;

	strbuf_addf(w->to, "Interface=%s\nConnection=%s\n", l->name, kinds[l->kind]);
	if (l->kind == NET_VLAN) {
		strbuf_addf(w->to, "BindsToInterfaces=(%s)\nVLANID=%u\n", l->parent, l->vlan_id);
		if (net_find(w->m, l->parent))
			strbuf_addf(w->to, "After=('rehost_%s')\n", l->parent);
	}
	if (l->kind != NET_BOND && l->kind != NET_BRIDGE)
		return;
	strbuf_adds(w->to, "BindsToInterfaces=(");
	for (i = 0; i < l->ports.count; i++)
		if (net_is_device_name(l->ports.items[i]))
			strbuf_addf(w->to, "%s%s", i ? " " : "", l->ports.items[i]);
		else
			ini_lose(w, "the port", l->ports.items[i]);
	strbuf_adds(w->to, ")\n");
	write_link_options(w);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void bind_to(struct strbuf *out, const char *name)
{
	static const char *const keys[] = { "BindsTo", "After" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		strbuf_addf(out, "%s=sys-subsystem-net-devices-", keys[i]);
		netctl_add_escaped(out, name);
		strbuf_adds(out, ".device\n");
	}
}

/* As unit_enable of netctl(1). */
static void write_unit(struct ini_writer *w)
{
	struct strbuf unit cleanup_strbuf = STRBUF_INIT, path cleanup_strbuf = STRBUF_INIT;
	const struct net_link *l = w->l;
	struct net_file *f;
	size_t i;

	netctl_add_unit(&unit, RUN, l->name);
	strbuf_addf(&path, SYSTEMD "%s.d/profile.conf", strbuf_str(&unit));
	f = unit.failed || path.failed ? NULL : net_file_add(w->o, strbuf_str(&path), 0644);
	if (!f || strlist_add(&w->o->units, strbuf_str(&unit)) < 0) {
		w->failed = true;
		return;
	}
	strbuf_adds(&f->text, "# Written by rehost.\n[Unit]\n");
	if (l->kind == NET_VLAN)
		bind_to(&f->text, l->parent);
	else if (l->kind == NET_CARD)
		bind_to(&f->text, l->name);
	for (i = 0; i < l->ports.count; i++)
		if (net_is_device_name(l->ports.items[i]))
			bind_to(&f->text, l->ports.items[i]);
	if (l->kind == NET_VLAN && net_find(w->m, l->parent)) {
		strbuf_adds(&f->text, "After=");
		netctl_add_unit(&f->text, RUN, l->parent);
		strbuf_addc(&f->text, '\n');
	}
	w->failed |= f->text.failed;
}

/* A port comes up with what it belongs to. */
static bool needs_no_profile(struct ini_writer *w)
{
	const struct net_link *l = w->l, *owner = net_port_owner(w->m, l->name);

	if (!owner || l->kind != NET_CARD)
		return false;
	if (l->mac)
		ini_lose(w, "found by its name only, not by the address", l->mac);
	if (l->addresses.count || l->v4 != NET_OFF || l->v6 != NET_OFF || l->route_count ||
	    l->mtu || l->set_mac)
		ini_lose(w, "what the port has of its own in", owner->name);
	return true;
}

static void write_link(struct ini_writer *w, const struct root *root)
{
	struct strbuf path cleanup_strbuf = STRBUF_INIT;
	const struct net_link *l = w->l;
	struct net_file *f;

	if (!net_is_device_name(l->name) || !netctl_is_profile(l->name) || l->kind == NET_OTHER ||
	    (l->kind == NET_VLAN && (!l->parent || !net_is_device_name(l->parent)))) {
		ini_lose(w, "a link that a profile cannot be for,", l->name);
		return;
	}
	w->failed |= net_lose_extra(w->o, l) < 0;
	if (needs_no_profile(w))
		return;
	if (l->mac)
		ini_lose(w, "found by its name only, not by the address", l->mac);
	strbuf_addf(&path, NETCTL "/rehost_%s", l->name);
	f = path.failed ? NULL : net_file_add(w->o, strbuf_str(&path), 0644);
	if (!f) {
		w->failed = true;
		return;
	}
	w->to = &f->text;
	strbuf_adds(w->to, "# Written by rehost.\n");
	write_kind(w);
	write_families(w);
	write_clients(w, root);
	write_name_servers(w);
	w->failed |= f->text.failed;
	if (l->at_boot)
		write_unit(w);
}

int netctl_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e)
{
	struct ini_writer w = { .o = o, .m = m };
	unsigned i;

	for (i = 0; i < m->link_count; i++) {
		w.l = &m->links[i];
		write_link(&w, root);
	}
	return w.failed ? err_set(e, ERR_NOMEM, 0, "netctl") : 0;
}
