/* SPDX-License-Identifier: MIT */
/*
 * Which network card of this machine is which in the target's own configuration. Pure: texts and lists in, names
 * out.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "rewrite/net.h"

/* A card as the rescue sees it (net.json, or sysfs). */
struct rescue_link {
	char *name, *mac, *driver, *gateway;
	struct strlist addresses;   /* "192.0.2.10/24" */
	struct strlist other_names; /* what udev would call it: "ens3", "enp0s3" */
	char *target_name;	    /* result of links_match(); NULL: unknown */
};

struct rescue_links {
	struct rescue_link *items;
	unsigned count;
};

/* Names fixed to addresses by the target: pairs of MAC (lower case) and name. */
struct mac_names {
	struct strlist macs, names; /* same index */
};

/* Adds what 70-persistent-net.rules and its kin say; unknown lines are passed over. */
int mac_names_add_udev(struct mac_names *m, const char *text, struct err *e) must_check;
/* Adds what a systemd.link(5) file says. */
int mac_names_add_link(struct mac_names *m, const char *text, struct err *e) must_check;
void mac_names_done(struct mac_names *m);

/* From net.json; cards without a MAC are left out. NULL or another shape gives none. */
int links_from_json(struct rescue_links *ret, const json_t *net, struct err *e) must_check;
void links_done(struct rescue_links *l);

/*
 * Fills in target_name, surest first: files that find the card by its hardware address, the same address on both sides, a MAC rule, a name udev would give,
 * the same name, and at last one card left for one name left. A bridge or bond stands for its first port.
 */
int links_match(struct rescue_links *l, const struct net_model *model, const struct mac_names *m,
		struct err *e) must_check;
