/* SPDX-License-Identifier: MIT */
/* The parts of the netifrc backend: Gentoo's net.* services of OpenRC, as netifrc 0.7's net.example describes them. */
#pragma once

#include "rewrite/net_shell_priv.h"

#define NETIFRC "/etc/conf.d/net"
#define NETIFRC_VAR_MAX 64

/*
 * netifrc says nothing of router advertisements. The writer's own variable accept_ra_LINK holds what these functions, which
 * netifrc calls, write for the kernel; the reader knows the variable, and passes over the functions by their text.
 */
#define NETIFRC_RA "rehost_ra"
extern const char netifrc_functions[];

/* "eth0.5" as part of a variable's name: "eth0_5" (sh/functions.sh, shell_var); false: it is too long. */
bool netifrc_var(const char *link, char buf[NETIFRC_VAR_MAX]);

/* What the variables of the link named var say. -1: no memory, too many. */
int netifrc_read_options(struct net_link *l, const struct shell_script *f,
			 const char *var) must_check;

int netifrc_write(struct net_output *o, const struct net_model *m, const struct root *root,
		  struct err *e) must_check;
