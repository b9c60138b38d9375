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
extern const struct net_backend net_networkd;
extern const struct net_backend net_nm;
extern const struct net_backend net_dhcpcd;
extern const struct net_backend net_netctl;
extern const struct net_backend net_netifrc;
extern const struct net_backend net_ifcfg;
extern const struct net_backend net_wicked;
extern const struct net_backend net_cloudinit;

/* Whether an enabled NetworkManager reads ifcfg files there, besides profiles of its own. */
bool net_ifcfg_is_read_too(const struct root *root);

/* NetworkManager in that tree: 1022 of 1.22; 0: none was found, or one that does not tell. */
unsigned nm_version(const struct root *root);
/*
 * Whether that version activates a link with a route marked onlink whose gateway lies outside every prefix. 1.30 (Debian 11)
 * does not: it adds the way to the gateway by itself, as every version does, but with the mark, which the kernel refuses
 * (EINVAL). 1.42 does.
 */
bool nm_knows_onlink(unsigned version);

/* Whether there is a stack of that name with a reader. */
bool net_can_read(const char *stack);

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

/* Prefix length of a netmask given as dotted quad or number; -1: neither. */
int net_mask_length(const char *mask);

/* True for an IPv6 address or prefix. */
bool net_is_v6(const char *address);

/* True when the gateway lies in none of the link's prefixes of its family, link-local gateways excepted. */
bool net_needs_onlink(const struct net_link *l, const char *gateway);

/*
 * A route to a gateway itself is how it is made reachable: it goes from routes, and routes through such a gateway that lies
 * outside every prefix are on-link.
 */
void net_drop_gateway_routes(struct net_link *l);
/* The same, and gateways outside every prefix are on-link: for stacks without a word for that. */
void net_settle_gateways(struct net_link *l);

/* Whether word is one of the NULL-terminated ones. */
bool net_is_one_of(const char *word, const char *const *known);

/* An address without a length. */
bool net_is_address(const char *text);
/* A name that an interface can have: nothing in it that a file or a shell could misread. */
bool net_is_device_name(const char *text);

void net_route_done(struct net_route *r);
void net_rule_done(struct net_rule *r);

/*
 * The words behind "ip route add" from words->items[from] on; link: the device that may be named, "$IFACE" is it too. 1: ret
 * is filled in; 0: not understood whole. net_parse_rule: behind "ip rule add"; net_parse_old_route: behind "route add".
 */
int net_parse_route(struct net_route *ret, const struct strlist *words, size_t from, bool is_v6,
		    const char *link) must_check;
int net_parse_rule(struct net_rule *ret, const struct strlist *words, size_t from,
		   bool is_v6) must_check;
int net_parse_old_route(struct net_route *ret, const struct strlist *words, size_t from,
			const char *link) must_check;
/*
 * A command of ip(8), words->items[0] being "ip": addresses, routes, rules, mtu and hardware address of the link. 1: the model
 * has it; 0: not understood whole; -1: no memory, too many.
 */
int net_take_ip(struct net_link *l, const struct strlist *words) must_check;
/* The same words again; device NULL: none is named. False: a value is not what it should be (it may end up in a shell), nothing useful was added. */
bool net_print_route(struct strbuf *out, const struct net_route *r, const char *device) must_check;
bool net_print_rule(struct strbuf *out, const struct net_rule *r) must_check;

/* A new file of the output; NULL: no memory. */
struct net_file *net_file_add(struct net_output *o, const char *path, unsigned mode);
int net_loss(struct net_output *o, const char *fmt, ...) printf_like(2, 3) must_check;
