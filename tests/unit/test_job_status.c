/* SPDX-License-Identifier: MIT */
/*
 * What status says in every state of J with every word in S, beside what the disk holds: the table of the design (sections
 * 4 to 6) written down once more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/status_view.h"

/* Which of old system, stage and clone lies complete in one place. */
enum { NOTHING_WHOLE = 0, OLD = 1, STAGE = 2, CLONE = 4 };

/* What is live: what S=old and S=clone find. */
enum live { LIVE_OLD, LIVE_CLONE, LIVE_MIXED };

static const struct {
	enum job_state state;
	int complete;
	enum live live;
	const char *forward,
		*back; /* what goes on and what gives up, in the rescue; NULL: there is none */
} truth[] = {
	{ JOB_NONE, OLD, LIVE_OLD, "receive tar", NULL },
	{ JOB_STAGING, OLD, LIVE_OLD, "receive tar --update", "rollback --discard" },
	{ JOB_STAGED, OLD | STAGE, LIVE_OLD, "rewrite", "rollback --discard" },
	{ JOB_EDITED, OLD | STAGE, LIVE_OLD, "check", "rollback --discard" },
	{ JOB_CHECKED, OLD | STAGE | CLONE, LIVE_OLD, "switch", "rollback --discard" },
	{ JOB_MERGING, OLD | STAGE, LIVE_OLD, "switch", "rollback" },
	{ JOB_SWITCHING, NOTHING_WHOLE, LIVE_MIXED, "switch", "rollback" },
	{ JOB_SWITCHED, OLD | STAGE | CLONE, LIVE_CLONE, "reboot", "rollback" },
	{ JOB_TRIAL, OLD | STAGE | CLONE, LIVE_CLONE, "reboot", "rollback" },
	{ JOB_CONFIRMED, OLD | STAGE | CLONE, LIVE_CLONE, "release", "rollback" },
	{ JOB_UNDOING, NOTHING_WHOLE, LIVE_MIXED, "switch", "rollback" },
	{ JOB_RELEASING, STAGE | CLONE, LIVE_CLONE, "release", NULL },
};

static enum boot_outcome expected_start(size_t i, enum selected s)
{
	bool is_undone = truth[i].state == JOB_UNDOING; /* S=old only when all is back */
	enum boot_outcome live = truth[i].live == LIVE_OLD     ? BOOT_OLD
				 : truth[i].live == LIVE_CLONE ? BOOT_CLONE
							       : BOOT_NOTHING;

	switch (s) {
	case SELECTED_NONE:
		return live;
	case SELECTED_OLD:
		return live == BOOT_OLD || is_undone ? BOOT_OLD : BOOT_NOTHING;
	case SELECTED_CLONE_ONCE:
	case SELECTED_CLONE:
		return live == BOOT_CLONE ? BOOT_CLONE : BOOT_NOTHING;
	default: /* "rescue", and what cannot be read */
		return BOOT_RESCUE;
	}
}

static bool offers(const struct status_view *v, const char *command)
{
	unsigned i;

	for (i = 0; v->hints[i].command; i++)
		if (strcmp(v->hints[i].command, command) == 0)
			return true;
	return false;
}

static void say(const struct status_facts *f, struct status_view *v)
{
	status_view_make(f, v);
	assert_true(*v->old.text && *v->stage.text && *v->clone.text && *v->next_boot);
}

static void expect_sentence(const struct status_view *v, enum boot_outcome starts, enum selected s)
{
	static const char *const words[] = {
		[BOOT_OLD] = "starts the ",
		[BOOT_RESCUE] = "starts the rescue",
		[BOOT_CLONE] = "starts the clone",
		[BOOT_NOTHING] = "do not reboot now",
	};

	if (!strstr(v->next_boot, words[starts]))
		fail_msg("\"%s\"", v->next_boot);
	if (starts != BOOT_NOTHING)
		assert_null(strstr(v->next_boot, "do not reboot"));
	assert_int_equal(s == SELECTED_CLONE_ONCE && starts == BOOT_CLONE,
			 strstr(v->next_boot, "for a trial") != NULL);
}

static void test_every_state_with_every_word(void **state)
{
	size_t i;
	int s;

	(void)state;
	assert_int_equal(ARRAY_SIZE(truth), JOB_STATE_COUNT);
	for (i = 0; i < ARRAY_SIZE(truth); i++)
		for (s = 0; s < SELECTED_COUNT; s++) {
			struct status_facts f = { .position = { truth[i].state,
								(enum selected)s } };
			enum boot_outcome starts = expected_start(i, f.position.selected);
			struct status_view v;

			assert_int_equal(truth[i].state, i);
			say(&f, &v);
			assert_int_equal(v.old.is_complete, !!(truth[i].complete & OLD));
			assert_int_equal(v.stage.is_complete, !!(truth[i].complete & STAGE));
			assert_int_equal(v.clone.is_complete, !!(truth[i].complete & CLONE));
			assert_int_equal(position_starts(&f.position), starts);
			assert_int_equal(v.starts, starts);
			expect_sentence(&v, starts, f.position.selected);
			assert_true(v.is_as_selected);
			assert_string_equal(v.medium_boot, "");
			assert_true(offers(&v, truth[i].forward));
			if (truth[i].back && !offers(&v, truth[i].back))
				fail_msg("%s: no %s", job_state_name(truth[i].state),
					 truth[i].back);
			/* a pin without a switch must be told how to leave */
			if (truth[i].live == LIVE_OLD && starts == BOOT_RESCUE && i != JOB_NONE)
				assert_true(offers(&v, "rollback"));
			/* what is not undone is never offered before the clone is in place */
			assert_false(truth[i].live != LIVE_CLONE && offers(&v, "release"));
		}
}

/* Beside each state, what may have happened to the disk. */
static void test_what_the_disk_lost(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(truth); i++) {
		enum job_state j = truth[i].state;
		struct status_facts f = { .position = { j, SELECTED_RESCUE },
					  .is_manifest_lost = true };
		bool has_manifest = j >= JOB_STAGED && j <= JOB_CHECKED;
		bool mixed = truth[i].live == LIVE_MIXED;
		struct status_view v;

		say(&f, &v);
		if (has_manifest) {
			assert_false(v.stage.is_complete || v.clone.is_complete);
			assert_non_null(strstr(v.stage.text, "manifest"));
		} else {
			assert_int_equal(v.stage.is_complete, !!(truth[i].complete & STAGE));
		}
		assert_int_equal(v.old.is_complete, !!(truth[i].complete & OLD));

		f.is_manifest_lost = false;
		f.lost_old = 2;
		say(&f, &v);
		assert_false(v.old.is_complete);
		if (j != JOB_RELEASING)
			assert_non_null(strstr(v.old.text, "2 of its top-level names"));
		assert_int_equal(v.clone.is_complete, !!(truth[i].complete & CLONE));

		f.lost_old = 0;
		f.lost_clone = 1;
		say(&f, &v);
		/* a clone that has run is free to replace its own names */
		if (mixed || j == JOB_SWITCHED)
			assert_non_null(strstr(v.clone.text, "1 of its top-level names is not"));
		assert_int_equal(v.clone.is_complete,
				 (truth[i].complete & CLONE) && j != JOB_SWITCHED);
		assert_int_equal(v.old.is_complete, !!(truth[i].complete & OLD));
	}
}

/* An exchange that was cut, told by where its names are: nothing is mixed before the first and after the last of them. */
static void test_how_far_a_cut_exchange_came(void **state)
{
	static const enum job_state cut[] = { JOB_SWITCHING, JOB_UNDOING };
	size_t i;
	unsigned done;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cut); i++)
		for (done = 0; done <= 3; done++) {
			struct status_facts f = { .position = { cut[i], SELECTED_RESCUE },
						  .names = 3,
						  .exchanged = done };
			bool whole = done == 0 || done == 3;
			struct status_view v;

			say(&f, &v);
			assert_int_equal(v.old.is_complete, whole);
			assert_int_equal(v.clone.is_complete, whole);
			assert_int_equal(strstr(v.summary, "mixed") == NULL, whole);
			assert_int_equal(strstr(v.old.text, "in its place") &&
						 !strstr(v.old.text, "partly"),
					 done == 0);
			assert_int_equal(strstr(v.clone.text, "in its place") &&
						 !strstr(v.clone.text, "partly"),
					 done == 3);
			assert_true(offers(&v, "switch") && offers(&v, "rollback"));
			assert_int_equal(v.starts, BOOT_RESCUE);

			/* a name that is gone is worse than one in the other place */
			f.lost_old = 1;
			say(&f, &v);
			assert_false(v.old.is_complete);
			assert_non_null(strstr(v.old.text, "1 of its top-level names"));
			f.lost_old = 0;
			f.lost_clone = 1;
			say(&f, &v);
			assert_false(v.clone.is_complete || v.old.is_complete);
		}
}

/* The last steps of an undo are S=old, then J. Between them the old system starts, and may run for long. */
static void test_an_undo_cut_before_it_was_noted(void **state)
{
	struct status_facts f = { .position = { JOB_UNDOING, SELECTED_OLD },
				  .names = 25,
				  .is_read = true,
				  .starts = BOOT_OLD };
	struct status_view v;

	(void)state;
	say(&f, &v);
	assert_true(v.old.is_complete && v.is_as_selected);
	assert_int_equal(v.starts, BOOT_OLD);
	assert_string_equal(v.next_boot, "starts the old system");
	assert_string_equal(v.summary,
			    "a rollback was cut after it had brought the old system back");
	f.starts = BOOT_CLONE; /* the disk has the last word */
	say(&f, &v);
	assert_false(v.is_as_selected);
	assert_non_null(strstr(v.next_boot, "it starts the clone"));
	f.starts = BOOT_OLD;
	f.exchanged = 1; /* cannot be; then J's word stands */
	say(&f, &v);
	assert_false(v.old.is_complete);
	assert_non_null(strstr(v.next_boot, "type 'rollback' first"));
}

/* The disk is read, and starts something else than S says: that is told, whatever J and S are. */
static void test_the_disk_has_the_last_word(void **state)
{
	static const char *const names[] = { [BOOT_OLD] = "it starts the old system",
					     [BOOT_RESCUE] = "it starts the rescue",
					     [BOOT_CLONE] = "it starts the clone" };
	size_t i;
	int s, o;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(truth); i++)
		for (s = 0; s < SELECTED_COUNT; s++)
			for (o = BOOT_NOTHING; o <= BOOT_UNKNOWN; o++) {
				struct status_facts f = {
					.position = { truth[i].state, (enum selected)s },
					.is_read = true,
					.starts = (enum boot_outcome)o,
					.why = "because",
				};
				enum boot_outcome starts = expected_start(i, f.position.selected);
				struct status_view v;

				say(&f, &v);
				/* one system, or warned of already, and more sharply */
				if (i == JOB_NONE || starts == BOOT_NOTHING) {
					assert_true(v.is_as_selected);
					expect_sentence(&v, starts, f.position.selected);
				} else if (o == (int)starts || o == BOOT_UNKNOWN ||
					   (o == BOOT_NOTHING && starts == BOOT_OLD)) {
					assert_true(v.is_as_selected);
					expect_sentence(&v, starts, f.position.selected);
				} else {
					assert_false(v.is_as_selected);
					assert_int_equal(v.starts, o);
					assert_non_null(strstr(v.next_boot, "because"));
					assert_non_null(
						strstr(v.next_boot, o == BOOT_NOTHING
									    ? "do not reboot now"
									    : names[o]));
				}
			}
}

static void test_a_medium_that_stays_attached(void **state)
{
	static const char *const media[] = { "iso", "disk", "uki", "pxe" };
	size_t i;
	int s;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(media); i++)
		for (s = 0; s < SELECTED_COUNT; s++) {
			struct status_facts f = { .position = { JOB_CONFIRMED, (enum selected)s },
						  .medium = media[i] };
			struct status_view v;
			bool goes_on = s == SELECTED_CLONE_ONCE && i < 2;

			say(&f, &v);
			assert_int_equal(strstr(v.medium_boot, "the same") != NULL, goes_on);
			assert_int_equal(strstr(v.medium_boot, "this rescue") != NULL, !goes_on);
		}
}

static void test_where_it_is_typed(void **state)
{
	struct status_facts f = { .position = { JOB_TRIAL, SELECTED_RESCUE } };
	struct status_view v;

	(void)state;
	f.place = STATUS_RUNNING_CLONE;
	say(&f, &v);
	assert_true(offers(&v, "confirm NONCE"));
	f.place = STATUS_RUNNING_OLD;
	say(&f, &v);
	assert_false(offers(&v, "confirm NONCE") || offers(&v, "rollback"));
}

/* A firmware that has forgotten the loader's entry starts who knows what, whatever S says. */
static void test_a_forgotten_entry(void **state)
{
	struct status_facts f = { .position = { JOB_SWITCHED, SELECTED_RESCUE } };
	struct status_view v;

	(void)state;
	say(&f, &v);
	assert_int_equal(v.starts, BOOT_RESCUE);
	f.is_forgotten = true;
	say(&f, &v);
	assert_int_equal(v.starts, BOOT_NOTHING);
	assert_non_null(strstr(v.next_boot, "forgotten"));
	assert_false(v.is_as_selected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_forgotten_entry),
		cmocka_unit_test(test_every_state_with_every_word),
		cmocka_unit_test(test_what_the_disk_lost),
		cmocka_unit_test(test_how_far_a_cut_exchange_came),
		cmocka_unit_test(test_an_undo_cut_before_it_was_noted),
		cmocka_unit_test(test_the_disk_has_the_last_word),
		cmocka_unit_test(test_a_medium_that_stays_attached),
		cmocka_unit_test(test_where_it_is_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
