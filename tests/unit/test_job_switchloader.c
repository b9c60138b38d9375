/* SPDX-License-Identifier: MIT */
/*
 * The switch through the private loader, cut before every single change: what the disk alone would start next is the old
 * system while all of it is in its place, else the rescue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "switch_try.h"

/* All of both live roots, nothing of ours. */
static char *live_snapshot(void)
{
	static const char *const fs[] = { "fs0", "fs1" };
	struct strbuf b = STRBUF_INIT;
	unsigned i;
	size_t n;

	for (i = 0; i < 2; i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		assert_int_equal(root_list(&top, fs[i], &names, NULL), 0);
		for (n = 0; n < names.count; n++) {
			char path[300];

			snprintf(path, sizeof(path), "%s/%s", fs[i], names.items[n]);
			if (strcmp(names.items[n], ".rehost") != 0)
				describe(&b, path);
		}
	}
	return strbuf_take(&b);
}

static char *old_live;

/*
 * Power goes now: the disk alone tells what the next boot starts. The old system only while all of it is in its place; else
 * the rescue, which is there.
 */
static void expect_boots(const char *what, long n)
{
	struct strbuf s cleanup_strbuf = STRBUF_INIT, area cleanup_strbuf = STRBUF_INIT;
	char *live;

	assert_int_equal(root_read(&top, "area", &area, 64, NULL), 0);
	assert_string_equal(strbuf_str(&area), "old"); /* the switch writes nothing of it */
	if (root_exists(&top, "planted")) {
		assert_int_equal(root_read(&top, "s", &s, 64, NULL), 0);
		if (strcmp(strbuf_str(&s), "rescue") == 0) {
			assert_true(root_exists(&top, "payload"));
			return;
		}
		assert_string_equal(strbuf_str(&s), "old");
	}
	live = live_snapshot();
	if (strcmp(live, old_live) != 0)
		fail_msg("%s cut at %ld: the old system would start from\n%s", what, n, live);
	free(live);
}

static void begin_with_loader(void)
{
	begin();
	with_loader = true;
	free(old_live);
	old_live = live_snapshot();
}

static void end_with_loader(void)
{
	remove_trees();
	with_loader = false;
}

static enum recovery recovery_now(void)
{
	struct position p = { .state = state_now(), .selected = SELECTED_NONE };
	struct strbuf s cleanup_strbuf = STRBUF_INIT;

	if (root_read(&top, "s", &s, 64, NULL) == 0)
		p.selected = strcmp(strbuf_str(&s), "rescue") == 0 ? SELECTED_RESCUE : SELECTED_OLD;
	return position_recovery(&p);
}

static void test_loader_cut_switch(void **state)
{
	bool ended = false;
	long n;

	(void)state;
	for (n = 0; !ended; n++) {
		begin_with_loader();
		ended = run(switch_forward, n);
		expect_boots("switch", n);
		assert_int_equal(recovery_now(),
				 state_now() == JOB_SWITCHING ? RECOVER_FORWARD : RECOVER_STAY);
		assert_true(run(switch_forward, UNCUT));
		assert_int_equal(state_now(), JOB_SWITCHED);
		expect("s", "rescue");
		expect("fs0/etc/hostname", "new");
		expect("fs1/grub/core", "new core");
		expect("fs0/added", "an edit");
		end_with_loader();

		begin_with_loader();
		run(switch_forward, n);
		if (state_now() >= JOB_SWITCHING) {
			assert_true(run(switch_back, UNCUT));
			assert_int_equal(state_now(), JOB_STAGED);
			expect("s", "old");
		}
		if (!root_exists(&top, "s") || state_now() == JOB_STAGED)
			expect_boots("undone switch", n);
		end_with_loader();
	}
	assert_true(n > 20);
}

static void test_loader_cut_undo(void **state)
{
	static const enum job_state from[] = { JOB_SWITCHED, JOB_TRIAL, JOB_CONFIRMED };
	bool ended = false;
	struct record r;
	long n;

	(void)state;
	for (n = 0; !ended; n++) {
		begin_with_loader();
		assert_true(run(switch_forward, UNCUT));
		/* whatever the clone was by then */
		assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
		r.state = from[n % 3];
		assert_int_equal(record_store(&r, &t.fs[0].root, NULL), 0);
		record_done(&r);
		ended = run(switch_back, n);
		expect_boots("undo", n);
		if (state_now() == JOB_UNDOING)
			assert_int_equal(recovery_now(), RECOVER_BACK);
		if (!ended)
			assert_true(run(switch_back, UNCUT));
		assert_int_equal(state_now(), JOB_STAGED);
		expect("s", "old");
		expect_boots("undo", n);
		end_with_loader();
		if (ended)
			break;
		begin_with_loader();
		assert_true(run(switch_forward, UNCUT));
		run(switch_back, n);
		assert_true(run(switch_forward, UNCUT));
		assert_int_equal(state_now(), JOB_SWITCHED);
		expect("s", "rescue");
		end_with_loader();
	}
	assert_true(n > 20);
}

/* The order itself, said once: what is on the disk before the first change of the old system's surroundings. */
static void test_loader_order(void **state)
{
	static const char *const marks[] = { "payload", "planted" };
	long n, stored = -1, planted = -1, pinned = -1, merging = -1;

	(void)state;
	for (n = 0; merging < 0; n++) {
		struct strbuf s cleanup_strbuf = STRBUF_INIT;

		begin_with_loader();
		run(switch_forward, n);
		if (stored < 0 && root_exists(&top, marks[0]))
			stored = n;
		if (planted < 0 && root_exists(&top, marks[1]))
			planted = n;
		if (pinned < 0 && root_read(&top, "s", &s, 64, NULL) == 0 &&
		    strcmp(strbuf_str(&s), "rescue") == 0)
			pinned = n;
		if (state_now() == JOB_MERGING)
			merging = n;
		end_with_loader();
	}
	assert_true(0 < stored && stored < planted && planted < pinned && pinned < merging);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loader_order),
		cmocka_unit_test(test_loader_cut_switch),
		cmocka_unit_test(test_loader_cut_undo),
	};
	int rc = cmocka_run_group_tests(tests, group_set_up, group_tear_down);

	free(old_live);
	return rc;
}
