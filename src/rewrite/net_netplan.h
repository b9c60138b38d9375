/* SPDX-License-Identifier: MIT */
/* netplan's words and the model: shared by the reader, the writer and cloud-init's version 2, which speaks them too. */
#pragma once

#include "base/yaml.h"
#include "rewrite/net_priv.h"

/*
 * All files of /lib, /etc and /run/netplan as one map, merged as netplan does: of one name only the last folder's, then in
 * the order of names. Paths are appended to files, files that cannot be read to notes; either may be NULL. NULL: no memory.
 * The nodes borrow the paths of *ret_paths, which the caller keeps as long.
 */
struct ynode *netplan_tree(const struct root *root, struct strlist *ret_paths,
			   struct strlist *notes);

/* "networkd" or "NetworkManager": what renders most of it. */
const char *netplan_renderer(const struct ynode *network);

/*
 * Fills in the links, of which there are none yet, that the value of "network:" defines, their renderer, and adds notes about what is not understood. -1: no memory,
 * or more than a thousand links.
 */
int netplan_links(struct net_model *m, const struct ynode *network, struct err *e) must_check;

int netplan_write(struct net_output *o, const struct net_model *m, const struct root *root,
		  struct err *e) must_check;

/* netplan's name of a parameter of a bond or bridge, the kernel's, and how the value is written. */
struct netplan_option {
	const char *ours, *kernel;
	enum {
		OPTION_WORD, /* also numbers */
		OPTION_MS,   /* of a bond: "100", "100ms", "1s" */
		OPTION_01,   /* a truth value, for the kernel 0 or 1 */
		OPTION_STP,  /* a truth value, in the model yes or no */
		OPTION_LIST  /* in the model with commas */
	} form;
};
/* Tables that end with a NULL name; of two names for one the first is written. NULL: a kind without parameters. */
const struct netplan_option *netplan_options(enum net_kind kind);

/* The sections "ethernets", "bonds", ... in the order of enum net_kind; NULL: NET_OTHER. */
const char *netplan_section(enum net_kind kind);
/* How the extra of a NET_OTHER begins that says its section: "section: tunnels". */
#define NETPLAN_SECTION "section: "

#define NETPLAN_LINKS_MAX 1024

/* While the links of a tree are read. */
struct netplan_reader {
	struct net_model *m;
	const struct ynode *defs[NETPLAN_LINKS_MAX], *sections[NETPLAN_LINKS_MAX];
	unsigned first, count; /* defs[i] is links[first + i] of the model */
	bool failed;	       /* no memory */
	/* of the link that is read */
	struct net_link *l;
	const struct ynode *def;
	int accept_ra; /* -1: not said */
	bool dhcp4, dhcp6, has_ll6;
};

/* net_netplan_words.c: one item of a link's definition. */
void netplan_take_key(struct netplan_reader *r, const struct ynode *n);
/* The map "parameters" of a bond or bridge. */
void netplan_parameters(struct netplan_reader *r, const struct ynode *n);
void netplan_note(struct netplan_reader *r, const struct ynode *at, const char *why);
/* "before" and the item as it is written, among the link's extra: for people, and for our own writer. */
void netplan_extra(struct netplan_reader *r, const char *before, const struct ynode *n);
/* Sets *to to a MAC address in lower case; false: it is none. */
bool netplan_set_mac(struct netplan_reader *r, char **to, const char *text);
/* The link that an id stands for: its name may be another. NULL: no such id. */
const char *netplan_name_of(const struct netplan_reader *r, const char *id);

/* No blank, control character or slash: may stand in a line of any stack's file. */
bool net_is_word(const char *s);

/* While the file is written. */
struct netplan_writer {
	struct net_output *o;
	const struct net_model *m;
	struct strbuf *b;
	bool is_nm;
	bool leaves_onlink; /* to a NetworkManager that finds the way to a gateway by itself alone */
	bool speaks_yaml;   /* extra of the model is netplan's own */
	bool failed;
};

/* net_netplan_link.c: the definition of a link, with losses. */
void netplan_link(struct netplan_writer *w, const struct net_link *l);
/* "key:" or "key: value", two blanks for each of depth. */
void netplan_line(struct netplan_writer *w, unsigned depth, const char *key, const char *value);
void netplan_truth(struct netplan_writer *w, unsigned depth, const char *key, bool value);
void netplan_loss(struct netplan_writer *w, const struct net_link *l, const char *fmt, ...)
	printf_like(3, 4);
/* The key under which the link stands; id is room for it. */
const char *netplan_id(char *id, size_t size, const char *name);
