/* SPDX-License-Identifier: MIT */
/* RHEL's ifcfg files: reader and writer. What each key means: doc/sysconfig.txt of initscripts, nm-settings-ifcfg-rh(5). */
#pragma once

#include "rewrite/net_sysconfig_priv.h"

#define IFCFG_DIR "/etc/sysconfig/network-scripts"
#define IFCFG_NETWORK "/etc/sysconfig/network"

/* Who reads the files of a system; neither: not known, as of a bare folder. */
struct ifcfg_user {
	bool nm;	  /* NetworkManager with its plugin ifcfg-rh, enabled */
	bool scripts;	  /* the service network, enabled */
	unsigned version; /* NetworkManager's, as nm_version */
	bool dispatcher;  /* its script for rule files */
};

struct ifcfg_reader {
	struct sysconfig_reader base;
	struct ifcfg_user user;
	struct sysconfig network; /* /etc/sysconfig/network */
};

struct ifcfg_user ifcfg_user_of(const struct root *root);

/* All of one file but routes, rules, and who it is a port of. -1: e set. */
int ifcfg_read_link(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s) must_check;
/* IPADDR with that number, its prefix or netmask, else class's (fallback NULL) or that of fallback. 1: added. -1: no memory. */
int ifcfg_take_address(struct net_link *l, struct sysconfig *s, const char *suffix,
		       const char *fallback) must_check;
/* What route-, route6-, rule- and rule6- files of that name say. -1: e set. */
int ifcfg_read_routes(struct ifcfg_reader *r, struct net_link *l, const char *name) must_check;

int ifcfg_write(struct net_output *o, const struct net_model *m, const struct root *root,
		struct err *e) must_check;
