/* SPDX-License-Identifier: MIT */
/*
 * The commands of a migration. Each is one process: it opens the target, does its work, and returns. Results go to
 * out; e carries the failure with its extent stamped. Commands that write hold the lock.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "rewrite/facts.h"

/* Look-only commands. */
int job_plan(FILE *out, bool json, struct err *e) must_check;
int job_status(FILE *out, bool json, struct err *e) must_check;
int job_identity(FILE *out, bool json, struct err *e) must_check;

struct receive_options {
	bool update;
	bool delete_ok;
};
/* Reads the stream from fd. Progress goes to RUN_DIR "/progress" and to err_out (the client's stderr). Returns
 * 0, or EXIT_NOTES when something was skipped, or -1. */
int job_receive_tar(int fd, const struct receive_options *o, FILE *out, FILE *err_out,
		    struct err *e);

/* dry_run: prints the diff and the steps. Returns 0, EXIT_NOTES, or -1. */
int job_rewrite(const struct rewrite_options *o, bool dry_run, FILE *out, struct err *e);
/*
 * Boot proof. Returns 0 or EXIT_NOTES (warnings) when the clone would boot; -1 with ERR_CHECK otherwise,
 * findings on out. With json {would_boot, findings: [{id, severity, text}]} is the answer in both cases, and
 * EXIT_UNTOUCHED is returned for a clone that would not boot. look_alone: nothing is written, 'switch' does not count it.
 */
int job_check(bool look_alone, FILE *out, bool json, struct err *e) must_check;
int job_switch(FILE *out, struct err *e) must_check;
/* Undo of the switch; before it, with discard, removal of stage and edits. */
int job_rollback(bool discard, FILE *out, struct err *e) must_check;
int job_release(FILE *out, struct err *e) must_check;
