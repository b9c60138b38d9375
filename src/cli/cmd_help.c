/* SPDX-License-Identifier: MIT */
/* help, explain, and the answer to a login that names no command. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/report.h"
#include "cli/commands.h"

int cmd_help(const struct command *c, int argc, char **argv)
{
	bool over_ssh = getenv("REHOST_CLIENT") != NULL;
	const struct command *about;
	char **words, shown[128];
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 1, &words);

	if (rc >= 0)
		return rc;
	if (!words[0]) {
		if (over_ssh)
			printf("rehost %s: this machine runs the rescue.\n\n", REHOST_VERSION);
		return main_help(over_ssh);
	}
	about = command_find(words[0]);
	if (!about) {
		str_escape(shown, sizeof(shown), words[0]);
		fprintf(stderr, "rehost: there is no command '%s'; 'help' lists them\n", shown);
		return EXIT_USAGE;
	}
	return command_help(about);
}

/*
 * `tar ... | ssh root@target` without a command arrives as a request for a shell. Data that waits on stdin is
 * such a stream: refused, because nobody said what to do with it. Otherwise this is somebody looking around.
 */
int cmd_no_command(const struct command *c, int argc, char **argv)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (!isatty(STDIN_FILENO) && poll(&p, 1, 1000) > 0 && read(STDIN_FILENO, &byte, 1) == 1) {
		fprintf(stderr, "rehost: data arrived, but no command says what it is. Nothing was "
				"written.\n"
				"  next     tar ... | ssh root@TARGET receive tar\n");
		return EXIT_USAGE;
	}
	printf("rehost %s: this machine runs the rescue. There is no shell; give a command:\n"
	       "  ssh root@TARGET status\n\n",
	       REHOST_VERSION);
	return main_help(true);
}

static void explain(const struct err_info *info)
{
	printf("%s  %s\n", info->id, info->title);
	report_print_lines(stdout, "  next", 2 + 6, info->advice);
	printf("  %-6s %d\n", "exit", (int)info->exit_code);
}

int cmd_explain(const struct command *c, int argc, char **argv)
{
	char **words, shown[64];
	int i, rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 1, &words);

	if (rc >= 0)
		return rc;
	for (i = ERR_NONE + 1; i < ERR_CODE_COUNT; i++) {
		const struct err_info *info = err_info((enum err_code)i);

		if (words[0] && strcasecmp(words[0], info->id) != 0)
			continue;
		explain(info);
		if (words[0])
			return EXIT_DONE;
		putchar('\n');
	}
	if (!words[0])
		return EXIT_DONE;
	str_escape(shown, sizeof(shown), words[0]);
	return command_usage(c, "there is no error code '%s'", shown);
}
