/* SPDX-License-Identifier: MIT */
/* Turns a client's request into a command process, or into a refusal. */
#pragma once

#include "ssh/session.h"

struct command_place {
	const char *client; /* address, given to the command as REHOST_CLIENT */
	bool allow_shell;
};

/* As session_config.start; arg is a struct command_place. */
int command_start(void *arg, const struct session_request *r, struct session_process *ret,
		  char *answer, size_t size);
