/* SPDX-License-Identifier: MIT */
/*
 * Tool steps: the clone's own programs run in the prepared chroot. Every step has a fingerprint over its inputs; a
 * step whose inputs are as they were at the last rewriting is not run again: what it had written into the edits
 * layer then (kept in EDITS_OLD_DIR) is taken over. Fingerprints and outputs are in STEPS_PATH.
 */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "job/chroot.h"
#include "rewrite/plan.h"

#define STEPS_PATH REHOST_DIR "/steps.json" /* on the root file system */

/*
 * SHA-256 over argv, what the chroot shows of the target, and all inputs: kind, owner, mode and content of every file
 * below (of files above 64 KiB: size and time). A missing input counts as such. ret: 65 bytes.
 */
int step_fingerprint(const struct tool_step *step, const struct chroot *c, const struct root *view,
		     char *ret, struct err *e) must_check;

/*
 * Runs the plan's steps in order, in the clone view. Prints a line for each to out, and the program's last words
 * when it fails (ERR_TOOL). A step that left one of its outputs unmade is a failure too.
 */
int steps_run(const struct rewrite_plan *plan, const struct chroot *c, const struct root *view,
	      FILE *out, struct err *e) must_check;

/* The paths that the step of that name wrote, ascending; a new reference. NULL: not known. t: a struct target. */
json_t *steps_written(void *t, const char *name);

/* ---- what a step wrote: the edits layer before and after (job/layer.c) ---- */

struct layer_entry {
	char *path;	 /* in the clone: "/boot/grub/grub.cfg" */
	char stamp[96];	 /* changes whenever the entry does */
	bool is_removal; /* a whiteout */
};

struct layer {
	struct layer_entry *entries; /* files, links and removals; no folders */
	size_t count, cap;
};

int layer_read(struct layer *ret, const struct target *t, struct err *e) must_check;
void layer_done(struct layer *l);
const struct layer_entry *layer_find(const struct layer *l, const char *path);

/* Takes path over from the layer before into the view. false in *ret_found: it is not there any more. */
int layer_take_old(const struct target *t, const struct root *view, const char *path,
		   bool *ret_found, struct err *e) must_check;
