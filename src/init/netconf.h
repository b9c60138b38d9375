/* SPDX-License-Identifier: MIT */
/*
 * What the operator wants of the network: ip= and its relatives in the syntax of the kernel
 * (admin-guide/nfs/nfsroot) and of dracut.cmdline(7). Pure functions, no sockets.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define NET_WANTS_MAX 16
#define NET_ROUTES_MAX 32
#define NET_DNS_MAX 4
#define NET_LINKS_MAX 32

/* An address of either family; family AF_UNSPEC: none. */
struct net_ip {
	int family;
	uint8_t bytes[16]; /* network order, IPv4 in the first four */
};

enum net_method {
	NET_STATIC,
	NET_DHCP,
	NET_AUTO, /* IPv6 router advertisements alone, which the kernel does once a link is up */
	NET_OFF,  /* leave the link down */
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
};

/* Reads the words; a wrong one goes to ignored, the others hold. -1 when out of memory only. */
int netconf_parse(struct net_conf *ret, const struct strlist *words) must_check;
void netconf_done(struct net_conf *c);

/* One value of ip=, exposed for tests. -1 when not understood. */
int netconf_parse_ip(struct net_want *ret, const char *value);

/* Text to address; IPv6 may stand in brackets. -1 when it is neither. */
int net_ip_parse(struct net_ip *ret, const char *text) must_check;
/* INET6_ADDRSTRLEN bytes suffice. Returns buf, "" for AF_UNSPEC. */
const char *net_ip_text(const struct net_ip *ip, char *buf, size_t size);
bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);
/* Bits in an address of that family: 32 or 128. */
unsigned net_ip_bits(int family);
/* True when other lies in the network of ip/prefix. */
bool net_ip_contains(const struct net_ip *ip, unsigned prefix, const struct net_ip *other);
/* Prefix length of an IPv4 mask in network order; -1 when its ones are not contiguous. */
int net_mask_prefix(const uint8_t mask[4]);
/* aa:bb:cc:dd:ee:ff or with dashes. -1 when it is not one. */
int net_mac_parse(uint8_t ret[6], const char *text) must_check;

/* True when the operator's word for a link means this one: name, ifname=, path name, enx, MAC. */
bool netconf_link_matches(const struct net_conf *c, const char *word, const struct net_link_id *l);

#define NET_ALL_LINKS (-2)
#define NET_NO_LINK (-1)

/*
 * Which link each want belongs to: an index into links, NET_ALL_LINKS (DHCP without a name: every
 * link that no other want names), or NET_NO_LINK for now. A static want without a name takes the
 * BOOTIF or bootdev link, else the first one with carrier that nobody names. A want whose name is
 * unknown takes such a link once patient is false: the name may be one that this kernel does not
 * use, and a reachable rescue is worth more than a literal one.
 */
void netconf_assign(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		    bool patient, int ret[NET_WANTS_MAX]);
