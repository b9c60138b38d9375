/* SPDX-License-Identifier: MIT */
/*
 * Directories of the tree as descriptors. No path from the stream is ever resolved by the kernel as a whole
 * through links: a directory is opened from its parent with O_NOFOLLOW, or at once with RESOLVE_NO_SYMLINKS.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct receiver;

struct dir {
	atomic_uint refs;
	int fd; /* O_PATH */
	uint64_t hash;
	char path[]; /* "" for the root */
};

/*
 * The directory at path (normalised; "" the root), with a reference. make: missing ones are made (0755, root) and
 * entered in the manifest. NULL with the error: ERR_TAR_LINK when something on the way is a link or no directory.
 * The reader's only.
 */
struct dir *dir_get(struct receiver *r, const char *path, bool make, struct err *e);
/* The directory that holds path; *ret_name points to the last component, inside path. */
struct dir *dir_get_parent(struct receiver *r, const char *path, bool make, const char **ret_name,
			   struct err *e);
void dir_put(struct dir *d); /* accepts NULL; any thread */

/* Enters an open directory (takes fd, also on failure). NULL: out of memory; else with a reference. */
struct dir *dir_keep(struct receiver *r, const char *path, uint64_t hash, int fd);

/* Forgets a directory and all below it: something else takes its place. path NULL: everything. */
void dirs_forget(struct receiver *r, const char *path);

/* Opens path below the root with no link on the way nor at the end. -1 with errno. */
int open_strict(int root_fd, const char *path, int flags);
