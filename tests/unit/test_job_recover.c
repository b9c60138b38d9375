/* SPDX-License-Identifier: MIT */
/* How long a rescue from a medium waits for somebody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include <cmocka.h>

#include "job/recover.h"

static void test_medium_wait(void **state)
{
	(void)state;
	assert_int_equal(recover_wait(NULL), 600);
	assert_int_equal(recover_wait("20"), 20);
	assert_int_equal(recover_wait("1"), 5);
	assert_int_equal(recover_wait("4000000000"), 86400);
	/* never by itself: only when that was said */
	assert_int_equal(recover_wait("off"), 0);
	assert_int_equal(recover_wait("no"), 0);
	assert_int_equal(recover_wait("0"), 0);
	/* what is no number is not given */
	assert_int_equal(recover_wait(""), 600);
	assert_int_equal(recover_wait("soon"), 600);
	assert_int_equal(recover_wait("-5"), 600);
	assert_int_equal(recover_wait("99999999999999"), 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_medium_wait) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
