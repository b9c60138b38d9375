/* SPDX-License-Identifier: MIT */
/* NetworkManager's keyfiles: reader and writer. */
#pragma once

#include "rewrite/net_ini_priv.h"

#define NM_CONNECTIONS "/etc/NetworkManager/system-connections"

int nm_read(struct net_model *m, const struct root *root, struct err *e) must_check;
/* Addresses, routes, rules and name servers of [ipv4] or [ipv6]. -1: no memory. */
int nm_read_family(struct net_link *l, const struct ini_file *f, bool v6) must_check;
int nm_write(struct net_output *o, const struct net_model *m, const struct root *root,
	     struct err *e) must_check;
/* Whether a plugin of that file name is installed: "libnm-settings-plugin-ifcfg-rh.so". */
bool nm_has_plugin(const struct root *root, const char *name);
