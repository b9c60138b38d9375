/* SPDX-License-Identifier: MIT */
/*
 * The room that a bundled rsync works in. It reads what a stranger sends, as root, so it sees nothing but itself and the stage:
 * mount, PID, network, IPC and host name namespaces of its own, a root that holds its libraries and /stage, only the
 * capabilities that restoring needs, no device opened and nothing mounted (Landlock).
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "job/target.h"

#define RSYNC_BUNDLE "/usr/lib/rehost/rsync.cpio.xz" /* of the rescue; image/build-rsync */
#define RSYNC_STAGE "/stage/"			     /* the destination, seen from inside */

/* A descriptor of the bundle: of the rescue's own, else of the run folder's. ERR_RSYNC_MISSING. */
int rsync_room_bundle(struct err *e) must_check;

/*
 * Unpacks the bundle and hangs the stage up in it. The caller is in the stage's view, alone in its mount namespace, and changes it for good.
 * read_only: for a dry run.
 */
int rsync_room_make(int bundle, bool read_only, struct err *e) must_check;

/*
 * Starts rsync with these words and the descriptors 0, 1 and 2. Returns its PID: when that process ends, everything in the
 * room has ended. Its status: rsync's exit code; 126 when the room could not be entered (said on stderr).
 */
pid_t rsync_room_start(const struct strlist *words, struct err *e);
