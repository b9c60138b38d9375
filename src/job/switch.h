/* SPDX-License-Identifier: MIT */
/* What job_switch and job_rollback share. */
#pragma once

#include <stdio.h>

#include "job/switch_steps.h"

/*
 * On real file systems and disks; command (static text) is what the progress file names. For tests REHOST_STOP_AFTER=N in
 * the environment stops after N changes.
 */
void switch_real_ops(struct switch_ops *ret, const char *command);

/* syncfs, FIFREEZE and FITHAW of every file system: all data and metadata in place, journals empty. */
int switch_settle(const struct target *t, struct err *e) must_check;

/* The line to type that confirms the clone: "  ssh root@ADDRESS ... confirm NONCE". */
void switch_tell_confirm(FILE *out, const struct record *r);
