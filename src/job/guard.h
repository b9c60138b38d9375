/* SPDX-License-Identifier: MIT */
/*
 * The dead-man timer in the clone: started early by its init (rewrite/guard.h), it ends when J says anything but trial,
 * and when the time is over it saves what may tell why nobody confirmed and restarts the machine. S says "rescue" by then.
 * It needs nothing of the clone but a root file system and a process; its network may be broken, that is the point.
 * Before the end it notes the log now and then, since a panic or a hang leaves none, and feeds the watchdog.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "job/record.h"

enum guard_verdict { GUARD_END, GUARD_WAIT, GUARD_EXPIRED };

struct guard_look {
	enum job_state state; /* of J now, or what it was last when it cannot be read */
	uint64_t uptime_s;    /* since the kernel started */
	uint64_t watched_s;   /* since the guard started */
	uint64_t repair_s;    /* of the uptime: spent with checks and relabelling, does not count */
	uint32_t minutes;     /* of J; 0: the default */
	bool is_repairing;    /* fsck, a quota check or a relabelling is at work */
};

#define GUARD_WATCH_MIN_S 90	      /* however late it was started: time for one confirm */
#define GUARD_REPAIR_MAX_S (6 * 3600) /* longer than that it is not waited for */
/*
 * A start until the guard takes less; what is above was a file system check of the initramfs, or of what /var
 * is on, and counts as repair.
 */
#define GUARD_START_S 120
/* From the end of the time to the restart by the kernel, whatever hangs; less than TRIAL_END_S (job/trial.h). */
#define GUARD_HARD_S 270

enum guard_verdict guard_judge(const struct guard_look *l);

/* What the name of a process (/proc/N/comm) says that is being repaired. */
enum guard_repair { REPAIR_NONE, REPAIR_CHECK, REPAIR_LABELS };
enum guard_repair guard_repair_of(const char *comm);

/*
 * Saves TRIAL_LOG on the running root: journal or logs, addresses, routes, firewall, failed units, sshd; the last lines
 * sum it up. Bounded in time and size. is_over: nobody confirmed; else it is noted on the way, for the case that the
 * clone dies without a word.
 */
int guard_save_log(const struct root *running, const struct record *r, uint64_t uptime_s,
		   bool is_over, struct err *e) must_check;

/* ---- the hardware watchdog, Documentation/watchdog/watchdog-api ---- */

/*
 * A kernel that hangs neither panics nor restarts: then the hardware does it, where there is one that the clone does not
 * use itself. Opened again and again until a driver brings it.
 */
struct guard_dog {
	int fd; /* -1: none */
};

#define GUARD_DOG_S 120	   /* unfed for so long it resets the machine */
#define GUARD_DOG_MIN_S 20 /* one that cannot wait as long as this is left alone */

/* Opens it when there is one and feeds it. True when it was opened now; seconds until it bites in *ret_s. */
bool guard_dog_feed(struct guard_dog *d, unsigned *ret_s);
/* The clone stays: it is turned off. */
void guard_dog_stop(struct guard_dog *d);
/* For a child that was forked and does not feed. */
void guard_dog_in_child(struct guard_dog *d);
