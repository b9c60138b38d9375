/* SPDX-License-Identifier: MIT */
/* Mounting one volume, read-only without touching it or read-write, with words for what can fail. */
#pragma once

#include <stdbool.h>

#include "disk/scan.h"

/*
 * Mounts v at the existing directory at. Read-only uses the variant of the file system that neither
 * replays a journal nor writes (ext: ro,noload; xfs: ro,norecovery; btrfs: ro,rescue=nologreplay).
 * Always nosuid is NOT set (the clone's tools run there) but nodev is. Errors name the cause
 * (unknown type, encrypted, LVM or RAID member, dirty, read-only device) in err codes of the area DISK.
 */
int volume_mount(const struct volume *v, const char *at, bool writable, struct err *e) must_check;

/* Unmounts; not mounted is success. Busy is an error (never lazy). */
int volume_unmount(const char *at, struct err *e) must_check;

/* How at is mounted now, from /proc/self/mountinfo. */
enum mount_state { MOUNT_NONE, MOUNT_READ_ONLY, MOUNT_WRITABLE };
enum mount_state volume_mount_state(const char *at);
