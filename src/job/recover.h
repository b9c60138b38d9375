/* SPDX-License-Identifier: MIT */
/* What a rescue does by itself: how long it waits for somebody, and where it came from. job_recover() is in job.h. */
#pragma once

#include <stdbool.h>

#define RECOVER_WAIT_S 600u
#define RECOVER_WAIT_MIN_S 5u
#define RECOVER_WAIT_MAX_S 86400u

/*
 * The options medium_wait and enter_wait as typed (NULL: not given): seconds before a rescue that nobody logs in to gives way, kept
 * inside the limits; 0: never ("off", "no", "0"). What is no number counts as not given.
 */
unsigned recover_wait(const char *option);

/* This rescue was started by the GRUB of an ISO or disk image, which goes on to the disk for S=clone-once alone. */
bool recover_came_from_medium(void);
