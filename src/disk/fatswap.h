/* SPDX-License-Identifier: MIT */
/*
 * Two files of a FAT change their contents by one write of one sector: a power cut leaves each name with the one or the other
 * content, whole. FAT has neither a journal nor a rename that could promise that.
 */
#pragma once

#include "base/err.h"

/*
 * device: a partition that is not mounted, or an image of one. a and b: names in the folder dir, regular files; their entries must lie in
 * the same sector. What changes hands is first cluster, size and times. Written past the cache and read back. ERR_ESP.
 */
int fat_swap(const char *device, const char *dir, const char *a, const char *b,
	     struct err *e) must_check;
