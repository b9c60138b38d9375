/* SPDX-License-Identifier: MIT */
/* receive: the source's root arrives on stdin. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/commands.h"
#include "job/job.h"

static int receive_loader(const struct command *c, const struct receive_options *o)
{
	struct err e = ERR_INIT;

	if (o->update || o->delete_ok)
		return command_usage(c, "--update and --delete-ok are for 'receive tar'");
	if (isatty(STDIN_FILENO))
		return command_usage(c, "stdin is a terminal; give it the loader archive");
	return command_end(c, false, job_receive_loader(STDIN_FILENO, stdout, &e), &e);
}

static int receive_sample(const struct command *c, const struct receive_options *o)
{
	struct err e = ERR_INIT;

	if (o->update || o->delete_ok)
		return command_usage(c, "--update and --delete-ok are for 'receive tar'");
	return command_end_offline(false, job_receive_sample(STDIN_FILENO, stdout, &e), &e);
}

int cmd_receive(const struct command *c, int argc, char **argv)
{
	struct receive_options o = { 0 };
	const struct command_option options[] = {
		{ "update", &o.update, NULL },
		{ "delete-ok", &o.delete_ok, NULL },
	};
	struct err e = ERR_INIT;
	char **words;
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), NULL, 1, 1, &words);

	if (rc >= 0)
		return rc;
	if (strcmp(words[0], "loader") == 0)
		return receive_loader(c, &o);
	if (strcmp(words[0], "sample") == 0)
		return receive_sample(c, &o);
	if (strcmp(words[0], "tar") != 0) {
		char shown[64];

		str_escape(shown, sizeof(shown), words[0]);
		return command_usage(
			c, "the kind of stream must be 'tar', 'loader' or 'sample', not '%s'",
			shown);
	}
	if (o.delete_ok && !o.update)
		return command_usage(c, "--delete-ok goes with --update");
	if (isatty(STDIN_FILENO))
		return command_usage(c, "stdin is a terminal; pipe a tar stream into it");
	return command_end(c, false, job_receive_tar(STDIN_FILENO, &o, stdout, stderr, &e), &e);
}

/* Its words are another program's. */
int cmd_rsync(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return command_help(c);
	return command_end(c, false, job_receive_rsync(argc - 1, argv + 1, stderr, &e), &e);
}
