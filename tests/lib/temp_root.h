/* SPDX-License-Identifier: MIT */
/* A folder of a test's own under /tmp, with a root handle on it. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/root.h"

static char dir[64];
static struct root r = { .fd = -1 };

/* A group's or a test's set-up. */
static int temp_root_open(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/rehost-test-XXXXXX");
	return mkdtemp(dir) && root_open(&r, dir, NULL) == 0 ? 0 : -1;
}

/* The tear-down that goes with it. */
static int temp_root_close(void **state)
{
	char cmd[128];

	(void)state;
	root_close(&r);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}
