/* SPDX-License-Identifier: MIT */
/*
 * What the operator wants of the network: ip= and its relatives in the syntax of the kernel
 * (admin-guide/nfs/nfsroot) and of dracut.cmdline(7). Pure functions, no sockets.
 */
#pragma once

#include <net/if.h>

#include "base/err.h"
#include "base/str.h"
#include "init/netaddr.h"
#include "init/netlayer.h"

#define NET_WANTS_MAX 16
#define NET_ROUTES_MAX 32
#define NET_DNS_MAX 4
#define NET_LINKS_MAX 32

/* IPv6 by router advertisements is the kernel's work once a link is up; DHCPv6 is not spoken here. */
enum net_method {
	NET_STATIC,
	NET_DHCP,  /* DHCPv4; what routers announce is taken as well */
	NET_AUTO6, /* router advertisements alone */
	NET_DHCP6, /* DHCPv6 was asked for: router advertisements, and a word when they do not do */
	NET_EITHER6, /* router advertisements, else DHCPv6: as NET_DHCP6 */
	NET_LINK6,   /* the link-local address alone */
	NET_OFF,     /* leave the link down */
};

/* One ip= word. */
struct net_want {
	char link[64]; /* "" or "*": not said; else a name, or a MAC as aa:bb:cc:dd:ee:ff */
	enum net_method method;
	struct net_ip address, peer, gateway;
	unsigned prefix;
	char hostname[65];
	unsigned mtu; /* 0: leave */
	bool has_mac; /* set this MAC on the link */
	uint8_t mac[6];
};

struct net_route {
	struct net_ip to; /* family set even for a default route (prefix 0) */
	unsigned prefix;
	struct net_ip via; /* AF_UNSPEC: on the link itself */
	char link[64];	   /* "": the link that reaches via, or the first one */
};

struct net_conf {
	struct net_want wants[NET_WANTS_MAX];
	size_t nwants;
	struct net_layer layers[NET_LAYERS_MAX]; /* vlan=, bond=, bridge= */
	size_t nlayers;
	struct net_route routes[NET_ROUTES_MAX];
	size_t nroutes;
	struct net_ip dns[NET_DNS_MAX];
	size_t ndns;
	struct {
		char name[IFNAMSIZ];
		uint8_t mac[6];
	} names[NET_WANTS_MAX]; /* ifname=NAME:MAC: NAME stands for that MAC in other words */
	size_t nnames;
	bool has_bootif;
	uint8_t bootif[6];
	char bootdev[64];
	bool no_peer_dns;	/* rd.peerdns=0 */
	struct strlist ignored; /* words that were not understood, for the console */
};

/* What is known of a link when wants are matched with it. */
struct net_link_id {
	char name[IFNAMSIZ];
	char path_name[32]; /* what systemd would call it by its PCI place (enp0s3), or "" */
	char slot_name[32]; /* the same by its hotplug slot (ens3), or "" */
	uint8_t mac[6];
	bool carrier;
	bool made;	      /* by vlan=, bond= or bridge= */
	bool taken;	      /* a port of a bond or bridge: gets no addresses of its own */
	char alias[IFNAMSIZ]; /* stands in for this bond or bridge that could not be made, or "" */
};

/* Reads the words; a wrong one goes to ignored, the others hold. -1 when out of memory only. */
int netconf_parse(struct net_conf *ret, const struct strlist *words) must_check;
void netconf_done(struct net_conf *c);

/* One value of ip=, exposed for tests. -1 when not understood. */
int netconf_parse_ip(struct net_want *ret, const char *value);

/* The layer of that name, NULL when there is none. */
const struct net_layer *netconf_layer(const struct net_conf *c, const char *name);

/* True when the operator's word for a link means this one: name, ifname=, path name, enx, MAC, alias. */
bool netconf_link_matches(const struct net_conf *c, const char *word, const struct net_link_id *l);

#define NET_ALL_LINKS (-2)
#define NET_NO_LINK (-1)

/*
 * Which link each want belongs to: an index into links, NET_ALL_LINKS (DHCP without a name: every
 * link that no other want names), or NET_NO_LINK for now. A static want without a name takes the
 * BOOTIF or bootdev link, else the first one with carrier that nobody names, one that was made
 * before a card. A want whose name is unknown takes such a link once patient is false: the name may
 * be one that this kernel does not use, and a reachable rescue is worth more than a literal one.
 * The name of a layer is waited for. Taken links get nothing.
 */
void netconf_assign(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		    bool patient, int ret[NET_WANTS_MAX]);

/*
 * Which links a layer is built on: indexes into links, in the order of its words. Once patient is
 * false a layer of which no link is known takes the first card with carrier that is free. Returns
 * their number; *ret_missing is how many of the words have no link.
 */
size_t netconf_below(const struct net_conf *c, const struct net_layer *layer,
		     const struct net_link_id *links, size_t nlinks, bool patient,
		     int ret[NET_BELOW_MAX], unsigned *ret_missing);
