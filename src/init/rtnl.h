/* SPDX-License-Identifier: MIT */
/* The few rtnetlink requests the rescue needs, rtnetlink(7). Link up, addresses, routes, dumps. */
#pragma once

#include <net/if.h>

#include "base/err.h"
#include "init/netconf.h"

#define RTNL_LISTEN_LINKS 1 /* open: also receive what happens to links and to IPv6 addresses */

/* A socket, or -1 with errno. */
int rtnl_open(int listen_links);

/* Up, with MTU (0: leave) and MAC (NULL: leave; the link is taken down for that). -1 with errno. */
int rtnl_link_up(int fd, int ifindex, unsigned mtu, const uint8_t *mac);

/* Adds (an existing one is replaced) or removes an address; peer may be NULL. -1 with errno. */
int rtnl_addr_add(int fd, int ifindex, const struct net_ip *ip, unsigned prefix,
		  const struct net_ip *peer);
int rtnl_addr_del(int fd, int ifindex, const struct net_ip *ip, unsigned prefix);

/* Adds or replaces a route of the main table; via NULL: on the link itself. -1 with errno. */
int rtnl_route_add(int fd, int ifindex, const struct net_ip *to, unsigned prefix,
		   const struct net_ip *via, unsigned metric);

/* Down, for what can be changed only then. -1 with errno. */
int rtnl_link_down(int fd, int ifindex);

/* Makes the link of a layer, down and without ports; lower: what a VLAN is made on. -1 with errno. */
int rtnl_layer_make(int fd, const struct net_layer *layer, int lower, const uint8_t *mac);

/* Makes a link a port of a bond or bridge; it is down meanwhile and up afterwards. -1 with errno. */
int rtnl_port_add(int fd, int ifindex, int master);

/* The port that a bond prefers. -1 with errno. */
int rtnl_bond_primary(int fd, int bond, int ifindex);

#define RTNL_RA_RECEIVED 0x20U /* IF_RA_RCVD and the others of include/net/if_inet6.h */
#define RTNL_RA_MANAGED 0x40U  /* addresses come from DHCPv6, says the router */

struct rtnl_link {
	int ifindex, type, master;     /* type: ARPHRD_ */
	unsigned flags, mtu, ra;       /* ra: RTNL_RA_ */
	char name[IFNAMSIZ], kind[16]; /* kind: "" for hardware */
	uint8_t mac[6];
	bool has_mac, carrier;
};

struct rtnl_addr {
	int ifindex;
	struct net_ip ip;
	unsigned prefix;
	bool is_link_scope;
	bool is_tentative; /* not to be used: still looked for elsewhere, or found there */
	bool is_leased;	   /* it has an end: DHCP or a router gave it */
	bool is_temporary; /* RFC 8981: IPv6, another one before long */
};

struct rtnl_route {
	int ifindex;
	struct net_ip to, via;
	unsigned prefix, metric;
	uint8_t protocol; /* who made it: RTPROT_ of linux/rtnetlink.h */
};

/* What the kernel has now; returns the number put into ret (at most max), -1 with errno. */
int rtnl_links(int fd, struct rtnl_link *ret, int max);
int rtnl_addrs(int fd, struct rtnl_addr *ret, int max);
int rtnl_routes(int fd, struct rtnl_route *ret, int max); /* main table, unicast */
