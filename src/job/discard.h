/* SPDX-License-Identifier: MIT */
/* Removing what rehost keeps on the target's file systems; on open roots, for the rescue, the running clone and tests. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/root.h"
#include "job/record.h"

/*
 * Removes /.rehost of every file system, the job record on fs[0] last, so that a cut removal can be repeated. The
 * caller put J into a state that says what is going on.
 */
int discard_folders(const struct root *const *fs, unsigned count, struct err *e) must_check;

/*
 * Deletes the old tree and /.rehost on all count file systems; fs[0] is the root with J. Only from switched or
 * releasing. Progress, a line for each top-level name, to out.
 */
int release_run(struct record *r, const struct root *const *fs, const char *const *mounts,
		unsigned count, FILE *out, struct err *e) must_check;
