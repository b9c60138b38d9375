/* SPDX-License-Identifier: MIT */
#include "init/rtnl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 32768
#define FLAG_LOWER_UP 0x10000U /* IFF_LOWER_UP of linux/if.h, which net/if.h hides */

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	};
	char attributes[256];
};

static unsigned sequence;

int rtnl_open(int listen_links)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 5 };
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (listen_links)
		address.nl_groups = RTMGRP_LINK;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	return fd_take(&fd);
}

static void begin(struct request *r, int type, int flags, size_t body)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = (unsigned)NLMSG_LENGTH(body);
	r->head.nlmsg_type = (unsigned short)type;
	r->head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	r->head.nlmsg_seq = ++sequence;
}

static void attribute(struct request *r, int type, const void *data, size_t len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	if (NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len) > sizeof(*r))
		return; /* cannot happen: all we add fits */
	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = (unsigned)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len));
}

static void attribute_ip(struct request *r, int type, const struct net_ip *ip)
{
	attribute(r, type, ip->bytes, net_ip_bits(ip->family) / 8);
}

/* Sends and waits for the kernel's verdict. */
static int transact(int fd, struct request *r)
{
	char answer[1024];

	r->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return -1;
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		struct nlmsghdr *h = (void *)answer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq != r->head.nlmsg_seq)
				continue;
			struct nlmsgerr *e = NLMSG_DATA(h);

			errno = -e->error;
			return e->error ? -1 : 0;
		}
	}
}

static int link_flags(int fd, int ifindex, unsigned flags, unsigned mtu, const uint8_t *mac)
{
	struct request r;

	begin(&r, RTM_NEWLINK, 0, sizeof(r.link));
	r.link.ifi_index = ifindex;
	r.link.ifi_change = IFF_UP;
	r.link.ifi_flags = flags;
	if (mtu)
		attribute(&r, IFLA_MTU, &mtu, sizeof(mtu));
	if (mac)
		attribute(&r, IFLA_ADDRESS, mac, 6);
	return transact(fd, &r);
}

int rtnl_link_up(int fd, int ifindex, unsigned mtu, const uint8_t *mac)
{
	/* Most drivers change their address only while they are down. */
	if (mac && link_flags(fd, ifindex, 0, 0, mac) < 0)
		return -1;
	return link_flags(fd, ifindex, IFF_UP, mtu, NULL);
}

static int change_addr(int fd, int type, int flags, int ifindex, const struct net_ip *ip,
		       unsigned prefix, const struct net_ip *peer)
{
	struct request r;

	begin(&r, type, flags, sizeof(r.addr));
	r.addr.ifa_family = (unsigned char)ip->family;
	r.addr.ifa_prefixlen = (unsigned char)prefix;
	r.addr.ifa_index = (unsigned)ifindex;
	/* Duplicate detection would keep a given IPv6 address unusable for a second or two. */
	if (ip->family == AF_INET6)
		r.addr.ifa_flags = IFA_F_NODAD;
	attribute_ip(&r, IFA_LOCAL, ip);
	attribute_ip(&r, IFA_ADDRESS, peer && peer->family == ip->family ? peer : ip);
	if (ip->family == AF_INET && prefix < 31 && !peer) {
		struct net_ip broadcast = *ip;

		for (unsigned bit = prefix; bit < 32; bit++)
			broadcast.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
		attribute_ip(&r, IFA_BROADCAST, &broadcast);
	}
	return transact(fd, &r);
}

int rtnl_addr_add(int fd, int ifindex, const struct net_ip *ip, unsigned prefix,
		  const struct net_ip *peer)
{
	return change_addr(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, ip, prefix,
			   peer && peer->family ? peer : NULL);
}

int rtnl_addr_del(int fd, int ifindex, const struct net_ip *ip, unsigned prefix)
{
	return change_addr(fd, RTM_DELADDR, 0, ifindex, ip, prefix, NULL);
}

int rtnl_route_add(int fd, int ifindex, const struct net_ip *to, unsigned prefix,
		   const struct net_ip *via, unsigned metric)
{
	struct request r;

	begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(r.route));
	r.route.rtm_family = (unsigned char)to->family;
	r.route.rtm_dst_len = (unsigned char)prefix;
	r.route.rtm_table = RT_TABLE_MAIN;
	r.route.rtm_protocol = RTPROT_STATIC;
	r.route.rtm_scope = via && via->family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	r.route.rtm_type = RTN_UNICAST;
	attribute(&r, RTA_OIF, &ifindex, sizeof(ifindex));
	if (prefix)
		attribute_ip(&r, RTA_DST, to);
	if (via && via->family)
		attribute_ip(&r, RTA_GATEWAY, via);
	if (metric)
		attribute(&r, RTA_PRIORITY, &metric, sizeof(metric));
	return transact(fd, &r);
}

/* Calls take for every message of a dump; take returns 1 when it used the slot it was given. */
static int dump(int fd, int type, int (*take)(const struct nlmsghdr *h, void *slot), char *ret,
		size_t slot_size, int max)
{
	static char answer[ANSWER_SIZE];
	struct request r;
	int count = 0;

	begin(&r, type, NLM_F_DUMP, sizeof(struct ifinfomsg));
	if (send(fd, &r, r.head.nlmsg_len, 0) < 0)
		return -1;
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		struct nlmsghdr *h = (void *)answer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != r.head.nlmsg_seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return count;
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = EIO;
				return -1;
			}
			if (count < max)
				count += take(h, ret + (size_t)count * slot_size);
		}
	}
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
	}
	return 1;
}

static int take_addr(const struct nlmsghdr *h, void *slot)
{
	struct rtnl_addr *r = slot;
	struct ifaddrmsg *m = NLMSG_DATA(h);
	int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));
	bool local = false;

	if (h->nlmsg_type != RTM_NEWADDR || len < 0)
		return 0;
	memset(r, 0, sizeof(*r));
	r->ifindex = (int)m->ifa_index;
	r->prefix = m->ifa_prefixlen;
	r->is_link_scope = m->ifa_scope == RT_SCOPE_LINK || m->ifa_scope == RT_SCOPE_HOST;
	for (struct rtattr *a = IFA_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFA_LOCAL)
			copy_ip(&r->ip, m->ifa_family, a), local = true;
		else if (a->rta_type == IFA_ADDRESS && !local)
			copy_ip(&r->ip, m->ifa_family, a);
	}
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
	return dump(fd, RTM_GETLINK, take_link, (char *)ret, sizeof(*ret), max);
}

int rtnl_addrs(int fd, struct rtnl_addr *ret, int max)
{
	return dump(fd, RTM_GETADDR, take_addr, (char *)ret, sizeof(*ret), max);
}

int rtnl_routes(int fd, struct rtnl_route *ret, int max)
{
	return dump(fd, RTM_GETROUTE, take_route, (char *)ret, sizeof(*ret), max);
}
