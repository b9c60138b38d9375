/* SPDX-License-Identifier: MIT */
/* The parts of the ifupdown backend: interfaces(5) of ifupdown 0.8, with the words of ifenslave, bridge-utils and vlan. */
#pragma once

#include "rewrite/interfaces.h"
#include "rewrite/net_priv.h"

#define INTERFACES "/etc/network/interfaces"
/* The commands that say: router advertisements on this link, or none. */
#define IFUPDOWN_RA "echo 1 > /proc/sys/net/ipv6/conf/$IFACE/accept_ra || true"
#define IFUPDOWN_NO_RA "echo 0 > /proc/sys/net/ipv6/conf/$IFACE/accept_ra || true"

/* Who reads the file. */
enum ifupdown_flavour {
	IFUPDOWN_DEBIAN, /* a stanza for each address */
	IFUPDOWN_NG,	 /* the same; other words for bonds */
	IFUPDOWN_BUSYBOX /* one stanza a family; no onlink of its own (networking/ifupdown.c) */
};
/* What the root's ifup is; NULL: Debian's. */
enum ifupdown_flavour ifupdown_flavour_of(const struct root *root);

/* One option of the stanza s; what the model has no word for goes to extra as written. -1: no memory. */
int ifupdown_take_option(struct net_link *l, const struct stanza *s, const struct iface_option *o,
			 bool v6) must_check;
/* After all files: ports said by the port, VLANs said by the name, gateways outside every prefix. -1: no memory. */
int ifupdown_finish(struct net_model *m) must_check;

int ifupdown_write(struct net_output *o, const struct net_model *m, const struct root *root,
		   struct err *e) must_check;
