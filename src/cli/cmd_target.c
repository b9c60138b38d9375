/* SPDX-License-Identifier: MIT */
/* log, reboot and shell: commands about the machine the rescue runs on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "base/spawn.h"
#include "base/str.h"
#include "cli/commands.h"
#include "job/foreign.h"
#include "job/job.h"
#include "job/storage.h"
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
	bool follow = false, trial = false;
	const struct command_option options[] = { { "follow", &follow, NULL },
						  { "trial", &trial, NULL } };
	char path[512], old[520];
	int fd cleanup_fd = -1, old_fd cleanup_fd = -1;
	int rc = command_options(c, argc, argv, options, 2, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (trial && follow)
		return command_usage(c,
				     "--trial is of a clone that runs no more: nothing to follow");
	if (trial)
		return command_end_offline(false, job_trial_log(stdout, &e), &e);
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

/* A system that is not ours: it goes down its own way, and only when that was asked for. */
static int leave_host(bool reboot_it, struct err *e)
{
	static const char *const programs[] = { "/sbin/reboot", "/usr/sbin/reboot", "/bin/reboot" };
	size_t i;

	if (target_unmount_all(e) < 0)
		return -1;
	sync();
	if (!reboot_it)
		return err_set(e, ERR_FOREIGN_REBOOT, 0, "process 1 is not rehost");
	log_info("reboot: of the system that runs here, asked for");
	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		const char *argv[] = { programs[i], NULL };
		struct spawn s = { .argv = argv, .stdin_fd = -1, .timeout_s = 60 };
		int rc;

		if (access(programs[i], X_OK) < 0)
			continue;
		rc = spawn_wait(&s, e);
		if (rc <= 0)
			return rc;
		return err_set(e, ERR_SPAWN, 0, "%s ended with %d", programs[i], rc);
	}
	return err_set(e, ERR_SPAWN, 0, "this system has no program 'reboot'");
}

/* For tests REHOST_NO_REBOOT in the environment stops before process 1 is told; a connection passes no environment on. */
static int take_down(struct err *e)
{
	if (target_unmount_all(e) < 0)
		return -1;
	sync();
	puts("rebooting");
	fflush(stdout);
	log_info("reboot: asked for");
	if (getenv("REHOST_NO_REBOOT"))
		return 0;
	return kill(1, SIGTERM) < 0 ? err_set(e, ERR_INTERNAL, errno, "telling process 1 to reboot")
				    : 0;
}

int cmd_reboot(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool host = false;
	const struct command_option options[] = { { "host", &host, NULL } };
	int rc = command_options(c, argc, argv, options, 1, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (!is_in_rescue() && foreign_is_set()) {
		rc = host ? job_reboot(stdout, &e) : 0;
		return command_end(c, false, rc < 0 ? rc : leave_host(host, &e), &e);
	}
	if (!is_in_rescue() && !getenv("REHOST_NO_REBOOT"))
		rc = err_set(&e, ERR_NOT_RESCUE, 0, "process 1 is not rehost");
	else
		rc = job_reboot(stdout, &e);
	if (rc == 0)
		rc = take_down(&e);
	return command_end(c, false, rc, &e);
}

int cmd_recover(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool again = false, medium = false, entered = false;
	const struct command_option options[] = { { "medium", &medium, NULL },
						  { "entered", &entered, NULL } };
	int rc = command_options(c, argc, argv, options, 2, NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	rc = medium    ? job_recover_medium(&again, stdout, &e)
	     : entered ? job_recover_entered(&again, stdout, &e)
		       : job_recover(&again, stdout, &e);
	if (rc == 0 && again && is_in_rescue())
		rc = take_down(&e);
	return command_end(c, false, rc, &e);
}

int cmd_storage(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 0, 0, NULL);

	return rc >= 0 ? rc : command_end_offline(false, job_storage(&e), &e);
}

int cmd_unlock(const struct command *c, int argc, char **argv)
{
	struct err e = ERR_INIT;
	char **words = NULL;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 1, 1, &words);

	if (rc >= 0)
		return rc;
	rc = job_unlock(words[0], STDIN_FILENO, stdout, &e);
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
