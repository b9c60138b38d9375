/* SPDX-License-Identifier: MIT */
/* Commands that are one call into job and need nothing but --json or one flag. */
#include <stdio.h>

#include "base/run.h"
#include "cli/commands.h"
#include "job/job.h"

typedef int job_reader(FILE *out, bool json, struct err *e);

static int run_reader(const struct command *c, int argc, char **argv, job_reader *job)
{
	struct err e = ERR_INIT;
	bool json = false;
	int rc = command_options(c, argc, argv, NULL, 0, &json, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	return command_end(c, json, job(stdout, json, &e), &e);
}

int cmd_plan(const struct command *c, int argc, char **argv)
{
	return run_reader(c, argc, argv, job_plan);
}

int cmd_report(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	const char *root = NULL;
	bool json = false;
	const struct command_option options[] = { { "root", NULL, &root } };
	int rc = command_options(c, argc, argv, options, 1, &json, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (root && run_is_observer())
		return command_usage(c,
				     "--root is not for you: your key may look at this migration");
	rc = job_report(root, stdout, json, &e);
	return root ? command_end_offline(json, rc, &e) : command_end(c, json, rc, &e);
}

int cmd_identity(const struct command *c, int argc, char **argv)
{
	return run_reader(c, argc, argv, job_identity);
}

int cmd_check(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool json = false, look = false;
	const struct command_option options[] = { { "look", &look, NULL } };
	int rc = command_options(c, argc, argv, options, 1, &json, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	rc = job_check(look || run_is_observer(), stdout, json, &e);
	return command_end(c, json, rc, &e);
}

/* Looking at the state must not wipe the very error that people look for: no command_end on success. */
int cmd_status(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool json = false;
	int rc = command_options(c, argc, argv, NULL, 0, &json, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	rc = job_status(stdout, json, &e);
	return command_end_offline(json, rc, &e);
}

int cmd_switch(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct switch_options o = { false, false };
	const struct command_option options[] = { { "without-loader", &o.without_loader, NULL },
						  { "accept-firmware", &o.accept_firmware, NULL } };
	int rc = command_options(c, argc, argv, options, 2, NULL, 0, 0, NULL);

	return rc >= 0 ? rc : command_end(c, false, job_switch(&o, stdout, &e), &e);
}

int cmd_confirm(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	char **words;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 1, 1, &words);

	return rc >= 0 ? rc : command_end(c, false, job_confirm(words[0], stdout, &e), &e);
}

int cmd_guard(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 0, NULL);

	return rc >= 0 ? rc : command_end_offline(false, job_guard(stdout, &e), &e);
}

int cmd_release(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool unconfirmed = false;
	const struct command_option options[] = { { "unconfirmed", &unconfirmed, NULL } };
	int rc = command_options(c, argc, argv, options, 1, NULL, 0, 0, NULL);

	return rc >= 0 ? rc : command_end(c, false, job_release(unconfirmed, stdout, &e), &e);
}

int cmd_rollback(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool discard = false;
	const struct command_option options[] = { { "discard", &discard, NULL } };
	int rc = command_options(c, argc, argv, options, 1, NULL, 0, 0, NULL);

	return rc >= 0 ? rc : command_end(c, false, job_rollback(discard, stdout, &e), &e);
}
