/* SPDX-License-Identifier: MIT */
#include "job/status_view.h"

#include <string.h>

/* ---- what is complete ---- */

static void set_part(struct status_part *part, bool complete, const char *text)
{
	part->is_complete = complete;
	snprintf(part->text, sizeof(part->text), "%s", text);
}

static void set_lost(struct status_part *part, unsigned lost, const char *where)
{
	part->is_complete = false;
	snprintf(part->text, sizeof(part->text), "incomplete: %u of its top-level names %s not %s",
		 lost, lost == 1 ? "is" : "are", where);
}

/* J says that an exchange was cut. That may have been before its first or after its last name. */
static bool is_mixed(const struct status_facts *f)
{
	return f->position.state == JOB_SWITCHING || f->position.state == JOB_UNDOING;
}

static bool is_at_an_end(const struct status_facts *f)
{
	return is_mixed(f) && f->names && !f->lost_old && !f->lost_clone &&
	       (f->exchanged == 0 || f->exchanged == f->names);
}

/* All but J says that the undo is done. */
static bool is_undone(const struct status_facts *f)
{
	return f->position.state == JOB_UNDOING && f->position.selected == SELECTED_OLD &&
	       f->exchanged == 0 && is_at_an_end(f);
}

/* Both systems are whole, each in a place of its own. */
static void judge_end(const struct status_facts *f, struct status_view *v)
{
	const bool is_old_live = f->exchanged == 0, is_back = f->position.state == JOB_UNDOING;
	static const char *const live = "complete, in its place";
	static const char *const kept = "complete, kept in /.rehost/tree";

	set_part(&v->old, true, is_old_live ? live : kept);
	set_part(&v->clone, true, is_old_live ? kept : live);
	if (is_back)
		v->summary = is_old_live
				     ? "a rollback was cut after it had brought the old system back"
				     : "a rollback was cut before it moved anything: the clone is "
				       "in place";
	else
		v->summary = is_old_live ? "a switch was cut before it moved anything: the old "
					   "system is in its place"
					 : "a switch was cut after it had put the clone in place";
}

static void judge_parts(const struct status_facts *f, struct status_view *v)
{
	const struct status_words *w = status_words(f->position.state);
	enum job_state s = f->position.state;
	bool mixed = is_mixed(f);

	v->summary = w->summary;
	set_part(&v->old, w->is_old_complete, w->old);
	set_part(&v->stage, w->is_stage_complete, w->stage);
	set_part(&v->clone, w->is_clone_complete, w->clone);
	if (s >= JOB_STAGED && s <= JOB_CHECKED && f->is_manifest_lost) {
		set_part(&v->stage, false, "incomplete, its manifest is missing");
		set_part(&v->clone, false, "none that can be trusted: the stage is incomplete");
	}
	if (f->lost_old && s != JOB_RELEASING)
		set_lost(&v->old, f->lost_old, mixed ? "in either place" : "in /.rehost/tree");
	/* a clone that has run may have replaced names of its own */
	if (f->lost_clone && (mixed || s == JOB_SWITCHED)) {
		set_lost(&v->clone, f->lost_clone, mixed ? "in either place" : "in place");
		set_part(&v->stage, false, w->stage);
	}
	if (is_at_an_end(f))
		judge_end(f, v);
}

/* ---- the next boot ---- */

static const char *system_name(enum boot_outcome o)
{
	return o == BOOT_OLD ? "the old system" : o == BOOT_RESCUE ? "the rescue" : "the clone";
}

/*
 * The reader knows less than a machine: what it cannot follow (unknown) says nothing, and an old system whose loader is of
 * a kind it does not know may look broken. Where S or J name what is not in its place, that is the news. Without J there is one
 * system, whichever the reader takes it for.
 */
static bool is_as_selected(const struct status_facts *f)
{
	enum boot_outcome expected = position_starts(&f->position);

	if (!f->is_read || f->starts == BOOT_UNKNOWN || f->starts == expected ||
	    expected == BOOT_NOTHING || f->position.state == JOB_NONE)
		return true;
	return f->starts == BOOT_NOTHING && expected == BOOT_OLD;
}

static void judge_boot(const struct status_facts *f, struct status_view *v)
{
	const char *why = f->why ? f->why : "";
	enum boot_outcome expected = position_starts(&f->position);

	v->is_as_selected = is_as_selected(f);
	v->starts = v->is_as_selected ? expected : f->starts;
	if (f->is_forgotten) {
		v->is_as_selected = false;
		v->starts = BOOT_NOTHING;
		snprintf(v->next_boot, sizeof(v->next_boot),
			 "is not known: the firmware's first boot entry is not the private "
			 "loader's any "
			 "more, it was forgotten or moved");
	} else if (v->is_as_selected && is_undone(f))
		snprintf(v->next_boot, sizeof(v->next_boot), "starts the old system");
	else if (v->is_as_selected)
		snprintf(v->next_boot, sizeof(v->next_boot), "%s",
			 position_next_boot(&f->position));
	else if (f->starts == BOOT_NOTHING)
		snprintf(v->next_boot, sizeof(v->next_boot),
			 "should start %s, but stops before it (%.240s): do not reboot now",
			 system_name(expected), why);
	else
		snprintf(v->next_boot, sizeof(v->next_boot),
			 "should start %s, but as the disk is read it starts %s (%.240s)",
			 system_name(expected), system_name(f->starts), why);
	if (!f->medium)
		return;
	/* image/grub.cfg: only this word lets an ISO or a disk image go on to the disk */
	if (f->position.selected == SELECTED_CLONE_ONCE &&
	    (strcmp(f->medium, "iso") == 0 || strcmp(f->medium, "disk") == 0))
		snprintf(v->medium_boot, sizeof(v->medium_boot),
			 "the same with the medium attached, once");
	else
		snprintf(v->medium_boot, sizeof(v->medium_boot),
			 "a machine that starts from this medium (%.16s) again comes back to this "
			 "rescue",
			 f->medium);
}

void status_view_make(const struct status_facts *f, struct status_view *ret)
{
	*ret = (struct status_view){ 0 };
	judge_parts(f, ret);
	judge_boot(f, ret);
	status_hints(&f->position, f->place, ret->hints);
}
