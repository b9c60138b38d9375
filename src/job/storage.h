/* SPDX-License-Identifier: MIT */
/*
 * What lies on LVM, software RAID or LUKS, made visible by Debian's own tools from the appended storage archive
 * (image/build-storage). Nothing is written to a disk: arrays start "auto read-only" (their superblocks stay as they are until
 * the first write), of volume groups only what needs no repair or checking is activated, and never by itself a LUKS device.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "disk/scan.h"

/* The archive was unpacked. */
bool storage_is_there(void);

/* What a scan asks for. Pure. */
struct storage_needs {
	bool raid, lvm;
	bool any; /* also LUKS */
};
struct storage_needs storage_needs_of(const struct disk_scan *scan);

/*
 * Once, when the disks have settled: arrays, then volume groups. When no disk needs any of it and RAM is short, the archive's
 * files are deleted. Without the archive nothing is done. Failures of a tool are logged, not returned.
 */
int job_storage(struct err *e) must_check;

/*
 * Opens a LUKS device for looking; the passphrase is read from fd up to its end or a newline. Then what was inside. Errors:
 * ERR_ENCRYPTED with the tool's words.
 */
int job_unlock(const char *device, int fd, FILE *out, struct err *e) must_check;
