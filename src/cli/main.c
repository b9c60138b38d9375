/* SPDX-License-Identifier: MIT */
/* The one program. Which role it plays is told by its process number, its name and its first word. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "base/str.h"
#include "cli/commands.h"

/* Descriptors 0 to 2 must exist: a file opened later must never become "stderr". */
static void secure_std_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	char path[512];

	if (c->place == PLACE_TARGET && *run_path(path, sizeof(path), "log"))
		log_open(path);
	return c->run(c, argc, argv);
}

int main_help(bool over_ssh)
{
	static const char *const heads[] = { "On the target, over its SSH as well:", "Anywhere:" };
	const struct command *c;
	int place;

	for (place = PLACE_TARGET; place <= (over_ssh ? PLACE_TARGET : PLACE_ANYWHERE); place++) {
		printf("%s%s\n", place ? "\n" : "", over_ssh ? "Commands:" : heads[place]);
		for (c = commands; c->name; c++)
			if ((int)c->place == place)
				printf("  %-9s %s\n", c->name, c->summary);
	}
	printf("\n'help COMMAND' explains one. The migration in order: plan, receive tar, "
	       "rewrite,\n"
	       "check, switch, reboot, confirm, release. Until 'release' the old system can be\n"
	       "brought back.\n");
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? base_name(argv[0]) : "rehost";
	const struct command *c = NULL;
	char shown[128];

	secure_std_fds();
	if (getpid() == 1 || strcmp(name, "init") == 0)
		c = command_find("init");
	else if (strcmp(name, "modprobe") == 0)
		c = command_find("modprobe");
	if (c)
		return run_command(c, argc, argv);

	/* Started by /proc/self/exe it would be "exe" to people who look at processes, or at what the kernel killed. */
	prctl(PR_SET_NAME, "rehost");
	/* A client that went away is an error of write(2), not a silent death. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		printf("rehost moves a running Linux server onto another machine.\n"
		       "usage: rehost COMMAND [OPTIONS]\n\n");
		main_help(false);
		return argc < 2 ? EXIT_USAGE : EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("rehost %s\n", REHOST_VERSION);
		return EXIT_DONE;
	}
	c = command_find(argv[1]);
	if (!c) {
		str_escape(shown, sizeof(shown), argv[1]);
		fprintf(stderr, "rehost: unknown command: %s\n'rehost help' lists the commands.\n",
			shown);
		return EXIT_USAGE;
	}
	return run_command(c, argc - 1, argv + 1);
}
