/* SPDX-License-Identifier: MIT */
/* receive tar: a stream from stdin into the stage. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/common.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/progress.h"
#include "job/stage.h"
#include "job/view.h"

#define COMMAND "receive tar"

/* The kernel's own trees and the machine's: their content never belongs to a root that will boot elsewhere. */
static const char *const skipped[] = { "proc", "sys", "dev", "run", REHOST_DIR, NULL };

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

/* What the stage holds before an update. */
static int load_old(const struct receive *r, const struct root *view, struct manifest **ret,
		    struct err *e)
{
	/* A switch that was undone left the edits merged; their files are in no manifest. */
	if (!r->must_walk && !root_exists(view, "/var/lib/rehost/state")) {
		if (manifest_load(ret, &r->t->fs[0].root, MANIFEST_PATH, e) == 0)
			return 0;
		log_warn("the stage's manifest cannot be used, looking at the stage instead: %s",
			 e->nctx ? e->ctx[0] : "");
		err_clear(e);
	}
	return stage_walk(ret, view, skipped, e);
}

/* Mount points of the kernel's trees must exist in the clone whether or not the stream brought them. */
static int make_pseudo_folders(const struct root *view, struct err *e)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = { { "proc", 0555 }, { "sys", 0555 }, { "dev", 0755 }, { "run", 0755 } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		if (!root_is_dir(view, folders[i].path) &&
		    root_mkdirs(view, folders[i].path, folders[i].mode, e) < 0)
			return -1;
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
	if (make_pseudo_folders(view, e) < 0 || stage_sync(r->t, e) < 0)
		return -1;
	/* The last moment at which the disk can say no; afterwards the stage counts as complete. */
	if (stage_check_space(r->t, result->file_bytes, e) < 0 ||
	    manifest_store(result->manifest, &r->t->fs[0].root, MANIFEST_PATH, e) < 0)
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
		.skip = skipped,
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
		if (load_old(r, &view, &old, e) < 0)
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

/* Whether the migration's state lets a stream in, and whether what is there may be built on. */
static int check_state(const struct record *j, const struct target *t,
		       const struct receive_options *o, struct err *e)
{
	switch (j->state) {
	case JOB_NONE:
	case JOB_STAGING:
		return 0;
	case JOB_STAGED:
	case JOB_EDITED:
	case JOB_CHECKED:
		if (o->update || !stage_is_complete(t))
			return 0;
		return err_set(e, ERR_STAGE_EXISTS, 0, "the state is '%s'",
			       job_state_name(j->state));
	default:
		return err_set(e, ERR_STAGE_STATE, 0,
			       "the state is '%s': the stage belongs to a switch that has begun",
			       job_state_name(j->state));
	}
}

static int prepare(struct receive *r, struct target *t, struct record *j, struct err *e)
{
	bool complete = stage_is_complete(t);

	if (check_state(j, t, r->o, e) < 0)
		return -1;
	r->must_walk = !complete || j->stage_booted || j->state == JOB_STAGING;
	j->state = JOB_STAGING;
	if (!j->token[0])
		snprintf(j->token, sizeof(j->token), "%s", t->token);
	if (record_store(j, &t->fs[0].root, e) < 0)
		return -1;
	job_show_state(j);
	if (!r->o->update) {
		progress_note(COMMAND, "removing the incomplete stage");
		if (stage_remove(t, e) < 0)
			return -1;
	}
	if (stage_make(t, e) < 0)
		return -1;
	return stage_check_space(t, 0, e);
}

/*
 * Nothing on the disk is touched before the stream has begun: a command that fails on the source, and so sends nothing, must
 * cost neither a complete stage (--update) nor what an interrupted transfer brought. A pipe at its end polls as
 * readable, with nothing in it.
 */
static int wait_for_stream(int fd, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct stat st;
	int waiting;

	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return 0;
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_TAR_READ, errno, "waiting for the stream");
	if (ioctl(fd, FIONREAD, &waiting) < 0 || waiting > 0)
		return 0;
	return err_set(e, ERR_TAR_CUT, 0, "it was empty; what the target held before is as it was");
}

/*
 * The first command that writes puts the rescue and its loader onto the disk and so frees their RAM. Not having them is no
 * reason to refuse a stream: 'switch' is where it counts, and says what to type.
 */
static void store_loader(const struct target *t, const struct record *j, FILE *err_out)
{
	struct loader_verdict v;
	struct err e = ERR_INIT;

	if (j->loader != LOADER_NONE || loader_is_stored(t) ||
	    access(LOADER_PAYLOAD_DIR, F_OK) < 0 || loader_assess(t, &v, &e) < 0 ||
	    v.kind == LOADER_NONE)
		return;
	progress_note(COMMAND, "putting the rescue on the disk");
	if (loader_store(t, -1, &e) == 0)
		return;
	log_warn("loader: not stored: %s", e.nctx ? e.ctx[0] : "");
	fprintf(err_out, "note: the rescue and its loader could not be put on the disk: %s\n",
		err_info(e.code)->title);
}

static int run(struct receive *r, struct target *t, struct record *j, struct err *e)
{
	int rc;

	if (wait_for_stream(r->fd, e) < 0)
		return -1;
	store_loader(t, j, r->err_out);
	if (prepare(r, t, j, e) < 0)
		return -1;
	fflush(r->out);
	fflush(r->err_out);
	rc = view_run(t, VIEW_STAGE, receive_in_view, r, e);
	if (rc < 0) {
		/* A full disk found by the writers before the watcher: say the numbers all the same. */
		struct err space = ERR_INIT;

		if (e->sys == ENOSPC && e->code != ERR_STAGE_SPACE &&
		    stage_check_space(t, 0, &space) < 0 && space.nctx)
			err_ctx(e, "%s", space.ctx[0]);
		return err_ctx(e, "receiving the stream; the stage is incomplete");
	}
	j->state = JOB_STAGED;
	j->stage_booted = false;
	j->edits_fingerprint[0] = '\0';
	if (record_store(j, &t->fs[0].root, e) < 0)
		return -1;
	job_show_state(j);
	fputs("the stage is complete; next: rewrite\n", r->out);
	return rc;
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
