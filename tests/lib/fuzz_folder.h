/* SPDX-License-Identifier: MIT */
/* A folder whose few files all get the fuzzer's bytes. */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/root.h"

/* Holds nothing but these files, which are returned open. */
static inline void folder(struct root *ret, const char *const *paths, int *fds, unsigned count)
{
	char dir[] = "/tmp/rehost-fuzz-XXXXXX";
	unsigned i;

	if (!mkdtemp(dir) || root_open(ret, dir, NULL) < 0)
		abort();
	for (i = 0; i < count; i++) {
		if (root_replace(ret, paths[i], "", 0, NULL, NULL) < 0)
			abort();
		fds[i] = root_openat(ret, paths[i], O_WRONLY, 0, NULL);
	}
}

static inline void folder_fill(const int *fds, unsigned count, const uint8_t *data, size_t size)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (ftruncate(fds[i], 0) < 0 || pwrite(fds[i], data, size, 0) != (ssize_t)size)
			abort();
}
