/* SPDX-License-Identifier: MIT */
/* The parts of the network's planner. */
#pragma once

#include "rewrite/plan_priv.h"

/* The target's files, byte for byte; the source's of every stack go aside. */
int plan_net_place_files(struct planner *p) must_check;
/* What a writer wants, the same otherwise; the units it needs are enabled. */
int plan_net_place_output(struct planner *p, const struct net_output *o) must_check;
/* Keeps a file of the target's below TARGET_ORIGINAL. */
int plan_net_keep_target(struct planner *p, const char *path, const struct strbuf *text) must_check;

/* The target's name servers: of its resolv.conf, else of its network files. */
int plan_net_servers(struct planner *p, struct strlist *ret) must_check;
int plan_net_resolv_conf(struct planner *p) must_check;
/* Enables each of units (net_output.units, net_model.units), and takes back what started single links of the source. */
int plan_net_start_units(struct planner *p, const struct strlist *units) must_check;
