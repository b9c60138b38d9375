/* SPDX-License-Identifier: MIT */
#include "job/position.h"

#include "job/status_words.h"

/* Where the two systems are, as J says. */
enum place_of_trees { OLD_IN_PLACE, MIXED, CLONE_IN_PLACE };

static enum place_of_trees trees_of(enum job_state s)
{
	switch (s) {
	case JOB_SWITCHING:
	case JOB_UNDOING:
		return MIXED;
	case JOB_SWITCHED:
	case JOB_TRIAL:
	case JOB_CONFIRMED:
	case JOB_RELEASING:
		return CLONE_IN_PLACE;
	default:
		return OLD_IN_PLACE;
	}
}

struct position position_of(const struct record *r, const struct root *loader_fs)
{
	static const enum selected words[] = {
		[LOADER_OLD] = SELECTED_OLD,
		[LOADER_RESCUE] = SELECTED_RESCUE,
		[LOADER_CLONE_ONCE] = SELECTED_CLONE_ONCE,
		[LOADER_CLONE] = SELECTED_CLONE,
	};
	struct position p = { .state = r->state, .selected = SELECTED_NONE };
	enum loader_choice choice;

	if (r->loader == LOADER_NONE)
		return p;
	p.selected = SELECTED_DAMAGED;
	if (loader_fs && loader_selected(loader_fs, &choice, NULL) == 0 &&
	    (unsigned)choice < ARRAY_SIZE(words))
		p.selected = words[choice];
	return p;
}

const char *selected_name(enum selected s)
{
	switch (s) {
	case SELECTED_OLD:
		return loader_choice_name(LOADER_OLD);
	case SELECTED_RESCUE:
		return loader_choice_name(LOADER_RESCUE);
	case SELECTED_CLONE_ONCE:
		return loader_choice_name(LOADER_CLONE_ONCE);
	case SELECTED_CLONE:
		return loader_choice_name(LOADER_CLONE);
	case SELECTED_DAMAGED:
		return "damaged";
	default:
		return "none";
	}
}

bool position_is_wrong(const struct position *p)
{
	enum place_of_trees trees = trees_of(p->state);

	switch (p->selected) {
	case SELECTED_OLD:
		/* an undo says "old" only when everything is back: it is the step before J says so */
		return trees == CLONE_IN_PLACE || p->state == JOB_SWITCHING;
	case SELECTED_CLONE_ONCE:
	case SELECTED_CLONE:
		return trees != CLONE_IN_PLACE;
	case SELECTED_NONE:
		return trees == MIXED;
	default:
		return false;
	}
}

enum boot_outcome position_starts(const struct position *p)
{
	if (position_is_wrong(p))
		return BOOT_NOTHING;
	switch (p->selected) {
	case SELECTED_NONE:
		return trees_of(p->state) == CLONE_IN_PLACE ? BOOT_CLONE : BOOT_OLD;
	case SELECTED_OLD:
		return BOOT_OLD;
	case SELECTED_CLONE_ONCE:
	case SELECTED_CLONE:
		return BOOT_CLONE;
	default:
		return BOOT_RESCUE;
	}
}

bool position_fits(enum job_state s, const struct exchange_look *look)
{
	if (s == JOB_SWITCHING || s == JOB_UNDOING)
		return look->entries > 0; /* by inode, whatever is where */
	if (s == JOB_RELEASING)
		/* what was deleted may have given its inode to a new file of the same name */
		return look->clone_live > 0 && look->clone_kept == 0;
	if (trees_of(s) == CLONE_IN_PLACE)
		return look->clone_live > 0 && look->old_live == 0;
	return look->entries == 0; /* a plan is made for the exchange, and dropped by the undo */
}

const char *position_next_boot(const struct position *p)
{
	if (p->selected == SELECTED_NONE)
		return status_words(p->state)->next_boot;
	if (position_is_wrong(p))
		return p->selected == SELECTED_OLD
			       ? "looks for the old system, which is not in its place: do not "
				 "reboot now"
			       : "looks for the clone, which is not in its place: do not reboot "
				 "now";
	switch (p->selected) {
	case SELECTED_OLD:
		return p->state == JOB_UNDOING ? "starts the old system if the undo came to its "
						 "end: type 'rollback' "
						 "first"
					       : "starts the old system";
	case SELECTED_CLONE_ONCE:
		return "starts the clone for a trial; the boot after that starts the rescue";
	case SELECTED_CLONE:
		return "starts the clone";
	case SELECTED_DAMAGED:
		return "starts the rescue, because what was selected (S) cannot be read";
	default:
		return "starts the rescue";
	}
}

enum recovery position_recovery(const struct position *p)
{
	if (p->selected == SELECTED_NONE || (unsigned)p->state >= JOB_STATE_COUNT)
		return RECOVER_STAY;
	switch (p->state) {
	case JOB_SWITCHING:
		return RECOVER_FORWARD;
	case JOB_UNDOING:
		return RECOVER_BACK;
	case JOB_CONFIRMED:
		/* "clone" already, and yet the rescue runs: the loader could not start it; once more would be a loop */
		return p->selected == SELECTED_CLONE ? RECOVER_STAY : RECOVER_CLONE;
	case JOB_RELEASING:
		return p->selected == SELECTED_CLONE || p->selected == SELECTED_RESCUE
			       ? RECOVER_STAY
			       : RECOVER_PIN;
	case JOB_SWITCHED:
	case JOB_TRIAL:
		return p->selected == SELECTED_RESCUE ? RECOVER_STAY : RECOVER_PIN;
	default:
		return p->selected == SELECTED_OLD || p->selected == SELECTED_RESCUE ? RECOVER_STAY
										     : RECOVER_PIN;
	}
}
