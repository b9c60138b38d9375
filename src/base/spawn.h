/* SPDX-License-Identifier: MIT */
/* Running another program and waiting for it. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct spawn {
	const char *const *argv;    /* argv[0] is the path, no PATH search; NULL-terminated */
	const char *const *envp;    /* NULL: an empty environment with PATH only */
	int stdin_fd;		    /* -1: /dev/null */
	struct strbuf *output;	    /* receives stdout and stderr together, capped; may be NULL */
	size_t output_limit;	    /* 0: 256 KiB; what exceeds it is read and dropped */
	unsigned timeout_s;	    /* 0: none; then the process group is killed by its own id */
	int (*in_child)(void *arg); /* runs in the child before exec, for namespaces; may be NULL */
	void *arg;
};

/*
 * Runs and waits. Returns the exit status (0 to 255; 128+signal when killed), or -1 with e set
 * when it could not be started or timed out. Output lines are also written to the log.
 */
int spawn_wait(const struct spawn *s, struct err *e);
