/* SPDX-License-Identifier: MIT */
/*
 * The order of J and S around the trial. J goes first where the next boot may only be as bold as J knows, so that a cut
 * between the two is always the rescue. fs0 is the root file system with J, loader_fs that of LOADER_DIR; in the
 * rescue and in the running clone alike. Every step may be repeated.
 */
#pragma once

#include "base/err.h"
#include "job/loader.h"
#include "job/record.h"

struct trial_ops {
	int (*select)(const struct root *loader_fs, enum loader_choice c, struct err *e);
	/* Called before each change; not 0: stop. May be NULL. For tests. */
	int (*step)(void *arg);
	void *arg;
};

extern const struct trial_ops trial_real_ops;

#define TRIAL_MINUTES_DEFAULT 15u
#define TRIAL_MINUTES_MIN 2u
#define TRIAL_MINUTES_MAX 1440u

struct trial_fs {
	const struct root *fs0, *loader;
};

/* switched or trial: J=trial and one more trial, then S=clone-once. */
int trial_begin(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		struct err *e) must_check;
/* trial or confirmed: J=confirmed, then S=clone. */
int trial_confirm(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		  struct err *e) must_check;
/* trial or confirmed, in the running clone: J=trial, then S=rescue: the next boot is the rescue, and it stays up. */
int trial_withdraw(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		   struct err *e) must_check;

/* trial, in the running clone: S=clone-once a second time. Only once in a trial: TRIAL_AGAIN is there afterwards. */
int trial_again(const struct trial_fs *fs, const struct record *r, const struct trial_ops *ops,
		struct err *e) must_check;

/* The option trial_minutes as typed (NULL: not given), kept inside the limits. */
uint32_t trial_minutes(const char *option);

/* ---- what is known of a trial afterwards ---- */

#define TRIAL_LOG REHOST_DIR "/trial.log" /* on fs0: what the clone left when nobody confirmed */
#define TRIAL_TIMES \
	REHOST_DIR \
	"/trial.times" /* on fs0: "started=SECONDS\nseen=SECONDS\n" since 1970, by the clone's clock */
#define TRIAL_AGAIN REHOST_DIR "/trial.again"	/* on fs0: the clone may restart once by itself */
#define TRIAL_PANICS REHOST_DIR "/trial.panics" /* on fs0: what pstore held before (job/panic.h) */
#define TRIAL_LOG_MAX (256u * 1024u)

/*
 * What is told beforehand: minutes from the clone's start in which the rescue answers again when nobody confirms. The trial, then
 * the guard's end at the latest, then firmware, loader and rescue. A check or a relabelling in the clone comes on top.
 */
#define TRIAL_END_S 300u
#define TRIAL_START_S 120u
uint32_t trial_back_minutes(uint32_t minutes);

/* How long the clone ran in its last trial, in seconds, as its guard noted; -1: it did not come that far. */
long trial_seconds(const struct root *fs0);
/* Of that, what file system checks and relabelling took. */
long trial_repair_seconds(const struct root *fs0);
/* The last lines of TRIAL_LOG, escaped, one each; empty when there is none. */
int trial_log_tail(const struct root *fs0, unsigned lines, struct strlist *ret,
		   struct err *e) must_check;
/* Removes what an earlier trial left, before a new one. */
int trial_forget(const struct root *fs0, struct err *e) must_check;
