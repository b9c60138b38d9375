/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/watchdog.h"

static void test_option(void **state)
{
	(void)state;
	assert_int_equal(watchdog_seconds(NULL), 120);
	assert_int_equal(watchdog_seconds("off"), 0);
	assert_int_equal(watchdog_seconds("0"), 0);
	assert_int_equal(watchdog_seconds("20"), 20);
	/* What would reset a healthy rescue, or is nothing, is not obeyed. */
	assert_int_equal(watchdog_seconds("5"), 120);
	assert_int_equal(watchdog_seconds("9999"), 120);
	assert_int_equal(watchdog_seconds("often"), 120);
}

static void test_heart(void **state)
{
	struct heart h = { .began_ms = 1000 };

	(void)state;
	/* No service yet: it has its time to come up. */
	assert_true(heart_is_fresh(&h, 0, 1000, 120));
	assert_true(heart_is_fresh(&h, 0, 1000 + WATCHDOG_GRACE_MS, 120));
	assert_false(heart_is_fresh(&h, 0, 1001 + WATCHDOG_GRACE_MS, 120));
	/* From the first beat on it is half of the watchdog's time. */
	assert_true(heart_is_fresh(&h, 77, 400000, 120));
	assert_true(heart_is_fresh(&h, 77, 460000, 120));
	assert_false(heart_is_fresh(&h, 77, 460001, 120));
	/* A clock that was set back is a beat as well; a file that is gone is none. */
	assert_true(heart_is_fresh(&h, 5, 470000, 120));
	assert_false(heart_is_fresh(&h, 0, 530001, 120));
	assert_true(heart_is_fresh(&h, 6, 540000, 20));
	assert_false(heart_is_fresh(&h, 6, 550001, 20));
}

static void test_nothing_without_a_device(void **state)
{
	(void)state;
	watchdog_setup("off", 0);
	assert_int_equal(watchdog_tick(0), -1);
	watchdog_extend();
	watchdog_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_heart),
		cmocka_unit_test(test_nothing_without_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
