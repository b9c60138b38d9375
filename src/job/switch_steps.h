/* SPDX-License-Identifier: MIT */
/*
 * The order of the switch and of its undo, as a state machine over J. What touches devices is handed in, so that the
 * order can be tested on plain folders and be cut after every step.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "job/loader.h"
#include "job/record.h"
#include "job/target.h"

struct switch_ops {
	/* Merges the edits into the stage; the same again when cut. */
	int (*merge)(const struct target *t, struct err *e);
	/* Everything written so far is in its final place on every disk: sync, freeze, thaw. */
	int (*settle)(const struct target *t, struct err *e);
	/* Saves the boot area and proves that the clone's fits; fills the boot fields of r. */
	int (*boot_prepare)(const struct target *t, struct record *r, struct err *e);
	/* Writes the clone's boot area, from its files in the live root. */
	int (*boot_write)(const struct target *t, const struct record *r, struct err *e);
	/* Writes the saved boot area back. */
	int (*boot_restore)(const struct target *t, const struct record *r, struct err *e);
	/*
	 * The private loader (job/loader.h). Once it is planted (r->loader) it is used and the boot area is left alone.
	 * plants: a switch that begins plants it; without, the three above are the way.
	 */
	bool plants;
	bool (*loader_is_stored)(const struct target *t);
	int (*loader_store)(const struct target *t, int fd, struct err *e);
	int (*loader_plant)(const struct target *t, struct record *r, struct err *e);
	int (*loader_select)(const struct target *t, enum loader_choice c, struct err *e);
	/* Called before each change; not 0: stop (ERR_EXCHANGE, EINTR). May be NULL. */
	int (*step)(void *arg);
	void *arg;
};

/*
 * From checked, merging, switching or undoing to switched. r is stored at every change of state; after an
 * error r holds the last state that is in J. With a loader: payload stored, planted with S=old, S=rescue (pinned), and only
 * then anything is merged or moved.
 */
int switch_forward(const struct target *t, struct record *r, const struct switch_ops *ops,
		   struct err *e) must_check;

/*
 * From switching, switched, trial, confirmed or undoing to staged, with the old system live. With a loader S=rescue comes first
 * and S=old when all is back in place, before J says so.
 */
int switch_back(const struct target *t, struct record *r, const struct switch_ops *ops,
		struct err *e) must_check;
