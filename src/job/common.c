/* SPDX-License-Identifier: MIT */
#include "job/common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/exchange.h"
#include "job/identity.h"
#include "job/loader.h"
#include "job/lowmem.h"
#include "job/position.h"
#include "job/progress.h"
#include "job/status_words.h"
#include "job/trial.h"

/* Held until the process ends. */
static int lock_fd = -1;

/*
 * A command whose connection broke still writes out what it has; nobody should have to type the next one twice for it, nor for
 * what a rescue does by itself after its start.
 */
#define LOCK_POLL_MS 100
#define LOCK_POLLS 100
#define LOCK_POLLS_RECOVER 200

/* The holder's command and process, as it noted them. */
static void read_holder(int fd, char *ret, size_t len)
{
	ssize_t n = pread(fd, ret, len - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

static int take_lock(int fd, struct err *e)
{
	char holder[128];
	unsigned polls = 0;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		read_holder(fd, holder, sizeof(holder));
		if (polls++ >= (str_starts(holder, "recover,") ? LOCK_POLLS_RECOVER : LOCK_POLLS))
			return err_set(e, ERR_BUSY, 0, "the lock is held by: %s",
				       *holder ? holder : "a command");
		usleep(LOCK_POLL_MS * 1000);
	}
	return 0;
}

int job_lock(const char *command, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[256];
	int fd;

	if (lock_fd >= 0)
		return 0;
	if (mkdirs(run_dir(), 0700, e) < 0)
		return -1;
	fd = open(run_path(path, sizeof(path), "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	if (take_lock(fd, e) < 0) {
		close(fd);
		return -1;
	}
	strbuf_addf(&text, "%s, process %d\n", command, (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite_all(fd, strbuf_str(&text), text.len, 0) < 0)
		log_warn("lock: its holder could not be written down");
	lock_fd = fd;
	return 0;
}

void job_show_state(const struct record *r)
{
	struct strbuf line cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	char path[256];

	strbuf_addf(&line, "%s\n", status_words(r->state)->summary);
	if (file_replace(run_path(path, sizeof(path), "state"), strbuf_str(&line), line.len, 0600,
			 &e) < 0)
		log_warn("state: %s", e.ctx[0]);
}

#define SHOWN_LOG_LINES 6

static void add_trial(struct strbuf *text, const struct target *t)
{
	struct strlist tail cleanup_strlist = STRLIST_INIT;
	struct err ignored = ERR_INIT;
	long seconds = trial_seconds(&t->fs[0].root);
	char ran[32];
	size_t i;

	if (seconds >= 0)
		strbuf_addf(text, "the clone ran for %s; the end of its log ('log --trial'):\n",
			    format_seconds(ran, sizeof(ran), (uint64_t)seconds));
	if (trial_log_tail(&t->fs[0].root, SHOWN_LOG_LINES, &tail, &ignored) < 0)
		return;
	for (i = 0; i < tail.count; i++)
		strbuf_addf(text, "| %s\n", tail.items[i]);
	if (tail.count == 0)
		strbuf_adds(text,
			    "| none was written: a kernel panic, a hang or a reset before its "
			    "guard came to it\n");
}

void job_show_position(const struct target *t, const struct record *r)
{
	struct position p = position_of(r, loader_fs(t));
	struct status_hint hints[STATUS_HINTS_MAX];
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	char path[256];
	unsigned i;

	status_hints(&p, STATUS_RESCUE, hints);
	strbuf_addf(&text, "%s\n", status_words(r->state)->summary);
	if (r->state != JOB_NONE) {
		strbuf_addf(&text, "the next boot %s\n", position_next_boot(&p));
		if (r->state == JOB_TRIAL && p.selected != SELECTED_CLONE_ONCE)
			add_trial(&text, t);
		for (i = 0; hints[i].command; i++)
			strbuf_addf(&text, "%s: %s\n", hints[i].command, hints[i].does);
	}
	if (text.failed || file_replace(run_path(path, sizeof(path), "state"), strbuf_str(&text),
					text.len, 0600, &e) < 0)
		log_warn("state: %s", e.ctx[0]);
}

/* J against the disk: a slot that was lost after it counted makes the other one, which is older, look like the truth. */
static int prove_trees(const struct target *t, const struct record *r, struct err *e)
{
	struct exchange_look look = { 0 };
	unsigned i, k;

	for (i = 0; i < r->fs_count; i++)
		for (k = 0; k < t->fs_count; k++) {
			struct exchange x = { .live = &t->fs[k].root, .tree = TREE_DIR };
			const struct volume *v = t->fs[k].volume;

			if (v && v->uuid && strcmp(v->uuid, r->filesystems[i].uuid) == 0)
				exchange_look(&x, &r->filesystems[i], &look);
		}
	if (position_fits(r->state, &look))
		return 0;
	return err_set(e, ERR_RECORD, 0,
		       "/" RECORD_PATH " says \"%s\", but of the %u top-level names in its plan %u "
		       "are the old system's and %u the clone's",
		       job_state_name(r->state), look.entries, look.old_live, look.clone_live);
}

int job_load(const struct target *t, struct record *r, struct err *e)
{
	unsigned i;

	if (record_load(r, &t->fs[0].root, e) < 0)
		return -1;
	if (prove_trees(t, r, e) < 0) {
		record_done(r);
		return -1;
	}
	for (i = 0; i < t->fs_count && r->sequence == 0; i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (root_is_dir(&t->fs[i].root, TREE_DIR) &&
		    (root_list(&t->fs[i].root, TREE_DIR, &names, e) < 0 || names.count)) {
			record_done(r);
			return err_set(e, ERR_RECORD, 0,
				       "/" RECORD_PATH " is missing, but /" TREE_DIR
				       " of the file system of %s is not empty: it may be the old "
				       "system",
				       t->fs[i].mount);
		}
	}
	return 0;
}

static enum err_extent extent_of(const struct record *r)
{
	if (!r)
		return EXTENT_UNKNOWN;
	switch (r->state) {
	case JOB_NONE:
		return EXTENT_NOTHING;
	case JOB_STAGING:
	case JOB_STAGED:
	case JOB_EDITED:
	case JOB_CHECKED:
	case JOB_MERGING: /* edits go into the stage; the live root is as it was */
		return EXTENT_STAGE;
	case JOB_SWITCHING:
	case JOB_UNDOING:
		return EXTENT_SWITCHING;
	case JOB_SWITCHED:
	case JOB_TRIAL:
	case JOB_CONFIRMED:
		return EXTENT_SWITCHED;
	case JOB_RELEASING:
		return EXTENT_RELEASING;
	case JOB_STATE_COUNT:
		break;
	}
	return EXTENT_UNKNOWN;
}

int job_fail(struct err *e, const struct record *r)
{
	if (e)
		e->extent = extent_of(r);
	return -1;
}

int job_fail_open(struct err *e)
{
	if (!e)
		return -1;
	switch (e->code) {
	case ERR_NO_DISK:
	case ERR_NO_ROOT:
	case ERR_ENCRYPTED:
	case ERR_LVM:
	case ERR_RAID:
		e->extent = EXTENT_NOTHING;
		break;
	default: /* target_open() has told what it could */
		break;
	}
	return -1;
}

/* Memory of the target's disk for those that may need it; away from the disk for those that rearrange it. */
static int set_swap(const struct target *t, const char *command, struct err *e)
{
	static const char *const heavy[] = { "receive tar", "rewrite" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heavy); i++) {
		if (strcmp(command, heavy[i]) == 0) {
			lowmem_begin(t);
			return 0;
		}
	}
	return strcmp(command, "check") == 0 ? 0 : lowmem_end(e);
}

int job_begin(struct target *t, struct record *r, const char *command, struct err *e)
{
	struct err own = ERR_INIT;

	if (job_lock(command, e) < 0) {
		/* This command has written nothing, whatever the other one does. */
		return job_fail(e, NULL);
	}
	if (target_open(t, TARGET_WRITE, e) < 0)
		return job_fail_open(e);
	if (job_load(t, r, e) < 0) {
		target_close(t);
		return job_fail(e, NULL);
	}
	if (identity_ensure(t, &own) < 0 || identity_save(t, &own) < 0) {
		if (r->state < JOB_SWITCHING) {
			if (e)
				*e = own;
			job_fail(e, r);
			record_done(r);
			target_close(t);
			return -1;
		}
		log_warn("job: %s goes on without the identity: %s", command, own.ctx[0]);
	}
	if (set_swap(t, command, e) < 0) {
		job_fail(e, r);
		record_done(r);
		target_close(t);
		return -1;
	}
	if (r->state == JOB_NONE)
		memcpy(r->token, t->token, sizeof(r->token));
	job_show_state(r);
	log_info("job: %s begins, state %s", command, job_state_name(r->state));
	return 0;
}

int job_end(struct target *t, struct record *r, int rc, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct record stored = { 0 };

	if (rc < 0) {
		/* r may be ahead of J when storing it failed: what counts is on the disk */
		if (record_load(&stored, &t->fs[0].root, &ignored) == 0 && stored.sequence) {
			record_done(r);
			*r = stored;
		}
		job_fail(e, r);
	}
	progress_clear();
	job_show_position(t, r);
	record_done(r);
	target_close(t);
	return rc;
}
