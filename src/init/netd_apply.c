/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "init/netd.h"

/* Several links may have a default route from DHCP; the first one found wins. */
#define METRIC_DHCP 1024U
/* What was given counts more than what routers announce, which the kernel enters with 1024. */
#define METRIC_STATIC6 512U

void netd_refused(struct netd *n, const char *fmt, ...)
{
	va_list ap;

	n->why_errno = errno;
	va_start(ap, fmt);
	vsnprintf(n->why, sizeof(n->why), fmt, ap);
	va_end(ap);
	log_warn("network: %s: %s", n->why, strerror(n->why_errno));
}

static void refused(struct netd *n, const struct netd_link *l, const char *what,
		    const struct net_ip *ip, unsigned prefix)
{
	char text[INET6_ADDRSTRLEN];

	netd_refused(n, "%s %s/%u on %s", what, net_ip_text(ip, text, sizeof(text)), prefix,
		     l->id.name);
}

static void write_ipv6(const struct netd_link *l, const char *setting, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", l->id.name, setting);
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* A kernel without IPv6 has none of them. */
	if (fd >= 0 && write_all(fd, value, strlen(value)) < 0)
		log_warn("network: %s: %s", path, strerror(errno));
}

/*
 * Router advertisements are the kernel's work; only whether it heeds them is ours to say. Before the
 * link is up, or the kernel would have asked for one already.
 */
void netd_apply_ipv6(struct netd *n, struct netd_link *l)
{
	bool heed = l->want6 != NET_LINK6 && !l->id.taken;

	(void)n;
	write_ipv6(l, "accept_ra", heed ? "2" : "0"); /* 2: also when something made it a router */
	write_ipv6(l, "autoconf", heed ? "1" : "0");
	write_ipv6(l, "ndisc_notify", "1"); /* neighbours learn about a new address at once */
}

static void add_route(struct netd *n, const struct netd_link *l, const struct net_ip *to,
		      unsigned prefix, const struct net_ip *via, unsigned metric)
{
	if (rtnl_route_add(n->fd, l->ifindex, to, prefix, via, metric) < 0)
		refused(n, l, "route", to, prefix);
}

/*
 * A gateway outside of the link's own network (a /32 address at many providers) needs a route of
 * its own first: works on every kernel and for both families.
 */
static void add_route_via(struct netd *n, const struct netd_link *l, const struct net_ip *own,
			  unsigned own_prefix, const struct net_ip *to, unsigned prefix,
			  const struct net_ip *via, unsigned metric)
{
	bool link_local = via->family == AF_INET6 && via->bytes[0] == 0xfe &&
			  (via->bytes[1] & 0xc0) == 0x80;

	if (!link_local && !net_ip_contains(own, own_prefix, via))
		add_route(n, l, via, net_ip_bits(via->family), NULL, metric);
	add_route(n, l, to, prefix, via, metric);
}

void netd_apply_static(struct netd *n, struct netd_link *l, const struct net_want *w)
{
	struct net_ip any = { .family = w->address.family };

	if (w->has_mac || (w->mtu && w->mtu != l->mtu)) {
		if (rtnl_link_up(n->fd, l->ifindex, w->mtu, w->has_mac ? w->mac : NULL) < 0)
			refused(n, l, "link settings for", &w->address, w->prefix);
	}
	if (rtnl_addr_add(n->fd, l->ifindex, &w->address, w->prefix, &w->peer) < 0)
		refused(n, l, "address", &w->address, w->prefix);
	if (w->gateway.family) {
		bool is_peer = net_ip_equal(&w->peer, &w->gateway);

		add_route_via(n, l, is_peer ? &w->peer : &w->address,
			      is_peer ? net_ip_bits(w->peer.family) : w->prefix, &any, 0,
			      &w->gateway, w->address.family == AF_INET6 ? METRIC_STATIC6 : 0);
	}
	if (w->hostname[0] && sethostname(w->hostname, strlen(w->hostname)) < 0)
		log_warn("host name %s: %s", w->hostname, strerror(errno));
}

static struct net_ip ip4(const uint8_t bytes[4])
{
	struct net_ip ip = { .family = AF_INET };

	memcpy(ip.bytes, bytes, 4);
	return ip;
}

void netd_apply_lease(struct netd *n, struct netd_link *l, const struct dhcp_lease *lease)
{
	struct net_ip own = ip4(lease->address), old = ip4(l->lease.address);
	bool had = l->has_lease && !net_ip_equal(&own, &old);
	unsigned metric = METRIC_DHCP + (unsigned)l->ifindex, old_prefix = l->lease.prefix;
	static const uint8_t on_link[4];

	if (lease->mtu && lease->mtu != l->mtu &&
	    rtnl_link_up(n->fd, l->ifindex, lease->mtu, NULL) < 0)
		log_warn("network: MTU %u on %s: %s", lease->mtu, l->id.name, strerror(errno));
	if (rtnl_addr_add(n->fd, l->ifindex, &own, lease->prefix, NULL) < 0)
		refused(n, l, "address", &own, lease->prefix);
	/* First what is on the link, then what needs it. */
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < lease->nroutes; i++) {
			const struct dhcp_route *r = &lease->routes[i];
			bool direct = memcmp(r->via, on_link, 4) == 0;
			struct net_ip to = ip4(r->to), via = ip4(r->via);

			if (direct && pass == 0)
				add_route(n, l, &to, r->prefix, NULL, metric);
			else if (!direct && pass == 1)
				add_route_via(n, l, &own, lease->prefix, &to, r->prefix, &via,
					      metric);
		}
	l->lease = *lease;
	l->has_lease = true;
	l->dhcp_silence_s = 0;
	if (had && rtnl_addr_del(n->fd, l->ifindex, &old, old_prefix) < 0)
		log_warn("network: the old address stays on %s: %s", l->id.name, strerror(errno));
}

/* The link a route without a name belongs to: the one whose network holds the gateway. */
static struct netd_link *route_link(struct netd *n, const struct net_route *r,
				    struct rtnl_addr *addrs, int naddrs)
{
	for (size_t i = 0; i < n->nlinks; i++) {
		struct netd_link *l = &n->links[i];

		if (r->link[0]) {
			if (netconf_link_matches(n->conf, r->link, &l->id))
				return l;
			continue;
		}
		for (int k = 0; k < naddrs; k++)
			if (addrs[k].ifindex == l->ifindex && !addrs[k].is_link_scope &&
			    addrs[k].ip.family == r->to.family &&
			    (!r->via.family ||
			     net_ip_contains(&addrs[k].ip, addrs[k].prefix, &r->via)))
				return l;
	}
	return NULL;
}

void netd_apply_routes(struct netd *n)
{
	struct rtnl_addr addrs[64];
	int naddrs = n->conf->nroutes ? rtnl_addrs(n->fd, addrs, ARRAY_SIZE(addrs)) : 0;

	for (size_t i = 0; i < n->conf->nroutes; i++) {
		const struct net_route *r = &n->conf->routes[i];
		struct netd_link *l = n->routes_done[i] ? NULL : route_link(n, r, addrs, naddrs);

		if (!l || !l->id.carrier)
			continue;
		if (rtnl_route_add(n->fd, l->ifindex, &r->to, r->prefix, &r->via, 0) == 0)
			n->routes_done[i] = true;
		else
			refused(n, l, "route", &r->to, r->prefix);
	}
}
