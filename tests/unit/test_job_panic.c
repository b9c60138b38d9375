/* SPDX-License-Identifier: MIT */
/* What a kernel could keep of its end: put together in the order in which it was said, once, and never an older one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/panic.h"
#include "job/trial.h"

static char dir[64];
static struct root fs0 = ROOT_INIT, store = ROOT_INIT;

static int set_up(void **state)
{
	char path[80];

	(void)state;
	strcpy(dir, "/tmp/rehost-panic-XXXXXX");
	if (!mkdtemp(dir) || root_open(&fs0, dir, NULL) < 0 ||
	    root_mkdirs(&fs0, ".rehost", 0700, NULL) < 0 ||
	    root_mkdirs(&fs0, "pstore", 0700, NULL) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/pstore", dir);
	return root_open(&store, path, NULL);
}

static int tear_down(void **state)
{
	struct root top cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&store);
	root_close(&fs0);
	return root_open(&top, "/", NULL) < 0 ? -1 : root_remove_tree(&top, dir, NULL);
}

static void put(const struct root *r, const char *path, const char *text)
{
	assert_int_equal(root_replace(r, path, text, strlen(text), NULL, NULL), 0);
}

static void expect_log(const char *text)
{
	struct strbuf log cleanup_strbuf = STRBUF_INIT;

	assert_int_equal(root_read(&fs0, TRIAL_LOG, &log, TRIAL_LOG_MAX, NULL), 0);
	assert_string_equal(strbuf_str(&log), text);
}

static unsigned keep(void)
{
	struct err e = ERR_INIT;
	unsigned lines = 99;

	if (panic_keep(&store, &fs0, &lines, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	return lines;
}

static void test_nothing(void **state)
{
	(void)state;
	assert_false(panic_is_there(&store, &fs0));
	put(&store, "console-ramoops-0", "not a dump\n");
	put(&store, "dmesg-erst-9.enc.z", "cannot be read\n");
	assert_false(panic_is_there(&store, &fs0));
	assert_int_equal(keep(), 0);
	assert_false(root_exists(&fs0, TRIAL_LOG));
}

static void test_parts_in_order(void **state)
{
	(void)state;
	put(&fs0, TRIAL_LOG, "noted by the guard");
	put(&store, "dmesg-erst-1", "Panic#2 Part1\n<0>[9.1] Kernel panic - not syncing\n");
	put(&store, "dmesg-erst-2", "Panic#2 Part2\n<4>[8.0] before it\n<4>[9.0] and then\n");
	put(&store, "dmesg-erst-3", "Oops#1 Part1\n<1>[5.0] BUG");
	assert_true(panic_is_there(&store, &fs0));
	assert_int_equal(keep(), 4);
	expect_log("noted by the guard\n== the kernel's last words (pstore)\n<1>[5.0] "
		   "BUG\n<4>[8.0] before it\n"
		   "<4>[9.0] and then\n<0>[9.1] Kernel panic - not syncing\n");
	assert_false(root_exists(&store, "dmesg-erst-1"));
	assert_int_equal(keep(), 0); /* once */
}

static void test_older_ones_are_left_alone(void **state)
{
	(void)state;
	put(&store, "dmesg-efi-1", "Panic#1 Part1\nof last year\n");
	assert_int_equal(panic_note_old(&store, &fs0, NULL), 0);
	assert_false(panic_is_there(&store, &fs0));
	put(&store, "dmesg-efi-11", "Panic#1 Part1\nof the clone\n");
	assert_int_equal(keep(), 1);
	expect_log("== the kernel's last words (pstore)\nof the clone\n");
	assert_true(root_exists(&store, "dmesg-efi-1"));
	assert_false(root_exists(&store, "dmesg-efi-11"));
}

/* The firmware's store is no friend: much of it, no header, a log that is full already. */
static void test_limits(void **state)
{
	static char much[PANIC_TEXT_MAX + 10000], full[TRIAL_LOG_MAX];
	struct strbuf log cleanup_strbuf = STRBUF_INIT;

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	much[10] = '\n';
	much[sizeof(much) - 100] = '\n';
	memset(full, 'y', sizeof(full) - 1);
	put(&fs0, TRIAL_LOG, full);
	put(&store, "dmesg-1", much);
	assert_int_equal(keep(), 3);
	assert_int_equal(root_read(&fs0, TRIAL_LOG, &log, TRIAL_LOG_MAX, NULL), 0);
	assert_true(log.len < 1000); /* of the last lines, whole ones */
	assert_null(strchr(strbuf_str(&log), 'y'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_ones_are_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
