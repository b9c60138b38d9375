/* SPDX-License-Identifier: MIT */
/* Removing what rehost keeps on the target's file systems; on open roots, for the rescue, the running clone and tests. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/root.h"
#include "job/record.h"

/*
 * Removes /.rehost of every file system, the job record on fs[0] last, so that a cut removal can be repeated. The
 * caller put J into a state that says what is going on.
 */
int discard_folders(const struct root *const *fs, unsigned count, struct err *e) must_check;

/* What release does about the private loader; not called when J knows of none. */
struct release_loader {
	/* S=clone, then the clone's own loader for good (loader_finish()). The same again when cut. */
	int (*finish)(void *arg, const struct record *r, struct err *e);
	void *arg;
	bool unconfirmed; /* the operator releases a clone that nobody has confirmed */
};

/*
 * Deletes the old tree and /.rehost on all count file systems; fs[0] is the root with J. From confirmed or releasing;
 * from switched and trial only when the operator says unconfirmed. J=releasing first; then the loader, and J without
 * it; then the deletion, J last. Progress, a line for each top-level name, to out.
 */
int release_run(struct record *r, const struct root *const *fs, const char *const *mounts,
		unsigned count, const struct release_loader *loader, FILE *out,
		struct err *e) must_check;
