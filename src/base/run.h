/* SPDX-License-Identifier: MIT */
/* The folder where the processes of one rescue meet (docs/architecture.md section 2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RUN_DIR_DEFAULT "/run/rehost"

/*
 * The run folder: RUN_DIR_DEFAULT, or what the environment variable REHOST_RUN_DIR says, so that tests run
 * beside a real one. An SSH client cannot set it: the service builds the environment of its commands.
 */
const char *run_dir(void);

/* Writes run_dir()/name into buf, which is returned; a name that does not fit gives "". */
const char *run_path(char *buf, size_t size, const char *name);

/* The value of a key in run_dir()/options (the last line wins), or NULL. Owned by the caller. */
char *run_option(const char *key);

/* Set for a command of somebody who may look, not write. */
#define RUN_OBSERVER_ENV "REHOST_OBSERVER"
bool run_is_observer(void);

/* In the run folder: the target's swap partition that rehost has turned on (job/lowmem.h). */
#define RUN_SWAP "swap"

/* In the run folder once S was written since the start (job/loader.h). */
#define RUN_SELECTED "selected"

/* In the run folder once somebody has logged in since the start: written by serve, asked by job/recover. */
#define RUN_LOGGED_IN "logged_in"

/* In the run folder while the rescue still looks for drivers of the devices that were there at power-on. */
#define COLDPLUG_MARK "coldplug"

/* In the run folder; the service touches it every few seconds while it can (init/watchdog). */
#define HEARTBEAT_FILE "heartbeat"
#define HEARTBEAT_EVERY_MS 5000
