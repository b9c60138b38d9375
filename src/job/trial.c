/* SPDX-License-Identifier: MIT */
#include "job/trial.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"

const struct trial_ops trial_real_ops = { .select = loader_select };

static int step(const struct trial_ops *ops, struct err *e)
{
	if (ops->step && ops->step(ops->arg) != 0)
		return err_set(e, ERR_EXCHANGE, EINTR, "stopped on request");
	return 0;
}

static int need_loader(const struct record *r, struct err *e)
{
	if (r->loader != LOADER_NONE)
		return 0;
	return err_set(e, ERR_STAGE_STATE, 0,
		       "the switch was made without the private loader: there is no trial");
}

static int enter(const struct trial_fs *fs, struct record *r, enum job_state state, uint32_t trials,
		 const struct trial_ops *ops, struct err *e)
{
	enum job_state before = r->state;
	uint32_t trials_before = r->trials;

	if (step(ops, e) < 0)
		return -1;
	r->state = state;
	r->trials = trials;
	if (record_store(r, fs->fs0, e) < 0) {
		r->state = before;
		r->trials = trials_before;
		return err_ctx(e, "noting the state \"%s\"", job_state_name(state));
	}
	log_info("trial: state is now %s", job_state_name(state));
	return 0;
}

static int choose(const struct trial_fs *fs, enum loader_choice c, const struct trial_ops *ops,
		  struct err *e)
{
	if (step(ops, e) < 0)
		return -1;
	if (ops->select(fs->loader, c, e) < 0)
		return err_ctx(e, "selecting what the next boot starts");
	log_info("trial: selected %s", loader_choice_name(c));
	return 0;
}

int trial_begin(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		struct err *e)
{
	if (need_loader(r, e) < 0)
		return -1;
	if (r->state != JOB_SWITCHED && r->state != JOB_TRIAL)
		return err_set(e, ERR_STAGE_STATE, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	if (trial_forget(fs->fs0, e) < 0 ||
	    enter(fs, r, JOB_TRIAL, r->trials + (r->trials < UINT32_MAX), ops, e) < 0)
		return -1;
	return choose(fs, LOADER_CLONE_ONCE, ops, e);
}

int trial_confirm(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		  struct err *e)
{
	if (need_loader(r, e) < 0)
		return -1;
	if (r->state != JOB_TRIAL && r->state != JOB_CONFIRMED)
		return err_set(e, ERR_STAGE_STATE, 0, "the state is \"%s\", nothing is on trial",
			       job_state_name(r->state));
	if (r->state == JOB_TRIAL && enter(fs, r, JOB_CONFIRMED, r->trials, ops, e) < 0)
		return -1;
	return choose(fs, LOADER_CLONE, ops, e);
}

int trial_withdraw(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		   struct err *e)
{
	if (need_loader(r, e) < 0)
		return -1;
	if (r->state != JOB_TRIAL && r->state != JOB_CONFIRMED)
		return err_set(e, ERR_STAGE_STATE, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	/* "confirmed" would make the rescue start the clone again */
	/* in both slots, so that no loss of one of them makes the rescue do that */
	if (r->state == JOB_CONFIRMED && (enter(fs, r, JOB_TRIAL, r->trials, ops, e) < 0 ||
					  enter(fs, r, JOB_TRIAL, r->trials, ops, e) < 0))
		return -1;
	return choose(fs, LOADER_RESCUE, ops, e);
}

int trial_again(const struct trial_fs *fs, const struct record *r, const struct trial_ops *ops,
		struct err *e)
{
	if (need_loader(r, e) < 0)
		return -1;
	if (r->state != JOB_TRIAL)
		return err_set(e, ERR_STAGE_STATE, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	/* first: a cut between the two takes a start away, and never gives one too many */
	if (step(ops, e) < 0 || root_replace(fs->fs0, TRIAL_AGAIN, "", 0, NULL, e) < 0)
		return -1;
	return choose(fs, LOADER_CLONE_ONCE, ops, e);
}

uint32_t trial_back_minutes(uint32_t minutes)
{
	return (minutes ? minutes : TRIAL_MINUTES_DEFAULT) + (TRIAL_END_S + TRIAL_START_S) / 60;
}

uint32_t trial_minutes(const char *option)
{
	uint32_t n;

	if (!option || parse_u32(option, &n) < 0)
		return TRIAL_MINUTES_DEFAULT;
	return n < TRIAL_MINUTES_MIN   ? TRIAL_MINUTES_MIN
	       : n > TRIAL_MINUTES_MAX ? TRIAL_MINUTES_MAX
				       : n;
}

/* ---- afterwards ---- */

struct times {
	uint64_t started, seen, repair;
};

static bool read_times(const struct root *fs0, struct times *ret)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	*ret = (struct times){ 0 };
	if (root_read(fs0, TRIAL_TIMES, &text, 256, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return false;
	for (i = 0; i < lines.count; i++) {
		const char *s = lines.items[i];

		if ((str_starts(s, "started=") && parse_u64(s + 8, &ret->started) < 0) ||
		    (str_starts(s, "seen=") && parse_u64(s + 5, &ret->seen) < 0) ||
		    (str_starts(s, "repair=") && parse_u64(s + 7, &ret->repair) < 0))
			return false;
	}
	return ret->started && ret->seen >= ret->started && ret->seen - ret->started <= INT32_MAX &&
	       ret->repair <= INT32_MAX;
}

long trial_seconds(const struct root *fs0)
{
	struct times t;

	return read_times(fs0, &t) ? (long)(t.seen - t.started) : -1;
}

long trial_repair_seconds(const struct root *fs0)
{
	struct times t;

	return read_times(fs0, &t) ? (long)t.repair : 0;
}

int trial_log_tail(const struct root *fs0, unsigned lines, struct strlist *ret, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist all cleanup_strlist = STRLIST_INIT;
	struct err own = ERR_INIT;
	size_t i;

	if (root_read(fs0, TRIAL_LOG, &text, TRIAL_LOG_MAX, &own) < 0)
		return own.code == ERR_NOMEM ? err_set(e, ERR_NOMEM, 0, "the clone's log") : 0;
	if (strlist_split(&all, strbuf_str(&text), "\r\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "the clone's log");
	for (i = all.count > lines ? all.count - lines : 0; i < all.count; i++) {
		char safe[500];

		str_escape(safe, sizeof(safe), all.items[i]);
		if (strlist_add(ret, safe) < 0)
			return err_set(e, ERR_NOMEM, 0, "the clone's log");
	}
	return 0;
}

int trial_forget(const struct root *fs0, struct err *e)
{
	static const char *const paths[] = { TRIAL_LOG, TRIAL_TIMES, TRIAL_AGAIN };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (root_remove(fs0, paths[i], e) < 0)
			return -1;
	return 0;
}
