/* SPDX-License-Identifier: MIT */
/*
 * release: the old tree and everything else of ours goes. J=releasing comes first, J itself last, so a release
 * that was cut is finished by another one. It works in the rescue and in the running clone.
 */
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "job/common.h"
#include "job/discard.h"
#include "job/holds_end.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/progress.h"
#include "job/report.h"
#include "job/running.h"
#include "rewrite/guard.h"
#include "rewrite/holds.h"
#include "rewrite/report.h"

#define OWN_FOLDER "var/lib/rehost"
#define OWN_BINARY OWN_FOLDER "/rehost"

/* The program itself: last, a missing one could not be run again. What else is in the folder is the clone's record. */
static void remove_binary(const struct root *holder, const char *path)
{
	struct err e = ERR_INIT;
	const char *name;
	int dir;

	if (root_remove(holder, path, &e) < 0) {
		log_warn("release: /%s was not deleted", path);
		return;
	}
	dir = root_parent(holder, OWN_FOLDER, false, &name, NULL);
	if (dir >= 0) {
		unlinkat(dir, name, AT_REMOVEDIR); /* only when nothing else is in it */
		close(dir);
	}
}

static void tell_end(FILE *out)
{
	fprintf(out,
		"The old system is deleted, nothing of rehost is left but the clone's own "
		"files.\nWhat was changed and why, and what is left to you: " REPORT_TEXT "\n");
}

/* ---- in the running clone ---- */

struct mounted {
	struct root roots[RECORD_FS_MAX];
	const struct root *fs[RECORD_FS_MAX];
	const char *mounts[RECORD_FS_MAX];
	unsigned count;
};

static void mounted_close(struct mounted *m)
{
	while (m->count > 0)
		root_close(&m->roots[--m->count]);
}

#define cleanup_mounted __attribute__((cleanup(mounted_close)))

static int add_mounted(struct mounted *m, const char *mount, struct err *e)
{
	if (running_open_part(mount, &m->roots[m->count], e) < 0)
		return -1;
	m->fs[m->count] = &m->roots[m->count];
	m->mounts[m->count] = mount;
	m->count++;
	return 0;
}

/* ---- the private loader ---- */

struct finishing {
	const struct root *fs; /* with LOADER_DIR */
	FILE *out;
};

/* S first: whatever is cut from here on starts the clone. */
static int finish_loader(void *arg, const struct record *r, struct err *e)
{
	const struct finishing *f = arg;
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	size_t i;

	progress_note("release", "writing the clone's boot loader");
	if (loader_select(f->fs, LOADER_CLONE, e) < 0 || loader_finish(f->fs, r, &notes, e) < 0)
		return -1;
	for (i = 0; i < notes.count; i++)
		fprintf(f->out, "%s\n", notes.items[i]);
	return 0;
}

/* What the rewriting put into the clone for the trial alone. The kernel's command line loses its word with the next menu. */
static void remove_trial_files(const struct root *clone)
{
	struct err e = ERR_INIT;

	if (rewrite_remove_guard(clone, &e) < 0)
		log_warn("release: files of the trial stay: %s", e.ctx[0]);
}

/* Nobody confirms what was switched without a loader, or is kept without a trial. */
static void tell_held(FILE *out, int rc)
{
	if (rc < 0)
		fprintf(out, "Some services are still held: in the clone delete " HOLDS_FILE
			     " and reboot.\n");
}

static int release_running(struct root *running, struct record *r, bool unconfirmed, FILE *out,
			   struct err *e)
{
	struct mounted m cleanup_mounted = { 0 };
	struct root loader_root cleanup_root = ROOT_INIT;
	struct finishing finishing = { &loader_root, out };
	struct release_loader loader = { .finish = finish_loader,
					 .arg = &finishing,
					 .unconfirmed = unconfirmed };
	unsigned i;

	if (r->state == JOB_SWITCHING || r->state == JOB_UNDOING)
		return err_set(e, ERR_IN_RUNNING, 0,
			       "the switch was cut (%s) and must be finished first",
			       job_state_name(r->state));
	if (r->state >= JOB_SWITCHED && r->state <= JOB_CONFIRMED && !running_is_clone(running, r))
		return err_set(e, ERR_RELEASE, 0, "the running system is not the clone");
	/* the rescue is near: confirming is the way, not skipping it */
	if (r->state == JOB_TRIAL)
		return err_set(e, ERR_UNCONFIRMED, 0, "the clone is on trial");
	for (i = 0; i < r->fs_count; i++)
		if (add_mounted(&m, r->filesystems[i].mount, e) < 0)
			return -1;
	if (m.count == 0)
		return err_set(e, ERR_STAGE_STATE, 0, "nothing was switched");
	if (r->loader != LOADER_NONE && running_open_loader_fs(r, &loader_root, e) < 0)
		return -1;
	return release_run(r, m.fs, m.mounts, m.count, &loader, out, e);
}

static int job_release_running(bool unconfirmed, FILE *out, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT;
	struct record r = { 0 };
	int rc;

	if (job_lock("release", e) < 0 || running_load(&running, &r, e) < 0)
		return job_fail(e, NULL);
	progress_note("release", "deleting the old system");
	report_finish(&running, &running, "/" OWN_FOLDER);
	rc = release_running(&running, &r, unconfirmed, out, e);
	progress_clear();
	if (rc < 0) {
		job_fail(e, &r);
	} else {
		struct err held = ERR_INIT;

		tell_held(out, holds_end(&running, out, &held));
		remove_trial_files(&running);
		remove_binary(&running, OWN_BINARY);
		tell_end(out);
	}
	record_done(&r);
	return rc;
}

/* ---- in the rescue ---- */

/* The file system that holds a path of the clone, and the path on it. */
static const struct root *find_own(const struct target *t, const char *path, const char **ret_path)
{
	unsigned i, best = 0;
	size_t best_len = 0;

	for (i = 1; i < t->fs_count; i++) {
		size_t len = strlen(t->fs[i].mount);

		if (len > best_len && strncmp(path, t->fs[i].mount, len) == 0 && path[len] == '/') {
			best = i;
			best_len = len;
		}
	}
	*ret_path = path + best_len;
	return &t->fs[best].root;
}

static void end_holds(const struct target *t, FILE *out)
{
	struct err e = ERR_INIT;
	const char *path;
	const struct root *holder = find_own(t, HOLDS_FILE, &path);

	tell_held(out, holds_end_offline(&t->fs[0].root, holder, path, &e));
}

static const struct root *find_part(const struct target *t, const char *uuid)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (t->fs[i].volume->uuid && strcmp(t->fs[i].volume->uuid, uuid) == 0)
			return &t->fs[i].root;
	return NULL;
}

static int release_target(const struct target *t, struct record *r, bool unconfirmed, FILE *out,
			  struct err *e)
{
	struct finishing finishing = { loader_fs(t), out };
	struct release_loader loader = { .finish = finish_loader,
					 .arg = &finishing,
					 .unconfirmed = unconfirmed };
	const struct root *fs[RECORD_FS_MAX];
	const char *mounts[RECORD_FS_MAX];
	unsigned i;

	/* by J: what is on a file system that is not here could never be deleted after J is */
	for (i = 0; i < r->fs_count; i++) {
		const struct switch_fs *part = &r->filesystems[i];

		fs[i] = find_part(t, part->uuid);
		mounts[i] = part->mount;
		if (!fs[i])
			return err_set(e, ERR_RELEASE, 0, "the file system %s for %s is not there",
				       part->uuid, part->mount);
	}
	if (r->fs_count == 0)
		return err_set(e, ERR_STAGE_STATE, 0, "nothing was switched");
	return release_run(r, fs, mounts, r->fs_count, &loader, out, e);
}

int job_release(bool unconfirmed, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	const char *path;
	int rc;

	if (running_has_job())
		return job_release_running(unconfirmed, out, e);
	if (job_begin(&t, &r, "release", e) < 0)
		return -1;
	progress_note("release", "deleting the old system");
	if (r.state == JOB_NONE)
		rc = err_set(e, ERR_NOTHING, 0, "nothing was switched");
	else {
		const struct root *holder = find_own(&t, "/" OWN_FOLDER, &path);

		report_finish(&t.fs[0].root, holder, path);
		rc = release_target(&t, &r, unconfirmed, out, e);
	}
	if (rc >= 0) {
		const struct root *holder = find_own(&t, "/" OWN_BINARY, &path);

		end_holds(&t, out);
		remove_trial_files(&t.fs[0].root);
		remove_binary(holder, path);
		record_done(&r);
		record_init(&r);
		tell_end(out);
	}
	return job_end(&t, &r, rc, e);
}
