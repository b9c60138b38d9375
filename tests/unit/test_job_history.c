/* SPDX-License-Identifier: MIT */
/*
 * J and S damaged at every moment of whole migrations: what the rescue then does, says and offers is right, or it does nothing. Also
 * after a slot was lost that had counted already, which no power cut does but a bad sector may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "history.h"

static int record_all(void **state)
{
	(void)state;
	history_record();
	return 0;
}

/* All words that S may hold, and none. */
static void judge_with_every_s(const struct moment *m, const char *damage)
{
	char s[LOADER_S_BYTES];
	const char *wrong;
	unsigned i;

	for (i = 0; i <= LOADER_CHOICES; i++) {
		if (i < LOADER_CHOICES)
			loader_s_encode((enum loader_choice)i, s);
		else
			memset(s, 0, sizeof(s));
		wrong = history_judge(m, history_image, s, sizeof(s));
		if (wrong) {
			struct record r;

			assert_int_equal(record_decode(&r, history_image, sizeof(history_image),
						       NULL),
					 0);
			fail_msg("moment %u, %s, S %s, J says %s: %s", (unsigned)(m - history),
				 damage,
				 i < LOADER_CHOICES ? loader_choice_name((enum loader_choice)i)
						    : "damaged",
				 job_state_name(r.state), wrong);
		}
	}
}

/* The recording is what it should be: all states, all places, and each moment is right as it is. */
static void test_undamaged(void **state)
{
	bool seen[JOB_STATE_COUNT] = { false }, truth[3] = { false };
	unsigned i;

	(void)state;
	assert_true(history_count > 150);
	for (i = 0; i < history_count; i++) {
		struct record r;
		const char *wrong;

		history_load(&history[i]);
		assert_int_equal(record_decode(&r, history_image, sizeof(history_image), NULL), 0);
		seen[r.state] = true;
		truth[history[i].truth] = true;
		record_done(&r);
		wrong = history_judge(&history[i], history_image, history[i].s, LOADER_S_BYTES);
		if (wrong)
			fail_msg("moment %u: %s", i, wrong);
	}
	for (i = JOB_CHECKED; i < JOB_STATE_COUNT; i++)
		assert_true(seen[i]);
	assert_true(truth[TRUTH_OLD] && truth[TRUTH_MIXED] && truth[TRUTH_CLONE]);
}

static void test_any_s(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < history_count; i++) {
		history_load(&history[i]);
		judge_with_every_s(&history[i], "J as it was");
	}
}

static void test_a_lost_slot(void **state)
{
	unsigned i, slot;

	(void)state;
	for (i = 0; i < history_count; i++)
		for (slot = 0; slot < 2; slot++) {
			history_load(&history[i]);
			memset(history_image + (size_t)slot * RECORD_SLOT_BYTES, 0, 512);
			judge_with_every_s(&history[i], slot ? "slot 1 lost" : "slot 0 lost");
		}
}

/* The newest record with another state and a checksum that fits: somebody wrote into it. */
static void test_a_forged_state(void **state)
{
	unsigned i, s;

	(void)state;
	for (i = 0; i < history_count; i++)
		for (s = JOB_STAGING; s < JOB_STATE_COUNT; s++) {
			struct strbuf slot cleanup_strbuf = STRBUF_INIT;
			struct record r;
			uint64_t sequence;
			int rc;

			history_load(&history[i]);
			assert_int_equal(record_decode(&r, history_image, sizeof(history_image),
						       NULL),
					 0);
			sequence = r.sequence;
			r.state = (enum job_state)s;
			rc = record_encode_slot(&r, sequence + 2, &slot, NULL);
			record_done(&r);
			if (rc < 0) /* breaks the rules of a record: it would not be read either */
				continue;
			memcpy(history_image, slot.data, slot.len);
			judge_with_every_s(&history[i], "another state");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undamaged),
		cmocka_unit_test(test_any_s),
		cmocka_unit_test(test_a_lost_slot),
		cmocka_unit_test(test_a_forged_state),
	};

	return cmocka_run_group_tests(tests, record_all, NULL);
}
