/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 client of one link: a state machine without sockets (dhcp_client_*), and the process
 * around it (dhcp_run). The process holds its sockets, runs without privileges, and tells its
 * parent what it got; the parent sets addresses.
 */
#pragma once

#include "init/dhcp_msg.h"

enum dhcp_state {
	DHCP_S_SELECTING,  /* DISCOVER sent, waiting for an offer */
	DHCP_S_REQUESTING, /* REQUEST for an offer sent */
	DHCP_S_BOUND,
	DHCP_S_RENEWING,  /* after T1: the same server, by unicast */
	DHCP_S_REBINDING, /* after T2: any server */
};

struct dhcp_client {
	enum dhcp_state state;
	uint8_t mac[6];
	uint32_t xid;
	uint32_t seed;		 /* for transaction ids and jitter */
	uint64_t began_ms;	 /* of this acquisition */
	uint64_t bound_ms;	 /* when the lease was granted */
	uint64_t next_ms;	 /* when dhcp_client_tick has something to do; UINT64_MAX: never */
	unsigned tries;		 /* messages sent in this state */
	bool has_lease;		 /* lease was granted and has not expired */
	struct dhcp_lease lease; /* granted, or offered while requesting */
};

/* A message to send. */
struct dhcp_out {
	struct dhcp_query query;
	bool unicast; /* to query's server through the kernel's own routing; else broadcast */
	uint8_t to[4];
};

/* What the parent is told; sent as one datagram. */
enum dhcp_event_kind {
	DHCP_EV_LEASE,	   /* granted, or renewed */
	DHCP_EV_NO_ANSWER, /* nobody has answered so far; said again every half minute */
	DHCP_EV_EXPIRED,   /* the lease is over and nobody renewed it. The address is kept: a rescue
			      that can still be reached is worth more than a tidy one */
	DHCP_EV_REFUSED,   /* the server took the lease back (NAK) */
};

struct dhcp_event {
	enum dhcp_event_kind kind;
	unsigned seconds; /* NO_ANSWER: for how long */
	struct dhcp_lease lease;
};

void dhcp_client_init(struct dhcp_client *c, const uint8_t mac[6], uint32_t seed, uint64_t now_ms);

/*
 * Does what is due at now_ms. Returns true when *ret is to be sent; call again until it returns
 * false, then wait for next_ms. *ret_event is set (true in *ret_has_event) when there is news.
 */
bool dhcp_client_tick(struct dhcp_client *c, uint64_t now_ms, struct dhcp_out *ret,
		      struct dhcp_event *ret_event, bool *ret_has_event);

/* Takes a reply that dhcp_parse accepted. Returns true when *ret_event holds news. */
bool dhcp_client_reply(struct dhcp_client *c, const struct dhcp_reply *r, uint64_t now_ms,
		       struct dhcp_event *ret_event);

/* The link was gone and came back: ask again for what we have. */
void dhcp_client_relink(struct dhcp_client *c, uint64_t now_ms);

/*
 * The process: runs for ever on link ifindex, writing struct dhcp_event datagrams to report_fd.
 * SIGUSR1 means dhcp_client_relink. Returns an exit status when it cannot work.
 */
int dhcp_run(int ifindex, const char *ifname, const uint8_t mac[6], int report_fd);
