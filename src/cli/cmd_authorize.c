/* SPDX-License-Identifier: MIT */
/* authorize: a temporary key for who has logged in already. */
#include <unistd.h>

#include "base/str.h"
#include "cli/commands.h"
#include "serve/authorize.h"

int cmd_authorize(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool remove = false;
	const struct command_option options[] = { { "remove", &remove, NULL } };
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (remove)
		return command_end(c, false, serve_authorize_remove(&e), &e);
	if (isatty(STDIN_FILENO))
		return command_usage(c, "stdin is a terminal; give it a public key");
	return command_end(c, false, serve_authorize(STDIN_FILENO, &e), &e);
}
