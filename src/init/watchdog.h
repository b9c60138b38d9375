/* SPDX-License-Identifier: MIT */
/*
 * The hardware watchdog, Documentation/watchdog/watchdog-api: PID 1 opens it when a driver brings one
 * and feeds it while the service's heartbeat is fresh. Then a rescue that hangs, or whose service
 * does, is reset by the hardware instead of standing there. One watchdog, so the state is in the file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_DEFAULT_S 120
#define WATCHDOG_MIN_S 20 /* the service's heart beats every 5 s, half of this may pass without */
#define WATCHDOG_MAX_S 3600
#define WATCHDOG_GRACE_MS 300000 /* from the start to the first heartbeat */

/* The option's value (NULL: not given): off, or seconds; what is neither counts as not given. */
void watchdog_setup(const char *option, uint64_t now_ms);

/* Opens or feeds it when that is due; returns milliseconds until there is something to do, -1: never. */
int watchdog_tick(uint64_t now_ms);

/* For a child that was forked: it must not keep the device open. */
void watchdog_in_child(void);

/*
 * Shutdown in order: first more time, since a slow disk may have to take all of the RAM and nobody
 * feeds any more; then, as the last thing before the kernel is told to reboot, off. A watchdog that
 * stayed armed would reset the next system, which may not know of it, in the middle of its start.
 */
void watchdog_extend(void);
void watchdog_stop(void);

/* ---- pure, for tests ---- */

/* When the service was last heard of. stamp is the heartbeat file's time: any change is a beat. */
struct heart {
	uint64_t began_ms, beat_ms;
	int64_t stamp;
	bool ever;
};

/* Notes the stamp (0: no file) seen at now; true when the service is alive enough to feed on. */
bool heart_is_fresh(struct heart *h, int64_t stamp, uint64_t now_ms, unsigned timeout_s);

/* Seconds from the option's value, 0: off. */
unsigned watchdog_seconds(const char *option);
