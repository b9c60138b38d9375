/* SPDX-License-Identifier: MIT */
/* rollback: the undo of the switch; before it, with --discard, the removal of everything rehost put on the disk. */
#include "job/common.h"
#include "job/discard.h"
#include "job/edits.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/running.h"
#include "job/switch.h"

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

/*
 * Before the exchange began only the stage was touched. Its edits are merged to the end: half of them would be a stage
 * that is neither as it was received nor marked as rewritten (/var/lib/rehost/state may be in the other half).
 */
static int leave_merging(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	progress_note("rollback", "merging the edits into the stage");
	if (edits_merge(t, e) < 0)
		return err_ctx(e, "finishing the merge; 'rollback --discard' needs none of it");
	r->state = JOB_STAGED;
	r->edits_fingerprint[0] = '\0';
	if (record_store(r, &t->fs[0].root, e) < 0) {
		r->state = JOB_MERGING;
		return -1;
	}
	fprintf(out, "The switch had not begun to move anything; the old system boots as before.\n"
		     "The stage is kept. To go on: rewrite, check, switch.\n");
	return 0;
}

static int undo(const struct target *t, struct record *r, FILE *out, struct err *e)
{
	struct switch_ops ops;

	fprintf(out, "Bringing the old system back. Do not cut the power now.\n");
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
	case JOB_UNDOING:
		if (undo(t, r, out, e) < 0)
			return -1;
		return with_discard ? discard(t, r, out, e) : 0;
	case JOB_MERGING:
		return with_discard ? discard(t, r, out, e) : leave_merging(t, r, out, e);
	default:
		if (with_discard)
			return discard(t, r, out, e);
		return err_set(e, ERR_STAGE_STATE, 0,
			       "nothing was switched; --discard removes what was staged");
	}
}

int job_rollback(bool with_discard, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	int rc;

	if (running_has_job())
		return err_set(e, ERR_IN_RUNNING, 0, "a rollback moves the running system away");
	if (job_begin(&t, &r, "rollback", e) < 0)
		return -1;
	rc = run_rollback(&t, &r, with_discard, out, e);
	return job_end(&t, &r, rc, e);
}
