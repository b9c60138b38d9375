/* SPDX-License-Identifier: MIT */
/* What a reader of one network stack is: a row in the table of net.c. */
#pragma once

#include "rewrite/net.h"

struct net_backend {
	const char *name;
	/* whole: root is a system, so installed and enabled count; else files alone do. */
	bool (*is_active)(const struct root *root, bool whole);
	/* Fills in links, files and notes. NULL: recognised, not read yet. */
	int (*read)(struct net_model *m, const struct root *root, struct err *e);
};

extern const struct net_backend net_ifupdown;

/* The link of that name, made when missing; NULL: no memory. */
struct net_link *net_link_get(struct net_model *m, const char *name);

/* True when any regular file or link in dir ends in suffix. */
bool net_dir_has(const struct root *root, const char *dir, const char *suffix);
/* True when any of the NULL-terminated paths exists as a file or link (links need not lead anywhere). */
bool net_any_exists(const struct root *root, const char *const *paths);
