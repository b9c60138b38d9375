/* SPDX-License-Identifier: MIT */
/* Between target.c and target_root.c. */
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
