/* SPDX-License-Identifier: MIT */
/*
 * The binary inside a system that runs: the clone after its first boot, or the old system between receiving and
 * switching. There is no target to open then: `/` is it. In the rescue, and on any machine that is not a
 * target, the running root has no job record.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "job/record.h"

bool running_has_job(void);

/* Loads J from the running root, with a handle on it. */
int running_load(struct root *ret_root, struct record *ret, struct err *e) must_check;

/* The running system is the clone, told by the inodes of its top folders; only after a switch. */
bool running_is_clone(const struct root *running, const struct record *r);

/*
 * The file system with LOADER_DIR, by r's plan. ERR_RELEASE when it is not mounted where the clone has it. ret is the
 * caller's to close.
 */
int running_open_loader_fs(const struct record *r, struct root *ret, struct err *e) must_check;
/* Opens the file system that the running clone has at mount; ERR_RELEASE when nothing is mounted there. */
int running_open_part(const char *mount, struct root *ret, struct err *e) must_check;
