/* SPDX-License-Identifier: MIT */
/*
 * Taking one disk of a machine whose running system is not ours (another rescue, any Linux). The disk is told by
 * what the operator typed; it must be whole, plain and used by nobody.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define CLAIM_NAME_MAX 64

/*
 * The kernel's name ("sdb") of the disk that given names: "sdb", "/dev/sdb", any link to it (/dev/disk/by-id/...), or its
 * serial number or WWN. ERR_DISK_NAME for a partition, for a device put together from others (md, dm), for what is not
 * there or fits two disks.
 */
int claim_find(const char *given, char ret[CLAIM_NAME_MAX], struct err *e) must_check;

/*
 * ERR_DISK_IN_USE when the disk or a partition of it is mounted, swapped on, part of an array or volume group, or held
 * by anybody else. What is mounted below own_dir (absolute) and swapped on as own_swap (a device, may be NULL) is ours.
 */
int claim_check_unused(const char *name, const char *own_dir, const char *own_swap,
		       struct err *e) must_check;

/* The same over texts, for tests: who uses device MAJOR:MINOR at path, into who; 0 nobody, 1 somebody else, 2 we do. */
int claim_user_in(const char *mountinfo, const char *swaps, unsigned major, unsigned minor,
		  const char *path, const char *own_dir, const char *own_swap, char *who,
		  size_t size);
