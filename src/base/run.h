/* SPDX-License-Identifier: MIT */
/* The folder where the processes of one rescue meet (docs/architecture.md section 2). */
#pragma once

#include <stddef.h>

#define RUN_DIR_DEFAULT "/run/rehost"

/*
 * The run folder: RUN_DIR_DEFAULT, or what the environment variable REHOST_RUN_DIR says, so that tests run
 * beside a real one. An SSH client cannot set it: the service builds the environment of its commands.
 */
const char *run_dir(void);

/* Writes run_dir()/name into buf, which is returned; a name that does not fit gives "". */
const char *run_path(char *buf, size_t size, const char *name);

/* In the run folder while the rescue still looks for drivers of the devices that were there at power-on. */
#define COLDPLUG_MARK "coldplug"
