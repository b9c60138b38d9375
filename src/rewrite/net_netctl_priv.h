/* SPDX-License-Identifier: MIT */
/* The parts of the netctl backend: netctl.profile(5) and netctl(1), 1.24 to 1.29. */
#pragma once

#include "rewrite/net_shell_priv.h"

#define NETCTL "/etc/netctl"
#define NETCTL_WANTS "/etc/systemd/system/multi-user.target.wants"

/* Whether a file of that name counts: it "should not end in .action, .conf, or .service". */
bool netctl_is_profile(const char *name);

/* A text as part of a unit's name, as systemd-escape(1) does. */
void netctl_add_escaped(struct strbuf *out, const char *text);
/* "netctl@PROFILE.service"; the profile's name is head and tail. */
void netctl_add_unit(struct strbuf *out, const char *head, const char *tail);

/* What a profile says of its link, beyond its kind and name. -1: no memory, too many. */
int netctl_read_options(struct net_link *l, const struct shell_script *f) must_check;

int netctl_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e) must_check;
