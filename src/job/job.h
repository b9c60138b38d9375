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
/* root: a folder with a rewritten tree; NULL: the clone, wherever it is by now. */
int job_report(const char *root, FILE *out, bool json, struct err *e) must_check;
int job_identity(FILE *out, bool json, struct err *e) must_check;

struct receive_options {
	bool update;
	bool delete_ok;
};
/* Reads the stream from fd. Progress goes to RUN_DIR "/progress" and to err_out (the client's stderr). Returns
 * 0, or EXIT_NOTES when something was skipped, or -1. */
int job_receive_tar(int fd, const struct receive_options *o, FILE *out, FILE *err_out,
		    struct err *e);

/*
 * A session of an rsync client on stdin and stdout; words: what it asked for, behind "rsync". Words for people go to err_out. Returns 0
 * or -1.
 */
int job_receive_rsync(int argc, char *const *words, FILE *err_out, struct err *e);

/* dry_run: prints the plan and its diff, and writes nothing. Returns 0, EXIT_NOTES, or -1. */
int job_rewrite(const struct rewrite_options *o, bool dry_run, FILE *out, bool json, struct err *e);
/*
 * Boot proof. Returns 0 (notes at most) or EXIT_NOTES (warnings) when the clone would boot; -1 with ERR_CHECK otherwise,
 * findings on out. With json {would_boot, findings: [{id, severity, text}]} is the answer in both cases, and
 * EXIT_UNTOUCHED is returned for a clone that would not boot. look_alone: nothing is written, 'switch' does not count it.
 */
int job_check(bool look_alone, FILE *out, bool json, struct err *e) must_check;
/*
 * receive loader: the loader archive from fd, for a rescue that was started without it. Refused once the loader is
 * planted: it is in use.
 */
int job_receive_loader(int fd, FILE *out, struct err *e) must_check;
/*
 * receive sample: reads fd to its end, at most SAMPLE_BYTES_MAX or SAMPLE_MS_MAX, keeps nothing, and prints "received N bytes in M ms": what
 * the link and the source's disk can do. Needs no target.
 */
#define SAMPLE_BYTES_MAX (64LL << 20)
#define SAMPLE_MS_MAX 10000
int job_receive_sample(int fd, FILE *out, struct err *e) must_check;
struct switch_options {
	bool without_loader; /* the old way, where the private loader cannot be planted or is not wanted */
	bool accept_firmware; /* UEFI: although no boot entry leads to the old system (loader.h, enum loader_ask) */
};
int job_switch(const struct switch_options *o, FILE *out, struct err *e) must_check;
/*
 * Before the machine goes down, in the rescue: begins a trial when the clone is in place, and tells what the next boot
 * starts. A disk that cannot be read is no reason not to reboot.
 */
int job_reboot(FILE *out, struct err *e) must_check;
/* In the running clone, over SSH from another machine: accepts it. */
int job_confirm(const char *nonce, FILE *out, struct err *e) must_check;
/* A rescue started by the private loader goes on by itself (job/position.h). *ret_reboot: the caller reboots. */
int job_recover(bool *ret_reboot, FILE *out, struct err *e) must_check;
/*
 * The same for a rescue from a medium, which a machine starts from as long as it is attached: a confirmed clone is
 * started (S=clone-once, *ret_reboot) when nobody logs in for ten minutes (option medium_wait). Everything else is left to the operator.
 */
int job_recover_medium(bool *ret_reboot, FILE *out, struct err *e) must_check;
/*
 * The same for a rescue that the running system sent its machine into (enter/enter.h): when nobody logs in for ten minutes (option enter_wait)
 * the machine starts again, and that is the old system, since the entry holds once. The disk is only looked at.
 */
int job_recover_entered(bool *ret_reboot, FILE *out, struct err *e) must_check;
/* In the clone, until it is confirmed; does not return when the time is over. */
int job_guard(FILE *out, struct err *e) must_check;
/* The log that a clone left whose trial ended. */
int job_trial_log(FILE *out, struct err *e) must_check;
/*
 * Undo of the switch; before it, with discard, removal of stage and edits. In the running clone, with the private loader: makes
 * the rescue the next boot, where it is typed again.
 */
int job_rollback(bool discard, FILE *out, struct err *e) must_check;
/* unconfirmed: also when nobody has confirmed the clone. */
int job_release(bool unconfirmed, FILE *out, struct err *e) must_check;
