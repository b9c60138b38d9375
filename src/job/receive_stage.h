/* SPDX-License-Identifier: MIT */
/* What every way of receiving a tree does before and after its stream. */
#pragma once

#include <stdio.h>

#include "job/record.h"
#include "job/stage.h"

/* The kernel's own trees and the machine's: their content never belongs to a root that will boot elsewhere. NULL-terminated. */
extern const char *const receive_skipped[];

/*
 * Nothing on the disk is touched before the stream has begun: a command that fails on the source, and so sends nothing, must
 * cost neither a complete stage (--update) nor what an interrupted transfer brought.
 */
int receive_wait_for_stream(int fd, struct err *e) must_check;

/*
 * The rescue and its loader go onto the disk, once, and free their RAM. Not having them is no reason to refuse a stream:
 * 'switch' is where it counts, and says what to type.
 */
void receive_store_loader(const struct target *t, const struct record *j, const char *command,
			  FILE *err_out);

/*
 * J becomes STAGING, and there is a stage to write into: an empty one, with update what is there. Refused when a switch has begun;
 * without update also beside a complete stage. *ret_must_walk: what is there is not what its manifest says.
 */
int receive_prepare(struct target *t, struct record *j, const char *command, bool update,
		    bool *ret_must_walk, struct err *e) must_check;

/* In the view: what the stage holds before an update. */
int receive_load_old(const struct target *t, const struct root *view, bool must_walk,
		     struct manifest **ret, struct err *e) must_check;

/*
 * In the view, when all was written: everything to the disk, a last look at the space, the manifest. Afterwards the stage
 * counts as complete. bytes: as in stage_check_space.
 */
int receive_complete(const struct target *t, const struct root *view, const struct manifest *m,
		     uint64_t bytes, struct err *e) must_check;

/* J becomes STAGED; says what comes next. */
int receive_done(const struct target *t, struct record *j, FILE *out, struct err *e) must_check;
/* A full disk found by the writers before the watcher: the numbers are added to e. Returns -1. */
int receive_failed(const struct target *t, struct err *e);
