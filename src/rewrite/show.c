/* SPDX-License-Identifier: MIT */
/* A plan for people who must decide, and for programs: numbers first, then every change with its reason. */
#include <limits.h>
#include <string.h>

#include "base/diff.h"
#include "rewrite/plan_priv.h"
#include "rewrite/report.h"

#define SHOWN_MAX (64u * 1024 * 1024)

const char *edit_subject_name(enum edit_subject subject)
{
	static const char *const names[SUBJECT_COUNT] = {
		[SUBJECT_DISKS] = "disks and mounts",
		[SUBJECT_NETWORK] = "network",
		[SUBJECT_NAMES] = "names and keys",
		[SUBJECT_PROVIDER] = "provider",
		[SUBJECT_START] = "start",
		[SUBJECT_LOGIN] = "logins",
		[SUBJECT_HOLDS] = "held until confirm",
		[SUBJECT_POLICY] = "labels",
		[SUBJECT_OWN] = "rehost's own, until release",
		[SUBJECT_KEPT] = "copies kept for people",
	};

	return names[subject];
}

const char *edit_change_name(enum edit_change change)
{
	static const char *const names[CHANGE_COUNT] = {
		[CHANGE_EDIT] = "changed",	[CHANGE_NEW] = "new",	[CHANGE_GONE] = "removed",
		[CHANGE_ASIDE] = "moved aside", [CHANGE_LINK] = "link", [CHANGE_KEPT] = "kept copy",
	};

	return names[change];
}

static bool has_copy(const struct rewrite_plan *p, const struct root *clone, const char *path)
{
	char kept[PATH_MAX];
	struct stat st;
	size_t i;

	if (snprintf(kept, sizeof(kept), "%s%s", SOURCE_ORIGINAL, path) >= (int)sizeof(kept))
		return false;
	for (i = 0; i < p->edit_count; i++)
		if (strcmp(p->edits[i].path, kept) == 0)
			return true;
	return root_lstat(clone, kept, &st) == 0;
}

enum edit_change rewrite_edit_change(const struct rewrite_plan *p, const struct edit *edit,
				     const struct root *clone)
{
	struct stat st;

	if (edit->subject == SUBJECT_KEPT)
		return CHANGE_KEPT;
	if (edit->kind == EDIT_REMOVE)
		return has_copy(p, clone, edit->path) ? CHANGE_ASIDE : CHANGE_GONE;
	if (edit->kind == EDIT_SYMLINK)
		return CHANGE_LINK;
	return root_lstat(clone, edit->path, &st) == 0 ? CHANGE_EDIT : CHANGE_NEW;
}

/* ---- one edit ---- */

/* A line for what a diff cannot say. */
static void say(struct strbuf *out, const char *what, const char *path, const char *more)
{
	char safe[PATH_MAX], safe_more[PATH_MAX];

	str_escape(safe, sizeof(safe), path);
	str_escape(safe_more, sizeof(safe_more), more);
	strbuf_addf(out, "%s %s%s\n", what, safe, safe_more);
}

static void say_copy(struct strbuf *out, const struct edit *edit)
{
	bool is_source = str_starts(edit->path, SOURCE_ORIGINAL);
	char more[PATH_MAX + 8];

	snprintf(more, sizeof(more), ": %s", edit->path);
	say(out, is_source ? "Keep the source's" : "Keep this machine's",
	    edit->path + strlen(is_source ? SOURCE_ORIGINAL : TARGET_ORIGINAL), more);
}

/* What becomes, or was, a link. */
static void say_link(struct strbuf *out, const struct edit *edit, const char *old)
{
	char more[2 * PATH_MAX + 32];
	bool was_link = *old != '\0';

	if (edit->kind != EDIT_SYMLINK) {
		snprintf(more, sizeof(more), " -> %s", old);
		say(out, edit->kind == EDIT_REMOVE ? "Remove the link" : "Replace the link",
		    edit->path, more);
		return;
	}
	snprintf(more, sizeof(more), " -> %s%s%s%s", edit->content, was_link ? " (was -> " : "",
		 old, was_link ? ")" : "");
	say(out, "Link", edit->path, more);
}

static bool is_shown(const struct edit *edit, const struct strbuf *old)
{
	return !edit->is_secret && edit->kind != EDIT_COPY_FD &&
	       !(edit->content && memchr(edit->content, '\0', edit->len)) &&
	       !(old->len && memchr(strbuf_str(old), '\0', old->len));
}

/* The change of a plain file. Returns false when its content is not shown. */
static bool diff_file(const struct edit *edit, const struct root *clone, struct strbuf *out)
{
	struct strbuf old cleanup_strbuf = STRBUF_INIT;
	bool exists = root_read(clone, edit->path, &old, SHOWN_MAX, NULL) == 0;
	const char *verb = edit->kind == EDIT_REMOVE ? "Remove" : exists ? "Replace" : "Create";
	const char *new = edit->kind == EDIT_WRITE ? edit->content : "";
	size_t new_len = edit->kind == EDIT_WRITE ? edit->len : 0, before = out->len;
	char safe[PATH_MAX], old_name[PATH_MAX + 2], new_name[PATH_MAX + 2];

	if (!is_shown(edit, &old)) {
		say(out, verb, edit->path, " (content not shown)");
		return false;
	}
	str_escape(safe, sizeof(safe), edit->path);
	snprintf(old_name, sizeof(old_name), "a%s", safe);
	snprintf(new_name, sizeof(new_name), "b%s", safe);
	if (old.len || new_len)
		diff_unified(out, exists ? old_name : "/dev/null", strbuf_str(&old), old.len,
			     edit->kind == EDIT_REMOVE ? "/dev/null" : new_name, new, new_len);
	if (out->len == before && !(exists && edit->kind == EDIT_WRITE))
		say(out, verb, edit->path, " (empty)");
	else if (out->len == before) {
		snprintf(safe, sizeof(safe), ": mode %04o", (unsigned)edit->mode & 07777);
		say(out, "Same content,", edit->path, safe);
	}
	return true;
}

static bool show_edit(const struct edit *edit, const struct root *clone, struct strbuf *out)
{
	char old[PATH_MAX] = "";
	bool was_link = root_readlink(clone, edit->path, old, sizeof(old)) == 0;

	if (edit->subject == SUBJECT_KEPT) {
		say_copy(out, edit);
		return false;
	}
	if (edit->kind == EDIT_SYMLINK || was_link)
		say_link(out, edit, was_link ? old : "");
	if (edit->kind == EDIT_SYMLINK || (was_link && edit->kind == EDIT_REMOVE))
		return false;
	if (was_link && !edit->is_secret && edit->kind == EDIT_WRITE) {
		/* the link goes, a file of that name comes */
		char safe[PATH_MAX + 2] = "b";

		str_escape(safe + 1, sizeof(safe) - 1, edit->path);
		diff_unified(out, "/dev/null", "", 0, safe, edit->content, edit->len);
		return true;
	}
	return diff_file(edit, clone, out);
}

/* ---- groups ---- */

/* The next edit that begins a group, from *at on: no earlier one has its subject and reason. NULL: none. */
static const struct edit *next_group(const struct rewrite_plan *p, enum edit_subject subject,
				     size_t *at)
{
	for (; *at < p->edit_count; (*at)++) {
		const struct edit *edit = &p->edits[*at];
		size_t i = 0;

		if (edit->subject != subject)
			continue;
		while (i < *at &&
		       (p->edits[i].subject != subject || strcmp(p->edits[i].why, edit->why) != 0))
			i++;
		if (i == (*at))
			return &p->edits[(*at)++];
	}
	return NULL;
}

static bool is_of(const struct edit *edit, const struct edit *group)
{
	return edit->subject == group->subject && strcmp(edit->why, group->why) == 0;
}

static void add_group_diff(const struct rewrite_plan *p, const struct edit *group,
			   const struct root *clone, struct strbuf *out)
{
	char why[1024];
	size_t i;

	str_escape(why, sizeof(why), group->why);
	strbuf_addf(out, "\n== %s: %s ==\n", edit_subject_name(group->subject), why);
	for (i = 0; i < p->edit_count; i++)
		if (is_of(&p->edits[i], group))
			show_edit(&p->edits[i], clone, out);
}

int rewrite_plan_diff(const struct rewrite_plan *p, const struct root *clone, struct strbuf *out,
		      struct err *e)
{
	const struct edit *group;
	unsigned subject;
	size_t at;

	for (subject = 0; subject < SUBJECT_COUNT; subject++)
		for (at = 0; (group = next_group(p, subject, &at));)
			add_group_diff(p, group, clone, out);
	return out->failed ? err_set(e, ERR_NOMEM, 0, "making the diff") : 0;
}

/* ---- the whole ---- */

struct numbers {
	unsigned of[CHANGE_COUNT];
};

static struct numbers count_changes(const struct rewrite_plan *p, const struct root *clone)
{
	struct numbers n = { { 0 } };
	size_t i;

	for (i = 0; i < p->edit_count; i++)
		n.of[rewrite_edit_change(p, &p->edits[i], clone)]++;
	return n;
}

static void add_lines(struct strbuf *out, const char *what, const struct strlist *l)
{
	char safe[1024];
	size_t i;

	for (i = 0; i < l->count; i++) {
		str_escape(safe, sizeof(safe), l->items[i]);
		strbuf_addf(out, "%s%s: %s\n", i ? "" : "\n", what, safe);
	}
}

static void add_steps(struct strbuf *out, const struct rewrite_plan *p)
{
	char safe[1024];
	size_t i, a;

	for (i = 0; i < p->step_count; i++) {
		const struct tool_step *step = &p->steps[i];

		strbuf_addf(out, "%srun: %s:", i ? "" : "\n", step->name);
		for (a = 0; a < step->argv.count; a++) {
			str_escape(safe, sizeof(safe), step->argv.items[a]);
			strbuf_addf(out, " %s", safe);
		}
		strbuf_addf(out, " (%s)\n", step->why);
	}
}

static void add_summary(struct strbuf *out, const struct rewrite_plan *p, const struct root *clone)
{
	struct numbers n = count_changes(p, clone);

	if (!p->edit_count)
		strbuf_adds(out, "No file would be changed.\n");
	else
		strbuf_addf(out,
			    "Files: %u changed, %u new, %u links, %u removed, %u moved aside; %u "
			    "originals kept.\n",
			    n.of[CHANGE_EDIT], n.of[CHANGE_NEW], n.of[CHANGE_LINK],
			    n.of[CHANGE_GONE], n.of[CHANGE_ASIDE], n.of[CHANGE_KEPT]);
	strbuf_addf(out, "Programs of the clone to run: %zu. Notes: %zu. Blockers: %zu%s\n",
		    p->step_count, p->notes.count, p->blockers.count,
		    p->blockers.count ? ", each withholds the switch." : ".");
}

int rewrite_plan_text(const struct rewrite_plan *p, const struct root *clone, struct strbuf *out,
		      struct err *e)
{
	json_t *files = json_array();
	const struct edit *group;
	unsigned subject;
	size_t at, i;

	add_summary(out, p, clone);
	add_lines(out, "blocker", &p->blockers);
	add_lines(out, "note", &p->notes);
	add_steps(out, p);
	for (subject = 0; subject < SUBJECT_KEPT; subject++)
		for (at = 0; (group = next_group(p, subject, &at));)
			for (i = 0; i < p->edit_count; i++)
				if (is_of(&p->edits[i], group))
					json_array_append_new(files,
							      rewrite_edit_json(p, &p->edits[i],
										clone));
	report_add_files(out, files);
	json_decref(files);
	return rewrite_plan_diff(p, clone, out, e);
}

static json_t *summary_json(const struct rewrite_plan *p, const struct root *clone)
{
	static const char *const keys[CHANGE_COUNT] = {
		[CHANGE_EDIT] = "changed", [CHANGE_NEW] = "new",    [CHANGE_GONE] = "removed",
		[CHANGE_ASIDE] = "aside",  [CHANGE_LINK] = "links", [CHANGE_KEPT] = "copies",
	};
	struct numbers n = count_changes(p, clone);
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < CHANGE_COUNT; i++)
		json_object_set_new(o, keys[i], json_integer(n.of[i]));
	json_object_set_new(o, "programs", json_integer((json_int_t)p->step_count));
	json_object_set_new(o, "notes", json_integer((json_int_t)p->notes.count));
	json_object_set_new(o, "blockers", json_integer((json_int_t)p->blockers.count));
	return o;
}

json_t *rewrite_edit_json(const struct rewrite_plan *p, const struct edit *edit,
			  const struct root *clone)
{
	json_t *o = json_object();

	json_object_set_new(o, "path", json_text(edit->path));
	json_object_set_new(o, "change",
			    json_text(edit_change_name(rewrite_edit_change(p, edit, clone))));
	json_object_set_new(o, "subject", json_text(edit_subject_name(edit->subject)));
	json_object_set_new(o, "why", json_text(edit->why));
	return o;
}

json_t *rewrite_step_json(const struct tool_step *step)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(step->name));
	json_object_set_new(o, "argv", json_text_list(&step->argv));
	json_object_set_new(o, "why", json_text(step->why));
	return o;
}

json_t *rewrite_plan_json(const struct rewrite_plan *p, const struct root *clone)
{
	static const char *const kinds[] = { [EDIT_WRITE] = "write",
					     [EDIT_REMOVE] = "remove",
					     [EDIT_SYMLINK] = "symlink",
					     [EDIT_COPY_FD] = "copy" };
	json_t *o = json_object(), *edits = json_array(), *steps = json_array();
	size_t i;

	for (i = 0; i < p->edit_count; i++) {
		struct strbuf diff cleanup_strbuf = STRBUF_INIT;
		json_t *edit = rewrite_edit_json(p, &p->edits[i], clone);
		bool shown = show_edit(&p->edits[i], clone, &diff);

		json_object_set_new(edit, "kind", json_text(kinds[p->edits[i].kind]));
		json_object_set_new(edit, "diff", json_text(shown ? strbuf_str(&diff) : NULL));
		json_array_append_new(edits, edit);
	}
	for (i = 0; i < p->step_count; i++)
		json_array_append_new(steps, rewrite_step_json(&p->steps[i]));
	json_object_set_new(o, "summary", summary_json(p, clone));
	json_object_set_new(o, "edits", edits);
	json_object_set_new(o, "steps", steps);
	json_object_set_new(o, "notes", json_text_list(&p->notes));
	json_object_set_new(o, "blockers", json_text_list(&p->blockers));
	return o;
}
