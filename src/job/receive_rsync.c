/* SPDX-License-Identifier: MIT */
/* rsync: a session of a stock rsync client, received by the bundled one into the stage. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/common.h"
#include "job/job.h"
#include "job/progress.h"
#include "job/receive_stage.h"
#include "job/rsync_room.h"
#include "job/view.h"
#include "transfer/rsync_args.h"

#define COMMAND "receive rsync"
#define LOOK_US 200000 /* between two looks at the space that is left */

/* rsync(1), EXIT VALUES */
enum { RSYNC_PARTIAL = 23, RSYNC_VANISHED = 24, RSYNC_MAX_DELETE = 25 };

struct session {
	const struct target *t;
	struct rsync_args args;
	int bundle;
	FILE *err_out; /* rsync clients show it; stdout is the protocol's */
	bool must_walk;
	struct tar_progress counters;
	uint64_t used_bytes, used_files; /* before */
};

/* ---- its words ---- */

/* One byte a read: what follows belongs to rsync. */
static int read_secluded(struct rsync_args *a, int fd, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	size_t word = 0;
	char c;

	while (text.len < RSYNC_SECLUDED_MAX) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_RSYNC_ARGS, n < 0 ? errno : 0,
				       "the secluded words end early");
		strbuf_addc(&text, c);
		if (!c && word == 0)
			return text.failed ? err_set(e, ERR_NOMEM, 0, "rsync")
					   : rsync_args_more(a, text.data, text.len, e);
		word = c ? word + 1 : 0;
	}
	return err_set(e, ERR_RSYNC_ARGS, 0, "more than %d bytes of secluded words",
		       RSYNC_SECLUDED_MAX);
}

static int parse(struct session *s, int count, char *const *words, struct err *e)
{
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (rsync_args_parse(&s->args, (const char *const *)words, (size_t)count, e) < 0)
		return -1;
	if (s->args.is_secluded && read_secluded(&s->args, STDIN_FILENO, e) < 0)
		return -1;
	if (rsync_args_notes(&s->args, &notes) < 0)
		return err_set(e, ERR_NOMEM, 0, "rsync");
	for (i = 0; i < notes.count; i++)
		fprintf(s->err_out, "rehost: note: %s\n", notes.items[i]);
	fflush(s->err_out);
	return 0;
}

/* Its options, our limit of deletions, and the one place it may write to. */
static int make_words(const struct session *s, uint64_t before, struct strlist *ret, struct err *e)
{
	uint64_t most = before / 10;
	size_t i;
	int rc = 0;

	for (i = 0; i < s->args.options.count; i++)
		rc |= strlist_add(ret, s->args.options.items[i]);
	if (before && !s->args.delete_ok && most < s->args.max_delete)
		rc |= strlist_addf(ret, "--max-delete=%" PRIu64, most);
	rc |= strlist_add(ret, ".");
	rc |= strlist_add(ret, RSYNC_STAGE);
	return rc < 0 ? err_set(e, ERR_NOMEM, 0, "rsync") : 0;
}

/* ---- while it runs ---- */

static void sum_used(const struct target *t, uint64_t *ret_bytes, uint64_t *ret_files)
{
	struct statvfs st;
	unsigned i;

	*ret_bytes = *ret_files = 0;
	for (i = 0; i < t->fs_count; i++)
		if (statvfs(t->fs[i].at, &st) == 0) {
			*ret_bytes += (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
			*ret_files += st.f_files - st.f_ffree;
		}
}

/* What a session changes in place is not seen in the file system's numbers; the client has its own display. */
static void count(struct session *s)
{
	uint64_t bytes, files;

	sum_used(s->t, &bytes, &files);
	if (bytes > s->used_bytes)
		atomic_store(&s->counters.file_bytes, bytes - s->used_bytes);
	if (files > s->used_files)
		atomic_store(&s->counters.entries, files - s->used_files);
}

/* Returns its exit code, or -1: ended because the space that stays free for the old system was touched. */
static int watch(struct session *s, pid_t pid, struct err *e)
{
	int status, rc = 0;
	pid_t done;

	while ((done = waitpid(pid, &status, rc < 0 ? 0 : WNOHANG)) != pid) {
		if (done < 0 && errno != EINTR)
			return err_set(e, ERR_SPAWN, errno, "waiting for rsync");
		if (done < 0)
			continue;
		count(s);
		rc = stage_check_space(s->t, atomic_load(&s->counters.file_bytes), e);
		if (rc < 0)
			kill(pid, SIGKILL);
		else
			usleep(LOOK_US);
	}
	if (rc < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int judge(const struct session *s, int code, struct err *e)
{
	switch (code) {
	case 0:
		return 0;
	case RSYNC_VANISHED: /* of a source that is in use; the next pass takes what is there */
		fputs("rehost: note: some files of the source vanished while they were read\n",
		      s->err_out);
		return 0;
	case RSYNC_MAX_DELETE:
		return err_set(e, ERR_RSYNC_DELETIONS, 0, "rsync stopped deleting");
	case RSYNC_PARTIAL:
		return err_set(e, ERR_RSYNC, 0, "some files could not be copied (code %d)", code);
	case 126:
		return err_set(e, ERR_VIEW, 0, "entering the room for rsync");
	default:
		return err_set(e, ERR_RSYNC, 0, "rsync ended with code %d", code);
	}
}

/* In a child that has entered the stage's view. */
static int receive_in_view(void *arg, struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct root view cleanup_root = ROOT_INIT;
	struct session *s = arg;
	struct manifest *m = NULL;
	struct progress p;
	uint64_t before;
	pid_t pid;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (root_open(&view, VIEW_DIR, e) < 0 ||
	    receive_load_old(s->t, &view, s->must_walk, &m, e) < 0)
		return -1;
	before = manifest_count(m);
	manifest_free(m);
	m = NULL;
	if (make_words(s, before, &words, e) < 0 ||
	    (!s->args.is_dry_run && stage_open_again(s->t, e) < 0) ||
	    rsync_room_make(s->bundle, s->args.is_dry_run, e) < 0)
		return -1;
	sum_used(s->t, &s->used_bytes, &s->used_files);
	pid = rsync_room_start(&words, e);
	if (pid < 0)
		return -1;
	progress_begin(&p, COMMAND, "receiving", 0, &s->counters, NULL);
	rc = watch(s, pid, e);
	if (rc >= 0)
		rc = judge(s, rc, e);
	if (rc == 0 && !s->args.is_dry_run) {
		progress_phase(&p, "writing out");
		rc = stage_walk(&m, &view, receive_skipped, e);
		if (rc == 0)
			rc = receive_complete(s->t, &view, m, atomic_load(&s->counters.file_bytes),
					      e);
		manifest_free(m);
	}
	progress_end(&p);
	return rc;
}

static int run(struct session *s, struct target *t, struct record *j, struct err *e)
{
	if (receive_wait_for_stream(STDIN_FILENO, e) < 0)
		return -1;
	if (s->args.is_dry_run) {
		if (j->state == JOB_NONE)
			return err_set(e, ERR_STAGE_STATE, 0,
				       "a dry run compares with a stage, and there is none yet");
		return view_run(t, VIEW_STAGE, receive_in_view, s, e);
	}
	receive_store_loader(t, j, COMMAND, s->err_out);
	if (receive_prepare(t, j, COMMAND, true, &s->must_walk, e) < 0)
		return -1;
	fflush(s->err_out);
	if (view_run(t, VIEW_STAGE, receive_in_view, s, e) < 0)
		return receive_failed(t, e);
	return receive_done(t, j, s->err_out, e);
}

int job_receive_rsync(int argc, char *const *words, FILE *err_out, struct err *e)
{
	struct session s = { .err_out = err_out, .bundle = -1 };
	struct target t = { 0 };
	struct record j;
	int rc = -1;

	record_init(&j);
	if (parse(&s, argc, words, e) == 0 && (s.bundle = rsync_room_bundle(e)) >= 0 &&
	    (rc = job_begin(&t, &j, COMMAND, e)) == 0) {
		s.t = &t;
		rc = job_end(&t, &j, run(&s, &t, &j, e), e);
	}
	if (s.bundle >= 0)
		close(s.bundle);
	rsync_args_done(&s.args);
	return rc;
}
