/* SPDX-License-Identifier: MIT */
/*
 * What RHEL's and SUSE's files below /etc/sysconfig have in common: shell assignments (shellfile.h) of which nothing is
 * evaluated, and lists of routes and rules. RHEL: doc/sysconfig.txt of initscripts, nm-settings-ifcfg-rh(5). SUSE:
 * ifcfg(5), ifroute(5), ifrule(5).
 */
#pragma once

#include "rewrite/net_ini_priv.h"

#define SYSCONFIG_MAX_BYTES (256 * 1024)
#define SYSCONFIG_WRITTEN "# Written by rehost.\n"

/* What a reader goes by. */
struct sysconfig_reader {
	struct net_model *m;
	const struct root *root;
	struct err *e;
};

struct sysconfig_var {
	char *name, *value; /* without quotes */
	bool is_taken;
};

struct sysconfig {
	char *path; /* NULL: not there */
	struct sysconfig_var *vars;
	size_t count;
};

int sysconfig_nomem(struct sysconfig_reader *r);
/* A note "PATH WHAT". -1: no memory, e set. */
int sysconfig_note(struct sysconfig_reader *r, const char *path, const char *what) must_check;

/*
 * The assignments of a file. What is computed by the shell, continued or no assignment becomes a note and has no value.
 * 1: read, and the model's files name it; 0: not there or not readable (then with a note); -1: e set. Free in all cases.
 */
int sysconfig_load(struct sysconfig *ret, struct sysconfig_reader *r, const char *path) must_check;
void sysconfig_done(struct sysconfig *s);

/* The last value that is not empty, and the name counts as understood; NULL: none. sysconfig_get_n: of NAME and a number. */
const char *sysconfig_get(struct sysconfig *s, const char *name);
const char *sysconfig_get_n(struct sysconfig *s, const char *name, const char *suffix);
/* 1, 0; or otherwise when it is not given or no word of the two. */
int sysconfig_bool(struct sysconfig *s, const char *name, int otherwise);
/* "NAME=value" for all that was not understood. -1: no memory. */
int sysconfig_rest(struct sysconfig *s, struct strlist *extra) must_check;

/* Names in dir that begin so, without what editors and package managers leave, nor lo's. -1: e set; no folder: none. */
int sysconfig_list(struct strlist *ret, struct sysconfig_reader *r, const char *dir,
		   const char *prefix) must_check;
/* Whether there is any such regular file. */
bool sysconfig_any(const struct root *root, const char *dir, const char *prefix);
/* The links that a service is started by are in a runlevel of SysV's: "S10network". */
bool sysconfig_rc_starts(const struct root *root, const char *service);

/* Lines of a file without comments and empty ones, continued lines joined. As sysconfig_load. */
int sysconfig_lines(struct strlist *ret, struct sysconfig_reader *r, const char *path) must_check;

/* "mode=1 miimon=100" into options, in the model's words. -1: no memory. */
int sysconfig_bond_options(struct net_link *l, const char *text) must_check;
/* The number at the end of a VLAN's name: "eth0.5", "vlan5", "dmz5"; 0: none. */
unsigned sysconfig_vlan_of(const char *name);
/* A port of that owner, which is made when missing. -1: no memory. */
int sysconfig_add_port(struct net_model *m, const char *owner, enum net_kind kind,
		       const char *port) must_check;

/* Words of "ip rule add" as a rule; not understood they are extra, behind what. -1: no memory. */
int sysconfig_take_rule(struct net_link *l, const char *text, bool v6, const char *what) must_check;

/* When all of a link is read: ways to gateways become is_onlink. */
void sysconfig_finish(struct net_link *l);

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* A loss: "LINK: ..." */
void sysconfig_lose(struct ini_writer *w, const char *fmt, ...) printf_like(2, 3);
/* Nothing in it that ends a quoted text or a line, or that could be taken for more than one word. */
bool sysconfig_is_plain(const char *text);
/* An address with a length; else the loss is said. */
bool sysconfig_is_prefix(struct ini_writer *w, const char *address);
/* NAME='value'; a value that a shell or a line could misread is lost. */
void sysconfig_put(struct ini_writer *w, const char *name, const char *value);
/* NAME='a b c'. Words that could be misread are lost; none left: no line. */
void sysconfig_put_list(struct ini_writer *w, const char *name, const struct strlist *words);
/* Whether the link can be written at all; else the loss is said. */
bool sysconfig_can_write(struct ini_writer *w);
/* The file dir/prefixNAME as the one that is written. -1: no memory. */
int sysconfig_begin(struct ini_writer *w, const char *dir, const char *prefix) must_check;

/* The same for a list of lines, by write; without any there is no file. w->to is NULL after. */
void sysconfig_write_list(struct ini_writer *w, const char *dir, const char *prefix,
			  void (*write)(struct ini_writer *w));

/*
 * Calls print for each route of the family in the order in which the kernel takes them: the ways to gateways outside every
 * prefix first, as routes on the link, but to has_way (NULL: none); then the default route where with_default; the others last.
 * None has is_onlink.
 */
void sysconfig_each_route(struct ini_writer *w, bool v6, bool with_default, const char *has_way,
			  void (*print)(struct ini_writer *w, const struct net_route *r));

struct sysconfig_change {
	const char *name, *value; /* NULL: the assignment goes */
	bool only_there;	  /* not added where it is not there */
};
/*
 * The file of root with these assignments changed, as a file of the output; where it is not there, of nothing. root may be
 * NULL. 0: a file, or nothing to say; -1: e set.
 */
int sysconfig_edit(struct net_output *o, const struct root *root, const char *path,
		   const struct sysconfig_change *changes, size_t count, struct err *e) must_check;
