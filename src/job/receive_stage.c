/* SPDX-License-Identifier: MIT */
#include "job/receive_stage.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "job/common.h"
#include "job/loader.h"
#include "job/progress.h"

const char *const receive_skipped[] = { "proc", "sys", "dev", "run", REHOST_DIR, NULL };

/* A pipe at its end polls as readable, with nothing in it. */
int receive_wait_for_stream(int fd, struct err *e)
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

void receive_store_loader(const struct target *t, const struct record *j, const char *command,
			  FILE *err_out)
{
	struct loader_verdict v;
	struct err e = ERR_INIT;

	if (j->loader != LOADER_NONE || loader_is_stored(t) ||
	    access(LOADER_PAYLOAD_DIR, F_OK) < 0 || loader_assess(t, &v, &e) < 0 ||
	    v.kind == LOADER_NONE)
		return;
	progress_note(command, "putting the rescue on the disk");
	if (loader_store(t, -1, &e) == 0)
		return;
	log_warn("loader: not stored: %s", e.nctx ? e.ctx[0] : "");
	fprintf(err_out, "note: the rescue and its loader could not be put on the disk: %s\n",
		err_info(e.code)->title);
}

/* Whether the migration's state lets a stream in, and whether what is there may be built on. */
static int check_state(const struct record *j, const struct target *t, bool update, struct err *e)
{
	switch (j->state) {
	case JOB_NONE:
	case JOB_STAGING:
		return 0;
	case JOB_STAGED:
	case JOB_EDITED:
	case JOB_CHECKED:
		if (update || !stage_is_complete(t))
			return 0;
		return err_set(e, ERR_STAGE_EXISTS, 0, "the state is '%s'",
			       job_state_name(j->state));
	default:
		return err_set(e, ERR_STAGE_STATE, 0,
			       "the state is '%s': the stage belongs to a switch that has begun",
			       job_state_name(j->state));
	}
}

int receive_prepare(struct target *t, struct record *j, const char *command, bool update,
		    bool *ret_must_walk, struct err *e)
{
	bool complete = stage_is_complete(t);

	if (check_state(j, t, update, e) < 0)
		return -1;
	*ret_must_walk = !complete || j->stage_booted || j->state == JOB_STAGING;
	j->state = JOB_STAGING;
	if (!j->token[0])
		snprintf(j->token, sizeof(j->token), "%s", t->token);
	if (record_store(j, &t->fs[0].root, e) < 0)
		return -1;
	job_show_state(j);
	if (!update) {
		progress_note(command, "removing the incomplete stage");
		if (stage_remove(t, e) < 0)
			return -1;
	}
	if (stage_make(t, e) < 0)
		return -1;
	return stage_check_space(t, 0, e);
}

int receive_load_old(const struct target *t, const struct root *view, bool must_walk,
		     struct manifest **ret, struct err *e)
{
	/* A switch that was undone left the edits merged; their files are in no manifest. */
	if (!must_walk && !root_exists(view, "/var/lib/rehost/state")) {
		if (manifest_load(ret, &t->fs[0].root, MANIFEST_PATH, e) == 0)
			return 0;
		log_warn("the stage's manifest cannot be used, looking at the stage instead: %s",
			 e->nctx ? e->ctx[0] : "");
		err_clear(e);
	}
	return stage_walk(ret, view, receive_skipped, e);
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

int receive_complete(const struct target *t, const struct root *view, const struct manifest *m,
		     uint64_t bytes, struct err *e)
{
	/* The last moment at which the disk can say no. */
	if (make_pseudo_folders(view, e) < 0 || stage_sync(t, e) < 0 ||
	    stage_check_space(t, bytes, e) < 0)
		return -1;
	return manifest_store(m, &t->fs[0].root, MANIFEST_PATH, e);
}

int receive_done(const struct target *t, struct record *j, FILE *out, struct err *e)
{
	j->state = JOB_STAGED;
	j->stage_booted = false;
	j->edits_fingerprint[0] = '\0';
	if (record_store(j, &t->fs[0].root, e) < 0)
		return -1;
	job_show_state(j);
	fputs("the stage is complete; next: rewrite\n", out);
	return 0;
}

int receive_failed(const struct target *t, struct err *e)
{
	struct err space = ERR_INIT;

	if (e->sys == ENOSPC && e->code != ERR_STAGE_SPACE && stage_check_space(t, 0, &space) < 0 &&
	    space.nctx)
		err_ctx(e, "%s", space.ctx[0]);
	return err_ctx(e, "receiving the stream; the stage is incomplete");
}
