/* SPDX-License-Identifier: MIT */
/* What a state of J means, in words. Pure: a table, for status and its tests. */
#pragma once

#include <stdbool.h>

#include "job/position.h"

struct status_hint {
	const char *command; /* NULL ends the list */
	const char *does;
};

struct status_words {
	const char *summary;
	bool is_old_complete, is_stage_complete, is_clone_complete;
	const char *old, *stage, *clone;
	const char *next_boot;	     /* without the private loader, see position_next_boot() */
	struct status_hint hints[5]; /* in the rescue */
};

/* Where status was typed: in the rescue, or in a system that runs from the target's own disk. */
enum status_place { STATUS_RESCUE, STATUS_RUNNING_OLD, STATUS_RUNNING_CLONE };

/* Never NULL. */
const struct status_words *status_words(enum job_state s);

#define STATUS_HINTS_MAX 6

/* What to type there, from J and S; ends with a NULL command. */
void status_hints(const struct position *p, enum status_place place,
		  struct status_hint ret[STATUS_HINTS_MAX]);
