/* SPDX-License-Identifier: MIT */
#include "job/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/run.h"
#include "job/activate.h"
#include "job/activate_uefi.h"
#include "job/address.h"
#include "job/bootview.h"
#include "job/common.h"
#include "job/edits.h"
#include "job/efi_removable.h"
#include "job/identity.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/running.h"
#include "job/trial.h"

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

static bool has_stored(const struct target *t)
{
	return loader_is_stored(t);
}

static int store_noted(const struct target *t, int fd, struct err *e)
{
	progress_note(command_name, "putting the rescue on the disk");
	return loader_store(t, fd, e);
}

/* The reader looks at one disk; an EFI system partition can be on another. */
static int prove_planted(const struct target *t, const struct record *r, struct err *e)
{
	const char *disk = t->scan.disks[t->boot_disk].path;

	if (r->loader == LOADER_BIOS)
		return bootview_prove_planted(disk, NULL, e);
	if (strcmp(r->boot_disk, disk) != 0) {
		log_info("switch: the planted loader is not read back by GRUB's ways: %s is "
			 "another disk",
			 r->boot_disk);
		return 0;
	}
	return bootview_prove_planted(disk,
				      loader_is_removable(t, r) ? "\\" EFI_REMOVABLE
								: ESP_LOADER_FILE,
				      e);
}

static int plant_noted(const struct target *t, struct record *r, struct err *e)
{
	progress_note(command_name, "planting the private loader");
	return loader_plant(t, r, e) < 0 ? -1 : prove_planted(t, r, e);
}

static int select_noted(const struct target *t, enum loader_choice c, struct err *e)
{
	log_info("%s: the next boot: %s", command_name, loader_choice_name(c));
	return loader_select(loader_fs(t), c, e);
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
		.loader_is_stored = has_stored,
		.loader_store = store_noted,
		.loader_plant = plant_noted,
		.loader_select = select_noted,
	};
	if (stop) { /* never in the rescue: a connection passes no environment on */
		left = strtol(stop, NULL, 10);
		ret->step = stop_after;
		ret->arg = &left;
	}
}

/* ---- what must be so before ---- */

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

/* ---- what is said ---- */

void switch_tell_confirm(FILE *out, const struct record *r)
{
	char address[64];
	json_t *identity = NULL;

	if (identity_load(&identity, NULL) < 0)
		identity = NULL;
	address_of_target(identity, address, sizeof(address));
	json_decref(identity);
	fprintf(out, "  ssh root@%s /var/lib/rehost/rehost confirm %s\n", address, r->nonce);
}

static void tell_end(FILE *out, const struct record *r)
{
	fprintf(out, "The clone is in place. The old system is kept in /%s of %s.\n", TREE_DIR,
		r->fs_count > 1 ? "each file system" : "its file system");
	if (r->loader == LOADER_NONE) {
		fprintf(out,
			"The next boot starts the clone.\n"
			"  reboot     starts the clone\n"
			"  rollback   brings the old system back; from the rescue, before or after "
			"a boot of the clone\n"
			"  release --unconfirmed   deletes the old system, when the clone proved "
			"itself,\n"
			"             and starts what waits for that (cron, mail, backups and the "
			"like)\n");
		return;
	}
	fprintf(out,
		"Until the clone is confirmed every boot ends in this rescue.\n"
		"  reboot     starts the clone for a trial of %u minutes; not confirmed, it gives "
		"way\n"
		"             to this rescue, which is back within %u minutes of its start\n"
		"  rollback   brings the old system back, now or after any trial\n"
		"When the clone runs, confirm it from another machine:\n",
		r->trial_minutes, trial_back_minutes(r->trial_minutes));
	switch_tell_confirm(out, r);
}

/* ---- the command ---- */

/* The way is settled before the first change: what cannot be planted here is a question to the operator. */
static int choose_way(const struct target *t, struct record *r, const struct switch_options *o,
		      struct switch_ops *ops, FILE *out, struct err *e)
{
	struct loader_verdict v;
	char *option cleanup_free = NULL;

	if (r->loader != LOADER_NONE && o->without_loader)
		fprintf(out, "The private loader is planted already, so it is used.\n");
	if (r->loader == LOADER_NONE && o->without_loader)
		return 0;
	if (r->loader == LOADER_NONE) {
		if (loader_assess(t, &v, e) < 0)
			return -1;
		/* not a question of the machine, but of what the rescue was started with */
		if (v.kind == LOADER_NONE && !loader_is_stored(t) &&
		    access(LOADER_PAYLOAD_DIR, F_OK) < 0)
			return err_set(e, ERR_LOADER_MISSING, 0, "%s", v.why);
		if (v.kind == LOADER_NONE)
			return err_set(e, ERR_LOADER_PLACE, 0, "%s", v.why);
		if (v.ask != LOADER_ASK_NOTHING && !o->accept_firmware)
			return err_set(e, ERR_LOADER_ASK, 0,
				       v.ask == LOADER_ASK_REMOVABLE
					       ? "the private loader would take the place of "
						 "\\EFI\\BOOT\\BOOTX64.EFI"
					       : "the private loader would have an entry, and the "
						 "firmware may forget it");
		if (!v.once_works)
			fprintf(out, "Note: %s\n", v.why);
		ops->plants = true;
	}
	option = run_option("trial_minutes");
	r->trial_minutes = trial_minutes(option);
	r->trials = 0;
	record_draw_nonce(r);
	return 0;
}

static int run_switch(const struct target *t, struct record *r, const struct switch_options *o,
		      FILE *out, struct err *e)
{
	struct switch_ops ops;

	if (verify_checked(t, r, e) < 0)
		return -1;
	if (r->state >= JOB_SWITCHED && r->state <= JOB_CONFIRMED) {
		fprintf(out, "It was switched already.\n");
		tell_end(out, r);
		return 0;
	}
	switch_real_ops(&ops, "switch");
	/* once it has begun this was settled, and finishing must not hang on anything but the disk */
	if (r->state == JOB_CHECKED && choose_way(t, r, o, &ops, out, e) < 0)
		return -1;
	if (r->state != JOB_CHECKED)
		fprintf(out, "Going on with a switch that was cut (%s).\n",
			job_state_name(r->state));
	fprintf(out, r->loader == LOADER_NONE && !ops.plants
			     ? "Switching. Do not cut the power now.\n"
			     : "Switching. After a power cut the rescue comes up and goes on.\n");
	fflush(out);
	if (switch_forward(t, r, &ops, e) < 0)
		return -1;
	tell_end(out, r);
	return 0;
}

int job_switch(const struct switch_options *o, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	int rc;

	if (running_has_job())
		return err_set(e, ERR_IN_RUNNING, 0, "the switch moves the running system away");
	if (job_begin(&t, &r, "switch", e) < 0)
		return -1;
	rc = run_switch(&t, &r, o, out, e);
	return job_end(&t, &r, rc, e);
}
