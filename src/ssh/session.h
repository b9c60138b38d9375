/* SPDX-License-Identifier: MIT */
/*
 * ssh: the one door to libssh. This header is the server side: one connection from its first byte to its end, with its
 * channels tied to processes that the caller starts. ssh knows no command and no limit of the service but
 * those given here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/authkeys.h"
#include "base/err.h"
#include "ssh/algo.h"
#include "ssh/hostkey.h"

#define SESSION_CHANNELS_MAX 4
#define SESSION_COMMAND_MAX 4096 /* bytes of an exec request */
#define SESSION_ANSWER_MAX 1024

/* What a client asks to be run. */
struct session_request {
	const char *command; /* NULL: a login without a command */
	bool has_pty;
	const char *term; /* with has_pty */
	unsigned columns, rows;
	bool is_observer; /* logged in with a key that may look only */
};

/* A process that was started for a request. The descriptors are ours, non-blocking, close-on-exec. */
struct session_process {
	pid_t pid;   /* leader of its own process group */
	int pidfd;   /* readable once it has ended */
	int in;	     /* its stdin; with a pty the one descriptor for everything */
	int out;     /* its stdout */
	int err_out; /* its stderr, -1 with a pty */
	bool is_pty;
	bool ends_with_client; /* SIGTERM when the client goes away; else it may finish unheard */
};

struct session_config {
	const struct hostkey *ed25519;
	const struct hostkey *rsa; /* NULL: none */
	const struct authkeys *keys;
	const struct authkeys *observers; /* keys that may look only; NULL: none */
	enum algo_legacy legacy;	  /* who is offered old algorithms */
	const char *password;		  /* NULL: none */
	const char *peer;		  /* address, for the log */
	unsigned attempts;		  /* failed logins before the connection is closed */
	size_t window_bytes;		  /* the most that a channel's receive window may become */

	/* After the login; the caller lifts the limit on time. */
	void (*logged_in)(void *arg);
	/*
	 * Starts a process for r. Returns 0 with *ret filled, or an exit code above 0 with a message for the client's stderr
	 * in answer (terminated, size bytes), and nothing started.
	 */
	int (*start)(void *arg, const struct session_request *r, struct session_process *ret,
		     char *answer, size_t size);
	void *arg;
};

/*
 * Serves the connected socket fd until the client is gone and every process has ended. Takes fd. Limits of
 * time before the login are the caller's (alarm). Returns 0, or -1 when there never was a login.
 */
int session_serve(int fd, const struct session_config *c, struct err *e) must_check;
