/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "disk/mount.h"

#define T(text) ((char *)(text)) /* the scan's strings are not const */

static void test_explain(void **state)
{
	static const struct {
		int sys;
		bool read_only, dirty, driver;
		enum err_code want;
		const char *word;
	} rows[] = {
		{ EROFS, true, true, true, ERR_DISK_READ_ONLY, "journal" },
		{ EROFS, false, true, true, ERR_DISK_READ_ONLY, "read-only" },
		{ EACCES, true, false, true, ERR_DISK_READ_ONLY, "read-only" },
		{ ENODEV, false, false, false, ERR_MOUNT_NO_DRIVER, "no driver" },
		{ EBUSY, false, false, true, ERR_MOUNT_BUSY, "in use" },
		{ EUCLEAN, false, false, true, ERR_MOUNT_DAMAGED, "damaged" },
		{ EIO, false, false, true, ERR_DISK_READ, "cannot be read" },
		{ ENOENT, false, false, true, ERR_DISK_READ, "gone" },
		{ ENOMEM, false, false, true, ERR_NOMEM, "memory" },
		{ EINVAL, false, false, false, ERR_MOUNT_NO_DRIVER, "no driver" },
		{ EINVAL, false, false, true, ERR_MOUNT_DAMAGED, "superblock" },
		{ EPERM, false, false, true, ERR_MOUNT, "refused" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mount_facts f = { .path = "/dev/vda1",
					 .type = "ext4",
					 .writable = true,
					 .is_device_read_only = rows[i].read_only,
					 .is_journal_dirty = rows[i].dirty,
					 .has_driver = rows[i].driver };
		char why[256];

		assert_int_equal(mount_explain(rows[i].sys, &f, why, sizeof(why)), rows[i].want);
		assert_non_null(strstr(why, rows[i].word));
		assert_non_null(strstr(why, "/dev/vda1 (ext4) read-write"));
	}
}

static void test_judge(void **state)
{
	static const struct {
		struct volume v;
		enum err_code want;
	} rows[] = {
		{ { .type = T("ext4"), .usage = T("filesystem") }, ERR_NONE },
		{ { .type = T("ext2"), .usage = T("filesystem") }, ERR_NONE },
		{ { .type = T("xfs"), .usage = T("filesystem") }, ERR_NONE },
		{ { .type = T("ext4"), .is_ambivalent = true }, ERR_AMBIVALENT },
		{ { .type = T("crypto_LUKS"), .usage = T("crypto") }, ERR_ENCRYPTED },
		{ { .type = T("BitLocker"), .usage = T("crypto") }, ERR_ENCRYPTED },
		{ { .type = T("LVM2_member"), .usage = T("raid") }, ERR_LVM },
		{ { .type = T("linux_raid_member"), .usage = T("raid") }, ERR_RAID },
		{ { .type = T("isw_raid_member"), .usage = T("raid") }, ERR_RAID },
		{ { .type = T("zfs_member"), .usage = T("filesystem") }, ERR_FS_UNUSABLE },
		{ { .type = T("swap"), .usage = T("other") }, ERR_FS_UNUSABLE },
		{ { .type = NULL }, ERR_FS_UNUSABLE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(volume_judge(&rows[i].v), rows[i].want);
	/* looked into, never written to */
	assert_int_equal(volume_judge(&(struct volume){ .type = T("btrfs") }), ERR_FS_UNUSABLE);
	assert_int_equal(volume_judge_look(&(struct volume){ .type = T("btrfs") }), ERR_NONE);
	assert_int_equal(volume_judge_look(&(struct volume){ .type = T("swap") }), ERR_FS_UNUSABLE);
	assert_int_equal(volume_judge_look(&(struct volume){ .type = NULL }), ERR_FS_UNUSABLE);
}

static void test_state(void **state)
{
	(void)state;
	assert_int_not_equal(volume_mount_state("/proc"), MOUNT_NONE);
	assert_int_equal(volume_mount_state("/proc/self"), MOUNT_NONE);
	assert_int_equal(volume_mount_state(""), MOUNT_NONE);
}

static void test_refused_before_mounting(void **state)
{
	struct volume v = { .path = T("/dev/null"),
			    .type = T("crypto_LUKS"),
			    .usage = T("crypto") };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(volume_mount(&v, "/nowhere", false, &e), -1);
	assert_int_equal(e.code, ERR_ENCRYPTED);
	assert_non_null(strstr(e.ctx[0], "crypto_LUKS"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_refused_before_mounting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
