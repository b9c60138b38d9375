/* SPDX-License-Identifier: MIT */
/* The parts of the dhcpcd backend: dhcpcd.conf(5), dhcpcd 6 to 10. */
#pragma once

#include "rewrite/net_ini_priv.h"

#define DHCPCD_CONF "/etc/dhcpcd.conf"
#define DHCPCD_LINES_MAX 8192

/* A line: the first word, and the rest without surrounding blanks ("" when there is none). */
struct dhcpcd_line {
	char *option, *value;
	size_t number; /* counted from 1 */
};

struct dhcpcd_file {
	struct dhcpcd_line *lines;
	size_t count;
};

/* ERR_LIMIT above DHCPCD_LINES_MAX; any other text is accepted. */
int dhcpcd_parse(struct dhcpcd_file *ret, const char *text, struct err *e) must_check;
void dhcpcd_file_done(struct dhcpcd_file *f);

/* What the file says of the link of that name: its head, and each block that matches. -1: no memory, too many. */
int dhcpcd_read_options(struct net_link *l, const struct dhcpcd_file *f) must_check;

int dhcpcd_write(struct net_output *o, const struct net_model *m, const struct root *root,
		 struct err *e) must_check;
