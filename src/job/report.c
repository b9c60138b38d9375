/* SPDX-License-Identifier: MIT */
/* report: what was changed and why, wherever the clone is by now: an edits layer, the disk of the rescue, the running system. */
#include "job/report.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "job/common.h"
#include "job/foreign.h"
#include "job/job.h"
#include "job/running.h"
#include "job/view.h"
#include "rewrite/report.h"

#define FINDINGS_MAX (1024 * 1024)

int report_keep_findings(const struct root *fs0, json_t *findings, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	char *text cleanup_free = json_dumps(findings, JSON_INDENT(1));

	if (!text)
		return err_set(e, ERR_NOMEM, 0, "keeping what check found");
	return root_replace(fs0, FINDINGS_PATH, text, strlen(text), &meta, e);
}

int report_forget_findings(const struct root *fs0, struct err *e)
{
	return root_remove(fs0, FINDINGS_PATH, e);
}

static void add_findings(json_t *report, const struct root *fs0)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *findings;

	if (root_read(fs0, FINDINGS_PATH, &text, FINDINGS_MAX, NULL) < 0)
		return;
	findings = json_loadb(strbuf_str(&text), text.len, 0, NULL);
	if (json_is_array(findings))
		report_set_findings(report, findings);
	json_decref(findings);
}

void report_finish(const struct root *fs0, const struct root *holder, const char *folder)
{
	char json[PATH_MAX], text[PATH_MAX];
	struct err e = ERR_INIT;
	json_t *report;

	snprintf(json, sizeof(json), "%s/%s", folder, strrchr(REPORT_JSON, '/') + 1);
	snprintf(text, sizeof(text), "%s/%s", folder, strrchr(REPORT_TEXT, '/') + 1);
	if (report_load(&report, holder, json, NULL) < 0)
		return;
	add_findings(report, fs0);
	if (report_store(report, holder, json, text, &e) < 0)
		log_warn("the report stays without what check found: %s", e.ctx[0]);
	json_decref(report);
}

/* ---- the command ---- */

struct showing {
	const char *dir;	/* root of the clone's tree */
	const struct root *fs0; /* with what check found; NULL: nowhere */
	FILE *out;
	bool json;
};

static int show(void *arg, struct err *e)
{
	const struct showing *s = arg;
	struct root root cleanup_root = ROOT_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *report;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (root_open(&root, s->dir, e) < 0 || report_load(&report, &root, REPORT_JSON, e) < 0)
		return -1;
	if (s->fs0)
		add_findings(report, s->fs0);
	report_text(report, &text);
	if (s->json) {
		json_print(s->out, report);
	} else {
		json_decref(report);
		fwrite(strbuf_str(&text), 1, text.len, s->out);
	}
	fflush(s->out);
	return 0;
}

static int find_view(const struct record *j, enum view_kind *ret, struct err *e)
{
	switch (j->state) {
	case JOB_EDITED:
	case JOB_CHECKED:
		*ret = VIEW_CLONE_READ;
		return 0;
	case JOB_SWITCHED:
	case JOB_TRIAL:
	case JOB_CONFIRMED:
	case JOB_RELEASING:
		*ret = VIEW_OLD; /* what is live is the clone */
		return 0;
	default:
		return err_set(e, ERR_NO_REPORT, 0, "the state is '%s'", job_state_name(j->state));
	}
}

static int show_target(struct showing *s, struct err *e)
{
	struct target t = { 0 };
	struct record j;
	enum view_kind kind = VIEW_OLD;
	int rc;

	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	record_init(&j);
	rc = job_load(&t, &j, e);
	if (rc == 0)
		rc = find_view(&j, &kind, e);
	if (rc == 0) {
		/* cppcheck-suppress autoVariables ; s does not outlive this call */
		s->fs0 = &t.fs[0].root;
		s->dir = VIEW_DIR;
		rc = view_run(&t, kind, show, s, e);
	}
	if (rc < 0)
		job_fail(e, &j);
	record_done(&j);
	target_close(&t);
	s->fs0 = NULL;
	return rc;
}

int job_report(const char *root, FILE *out, bool json, struct err *e)
{
	struct showing s = { .dir = root ? root : "/", .out = out, .json = json };
	struct root running cleanup_root = ROOT_INIT;

	fflush(out);
	if (root)
		return show(&s, e);
	if (foreign_is_set())
		return show_target(&s, e);
	if (root_open(&running, "/", e) < 0)
		return -1;
	s.fs0 = &running;
	if (running_has_job() || root_is_file(&running, REPORT_JSON))
		return show(&s, e);
	s.fs0 = NULL;
	return show_target(&s, e);
}
