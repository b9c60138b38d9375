/* SPDX-License-Identifier: MIT */
/* Between target.c, target_root.c and target_fstab.c. */
#pragma once

#include "job/target.h"

/* Not an error: the caller holds only the shared lock and something must be mounted first. */
#define NEED_MOUNT 1

struct opening {
	enum target_access access;
	bool may_mount; /* the exclusive lock is held */
};

/* The volume with the target's root. 0, NEED_MOUNT, or -1. */
int target_find_root(struct target *t, const struct opening *o, const struct volume **ret,
		     struct err *e);

/* The folder of the root's subvolume at the top of a btrfs, static; NULL: the top is the root itself, or none is. */
const char *target_root_subvolume(const struct volume *v, const struct root *top);

/* A file system besides the root. */
struct target_found {
	const struct volume *volume;
	char *mount, *options; /* owned by whoever holds the list */
	bool is_optional;
};

/*
 * Adds what the fstab of t->fs[0] names to found[] (TARGET_FS_MAX), swap and what is left alone to t; sets the options of
 * "/". found[] is valid also on failure.
 */
int target_read_fstab(struct target *t, struct target_found *found, unsigned *count,
		      struct err *e) must_check;

/* The same from the job record. 1: done; 0: the record has no say, the fstab counts; -1. */
int target_read_recorded(struct target *t, struct target_found *found, unsigned *count,
			 struct err *e) must_check;

/* Adds to t->notes, escaped. */
int target_note(struct target *t, struct err *e, const char *fmt, ...) printf_like(3, 4) must_check;
