/* SPDX-License-Identifier: MIT */
/* receive tar: a stream from stdin into the stage. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "job/common.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/progress.h"
#include "job/receive_stage.h"
#include "job/view.h"

#define COMMAND "receive tar"

struct receive {
	const struct target *t;
	const struct receive_options *o;
	int fd;
	FILE *out, *err_out;
	bool must_walk; /* the stage's manifest cannot be trusted */
	struct tar_progress counters;
};

/* Every 16 MiB and 5,000 entries: a fast stream must not run through the reserve between two looks. */
static int may_continue(void *arg, struct err *e)
{
	struct receive *r = arg;

	return stage_check_space(r->t, r->counters.file_bytes, e);
}

static int has_room(void *arg, int fd, uint64_t bytes, struct err *e)
{
	struct receive *r = arg;

	return stage_check_room(r->t, fd, bytes, e);
}

static int add_size(void *arg, const struct manifest_entry *m)
{
	uint64_t *sum = arg;

	if (m->kind == 'f')
		*sum += m->size;
	return 0;
}

static void print_notes(const struct receive *r, const struct tar_result *result, bool no_xattrs)
{
	size_t i;

	for (i = 0; i < result->notes.count; i++)
		fprintf(r->out, "note: %s\n", result->notes.items[i]);
	if (result->note_count > result->notes.count)
		fprintf(r->out, "note: and %llu more\n",
			(unsigned long long)(result->note_count - result->notes.count));
	if (no_xattrs)
		fputs("note: the stream carried no extended attributes at all. Where the source "
		      "has file\n"
		      "      capabilities (ping), ACLs or labels they are lost. The complete "
		      "command:\n"
		      "      tar --xattrs --xattrs-include='*' --acls --numeric-owner --sparse \\\n"
		      "          --one-file-system -C / -cf - . | ssh root@TARGET receive tar "
		      "--update\n",
		      r->out);
}

static void print_summary(struct receive *r, const struct tar_result *result, uint64_t seconds)
{
	char data[24], time_text[32], packed[64] = "";

	if (strcmp(result->compression, "none") != 0)
		snprintf(packed, sizeof(packed), ", stream packed with %s", result->compression);
	fprintf(r->out, "received: %llu entries, %s of file data%s, in %s\n",
		(unsigned long long)result->entries,
		format_bytes(data, sizeof(data), result->file_bytes), packed,
		format_seconds(time_text, sizeof(time_text), seconds));
	if (r->o->update)
		fprintf(r->out, "updated: %llu entries were there unchanged, %llu removed\n",
			(unsigned long long)r->counters.entries_unchanged,
			(unsigned long long)result->removed);
}

static int finish(struct receive *r, const struct root *view, struct progress *p,
		  const struct tar_result *result, struct err *e)
{
	bool no_xattrs = !result->saw_xattrs;

	progress_phase(p, "writing out");
	if (receive_complete(r->t, view, result->manifest, result->file_bytes, e) < 0)
		return -1;
	progress_end(p);
	print_summary(r, result, (now_ms() - p->started_ms) / 1000);
	print_notes(r, result, no_xattrs);
	fflush(r->out);
	return result->note_count || no_xattrs ? EXIT_NOTES : 0;
}

/* In a child that has entered the stage's view. */
static int receive_in_view(void *arg, struct err *e)
{
	struct receive *r = arg;
	struct root view cleanup_root = ROOT_INIT;
	struct tar_options options = {
		.update = r->o->update,
		.allow_deletions = r->o->delete_ok,
		.skip = receive_skipped,
		.may_continue = may_continue,
		.has_room = has_room,
		.arg = r,
		.progress = &r->counters,
	};
	struct tar_result result = { 0 };
	struct manifest *old = NULL;
	struct progress p;
	uint64_t total = 0;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (root_open(&view, VIEW_DIR, e) < 0)
		return -1;
	if (r->o->update) {
		if (receive_load_old(r->t, &view, r->must_walk, &old, e) < 0)
			return -1;
		manifest_each(old, add_size, &total);
		options.old = old;
		if (stage_open_again(r->t, e) < 0) {
			manifest_free(old);
			return -1;
		}
	}
	progress_begin(&p, COMMAND, "receiving", total, &r->counters, r->err_out);
	rc = tar_receive(r->fd, &view, &options, &result, e);
	if (rc == 0)
		rc = finish(r, &view, &p, &result, e);
	if (rc < 0)
		progress_end(&p);
	tar_result_done(&result);
	manifest_free(old);
	return rc;
}

static int run(struct receive *r, struct target *t, struct record *j, struct err *e)
{
	int rc;

	if (receive_wait_for_stream(r->fd, e) < 0)
		return -1;
	receive_store_loader(t, j, COMMAND, r->err_out);
	if (receive_prepare(t, j, COMMAND, r->o->update, &r->must_walk, e) < 0)
		return -1;
	fflush(r->out);
	fflush(r->err_out);
	rc = view_run(t, VIEW_STAGE, receive_in_view, r, e);
	if (rc < 0)
		return receive_failed(t, e);
	return receive_done(t, j, r->out, e) < 0 ? -1 : rc;
}

int job_receive_tar(int fd, const struct receive_options *o, FILE *out, FILE *err_out,
		    struct err *e)
{
	struct target t = { 0 };
	struct record j;
	struct receive r = { .t = &t, .o = o, .fd = fd, .out = out, .err_out = err_out };
	int rc;

	record_init(&j);
	rc = job_begin(&t, &j, COMMAND, e); /* takes the lock; says how far it got */
	return rc < 0 ? -1 : job_end(&t, &j, run(&r, &t, &j, e), e);
}

int job_receive_loader(int fd, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record j = { 0 };
	int rc;

	if (job_begin(&t, &j, "receive loader", e) < 0)
		return -1;
	progress_note("receive loader", "putting the rescue on the disk");
	if (j.loader != LOADER_NONE)
		rc = err_set(e, ERR_STAGE_STATE, 0, "the loader is planted already and in use");
	else
		rc = loader_store(&t, fd, e);
	if (rc == 0)
		fprintf(out, "The rescue and its loader are on the disk; nothing starts from them "
			     "before 'switch'.\n");
	return job_end(&t, &j, rc, e);
}
