/* SPDX-License-Identifier: MIT */
/* rollback: the undo of the switch; before it, with --discard, the removal of everything rehost put on the disk. */
#include <string.h>
#include <time.h>

#include "job/common.h"
#include "job/discard.h"
#include "job/edits.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/position.h"
#include "job/progress.h"
#include "job/running.h"
#include "job/switch.h"
#include "job/trial.h"

/* The old system's own loader for good, before our files go; then J forgets ours. */
static int leave_loader(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	enum loader_kind before = r->loader;

	if (r->loader == LOADER_NONE)
		return 0;
	progress_note("rollback", "writing the old boot loader back");
	fprintf(out, "Writing the old boot loader back.\n");
	fflush(out);
	if (loader_restore(t, r, e) < 0)
		return err_ctx(e, "writing the old boot loader back");
	r->loader = LOADER_NONE;
	if (record_store(r, &t->fs[0].root, e) < 0) {
		r->loader = before;
		return -1;
	}
	return 0;
}

static int discard(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	const struct root *fs[TARGET_FS_MAX];
	unsigned i;

	/* Never "staged" over a stage that is going: the manifest goes first, and J says so. */
	if (r->state != JOB_NONE && r->state != JOB_STAGING) {
		r->state = JOB_STAGING;
		r->edits_fingerprint[0] = '\0';
		if (record_store(r, &t->fs[0].root, e) < 0)
			return -1;
	}
	if (root_remove(&t->fs[0].root, REHOST_DIR "/manifest", e) < 0)
		return -1;
	if (leave_loader(t, r, out, e) < 0)
		return -1;
	progress_note("rollback", "removing the stage");
	fprintf(out, "Removing the stage and the changes over it.\n");
	fflush(out);
	for (i = 0; i < t->fs_count; i++)
		fs[i] = &t->fs[i].root;
	if (discard_folders(fs, t->fs_count, e) < 0)
		return err_ctx(e, "removing the stage");
	record_done(r);
	record_init(r);
	fprintf(out, "The disk holds the old system alone, as it was.\n");
	return 0;
}

/* The old system is whole and in its place: the next boot may start it. */
static int select_old(const struct target *t, const struct record *r, struct err *e)
{
	if (r->loader == LOADER_NONE)
		return 0;
	return loader_select(loader_fs(t), LOADER_OLD, e) < 0
		       ? err_ctx(e, "selecting the old system for the next boot")
		       : 0;
}

/* A switch that was cut between pinning and its first change: nothing is to be undone but the pin. */
static int leave_pinned(const struct target *t, const struct record *r, FILE *out, struct err *e)
{
	struct position p = position_of(r, loader_fs(t));

	if (p.selected == SELECTED_NONE || p.selected == SELECTED_OLD)
		return err_set(e, ERR_STAGE_STATE, 0,
			       "nothing was switched; --discard removes what was staged");
	if (select_old(t, r, e) < 0)
		return -1;
	fprintf(out, "The next boot starts the old system again. What was staged is kept.\n");
	return 0;
}

/*
 * Before the exchange began only the stage was touched. Its edits are merged to the end: half of them would be a stage
 * that is neither as it was received nor marked as rewritten (/var/lib/rehost/state may be in the other half).
 */
static int leave_merging(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	progress_note("rollback", "merging the edits into the stage");
	if (edits_merge(t, e) < 0)
		return err_ctx(e, "finishing the merge; 'rollback --discard' needs none of it");
	if (select_old(t, r, e) < 0)
		return -1;
	r->state = JOB_STAGED;
	r->edits_fingerprint[0] = '\0';
	r->nonce[0] = '\0';
	if (record_store(r, &t->fs[0].root, e) < 0) {
		r->state = JOB_MERGING;
		return -1;
	}
	fprintf(out, "The switch had not begun to move anything; the old system boots as before.\n"
		     "The stage is kept. To go on: rewrite, check, switch.\n");
	return 0;
}

/* What goes with the clone: how long it ran, where that is known. */
static void tell_runtime(const struct target *t, const struct record *r, FILE *out)
{
	long seconds = trial_seconds(&t->fs[0].root);
	char text[32], day[40] = "";
	struct stat st;
	struct tm tm;

	if (r->state < JOB_SWITCHED || r->state > JOB_CONFIRMED)
		return;
	if (seconds >= 0)
		fprintf(out, "In its last trial the clone ran for %s.\n",
			format_seconds(text, sizeof(text), (uint64_t)seconds));
	else if (r->state == JOB_TRIAL)
		fprintf(out, "The clone was started and did not come as far as its guard.\n");
	if (r->state == JOB_CONFIRMED && root_stat(&t->fs[0].root, "/var/log/wtmp", &st) == 0 &&
	    gmtime_r(&st.st_mtime, &tm) && strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm))
		fprintf(out, "It was confirmed; somebody logged in or out there last at %s.\n",
			day);
	if (r->state != JOB_SWITCHED)
		fprintf(out, "What it wrote since goes with it into /%s.\n", TREE_DIR);
}

static int undo(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	struct switch_ops ops;

	fprintf(out,
		r->loader == LOADER_NONE
			? "Bringing the old system back. Do not cut the power now.\n"
			: "Bringing the old system back. After a power cut the rescue goes on.\n");
	tell_runtime(t, r, out);
	fflush(out);
	switch_real_ops(&ops, "rollback");
	if (switch_back(t, r, &ops, e) < 0)
		return -1;
	fprintf(out, "The old system is in place, the next boot starts it.\n"
		     "The clone is kept as the stage; what it wrote while it ran is in there.\n"
		     "  rollback --discard   removes it\n"
		     "  rewrite              begins again with it\n");
	return 0;
}

static int run_rollback(const struct target *t, struct record *r, bool with_discard, FILE *out,
			struct err *e)
{
	switch (r->state) {
	case JOB_NONE:
		if (!with_discard)
			return err_set(e, ERR_NOTHING, 0,
				       "nothing was switched and nothing staged");
		return discard(t, r, out, e);
	case JOB_RELEASING:
		return err_set(e, ERR_STAGE_STATE, 0,
			       "the old system is being deleted, there is no way back");
	case JOB_SWITCHING:
	case JOB_SWITCHED:
	case JOB_TRIAL:
	case JOB_CONFIRMED:
	case JOB_UNDOING:
		if (undo(t, r, out, e) < 0)
			return -1;
		return with_discard ? discard(t, r, out, e) : 0;
	case JOB_MERGING:
		return with_discard ? discard(t, r, out, e) : leave_merging(t, r, out, e);
	default:
		return with_discard ? discard(t, r, out, e) : leave_pinned(t, r, out, e);
	}
}

/* ---- in the running clone ---- */

/* It cannot be undone while it runs: the rescue is made the next boot, and stays there. */
static int withdraw(const struct root *running, struct record *r, FILE *out, struct err *e)
{
	struct root loader cleanup_root = ROOT_INIT;
	struct trial_fs fs = { running, &loader };

	if (r->loader == LOADER_NONE || !running_is_clone(running, r) ||
	    (r->state != JOB_TRIAL && r->state != JOB_CONFIRMED))
		return err_set(e, ERR_IN_RUNNING, 0, "a rollback moves the running system away");
	if (running_open_loader_fs(r, &loader, e) < 0 ||
	    trial_withdraw(&fs, r, &trial_real_ops, e) < 0)
		return -1;
	fprintf(out, "The next boot starts the rescue. To go on:\n"
		     "  reboot     now, with the clone's own command\n"
		     "  rollback   then, in the rescue: brings the old system back\n"
		     "Or, to stay: confirm it once more with the line that 'switch' printed.\n");
	return 0;
}

static int rollback_running(FILE *out, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT;
	struct record r = { 0 };
	int rc;

	if (job_lock("rollback", e) < 0 || running_load(&running, &r, e) < 0)
		return job_fail(e, NULL);
	rc = withdraw(&running, &r, out, e);
	if (rc < 0)
		job_fail(e, &r);
	record_done(&r);
	return rc;
}

int job_rollback(bool with_discard, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	int rc;

	if (running_has_job())
		return rollback_running(out, e);
	if (job_begin(&t, &r, "rollback", e) < 0)
		return -1;
	rc = run_rollback(&t, &r, with_discard, out, e);
	return job_end(&t, &r, rc, e);
}
