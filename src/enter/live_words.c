/* SPDX-License-Identifier: MIT */
/* From a running network to the words of the rescue's boot line. */
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "enter/live_net.h"

#define WORD_MAX 512

struct words {
	const struct live_net *n;
	struct strlist *ret, *notes;
	bool is_used
		[LIVE_LINKS_MAX]; /* its addresses are repeated, or something that is made on it */
	char name[LIVE_LINKS_MAX][64]; /* what words call it */
	size_t addresses;
	bool failed;
};

static void add(struct words *w, const char *fmt, ...) printf_like(2, 3);
static void note(struct words *w, const char *fmt, ...) printf_like(2, 3);

static void add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->failed |= strlist_vaddf(w->ret, fmt, ap) < 0;
	va_end(ap);
}

static void note(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->failed |= strlist_vaddf(w->notes, fmt, ap) < 0;
	va_end(ap);
}

static const struct live_link *by_index(const struct live_net *n, int ifindex, size_t *ret)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].link.ifindex == ifindex) {
			*ret = i;
			return &n->links[i];
		}
	return NULL;
}

static bool is_kind(const struct live_link *l, const char *kind)
{
	return strcmp(l->link.kind, kind) == 0;
}

static bool is_layer(const struct live_link *l)
{
	return is_kind(l, "vlan") || is_kind(l, "bond") || is_kind(l, "bridge");
}

/* Worth repeating: not of the link alone, and not one that is forgotten in a day. */
static bool is_wanted(const struct rtnl_addr *a)
{
	return !a->is_link_scope && !a->is_tentative && !a->is_temporary;
}

static bool has_address(const struct live_net *n, int ifindex)
{
	for (size_t i = 0; i < n->naddrs; i++)
		if (n->addrs[i].ifindex == ifindex && is_wanted(&n->addrs[i]))
			return true;
	return false;
}

/* ---- links ---- */

static void name_card(char ret[64], const uint8_t m[6])
{
	snprintf(ret, 64, "%02x-%02x-%02x-%02x-%02x-%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* The id of a VLAN are the digits at the end of its name, in the rescue. */
static void name_vlan(struct words *w, size_t i)
{
	const char *name = w->n->links[i].link.name, *digits = name + strlen(name);
	char vid[12];

	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	snprintf(vid, sizeof(vid), "%u", w->n->links[i].vid);
	while (digits[0] == '0' && digits[1])
		digits++;
	if (strcmp(digits, vid) == 0)
		snprintf(w->name[i], sizeof(w->name[i]), "%s", name);
	else
		snprintf(w->name[i], sizeof(w->name[i]), "v%zu.%s", i, vid);
}

static bool use(struct words *w, size_t i, unsigned depth);

/* Uses what a layer is made of; the names with commas between, "" when nothing is left. */
static void use_below(struct words *w, size_t i, unsigned depth, char ret[WORD_MAX])
{
	const struct live_link *l = &w->n->links[i];
	size_t len = 0;

	ret[0] = '\0';
	for (size_t k = 0; k < l->nbelow; k++) {
		size_t port;

		if (!by_index(w->n, l->below[k], &port) || !use(w, port, depth + 1))
			continue;
		len += (size_t)snprintf(ret + len, WORD_MAX - len, "%s%s", len ? "," : "",
					w->name[port]);
		if (len >= WORD_MAX) {
			w->failed = true;
			return;
		}
	}
}

/* Gives the link a name in the words, and the layers their own words, lower ones first. False when it cannot be repeated. */
static bool use(struct words *w, size_t i, unsigned depth)
{
	const struct live_link *l = &w->n->links[i];
	char below[WORD_MAX];

	if (w->is_used[i])
		return true;
	if (l->is_card && l->link.type == ARPHRD_ETHER && l->link.has_mac) {
		name_card(w->name[i], l->permanent);
		return w->is_used[i] = true;
	}
	if (!is_layer(l) || depth > 3)
		return false;
	use_below(w, i, depth, below);
	if (!below[0] || (is_kind(l, "vlan") && !l->vid))
		return false;
	snprintf(w->name[i], sizeof(w->name[i]), "%s", l->link.name);
	if (is_kind(l, "vlan")) {
		name_vlan(w, i);
		add(w, "vlan=%s:%s", w->name[i], below);
	} else if (is_kind(l, "bond")) {
		add(w, "bond=%s:%s%s%s", w->name[i], below, l->options[0] ? ":" : "", l->options);
	} else {
		add(w, "bridge=%s:%s", w->name[i], below);
	}
	return w->is_used[i] = true;
}

/* ---- addresses ---- */

/* The default route of that family over this link that is preferred; NULL: none, or routers announce it. */
static const struct rtnl_route *gateway_of(const struct live_net *n, int ifindex, int family)
{
	const struct rtnl_route *best = NULL;

	for (size_t i = 0; i < n->nroutes; i++) {
		const struct rtnl_route *r = &n->routes[i];

		if (r->ifindex == ifindex && r->to.family == family && r->prefix == 0 &&
		    r->via.family == family && r->protocol != RTPROT_RA &&
		    (!best || r->metric < best->metric))
			best = r;
	}
	return best;
}

static void add_address(struct words *w, size_t i, const struct rtnl_addr *a,
			const struct rtnl_route *gateway)
{
	const struct rtnl_link *l = &w->n->links[i].link;
	bool is_6 = a->ip.family == AF_INET6;
	const char *open = is_6 ? "[" : "", *close = is_6 ? "]" : "";
	char ip[INET6_ADDRSTRLEN], via[INET6_ADDRSTRLEN], mtu[16] = "";

	if (l->mtu && l->mtu != 1500)
		snprintf(mtu, sizeof(mtu), ":%u", l->mtu);
	net_ip_text(&a->ip, ip, sizeof(ip));
	if (gateway)
		add(w, "ip=%s%s%s::%s%s%s:%u::%s:none%s", open, ip, close, open,
		    net_ip_text(&gateway->via, via, sizeof(via)), close, a->prefix, w->name[i],
		    mtu);
	else
		add(w, "ip=%s%s%s:::%u::%s:none%s", open, ip, close, a->prefix, w->name[i], mtu);
	w->addresses++;
}

static void add_addresses(struct words *w, size_t i)
{
	int ifindex = w->n->links[i].link.ifindex;
	bool is_leased = false, has_gateway[2] = { false, false };

	for (size_t k = 0; k < w->n->naddrs; k++) {
		const struct rtnl_addr *a = &w->n->addrs[k];
		bool is_6 = a->ip.family == AF_INET6;

		if (a->ifindex != ifindex || !is_wanted(a))
			continue;
		add_address(w, i, a,
			    has_gateway[is_6] ? NULL : gateway_of(w->n, ifindex, a->ip.family));
		has_gateway[is_6] = true;
		is_leased |= a->is_leased && !is_6;
	}
	if (is_leased)
		add(w, "ip=%s:dhcp", w->name[i]);
}

/* ---- routes ---- */

/* The rescue has it already: from the kernel, a router, an address or as a way to the gateway. */
static bool is_route_known(const struct live_net *n, const struct rtnl_route *r)
{
	const struct rtnl_route *gateway = gateway_of(n, r->ifindex, r->to.family);

	if (r->prefix == 0 || r->protocol == RTPROT_KERNEL || r->protocol == RTPROT_RA)
		return true;
	if (r->to.family == AF_INET6 && (r->to.bytes[0] == 0xfe || r->to.bytes[0] == 0xff))
		return true;
	if (r->via.family)
		return false;
	if (gateway && r->prefix == net_ip_bits(r->to.family) &&
	    net_ip_equal(&gateway->via, &r->to))
		return true;
	for (size_t i = 0; i < n->naddrs; i++)
		if (n->addrs[i].ifindex == r->ifindex && n->addrs[i].prefix <= r->prefix &&
		    net_ip_contains(&n->addrs[i].ip, n->addrs[i].prefix, &r->to))
			return true;
	return false;
}

static void add_routes(struct words *w)
{
	size_t left_out = 0, count = 0;

	for (size_t i = 0; i < w->n->nroutes; i++) {
		const struct rtnl_route *r = &w->n->routes[i];
		bool is_6 = r->to.family == AF_INET6;
		const char *open = is_6 ? "[" : "", *close = is_6 ? "]" : "";
		char to[INET6_ADDRSTRLEN], via[INET6_ADDRSTRLEN];
		size_t link;

		if (!by_index(w->n, r->ifindex, &link) || !w->is_used[link] ||
		    is_route_known(w->n, r))
			continue;
		if (count == NET_ROUTES_MAX || (r->via.family && r->via.family != r->to.family)) {
			left_out++;
			continue;
		}
		net_ip_text(&r->to, to, sizeof(to));
		net_ip_text(&r->via, via, sizeof(via));
		add(w, "rd.route=%s%s/%u%s:%s%s%s:%s", open, to, r->prefix, close,
		    r->via.family ? open : "", via, r->via.family ? close : "", w->name[link]);
		count++;
	}
	if (left_out)
		note(w, "%zu routes are not repeated: too many, or by way of another family",
		     left_out);
}

/* ---- all ---- */

/* What the rescue's own reader does not take must not be planted. */
static int read_back(const struct strlist *words, size_t addresses, struct err *e)
{
	struct net_conf conf;
	size_t statics = 0;
	int rc = 0;

	if (netconf_parse(&conf, words) < 0)
		return err_set(e, ERR_NOMEM, 0, "network words");
	for (size_t i = 0; i < conf.nwants; i++)
		statics += conf.wants[i].method == NET_STATIC;
	if (conf.ignored.count)
		rc = err_set(e, ERR_ENTER_NET, 0, "the rescue would not understand %s",
			     conf.ignored.items[0]);
	else if (statics != addresses)
		rc = err_set(e, ERR_ENTER_NET, 0, "%zu addresses are more than the rescue takes",
			     addresses);
	netconf_done(&conf);
	return rc;
}

int live_net_words(const struct live_net *n, struct strlist *ret_words, struct strlist *ret_notes,
		   struct err *e)
{
	struct words w = { .n = n, .ret = ret_words, .notes = ret_notes };
	char ip[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n->nlinks; i++) {
		const struct rtnl_link *l = &n->links[i].link;

		if ((l->flags & IFF_LOOPBACK) || !has_address(n, l->ifindex) || use(&w, i, 0))
			continue;
		if (n->links[i].is_card || !is_kind(&n->links[i], "bridge"))
			note(&w, "the addresses of %s%s%s are not repeated", l->name,
			     l->kind[0] ? ", of the kind " : "", l->kind);
	}
	for (size_t i = 0; i < n->nlinks; i++)
		if (w.is_used[i])
			add_addresses(&w, i);
	add_routes(&w);
	for (size_t i = 0; i < n->ndns; i++)
		add(&w, "nameserver=%s", net_ip_text(&n->dns[i], ip, sizeof(ip)));
	if (w.failed)
		return err_set(e, ERR_NOMEM, 0, "network words");
	if (!w.addresses)
		return err_set(e, ERR_ENTER_NET, 0, "no network card has an address now");
	return read_back(ret_words, w.addresses, e);
}
