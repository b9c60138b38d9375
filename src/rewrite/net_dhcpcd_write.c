/* SPDX-License-Identifier: MIT */
/* The model as /etc/dhcpcd.conf: one address of each family, routes of IPv4, and no links but those that are there. */
#include <string.h>

#include "rewrite/net_dhcpcd_priv.h"

static void lose(struct ini_writer *w, const char *what)
{
	w->failed |= net_loss(w->o, "%s: %s", w->l->name, what) < 0;
}

/* The first of the family, or NULL; others are lost. */
static const char *one_address(struct ini_writer *w, bool v6)
{
	const struct net_link *l = w->l;
	const char *ret = NULL;
	size_t i;

	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];
		char *prefix;

		if (net_is_v6(address) != v6)
			continue;
		prefix = strchr(address, '/') ? net_prefix_of(address, v6) : NULL;
		if (ret || !prefix || (!v6 && l->v4 == NET_DHCP))
			ini_lose(w, "dhcpcd holds one address of a family; the address", address);
		else
			ret = address;
		free(prefix);
	}
	return ret;
}

static bool is_default(const struct net_route *r)
{
	return strcmp(r->to, "0.0.0.0/0") == 0;
}

/* The metric that every IPv4 route has; 0: they differ, or have none. */
static uint32_t common_metric(const struct net_link *l)
{
	uint32_t metric = 0;
	unsigned i, n = 0;

	for (i = 0; i < l->route_count; i++) {
		if (net_is_v6(l->routes[i].to))
			continue;
		if (n++ && l->routes[i].metric != metric)
			return 0;
		metric = l->routes[i].metric;
	}
	return n && l->gateway4 ? 0 : metric;
}

static bool can_say(const struct net_route *r)
{
	char *prefix = net_prefix_of(r->to, false);
	bool ok = prefix && !net_is_v6(r->to) && !r->table && !r->mtu && !r->src && !r->type &&
		  r->via && net_is_address(r->via) && !net_is_v6(r->via);

	free(prefix);
	return ok && strchr(r->to, '/');
}

static void write_routes(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	uint32_t metric = common_metric(l);
	unsigned i;

	if (metric)
		strbuf_addf(w->to, "metric %u\n", (unsigned)metric);
	if (l->gateway4 && (!net_is_address(l->gateway4) || net_is_v6(l->gateway4)))
		ini_lose(w, "the gateway", l->gateway4);
	else if (l->gateway4)
		strbuf_addf(w->to, "static routers=%s\n", l->gateway4);
	for (i = 0; i < l->route_count; i++) {
		const struct net_route *r = &l->routes[i];

		if (!can_say(r)) {
			ini_lose(w, "the route to", r->to);
			continue;
		}
		if (r->metric != metric)
			ini_lose(w, "the metric of the route to", r->to);
		if (is_default(r))
			strbuf_addf(w->to, "static routers=%s\n", r->via);
		else
			strbuf_addf(w->to, "static routes=%s %s\n", r->to, r->via);
	}
	for (i = 0; i < l->rule_count; i++)
		ini_lose(w, "the rule from", l->rules[i].from ? l->rules[i].from : "all");
}

static void write_v4(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	const char *address = one_address(w, false);

	if (l->v4 == NET_OFF && !address)
		strbuf_adds(w->to, "noipv4\n");
	else if (address)
		strbuf_addf(w->to, "static ip_address=%s\n", address);
	if (l->peer4)
		ini_lose(w, "the peer", l->peer4);
}

/*
 * IPv6 has no "static routers": a default route comes from router advertisements. Without "ipv6rs" dhcpcd leaves those to the
 * kernel (if_setup_inet6).
 */
static void write_v6(struct ini_writer *w)
{
	const struct net_link *l = w->l;
	const char *address = one_address(w, true);

	if (address)
		strbuf_addf(w->to, "static ip6_address=%s\n", address);
	if (l->gateway6) {
		ini_lose(w, "only the routers that advertise themselves; the gateway", l->gateway6);
		if (l->v6 == NET_STATIC)
			strbuf_adds(w->to, "ipv6ra_noautoconf\nnodhcp6\n");
	} else if (l->v6 == NET_STATIC || l->v6 == NET_OFF) {
		strbuf_adds(w->to, "noipv6rs\nnodhcp6\n");
		lose(w, "dhcpcd leaves router advertisements to the kernel, which may heed them");
	}
	if (l->v6 == NET_DHCP)
		strbuf_adds(w->to, "ia_na\n");
}

static void write_list(struct ini_writer *w, const char *key, const char *what,
		       const struct strlist *items, bool addresses)
{
	bool first = true;
	size_t i;

	for (i = 0; i < items->count; i++) {
		const char *s = items->items[i];

		if (addresses ? !net_is_address(s) : !net_is_ini_word(s) || strpbrk(s, "#,=")) {
			ini_lose(w, what, s);
			continue;
		}
		if (first)
			strbuf_addf(w->to, "static %s=", key);
		strbuf_addf(w->to, "%s%s", first ? "" : " ", s);
		first = false;
	}
	if (!first)
		strbuf_addc(w->to, '\n');
}

static void write_link(struct ini_writer *w)
{
	const struct net_link *l = w->l;

	if (!net_is_device_name(l->name)) {
		ini_lose(w, "no interface can be called so,", l->name);
		return;
	}
	if (l->kind != NET_CARD)
		lose(w,
		     "dhcpcd makes no bonds, bridges, VLANs or tunnels: something else must make "
		     "it");
	if (l->mac)
		ini_lose(w, "found by its name only, not by the address", l->mac);
	if (l->set_mac)
		ini_lose(w, "the hardware address", l->set_mac);
	w->failed |= net_lose_extra(w->o, l) < 0;
	if (net_port_owner(w->m, l->name))
		return;
	strbuf_addf(w->to, "\ninterface %s\n", l->name);
	write_v4(w);
	write_v6(w);
	write_routes(w);
	write_list(w, "domain_name_servers", "the name server", &l->dns, true);
	write_list(w, "domain_search", "the search domain", &l->search, false);
	if (l->mtu)
		strbuf_addf(w->to, "static interface_mtu=%u\n", l->mtu);
}

/* Links of the model and no other: cards that it does not name stay as they are. */
static void write_head(struct ini_writer *w)
{
	unsigned i, n = 0;

	strbuf_adds(w->to, "# Written by rehost.\n"
			   "option domain_name_servers, domain_name, domain_search\n"
			   "option classless_static_routes\noption interface_mtu\n"
			   "require dhcp_server_identifier\n");
	for (i = 0; i < w->m->link_count; i++) {
		const struct net_link *l = &w->m->links[i];

		if (l->at_boot && net_is_device_name(l->name) && !net_port_owner(w->m, l->name))
			strbuf_addf(w->to, "%s %s", n++ ? "" : "allowinterfaces", l->name);
	}
	strbuf_adds(w->to, n ? "\n" : "denyinterfaces *\n");
}

int dhcpcd_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e)
{
	struct net_file *f = net_file_add(o, DHCPCD_CONF, 0644);
	struct ini_writer w = { .o = o, .m = m };
	unsigned i;

	(void)root;
	if (!f || strlist_add(&o->units, "dhcpcd.service") < 0)
		return err_set(e, ERR_NOMEM, 0, "dhcpcd");
	w.to = &f->text;
	write_head(&w);
	for (i = 0; i < m->link_count; i++) {
		w.l = &m->links[i];
		write_link(&w);
	}
	return w.failed || f->text.failed ? err_set(e, ERR_NOMEM, 0, "dhcpcd") : 0;
}
