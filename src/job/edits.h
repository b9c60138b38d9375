/* SPDX-License-Identifier: MIT */
/*
 * The edits layer: the upper folder of an overlay on every file system of the target. What an upper folder
 * may hold is the kernel's format (Documentation/filesystems/overlayfs.rst): a character device 0:0 is a
 * removal, a folder with trusted.overlay.opaque=y hides the one below, trusted.overlay.* is bookkeeping.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "job/target.h"

#define EDITS_DIR REHOST_DIR "/edits"
#define EDITS_OLD_DIR EDITS_DIR "/old"

/*
 * Makes the layer empty on every file system. The one before is kept as EDITS_OLD_DIR, so that what the clone's
 * tools made can be taken over (job/steps.h), until edits_drop_old(). The new upper folders take
 * owner, mode and extended attributes of the stage's own folders: an overlay shows its root by them.
 */
int edits_begin(const struct target *t, struct err *e) must_check;
int edits_drop_old(const struct target *t, struct err *e) must_check;

/* Removes layer, work folder and old layer. Absence is success. */
int edits_remove(const struct target *t, struct err *e) must_check;

/*
 * Merges the layer into the stage by renames inside each file system; no data is copied. Removals delete, opaque
 * folders replace, other folders hand over owner, mode, times and attributes. May be cut at any point and
 * repeated: the result is the same. No overlay may be mounted. Durable on return (syncfs).
 */
int edits_merge(const struct target *t, struct err *e) must_check;

/* SHA-256 over every path of the layer with kind, owner, mode, size and time of change. ret: 65 bytes. */
int edits_fingerprint(const struct target *t, char *ret, struct err *e) must_check;

/*
 * The merge of one pair of folders, for tests: budget, when not NULL, is counted down by every change made and
 * stops the merge with ERR_EDITS at zero.
 */
int edits_merge_folders(const struct root *tree, const struct root *upper, long *budget,
			struct err *e) must_check;
