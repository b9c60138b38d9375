/* SPDX-License-Identifier: MIT */
/* What the commands of job share: the lock, the state line, the extent, fingerprints of files. */
#pragma once

#include "base/err.h"
#include "job/record.h"
#include "job/target.h"

/*
 * Takes the lock for this process. Another command is given ten seconds to end ("recover" twenty); then ERR_BUSY names it.
 * Released by exit. command: for the next one's message.
 */
int job_lock(const char *command, struct err *e) must_check;

/* Writes RUN_DIR "/state": one line in words. Never fails. */
void job_show_state(const struct record *r);
/* The same with what the next boot starts and what to type; of a trial that ended also the end of the clone's log. */
void job_show_position(const struct target *t, const struct record *r);

/*
 * record_load(), and more suspicious: a tree beside a record that is missing may be the old system of a
 * switch, and "no migration" would let the next command delete it. That is ERR_RECORD.
 */
int job_load(const struct target *t, struct record *r, struct err *e) must_check;

/* Stamps e->extent from the record's state. Returns -1, to be the last word of a failing command. */
int job_fail(struct err *e, const struct record *r);

/* Stamps what is known of the disk when target_open() failed. Returns -1. */
int job_fail_open(struct err *e);

/* Opens target for writing, ensures and saves the identity, loads J. The start of every command that writes. Once the old
 * system has begun to move, a lost identity is no reason to fail: going back and releasing need none.
 * On failure there is nothing to close and e is stamped. */
int job_begin(struct target *t, struct record *r, const char *command, struct err *e) must_check;

/*
 * The end of every command that job_begin() began: stamps e when rc is negative, shows the state, frees r and closes t. Returns
 * rc.
 */
int job_end(struct target *t, struct record *r, int rc, struct err *e);
