/* SPDX-License-Identifier: MIT */
/* Scope-bound clean-up: declare with cleanup_X and the resource goes when the scope does. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_ptr)))
#define cleanup_fd __attribute__((cleanup(cleanup_close_fd)))
#define cleanup_file __attribute__((cleanup(cleanup_close_file)))
#define cleanup_dir __attribute__((cleanup(cleanup_close_dir)))

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hand a descriptor over: returns it and leaves -1 behind. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Hand a heap pointer over: returns it and leaves NULL behind. */
#define ptr_take(p) \
	({ \
		__typeof__(p) *take_from_ = &(p); \
		__typeof__(p) taken_ = *take_from_; \
		*take_from_ = NULL; \
		taken_; \
	})
