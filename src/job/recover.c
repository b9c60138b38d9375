/* SPDX-License-Identifier: MIT */
/* recover: what a rescue does by itself that the private loader started. Once, as soon as the disks are there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "job/common.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/panic.h"
#include "job/position.h"
#include "job/recover.h"
#include "job/trial.h"

#define NOBODY_WAIT_S 60 /* time to log in before the clone is started again */

/*
 * Whoever logs in is somebody, however short the session was and although it came before the disks were there. A mere
 * connection is nobody: port scanners would keep a confirmed clone from being started.
 */
static bool has_anybody_logged_in(void)
{
	char path[256];

	return access(run_path(path, sizeof(path), RUN_LOGGED_IN), F_OK) == 0;
}

/* ---- how long ---- */

unsigned recover_wait(const char *option)
{
	uint32_t n;

	if (!option)
		return RECOVER_WAIT_S;
	if (strcmp(option, "off") == 0 || strcmp(option, "no") == 0 || strcmp(option, "0") == 0)
		return 0;
	if (parse_u32(option, &n) < 0)
		return RECOVER_WAIT_S;
	return n < RECOVER_WAIT_MIN_S	? RECOVER_WAIT_MIN_S
	       : n > RECOVER_WAIT_MAX_S ? RECOVER_WAIT_MAX_S
					: n;
}

bool recover_came_from_medium(void)
{
	char *medium cleanup_free = run_option("medium");

	return medium && (strcmp(medium, "iso") == 0 || strcmp(medium, "disk") == 0);
}

/* ---- the actions ---- */

/* is_behind may be NULL: a journal was not replayed, so what was written last cannot be seen. */
static int look(struct position *ret, bool *is_behind, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };

	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	if (job_load(&t, &r, e) < 0) {
		target_close(&t);
		return job_fail(e, NULL);
	}
	*ret = position_of(&r, loader_fs(&t));
	if (is_behind)
		*is_behind = t.is_provisional;
	job_show_position(&t, &r);
	record_done(&r);
	target_close(&t);
	return 0;
}

/* Without a write. */
static int look_for_panic(const struct root *store, bool *ret, struct err *e)
{
	struct target t = { 0 };

	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	*ret = panic_is_there(store, &t.fs[0].root);
	target_close(&t);
	return 0;
}

/*
 * What the clone left. A clone that hung or lost its power has its log in the journal alone, which only mounting for
 * writing replays. What its kernel could keep of its end goes to what its guard could.
 */
static int take_in_trial(bool is_behind, FILE *out, struct err *e)
{
	struct root store cleanup_root = ROOT_INIT;
	struct target t = { 0 };
	struct record r = { 0 };
	bool has_store = root_open(&store, PANIC_STORE, NULL) == 0, has_panic = false;
	unsigned lines = 0;
	int rc = 0;

	if (!is_behind && has_store && look_for_panic(&store, &has_panic, e) < 0)
		return -1;
	if (!is_behind && !has_panic)
		return 0;
	if (job_begin(&t, &r, "recover", e) < 0)
		return -1;
	if (has_store && r.state == JOB_TRIAL)
		rc = panic_keep(&store, &t.fs[0].root, &lines, e);
	if (lines)
		fprintf(out, "recover: %u lines of the clone's kernel are kept: 'log --trial'\n",
			lines);
	return job_end(&t, &r, rc, e);
}

/*
 * What was seen is looked at again under the lock: a command may have come first. 'reboot' typed in the first seconds has written
 * "clone-once" then, and that is not a loader which could not write.
 */
static int act_on_s(enum recovery wanted, FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	struct trial_fs fs;
	struct position p;
	int rc = 0;

	if (job_begin(&t, &r, "recover", e) < 0)
		return -1;
	p = position_of(&r, loader_fs(&t));
	if (position_recovery(&p) != wanted ||
	    (p.selected == SELECTED_CLONE_ONCE && loader_was_selected())) {
		fprintf(out, "recover: another command was faster\n");
	} else if (wanted == RECOVER_PIN) {
		rc = loader_select(loader_fs(&t), LOADER_RESCUE, e);
		fprintf(out, "recover: S was \"%s\" and did not fit: it is the rescue now\n",
			selected_name(p.selected));
	} else {
		fs = (struct trial_fs){ &t.fs[0].root, loader_fs(&t) };
		rc = trial_confirm(&fs, &r, &trial_real_ops, e);
		fprintf(out, "recover: the clone was confirmed, the next boot starts it\n");
	}
	return job_end(&t, &r, rc, e);
}

/* True when nobody came in that time. */
static bool nobody_comes(unsigned seconds, FILE *out)
{
	while (seconds--) {
		if (has_anybody_logged_in()) {
			fprintf(out, "recover: somebody is here, nothing starts by itself\n");
			return false;
		}
		sleep(1);
	}
	return true;
}

static int start_clone(bool *ret_reboot, FILE *out, struct err *e)
{
	if (act_on_s(RECOVER_CLONE, out, e) < 0)
		return -1;
	*ret_reboot = nobody_comes(NOBODY_WAIT_S, out);
	return 0;
}

int job_recover(bool *ret_reboot, FILE *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct position p;
	bool is_behind;

	*ret_reboot = false;
	if (look(&p, &is_behind, e) < 0)
		return -1;
	fprintf(out, "recover: state %s, selected %s\n", job_state_name(p.state),
		selected_name(p.selected));
	if (p.state == JOB_TRIAL && take_in_trial(is_behind, out, &own) < 0)
		log_warn("recover: %s", own.ctx[0]);
	switch (position_recovery(&p)) {
	case RECOVER_FORWARD:
		return job_switch(&(struct switch_options){ false, false }, out, e);
	case RECOVER_BACK:
		return job_rollback(false, out, e);
	case RECOVER_PIN:
		return act_on_s(RECOVER_PIN, out, e);
	case RECOVER_CLONE:
		return start_clone(ret_reboot, out, e);
	case RECOVER_STAY:
		break;
	}
	return 0;
}

/* Under what the consoles show already (look()). */
static void show_wait(const char *what, unsigned seconds)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	char path[256], time[32];

	run_path(path, sizeof(path), "state");
	if (file_slurp(path, &text, 65536, NULL) < 0)
		return;
	strbuf_addf(&text, "%s when nobody logs in within %s\n", what,
		    format_seconds(time, sizeof(time), seconds));
	if (text.failed || file_replace(path, strbuf_str(&text), text.len, 0600, &e) < 0)
		log_warn("recover: the consoles are not told");
}

/* The medium's GRUB goes on to the disk's loader for "clone-once" alone (image/grub.cfg), and that loader says rescue. */
static int select_once(FILE *out, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	struct position p;
	int rc = 0;

	if (job_begin(&t, &r, "recover", e) < 0)
		return -1;
	p = position_of(&r, loader_fs(&t));
	if (p.state != JOB_CONFIRMED || p.selected == SELECTED_NONE)
		rc = err_set(e, ERR_BUSY, 0, "another command was faster");
	else
		rc = loader_select(loader_fs(&t), LOADER_CLONE_ONCE, e);
	if (rc == 0)
		fprintf(out, "recover: nobody came, the next boot starts the clone\n");
	return job_end(&t, &r, rc, e);
}

int job_recover_medium(bool *ret_reboot, FILE *out, struct err *e)
{
	char *option cleanup_free = run_option("medium_wait");
	unsigned wait = recover_wait(option);
	struct position p;

	*ret_reboot = false;
	if (look(&p, NULL, e) < 0) {
		/* Nobody has asked for anything yet: a disk without a system is no news for the console. */
		fprintf(out, "recover: %s\n", err_info(e->code)->title);
		err_clear(e);
		return 0;
	}
	if (p.state != JOB_CONFIRMED || p.selected == SELECTED_NONE)
		return 0;
	if (wait == 0) {
		fprintf(out, "recover: the clone on the disk was confirmed; medium_wait=off, so "
			     "'reboot' starts it\n");
		return 0;
	}
	fprintf(out,
		"recover: the clone on the disk was confirmed; it is started when nobody logs in "
		"within %u s\n",
		wait);
	fflush(out);
	show_wait("it is started", wait);
	if (!nobody_comes(wait, out))
		return look(&p, NULL, e);
	*ret_reboot = true;
	return select_once(out, e);
}

int job_recover_entered(bool *ret_reboot, FILE *out, struct err *e)
{
	char *option cleanup_free = run_option("enter_wait");
	unsigned wait = recover_wait(option);
	struct position p;

	*ret_reboot = false;
	if (wait == 0)
		return 0;
	fprintf(out,
		"recover: sent here by the old system, which starts again when nobody logs in "
		"within %u s\n",
		wait);
	fflush(out);
	/* A disk that cannot be looked at is no news for the console before somebody has asked for it. */
	if (look(&p, NULL, e) < 0)
		err_clear(e);
	show_wait("the old system starts again", wait);
	*ret_reboot = nobody_comes(wait, out);
	if (!*ret_reboot && look(&p, NULL, e) < 0)
		err_clear(e);
	return 0;
}
