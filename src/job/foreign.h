/* SPDX-License-Identifier: MIT */
/*
 * Beside a system that is not ours: somebody else's rescue, or any Linux with a spare disk. 'serve --disk' takes the disks
 * and tells the commands by "disk=" and "foreign=1" in run_dir()/options.
 */
#pragma once

#include "base/err.h"
#include "disk/scan.h"

/*
 * disks: names as claim_find() takes them, separated by commas. Nobody may be using them. Root, and a kernel that has
 * what the commands need.
 */
int foreign_begin(const char *disks, struct err *e) must_check;

/* Leaves the target's file systems as far as no command is at work. */
void foreign_end(void);

bool foreign_is_set(void);

/* For a command that writes: that system may have begun to use the disk since. No-op in the rescue. */
int foreign_check(const struct disk_scan *scan, struct err *e) must_check;
