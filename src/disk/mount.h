/* SPDX-License-Identifier: MIT */
/* Mounting one volume, read-only without touching it or read-write, with words for what can fail. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "disk/scan.h"

/*
 * Mounts v at the existing directory at. Read-only uses the variant of the file system that neither
 * replays a journal nor writes (ext: ro,noload; xfs: ro,norecovery; btrfs: ro,rescue=nologreplay).
 * Always nosuid is NOT set (the clone's tools run there) but nodev is. Errors name the cause
 * (unknown type, encrypted, LVM or RAID member, dirty, read-only device) in err codes of the area DISK.
 */
int volume_mount(const struct volume *v, const char *at, bool writable, struct err *e) must_check;

/*
 * While a volume is mounted for looking, its block device is set read-only in the kernel: ext4 cleans orphans and
 * notes errors even on a read-only mount. The file AT.protected remembers that for volume_unmount().
 */

/* What is known when a mount failed; the pure part of telling why. */
struct mount_facts {
	const char *path, *type;
	bool writable;		  /* a read-write mount was asked for */
	bool is_device_read_only; /* the kernel or the hardware refuses writes */
	bool is_journal_dirty;
	bool has_driver; /* the type is in /proc/filesystems */
};

/* The code for errno sys of mount(2), and one sentence into why (size bytes). */
enum err_code mount_explain(int sys, const struct mount_facts *f, char *why, size_t size);

/* ERR_NONE when content of this kind can be mounted, else the code that names what it is. Pure. */
enum err_code volume_judge(const struct volume *v);

/* The same for looking: btrfs as well, which nothing here writes to yet. Pure. */
enum err_code volume_judge_look(const struct volume *v);

/* Unmounts; not mounted is success. Busy is an error (never lazy). */
int volume_unmount(const char *at, struct err *e) must_check;

/* How at is mounted now, from /proc/self/mountinfo. */
enum mount_state { MOUNT_NONE, MOUNT_READ_ONLY, MOUNT_WRITABLE };
enum mount_state volume_mount_state(const char *at);
