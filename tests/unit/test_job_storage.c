/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/storage.h"

#define T(text) ((char *)(text)) /* the scan's strings are not const */

static struct storage_needs needs(const char *type)
{
	struct volume volumes[] = { { .type = T("ext4") }, { .type = NULL }, { .type = T(type) } };
	struct disk_scan scan = { .volumes = volumes, .volume_count = 3 };

	return storage_needs_of(&scan);
}

static void test_needs(void **state)
{
	(void)state;
	assert_false(needs("xfs").any);
	assert_true(needs("LVM2_member").lvm);
	assert_true(needs("LVM2_member").any);
	assert_false(needs("LVM2_member").raid);
	assert_true(needs("linux_raid_member").raid);
	/* Opened on request only, but then with the tools. */
	assert_true(needs("crypto_LUKS").any);
	assert_false(needs("crypto_LUKS").lvm);
	/* A firmware's arrays are not assembled here. */
	assert_false(needs("isw_raid_member").any);
}

/* The machine that runs the tests is no rescue with the archive: nothing may be touched. */
static void test_without_archive(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(storage_is_there());
	assert_int_equal(job_storage(&e), 0);
	assert_int_equal(job_unlock("/dev/none", -1, stdout, &e), -1);
	assert_int_equal(e.code, ERR_ENCRYPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_without_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
