/* SPDX-License-Identifier: MIT */
/* Who uses a device, told from the kernel's tables; names that are no disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "disk/claim.h"

static const char mounts[] = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			     "22 21 0:19 / /run rw,nosuid - tmpfs tmpfs rw\n"
			     "40 22 8:17 / /run/rehost/fs/0 ro,noatime - ext4 /dev/sdb1 ro\n"
			     "41 21 8:18 / /mnt/with\\040blank rw - ext4 /dev/sdb2 rw\n"
			     "42 22 8:19 / /run/rehostile/fs rw - ext4 /dev/sdb3 rw\n"
			     "43 22 8:20 / /run/rehost/fs/1 rw - ext4 /dev/sdb4 rw\n"
			     "44 21 8:20 / /srv rw - ext4 /dev/sdb4 rw\n"
			     "broken line\n";
static const char swaps[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
			    "/dev/sdb5                               partition\t1048572\t0\t-2\n"
			    "/dev/sdb15                              partition\t1048572\t0\t-3\n";

static int user(unsigned minor, const char *path, const char *own_swap, char *who)
{
	*who = '\0';
	return claim_user_in(mounts, swaps, 8, minor, path, "/run/rehost", own_swap, who, 256);
}

static void test_mounts(void **state)
{
	char who[256];

	(void)state;
	assert_int_equal(user(1, "/dev/sda1", NULL, who), 1);
	assert_string_equal(who, "it is mounted at /");
	assert_int_equal(user(17, "/dev/sdb1", NULL, who), 2);
	assert_int_equal(user(18, "/dev/sdb2", NULL, who), 1);
	assert_string_equal(who, "it is mounted at /mnt/with\\040blank");
	/* a folder beside ours with a longer name */
	assert_int_equal(user(19, "/dev/sdb3", NULL, who), 1);
	/* ours, and somebody's at the same time */
	assert_int_equal(user(20, "/dev/sdb4", NULL, who), 1);
	assert_string_equal(who, "it is mounted at /srv");
	assert_int_equal(user(33, "/dev/sdc1", NULL, who), 0);
}

static void test_swaps(void **state)
{
	char who[256];

	(void)state;
	assert_int_equal(user(21, "/dev/sdb5", NULL, who), 1);
	assert_string_equal(who, "it is swapped on (swapoff /dev/sdb5)");
	assert_int_equal(user(21, "/dev/sdb5", "/dev/sdb5", who), 2);
	assert_int_equal(user(21, "/dev/sdb5", "/dev/sdb15", who), 1);
	/* /dev/sdb15 is another device */
	assert_int_equal(user(16, "/dev/sdb1", NULL, who), 0);
}

static void test_names_that_are_no_disk(void **state)
{
	static const char *const names[] = { "/dev/null",      "/etc/passwd",	    "no/such",
					     "NO-SUCH-SERIAL", "/dev/no-such-disk", "" };
	char name[CLAIM_NAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(claim_find(names[i], name, &e), -1);
		assert_int_equal(e.code, ERR_DISK_NAME);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_swaps),
		cmocka_unit_test(test_names_that_are_no_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
