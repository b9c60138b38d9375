/* SPDX-License-Identifier: MIT */
/*
 * The process that finds drivers: first every device that is there (modalias files below
 * /sys/devices, network first, again until a walk loads nothing new), then what the kernel
 * announces. Both use the same tables.
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

/* True for modalias strings of network cards and random sources: they are loaded before disks. */
bool hotplug_is_urgent(const char *modalias);

/* True for a device whose missing driver an operator should hear of: disks, cards, not a beeper. */
bool hotplug_is_telling(const char *modalias);

/* Value of KEY in a kernel uevent (NUL-separated "KEY=value" after a head line), or NULL. */
const char *uevent_value(const char *message, size_t len, const char *key);
