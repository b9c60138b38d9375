/* SPDX-License-Identifier: MIT */
/* The stage: the new root beside the old one (docs/architecture.md section 7). */
#pragma once

#include "base/err.h"
#include "job/target.h"
#include "transfer/manifest.h"

#define MANIFEST_PATH REHOST_DIR "/manifest" /* on the root file system */

/* True when a manifest is in place. Its content is judged by manifest_load(). */
bool stage_is_complete(const struct target *t);

/* Removes the manifest, durably: from here on the stage is incomplete. */
int stage_open_again(const struct target *t, struct err *e) must_check;

/* Removes manifest, edits and tree on every file system. */
int stage_remove(const struct target *t, struct err *e) must_check;

/* Makes the tree folder on every file system, 0755 in case the stream says nothing of its own top folder. */
int stage_make(const struct target *t, struct err *e) must_check;

/*
 * The share kept for the old system: 5 % of blocks and inodes of each file system. ERR_STAGE_SPACE names
 * the file system, what is free and what must stay free. received: bytes of file data so far, for the words.
 */
int stage_check_space(const struct target *t, uint64_t received, struct err *e) must_check;

/* The same for a file of so many bytes that is about to be written; fd: the file, still empty. For any thread. */
int stage_check_room(const struct target *t, int fd, uint64_t bytes, struct err *e) must_check;

/* syncfs on every file system. */
int stage_sync(const struct target *t, struct err *e) must_check;

/*
 * A manifest made by looking at a tree: for an update of a stage that has none (cut) or that has booted. view is
 * the assembled tree; top-level names in skip (NULL-terminated) are left out.
 */
int stage_walk(struct manifest **ret, const struct root *view, const char *const *skip,
	       struct err *e) must_check;

/* Whether statvfs numbers leave the old system its share; the pure part, for tests. */
struct space_numbers {
	uint64_t blocks, free_blocks, inodes, free_inodes, block_bytes;
};
/* How many bytes and inodes are missing; both 0: fine. */
void stage_missing(const struct space_numbers *n, uint64_t *ret_bytes, uint64_t *ret_inodes);
