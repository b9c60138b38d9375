/* SPDX-License-Identifier: MIT */
/* Trial, confirm and their cuts; the addresses that a confirm must come by; the guard's judgement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/address.h"
#include "job/guard.h"
#include "job/position.h"
#include "job/sockets.h"
#include "job/trial.h"

static char dir[64];
static struct root top = ROOT_INIT;
static const struct trial_fs both = { &top, &top };

static int set_up(void **state)
{
	struct record r;

	(void)state;
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/rehost-trial-XXXXXX"
						  : "/tmp/rehost-trial-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0 ||
	    root_mkdirs(&top, ".rehost", 0700, NULL) < 0)
		return -1;
	record_init(&r);
	r.state = JOB_SWITCHED;
	r.loader = LOADER_BIOS;
	record_draw_nonce(&r);
	if (!record_add_fs(&r, "a", "/") || record_store(&r, &top, NULL) < 0)
		return -1;
	record_done(&r);
	return root_replace(&top, "s", "rescue", 6, NULL, NULL);
}

static int tear_down(void **state)
{
	struct root tmp cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&top);
	return root_open(&tmp, "/", NULL) < 0 ? -1 : root_remove_tree(&tmp, dir, NULL);
}

/* ---- the order ---- */

static int fake_select(const struct root *fs, enum loader_choice c, struct err *e)
{
	const char *text = loader_choice_name(c);

	return root_replace(fs, "s", text, strlen(text), NULL, e);
}

static int count_down(void *arg)
{
	long *left = arg;

	return (*left)-- <= 0;
}

typedef int runner(const struct trial_fs *, struct record *, const struct trial_ops *,
		   struct err *);

/* Like a new process: J is loaded. Returns whether it came to its end. */
static bool run(runner *fn, long steps)
{
	struct trial_ops ops = { .select = fake_select, .step = count_down, .arg = &steps };
	struct err e = ERR_INIT;
	struct record r;
	int rc;

	assert_int_equal(record_load(&r, &top, NULL), 0);
	rc = fn(&both, &r, &ops, &e);
	record_done(&r);
	return rc == 0;
}

static void expect(enum job_state want, const char *s)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct record r;

	assert_int_equal(record_load(&r, &top, NULL), 0);
	assert_int_equal(r.state, want);
	record_done(&r);
	assert_int_equal(root_read(&top, "s", &b, 64, NULL), 0);
	assert_string_equal(strbuf_str(&b), s);
}

static void test_every_cut(void **state)
{
	struct record r;

	(void)state;
	/* to the trial: J first, or a clone would run that J knows nothing of */
	assert_false(run(trial_begin, 0));
	expect(JOB_SWITCHED, "rescue");
	assert_false(run(trial_begin, 1));
	expect(JOB_TRIAL, "rescue");
	assert_true(run(trial_begin, 2));
	expect(JOB_TRIAL, "clone-once");
	assert_int_equal(record_load(&r, &top, NULL), 0);
	assert_int_equal(r.trials, 2); /* the cut one counts: it was begun */
	assert_int_equal(strlen(r.nonce), 16);
	record_done(&r);
	/* the loader writes this before it starts the clone */
	assert_int_equal(fake_select(&top, LOADER_RESCUE, NULL), 0);
	assert_false(run(trial_confirm, 0));
	expect(JOB_TRIAL, "rescue");
	assert_false(run(trial_confirm, 1));
	expect(JOB_CONFIRMED, "rescue"); /* the rescue goes on from here by itself */
	assert_true(run(trial_confirm, 1));
	expect(JOB_CONFIRMED, "clone");
	/* back: "confirmed" with the rescue selected would start the clone again, so J goes first */
	assert_false(run(trial_withdraw, 0));
	expect(JOB_CONFIRMED, "clone");
	assert_false(run(trial_withdraw, 1));
	expect(JOB_TRIAL, "clone");
	assert_true(run(trial_withdraw, 1));
	expect(JOB_TRIAL, "rescue");
	assert_true(run(trial_withdraw, 1)); /* once more: nothing new */
	expect(JOB_TRIAL, "rescue");
}

static int again(const struct trial_fs *fs, struct record *r, const struct trial_ops *ops,
		 struct err *e)
{
	return trial_again(fs, r, ops, e);
}

/* A relabelling's restart: never without the mark that makes it the only one, and never outside a trial. */
static void test_one_restart_of_its_own(void **state)
{
	(void)state;
	assert_false(run(again, 100));
	expect(JOB_SWITCHED, "rescue");
	assert_true(run(trial_begin, 100));
	assert_int_equal(fake_select(&top, LOADER_RESCUE, NULL), 0);
	assert_false(run(again, 0));
	expect(JOB_TRIAL, "rescue");
	assert_false(root_exists(&top, TRIAL_AGAIN));
	assert_false(run(again, 1));
	expect(JOB_TRIAL, "rescue");
	assert_true(root_exists(&top, TRIAL_AGAIN));
	assert_true(run(again, 100));
	expect(JOB_TRIAL, "clone-once");
}

static void test_states_that_are_refused(void **state)
{
	static runner *const fns[] = { trial_begin, trial_confirm, trial_withdraw };
	enum job_state s;
	struct record r;
	size_t i;

	(void)state;
	for (s = JOB_STAGING; s < JOB_STATE_COUNT; s++)
		for (i = 0; i < 3; i++) {
			bool allowed = s == JOB_TRIAL ||
				       s == (i == 0 ? JOB_SWITCHED : JOB_CONFIRMED);

			assert_int_equal(record_load(&r, &top, NULL), 0);
			r.state = s;
			assert_int_equal(record_store(&r, &top, NULL), 0);
			record_done(&r);
			assert_int_equal(run(fns[i], 100), allowed);
		}
	assert_int_equal(record_load(&r, &top, NULL), 0);
	r.state = JOB_SWITCHED;
	r.loader = LOADER_NONE;
	assert_int_equal(record_store(&r, &top, NULL), 0);
	record_done(&r);
	assert_false(run(trial_begin, 100)); /* without a loader there is no trial */
}

static void test_minutes(void **state)
{
	(void)state;
	assert_int_equal(trial_minutes(NULL), 15);
	assert_int_equal(trial_minutes("30"), 30);
	assert_int_equal(trial_minutes("0"), 2);
	assert_int_equal(trial_minutes("99999"), 1440);
	assert_int_equal(trial_minutes("99999999999"), 15);
	assert_int_equal(trial_minutes("5 minutes"), 15);
	assert_int_equal(trial_back_minutes(15), 22);
	assert_int_equal(trial_back_minutes(0), 22);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&top, path, text, strlen(text), NULL, NULL), 0);
}

static void test_what_is_known_afterwards(void **state)
{
	struct strlist tail cleanup_strlist = STRLIST_INIT;

	(void)state;
	assert_int_equal(trial_seconds(&top), -1);
	assert_int_equal(trial_log_tail(&top, 3, &tail, NULL), 0);
	assert_int_equal(tail.count, 0);
	put(TRIAL_TIMES, "started=1000\nseen=1905\n");
	assert_int_equal(trial_seconds(&top), 905);
	assert_int_equal(trial_repair_seconds(&top), 0);
	put(TRIAL_TIMES, "started=1000\nseen=1905\nrepair=300\n");
	assert_int_equal(trial_seconds(&top), 905);
	assert_int_equal(trial_repair_seconds(&top), 300);
	put(TRIAL_TIMES, "started=2000\nseen=1905\n");
	assert_int_equal(trial_seconds(&top), -1);
	put(TRIAL_TIMES, "started=-5\nseen=x\n");
	assert_int_equal(trial_seconds(&top), -1);
	put(TRIAL_LOG, "one\ntwo\n\nthree\x1b[2J\nfour\n");
	assert_int_equal(trial_log_tail(&top, 2, &tail, NULL), 0);
	assert_int_equal(tail.count, 2);
	assert_string_equal(tail.items[0],
			    "three\\x1b[2J"); /* a hostile clone steers no terminal */
	assert_string_equal(tail.items[1], "four");
	put(TRIAL_AGAIN, "");
	assert_true(run(trial_begin, 100));
	assert_false(root_exists(&top, TRIAL_AGAIN));
	assert_false(root_exists(&top, TRIAL_LOG)); /* the next trial's log is its own */
	assert_false(root_exists(&top, TRIAL_TIMES));
}

/* ---- the session that confirms ---- */

static void test_sessions(void **state)
{
	static const struct {
		const char *connection;
		bool good;
	} cases[] = {
		{ "198.51.100.7 50022 10.77.2.20 22", true },
		{ "2001:db8::7 50022 2001:db8:0::20 22", true },
		{ "198.51.100.7 50022 ::ffff:10.77.2.20 22", true },
		{ "fe80::1%ens6 50022 2001:db8::20 22", true },
		{ NULL, false },
		{ "", false },
		{ "198.51.100.7 50022 10.77.1.10 22", false }, /* the source's address */
		{ "10.77.2.20 50022 10.77.2.20 22", false },   /* from itself */
		{ "192.0.2.99 50022 10.77.2.20 22", false },   /* another address of its own */
		{ "127.0.0.1 50022 127.0.0.1 22", false },
		{ "::1 50022 10.77.2.20 22", false },
		{ "::ffff:127.0.0.1 50022 10.77.2.20 22", false },
		{ "198.51.100.7 50022 10.77.2.20", false },
		{ "198.51.100.7 50022 10.77.2.20 22 more", false },
		{ "UNKNOWN 65535 UNKNOWN 65535", false },
		{ "999.1.1.1 1 10.77.2.20 22", false },
	};
	struct strlist targets cleanup_strlist = STRLIST_INIT, own cleanup_strlist = STRLIST_INIT;
	json_t *identity = json_pack("{s:[{s:[s,s]}],s:{s:[{s:[s]}]}}", "links", "addresses",
				     "10.77.2.20/24", "2001:db8::20/64", "network", "links",
				     "addresses", "203.0.113.5/29");
	size_t i;

	(void)state;
	assert_int_equal(address_list(identity, &targets, NULL), 0);
	assert_int_equal(targets.count, 3);
	assert_string_equal(targets.items[2], "203.0.113.5");
	json_decref(identity);
	assert_int_equal(strlist_add(&own, "10.77.2.20"), 0);
	assert_int_equal(strlist_add(&own, "192.0.2.99"), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		int rc = address_judge(cases[i].connection, &targets, &own, &e);

		if ((rc == 0) != cases[i].good)
			fail_msg("%s", cases[i].connection ? cases[i].connection : "(none)");
		if (rc < 0)
			assert_int_equal(e.code, ERR_CONFIRM);
	}
	strlist_done(&targets);
	assert_int_equal(address_judge(cases[0].connection, &targets, &own, NULL), -1);
}

static void test_address_to_type(void **state)
{
	json_t *v = json_pack("{s:[{s:[s]},{s:[s,s],s:s}]}", "links", "addresses", "192.0.2.1/24",
			      "addresses", "2001:db8::1/64", "192.0.2.2/24", "gateway",
			      "192.0.2.9");
	char text[64];

	(void)state;
	address_of_target(v, text, sizeof(text));
	assert_string_equal(text, "192.0.2.2");
	address_of_target(NULL, text, sizeof(text));
	assert_string_equal(text, "TARGET");
	json_decref(v);
}

/* ---- the guard ---- */

static void test_guard(void **state)
{
	struct guard_look l = {
		.state = JOB_TRIAL, .uptime_s = 899, .watched_s = 880, .minutes = 15
	};
	enum job_state s;

	(void)state;
	assert_int_equal(guard_judge(&l), GUARD_WAIT);
	l.uptime_s = 900;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED);
	for (s = JOB_NONE; s < JOB_STATE_COUNT; s++) {
		l.state = s;
		assert_int_equal(guard_judge(&l), s == JOB_TRIAL ? GUARD_EXPIRED : GUARD_END);
	}
	l.state = JOB_TRIAL;
	l.watched_s = 89; /* started late: one confirm must be possible */
	assert_int_equal(guard_judge(&l), GUARD_WAIT);
	l.watched_s = 1000;
	l.is_repairing = true;
	assert_int_equal(guard_judge(&l), GUARD_WAIT);
	l.is_repairing = false;
	l.repair_s = 600; /* the operator has his 15 minutes all the same */
	l.uptime_s = 1499;
	assert_int_equal(guard_judge(&l), GUARD_WAIT);
	l.uptime_s = 1500;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED);
	l.is_repairing = true;
	l.repair_s = l.uptime_s = 6 * 3600;
	assert_int_equal(guard_judge(&l), GUARD_WAIT);
	l.uptime_s += 900;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED); /* not for ever */
	l.repair_s = UINT64_MAX;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED);
	l = (struct guard_look){ .state = JOB_TRIAL, .uptime_s = 899, .watched_s = 500 };
	assert_int_equal(guard_judge(&l), GUARD_WAIT); /* J says nothing: 15 */
	l.uptime_s = 900;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED);
	l.minutes = UINT32_MAX;
	l.uptime_s = 1440 * 60;
	assert_int_equal(guard_judge(&l), GUARD_EXPIRED);
}

static void test_repairs(void **state)
{
	(void)state;
	assert_int_equal(guard_repair_of("fsck"), REPAIR_CHECK);
	assert_int_equal(guard_repair_of("fsck.ext4"), REPAIR_CHECK);
	assert_int_equal(guard_repair_of("e2fsck"), REPAIR_CHECK);
	assert_int_equal(guard_repair_of("restorecon"), REPAIR_LABELS);
	assert_int_equal(guard_repair_of("fixfiles"), REPAIR_LABELS);
	assert_int_equal(guard_repair_of("fsckd-watcher"), REPAIR_NONE);
	assert_int_equal(guard_repair_of("bash"), REPAIR_NONE);
	assert_int_equal(guard_repair_of(""), REPAIR_NONE);
}

static void test_sockets(void **state)
{
	static const char v4[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
		"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"
		"   1: 0A014D0A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"
		"   2: 14024D0A:0016 0764330A:C366 01 00000000:00000000 02:000A7214 00000000\n";
	static const char v6[] = "  sl  local_address                         remote_address       "
				 "                 st\n"
				 "   0: 00000000000000000000000000000000:0016 "
				 "00000000000000000000000000000000:0000 0A 0\n"
				 "   1: 0000000000000000FFFF00000100007F:0277 "
				 "00000000000000000000000000000000:0000 0A 0\n";
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	(void)state;
	sockets_list(v4, &b);
	assert_string_equal(strbuf_str(&b), " 0.0.0.0:22 10.77.1.10:80");
	strbuf_done(&b);
	sockets_list(v6, &b);
	assert_string_equal(strbuf_str(&b), " [::]:22 [::ffff:127.0.0.1]:631");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_restart_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_states_that_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_known_afterwards, set_up, tear_down),
		cmocka_unit_test(test_minutes),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_address_to_type),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
