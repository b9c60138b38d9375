/* SPDX-License-Identifier: MIT */
/* SUSE's ifcfg files, for wicked and the ifup before it: ifcfg(5), ifroute(5), ifrule(5), ifsysctl(5). */
#pragma once

#include "rewrite/net_sysconfig_priv.h"

#define WICKED_DIR "/etc/sysconfig/network"
#define WICKED_CONFIG WICKED_DIR "/config"

/* Routes of ifroute-NAME, or, with NULL, of the file routes, which is for all links. -1: e set. */
int wicked_read_routes(struct sysconfig_reader *r, struct net_link *l) must_check;
int wicked_read_rules(struct sysconfig_reader *r, struct net_link *l) must_check;

int wicked_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e) must_check;
