/* SPDX-License-Identifier: MIT */
/* systemd-networkd: its files as they are found, what reads them and what writes them. */
#pragma once

#include "rewrite/net_ini_priv.h"

/* One file; a drop-in is one of its own. */
struct networkd_part {
	char *path;
	struct ini_file ini;
};

/* A .link, .netdev or .network with its drop-ins in the order in which they count. */
struct networkd_unit {
	char *base; /* "10-wan.network" */
	struct networkd_part *parts;
	unsigned part_count;
	struct strlist links; /* names of the model's links that it configures */
};

struct networkd_units {
	struct networkd_unit *items;
	unsigned count;
};

/*
 * All units of that suffix in the order of systemd.network(5), masked ones left out, /run not looked at. What cannot be
 * read becomes a note of m.
 */
int networkd_units_read(struct networkd_units *ret, const char *suffix, struct net_model *m,
			const struct root *root, struct err *e) must_check;
void networkd_units_done(struct networkd_units *u);

/* The last value; NULL: none. */
const char *networkd_get(const struct networkd_unit *u, const char *section, const char *key);
/* True for a file below /usr or /lib, which no administrator wrote. */
bool networkd_is_vendor(const struct networkd_unit *u);

/* A time span in milliseconds; false: none, or not a whole number of them. */
bool networkd_span(const char *text, uint64_t *ret_ms);

/* Settings of one .network for a link. Extra takes what has no other place. -1: no memory, or too much. */
int networkd_read_link(struct net_model *m, struct net_link *l, const struct networkd_unit *u,
		       struct err *e) must_check;

/* The link that one .netdev makes, or what it adds to one that is there. */
int networkd_read_netdev(struct net_model *m, const struct networkd_unit *u,
			 struct err *e) must_check;

/* systemd's version below root; 0: it cannot be told. */
unsigned networkd_version(const struct root *root);

int networkd_write(struct net_output *o, const struct net_model *m, const struct root *root,
		   struct err *e) must_check;
