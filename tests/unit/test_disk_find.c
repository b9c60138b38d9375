/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk/scan.h"

#define T(text) ((char *)(text)) /* the scan's strings are not const */

static struct disk disks[] = {
	{ .path = T("/dev/vda"),
	  .serial = T("web 01"),
	  .table = T("dos"),
	  .table_id = T("abcd"),
	  .size_bytes = 1 << 30 },
	{ .path = T("/dev/sdb"), .wwid = T("naa.5000c500a1b2c3d4"), .size_bytes = 1 << 20 },
	{ .path = T("/dev/nvme0n1"), .wwid = T("eui.0025385b71b0a1c2") },
	{ .path = T("/dev/vdb") },
};

static struct volume volumes[] = {
	{ .path = T("/dev/vda1"),
	  .type = T("ext4"),
	  .uuid = T("0a1b2c3d-0000-4000-8000-00000000000f"),
	  .label = T("root fs"),
	  .partuuid = T("abcd-01"),
	  .partno = 1,
	  .start_bytes = 1048576 },
	{ .path = T("/dev/vda2"),
	  .type = T("swap"),
	  .uuid = T("twin"),
	  .partlabel = T("swap"),
	  .partno = 2 },
	{ .path = T("/dev/sdb"),
	  .disk = 1,
	  .type = T("ext4"),
	  .uuid = T("twin"),
	  .label = T("data") },
};

static struct disk_scan scan = {
	.disks = disks,
	.disk_count = 4,
	.volumes = volumes,
	.volume_count = 3,
};

static void check_reference(const char *text, enum ref_kind kind, const char *value)
{
	char buf[64];

	assert_int_equal(disk_parse_reference(text, buf, sizeof(buf)), kind);
	if (kind != REF_NONE)
		assert_string_equal(buf, value);
}

static void test_references(void **state)
{
	char small[4];

	(void)state;
	check_reference("UUID=1234", REF_UUID, "1234");
	check_reference("UUID=\"1234\"", REF_UUID, "1234");
	check_reference("LABEL='a b'", REF_LABEL, "a b");
	check_reference("LABEL=\"", REF_LABEL, "\"");
	check_reference("PARTUUID=ab-01", REF_PARTUUID, "ab-01");
	check_reference("PARTLABEL=x", REF_PARTLABEL, "x");
	check_reference("/dev/disk/by-uuid/1234", REF_UUID, "1234");
	check_reference("/dev/disk/by-label/a\\x20b", REF_LABEL, "a b");
	check_reference("/dev/disk/by-label/a\\x2", REF_LABEL, "a\\x2");
	check_reference("/dev/vda1", REF_PATH, "/dev/vda1");
	check_reference("/dev/disk/by-label/a\\x00b", REF_NONE, NULL);
	check_reference("UUID=", REF_NONE, NULL);
	check_reference("", REF_NONE, NULL);
	check_reference("tmpfs", REF_NONE, NULL);
	check_reference("server:/export", REF_NONE, NULL);
	assert_int_equal(disk_parse_reference("UUID=12345", small, sizeof(small)), REF_NONE);
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(disk_find(&scan, "UUID=0A1B2C3D-0000-4000-8000-00000000000F"),
			 &volumes[0]);
	assert_ptr_equal(disk_find(&scan, "LABEL=\"root fs\""), &volumes[0]);
	assert_ptr_equal(disk_find(&scan, "/dev/disk/by-label/root\\x20fs"), &volumes[0]);
	assert_ptr_equal(disk_find(&scan, "PARTUUID=abcd-01"), &volumes[0]);
	assert_ptr_equal(disk_find(&scan, "PARTLABEL=swap"), &volumes[1]);
	assert_ptr_equal(disk_find(&scan, "/dev/sdb"), &volumes[2]);
	assert_ptr_equal(disk_find(&scan, "/dev/disk/by-id/virtio-web_01-part2"), &volumes[1]);
	assert_ptr_equal(disk_find(&scan, "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"), &volumes[2]);
	assert_null(disk_find(&scan, "UUID=twin")); /* two of them: neither */
	assert_null(disk_find(&scan, "LABEL=Data"));
	assert_null(disk_find(&scan, "/dev/vda3"));
	assert_null(disk_find(&scan, "nonsense"));
}

static void test_logical_volumes(void **state)
{
	struct volume with[4];
	struct disk_scan more = scan;
	char a[16], b[16];

	(void)state;
	memcpy(with, volumes, sizeof(volumes));
	with[3] = (struct volume){ .path = T("/dev/mapper/v--g-ro--ot"), .stack = T("lvm") };
	more.volumes = with;
	more.volume_count = 4;
	assert_ptr_equal(disk_find(&more, "/dev/mapper/v--g-ro--ot"), &with[3]);
	assert_ptr_equal(disk_find(&more, "/dev/v-g/ro-ot"), &with[3]);
	assert_null(disk_find(&more, "/dev/v/g-ro-ot"));
	/* The name of the disk is not that of what lies on it. */
	assert_null(disk_find(&more, "/dev/disk/by-id/virtio-web_01"));
	/* Assembled or not, it is the same disk. */
	disk_token(&scan, 0, a);
	disk_token(&more, 0, b);
	assert_string_equal(a, b);
	with[3].stack = T("raid");
	assert_null(disk_find(&more, "/dev/v-g/ro-ot"));
}

static void test_by_id(void **state)
{
	char *id;

	(void)state;
	id = disk_by_id(&disks[0]);
	assert_string_equal(id, "/dev/disk/by-id/virtio-web_01");
	free(id);
	id = disk_by_id(&disks[2]);
	assert_string_equal(id, "/dev/disk/by-id/nvme-eui.0025385b71b0a1c2");
	free(id);
	assert_null(disk_by_id(&disks[3])); /* virtio without a serial: nothing stable */
}

static void test_token(void **state)
{
	char a[16], b[16];
	size_t i;

	(void)state;
	disk_token(&scan, 0, a);
	assert_int_equal(strlen(a), 8);
	for (i = 0; i < 8; i++)
		assert_non_null(strchr("abcdefghijkmnpqrstuvwxyz23456789", a[i]));
	disk_token(&scan, 0, b);
	assert_string_equal(a, b);
	disk_token(&scan, 1, b);
	assert_string_not_equal(a, b);
	/* Another disk's file systems do not matter, its own do. */
	volumes[2].uuid = T("other");
	disk_token(&scan, 0, b);
	assert_string_equal(a, b);
	volumes[1].uuid = T("other");
	disk_token(&scan, 0, b);
	assert_string_not_equal(a, b);
	volumes[1].uuid = volumes[2].uuid = T("twin");
	disks[0].size_bytes++;
	disk_token(&scan, 0, b);
	assert_string_not_equal(a, b);
	disks[0].size_bytes--;
	disk_token(&scan, 0, b);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),	cmocka_unit_test(test_find),
		cmocka_unit_test(test_logical_volumes), cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
