/* SPDX-License-Identifier: MIT */
/* cloud-init's network-config, versions 1 and 2. */
#pragma once

#include "base/yaml.h"
#include "rewrite/net.h"

/*
 * Fills in the links of a network-config: the map with "version", or one that holds it under "network". m has no links yet.
 * *ret_any: it configures something ("config: disabled" does not). Version 2 is netplan's with netplan's defaults. In version 1
 * a link takes router advertisements only where it says so, and a gateway outside every prefix is on the link, as cloud-init
 * writes it. Name servers and routes that belong to no link go to the first that they fit. -1: no memory.
 */
int net_cloudinit_links(struct net_model *m, const struct ynode *doc, bool *ret_any,
			struct err *e) must_check;
