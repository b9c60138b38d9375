/* SPDX-License-Identifier: MIT */
/* The boot area during the switch, on an image file: saved, replaced, put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "disk_try.h"
#include <fcntl.h>

#include "base/io.h"
#include "job/activate.h"

#define IMAGE_BYTES (2048 * 512 + 4096)
#define CORE_BYTES 30000

static char dir[64], disk_path[80];
static struct root top = { .fd = -1 };
static struct target t;
static struct disk disk;
static struct record r;
static uint8_t original[IMAGE_BYTES], now[IMAGE_BYTES];

/* What the checks of an image look at: GRUB's own files have these bytes. */
static void make_images(uint8_t boot[512], uint8_t core[CORE_BYTES])
{
	memset(boot, 0x11, 512);
	boot[0] = 0xeb;
	memcpy(boot + 0x180, "GRUB ", 6);
	boot[510] = 0x55;
	boot[511] = 0xaa;
	memset(core, 0x22, CORE_BYTES);
	memset(core + 512 - 12 * 16, 0, 12 * 16);
	core[510] = 0x20; /* the segment 0x820 of the first block list */
	core[511] = 0x08;
}

static void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(root_replace(&top, path, data, len, NULL, NULL), 0);
}

/* A disk with one partition from sector 2048 and an old GRUB's bytes everywhere before it. */
static void make_disk(void)
{
	size_t i;

	for (i = 0; i < IMAGE_BYTES; i++)
		original[i] = (uint8_t)(i * 7 + i / 512);
	memset(original + 0x1be, 0, 64);
	original[0x1be + 4] = 0x83;
	original[0x1be + 9] = 2048 >> 8;
	original[0x1be + 12] = 4;
	original[510] = 0x55;
	original[511] = 0xaa;
	disk_write(disk_path, original, IMAGE_BYTES);
}

static int set_up(void **state)
{
	static const char *const mounts[] = { "/", "/boot" };
	uint8_t boot[512], core[CORE_BYTES];
	unsigned i;

	(void)state;
	strcpy(dir, "/tmp/rehost-activate-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0)
		return -1;
	snprintf(disk_path, sizeof(disk_path), "%s/disk", dir);
	make_disk();
	disk = (struct disk){ .path = disk_path,
			      .table = (char *)"dos",
			      .table_id = (char *)"1234abcd",
			      .size_bytes = IMAGE_BYTES,
			      .sector_bytes = 512 };
	t = (struct target){ .fs_count = 2 };
	t.scan.disks = &disk;
	t.scan.disk_count = 1;
	make_images(boot, core);
	put("0/.rehost/keep", "", 0);
	put("1/.rehost/tree/grub/i386-pc/boot.img", boot, sizeof(boot));
	put("1/.rehost/tree/grub/i386-pc/core.img", core, sizeof(core));
	for (i = 0; i < 2; i++) {
		t.fs[i].mount = (char *)mounts[i];
		if (root_open_below(&t.fs[i].root, &top, i ? "1" : "0", NULL) < 0)
			return -1;
	}
	record_init(&r);
	return 0;
}

static int tear_down(void **state)
{
	struct root all cleanup_root = ROOT_INIT;

	(void)state;
	record_done(&r);
	root_close(&t.fs[0].root);
	root_close(&t.fs[1].root);
	root_close(&top);
	return root_open(&all, "/", NULL) < 0 ? -1 : root_remove_tree(&all, dir, NULL);
}

static void exchange(void)
{
	assert_int_equal(renameat(top.fd, "1/.rehost/tree/grub", top.fd, "1/grub"), 0);
}

static void test_save_write_and_put_back(void **state)
{
	struct err e = ERR_INIT;
	int i;

	(void)state;
	if (activate_prepare(&t, &r, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), original,
			    IMAGE_BYTES); /* nothing written yet */
	assert_string_equal(r.boot_disk, disk_path);
	assert_string_equal(r.boot_table_id, "1234abcd");
	/* header, sector 0, and the gap of 2047 sectors */
	assert_int_equal(r.boot_saved_bytes, 32 + 512 + 2047 * 512);
	exchange();
	for (i = 0; i < 2; i++) { /* the second time over its own work */
		assert_int_equal(activate_write(&t, &r, &e), 0);
		disk_read(disk_path, now, IMAGE_BYTES);
		assert_int_equal(now[0], 0xeb);
		assert_int_equal(now[0x100], 0x11);
		assert_int_equal(now[512 + 512], 0x22);
		assert_int_equal(now[512 + CORE_BYTES - 1], 0x22);
		assert_memory_equal(now + 0x1b8, original + 0x1b8, 512 - 0x1b8);
		assert_memory_equal(now + 512 + 60 * 512, original + 512 + 60 * 512,
				    IMAGE_BYTES - 61 * 512);
	}
	assert_int_equal(activate_restore(&t, &r, &e), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), original, IMAGE_BYTES);
	assert_int_equal(activate_restore(&t, &r, &e), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), original, IMAGE_BYTES);
}

/* A partition that was made since stays. */
static void test_put_back_keeps_the_partition_table(void **state)
{
	(void)state;
	assert_int_equal(activate_prepare(&t, &r, NULL), 0);
	disk_read(disk_path, now, IMAGE_BYTES);
	now[0x1be + 16 + 4] = 0x82;
	now[0x1be + 16 + 8] = 4; /* sector 2052 */
	now[0x1be + 16 + 9] = 8;
	now[0x1be + 16 + 12] = 4;
	now[5] ^= 1;
	disk_write(disk_path, now, IMAGE_BYTES);
	original[0x1be + 16 + 4] = 0x82;
	original[0x1be + 16 + 8] = 4; /* sector 2052 */
	original[0x1be + 16 + 9] = 8;
	original[0x1be + 16 + 12] = 4;
	assert_int_equal(activate_restore(&t, &r, NULL), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), original, IMAGE_BYTES);
}

static void expect_refused(int rc, const struct err *e, enum err_code code)
{
	assert_int_equal(rc, -1);
	assert_int_equal(e->code, code);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), original, IMAGE_BYTES);
}

static void test_changes_are_refused(void **state)
{
	uint8_t boot[512], core[CORE_BYTES];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(activate_prepare(&t, &r, NULL), 0);
	exchange();
	disk.table_id = (char *)"another";
	expect_refused(activate_write(&t, &r, &e), &e, ERR_BOOT_AREA);
	expect_refused(activate_restore(&t, &r, &e), &e, ERR_BOOT_AREA);
	disk.table_id = (char *)"1234abcd";
	make_images(boot, core);
	core[20000] ^= 1;
	put("1/grub/i386-pc/core.img", core, sizeof(core));
	expect_refused(activate_write(&t, &r, &e), &e, ERR_BOOT_AREA);
	assert_int_equal(root_remove(&top, "1/grub/i386-pc/core.img", NULL), 0);
	expect_refused(activate_write(&t, &r, &e), &e, ERR_FILE);
}

static void test_damaged_save_is_refused(void **state)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(activate_restore(&t, &r, &e), 0); /* nothing was saved: nothing to do */
	assert_int_equal(activate_prepare(&t, &r, NULL), 0);
	assert_int_equal(root_read(&t.fs[0].root, SAVED_BOOT_AREA, &b, IMAGE_BYTES, NULL), 0);
	b.data[700] ^= 1;
	assert_int_equal(root_replace(&t.fs[0].root, SAVED_BOOT_AREA, b.data, b.len, NULL, NULL),
			 0);
	expect_refused(activate_restore(&t, &r, &e), &e, ERR_BOOT_AREA);
	assert_int_equal(root_replace(&t.fs[0].root, SAVED_BOOT_AREA, b.data, 100, NULL, NULL), 0);
	expect_refused(activate_restore(&t, &r, &e), &e, ERR_BOOT_AREA);
	assert_int_equal(root_remove(&t.fs[0].root, SAVED_BOOT_AREA, NULL), 0);
	expect_refused(activate_restore(&t, &r, &e), &e, ERR_FILE);
}

/* A link in the stage leads nowhere outside of it. */
static void test_images_only_from_the_clone(void **state)
{
	uint8_t boot[512], core[CORE_BYTES];
	struct err e = ERR_INIT;

	(void)state;
	make_images(boot, core);
	put("1/old/boot.img", boot, sizeof(boot));
	put("1/old/core.img", core, sizeof(core));
	assert_int_equal(root_remove_tree(&top, "1/.rehost/tree/grub/i386-pc", NULL), 0);
	assert_int_equal(root_symlink(&top, "1/.rehost/tree/grub/i386-pc", "/old", NULL), 0);
	expect_refused(activate_prepare(&t, &r, &e), &e, ERR_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_save_write_and_put_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_put_back_keeps_the_partition_table, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_changes_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_save_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_images_only_from_the_clone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
