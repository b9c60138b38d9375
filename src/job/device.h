/* SPDX-License-Identifier: MIT */
/* Another machine's disk, or an image of one, looked into on any Linux machine. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"

/*
 * Assembles the tree of the one Linux system on the disk as a view, read-only and without replaying a journal, and runs fn on it
 * in a child process; device describes the disk: {path, table, size_bytes, volumes [], notes []}. root_uuid chooses among several
 * systems; NULL: there must be one. Needs root. Returns what fn returned, or -1: ERR_DEVICE_ROOT when there is no such
 * system.
 */
int device_look(const char *path, const char *root_uuid,
		int (*fn)(const struct root *tree, json_t *device, void *arg, struct err *e),
		void *arg, struct err *e) must_check;
