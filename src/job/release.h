/* SPDX-License-Identifier: MIT */
/* The core of release, on open roots: for the rescue, the running clone and tests. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/root.h"
#include "job/record.h"

/*
 * Deletes the old tree and /.rehost on all count file systems; fs[0] is the root with J. Only from switched or
 * releasing. Progress, a line for each top-level name, to out.
 */
int release_run(struct record *r, const struct root *const *fs, const char *const *mounts,
		unsigned count, FILE *out, struct err *e) must_check;
