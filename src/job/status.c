/* SPDX-License-Identifier: MIT */
/*
 * status: what J says, in words, as far as the disk bears it out (job/status_view.h). It writes nothing and works while
 * another command is at work.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
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
#include "job/status_reader.h"
#include "job/status_view.h"
#include "job/switch.h"
#include "job/target.h"
#include "job/trial.h"

#define SMALL_FILE 8192

struct status {
	const struct root *fs0;
	const struct record *r;
	enum status_place place;
	const struct target *t; /* NULL in a running system */
	struct status_facts facts;
	struct status_view view;
	struct bootview reader;
	char *medium;
};

/* ---- facts ---- */

/* The mounted file system of a part of the plan, NULL when it is not there; storage: what is opened for it. */
static const struct root *part_root(const struct status *s, const struct switch_fs *part,
				    struct root *storage)
{
	unsigned k;

	if (!s->t)
		return running_open_part(part->mount, storage, NULL) < 0 ? NULL : storage;
	for (k = 0; k < s->t->fs_count; k++) {
		const char *uuid = s->t->fs[k].volume->uuid;

		if (uuid && strcmp(uuid, part->uuid) == 0)
			return &s->t->fs[k].root;
	}
	return NULL;
}

/* How far a cut exchange came, and what of both systems is not where J says. */
static void count_names(struct status *s)
{
	enum job_state state = s->r->state;
	bool mixed = state == JOB_SWITCHING || state == JOB_UNDOING;
	unsigned i, old, clone;

	if (state < JOB_SWITCHING || state == JOB_RELEASING)
		return;
	for (i = 0; i < s->r->fs_count; i++) {
		const struct switch_fs *part = &s->r->filesystems[i];
		struct root storage cleanup_root = ROOT_INIT;
		struct exchange x = { .live = part_root(s, part, &storage), .tree = TREE_DIR };

		if (!x.live) {
			s->facts.lost_old += mixed ? part->entry_count : 0;
			continue;
		}
		exchange_count_lost(&x, part, mixed, &old, &clone);
		s->facts.lost_old += old;
		/* in a running system other file systems lie on some names */
		s->facts.lost_clone += s->t ? clone : 0;
		if (mixed && s->t) {
			s->facts.names += part->entry_count;
			s->facts.exchanged += exchange_count_done(&x, part);
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

/* Asks the disk itself, in the rescue; not while a command is half-way. */
static void read_disk(struct status *s)
{
	if (!s->t || is_command_running() || !status_reader_look(s->t, &s->reader))
		return;
	s->facts.is_read = true;
	s->facts.starts = s->reader.starts;
	s->facts.why = s->reader.why;
}

static void gather(struct status *s, const struct root *loader_root)
{
	s->facts.position = position_of(s->r, loader_root);
	s->facts.place = s->place;
	s->facts.is_manifest_lost = !root_is_file(s->fs0, MANIFEST_PATH);
	s->medium = s->t ? run_option("medium") : NULL;
	s->facts.medium = s->medium;
	s->facts.is_forgotten = s->t && !loader_is_first(s->t, s->r);
	count_names(s);
	read_disk(s);
	status_view_make(&s->facts, &s->view);
}

static void status_done(struct status *s)
{
	free(s->medium);
	if (s->facts.is_read)
		bootview_done(&s->reader);
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

static json_t *part_json(const struct status_part *part)
{
	return json_pack("{s:b,s:s}", "complete", (int)part->is_complete, "text", part->text);
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
				      selected_name(s->facts.position.selected), "fits",
				      (int)!position_is_wrong(&s->facts.position)));
	if (r->state >= JOB_SWITCHED && r->state <= JOB_CONFIRMED)
		json_object_set_new(v, "trial",
				    json_pack("{s:I,s:I,s:I,s:I,s:I,s:b}", "minutes",
					      (json_int_t)r->trial_minutes, "back_minutes",
					      (json_int_t)trial_back_minutes(r->trial_minutes),
					      "repair_seconds",
					      (json_int_t)trial_repair_seconds(s->fs0), "trials",
					      (json_int_t)r->trials, "seconds",
					      (json_int_t)trial_seconds(s->fs0), "log",
					      (int)root_is_file(s->fs0, TRIAL_LOG)));
	/* not in the clone: it must come back from outside */
	if (s->place == STATUS_RESCUE && *r->nonce)
		json_object_set_new(v, "nonce", json_text(r->nonce));
}

/* What the disk was read to start, and what comes while a medium is attached. */
static void add_boot_json(const struct status *s, json_t *v)
{
	json_object_set_new(v, "starts", json_string(boot_outcome_name(s->view.starts)));
	if (s->facts.is_read)
		json_object_set_new(v, "disk",
				    json_pack("{s:s,s:o,s:b}", "starts",
					      boot_outcome_name(s->facts.starts), "why",
					      json_text(s->facts.why), "as_selected",
					      (int)s->view.is_as_selected));
	if (s->medium)
		json_object_set_new(v, "medium",
				    json_pack("{s:o,s:s}", "name", json_text(s->medium),
					      "next_boot", s->view.medium_boot));
	if (s->facts.names)
		json_object_set_new(v, "exchanged",
				    json_pack("{s:i,s:i}", "done", (int)s->facts.exchanged, "of",
					      (int)s->facts.names));
}

static json_t *status_json(const struct status *s)
{
	json_t *notes = json_array(), *progress = read_progress();
	json_t *v;
	size_t i;

	for (i = 0; i < s->r->notes.count; i++)
		json_array_append_new(notes, json_text(s->r->notes.items[i]));
	v = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o}", "state",
		      job_state_name(s->r->state), "summary", s->view.summary, "place",
		      place_name(s->place), "old", part_json(&s->view.old), "stage",
		      part_json(&s->view.stage), "clone", part_json(&s->view.clone), "next_boot",
		      json_text(s->view.next_boot), "type", hints_json(s->view.hints),
		      "stage_booted", (int)s->r->stage_booted, "notes", notes, "progress",
		      progress ? progress : json_null());
	if (!v)
		return NULL;
	if (s->r->state != JOB_NONE) {
		json_object_set_new(v, "job_id", json_text(s->r->job_id));
		json_object_set_new(v, "intent",
				    json_text(s->r->intent == INTENT_COPY ? "copy" : "move"));
	}
	add_loader_json(s, v);
	add_boot_json(s, v);
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

static void tell_minutes(const struct status *s, FILE *out)
{
	const struct record *r = s->r;
	char text[200];

	if (r->loader == LOADER_NONE || (r->state != JOB_SWITCHED && r->state != JOB_TRIAL))
		return;
	snprintf(text, sizeof(text),
		 "%u minutes from the clone's start; not confirmed, the rescue is back within %u "
		 "minutes",
		 r->trial_minutes, trial_back_minutes(r->trial_minutes));
	line(out, "trial", text);
}

static const char *format_repair(char *ret, size_t len, long seconds)
{
	char took[32];

	snprintf(ret, len, "of that, %s of file system checks or relabelling",
		 format_seconds(took, sizeof(took), (uint64_t)seconds));
	return ret;
}

/* What the clone left when nobody confirmed it, and the line that confirms. */
static void print_trial(const struct status *s, FILE *out)
{
	struct strlist tail cleanup_strlist = STRLIST_INIT;
	long seconds = trial_seconds(s->fs0);
	char text[200], ran[32];
	size_t i;

	tell_minutes(s, out);

	if (s->r->state == JOB_TRIAL && s->place == STATUS_RESCUE) {
		snprintf(text, sizeof(text), "%u begun; in the last one the clone %s%s",
			 s->r->trials,
			 seconds < 0 ? "did not come as far as its guard" : "ran for ",
			 seconds < 0 ? "" : format_seconds(ran, sizeof(ran), (uint64_t)seconds));
		line(out, "trials", text);
		if (trial_repair_seconds(s->fs0) > 0)
			line(out, "",
			     format_repair(text, sizeof(text), trial_repair_seconds(s->fs0)));
		if (trial_log_tail(s->fs0, LOG_LINES, &tail, NULL) == 0 && !tail.count) {
			line(out, "its log",
			     "none was written: a kernel panic, a hang or a reset before its "
			     "guard");
			line(out, "", "came to it. Watch the machine's console in the next trial.");
		}
		for (i = 0; i < tail.count; i++)
			line(out, i ? "" : "its log", tail.items[i]);
	}
	if (s->place == STATUS_RESCUE && *s->r->nonce &&
	    (s->r->state == JOB_SWITCHED || s->r->state == JOB_TRIAL)) {
		fprintf(out, "%-11s when the clone runs, from another machine:\n", "confirm");
		switch_tell_confirm(out, s->r);
	}
}

static void print_notes(const struct status *s, FILE *out)
{
	char shown[RECORD_NOTE_LEN * 4 + 1];
	size_t i;

	for (i = 0; i < s->r->notes.count; i++) {
		str_escape(shown, sizeof(shown), s->r->notes.items[i]);
		line(out, i ? "" : "notes", shown);
	}
}

static void status_text(const struct status *s, FILE *out)
{
	const struct status_hint *h = s->view.hints;
	char text[200], shown[4 * sizeof(s->view.next_boot) + 1];
	size_t i;

	snprintf(text, sizeof(text), "%s: %s", job_state_name(s->r->state), s->view.summary);
	line(out, "state", text);
	line(out, "old system", s->view.old.text);
	line(out, "stage", s->view.stage.text);
	line(out, "clone", s->view.clone.text);
	if (s->facts.names) {
		snprintf(text, sizeof(text), "%u of %u top-level names are the clone's",
			 s->facts.exchanged, s->facts.names);
		line(out, "exchanged", text);
	}
	str_escape(shown, sizeof(shown), s->view.next_boot);
	line(out, "next boot", shown);
	if (s->view.medium_boot[0]) {
		str_escape(shown, sizeof(shown), s->view.medium_boot);
		line(out, "", shown);
	}
	print_trial(s, out);
	print_progress(out);
	print_last_error(out);
	print_notes(s, out);
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
	gather(&s, loader.fd < 0 ? NULL : &loader);
	rc = print_status(&s, out, json);
	status_done(&s);
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
		status_reader_add(&t, e);
		target_close(&t);
		return job_fail(e, NULL);
	}
	gather(&s, loader_fs(&t));
	rc = print_status(&s, out, json);
	status_done(&s);
	record_done(&r);
	target_close(&t);
	return rc;
}
