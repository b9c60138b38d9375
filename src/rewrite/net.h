/* SPDX-License-Identifier: MIT */
/* The neutral network model, and readers that fill it in from a tree. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

enum net_method { NET_OFF, NET_STATIC, NET_DHCP, NET_AUTO /* SLAAC */ };

struct net_link {
	char *name;
	bool at_boot; /* auto or allow-hotplug */
	enum net_method v4, v6;
	struct strlist addresses; /* "192.0.2.10/24", "2001:db8::10/64" */
	char *gateway4, *gateway6;
	struct strlist dns;
	struct strlist search;
	unsigned mtu;	      /* 0: not given */
	struct strlist extra; /* options the model has no word for, as written */
};

struct net_model {
	char *stack;		/* "ifupdown"; NULL: none found */
	struct net_link *links; /* without lo */
	unsigned link_count;
	struct strlist files; /* paths the model was read from, and that belong to it */
	struct strlist notes;
};

/*
 * Reads the active stack's configuration below root. No configuration at all: stack NULL, success. A whole system
 * (it has /usr) is judged by what is installed and enabled; a bare folder of configuration files, such as an
 * identity's, by the files alone. Stacks that are recognised but not read yet ("netplan", "NetworkManager",
 * "systemd-networkd") give their name, no links, and a note.
 */
int net_read(struct net_model *ret, const struct root *root, struct err *e) must_check;
void net_done(struct net_model *m);
json_t *net_json(const struct net_model *m);

/* The link of that name, or NULL. */
const struct net_link *net_find(const struct net_model *m, const char *name);
/* Bridges, bonds, VLANs and the like: no card of their own. */
bool net_link_is_virtual(const struct net_link *l);
