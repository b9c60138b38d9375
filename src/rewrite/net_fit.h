/* SPDX-License-Identifier: MIT */
/* The target's network as the clone has to say it: what the planner writes and what check wants to find again. */
#pragma once

#include "rewrite/facts.h"
#include "rewrite/net.h"

/* Reads the target's own files as the stack that was active there (facts->target_stack), else as net_read does. */
int net_read_target(struct net_model *ret, const struct rewrite_facts *facts,
		    struct err *e) must_check;

/*
 * The card a link is, or NULL: by address, else by name. What facts know of the card: what the clone will call it.
 */
const struct fact_link *net_card_of(const struct net_link *l, const struct rewrite_facts *facts);

/*
 * For another stack than the one the model was read from: cards get the names that the clone calls them, everywhere in the
 * model, and are found by address as well where by_mac and the address is theirs alone. What the old stack left to the
 * kernel is said: ifupdown without an inet6 stanza means that routers are listened to.
 */
int net_fit(struct net_model *m, const struct rewrite_facts *facts, bool by_mac,
	    struct err *e) must_check;

/* Whether the stack finds cards by their names alone. */
bool net_is_by_name(const char *stack);
/* Whether the stack asks by DHCP through a program of another package. */
bool net_has_no_client(const char *stack);
/*
 * Whether the ifup of the tree clone (Debian's, busybox's, ifupdown-ng) understands the files at paths below files, another
 * machine's. False: word is the first that it does not.
 */
bool net_ifupdown_fits(const struct root *clone, const struct root *files,
		       const struct strlist *paths, char *word, size_t size);
/* Whether net_write knows the stack. */
bool net_can_write(const char *stack);
/* As net_read, but of that stack, whatever is active. ERR_RW_STACK: no reader. */
int net_read_as(struct net_model *ret, const char *stack, const struct root *root,
		struct err *e) must_check;
