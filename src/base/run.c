/* SPDX-License-Identifier: MIT */
#include "base/run.h"

#include <stdio.h>
#include <stdlib.h>

const char *run_dir(void)
{
	const char *dir = getenv("REHOST_RUN_DIR");

	return dir && dir[0] == '/' ? dir : RUN_DIR_DEFAULT;
}

const char *run_path(char *buf, size_t size, const char *name)
{
	int n = snprintf(buf, size, "%s/%s", run_dir(), name);

	if (n < 0 || (size_t)n >= size)
		buf[0] = '\0';
	return buf;
}
