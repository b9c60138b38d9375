/* SPDX-License-Identifier: MIT */
/* What the rtnetlink files share: building a request and the one loop that waits for its answers. */
#pragma once

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "init/rtnl.h"

struct rtnl_request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	};
	char attributes[512];
};

/* Empties r and numbers it; body is the size of the message behind the head. */
void rtnl_begin(struct rtnl_request *r, int type, int flags, size_t body);

void rtnl_put(struct rtnl_request *r, int type, const void *data, size_t len);
void rtnl_put_u8(struct rtnl_request *r, int type, uint8_t value);
void rtnl_put_u32(struct rtnl_request *r, int type, uint32_t value);

/* Attributes put between the two calls are inside of the one that was opened. */
struct rtattr *rtnl_open_nest(struct rtnl_request *r, int type);
void rtnl_close_nest(struct rtnl_request *r, struct rtattr *nest);

/*
 * Sends r and takes what the kernel answers to it, calling each (may be NULL) for every message that
 * is not the end. The end is the verdict on a change, or the end of a dump. -1 with errno.
 */
int rtnl_exchange(int fd, struct rtnl_request *r, void (*each)(const struct nlmsghdr *h, void *ctx),
		  void *ctx);

/* A change: exchange with an acknowledgement asked for. */
int rtnl_change(int fd, struct rtnl_request *r);
