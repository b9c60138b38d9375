/* SPDX-License-Identifier: MIT */
/* What a reader of one network stack is: a row in the table of net.c. */
#pragma once

#include "rewrite/net.h"

struct net_backend {
	const char *name;
	/* whole: root is a system, so installed and enabled count; else files alone do. */
	bool (*is_active)(const struct root *root, bool whole);
	/* Fills in links, files and notes. NULL: recognised, not read yet. */
	int (*read)(struct net_model *m, const struct root *root, struct err *e);
	/* Appends files, units and losses. NULL: it can only be read. */
	int (*write)(struct net_output *o, const struct net_model *m, const struct root *root,
		     struct err *e);
};

extern const struct net_backend net_ifupdown;
extern const struct net_backend net_netplan;

/* The link of that name, made when missing; NULL: no memory. */
struct net_link *net_link_get(struct net_model *m, const char *name);

/* True when any regular file or link in dir ends in suffix. */
bool net_dir_has(const struct root *root, const char *dir, const char *suffix);
/* True when any of the NULL-terminated paths exists as a file or link (links need not lead anywhere). */
bool net_any_exists(const struct root *root, const char *const *paths);

/* Zeroed ones at the end of the link's list; NULL: no memory, or more than NET_ROUTES_MAX. */
#define NET_ROUTES_MAX 4096
struct net_route *net_route_add(struct net_link *l);
struct net_rule *net_rule_add(struct net_link *l);

/*
 * Takes a route as gateway4 or gateway6 where it is a plain default route and none is set yet, else adds it to routes.
 * via NULL: on the link. -1: no memory, too many.
 */
int net_take_route(struct net_link *l, const struct net_route *route) must_check;

/* "10.0.0.5" with a length of its own, 32 or 128; "default" by family; NULL: no address, or no memory. The caller frees. */
char *net_prefix_of(const char *text, bool is_v6);

/* True for an IPv6 address or prefix. */
bool net_is_v6(const char *address);

/* True when the gateway lies in none of the link's prefixes of its family, link-local gateways excepted. */
bool net_needs_onlink(const struct net_link *l, const char *gateway);

/* A new file of the output; NULL: no memory. */
struct net_file *net_file_add(struct net_output *o, const char *path, unsigned mode);
int net_loss(struct net_output *o, const char *fmt, ...) printf_like(2, 3) must_check;
