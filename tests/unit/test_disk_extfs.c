/* SPDX-License-Identifier: MIT */
/* When fsck would look at a file system whose journal is clean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk/extfs.h"

/* Fields as in the kernel's Documentation/filesystems/ext4/super.rst. */
static const char *why(uint16_t mounts, uint16_t max, uint16_t state, uint32_t checked,
		       uint32_t interval, time_t now)
{
	uint8_t block[2048] = { 0 }, *s = block + 1024;
	const char *ret = "not set";
	int fd = memfd_create("ext", 0);

	s[52] = (uint8_t)mounts, s[53] = (uint8_t)(mounts >> 8);
	s[54] = (uint8_t)max, s[55] = (uint8_t)(max >> 8);
	s[56] = 0x53, s[57] = 0xef;
	s[58] = (uint8_t)state;
	memcpy(s + 64, &checked, 4);
	memcpy(s + 68, &interval, 4);
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(extfs_why_check(fd, now, &ret, NULL), 0);
	close(fd);
	return ret;
}

static void test_when_it_is_due(void **state)
{
	(void)state;
	assert_null(why(5, 0xffff, 1, 1000, 0, 2000000000)); /* Debian's: never */
	assert_null(why(5, 0, 1, 1000, 0, 2000000000));
	assert_null(why(29, 30, 1, 1000, 86400, 1000 + 86399));
	assert_non_null(strstr(why(30, 30, 1, 1000, 0, 1000), "as often as"));
	assert_non_null(strstr(why(1, 30, 1, 1000, 86400, 1000 + 86400), "too long ago"));
	assert_non_null(strstr(why(1, 30, 3, 1000, 0, 1000), "errors"));
	assert_null(
		why(1, 30, 1, 0xffffffff, 0xffffffff, 5000000000)); /* no overflow into the past */
}

static void test_what_is_no_ext(void **state)
{
	uint8_t block[2048];
	const char *ret = "not set";
	int fd = memfd_create("other", 0);

	(void)state;
	memset(block, 0x7f, sizeof(block));
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(extfs_why_check(fd, 0, &ret, NULL), 0);
	assert_null(ret);
	assert_int_equal(ftruncate(fd, 1500), 0);
	assert_int_equal(extfs_why_check(fd, 0, &ret, NULL), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_it_is_due),
		cmocka_unit_test(test_what_is_no_ext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
