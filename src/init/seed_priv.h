/* SPDX-License-Identifier: MIT */
/* Between the readers of seed formats and the writer of words. */
#pragma once

#include <net/if.h>

#include "init/seed.h"

/* A link of a document: the document's id for it, and the word it has on the boot line. */
struct seed_link {
	char id[64], word[24];
	unsigned mtu; /* 0: not said */
};

struct seed_net {
	struct strlist *words;
	struct seed_link links[32];
	size_t nlinks;
	bool failed; /* out of memory */
};

/* Text of a string or an integer, else "". Borrowed; an integer's until the fifth next call. */
const char *seed_text(const json_t *object, const char *key);
bool seed_is_true(const json_t *object, const char *key);

/* Notes a link: by its MAC when that is one, else by name. NULL when neither is usable. */
struct seed_link *seed_net_link(struct seed_net *s, const char *id, const char *mac,
				const char *name);
struct seed_link *seed_net_find(struct seed_net *s, const char *id);
void seed_net_mtu(struct seed_link *l, const char *text);

/* One word each; what is not an address, route or list of servers makes none. */
void seed_net_method(struct seed_net *s, const struct seed_link *l, const char *method);
void seed_net_address(struct seed_net *s, const struct seed_link *l, const char *address,
		      const char *mask, const char *gateway);
void seed_net_route(struct seed_net *s, const struct seed_link *l, const char *to, const char *mask,
		    const char *gateway);
void seed_net_dns(struct seed_net *s, const json_t *servers);

/* A VLAN; a bond or bridge (kind) over known links. They can be used as links afterwards. */
struct seed_link *seed_net_vlan(struct seed_net *s, const char *id, const char *name,
				const char *below, const char *vid_text);
struct seed_link *seed_net_over(struct seed_net *s, const char *kind, const char *id,
				const char *name, const json_t *below, json_t *options,
				const char *mtu);
