/* SPDX-License-Identifier: MIT */
/*
 * What the clone starts for its trial: the program's own 'guard', by the init system that the tree has, and a kernel
 * that restarts the machine after a panic. Planned by plan_guard(), taken away by release.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"

#define GUARD_UNIT "/etc/systemd/system/rehost-guard.service"
#define GUARD_WANTED "/etc/systemd/system/sysinit.target.wants/rehost-guard.service"
#define GUARD_OPENRC "/etc/init.d/rehost-guard"
#define GUARD_RUNLEVEL "/etc/runlevels/boot/rehost-guard"
/* A line of sysvinit's, which also has OpenRC as its script runner (Debian). Waits where /var is a file system of its own. */
#define GUARD_INITTAB \
	"rhgd::sysinit:/bin/sh -c '(until [ -x /var/lib/rehost/rehost ]; do sleep 2; done; " \
	"exec /var/lib/rehost/rehost guard) &'"
#define GUARD_GRUB "/etc/default/grub.d/rehost-trial.cfg"
#define GUARD_PANIC_S \
	30 /* also the initramfs' own: initramfs-tools restarts instead of asking for a shell */

/*
 * Removes what plan_guard() put into a tree. Absence is success. The menu keeps panic=30 until it is made again, which
 * does no harm.
 */
int rewrite_remove_guard(const struct root *clone, struct err *e) must_check;
