/* SPDX-License-Identifier: MIT */
/* What the kernel has now: links, addresses, routes. */
#include <string.h>
#include <sys/socket.h>

#include "init/rtnl_priv.h"

#define FLAG_LOWER_UP 0x10000U /* IFF_LOWER_UP of linux/if.h, which net/if.h hides */

/* Slots that a dump fills. */
struct dump {
	int (*take)(const struct nlmsghdr *h, void *slot); /* 1 when it used the slot */
	char *slots;
	size_t size;
	int count, max;
};

static void take_one(const struct nlmsghdr *h, void *ctx)
{
	struct dump *d = ctx;

	if (d->count < d->max)
		d->count += d->take(h, d->slots + (size_t)d->count * d->size);
}

static int dump(int fd, int type, int (*take)(const struct nlmsghdr *h, void *slot), void *ret,
		size_t slot_size, int max)
{
	struct dump d = { take, ret, slot_size, 0, max };
	struct rtnl_request r;

	rtnl_begin(&r, type, NLM_F_DUMP, sizeof(struct ifinfomsg));
	return rtnl_exchange(fd, &r, take_one, &d) < 0 ? -1 : d.count;
}

static void copy_text(char *ret, size_t size, const struct rtattr *a)
{
	size_t n = RTA_PAYLOAD(a);

	n = strnlen(RTA_DATA(a), n);
	if (n >= size)
		n = size - 1;
	memcpy(ret, RTA_DATA(a), n);
	ret[n] = 0;
}

static void copy_ip(struct net_ip *ret, int family, const struct rtattr *a)
{
	memset(ret, 0, sizeof(*ret));
	if (RTA_PAYLOAD(a) != net_ip_bits(family) / 8)
		return;
	ret->family = family;
	memcpy(ret->bytes, RTA_DATA(a), RTA_PAYLOAD(a));
}

static void read_kind(struct rtnl_link *l, struct rtattr *info)
{
	int len = (int)RTA_PAYLOAD(info);

	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_INFO_KIND)
			copy_text(l->kind, sizeof(l->kind), a);
}

/* What the last router advertisement said; the kernel keeps it with the link. */
static void read_ra(struct rtnl_link *l, struct rtattr *families)
{
	int len = (int)RTA_PAYLOAD(families);

	for (struct rtattr *f = RTA_DATA(families); RTA_OK(f, len); f = RTA_NEXT(f, len)) {
		int inner = (int)RTA_PAYLOAD(f);

		if ((f->rta_type & NLA_TYPE_MASK) != AF_INET6)
			continue;
		for (struct rtattr *a = RTA_DATA(f); RTA_OK(a, inner); a = RTA_NEXT(a, inner))
			if (a->rta_type == IFLA_INET6_FLAGS && RTA_PAYLOAD(a) == 4)
				memcpy(&l->ra, RTA_DATA(a), 4);
	}
}

static int take_link(const struct nlmsghdr *h, void *slot)
{
	struct rtnl_link *l = slot;
	struct ifinfomsg *m = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));

	if (h->nlmsg_type != RTM_NEWLINK || len < 0)
		return 0;
	memset(l, 0, sizeof(*l));
	l->ifindex = m->ifi_index;
	l->type = m->ifi_type;
	l->flags = m->ifi_flags;
	/* Not IFF_RUNNING: the kernel updates that once a second only. */
	l->carrier = (m->ifi_flags & IFF_UP) && (m->ifi_flags & FLAG_LOWER_UP);
	for (struct rtattr *a = IFLA_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			copy_text(l->name, sizeof(l->name), a);
		else if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == 6)
			memcpy(l->mac, RTA_DATA(a), 6), l->has_mac = true;
		else if (a->rta_type == IFLA_MTU && RTA_PAYLOAD(a) == 4)
			memcpy(&l->mtu, RTA_DATA(a), 4);
		else if (a->rta_type == IFLA_MASTER && RTA_PAYLOAD(a) == 4)
			memcpy(&l->master, RTA_DATA(a), 4);
		else if (a->rta_type == IFLA_LINKINFO)
			read_kind(l, a);
		else if (a->rta_type == IFLA_AF_SPEC)
			read_ra(l, a);
	}
	return 1;
}

static int take_addr(const struct nlmsghdr *h, void *slot)
{
	struct rtnl_addr *r = slot;
	struct ifaddrmsg *m = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));
	uint32_t flags;
	bool local = false;

	if (h->nlmsg_type != RTM_NEWADDR || len < 0)
		return 0;
	memset(r, 0, sizeof(*r));
	flags = m->ifa_flags;
	r->ifindex = (int)m->ifa_index;
	r->prefix = m->ifa_prefixlen;
	r->is_link_scope = m->ifa_scope == RT_SCOPE_LINK || m->ifa_scope == RT_SCOPE_HOST;
	for (struct rtattr *a = IFA_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFA_LOCAL)
			copy_ip(&r->ip, m->ifa_family, a), local = true;
		else if (a->rta_type == IFA_ADDRESS && !local)
			copy_ip(&r->ip, m->ifa_family, a);
		else if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == 4)
			memcpy(&flags, RTA_DATA(a), 4);
	}
	r->is_leased = !(flags & IFA_F_PERMANENT);
	r->is_temporary = m->ifa_family == AF_INET6 && (flags & IFA_F_TEMPORARY);
	r->is_tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
			  !(flags & IFA_F_OPTIMISTIC);
	return r->ip.family != AF_UNSPEC;
}

static int take_route(const struct nlmsghdr *h, void *slot)
{
	struct rtnl_route *r = slot;
	struct rtmsg *m = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));

	if (h->nlmsg_type != RTM_NEWROUTE || len < 0 || m->rtm_table != RT_TABLE_MAIN ||
	    m->rtm_type != RTN_UNICAST)
		return 0;
	memset(r, 0, sizeof(*r));
	r->prefix = m->rtm_dst_len;
	r->to.family = m->rtm_family;
	r->protocol = m->rtm_protocol;
	for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_DST)
			copy_ip(&r->to, m->rtm_family, a);
		else if (a->rta_type == RTA_GATEWAY)
			copy_ip(&r->via, m->rtm_family, a);
		else if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == 4)
			memcpy(&r->ifindex, RTA_DATA(a), 4);
		else if (a->rta_type == RTA_PRIORITY && RTA_PAYLOAD(a) == 4)
			memcpy(&r->metric, RTA_DATA(a), 4);
	}
	return r->to.family == AF_INET || r->to.family == AF_INET6;
}

int rtnl_links(int fd, struct rtnl_link *ret, int max)
{
	return dump(fd, RTM_GETLINK, take_link, ret, sizeof(*ret), max);
}

int rtnl_addrs(int fd, struct rtnl_addr *ret, int max)
{
	return dump(fd, RTM_GETADDR, take_addr, ret, sizeof(*ret), max);
}

int rtnl_routes(int fd, struct rtnl_route *ret, int max)
{
	return dump(fd, RTM_GETROUTE, take_route, ret, sizeof(*ret), max);
}
