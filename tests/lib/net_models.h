/* SPDX-License-Identifier: MIT */
/*
 * Network models drawn from a seed, and a comparison that says what differs: what a writer wrote and a reader read again
 * must be the same model. A test prints the seed when it fails; models_make with that seed draws the same model again.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/net_priv.h"

/* What may occur. A stack that cannot say something leaves it out and tests its loss by itself. */
enum model_feature {
	MODEL_MAC = 1,		 /* cards found by their address; otherwise all by name */
	MODEL_ONLINK = 2,	 /* /32 and /128 with gateways outside */
	MODEL_DHCP = 4,		 /* IPv4 */
	MODEL_DHCP6 = 8,	 /* DHCPv6 */
	MODEL_SLAAC = 16,	 /* router advertisements */
	MODEL_MIXED = 32,	 /* addresses beside DHCP or SLAAC */
	MODEL_ROUTES = 64,	 /* with metric and on-link */
	MODEL_TABLES = 128,	 /* routes in tables of their own, and their src */
	MODEL_TYPES = 256,	 /* blackhole and the like */
	MODEL_ROUTE_MTU = 512,	 /* mtu of a route */
	MODEL_RULES = 1024,	 /* from, to, table, priority */
	MODEL_RULE_MARKS = 2048, /* iif and fwmark */
	MODEL_DNS = 4096,
	MODEL_MTU = 8192,
	MODEL_BOND = 16384,
	MODEL_BRIDGE = 32768,
	MODEL_VLAN = 65536,
	MODEL_PEER = 131072,	/* peer4 */
	MODEL_SET_MAC = 262144, /* the address a link is given */
	MODEL_ALL = 524287
};

struct model_draw {
	uint64_t state;
	unsigned features;
	unsigned cards, nets; /* given out so far */
	bool failed;
};

/* splitmix64 */
static inline unsigned model_number(struct model_draw *d, unsigned below)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) % below);
}

/* True once in n times, when the feature is wanted at all. */
static inline bool model_has(struct model_draw *d, unsigned feature, unsigned n)
{
	return model_number(d, n) == 0 && (d->features & feature);
}

static inline char *printf_like(2, 3) model_text(struct model_draw *d, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	d->failed |= !s;
	return s;
}

static inline void model_route(struct model_draw *d, struct net_link *l, const char *to,
			       const char *via)
{
	struct net_route *r = net_route_add(l);

	if (!r) {
		d->failed = true;
		return;
	}
	r->to = model_text(d, "%s", to);
	if (via)
		r->via = model_text(d, "%s", via);
	r->is_onlink = via && net_needs_onlink(l, via);
	if (model_number(d, 2))
		r->metric = 100 + model_number(d, 900);
	if (model_has(d, MODEL_TABLES, 4))
		r->table = 100 + model_number(d, 50);
	if (model_has(d, MODEL_ROUTE_MTU, 5))
		r->mtu = 1300 + model_number(d, 100);
	/* the first address of the family */
	if (model_has(d, MODEL_TABLES, 4)) {
		size_t i;

		for (i = 0; i < l->addresses.count; i++)
			if (net_is_v6(l->addresses.items[i]) == net_is_v6(to)) {
				r->src = model_text(d, "%.*s",
						    (int)strcspn(l->addresses.items[i], "/"),
						    l->addresses.items[i]);
				break;
			}
	}
}

static inline void model_v4(struct model_draw *d, struct net_link *l, unsigned net)
{
	unsigned count = 1 + model_number(d, 3), i;
	bool onlink = model_has(d, MODEL_ONLINK, 3);

	if (model_has(d, MODEL_DHCP, 3)) {
		l->v4 = NET_DHCP;
		if (!model_has(d, MODEL_MIXED, 3))
			return;
	} else {
		l->v4 = NET_STATIC;
	}
	for (i = 0; i < count; i++)
		d->failed |= strlist_addf(&l->addresses, "10.%u.%u.10/%u", net, i,
					  onlink ? 32u
					  : i	 ? 28u
						 : 24u) < 0;
	if (l->v4 == NET_DHCP)
		return;
	if (onlink && model_has(d, MODEL_PEER, 2))
		l->peer4 = model_text(d, "172.16.%u.1", net);
	if (l->peer4 || model_number(d, 4)) {
		l->gateway4 = onlink ? model_text(d, "172.16.%u.1", net)
				     : model_text(d, "10.%u.0.1", net);
		l->is_onlink4 = onlink;
	}
	if (model_has(d, MODEL_ROUTES, 2)) {
		char to[32], via[32];

		snprintf(to, sizeof(to), "192.168.%u.0/24", net);
		snprintf(via, sizeof(via), "10.%u.0.2", net);
		model_route(d, l, to, onlink ? NULL : via);
		if (onlink && l->gateway4) {
			snprintf(to, sizeof(to), "198.18.%u.0/24", net);
			model_route(d, l, to, l->gateway4);
		}
	}
	if (model_has(d, MODEL_TYPES, 4)) {
		static const char *const types[] = { "blackhole", "unreachable", "prohibit" };
		struct net_route *r = net_route_add(l);

		if (r) {
			r->to = model_text(d, "198.51.%u.0/24", net);
			r->type = model_text(d, "%s", types[model_number(d, 3)]);
		}
		d->failed |= !r;
	}
}

static inline void model_v6(struct model_draw *d, struct net_link *l, unsigned net)
{
	unsigned count = 1 + model_number(d, 2), i;
	bool onlink = model_has(d, MODEL_ONLINK, 4);

	if (model_has(d, MODEL_SLAAC, 4)) {
		l->v6 = NET_AUTO;
		if (!model_has(d, MODEL_MIXED, 2))
			return;
	} else if (model_has(d, MODEL_DHCP6, 5)) {
		l->v6 = NET_DHCP;
		if (!model_has(d, MODEL_MIXED, 3))
			return;
	} else if (model_number(d, 2)) {
		l->v6 = NET_STATIC;
	} else {
		return;
	}
	for (i = 0; i < count; i++)
		d->failed |= strlist_addf(&l->addresses, "2001:db8:%u::1%u/%u", net, i,
					  onlink ? 128u : 64u) < 0;
	if (l->v6 != NET_STATIC)
		return;
	if (model_number(d, 4)) {
		l->gateway6 = model_number(d, 2) ? model_text(d, "fe80::1")
			      : onlink		 ? model_text(d, "2001:db8:ff%u::1", net)
						 : model_text(d, "2001:db8:%u::1", net);
		if (l->gateway6)
			l->is_onlink6 = net_needs_onlink(l, l->gateway6);
	}
	if (model_has(d, MODEL_ROUTES, 3)) {
		char to[48], via[48];

		snprintf(to, sizeof(to), "2001:db8:%u::/48", 1000 + net);
		snprintf(via, sizeof(via), "2001:db8:%u::2", net);
		model_route(d, l, to, onlink ? NULL : via);
	}
}

static inline void model_rules(struct model_draw *d, struct net_link *l, unsigned net)
{
	unsigned i, count = model_has(d, MODEL_RULES, 3) ? 1 + model_number(d, 2) : 0;

	for (i = 0; i < count; i++) {
		struct net_rule *r = net_rule_add(l);

		if (!r) {
			d->failed = true;
			return;
		}
		r->is_v6 = model_number(d, 3) == 0;
		r->table = 100 + model_number(d, 50);
		r->priority = 1000 + 10 * net + i;
		r->from = r->is_v6 ? model_text(d, "2001:db8:%u::/64", net)
				   : model_text(d, "10.%u.0.0/16", net);
		if (model_number(d, 3) == 0)
			r->to = r->is_v6 ? model_text(d, "2001:db8:aaaa::/48")
					 : model_text(d, "10.99.0.0/16");
		if (model_has(d, MODEL_RULE_MARKS, 3))
			r->fwmark = model_text(d, "%u", 1 + model_number(d, 255));
		if (model_has(d, MODEL_RULE_MARKS, 3))
			r->iif = model_text(d, "%s", l->mac ? "lo" : l->name);
	}
}

/* Addresses, routes and the rest of one link. */
static inline void model_fill(struct model_draw *d, struct net_link *l)
{
	unsigned net = ++d->nets;

	if (model_number(d, 8))
		model_v4(d, l, net);
	model_v6(d, l, net);
	if (l->v4 == NET_OFF && l->v6 == NET_OFF) {
		l->v4 = NET_STATIC;
		d->failed |= strlist_addf(&l->addresses, "10.%u.0.10/24", net) < 0;
	}
	model_rules(d, l, net);
	if (model_has(d, MODEL_DNS, 2)) {
		d->failed |= strlist_addf(&l->dns, "10.%u.0.53", net) < 0;
		if (model_number(d, 2))
			d->failed |= strlist_addf(&l->dns, "2001:db8:%u::53", net) < 0;
		if (model_number(d, 2))
			d->failed |= strlist_addf(&l->dns, "10.%u.0.54", net) < 0;
		if (model_number(d, 2))
			d->failed |= strlist_addf(&l->search, "net%u.example", net) < 0 ||
				     strlist_add(&l->search, "example.org") < 0;
	}
	if (model_has(d, MODEL_MTU, 3))
		l->mtu = 1400 + model_number(d, 100);
	if (model_has(d, MODEL_SET_MAC, 6))
		l->set_mac = model_text(d, "02:00:00:00:01:%02x", net);
}

/* A card without addresses; *ret_index. The pointer holds until the next link. */
static inline struct net_link *model_card(struct model_draw *d, struct net_model *m)
{
	char name[16];
	struct net_link *l;
	unsigned n = d->cards++;

	switch (model_number(d, 3)) {
	case 0:
		snprintf(name, sizeof(name), "ens%u", n);
		break;
	case 1:
		snprintf(name, sizeof(name), "enp%us0", n);
		break;
	default:
		snprintf(name, sizeof(name), "eth%u", n);
	}
	l = net_link_get(m, name);
	d->failed |= !l;
	if (!l)
		return NULL;
	l->at_boot = true;
	if (model_has(d, MODEL_MAC, 2))
		l->mac = model_text(d, "52:54:00:aa:00:%02x", n);
	return l;
}

static inline struct net_link *model_virtual(struct model_draw *d, struct net_model *m,
					     const char *name, enum net_kind kind)
{
	struct net_link *l = net_link_get(m, name);

	d->failed |= !l;
	if (l) {
		l->kind = kind;
		l->at_boot = true;
	}
	return l;
}

static inline void model_bond(struct model_draw *d, struct net_model *m)
{
	static const char *const modes[] = { "active-backup", "802.3ad", "balance-rr" };
	struct strlist ports cleanup_strlist = STRLIST_INIT;
	struct net_link *l;
	unsigned i, mode = model_number(d, 3);

	for (i = 0; i < 2; i++) {
		l = model_card(d, m);
		d->failed |= !l || strlist_add(&ports, l->name) < 0;
	}
	l = model_virtual(d, m, "bond0", NET_BOND);
	if (!l)
		return;
	for (i = 0; i < ports.count; i++)
		d->failed |= strlist_add(&l->ports, ports.items[i]) < 0;
	d->failed |= strlist_addf(&l->options, "mode=%s", modes[mode]) < 0 ||
		     strlist_add(&l->options, "miimon=100") < 0;
	if (mode == 1)
		d->failed |= strlist_add(&l->options, "xmit_hash_policy=layer3+4") < 0 ||
			     strlist_add(&l->options, "lacp_rate=fast") < 0;
	model_fill(d, l);
}

static inline void model_bridge(struct model_draw *d, struct net_model *m)
{
	struct strlist ports cleanup_strlist = STRLIST_INIT;
	struct net_link *l = model_card(d, m);

	d->failed |= !l || strlist_add(&ports, l->name) < 0;
	l = model_virtual(d, m, "br0", NET_BRIDGE);
	if (!l)
		return;
	if (ports.count)
		d->failed |= strlist_add(&l->ports, ports.items[0]) < 0;
	d->failed |= strlist_add(&l->options, model_number(d, 2) ? "stp=yes" : "stp=no") < 0 ||
		     strlist_add(&l->options, "forward_delay=4") < 0;
	model_fill(d, l);
}

static inline void model_vlan(struct model_draw *d, struct net_model *m)
{
	unsigned id = 2 + model_number(d, 4093), parent = model_number(d, m->link_count);
	struct net_link *l;
	char name[16], *on;

	/* on a link that carries addresses: not the port of another */
	while (parent + 1 < m->link_count && m->links[parent].v4 == NET_OFF &&
	       m->links[parent].v6 == NET_OFF)
		parent++;
	on = model_text(d, "%s", m->links[parent].name);
	if (!on)
		return;
	if (model_number(d, 2))
		snprintf(name, sizeof(name), "%.8s.%u", on, id);
	else
		snprintf(name, sizeof(name), "vlan%u", id);
	l = model_virtual(d, m, name, NET_VLAN);
	if (!l) {
		free(on);
		return;
	}
	l->parent = on;
	l->vlan_id = id;
	model_fill(d, l);
}

/* The model of that seed with some of the features; -1: no memory. Free with net_done. */
static inline int models_make(struct net_model *ret, unsigned seed, unsigned features)
{
	struct model_draw d = { .state = seed, .features = features };
	unsigned i, cards;

	*ret = (struct net_model){ .stack = strdup("drawn") };
	cards = 1 + model_number(&d, 2);
	for (i = 0; i < cards; i++) {
		struct net_link *l = model_card(&d, ret);

		if (l)
			model_fill(&d, l);
	}
	if (model_has(&d, MODEL_BOND, 3))
		model_bond(&d, ret);
	if (model_has(&d, MODEL_BRIDGE, 3))
		model_bridge(&d, ret);
	if (model_has(&d, MODEL_VLAN, 2))
		model_vlan(&d, ret);
	if (!d.failed && ret->stack)
		return 0;
	net_done(ret);
	return -1;
}

/* ---- comparison --------------------------------------------------------------------------------------------- */

struct model_pair {
	const struct net_model *a, *b;
	struct strbuf *why;
	bool same;
};

static inline void printf_like(2, 3) model_differs(struct model_pair *p, const char *fmt, ...)
{
	va_list ap;

	p->same = false;
	if (!p->why)
		return;
	va_start(ap, fmt);
	strbuf_vaddf(p->why, fmt, ap);
	va_end(ap);
	strbuf_addc(p->why, '\n');
}

static inline const char *model_or_none(const char *s)
{
	return s ? s : "(none)";
}

static inline bool model_same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The same link in the other model: by the card's address, whatever its label is, else by name. */
static inline const struct net_link *model_partner(const struct net_model *m,
						   const struct net_link *l)
{
	unsigned i;

	for (i = 0; l->mac && i < m->link_count; i++)
		if (m->links[i].mac && strcmp(m->links[i].mac, l->mac) == 0)
			return &m->links[i];
	return net_find(m, l->name);
}

/* Names that may be labels of cards. */
static inline bool model_same_name(const struct model_pair *p, const char *a, const char *b)
{
	const struct net_link *l = a ? net_find(p->a, a) : NULL;
	const struct net_link *k = l ? model_partner(p->b, l) : NULL;

	return model_same_text(k ? k->name : a, b);
}

/* In order, each family by itself: many stacks keep them apart. */
static inline bool model_same_family(const struct strlist *a, const struct strlist *b, bool v6)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < a->count && net_is_v6(a->items[i]) != v6)
			i++;
		while (k < b->count && net_is_v6(b->items[k]) != v6)
			k++;
		if (i == a->count || k == b->count)
			return i == a->count && k == b->count;
		if (strcmp(a->items[i++], b->items[k++]) != 0)
			return false;
	}
}

static inline bool model_same_set(const struct strlist *a, const struct strlist *b)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (!strlist_has(b, a->items[i]))
			return false;
	return a->count == b->count;
}

static inline char *model_join(const struct strlist *l)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < l->count; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", l->items[i]);
	return strdup(strbuf_str(&b));
}

static inline void model_differ_lists(struct model_pair *p, const char *name, const char *what,
				      const struct strlist *a, const struct strlist *b)
{
	char *x cleanup_free = model_join(a), *y cleanup_free = model_join(b);

	model_differs(p, "%s: %s: [%s] and [%s]", name, what, x, y);
}

static inline char *model_route_text(const struct net_route *r)
{
	char *s = NULL;

	if (asprintf(&s, "%s %s via %s%s metric %u table %u mtu %u src %s", model_or_none(r->type),
		     r->to, model_or_none(r->via), r->is_onlink ? " onlink" : "", r->metric,
		     r->table == 254 ? 0 : r->table, r->mtu, model_or_none(r->src)) < 0)
		return NULL;
	return s;
}

static inline char *model_rule_text(const struct net_rule *r)
{
	char *s = NULL;

	if (asprintf(&s, "%s from %s to %s iif %s fwmark %s table %u priority %u",
		     r->is_v6 ? "inet6" : "inet", model_or_none(r->from), model_or_none(r->to),
		     model_or_none(r->iif), model_or_none(r->fwmark), r->table, r->priority) < 0)
		return NULL;
	return s;
}

static inline void model_compare_routes(struct model_pair *p, const struct net_link *a,
					const struct net_link *b)
{
	struct strlist x cleanup_strlist = STRLIST_INIT, y cleanup_strlist = STRLIST_INIT;
	unsigned i, which;

	for (which = 0; which < 2; which++) {
		const struct net_link *l = which ? b : a;
		struct strlist *to = which ? &y : &x;

		for (i = 0; i < l->route_count; i++) {
			char *s cleanup_free = model_route_text(&l->routes[i]);

			if (!s || strlist_add(to, s) < 0)
				abort();
		}
		for (i = 0; i < l->rule_count; i++) {
			char *s cleanup_free = model_rule_text(&l->rules[i]);

			if (!s || strlist_add(to, s) < 0)
				abort();
		}
	}
	if (!model_same_set(&x, &y))
		model_differ_lists(p, a->name, "routes and rules", &x, &y);
}

static inline void model_compare_text(struct model_pair *p, const char *name, const char *what,
				      const char *a, const char *b)
{
	if (!model_same_text(a, b))
		model_differs(p, "%s: %s: %s and %s", name, what, model_or_none(a),
			      model_or_none(b));
}

static inline void model_compare_number(struct model_pair *p, const char *name, const char *what,
					unsigned a, unsigned b)
{
	if (a != b)
		model_differs(p, "%s: %s: %u and %u", name, what, a, b);
}

static inline void model_compare_ports(struct model_pair *p, const struct net_link *a,
				       const struct net_link *b)
{
	bool same = a->ports.count == b->ports.count;
	size_t i, k;

	for (i = 0; i < a->ports.count && same; i++) {
		for (k = 0; k < b->ports.count; k++)
			if (model_same_name(p, a->ports.items[i], b->ports.items[k]))
				break;
		same = k < b->ports.count;
	}
	if (!same)
		model_differ_lists(p, a->name, "ports", &a->ports, &b->ports);
	if (!model_same_name(p, a->parent, b->parent))
		model_differs(p, "%s: parent: %s and %s", a->name, model_or_none(a->parent),
			      model_or_none(b->parent));
}

static inline void model_compare_links(struct model_pair *p, const struct net_link *a,
				       const struct net_link *b)
{
	model_compare_text(p, a->name, "mac", a->mac, b->mac);
	model_compare_text(p, a->name, "set_mac", a->set_mac, b->set_mac);
	model_compare_number(p, a->name, "kind", a->kind, b->kind);
	model_compare_number(p, a->name, "at_boot", a->at_boot, b->at_boot);
	model_compare_number(p, a->name, "v4", a->v4, b->v4);
	model_compare_number(p, a->name, "v6", a->v6, b->v6);
	if (!model_same_family(&a->addresses, &b->addresses, false) ||
	    !model_same_family(&a->addresses, &b->addresses, true))
		model_differ_lists(p, a->name, "addresses", &a->addresses, &b->addresses);
	model_compare_text(p, a->name, "peer4", a->peer4, b->peer4);
	model_compare_text(p, a->name, "gateway4", a->gateway4, b->gateway4);
	model_compare_text(p, a->name, "gateway6", a->gateway6, b->gateway6);
	model_compare_number(p, a->name, "on_link4", a->is_onlink4, b->is_onlink4);
	model_compare_number(p, a->name, "on_link6", a->is_onlink6, b->is_onlink6);
	model_compare_routes(p, a, b);
	if (!model_same_family(&a->dns, &b->dns, false) ||
	    !model_same_family(&a->dns, &b->dns, true))
		model_differ_lists(p, a->name, "dns", &a->dns, &b->dns);
	if (!model_same_set(&a->search, &b->search))
		model_differ_lists(p, a->name, "search", &a->search, &b->search);
	model_compare_number(p, a->name, "mtu", a->mtu, b->mtu);
	model_compare_number(p, a->name, "vlan_id", a->vlan_id, b->vlan_id);
	model_compare_ports(p, a, b);
	if (!model_same_set(&a->options, &b->options))
		model_differ_lists(p, a->name, "options", &a->options, &b->options);
	if (!model_same_set(&a->extra, &b->extra))
		model_differ_lists(p, a->name, "extra", &a->extra, &b->extra);
}

/*
 * True when both say the same of the network; stack, files and notes do not count, nor do the labels of cards that are
 * found by their address, nor the order of links, routes, rules and options. why (NULL: not wanted) gets a line for each
 * difference.
 */
static inline bool models_equal(const struct net_model *a, const struct net_model *b,
				struct strbuf *why)
{
	struct model_pair p = { a, b, why, true };
	unsigned i;

	for (i = 0; i < a->link_count; i++) {
		const struct net_link *l = model_partner(b, &a->links[i]);

		if (l)
			model_compare_links(&p, &a->links[i], l);
		else
			model_differs(&p, "%s: only in the first", a->links[i].name);
	}
	for (i = 0; i < b->link_count; i++)
		if (!model_partner(a, &b->links[i]))
			model_differs(&p, "%s: only in the second", b->links[i].name);
	return p.same;
}
