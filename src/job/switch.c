/* SPDX-License-Identifier: MIT */
#include "job/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/json.h"
#include "job/activate.h"
#include "job/common.h"
#include "job/edits.h"
#include "job/identity.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/running.h"

/* ---- settling ---- */

/*
 * In a child that no signal to our process group reaches: killed between the two calls, the file system would
 * stay frozen and every writer on it hang. Returns 0 or an errno value.
 */
static int freeze_and_thaw(int fd)
{
	int status, sys = 0;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0) {
		setsid();
		if (ioctl(fd, FIFREEZE, 0) < 0)
			_exit(errno > 0 && errno < 255 ? errno : 255);
		if (ioctl(fd, FITHAW, 0) < 0)
			_exit(errno > 0 && errno < 255 ? errno : 255);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	sys = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	/* no such thing on this file system (tmpfs): syncing was all there is */
	return sys == EOPNOTSUPP || sys == ENOTTY ? 0 : sys;
}

int switch_settle(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		int fd cleanup_fd = root_openat(&t->fs[i].root, "/", O_RDONLY | O_DIRECTORY, 0, e);
		int sys;

		if (fd < 0)
			return -1;
		if (syncfs(fd) < 0)
			return err_set(e, ERR_SETTLE, errno, "syncing the file system of %s",
				       t->fs[i].mount);
		sys = freeze_and_thaw(fd);
		if (sys)
			return err_set(e, ERR_SETTLE, sys, "freezing the file system of %s",
				       t->fs[i].mount);
	}
	return 0;
}

/* ---- the real steps ---- */

static const char *command_name; /* switch or rollback, for the people who watch */

static int merge_noted(const struct target *t, struct err *e)
{
	progress_note(command_name, "merging the edits into the stage");
	if (edits_merge(t, e) < 0)
		return err_ctx(e, "merging the edits into the stage");
	return 0;
}

static int settle_noted(const struct target *t, struct err *e)
{
	progress_note(command_name, "waiting for the disk");
	return switch_settle(t, e);
}

static int prepare_noted(const struct target *t, struct record *r, struct err *e)
{
	progress_note(command_name, "saving the boot area");
	return activate_prepare(t, r, e);
}

static int write_noted(const struct target *t, const struct record *r, struct err *e)
{
	progress_note(command_name, "writing the clone's boot area");
	return activate_write(t, r, e);
}

static int restore_noted(const struct target *t, const struct record *r, struct err *e)
{
	progress_note(command_name, "writing the old boot area back");
	return activate_restore(t, r, e);
}

static int stop_after(void *arg)
{
	long *left = arg;

	return (*left)-- <= 0;
}

void switch_real_ops(struct switch_ops *ret, const char *command)
{
	static long left;
	const char *stop = getenv("REHOST_STOP_AFTER");

	command_name = command;
	*ret = (struct switch_ops){
		.merge = merge_noted,
		.settle = settle_noted,
		.boot_prepare = prepare_noted,
		.boot_write = write_noted,
		.boot_restore = restore_noted,
	};
	if (stop) { /* never in the rescue: a connection passes no environment on */
		left = strtol(stop, NULL, 10);
		ret->step = stop_after;
		ret->arg = &left;
	}
}

/* ---- the command ---- */

/* The only firmware whose boot area can be written; the saved identity knows it. */
static int check_firmware(struct err *e)
{
	json_t *identity = NULL;
	bool uefi;

	if (identity_load(&identity, e) < 0)
		return -1;
	uefi = json_is_true(json_object_get(json_object_get(identity, "firmware"), "uefi"));
	json_decref(identity);
	return uefi ? err_set(e, ERR_BOOT_UEFI, 0, "its firmware started the rescue by UEFI") : 0;
}

/* What was checked must be what is switched. */
static int verify_checked(const struct target *t, const struct record *r, struct err *e)
{
	char now[65];

	if (r->state == JOB_NONE)
		return err_set(e, ERR_NOTHING, 0, "the disk holds no job record");
	if (r->state == JOB_RELEASING)
		return err_set(e, ERR_STAGE_STATE, 0, "the old system is being deleted");
	if (r->state < JOB_CHECKED)
		return err_set(e, ERR_NOT_CHECKED, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	if (r->state != JOB_CHECKED)
		return 0;
	if (edits_fingerprint(t, now, e) < 0)
		return -1;
	if (strcmp(now, r->edits_fingerprint) != 0)
		return err_set(e, ERR_NOT_CHECKED, 0, "the edits changed since the check");
	return 0;
}

static void tell_end(FILE *out, const struct record *r)
{
	fprintf(out,
		"The clone is in place, the next boot starts it.\n"
		"The old system is kept in /%s of %s.\n"
		"  reboot     starts the clone\n"
		"  rollback   brings the old system back; from the rescue, before or after a boot "
		"of the clone\n"
		"  release    deletes the old system, when the clone proved itself\n",
		TREE_DIR, r->fs_count > 1 ? "each file system" : "its file system");
}

static int run_switch(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	struct switch_ops ops;

	if (verify_checked(t, r, e) < 0)
		return -1;
	if (r->state == JOB_SWITCHED) {
		fprintf(out, "It was switched already.\n");
		tell_end(out, r);
		return 0;
	}
	/* once it has begun this was settled, and finishing must not hang on anything but the disk */
	if (r->state == JOB_CHECKED && check_firmware(e) < 0)
		return -1;
	if (r->state != JOB_CHECKED)
		fprintf(out, "Going on with a switch that was cut (%s).\n",
			job_state_name(r->state));
	fprintf(out, "Switching. Do not cut the power now.\n");
	fflush(out);
	switch_real_ops(&ops, "switch");
	if (switch_forward(t, r, &ops, e) < 0)
		return -1;
	tell_end(out, r);
	return 0;
}

int job_switch(FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	int rc;

	if (running_has_job())
		return err_set(e, ERR_IN_RUNNING, 0, "the switch moves the running system away");
	if (job_begin(&t, &r, "switch", e) < 0)
		return -1;
	rc = run_switch(&t, &r, out, e);
	return job_end(&t, &r, rc, e);
}
