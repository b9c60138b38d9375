/* SPDX-License-Identifier: MIT */
/*
 * The process that brings the network up and keeps it: watches links, sets what ip= and its
 * relatives say, runs a DHCP client process per link, writes /run/rehost/net.json,
 * /run/rehost/net_error and /etc/resolv.conf.
 */
#pragma once

#include "init/dhcp.h"
#include "init/netconf.h"
#include "init/rtnl.h"

/* Runs for ever with the words of the boot line. Returns an exit status when it cannot work. */
int netd_run(const struct strlist *words);

#define NETD_WHY_LEN 160

/* One network card, or a link that was made on top of some. */
struct netd_link {
	struct net_link_id id;
	int ifindex;
	int master; /* ifindex of the layer it is a port of, or 0 */
	char driver[32];
	bool seen, raised;	/* in the last dump; taken up by us */
	bool ipv6_set;		/* the kernel was told about router advertisements */
	bool not_a_port;	/* the kernel refused to make it one: not tried again */
	unsigned mtu, ra;	/* ra: RTNL_RA_ */
	pid_t dhcp_pid;		/* 0: none */
	int dhcp_fd;		/* its events, -1: none */
	uint64_t dhcp_retry_ms; /* when to start it again after it ended */
	bool has_lease;
	struct dhcp_lease lease;
	unsigned dhcp_silence_s; /* nobody has answered for so long */
	bool want_dhcp, want_off;
	enum net_method want6;	     /* what was asked for of IPv6, NET_DHCP: nothing special */
	bool applied[NET_WANTS_MAX]; /* static wants set on this link */
};

struct netd {
	int fd, events; /* rtnetlink: requests, news of links */
	int seed_watch; /* inotify on the seed's folder, -1: none */
	const struct net_conf *conf;
	struct netd_link links[NET_LINKS_MAX];
	size_t nlinks;
	bool routes_done[NET_ROUTES_MAX];
	bool layer_failed[NET_LAYERS_MAX];
	uint64_t began_ms;
	char why[NETD_WHY_LEN]; /* last address or route the kernel refused */
	int why_errno;
};

/* netd_links.c: the list of links as the kernel has them now. */
int netd_refresh_links(struct netd *n);
struct netd_link *netd_link_at(struct netd *n, int ifindex); /* NULL when there is none */
void netd_stop_dhcp(struct netd_link *l);

/*
 * netd_layers.c: makes what vlan=, bond= and bridge= ask for, as soon as the links for it are there,
 * and marks the links that are ports. For a bond or bridge that cannot be made one of its links
 * stands in. True when something changed and the links should be read again.
 */
bool netd_build_layers(struct netd *n, bool patient);

/* netd_apply.c: setting addresses and routes; failures go to why and the log. */
void netd_refused(struct netd *n, const char *fmt, ...) printf_like(2, 3);
void netd_apply_ipv6(struct netd *n, struct netd_link *l);
void netd_apply_static(struct netd *n, struct netd_link *l, const struct net_want *w);
void netd_apply_lease(struct netd *n, struct netd_link *l, const struct dhcp_lease *lease);
void netd_apply_routes(struct netd *n);

/* netd_report.c: net.json and resolv.conf; the error for the console, or none. */
void netd_write_state(struct netd *n);
/* Returns true when there is something to tell; *ret is filled. Pure but for nothing. */
bool netd_judge(const struct netd *n, bool has_address, uint64_t now, struct err *ret);
void netd_write_error(struct netd *n, bool has_address, uint64_t now);
