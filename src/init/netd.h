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

/* One network card. */
struct netd_link {
	struct net_link_id id;
	int ifindex;
	char driver[32];
	bool seen, raised; /* in the last dump; taken up by us */
	unsigned mtu;
	pid_t dhcp_pid;		/* 0: none */
	int dhcp_fd;		/* its events, -1: none */
	uint64_t dhcp_retry_ms; /* when to start it again after it ended */
	bool has_lease;
	struct dhcp_lease lease;
	unsigned dhcp_silence_s; /* nobody has answered for so long */
	bool want_dhcp, want_off;
	bool applied[NET_WANTS_MAX]; /* static wants set on this link */
};

struct netd {
	int fd, events; /* rtnetlink: requests, news of links */
	const struct net_conf *conf;
	struct netd_link links[NET_LINKS_MAX];
	size_t nlinks;
	bool routes_done[NET_ROUTES_MAX];
	uint64_t began_ms;
	char why[NETD_WHY_LEN]; /* last address or route the kernel refused */
	int why_errno;
};

/* netd_apply.c: setting addresses and routes; failures go to why and the log. */
void netd_apply_static(struct netd *n, struct netd_link *l, const struct net_want *w);
void netd_apply_lease(struct netd *n, struct netd_link *l, const struct dhcp_lease *lease);
void netd_apply_routes(struct netd *n);

/* netd_report.c: net.json and resolv.conf; the error for the console, or none. */
void netd_write_state(struct netd *n);
/* Returns true when there is something to tell; *ret is filled. Pure but for nothing. */
bool netd_judge(const struct netd *n, bool has_address, uint64_t now, struct err *ret);
void netd_write_error(struct netd *n, bool has_address, uint64_t now);
