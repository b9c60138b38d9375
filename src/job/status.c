/* SPDX-License-Identifier: MIT */
/* status: what J says, in words. It writes nothing and works while another command is at work. */
#include <signal.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/report.h"
#include "base/run.h"
#include "job/common.h"
#include "job/exchange.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/position.h"
#include "job/progress.h"
#include "job/running.h"
#include "job/stage.h"
#include "job/status_words.h"
#include "job/switch.h"
#include "job/target.h"
#include "job/trial.h"

#define SMALL_FILE 8192

struct status {
	const struct root *fs0;
	const struct record *r;
	enum status_place place;
	const struct target *t; /* NULL in a running system */
	struct position position;
	struct status_hint hints[STATUS_HINTS_MAX];
};

/* ---- facts ---- */

/* J says complete, and so must the manifest; after the switch the stage is in use and has none to speak of. */
static bool is_manifest_lost(const struct status *s)
{
	return s->r->state >= JOB_STAGED && s->r->state <= JOB_CHECKED &&
	       !root_is_file(s->fs0, MANIFEST_PATH);
}

/* How far a cut exchange came: names whose clone side is live. */
static void count_done(const struct status *s, unsigned *done, unsigned *all)
{
	unsigned i, k;

	*done = *all = 0;
	if (!s->t || (s->r->state != JOB_SWITCHING && s->r->state != JOB_UNDOING))
		return;
	for (i = 0; i < s->r->fs_count; i++) {
		const struct switch_fs *part = &s->r->filesystems[i];

		*all += part->entry_count;
		for (k = 0; k < s->t->fs_count; k++) {
			struct exchange x = { .live = &s->t->fs[k].root, .tree = TREE_DIR };

			const char *uuid = s->t->fs[k].volume->uuid;

			if (uuid && strcmp(uuid, part->uuid) == 0)
				*done += exchange_count_done(&x, part);
		}
	}
}

/*
 * A command holds the lock. Its file names the process; taking the lock to find out would make a
 * command that starts right now fail.
 */
static bool is_command_running(void)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char path[256];
	const char *number;
	uint32_t pid;

	if (file_slurp(run_path(path, sizeof(path), "lock"), &b, SMALL_FILE, NULL) < 0)
		return false;
	if (b.len)
		b.data[strcspn(b.data, "\n")] = '\0';
	number = strrchr(strbuf_str(&b), ' ');
	return number && parse_u32(number + 1, &pid) == 0 && pid > 0 && kill((pid_t)pid, 0) == 0;
}

/* The running command's progress file, its lines as one object; NULL when none runs. */
static json_t *read_progress(void)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[256];
	json_t *v;
	size_t i;

	if (!is_command_running() ||
	    file_slurp(run_path(path, sizeof(path), PROGRESS_FILE), &b, SMALL_FILE, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&b), "\n") < 0)
		return NULL;
	v = json_object();
	for (i = 0; i < lines.count; i++) {
		char *equals = strchr(lines.items[i], '=');
		uint64_t n;

		if (!equals)
			continue;
		*equals = '\0';
		if (parse_u64(equals + 1, &n) == 0 && n <= INT64_MAX)
			json_object_set_new(v, lines.items[i], json_integer((json_int_t)n));
		else
			json_object_set_new(v, lines.items[i], json_text(equals + 1));
	}
	return v;
}

/* ---- JSON ---- */

static json_t *hints_json(const struct status_hint *h)
{
	json_t *list = json_array();

	for (; h->command; h++)
		json_array_append_new(list, json_pack("{s:s,s:s}", "command", h->command, "does",
						      h->does));
	return list;
}

static json_t *part_json(bool complete, const char *text)
{
	return json_pack("{s:b,s:s}", "complete", (int)complete, "text", text);
}

static const char *place_name(enum status_place place)
{
	return place == STATUS_RESCUE	       ? "rescue"
	       : place == STATUS_RUNNING_CLONE ? "clone"
					       : "old system";
}

static void add_loader_json(const struct status *s, json_t *v)
{
	static const char *const kinds[] = {
		[LOADER_NONE] = "none", [LOADER_BIOS] = "bios", [LOADER_UEFI] = "uefi"
	};
	const struct record *r = s->r;

	if (r->loader == LOADER_NONE)
		return;
	json_object_set_new(v, "loader",
			    json_pack("{s:s,s:s,s:b}", "kind", kinds[r->loader], "selected",
				      selected_name(s->position.selected), "fits",
				      (int)!position_is_wrong(&s->position)));
	if (r->state >= JOB_SWITCHED && r->state <= JOB_CONFIRMED)
		json_object_set_new(v, "trial",
				    json_pack("{s:I,s:I,s:I,s:b}", "minutes",
					      (json_int_t)r->trial_minutes, "trials",
					      (json_int_t)r->trials, "seconds",
					      (json_int_t)trial_seconds(s->fs0), "log",
					      (int)root_is_file(s->fs0, TRIAL_LOG)));
	/* not in the clone: it must come back from outside */
	if (s->place == STATUS_RESCUE && *r->nonce)
		json_object_set_new(v, "nonce", json_text(r->nonce));
}

static json_t *status_json(const struct status *s)
{
	const struct status_words *w = status_words(s->r->state);
	json_t *notes = json_array(), *progress = read_progress();
	bool lost = is_manifest_lost(s);
	unsigned done, all;
	json_t *v;
	size_t i;

	count_done(s, &done, &all);
	for (i = 0; i < s->r->notes.count; i++)
		json_array_append_new(notes, json_text(s->r->notes.items[i]));
	v = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:b,s:o,s:o}", "state",
		      job_state_name(s->r->state), "summary", w->summary, "place",
		      place_name(s->place), "old", part_json(w->is_old_complete, w->old), "stage",
		      part_json(w->is_stage_complete && !lost,
				lost ? "incomplete, its manifest is missing" : w->stage),
		      "clone", part_json(w->is_clone_complete && !lost, w->clone), "next_boot",
		      position_next_boot(&s->position), "type", hints_json(s->hints),
		      "stage_booted", (int)s->r->stage_booted, "notes", notes, "progress",
		      progress ? progress : json_null());
	if (v && s->r->state != JOB_NONE) {
		json_object_set_new(v, "job_id", json_text(s->r->job_id));
		json_object_set_new(v, "intent",
				    json_text(s->r->intent == INTENT_COPY ? "copy" : "move"));
	}
	if (v)
		add_loader_json(s, v);
	if (v && all)
		json_object_set_new(v, "exchanged",
				    json_pack("{s:i,s:i}", "done", (int)done, "of", (int)all));
	return v;
}

/* ---- text ---- */

static void line(FILE *out, const char *what, const char *text)
{
	fprintf(out, "%-11s %s\n", what, text);
}

static uint64_t get_count(const json_t *v, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(v, key));
}

static void print_progress(FILE *out)
{
	json_t *v = read_progress();
	const char *command = json_string_value(json_object_get(v, "command"));
	const char *phase = json_string_value(json_object_get(v, "phase"));
	uint64_t files = get_count(v, "files");
	char bytes[24], rate[24], text[200], shown[400];

	if (command) {
		int n = snprintf(text, sizeof(text), "%.40s: %.60s", command, phase ? phase : "");

		if (files)
			snprintf(text + n, sizeof(text) - (size_t)n, ", %lld files, %s, %s/s",
				 (long long)files,
				 format_bytes(bytes, sizeof(bytes), get_count(v, "bytes")),
				 format_bytes(rate, sizeof(rate), get_count(v, "rate")));
		str_escape(shown, sizeof(shown), text);
		line(out, "running", shown);
	}
	json_decref(v);
}

/* The first line of the last failure: its title and code. */
static void print_last_error(FILE *out)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char shown[300], path[256];

	if (file_slurp(run_path(path, sizeof(path), "last_error"), &b, SMALL_FILE, NULL) < 0 ||
	    b.len == 0)
		return;
	b.data[strcspn(b.data, "\n")] = '\0';
	str_escape(shown, sizeof(shown), b.data);
	line(out, "last error", shown);
}

#define LOG_LINES 10

/* What the clone left when nobody confirmed it, and the line that confirms. */
static void print_trial(const struct status *s, FILE *out)
{
	struct strlist tail cleanup_strlist = STRLIST_INIT;
	long seconds = trial_seconds(s->fs0);
	char text[120], ran[32];
	size_t i;

	if (s->r->state == JOB_TRIAL && s->place == STATUS_RESCUE) {
		snprintf(text, sizeof(text), "%u begun; in the last one the clone %s%s",
			 s->r->trials,
			 seconds < 0 ? "did not come as far as its guard" : "ran for ",
			 seconds < 0 ? "" : format_seconds(ran, sizeof(ran), (uint64_t)seconds));
		line(out, "trials", text);
		if (trial_log_tail(s->fs0, LOG_LINES, &tail, NULL) == 0 && !tail.count)
			line(out, "its log", "none was left");
		for (i = 0; i < tail.count; i++)
			line(out, i ? "" : "its log", tail.items[i]);
	}
	if (s->place == STATUS_RESCUE && *s->r->nonce &&
	    (s->r->state == JOB_SWITCHED || s->r->state == JOB_TRIAL)) {
		fprintf(out, "%-11s when the clone runs, from another machine:\n", "confirm");
		switch_tell_confirm(out, s->r);
	}
}

static void status_text(const struct status *s, FILE *out)
{
	const struct status_words *w = status_words(s->r->state);
	const struct status_hint *h = s->hints;
	unsigned done, all;
	char text[200];
	size_t i;

	snprintf(text, sizeof(text), "%s: %s", job_state_name(s->r->state), w->summary);
	line(out, "state", text);
	line(out, "old system", w->old);
	line(out, "stage", is_manifest_lost(s) ? "incomplete, its manifest is missing" : w->stage);
	line(out, "clone", w->clone);
	count_done(s, &done, &all);
	if (all) {
		snprintf(text, sizeof(text), "%u of %u top-level names are the clone's", done, all);
		line(out, "exchanged", text);
	}
	line(out, "next boot", position_next_boot(&s->position));
	print_trial(s, out);
	print_progress(out);
	print_last_error(out);
	for (i = 0; i < s->r->notes.count; i++) {
		char shown[RECORD_NOTE_LEN * 4 + 1];

		str_escape(shown, sizeof(shown), s->r->notes.items[i]);
		line(out, i ? "" : "notes", shown);
	}
	for (i = 0; h[i].command; i++)
		fprintf(out, "%-11s %-22s %s\n", i ? "" : "type", h[i].command, h[i].does);
}

static int print_status(const struct status *s, FILE *out, bool json)
{
	if (json)
		return json_print(out, status_json(s));
	status_text(s, out);
	return 0;
}

/* ---- the command ---- */

/* Not having a target is an answer, not a failure of status. */
static int tell_no_target(FILE *out, bool json, const struct err *why)
{
	const struct err_info *info = err_info(why->code);

	if (json)
		return json_print(out, json_pack("{s:s,s:s,s:o}", "state", "no-target", "summary",
						 info->title, "error", report_error_json(why)));
	fprintf(out, "%-11s no target: %s  [%s]\n", "state", info->title, info->id);
	if (why->nctx)
		line(out, "because", why->ctx[0]);
	print_progress(out);
	report_print_lines(out, "next", 11, info->advice);
	return 0;
}

/* J has a plan only from the switch on; before it there may be a loader all the same. */
static int open_loader_fs(const struct record *r, struct root *ret)
{
	if (r->fs_count)
		return running_open_loader_fs(r, ret, NULL);
	if (running_open_part("/boot", ret, NULL) == 0 && root_is_dir(ret, LOADER_DIR))
		return 0;
	root_close(ret);
	return running_open_part("/", ret, NULL);
}

static int status_running(FILE *out, bool json, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT, loader cleanup_root = ROOT_INIT;
	struct record r = { 0 };
	struct status s = { .fs0 = &running, .r = &r };
	int rc;

	if (running_load(&running, &r, e) < 0)
		return job_fail(e, NULL);
	s.place = running_is_clone(&running, &r) ? STATUS_RUNNING_CLONE : STATUS_RUNNING_OLD;
	if (r.loader != LOADER_NONE && open_loader_fs(&r, &loader) < 0)
		loader.fd = -1;
	s.position = position_of(&r, loader.fd < 0 ? NULL : &loader);
	status_hints(&s.position, s.place, s.hints);
	rc = print_status(&s, out, json);
	record_done(&r);
	return rc;
}

int job_status(FILE *out, bool json, struct err *e)
{
	struct target t = { 0 };
	struct record r = { 0 };
	struct status s = { .place = STATUS_RESCUE, .r = &r, .t = &t, .fs0 = &t.fs[0].root };
	int rc;

	if (running_has_job())
		return status_running(out, json, e);
	if (target_open(&t, TARGET_LOOK, e) < 0) {
		job_fail_open(e);
		rc = tell_no_target(out, json, e);
		err_clear(e);
		return rc;
	}
	if (job_load(&t, &r, e) < 0) {
		target_close(&t);
		return job_fail(e, NULL);
	}
	s.position = position_of(&r, loader_fs(&t));
	status_hints(&s.position, s.place, s.hints);
	rc = print_status(&s, out, json);
	record_done(&r);
	target_close(&t);
	return rc;
}

/* ---- log --trial ---- */

static int print_trial_log(const struct root *fs0, FILE *out, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_file(fs0, TRIAL_LOG))
		return err_set(e, ERR_NOTHING, 0, "no clone has left a log of a trial here");
	if (trial_log_tail(fs0, UINT32_MAX, &lines, e) < 0)
		return -1;
	for (i = 0; i < lines.count; i++)
		fprintf(out, "%s\n", lines.items[i]);
	return 0;
}

int job_trial_log(FILE *out, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT;
	struct target t = { 0 };
	int rc;

	if (running_has_job())
		return root_open(&running, "/", e) < 0 ? -1 : print_trial_log(&running, out, e);
	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	rc = print_trial_log(&t.fs[0].root, out, e);
	target_close(&t);
	return rc;
}
