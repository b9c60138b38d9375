/* SPDX-License-Identifier: MIT */
/*
 * A disk that does not belong to this machine's system, or an image of one in a file, as a scan of volumes. Each volume is a
 * loop device of its own, read-only: nothing can reach the disk, and the kernel's partition scan is not needed.
 */
#pragma once

#include "disk/scan.h"

struct disk_image {
	struct disk_scan
		scan; /* one disk; volumes with the paths of their loop devices, and the partition's number */
	int *fds; /* the loop devices go when these and all mounts of them are gone, also by a kill */
	unsigned fd_count;
};

/* ERR_DISK_IN_USE for a block device that anybody has mounted or holds. Needs root. */
int disk_image_open(struct disk_image *ret, const char *path, struct err *e) must_check;
void disk_image_close(struct disk_image *i);
