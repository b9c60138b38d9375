/* SPDX-License-Identifier: MIT */
/* What the lines of the target's fstab mean for a migration. Pure: for target.c and its tests. */
#pragma once

#include <stdbool.h>

#include "base/root.h"
#include "disk/scan.h"
#include "rewrite/fstab.h"

enum entry_role {
	ROLE_IGNORE, /* pseudo, network, bind, removable: nothing of the disk's tree */
	ROLE_ROOT,
	ROLE_SWAP,
	ROLE_LOCAL,
};

enum entry_role target_entry_role(const struct fstab_entry *entry);

/* The word is one of the comma-separated options. */
bool target_has_option(const char *options, const char *word);

/* May be absent: noauto or nofail. */
bool target_entry_is_optional(const struct fstab_entry *entry);

/*
 * A mount point in plain form: one leading slash, no double or trailing ones. NULL for what is not absolute or
 * has ".." in it. Owned by the caller.
 */
char *target_mount_path(const char *file);

/* Both in plain form: path is below (or the same as) dir. */
bool target_path_is_below(const char *path, const char *dir);

/*
 * The volume a line names. A kernel name of a first disk (/dev/sda2) that does not exist here is taken by its
 * number on root_disk when the machine has only one fixed disk; *ret_guessed says so.
 */
const struct volume *target_resolve(const struct disk_scan *scan, const char *spec,
				    unsigned root_disk, bool *ret_guessed);

/* Looks like the root of an installed Linux system. */
bool target_is_linux_root(const struct root *r);
