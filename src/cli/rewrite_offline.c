/* SPDX-License-Identifier: MIT */
/* rewrite --root DIR: the planning and the edits alone, on a plain folder, with facts from a file. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "cli/rewrite_offline.h"
#include "job/device.h"
#include "rewrite/facts_json.h"
#include "rewrite/plan.h"
#include "rewrite/report.h"

#define FACTS_MAX (1024 * 1024)

static void print_list(const char *label, const struct strlist *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		printf("%s: %s\n", label, l->items[i]);
}

/* What the operator typed goes before what the file says. */
static void merge_options(struct rewrite_options *o, const struct rewrite_options *typed,
			  bool intent_typed)
{
	if (intent_typed)
		o->intent = typed->intent;
	if (typed->hostname != CHOICE_DEFAULT || typed->hostname_text) {
		o->hostname = typed->hostname;
		o->hostname_text = typed->hostname_text;
	}
	if (typed->host_keys != CHOICE_DEFAULT)
		o->host_keys = typed->host_keys;
	if (typed->cloud_init != CLOUD_DEFAULT)
		o->cloud_init = typed->cloud_init;
	if (typed->cluster != CLUSTER_ASK)
		o->cluster = typed->cluster;
}

static int show(const struct rewrite_plan *plan, const struct root *root, bool json, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (json)
		return json_print(stdout, rewrite_plan_json(plan, root)) < 0
			       ? err_set(e, ERR_NOMEM, 0, "printing the plan")
			       : 0;
	if (rewrite_plan_text(plan, root, &text, e) < 0)
		return -1;
	fwrite(strbuf_str(&text), 1, text.len, stdout);
	return 0;
}

static int apply(const struct rewrite_plan *plan, const struct root *root, struct err *e)
{
	print_list("note", &plan->notes);
	print_list("blocker", &plan->blockers);
	if (plan->blockers.count)
		return 0;
	return rewrite_plan_apply(plan, root, e) < 0 ||
			       rewrite_report_write(plan, root, NULL, NULL, e) < 0
		       ? -1
		       : 0;
}

static int run(const struct offline_words *w, const struct root *root, struct facts_file *f,
	       struct err *e)
{
	struct rewrite_plan plan = { 0 };
	int rc = rewrite_plan_make(&plan, root, &f->facts, &f->options, e);

	if (rc < 0)
		return -1;
	rc = w->dry_run ? show(&plan, root, w->json, e) : apply(&plan, root, e);
	if (rc == 0 && plan.blockers.count && !(w->dry_run && w->json))
		rc = err_set(e, ERR_BLOCKED, 0, "%s", plan.blockers.items[0]);
	if (rc == 0 && plan.blockers.count)
		rc = EXIT_UNTOUCHED; /* the object is the whole answer */
	else if (rc == 0 && plan.notes.count)
		rc = EXIT_NOTES;
	rewrite_plan_done(&plan);
	return rc;
}

struct offline_run {
	const struct offline_words *w;
	struct facts_file *f;
};

static int run_in_image(const struct root *tree, json_t *device, void *arg, struct err *e)
{
	const struct offline_run *r = arg;

	(void)device;
	return run(r->w, tree, r->f, e);
}

/* A disk, or an image of one, can be looked into as it lies there. To write it is to be mounted by whoever knows that it may. */
static int run_image(const struct offline_words *w, struct facts_file *f, struct err *e)
{
	struct offline_run r = { w, f };

	if (w->dry_run)
		return device_look(w->folder, NULL, run_in_image, &r, e);
	return err_set(e, ERR_ROOT_IMAGE, 0, "%s", w->folder);
}

int rewrite_offline(const struct offline_words *w, struct err *e)
{
	struct root root cleanup_root = ROOT_INIT, target cleanup_root = ROOT_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct facts_file f = { 0 };
	struct stat st;
	bool is_image = stat(w->folder, &st) == 0 && !S_ISDIR(st.st_mode);
	int rc;

	if ((!is_image && root_open(&root, w->folder, e) < 0) ||
	    (w->target_files && root_open(&target, w->target_files, e) < 0) ||
	    file_slurp(w->facts, &text, FACTS_MAX, e) < 0 ||
	    facts_file_load(&f, strbuf_str(&text), text.len, e) < 0)
		return -1;
	if (w->target_files)
		f.facts.target_files = &target;
	merge_options(&f.options, w->options, w->intent_typed);
	rc = is_image ? run_image(w, &f, e) : run(w, &root, &f, e);
	facts_file_done(&f);
	return rc;
}
