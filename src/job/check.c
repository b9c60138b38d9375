/* SPDX-License-Identifier: MIT */
/* check: proves on the clone view that it would boot here, before anything is switched. */
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/hash.h"
#include "job/check_priv.h"
#include "job/common.h"
#include "job/edits.h"
#include "job/identity.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/report.h"
#include "job/view.h"

#define COMMAND "check"

void check_add(struct check *c, enum finding_severity severity, const char *id, const char *fmt,
	       ...)
{
	static const char *const names[] = { [FINDING_NOTE] = "note",
					     [FINDING_WARNING] = "warning",
					     [FINDING_BLOCKER] = "blocker" };
	char text[1024], safe[1200];
	json_t *f = json_object();
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), text);
	json_object_set_new(f, "id", json_string(id));
	json_object_set_new(f, "severity", json_string(names[severity]));
	json_object_set_new(f, "text", json_text(safe));
	json_array_append_new(c->findings, f);
	if (severity == FINDING_BLOCKER)
		c->blockers++;
	else if (severity == FINDING_WARNING)
		c->warnings++;
	else
		c->notes++;
}

int check_find_fs(const struct check *c, const char *uuid)
{
	unsigned i;

	for (i = 0; i < c->t->fs_count; i++)
		if (c->t->fs[i].volume->uuid && strcasecmp(c->t->fs[i].volume->uuid, uuid) == 0)
			return (int)i;
	return -1;
}

static int look_at_all(struct check *c, struct err *e)
{
	if (check_find_needles(c, e) < 0 || check_boot(c, e) < 0 || check_reader(c, e) < 0 ||
	    check_fstab(c, e) < 0 || check_network(c, e) < 0 || check_login(c, e) < 0 ||
	    check_machine(c, e) < 0)
		return -1;
	return check_leftovers(c, e);
}

static void print_findings(const struct check *c, FILE *out)
{
	size_t i;

	for (i = 0; i < json_array_size(c->findings); i++) {
		json_t *f = json_array_get(c->findings, i);

		fprintf(out, "%s: %s [%s]\n", json_string_value(json_object_get(f, "severity")),
			json_string_value(json_object_get(f, "text")),
			json_string_value(json_object_get(f, "id")));
	}
	if (c->blockers)
		fprintf(out, "the clone would not boot here: %u blocker%s, %u warning%s\n",
			c->blockers, c->blockers == 1 ? "" : "s", c->warnings,
			c->warnings == 1 ? "" : "s");
	else
		fprintf(out, "boot proof passed, %u warning%s, %u note%s; next: switch\n",
			c->warnings, c->warnings == 1 ? "" : "s", c->notes,
			c->notes == 1 ? "" : "s");
}

struct checking {
	const struct target *t;
	const struct rewrite_facts *facts;
	FILE *out;
	bool json;
	bool counts; /* what is found is kept for the report */
};

/* The last step of the child: what it found, to people or to a program. */
static int conclude(const struct checking *k, struct check *c, struct err *e)
{
	json_t *first = json_array_get(c->findings, 0);
	size_t i;

	if (k->json) {
		json_t *o = json_object();

		json_object_set_new(o, "would_boot", json_boolean(c->blockers == 0));
		json_object_set(o, "findings", c->findings);
		json_print(k->out, o);
	} else {
		print_findings(c, k->out);
	}
	fflush(k->out);
	if (!c->blockers)
		return c->warnings ? EXIT_NOTES : 0;
	if (k->json)
		return EXIT_UNTOUCHED; /* the list is the whole answer */
	for (i = 0; i < json_array_size(c->findings); i++) {
		json_t *f = json_array_get(c->findings, i);

		if (strcmp(json_string_value(json_object_get(f, "severity")), "blocker") == 0) {
			first = f;
			break;
		}
	}
	return err_set(e, ERR_CHECK, 0, "%s%s", json_string_value(json_object_get(first, "text")),
		       c->blockers > 1 ? " (and more)" : "");
}

static int check_in_view(void *arg, struct err *e)
{
	struct checking *k = arg;
	struct root view cleanup_root = ROOT_INIT, source cleanup_root = ROOT_INIT;
	struct check c = {
		.t = k->t,
		.facts = k->facts,
		.view = &view,
		.source = &source,
		.findings = json_array(),
	};
	int rc = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (root_open(&view, VIEW_DIR, e) == 0 &&
	    root_open_below(&source, &k->t->fs[0].root, TREE_DIR, e) == 0 &&
	    look_at_all(&c, e) == 0 &&
	    (!k->counts || report_keep_findings(&k->t->fs[0].root, c.findings, e) == 0))
		rc = conclude(k, &c, e);
	json_decref(c.findings);
	strlist_done(&c.needles);
	return rc;
}

static int check_state(const struct record *j, const struct target *t, struct err *e)
{
	char now[SHA256_HEX_LEN + 1];

	switch (j->state) {
	case JOB_EDITED:
	case JOB_CHECKED:
		break;
	case JOB_STAGED:
		return err_set(e, ERR_STAGE_STATE, 0, "the edits are not made yet: type 'rewrite'");
	case JOB_NONE:
	case JOB_STAGING:
		return err_set(e, ERR_STAGE_CUT, 0, "the state is '%s'", job_state_name(j->state));
	default:
		return err_set(e, ERR_STAGE_STATE, 0, "the state is '%s'",
			       job_state_name(j->state));
	}
	if (edits_fingerprint(t, now, e) < 0)
		return -1;
	if (strcmp(now, j->edits_fingerprint) != 0)
		return err_set(e, ERR_STAGE_STATE, 0,
			       "the edits were changed since 'rewrite' made them: type 'rewrite'");
	return 0;
}

/* What is found, on out; nothing is noted. */
static int look(struct target *t, const struct record *j, enum view_kind kind, FILE *out, bool json,
		struct err *e)
{
	struct checking k = { .t = t, .out = out, .json = json, .counts = kind == VIEW_CLONE };
	struct identity_facts f = { 0 };
	int rc;

	if (check_state(j, t, e) < 0 || identity_facts_make(&f, t, e) < 0)
		return -1;
	k.facts = &f.facts;
	fflush(out);
	rc = view_run(t, kind, check_in_view, &k, e);
	identity_facts_done(&f);
	return rc;
}

static int run(struct target *t, struct record *j, FILE *out, bool json, struct err *e)
{
	bool passed;
	int rc;

	progress_note(COMMAND, "looking");
	rc = look(t, j, VIEW_CLONE, out, json, e);
	if (rc < 0 && e->code != ERR_CHECK)
		return -1;
	passed = rc == 0 || rc == EXIT_NOTES;
	if (j->state != (passed ? JOB_CHECKED : JOB_EDITED)) {
		struct err store = ERR_INIT;

		j->state = passed ? JOB_CHECKED : JOB_EDITED;
		if (record_store(j, &t->fs[0].root, &store) < 0) {
			*e = store;
			return -1;
		}
	}
	job_show_state(j);
	return rc;
}

/* Neither the lock nor a word in J: somebody else may be at work. */
static int look_only(FILE *out, bool json, struct err *e)
{
	struct target t = { 0 };
	struct record j;
	int rc;

	record_init(&j);
	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	rc = job_load(&t, &j, e);
	if (rc == 0 && identity_ensure(&t, e) < 0)
		rc = -1;
	if (rc == 0)
		rc = look(&t, &j, VIEW_CLONE_READ, out, json, e);
	if (rc < 0)
		job_fail(e, &j);
	record_done(&j);
	target_close(&t);
	return rc;
}

int job_check(bool look_alone, FILE *out, bool json, struct err *e)
{
	struct target t = { 0 };
	struct record j;
	int rc;

	if (look_alone)
		return look_only(out, json, e);
	record_init(&j);
	rc = job_begin(&t, &j, COMMAND, e); /* takes the lock; says how far it got */
	return rc < 0 ? -1 : job_end(&t, &j, run(&t, &j, out, json, e), e);
}
