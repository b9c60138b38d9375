/* SPDX-License-Identifier: MIT */
/*
 * The prepared chroot: programs of the clone run on the clone view in mount, PID, network and IPC namespaces of
 * their own, with surroundings that show the target as it will be, not as it is mounted now
 * (docs/architecture.md section 8). What they see:
 *
 *   /proc   a tmpfs; self/mountinfo, self/mounts, mounts, swaps and cmdline are ours, all else links into a
 *           read-only procfs at /proc/.real. thread-self is self; there are no PID folders but 1.
 *   /sys    the machine's, read-only, without what is mounted below
 *   /dev    a tmpfs with the standard nodes, a devpts of its own, every disk and partition of the scan under its
 *           kernel name, and /dev/disk/by-{uuid,label,partuuid,partlabel,id}
 *   /run    a tmpfs; /tmp and /var/tmp are a folder on the target's disk, emptied before and after
 *
 * They cannot mount, load modules, set the clock, reach the network or write to a disk other than through files.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "job/target.h"

#define SCRATCH_DIR REHOST_DIR "/scratch" /* on the root file system: /tmp of the tools */

struct chroot {
	const struct target *t;
	const char *view;  /* plain path of the assembled clone view, a mount point */
	const char *by_id; /* "/dev/disk/by-id/..." of the boot disk, or NULL */
};

/*
 * Runs argv (argv[0]: a path inside the clone) and waits. The caller is in the clone view's mount namespace. Returns
 * the exit status, or -1 with ERR_CHROOT (surroundings), ERR_SPAWN (time-out). output receives at most 256 KiB.
 */
int chroot_run(const struct chroot *c, const char *const *argv, unsigned timeout_s,
	       struct strbuf *output, struct err *e);

/* Removes the scratch folder. */
int chroot_clean(const struct target *t, struct err *e) must_check;

/* The texts shown; pure, for tests. */
void chroot_mountinfo(const struct target *t, struct strbuf *out);
void chroot_mounts(const struct target *t, struct strbuf *out);
void chroot_swaps(const struct target *t, struct strbuf *out);
void chroot_cmdline(const struct target *t, struct strbuf *out);
/* A name of a link below /dev/disk as udev writes it: bytes outside its safe set as \xNN. */
void chroot_link_name(const char *text, struct strbuf *out);
