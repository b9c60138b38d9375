/* SPDX-License-Identifier: MIT */
/* J and S in all combinations: what the next boot is said to do, what is offered, and what a rescue does by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/position.h"
#include "job/status_words.h"

enum { BOOTS_OLD, BOOTS_RESCUE, BOOTS_TRIAL, BOOTS_CLONE, BOOTS_NOTHING_GOOD };

#define ST RECOVER_STAY
#define PI RECOVER_PIN
#define FW RECOVER_FORWARD
#define BK RECOVER_BACK
#define CL RECOVER_CLONE

/* By S: damaged, old, rescue, clone-once, clone. */
static const struct {
	enum job_state state;
	int boots[5];
	enum recovery recovery[5];
} truth[] = {
#define OLD_LIVE \
	{ BOOTS_RESCUE, BOOTS_OLD, BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_NOTHING_GOOD }, \
	{ \
		PI, ST, ST, PI, PI \
	}
	{ JOB_NONE, OLD_LIVE },
	{ JOB_STAGING, OLD_LIVE },
	{ JOB_STAGED, OLD_LIVE },
	{ JOB_EDITED, OLD_LIVE },
	{ JOB_CHECKED, OLD_LIVE },
	{ JOB_MERGING, OLD_LIVE },
	{ JOB_SWITCHING,
	  { BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_RESCUE, BOOTS_NOTHING_GOOD,
	    BOOTS_NOTHING_GOOD },
	  { FW, FW, FW, FW, FW } },
	{ JOB_SWITCHED,
	  { BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_RESCUE, BOOTS_TRIAL, BOOTS_CLONE },
	  { PI, PI, ST, PI, PI } },
	{ JOB_TRIAL,
	  { BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_RESCUE, BOOTS_TRIAL, BOOTS_CLONE },
	  { PI, PI, ST, PI, PI } },
	{ JOB_CONFIRMED,
	  { BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_RESCUE, BOOTS_TRIAL, BOOTS_CLONE },
	  { CL, CL, CL, CL, ST } },
	{ JOB_UNDOING, /* S says old when all is back, a moment before J does */
	  { BOOTS_RESCUE, BOOTS_OLD, BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_NOTHING_GOOD },
	  { BK, BK, BK, BK, BK } },
	{ JOB_RELEASING,
	  { BOOTS_RESCUE, BOOTS_NOTHING_GOOD, BOOTS_RESCUE, BOOTS_TRIAL, BOOTS_CLONE },
	  { PI, PI, ST, PI, ST } },
};

static const enum selected columns[5] = { SELECTED_DAMAGED, SELECTED_OLD, SELECTED_RESCUE,
					  SELECTED_CLONE_ONCE, SELECTED_CLONE };

static void expect_words(const struct position *p, int boots)
{
	static const char *const words[] = {
		[BOOTS_OLD] = "starts the old system",
		[BOOTS_RESCUE] = "starts the rescue",
		[BOOTS_TRIAL] = "starts the clone for a trial",
		[BOOTS_CLONE] = "starts the clone",
		[BOOTS_NOTHING_GOOD] = "do not reboot now",
	};
	const char *text = position_next_boot(p);

	if (!strstr(text, words[boots]))
		fail_msg("%s, S %s: \"%s\"", job_state_name(p->state), selected_name(p->selected),
			 text);
	if (boots == BOOTS_CLONE)
		assert_null(strstr(text, "trial"));
	assert_int_equal(position_is_wrong(p), boots == BOOTS_NOTHING_GOOD);
}

static void test_all_combinations(void **state)
{
	size_t i, k;

	(void)state;
	assert_int_equal(ARRAY_SIZE(truth), JOB_STATE_COUNT);
	for (i = 0; i < ARRAY_SIZE(truth); i++)
		for (k = 0; k < ARRAY_SIZE(columns); k++) {
			struct position p = { truth[i].state, columns[k] };

			assert_int_equal(truth[i].state, i);
			expect_words(&p, truth[i].boots[k]);
			if (position_recovery(&p) != truth[i].recovery[k])
				fail_msg("%s, S %s: recovery %d", job_state_name(p.state),
					 selected_name(p.selected), (int)position_recovery(&p));
		}
}

/* Without a loader J alone counts, and nothing goes on by itself: nobody pinned the rescue. */
static void test_without_a_loader(void **state)
{
	enum job_state s;

	(void)state;
	for (s = JOB_NONE; s < JOB_STATE_COUNT; s++) {
		struct position p = { s, SELECTED_NONE };

		assert_int_equal(position_recovery(&p), RECOVER_STAY);
		assert_string_equal(position_next_boot(&p), status_words(s)->next_boot);
		assert_int_equal(position_is_wrong(&p), s == JOB_SWITCHING || s == JOB_UNDOING);
	}
}

static void test_states_that_do_not_exist(void **state)
{
	struct position p = { JOB_STATE_COUNT, SELECTED_RESCUE };

	(void)state;
	assert_int_equal(position_recovery(&p), RECOVER_STAY);
	assert_non_null(position_next_boot(&p));
}

static bool offers(enum job_state s, enum selected selected, enum status_place place,
		   const char *command)
{
	struct position p = { s, selected };
	struct status_hint h[STATUS_HINTS_MAX];
	unsigned i;

	status_hints(&p, place, h);
	for (i = 0; h[i].command; i++)
		if (strcmp(h[i].command, command) == 0)
			return true;
	return false;
}

static void test_hints(void **state)
{
	enum job_state s;
	unsigned k;

	(void)state;
	for (s = JOB_NONE; s < JOB_STATE_COUNT; s++)
		for (k = 0; k < SELECTED_COUNT; k++) {
			struct position p = { s, (enum selected)k };
			struct status_hint h[STATUS_HINTS_MAX];
			unsigned place, i;

			for (place = STATUS_RESCUE; place <= STATUS_RUNNING_CLONE; place++) {
				status_hints(&p, (enum status_place)place, h);
				assert_non_null(h[0].command);
				for (i = 0; h[i].command; i++)
					assert_non_null(h[i].does);
			}
			/* nothing is deleted for good while the old system is in its place */
			assert_false(s < JOB_SWITCHED &&
				     offers(s, p.selected, STATUS_RESCUE, "release"));
			/* an unconfirmed clone is not released by the plain word */
			assert_false(s == JOB_TRIAL &&
				     offers(s, p.selected, STATUS_RUNNING_CLONE, "release"));
		}
	assert_true(offers(JOB_CHECKED, SELECTED_RESCUE, STATUS_RESCUE, "rollback"));
	assert_false(offers(JOB_CHECKED, SELECTED_OLD, STATUS_RESCUE, "rollback"));
	assert_true(offers(JOB_TRIAL, SELECTED_RESCUE, STATUS_RESCUE, "log --trial"));
	assert_true(offers(JOB_TRIAL, SELECTED_RESCUE, STATUS_RESCUE, "rollback"));
	assert_true(offers(JOB_TRIAL, SELECTED_RESCUE, STATUS_RUNNING_CLONE, "confirm NONCE"));
	assert_false(offers(JOB_TRIAL, SELECTED_RESCUE, STATUS_RUNNING_OLD, "confirm NONCE"));
	assert_true(offers(JOB_CONFIRMED, SELECTED_CLONE, STATUS_RUNNING_CLONE, "release"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_combinations),
		cmocka_unit_test(test_without_a_loader),
		cmocka_unit_test(test_states_that_do_not_exist),
		cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
