/* SPDX-License-Identifier: MIT */
/*
 * The model as one /etc/network/interfaces, for Debian's ifupdown, ifupdown-ng and busybox. Nothing is sourced, so that
 * what lies in interfaces.d has no effect. What none of the three has an option for becomes an "up ip ..." line; those run
 * in a shell, so every value in them is checked first.
 */
#include <string.h>

#include "rewrite/net_ifupdown.h"

struct writer {
	struct net_output *o;
	const struct net_model *m;
	const struct net_link *l; /* the one being written */
	struct strbuf *out;
	struct strbuf ups; /* what the last stanza of the link gets */
	enum ifupdown_flavour flavour;
	bool failed;
};

static void printf_like(2, 3) lose(struct writer *w, const char *fmt, ...)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	w->failed |= net_loss(w->o, "%s: %s", w->l->name, strbuf_str(&b)) < 0;
}

/* ---- values ------------------------------------------------------------------------------------------------- */

/* A value that stays on its line and means nothing to ifup or a shell. */
static bool is_plain(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789._:@%+,/=-")];
}

static void add_list(struct writer *w, const char *word, const struct strlist *values)
{
	size_t i, said = 0;

	for (i = 0; i < values->count; i++) {
		if (!is_plain(values->items[i])) {
			lose(w, "%s \"%s\" was left out", word, values->items[i]);
			continue;
		}
		if (!said++)
			strbuf_addf(w->out, "\t%s", word);
		strbuf_addf(w->out, " %s", values->items[i]);
	}
	if (said)
		strbuf_addc(w->out, '\n');
}

static const char *family_of(bool v6)
{
	return v6 ? "inet6" : "inet";
}

/* ---- link-wide options --------------------------------------------------------------------------------------- */

static void add_bond(struct writer *w)
{
	const struct strlist *options = &w->l->options;
	size_t i;

	add_list(w, w->flavour == IFUPDOWN_NG ? "bond-members" : "bond-slaves", &w->l->ports);
	if (!w->l->ports.count)
		strbuf_adds(w->out, "\tbond-slaves none\n");
	for (i = 0; i < options->count; i++) {
		const char *value = strchr(options->items[i], '=');
		char key[64], *s;

		if (!value || !is_plain(options->items[i]) ||
		    (size_t)(value - options->items[i]) >= sizeof(key)) {
			lose(w, "the bond's option \"%s\" was left out", options->items[i]);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(value - options->items[i]),
			 options->items[i]);
		for (s = key; *s; s++)
			if (*s == '_')
				*s = '-';
		strbuf_addf(w->out, "\tbond-%s %s\n", key, value + 1);
	}
}

static void add_bridge(struct writer *w)
{
	static const char *const known[][2] = {
		{ "stp=", "stp" },
		{ "forward_delay=", "fd" },
		{ "hello_time=", "hello" },
		{ "max_age=", "maxage" },
		{ "ageing_time=", "ageing" },
		{ "priority=", "bridgeprio" },
	};
	const struct strlist *options = &w->l->options;
	size_t i, k;

	if (w->l->ports.count)
		add_list(w, "bridge_ports", &w->l->ports);
	else
		strbuf_adds(w->out, "\tbridge_ports none\n");
	for (i = 0; i < options->count; i++) {
		const char *s = options->items[i];

		for (k = 0; k < ARRAY_SIZE(known); k++)
			if (str_starts(s, known[k][0]) && is_plain(s))
				break;
		if (k == ARRAY_SIZE(known)) {
			lose(w, "the bridge's option \"%s\" was left out", s);
			continue;
		}
		s += strlen(known[k][0]);
		if (k == 0)
			s = strcmp(s, "yes") == 0 ? "on" : "off";
		strbuf_addf(w->out, "\tbridge_%s %s\n", known[k][1], s);
	}
}

static bool has_own_options(const struct net_link *l)
{
	return l->mtu || l->set_mac || l->kind != NET_CARD || l->dns.count || l->search.count;
}

/* is_dhcp: the stanza's method is dhcp, which has no mtu (interfaces(5)). */
static void add_own_options(struct writer *w, bool is_dhcp)
{
	const struct net_link *l = w->l;

	if (l->kind == NET_BOND)
		add_bond(w);
	else if (l->kind == NET_BRIDGE)
		add_bridge(w);
	else if (l->kind == NET_VLAN) {
		strbuf_addf(w->out, "\tvlan-raw-device %s\n", l->parent);
		if (w->flavour == IFUPDOWN_NG)
			strbuf_addf(w->out, "\tvlan-id %u\n", l->vlan_id);
	}
	if (l->set_mac && is_plain(l->set_mac))
		strbuf_addf(w->out, "\thwaddress %s\n", l->set_mac);
	if (l->mtu && (is_dhcp || w->flavour != IFUPDOWN_DEBIAN))
		/* bonds and bridges are made by if-pre-up.d, which comes after these commands */
		strbuf_addf(w->out, "\t%s ip link set dev $IFACE mtu %u\n",
			    l->kind == NET_BOND || l->kind == NET_BRIDGE ? "up" : "pre-up", l->mtu);
	else if (l->mtu)
		strbuf_addf(w->out, "\tmtu %u\n", l->mtu);
	add_list(w, "dns-nameservers", &l->dns);
	add_list(w, "dns-search", &l->search);
}

/* ---- commands ------------------------------------------------------------------------------------------------ */

static const char *ip_of(bool v6)
{
	return v6 ? "ip -6" : "ip";
}

static void add_route(struct writer *w, const struct net_route *r)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (!net_print_route(&text, r, "$IFACE"))
		lose(w, "the route to %s was left out", r->to ? r->to : "nowhere");
	else
		strbuf_addf(&w->ups, "\tup %s route add %s\n", ip_of(net_is_v6(r->to)),
			    strbuf_str(&text));
}

static void add_routes(struct writer *w)
{
	const struct net_link *l = w->l;
	unsigned i;

	for (i = 0; i < l->route_count; i++)
		add_route(w, &l->routes[i]);
	for (i = 0; i < l->rule_count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		if (!net_print_rule(&text, &l->rules[i]))
			lose(w, "a rule for table %u was left out", l->rules[i].table);
		else
			strbuf_addf(&w->ups, "\tup %s rule add %s\n", ip_of(l->rules[i].is_v6),
				    strbuf_str(&text));
	}
}

/* The default route as a command: where the option is missing or would not do. */
static void add_gateway_command(struct writer *w, const char *gateway, bool onlink)
{
	bool v6 = net_is_v6(gateway);

	if (onlink)
		strbuf_addf(&w->ups, "\tup %s route add %s dev $IFACE\n", ip_of(v6), gateway);
	strbuf_addf(&w->ups, "\tup %s route add default via %s dev $IFACE\n", ip_of(v6), gateway);
}

/* ---- stanzas ------------------------------------------------------------------------------------------------- */

static void begin(struct writer *w, bool v6, const char *method)
{
	strbuf_addf(w->out, "iface %s %s %s\n", w->l->name, family_of(v6), method);
}

static bool has_ra_beside(const struct net_link *l)
{
	return l->v6 == NET_AUTO;
}

/* The gateway of a family; NULL: none, or what is given is no address. */
static const char *gateway_of(const struct net_link *l, bool v6)
{
	const char *gateway = v6 ? l->gateway6 : l->gateway4;

	return gateway && net_is_address(gateway) ? gateway : NULL;
}

/* busybox wants the length apart: as a mask for IPv4, as a number for IPv6 (networking/ifupdown.c, bnmask). */
static void add_address_and_mask(struct writer *w, const char *address, bool v6)
{
	const char *slash = strchr(address, '/');
	uint32_t len = v6 ? 128 : 32, mask;

	if (slash && parse_u32(slash + 1, &len) < 0)
		len = v6 ? 128 : 32;
	strbuf_addf(w->out, "\taddress %.*s\n", (int)strcspn(address, "/"), address);
	mask = (uint32_t)(UINT64_MAX << (32 - (len > 32 ? 32 : len)));
	if (v6)
		strbuf_addf(w->out, "\tnetmask %u\n", len);
	else
		strbuf_addf(w->out, "\tnetmask %u.%u.%u.%u\n", mask >> 24, mask >> 16 & 255,
			    mask >> 8 & 255, mask & 255);
}

/* Of the family's n-th address. */
static void add_static(struct writer *w, const char *address, bool v6, bool first, bool is_dhcp)
{
	const struct net_link *l = w->l;
	const char *gateway = gateway_of(l, v6);
	bool onlink = v6 ? l->is_onlink6 : l->is_onlink4;

	if (w->flavour == IFUPDOWN_BUSYBOX)
		add_address_and_mask(w, address, v6);
	else
		strbuf_addf(w->out, "\taddress %s\n", address);
	if (first && !v6 && l->peer4 && net_is_address(l->peer4))
		strbuf_addf(w->out, "\tpointopoint %s\n", l->peer4);
	/* beside DHCP, and where ifup adds no "onlink" by itself for that family, as a command */
	if (first && gateway && !is_dhcp) {
		if (onlink && (v6 || w->flavour == IFUPDOWN_BUSYBOX) && !(l->peer4 && !v6))
			add_gateway_command(w, gateway, true);
		else
			strbuf_addf(w->out, "\tgateway %s\n", gateway);
	}
	if (!v6 || w->flavour != IFUPDOWN_DEBIAN || l->v6 == NET_DHCP)
		return;
	/* interfaces(5), inet6 static: autoconf is off unless said; accept_ra is the kernel's, which is on */
	if (has_ra_beside(l))
		strbuf_adds(w->out, "\taccept_ra 2\n\tautoconf 1\n");
	else
		strbuf_adds(w->out, "\taccept_ra 0\n");
}

/* busybox has no "inet6 auto" and no "inet6 dhcp": the kernel listens to routers by itself. */
static const char *method_word(struct writer *w, bool v6, enum net_method method)
{
	if (!v6 || w->flavour != IFUPDOWN_BUSYBOX)
		return method == NET_DHCP ? "dhcp" : "auto";
	if (method == NET_DHCP)
		lose(w, "busybox does not ask by DHCPv6: it takes what routers advertise");
	strbuf_adds(&w->ups, "\tup " IFUPDOWN_RA "\n");
	return "manual";
}

static void add_family(struct writer *w, bool v6, bool *said)
{
	const struct net_link *l = w->l;
	enum net_method method = v6 ? l->v6 : l->v4;
	const char *gateway = gateway_of(l, v6);
	bool first = true;
	size_t i;

	if (method == NET_OFF)
		return;
	if (method == NET_DHCP || method == NET_AUTO) {
		begin(w, v6, method_word(w, v6, method));
		if (!*said)
			add_own_options(w, true);
		*said = true;
		if (gateway)
			add_gateway_command(w, gateway, v6 ? l->is_onlink6 : l->is_onlink4);
	}
	for (i = 0; i < l->addresses.count; i++) {
		const char *address = l->addresses.items[i];

		if (net_is_v6(address) != v6)
			continue;
		if (!is_plain(address)) {
			lose(w, "the address \"%s\" was left out", address);
			continue;
		}
		/* busybox takes one stanza a family */
		if (w->flavour == IFUPDOWN_BUSYBOX && (!first || method != NET_STATIC)) {
			strbuf_addf(&w->ups, "\tup %s addr add %s dev $IFACE\n", ip_of(v6),
				    address);
			continue;
		}
		begin(w, v6, "static");
		if (!*said)
			add_own_options(w, false);
		*said = true;
		add_static(w, address, v6, first, method != NET_STATIC);
		first = false;
	}
}

static void add_extras(struct writer *w)
{
	bool own = w->m->stack && strcmp(w->m->stack, "ifupdown") == 0;
	size_t i;

	for (i = 0; i < w->l->extra.count; i++)
		if (own && !strpbrk(w->l->extra.items[i], "\n\r"))
			strbuf_addf(&w->ups, "\t%s\n", w->l->extra.items[i]);
		else
			lose(w, "\"%s\" is not carried over", w->l->extra.items[i]);
}

static void add_link(struct writer *w, const struct net_link *l)
{
	bool said = false;

	w->l = l;
	if (!net_is_device_name(l->name) ||
	    (l->kind == NET_VLAN && (!l->parent || !net_is_device_name(l->parent)))) {
		lose(w, "no interface can be called so: it was left out");
		return;
	}
	if (l->kind == NET_OTHER) {
		lose(w, "it is no card, bond, bridge or VLAN and was left out");
		return;
	}
	if ((l->gateway4 && !gateway_of(l, false)) || (l->gateway6 && !gateway_of(l, true)) ||
	    (l->peer4 && !net_is_address(l->peer4)) || (l->set_mac && !is_plain(l->set_mac)))
		lose(w, "a gateway, peer or hardware address that is none was left out");
	if (l->mac)
		lose(w, "found by the address %s before, now only by its name", l->mac);
	strbuf_addc(w->out, '\n');
	if (l->at_boot)
		strbuf_addf(w->out, "auto %s\n", l->name);
	if ((l->v4 == NET_OFF && has_own_options(l)) || (l->v4 == NET_OFF && l->v6 == NET_OFF)) {
		begin(w, false, "manual");
		add_own_options(w, false);
		said = true;
	}
	add_family(w, false, &said);
	add_family(w, true, &said);
	add_routes(w);
	if ((l->v6 == NET_OFF || (l->v6 == NET_STATIC && w->flavour != IFUPDOWN_DEBIAN)) &&
	    !net_port_owner(w->m, l->name))
		strbuf_adds(&w->ups, "\tup " IFUPDOWN_NO_RA "\n");
	add_extras(w);
	strbuf_adds(w->out, strbuf_str(&w->ups));
	w->failed |= w->ups.failed;
	strbuf_done(&w->ups);
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

/* Whether all that the link lies on was written: ifup -a goes through the file in order. */
static bool is_ready(const struct net_model *m, const struct net_link *l, const bool *done)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (!done[i] && &m->links[i] != l &&
		    (strlist_has(&l->ports, m->links[i].name) ||
		     (l->parent && strcmp(l->parent, m->links[i].name) == 0)))
			return false;
	return true;
}

static void add_links(struct writer *w, bool *done)
{
	const struct net_model *m = w->m;
	unsigned left = m->link_count, before = left + 1, i;

	while (left) {
		bool stuck = left == before; /* a circle: as they come */

		before = left;
		for (i = 0; i < m->link_count; i++)
			if (!done[i] && (stuck || is_ready(m, &m->links[i], done))) {
				add_link(w, &m->links[i]);
				done[i] = true;
				left--;
			}
	}
}

int ifupdown_write(struct net_output *o, const struct net_model *m, const struct root *root,
		   struct err *e)
{
	bool *done cleanup_free = calloc(m->link_count + 1, sizeof(*done));
	struct net_file *f = net_file_add(o, INTERFACES, 0644);
	struct writer w = { .o = o, .m = m, .flavour = ifupdown_flavour_of(root) };

	if (!f || !done || strlist_add(&o->units, "networking.service") < 0)
		return err_set(e, ERR_NOMEM, 0, "writing %s", INTERFACES);
	w.out = &f->text;
	strbuf_adds(w.out, "# made by rehost from this machine's network configuration\n"
			   "auto lo\niface lo inet loopback\n");
	add_links(&w, done);
	return w.failed || f->text.failed ? err_set(e, ERR_NOMEM, 0, "writing %s", INTERFACES) : 0;
}
