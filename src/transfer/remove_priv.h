/* SPDX-License-Identifier: MIT */
/* Making room: taking entries out of the tree without ever following a link or emptying a mount point. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Clears immutable and append-only on an open file or directory; true when one was set. */
bool flags_unlock(int fd);
/* Is name in dirfd the root of a mount? Bind mounts of the same file system count. */
bool is_mount_point(int dirfd, const char *name);

/*
 * Removes whatever is at name, a directory with all below it. Absence is success. 1: it is a mount point or
 * contains one, nothing (of that) was removed. -1 with errno.
 */
int remove_any(int dirfd, const char *name) must_check;
/* unlinkat that clears the flags that forbid it. -1 with errno. */
int unlink_hard(int dirfd, const char *name, int flags);
