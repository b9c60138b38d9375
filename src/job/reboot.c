/* SPDX-License-Identifier: MIT */
/* What reboot does before the machine goes down: it makes sure of what comes up, and says it. */
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "disk/extfs.h"
#include "job/common.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/panic.h"
#include "job/position.h"
#include "job/recover.h"
#include "job/status_words.h"
#include "job/switch.h"
#include "job/trial.h"

static void tell_trial(const struct record *r, FILE *out)
{
	fprintf(out,
		"The next boot starts the clone for a trial. Confirm it within %u minutes, from "
		"another machine:\n",
		r->trial_minutes);
	switch_tell_confirm(out, r);
	fprintf(out,
		"Without that, the rescue is back within %u minutes of the start, and 'status' "
		"says "
		"why.\n",
		trial_back_minutes(r->trial_minutes));
}

/* What makes a first start long: said before it is waited for. */
static void tell_repairs(const struct target *t, FILE *out)
{
	static const char *const flags[] = { "/.autorelabel", "/forcefsck" };
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const char *why = NULL;
		int fd cleanup_fd = open(t->fs[i].volume->path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && extfs_why_check(fd, time(NULL), &why, NULL) == 0 && why)
			fprintf(out, "The clone may check the file system of %s first: %s.\n",
				t->fs[i].mount, why);
	}
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (root_exists(&t->fs[0].root, flags[i]))
			fprintf(out,
				"The clone has %s: it checks or relabels its files first. The "
				"trial waits for that.\n",
				flags[i]);
}

static void note_old_panics(const struct target *t)
{
	struct root store cleanup_root = ROOT_INIT;
	struct err e = ERR_INIT;

	if (root_open(&store, PANIC_STORE, NULL) == 0 &&
	    panic_note_old(&store, &t->fs[0].root, &e) < 0)
		log_warn("reboot: %s", e.ctx[0]);
}

/*
 * A medium's GRUB starts its own rescue for every word but "clone-once". The loader on the disk leaves "rescue" behind, and
 * the planted rescue makes "clone" of it once the medium is gone.
 */
static int select_confirmed(const struct trial_fs *fs, struct record *r, FILE *out, struct err *e)
{
	if (!recover_came_from_medium()) {
		if (trial_confirm(fs, r, &trial_real_ops, e) < 0)
			return -1;
		fprintf(out, "The next boot starts the clone.\n");
		return 0;
	}
	if (loader_select(fs->loader, LOADER_CLONE_ONCE, e) < 0)
		return -1;
	fprintf(out,
		"The next boot starts the clone, whether this medium is still attached or not.\n"
		"Detach it soon: as long as it is attached every other boot starts its rescue.\n");
	return 0;
}

/* Changes S, and J with it. */
static int begin_clone(FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	struct trial_fs fs;
	int rc;

	if (job_begin(&t, &r, "reboot", e) < 0)
		return -1;
	fs = (struct trial_fs){ &t.fs[0].root, loader_fs(&t) };
	if (loader_renew(&t, &r, e) < 0)
		rc = -1;
	else if (r.state == JOB_CONFIRMED)
		rc = select_confirmed(&fs, &r, out, e);
	else {
		note_old_panics(&t);
		rc = trial_begin(&fs, &r, &trial_real_ops, e);
	}
	if (rc == 0 && r.state != JOB_CONFIRMED)
		tell_trial(&r, out);
	if (rc == 0)
		tell_repairs(&t, out);
	return job_end(&t, &r, rc, e);
}

int job_reboot(FILE *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct target t = { 0 };
	struct record r = { 0 };
	struct position p;

	/* Whatever is wrong with the disk: it may be the very reason to reboot. */
	if (target_open(&t, TARGET_LOOK, &own) < 0) {
		fprintf(out, "What the next boot starts is not known: %s.\n",
			err_info(own.code)->title);
		return 0;
	}
	if (job_load(&t, &r, &own) < 0) {
		fprintf(out, "What the next boot starts is not known: %s.\n",
			err_info(own.code)->title);
		target_close(&t);
		return 0;
	}
	p = position_of(&r, loader_fs(&t));
	record_done(&r);
	target_close(&t);
	if (p.selected != SELECTED_NONE &&
	    (p.state == JOB_SWITCHED || p.state == JOB_TRIAL || p.state == JOB_CONFIRMED))
		return begin_clone(out, e);
	fprintf(out, "The next boot %s.\n", position_next_boot(&p));
	return 0;
}
