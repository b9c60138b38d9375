/* SPDX-License-Identifier: MIT */
/* What the readers and writers of systemd-networkd and of NetworkManager have in common. */
#pragma once

#include "rewrite/inifile.h"
#include "rewrite/net_priv.h"

#define NET_FILES_MAX 1024 /* files read of one stack */
#define NET_LINKS_MAX 1024

/* Options of bonds and bridges by the kernel's names, as the model has them, and by those of the stacks. */
enum net_option_type {
	OPTION_TEXT,
	OPTION_BOOL,	/* "yes", "no" */
	OPTION_MS,	/* a number of milliseconds */
	OPTION_SECONDS, /* a number of seconds */
	OPTION_LIST	/* comma between */
};

struct net_option {
	enum net_kind kind;
	const char *name;     /* the kernel's, also that of NetworkManager's bonds */
	const char *networkd; /* NULL: none */
	const char *keyfile;  /* bridge only; NULL: none */
	enum net_option_type type;
};

extern const struct net_option net_options[];
extern const size_t net_option_count;

/* The row of that name; NULL: none. */
const struct net_option *net_option_find(enum net_kind kind, const char *name, size_t len);

/* Old files give some values of a bond by number (Documentation/networking/bonding.rst); others are as they come. */
const char *net_bond_word(const char *key, const char *value);

/* 1: yes, 0: no, -1: neither; the words of systemd.syntax(7). */
int net_bool(const char *text);

/* "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff" or colons, as the model has it, into buf (18 bytes); false: no Ethernet address. */
bool net_mac_of(const char *text, char *buf);

/* What may be a value of one word in a file: not empty, printing bytes only, no blank, quote, backslash or semicolon. */
bool net_is_ini_word(const char *text);

/* text as a label: letters, digits, ".", "_" and "-", others become "_". The caller frees; NULL: no memory. */
char *net_label_of(const char *text);

/* A label like it that no link has; NULL: no memory. */
char *net_label_free(const struct net_model *m, const char *label);

/* The first link found by that address, or NULL. */
struct net_link *net_find_mac(const struct net_model *m, const char *mac);

/* Takes text off the list, when it is there. */
void net_list_drop(struct strlist *l, const char *text);

/* A loss for each of extra, which no writer of another stack can say. -1: no memory. */
int net_lose_extra(struct net_output *o, const struct net_link *l) must_check;

/* Whether every text of it is one word: a part left out would make it mean more. */
bool net_route_is_sound(const struct net_route *r);
bool net_rule_is_sound(const struct net_rule *r);

/* A new file at start, label and suffix, or at the first such path with a number that is free; NULL: no memory. */
struct net_file *net_file_add_named(struct net_output *o, const char *start, const char *label,
				    const char *suffix, unsigned mode);

/* What a writer of such files goes by while it writes. */
struct ini_writer {
	struct net_output *o;
	const struct net_model *m;
	unsigned
		version; /* the program's, as its stack counts; UINT_MAX: the newest; 0: not known, so nothing new */
	struct strbuf *to; /* the file being written */
	const struct net_link *l;
	bool failed; /* no memory */
};

/* A loss: "LINK: WHAT 'VALUE' is not written". */
void ini_lose(struct ini_writer *w, const char *what, const char *value);
/* KEY=VALUE; what is no single word could become a line of its own and is lost. */
void ini_put(struct ini_writer *w, const char *key, const char *value);
void ini_section(struct ini_writer *w, const char *name);

/*
 * Calls write_link for each link of the model, then for each port, and with_parents each VLAN's parent, that has no words of
 * its own: a card that is brought up.
 */
void ini_write_links(struct ini_writer *w, void (*write_link)(struct ini_writer *w),
		     bool with_parents);
