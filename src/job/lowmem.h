/* SPDX-License-Identifier: MIT */
/*
 * A small rescue uses the target's own swap partition, once a command has begun that writes and may need memory (receive,
 * rewrite). Its header, and so its UUID and label, stays as it was; it is off again before switch, rollback,
 * release and reboot. The option lowmem= says auto (by the size of RAM; never beside a system that is not ours), on or off.
 */
#pragma once

#include "base/err.h"
#include "job/target.h"

#define LOWMEM_RAM_BYTES (400ull * 1024 * 1024) /* auto: below this */

/* Pure. option: the value of lowmem=, or NULL. */
bool lowmem_decide(const char *option, unsigned long long ram_bytes, bool is_foreign);

/* The swap partition that is used, or will be: NULL when none is needed or there is none. */
const struct volume *lowmem_choose(const struct target *t);
/* Whether this machine is small enough to say so in the plan. */
bool lowmem_is_wanted(void);

/* Turns it on. A command does without it when that fails: the log says why. */
void lowmem_begin(const struct target *t);
/* Turns it off and sees that its header is what it was. No-op when it is off. ERR_NOMEM when its pages do not fit into RAM. */
int lowmem_end(struct err *e) must_check;
