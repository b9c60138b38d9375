/* SPDX-License-Identifier: MIT */
/* The first and the last things PID 1 does. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define RUN_DIR_INIT "/run/rehost"

/* Descriptors 0 to 2 on /dev/console, or /dev/null. */
void early_stdio(void);

/*
 * Without an entropy device the kernel collects timer jitter only while somebody waits for random
 * numbers, one bit a tick and waiting process. The service needs them for its first answer, so a few
 * processes wait side by side from the first moment. They end as soon as the kernel is ready.
 */
void early_wait_for_random(void);

/*
 * proc, sys, dev, pts, shm, run, tmp, securityfs, pstore; /run/rehost 0700. Goes on after failures.
 * Not efivarfs: nothing reads it yet.
 */
void early_mounts(void);

/*
 * True when the kernel unpacked the whole image: etc/rehost/complete is there and at least as many
 * entries as it says. Call before early_mounts: mounts hide entries. With too little RAM the kernel
 * stops unpacking without stopping.
 */
bool early_image_is_complete(void);

/* Panic and writeback settings, ARP announcements, nodes that load modules when opened. */
void early_sysctls(const struct strlist *words);
void early_module_nodes(void);

/* The host name, "rescue" until ip= says another. */
void early_names(void);

/* Ends every process, unmounts, syncs and never returns. */
__attribute__((noreturn)) void early_shutdown(bool power_off);
