/* SPDX-License-Identifier: MIT */
/* rewrite: plans on the clone view, applies into the edits layer, runs the clone's tools. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/run.h"
#include "job/common.h"
#include "job/edits.h"
#include "job/identity.h"
#include "job/initrd_fit.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/report.h"
#include "job/stage.h"
#include "job/steps.h"
#include "job/view.h"
#include "rewrite/plan.h"
#include "rewrite/report.h"

#define COMMAND "rewrite"
#define MACHINE_ID_PATH REHOST_DIR "/machine-id" /* on the root file system */
#define NOTES_MAX 50				 /* kept in J for status */
#define NOTES_FILE "rewrite-notes" /* in the run folder, between two processes of one command */

struct rewriting {
	const struct target *t;
	struct rewrite_options o;
	char machine_id[33]; /* a copy's; "": none yet */
	struct rewrite_facts facts;
	FILE *out;
	bool is_dry, json;
};

static void print_list(FILE *out, const char *what, const struct strlist *l)
{
	char safe[1024];
	size_t i;

	for (i = 0; i < l->count; i++) {
		str_escape(safe, sizeof(safe), l->items[i]);
		fprintf(out, "%s: %s\n", what, safe);
	}
}

static void print_edits(FILE *out, const struct rewrite_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->edit_count; i++) {
		char path[512], why[512];

		str_escape(path, sizeof(path), plan->edits[i].path);
		str_escape(why, sizeof(why), plan->edits[i].why ? plan->edits[i].why : "");
		fprintf(out, "%s: %s (%s)\n",
			plan->edits[i].kind == EDIT_REMOVE ? "remove" : "write", path, why);
	}
}

static int print_dry(const struct rewriting *w, const struct rewrite_plan *plan,
		     const struct root *view, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (w->json)
		return json_print(w->out, rewrite_plan_json(plan, view)) < 0
			       ? err_set(e, ERR_NOMEM, 0, "printing the plan")
			       : 0;
	if (rewrite_plan_text(plan, view, &text, e) < 0)
		return -1;
	fwrite(strbuf_str(&text), 1, text.len, w->out);
	return 0;
}

static int refuse_blocked(const struct rewriting *w, const struct rewrite_plan *plan, struct err *e)
{
	print_list(w->out, "blocker", &plan->blockers);
	return err_set(e, ERR_BLOCKED, 0, "%s%s", plan->blockers.items[0],
		       plan->blockers.count > 1 ? " (and more, listed above)" : "");
}

/* The view's process ends; what J shall keep goes through a file. */
static void hand_over_notes(const struct strlist *notes)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err ignored = ERR_INIT;
	char path[256];
	size_t i;

	for (i = 0; i < notes->count && i < NOTES_MAX; i++) {
		char safe[500];

		str_escape(safe, sizeof(safe), notes->items[i]);
		strbuf_addf(&text, "%s\n", safe);
	}
	if (!text.failed && file_replace(run_path(path, sizeof(path), NOTES_FILE),
					 strbuf_str(&text), text.len, 0600, &ignored) < 0)
		log_warn("notes could not be kept for status");
}

static void take_notes(struct record *j)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err ignored = ERR_INIT;
	char path[256];

	run_path(path, sizeof(path), NOTES_FILE);
	strlist_done(&j->notes);
	if (file_slurp(path, &text, 65536, &ignored) == 0 &&
	    strlist_split(&j->notes, strbuf_str(&text), "\n") < 0)
		log_warn("notes could not be kept for status");
	unlink(path);
}

/* The plan makes an image for one kernel; whoever picks another in the menu must know. */
static int note_other_kernels(const struct rewriting *w, struct rewrite_plan *plan,
			      const struct root *view, const char *made_for, struct err *e)
{
	struct strlist unfit cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (initrd_list_unfit(&unfit, view, made_for, &w->facts, e) < 0)
		return -1;
	for (i = 0; i < unfit.count; i++)
		if (strlist_addf(&plan->notes,
				 "the menu's entries of another kernel may not boot here: its "
				 "initramfs does not fit, %s",
				 unfit.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "notes");
	return 0;
}

/* The kernel whose image the plan makes, to be freed; NULL: none. */
static char *find_made_kernel(const struct rewrite_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->step_count; i++)
		if (str_starts(plan->steps[i].name, INITRAMFS_STEP))
			return strdup(plan->steps[i].name + strlen(INITRAMFS_STEP));
	return NULL;
}

static int apply(const struct rewriting *w, struct rewrite_plan *plan, const struct root *view,
		 struct err *e)
{
	const struct chroot c = {
		.t = w->t,
		.view = VIEW_DIR,
		.by_id = w->facts.boot_disk_by_id,
	};
	char *made_for cleanup_free = find_made_kernel(plan);

	print_edits(w->out, plan);
	fflush(w->out);
	progress_note(COMMAND, "writing the edits");
	if (rewrite_plan_apply(plan, view, e) < 0)
		return -1;
	if (initrd_drop_steps(plan, view, &w->facts, w->out, e) < 0 ||
	    steps_run(plan, &c, view, w->out, e) < 0 ||
	    note_other_kernels(w, plan, view, made_for, e) < 0)
		return -1;
	if (rewrite_report_write(plan, view, steps_written, (void *)w->t, e) < 0)
		return -1;
	print_list(w->out, "note", &plan->notes);
	hand_over_notes(&plan->notes);
	return plan->notes.count ? EXIT_NOTES : 0;
}

/* In a child that has entered the clone's view (the stage's for a dry run). */
static int rewrite_in_view(void *arg, struct err *e)
{
	struct rewriting *w = arg;
	struct root view cleanup_root = ROOT_INIT;
	struct rewrite_plan plan = { 0 };
	int rc = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (root_open(&view, VIEW_DIR, e) < 0)
		return -1;
	if (!w->is_dry) /* which holds no lock: the file may be another command's */
		progress_note(COMMAND, "planning");
	if (rewrite_plan_make(&plan, &view, &w->facts, &w->o, e) < 0)
		return -1;
	if (w->is_dry)
		rc = print_dry(w, &plan, &view, e);
	else if (plan.blockers.count)
		rc = refuse_blocked(w, &plan, e);
	else
		rc = apply(w, &plan, &view, e);
	fflush(w->out);
	rewrite_plan_done(&plan);
	return rc;
}

static int check_state(const struct record *j, const struct target *t, struct err *e)
{
	switch (j->state) {
	case JOB_STAGED:
	case JOB_EDITED:
	case JOB_CHECKED:
		if (stage_is_complete(t))
			return 0;
		return err_set(e, ERR_STAGE_CUT, 0, "its manifest is missing");
	case JOB_NONE:
		return err_set(e, ERR_STAGE_STATE, 0, "nothing has been received yet");
	case JOB_STAGING:
		return err_set(e, ERR_STAGE_CUT, 0, "the state is 'staging'");
	default:
		return err_set(e, ERR_STAGE_STATE, 0, "the state is '%s'",
			       job_state_name(j->state));
	}
}

static int with_facts(struct rewriting *w, enum view_kind kind, struct err *e)
{
	struct identity_facts f = { 0 };
	int rc;

	if (identity_facts_make(&f, w->t, e) < 0)
		return -1;
	w->facts = f.facts;
	if (!w->facts.rehost_binary)
		w->facts.rehost_binary = "/proc/self/exe";
	fflush(w->out);
	rc = view_run(w->t, kind, rewrite_in_view, w, e);
	identity_facts_done(&f);
	return rc;
}

/* The id that an earlier rewrite of this job drew. Anything else in the file counts as none. */
static void recall_machine_id(struct rewriting *w, const struct target *t)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (root_read(&t->fs[0].root, MACHINE_ID_PATH, &text, 64, NULL) == 0 && text.len == 32 &&
	    strspn(strbuf_str(&text), "0123456789abcdef") == 32) {
		memcpy(w->machine_id, text.data, 33);
		w->o.machine_id = w->machine_id;
	}
}

/* Drawn once for a job: a second rewrite must change nothing, and what took the id from the first stays right. */
static int settle_machine_id(struct rewriting *w, const struct target *t, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };

	if (w->o.intent != INTENT_COPY || w->o.machine_id)
		return 0;
	recall_machine_id(w, t);
	if (w->o.machine_id)
		return 0;
	if (rewrite_draw_machine_id(w->machine_id, e) < 0)
		return -1;
	w->o.machine_id = w->machine_id;
	return root_replace(&t->fs[0].root, MACHINE_ID_PATH, w->machine_id, 32, &meta, e);
}

static int run(struct rewriting *w, struct target *t, struct record *j, struct err *e)
{
	int rc;

	if (check_state(j, t, e) < 0)
		return -1;
	/* Until the end the layer is half made: J must not say more than "staged". */
	j->state = JOB_STAGED;
	j->edits_fingerprint[0] = '\0';
	j->intent = w->o.intent;
	if (record_store(j, &t->fs[0].root, e) < 0 || settle_machine_id(w, t, e) < 0 ||
	    report_forget_findings(&t->fs[0].root, e) < 0 || edits_begin(t, e) < 0)
		return -1;
	job_show_state(j);
	rc = with_facts(w, VIEW_CLONE, e);
	if (rc < 0)
		return -1;
	progress_note(COMMAND, "writing out");
	if (edits_drop_old(t, e) < 0 || stage_sync(t, e) < 0 ||
	    edits_fingerprint(t, j->edits_fingerprint, e) < 0)
		return -1;
	take_notes(j);
	j->state = JOB_EDITED;
	if (record_store(j, &t->fs[0].root, e) < 0)
		return -1;
	job_show_state(j);
	fputs("the edits are in place ('report' tells them); next: check\n", w->out);
	return rc;
}

static int run_dry(struct rewriting *w, struct err *e)
{
	struct target t = { 0 };
	struct record j;
	int rc = -1;

	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail(e, NULL);
	if (w->o.intent == INTENT_COPY && !w->o.machine_id)
		recall_machine_id(w, &t);
	/* cppcheck-suppress autoVariables ; w does not outlive this call */
	w->t = &t;
	record_init(&j);
	if (job_load(&t, &j, e) == 0 && check_state(&j, &t, e) == 0 && identity_ensure(&t, e) == 0)
		rc = with_facts(w, VIEW_STAGE, e);
	if (rc < 0)
		rc = job_fail(e, &j);
	record_done(&j);
	target_close(&t);
	w->t = NULL;
	return rc;
}

int job_rewrite(const struct rewrite_options *o, bool dry_run, FILE *out, bool json, struct err *e)
{
	struct rewriting w = { .o = *o, .out = out, .is_dry = dry_run, .json = json };
	struct target t = { 0 };
	struct record j;
	int rc;

	if (dry_run)
		return run_dry(&w, e);
	record_init(&j);
	w.t = &t;
	rc = job_begin(&t, &j, COMMAND, e); /* takes the lock; says how far it got */
	return rc < 0 ? -1 : job_end(&t, &j, run(&w, &t, &j, e), e);
}
