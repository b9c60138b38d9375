/* SPDX-License-Identifier: MIT */
/*
 * The last look at a rewritten tree: network addresses and cards of the source that are still named where they may have an effect.
 * File systems are the business of rewrite/leftovers.h. Comments do not count, nor do documentation and files that programs pass
 * over (backups, samples, what package managers leave).
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"

#define SWEEP_SHOWN_MAX 20 /* of each kind and weight; the rest is one line */

enum sweep_weight {
	SWEEP_NOTE,    /* no effect is known */
	SWEEP_WARNING, /* something would not start, not answer, or not find its card */
};

struct sweep {
	/* id: "source-mac", "source-address"; text: one sentence with file and line */
	int (*tell)(void *arg, enum sweep_weight weight, const char *id, const char *text);
	void *arg;
	unsigned cards, addresses; /* places that were found */
};

/* source: as in the report (rewrite/report.h), from a tree nobody vouches for; NULL: nothing is known, nothing is found. */
int sweep_find(struct sweep *s, const struct root *clone, const json_t *source,
	       struct err *e) must_check;
