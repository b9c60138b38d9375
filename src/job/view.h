/* SPDX-License-Identifier: MIT */
/* Whole trees assembled from several file systems, in a private mount namespace. */
#pragma once

#include "base/err.h"
#include "job/target.h"

enum view_kind {
	VIEW_OLD,	 /* the live root of the target as it is */
	VIEW_STAGE,	 /* .rehost/tree of every file system */
	VIEW_CLONE,	 /* stage with the edits layer over it (overlay) */
	VIEW_CLONE_READ, /* the same, read-only; nothing on the disk is touched */
};

/*
 * Moves the calling process (it must be single-threaded) into a private mount namespace and assembles the
 * view at VIEW_DIR. STAGE and CLONE make missing mount-point folders inside the stage. The view
 * goes with the process. VIEW_CLONE needs the target open for writing.
 */
int view_enter(const struct target *t, enum view_kind kind, struct err *e) must_check;

/*
 * Runs fn(arg) in a forked child that entered the view; its error object comes back through a pipe.
 * Returns fn's result (0 to 125), or -1 with e set.
 */
int view_run(const struct target *t, enum view_kind kind, int (*fn)(void *arg, struct err *e),
	     void *arg, struct err *e);

/*
 * Runs fn(arg) in a forked child with a mount namespace of its own. As view_run, without a view.
 */
int view_run_private(int (*fn)(void *arg, struct err *e), void *arg, struct err *e);
