/* SPDX-License-Identifier: MIT */
/* rollback: the undo of the switch; before it, with --discard, the removal of everything rehost put on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "job/common.h"
#include "job/discard.h"
#include "job/edits.h"
#include "job/job.h"
#include "job/running.h"
#include "job/switch.h"

static int sync_top(const struct root *r, struct err *e)
{
	int fd cleanup_fd = root_openat(r, "/", O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0)
		return -1;
	return fsync(fd) < 0 ? err_set(e, ERR_FILE, errno, "the top folder") : 0;
}

/* Names in /.rehost that go before the record does. */
static int empty_folder(const struct root *fs, bool keep_record, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[512];
	size_t i;

	if (!root_is_dir(fs, REHOST_DIR))
		return 0;
	if (root_list(fs, REHOST_DIR, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (keep_record && strcmp(names.items[i], "job") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", REHOST_DIR, names.items[i]);
		if (root_remove_tree(fs, path, e) < 0)
			return -1;
	}
	return 0;
}

int discard_folders(const struct root *const *fs, unsigned count, struct err *e)
{
	unsigned i;

	/* the record is the last thing to go: a cut leaves it, and the command can be repeated */
	for (i = count; i-- > 1;)
		if (root_remove_tree(fs[i], REHOST_DIR, e) < 0 || sync_top(fs[i], e) < 0)
			return -1;
	if (empty_folder(fs[0], true, e) < 0 || sync_top(fs[0], e) < 0)
		return -1;
	if (root_remove_tree(fs[0], REHOST_DIR, e) < 0)
		return -1;
	return sync_top(fs[0], e);
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

/* Before the exchange began only the stage was touched: it is whole, its edits are partly merged. */
static int leave_merging(const struct target *t, struct record *r, FILE *out, struct err *e)
{
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
	switch_real_ops(&ops);
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
	if (rc < 0)
		job_fail(e, &r);
	job_show_state(&r);
	record_done(&r);
	target_close(&t);
	return rc;
}
