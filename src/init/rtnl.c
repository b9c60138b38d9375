/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/rtnl_priv.h"

#define ANSWER_SIZE 32768

static unsigned sequence;

int rtnl_open(int listen_links)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 5 };
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (listen_links)
		address.nl_groups = RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	return fd_take(&fd);
}

void rtnl_begin(struct rtnl_request *r, int type, int flags, size_t body)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = (unsigned)NLMSG_LENGTH(body);
	r->head.nlmsg_type = (unsigned short)type;
	r->head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	r->head.nlmsg_seq = ++sequence;
}

static struct rtattr *next_attribute(struct rtnl_request *r)
{
	return (void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
}

void rtnl_put(struct rtnl_request *r, int type, const void *data, size_t len)
{
	struct rtattr *a = next_attribute(r);

	if (NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len) > sizeof(*r))
		return; /* cannot happen: all we add fits */
	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = (unsigned)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len));
}

void rtnl_put_u8(struct rtnl_request *r, int type, uint8_t value)
{
	rtnl_put(r, type, &value, sizeof(value));
}

void rtnl_put_u32(struct rtnl_request *r, int type, uint32_t value)
{
	rtnl_put(r, type, &value, sizeof(value));
}

struct rtattr *rtnl_open_nest(struct rtnl_request *r, int type)
{
	struct rtattr *a = next_attribute(r);

	rtnl_put(r, type, NULL, 0);
	return a;
}

void rtnl_close_nest(struct rtnl_request *r, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)next_attribute(r) - (char *)nest);
}

static void put_ip(struct rtnl_request *r, int type, const struct net_ip *ip)
{
	rtnl_put(r, type, ip->bytes, net_ip_bits(ip->family) / 8);
}

int rtnl_exchange(int fd, struct rtnl_request *r, void (*each)(const struct nlmsghdr *h, void *ctx),
		  void *ctx)
{
	static char answer[ANSWER_SIZE];

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
			if (h->nlmsg_seq != r->head.nlmsg_seq)
				continue; /* the answer to a request that was given up */
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR) {
				struct nlmsgerr *e = NLMSG_DATA(h);

				errno = -e->error;
				return e->error ? -1 : 0;
			}
			if (each)
				each(h, ctx);
		}
	}
}

int rtnl_change(int fd, struct rtnl_request *r)
{
	r->head.nlmsg_flags |= NLM_F_ACK;
	return rtnl_exchange(fd, r, NULL, NULL);
}

static int link_flags(int fd, int ifindex, unsigned flags, unsigned mtu, const uint8_t *mac)
{
	struct rtnl_request r;

	rtnl_begin(&r, RTM_NEWLINK, 0, sizeof(r.link));
	r.link.ifi_index = ifindex;
	r.link.ifi_change = IFF_UP;
	r.link.ifi_flags = flags;
	if (mtu)
		rtnl_put(&r, IFLA_MTU, &mtu, sizeof(mtu));
	if (mac)
		rtnl_put(&r, IFLA_ADDRESS, mac, 6);
	return rtnl_change(fd, &r);
}

int rtnl_link_up(int fd, int ifindex, unsigned mtu, const uint8_t *mac)
{
	/* Most drivers change their address only while they are down. */
	if (mac && link_flags(fd, ifindex, 0, 0, mac) < 0)
		return -1;
	return link_flags(fd, ifindex, IFF_UP, mtu, NULL);
}

int rtnl_link_down(int fd, int ifindex)
{
	return link_flags(fd, ifindex, 0, 0, NULL);
}

static int change_addr(int fd, int type, int flags, int ifindex, const struct net_ip *ip,
		       unsigned prefix, const struct net_ip *peer)
{
	struct rtnl_request r;

	rtnl_begin(&r, type, flags, sizeof(r.addr));
	r.addr.ifa_family = (unsigned char)ip->family;
	r.addr.ifa_prefixlen = (unsigned char)prefix;
	r.addr.ifa_index = (unsigned)ifindex;
	/* Duplicate detection would keep a given IPv6 address unusable for a second or two. */
	if (ip->family == AF_INET6)
		r.addr.ifa_flags = IFA_F_NODAD;
	put_ip(&r, IFA_LOCAL, ip);
	put_ip(&r, IFA_ADDRESS, peer && peer->family == ip->family ? peer : ip);
	if (ip->family == AF_INET && prefix < 31 && !peer) {
		struct net_ip broadcast = *ip;

		for (unsigned bit = prefix; bit < 32; bit++)
			broadcast.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
		put_ip(&r, IFA_BROADCAST, &broadcast);
	}
	return rtnl_change(fd, &r);
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
	struct rtnl_request r;

	rtnl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(r.route));
	r.route.rtm_family = (unsigned char)to->family;
	r.route.rtm_dst_len = (unsigned char)prefix;
	r.route.rtm_table = RT_TABLE_MAIN;
	r.route.rtm_protocol = RTPROT_STATIC;
	r.route.rtm_scope = via && via->family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	r.route.rtm_type = RTN_UNICAST;
	rtnl_put(&r, RTA_OIF, &ifindex, sizeof(ifindex));
	if (prefix)
		put_ip(&r, RTA_DST, to);
	if (via && via->family)
		put_ip(&r, RTA_GATEWAY, via);
	if (metric)
		rtnl_put(&r, RTA_PRIORITY, &metric, sizeof(metric));
	return rtnl_change(fd, &r);
}
