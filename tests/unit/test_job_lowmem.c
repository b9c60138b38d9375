/* SPDX-License-Identifier: MIT */
/* When the target's swap partition is used, and which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/io.h"
#include "job/lowmem.h"

#define MIB (1024ull * 1024)

static void test_decision(void **state)
{
	(void)state;
	assert_true(lowmem_decide(NULL, 190 * MIB, false));
	assert_true(lowmem_decide("auto", 190 * MIB, false));
	assert_false(lowmem_decide(NULL, 512 * MIB, false));
	assert_false(lowmem_decide("off", 64 * MIB, false));
	assert_true(lowmem_decide("on", 8192 * MIB, false));
	/* the memory of a system that is not ours is not ours to add to, unless somebody says so */
	assert_false(lowmem_decide(NULL, 190 * MIB, true));
	assert_true(lowmem_decide("on", 190 * MIB, true));
	/* a typing error is no permission */
	assert_false(lowmem_decide("onn", 8192 * MIB, false));
}

static void set_option(const char *text)
{
	char path[256];

	assert_int_equal(file_replace(run_path(path, sizeof(path), "options"), text, strlen(text),
				      0600, NULL),
			 0);
}

static void test_choice(void **state)
{
	struct volume small = { .path = (char *)"/dev/xda2", .size_bytes = 8 * MIB, .partno = 2 };
	struct volume one = { .path = (char *)"/dev/xda3", .size_bytes = 64 * MIB, .partno = 3 };
	struct volume big = { .path = (char *)"/dev/xda4", .size_bytes = 256 * MIB, .partno = 4 };
	struct volume odd = { .path = (char *)"/dev/xda5",
			      .size_bytes = 512 * MIB,
			      .partno = 5,
			      .is_ambivalent = true };
	struct target t = { 0 };

	(void)state;
	set_option("lowmem=on\n");
	assert_null(lowmem_choose(&t));
	t.swaps[t.swap_count++] = &small;
	assert_null(lowmem_choose(&t));
	t.swaps[t.swap_count++] = &one;
	t.swaps[t.swap_count++] = &big;
	t.swaps[t.swap_count++] = &odd;
	assert_ptr_equal(lowmem_choose(&t), &big);
	set_option("lowmem=off\n");
	assert_null(lowmem_choose(&t));
}

static void test_nothing_to_end(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(lowmem_end(&e), 0);
	assert_false(err_is_set(&e));
}

int main(void)
{
	static char dir[] = "/tmp/rehost-lowmem-XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decision),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_nothing_to_end),
	};
	char cmd[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	setenv("REHOST_RUN_DIR", dir, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) == 0 ? failed : 1;
}
