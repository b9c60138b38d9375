/* SPDX-License-Identifier: MIT */
/* log, reboot and shell: commands about the machine the rescue runs on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "cli/commands.h"
#include "job/target.h"

#define FOLLOW_PAUSE_US 300000

/* Copies what is there now. -1 when stdout is gone. */
static int copy_available(int fd)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (write_all(STDOUT_FILENO, chunk, (size_t)n) < 0)
			return -1;
	return 0;
}

/* A full log becomes PATH.old and a new one is begun (base/log.h): what follows is in the new one. */
static int open_if_moved(const char *path, int *fd)
{
	struct stat mine, there;
	int fresh;

	if (fstat(*fd, &mine) < 0 || stat(path, &there) < 0 ||
	    (mine.st_dev == there.st_dev && mine.st_ino == there.st_ino))
		return 0;
	/* Lines that came between the last look and the move. */
	if (copy_available(*fd) < 0)
		return -1;
	fresh = open(path, O_RDONLY | O_CLOEXEC);
	if (fresh < 0)
		return 0;
	close(*fd);
	*fd = fresh;
	return 0;
}

int cmd_log(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool follow = false;
	const struct command_option options[] = { { "follow", &follow, NULL } };
	char path[512], old[520];
	int fd cleanup_fd = -1, old_fd cleanup_fd = -1;
	int rc = command_options(c, argc, argv, options, 1, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	fd = open(run_path(path, sizeof(path), "log"), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_set(&e, ERR_FILE, errno, "%s", path);
		return command_end_offline(false, -1, &e);
	}
	snprintf(old, sizeof(old), "%s" LOG_OLD, path);
	old_fd = open(old, O_RDONLY | O_CLOEXEC);
	if (old_fd >= 0 && copy_available(old_fd) < 0)
		return EXIT_UNTOUCHED;
	while ((rc = copy_available(fd)) == 0 && follow) {
		usleep(FOLLOW_PAUSE_US);
		if (open_if_moved(path, &fd) < 0)
			return EXIT_UNTOUCHED;
	}
	return rc < 0 ? EXIT_UNTOUCHED : EXIT_DONE;
}

/* In the rescue this very program is process 1. */
static bool is_in_rescue(void)
{
	struct stat one, self;

	return stat("/proc/1/exe", &one) == 0 && stat("/proc/self/exe", &self) == 0 &&
	       one.st_dev == self.st_dev && one.st_ino == self.st_ino;
}

int cmd_reboot(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (!is_in_rescue()) {
		err_set(&e, ERR_NOT_RESCUE, 0, "process 1 is not rehost");
		return command_end(c, false, -1, &e);
	}
	if (target_unmount_all(&e) < 0)
		return command_end(c, false, -1, &e);
	sync();
	puts("rebooting");
	fflush(stdout);
	log_info("reboot: asked for");
	if (kill(1, SIGTERM) < 0)
		rc = err_set(&e, ERR_INTERNAL, errno, "telling process 1 to reboot");
	else
		rc = 0;
	return command_end(c, false, rc, &e);
}

int cmd_shell(const struct command *c, int argc, char **argv)
{
	static char *const shell[] = { (char *)"-sh", NULL };
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	signal(SIGPIPE, SIG_DFL);
	execv("/bin/busybox", shell);
	execv("/bin/sh", shell);
	fprintf(stderr, "rehost: there is no shell here: %s\n", strerror(errno));
	return EXIT_UNTOUCHED;
}
