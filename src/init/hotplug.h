/* SPDX-License-Identifier: MIT */
/*
 * The process that finds drivers: first every device that is there (modalias files below
 * /sys/devices, in stages, again until a walk loads nothing new), then what the kernel announces.
 * Both use the same tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Marks in the run folder that drivers are still being looked for: commands that look at disks wait for the
 * mark to go (job/target). SSH answers before that. Called by PID 1 before the process is started.
 */
void hotplug_announce(void);

/* Runs for ever; returns an exit status only when it cannot work. Forked by PID 1. */
int hotplug_run(void);

/* The order of loading: the way in, then what a migration waits for, then what makes it faster. */
enum hotplug_stage {
	STAGE_NETWORK, /* network cards and random sources */
	STAGE_DEVICES, /* all but the processor's */
	STAGE_ALL,
};

/* The stage in which the driver for a modalias string is due. */
enum hotplug_stage hotplug_stage(const char *modalias);

/* True for a device whose missing driver an operator should hear of: disks, cards, not a beeper. */
bool hotplug_is_telling(const char *modalias);

/* Value of KEY in a kernel uevent (NUL-separated "KEY=value" after a head line), or NULL. */
const char *uevent_value(const char *message, size_t len, const char *key);
