/* SPDX-License-Identifier: MIT */
/*
 * What J and S together mean: what the next boot starts, and what a rescue that the private loader started does by
 * itself. Pure: a table over all combinations, because either may be anything after a power cut or a slip of a hand.
 * docs/architecture.md section 11.
 */
#pragma once

#include <stdbool.h>

#include "job/bootview.h"
#include "job/exchange.h"
#include "job/loader.h"
#include "job/record.h"

/* S, or why there is no word in it. */
enum selected {
	SELECTED_NONE, /* no loader of ours is planted: J alone says what boots */
	SELECTED_DAMAGED, /* planted, but S holds none of the four words; the loader starts the rescue then */
	SELECTED_OLD,
	SELECTED_RESCUE,
	SELECTED_CLONE_ONCE,
	SELECTED_CLONE,
	SELECTED_COUNT
};

struct position {
	enum job_state state;
	enum selected selected;
};

/* Reads S where r says that a loader is planted; fs as for loader_selected(), NULL: it is not to be had. */
struct position position_of(const struct record *r, const struct root *loader_fs);

/* "rescue", ...; "damaged" and "none". */
const char *selected_name(enum selected s);

/* One sentence without subject: "starts the rescue". Never NULL. */
const char *position_next_boot(const struct position *p);

/* The same as an outcome: what a reader of the disk must find. BOOT_NOTHING: not to be relied on (position_is_wrong()). */
enum boot_outcome position_starts(const struct position *p);

/*
 * The folders on the disk are where J says, as far as its plan can tell. False: J is not what was written last (a slot
 * of it was lost, or somebody wrote into it), and nothing may be decided by it.
 */
bool position_fits(enum job_state s, const struct exchange_look *look);

/* S names a system that is not in its place: the next boot may start a mixture or nothing. */
bool position_is_wrong(const struct position *p);

enum recovery {
	RECOVER_STAY,	 /* nothing by itself: the operator decides */
	RECOVER_PIN,	 /* S=rescue, then stay: S does not fit J, and this is never wrong */
	RECOVER_FORWARD, /* go on with the switch */
	RECOVER_BACK,	 /* go on with the undo */
	RECOVER_CLONE,	 /* S=clone, and start it when nobody has logged in */
};

/* What a rescue does that the private loader started. */
enum recovery position_recovery(const struct position *p);
