/* SPDX-License-Identifier: MIT */
/* What the readers and writers of netctl and netifrc have in common: their files are sourced by a shell. */
#pragma once

#include "rewrite/net_ini_priv.h"
#include "rewrite/shellscript.h"

/* The names of a bridge's options: of its folder in /sys, and of ip-link(8). Times are in hundredths of a second there. */
enum bridge_names { BRIDGE_SYSFS, BRIDGE_IP_LINK };

/* Takes such an option into the model's words. 1: understood; 0: not; -1: no memory. */
int net_take_bridge_option(struct net_link *l, enum bridge_names names, const char *name,
			   const char *value) must_check;

struct net_said_option {
	char name[64], number[16];
	const char *value; /* number, or the link's own text */
};
/* The i-th option of the link in those words, or in a bond's; false: it cannot be said. */
bool net_say_option(struct net_said_option *ret, const struct net_link *l, size_t i,
		    enum bridge_names names);

/* The folder is absent, or its entries are in ret; without "." files and those that editors leave. */
int net_list_files(const struct root *root, const char *dir, struct strlist *ret,
		   struct err *e) must_check;

/* Reads and parses path; a note for each line that a shell would run, and for each value only it can tell. */
int net_read_script(struct net_model *m, const struct root *root, const char *path,
		    struct shell_script *ret, struct err *e) must_check;

/* The same of text that was read from path. */
int net_parse_script(struct net_model *m, const char *path, const struct strbuf *text,
		     struct shell_script *ret, struct err *e) must_check;

/* "10.0.0.5/24" into the addresses; false: it is none. -1 through *failed: no memory. */
bool net_take_prefix(struct net_link *l, const char *text, bool *failed);

/* Words that mean nothing to a shell, and that are no option of ip(8): letters, digits and ._:@%+,/=- */
bool net_is_shell_word(const char *text);

/* The default route through gateway as words behind "ip route add"; false: it is no address. */
bool net_print_gateway(struct strbuf *out, const char *gateway, bool is_onlink);
