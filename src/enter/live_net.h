/* SPDX-License-Identifier: MIT */
/*
 * The network as it runs now, and the words of ip= and its relatives that make the rescue repeat it: what works now is a better
 * witness than any configuration file.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "init/rtnl.h"

#define LIVE_LINKS_MAX 64
#define LIVE_ADDRS_MAX 128
#define LIVE_ROUTES_MAX 256

/* A link, with what rtnetlink's dump leaves to sysfs and procfs. */
struct live_link {
	struct rtnl_link link;
	bool is_card;		  /* a device stands behind it */
	uint8_t permanent[6];	  /* the card's own address, whatever a bond has given it */
	int below[NET_BELOW_MAX]; /* ifindex of what a VLAN, bond or bridge is made of */
	size_t nbelow;
	unsigned vid;	   /* of a VLAN */
	char options[256]; /* of a bond, as bond= takes them */
};

struct live_net {
	struct live_link links[LIVE_LINKS_MAX];
	size_t nlinks;
	struct rtnl_addr addrs[LIVE_ADDRS_MAX];
	size_t naddrs;
	struct rtnl_route routes[LIVE_ROUTES_MAX];
	size_t nroutes;
	struct net_ip dns[NET_DNS_MAX];
	size_t ndns;
};

/* Asks the kernel, and /etc/resolv.conf for the name servers. ERR_ENTER_NET. */
int live_net_read(struct live_net *ret, struct err *e) must_check;

/*
 * Appends the words. Cards are named by their own MAC address. An address that was leased is kept and DHCP asked beside it: the
 * machine stays where it was found, and the lease goes on. Every word was read back by the rescue's own parser. What the rescue
 * will not have is said in ret_notes, a sentence each. ERR_ENTER_NET when no address of a card would be left. Pure.
 */
int live_net_words(const struct live_net *n, struct strlist *ret_words, struct strlist *ret_notes,
		   struct err *e) must_check;
