/* SPDX-License-Identifier: MIT */
/*
 * The dead-man timer in the clone: started early by its init (rewrite/guard.h), it ends when J says anything but trial,
 * and when the time is over it saves what may tell why nobody confirmed and restarts the machine. S says "rescue" by then.
 * It needs nothing of the clone but a root file system and a process; its network may be broken, that is the point.
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
	uint32_t minutes;     /* of J; 0: the default */
	bool is_repairing;    /* fsck, a quota check or a relabelling is at work */
};

#define GUARD_WATCH_MIN_S 90	      /* however late it was started: time for one confirm */
#define GUARD_REPAIR_MAX_S (6 * 3600) /* longer than that it is not waited for */

enum guard_verdict guard_judge(const struct guard_look *l);

/* The name of a process (/proc/N/comm) that means the clone is still being repaired. */
bool guard_is_repair(const char *comm);

/*
 * Saves TRIAL_LOG on the running root: journal or logs, addresses, routes, firewall, failed units, sshd; the last lines
 * sum it up. Bounded in time and size.
 */
int guard_save_log(const struct root *running, const struct record *r, uint64_t uptime_s,
		   struct err *e) must_check;
