/* SPDX-License-Identifier: MIT */
/*
 * serve: the SSH service of the rescue. It accepts, limits and forks; a connection process speaks SSH and starts
 * each accepted request as a command process of this same binary. It knows no command's meaning.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct serve_options {
	uint32_t port;		     /* 0: any free one */
	const char *address;	     /* numeric, NULL: all, IPv4 and IPv6 */
	const char *authorized_keys; /* NULL: run_dir()/authorized_keys */
	const char *observer_keys;   /* who may look only; NULL: run_dir()/observer_keys */
	const char *run_dir;	     /* NULL: run_dir() */
	uint32_t grace_s;	     /* from the connection to a successful login */
	bool allow_shell;	     /* also with shell=1 in run_dir()/options */
	/*
	 * On a system that is not ours: disks that may be worked on (job/foreign.h), separated by commas; NULL: the rescue.
	 * Keys are then those of root when authorized_keys is NULL and the run folder has none.
	 */
	const char *disks;
};

/* In the run folder: why the service could not start, for the consoles. Removed when it listens. */
#define SERVE_ERROR_FILE "serve_error"

#define SERVE_PORT_FOREIGN 2222 /* with disks, unless another is given: 22 is that system's own */

#define SERVE_OPTIONS_DEFAULT ((struct serve_options){ .port = 22, .grace_s = 120 })

/*
 * Listens and serves until SIGTERM or SIGINT. Writes host_key (when there is none), fingerprint and
 * port into the run folder, and "listening on port N" to stdout. Returns 0 after a signal, else -1 with e set.
 */
int serve_run(const struct serve_options *o, struct err *e) must_check;
