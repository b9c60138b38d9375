/* SPDX-License-Identifier: MIT */
/* FAT as mkfs.vfat and mtools write it, in its three kinds, and damaged by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_disk.h"
#include "disk/fatswap.h"
#include "disk/rawdisk.h"
#include "disk/rawfs.h"

#define BIG 200001u
#define LONG_NAME "A rather long name with Ümläute and 漢字, for a folder.d"

static uint8_t big[BIG];

struct opened {
	struct rawdisk disk;
	struct rawfs *fs;
};

static void make(struct boot_disk *d, const char *options, unsigned kib)
{
	size_t i;

	disk_begin(d);
	for (i = 0; i < BIG; i++)
		big[i] = (uint8_t)(i * 13 + i / 777);
	shell("truncate -s %uk %s && mkfs.vfat %s -i CAFE0123 -n LABEL %s >%s/log 2>&1", kib,
	      d->image, options, d->image, d->dir);
	disk_put(d, "big", big, BIG);
	disk_put(d, "half", big, 70000);
	disk_puts(d, "small", "some text\n");
	disk_puts(d, "none", "");
	shell("export LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1; cd %s && i=%s && "
	      "mmd -i $i ::/EFI ::/EFI/debian '::/" LONG_NAME "' && "
	      "mcopy -i $i half ::/first && mcopy -i $i small ::/second && mdel -i $i ::/first && "
	      "mcopy -i $i big ::/EFI/debian/shimx64.efi && mcopy -i $i small '::/" LONG_NAME
	      "/file name' && mcopy -i $i none ::/none",
	      d->tree, d->image);
}

static void open_it(struct opened *o, const struct boot_disk *d)
{
	struct err e = ERR_INIT;

	assert_int_equal(rawdisk_open(&o->disk, d->image, &e), 0);
	assert_int_equal(o->disk.part_count, 1);
	assert_int_equal(o->disk.parts[0].number, 0);
	assert_int_equal(rawfs_open(&o->fs, &o->disk, &o->disk.parts[0], &e), 0);
	assert_int_equal(rawfs_kind(o->fs), RAWFS_FAT);
}

static void close_it(struct opened *o)
{
	rawfs_close(o->fs);
	rawdisk_close(&o->disk);
}

static void expect_content(struct rawfs *fs, const char *path, const void *want, size_t len)
{
	struct strbuf got = STRBUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(rawfs_read(fs, path, &got, BIG, &e), 0);
	assert_int_equal(got.len, len);
	assert_memory_equal(strbuf_str(&got), want, len);
	strbuf_done(&got);
}

static void expect_files(const char *options, unsigned kib)
{
	struct strlist names = STRLIST_INIT;
	struct err e = ERR_INIT;
	struct rawfs_node n;
	struct boot_disk d;
	struct opened o;

	make(&d, options, kib);
	open_it(&o, &d);
	assert_string_equal(rawfs_uuid(o.fs), "CAFE-0123");
	expect_content(o.fs, "/EFI/debian/shimx64.efi", big, BIG);
	expect_content(o.fs, "/efi/DEBIAN/ShimX64.EFI", big, BIG);
	expect_content(o.fs, "/EFI/debian/../../second", "some text\n", 10);
	expect_content(o.fs, "/" LONG_NAME "/file name", "some text\n", 10);
	expect_content(o.fs, "/none", "", 0);
	assert_int_equal(rawfs_lookup(o.fs, "/first", true, &n, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(rawfs_list(o.fs, "/", &names, &e), 0);
	assert_int_equal(names.count, 4);
	assert_string_equal(names.items[0], LONG_NAME);
	assert_string_equal(names.items[1], "EFI");
	assert_string_equal(names.items[2], "none");
	assert_string_equal(names.items[3], "second");
	strlist_done(&names);
	close_it(&o);
	disk_end(&d);
}

static void three_kinds(void **state)
{
	(void)state;
	expect_files("-F 12", 1440);
	expect_files("-F 16 -s 1", 8192);
	expect_files("-F 32 -s 1", 36864);
}

/* Two files change contents by one sector; the file system is as sound as before, and nothing else changed. */
static void expect_swap(const char *options, unsigned kib)
{
	struct err e = ERR_INIT;
	struct boot_disk d;
	struct opened o;

	make(&d, options, kib);
	shell("cd %s && MTOOLS_SKIP_CHECK=1 mcopy -i %s small ::/EFI/debian/REHOST.EFI && cp %s "
	      "%s/before",
	      d.tree, d.image, d.image, d.dir);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "shimx64.efi", "REHOST.EFI", &e), 0);
	shell("[ $(cmp -l %s %s/before | wc -l) -le 38 ]", d.image, d.dir);
	shell("fsck.vfat -n %s >%s/log", d.image, d.dir);
	open_it(&o, &d);
	expect_content(o.fs, "/EFI/debian/shimx64.efi", "some text\n", 10);
	expect_content(o.fs, "/EFI/debian/REHOST.EFI", big, BIG);
	close_it(&o);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "SHIMX64.EFI", "rehost.efi", &e), 0);
	shell("cmp %s %s/before", d.image, d.dir);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "shimx64.efi", "none", &e), -1);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "shimx64.efi", "shimx64.efi", &e), -1);
	assert_int_equal(fat_swap(d.image, "/EFI", "debian", "debian", &e), -1);
	assert_int_equal(fat_swap(d.image, "/EFI/debian/shimx64.efi", "a", "b", &e), -1);
	shell("cmp %s %s/before", d.image, d.dir);
	disk_end(&d);
}

static void swapped(void **state)
{
	(void)state;
	expect_swap("-F 12", 1440);
	expect_swap("-F 32 -s 1", 36864);
}

/* What is not in one sector is not touched. */
static void not_swapped_over_sectors(void **state)
{
	struct err e = ERR_INIT;
	struct boot_disk d;

	(void)state;
	make(&d, "-F 32 -s 1", 36864);
	shell("cd %s && export MTOOLS_SKIP_CHECK=1; for i in $(seq 20); do mcopy -i %s small "
	      "::/EFI/debian/FILE$i; done; cp %s %s/before",
	      d.tree, d.image, d.image, d.dir);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "shimx64.efi", "FILE20", &e), -1);
	shell("cmp %s %s/before", d.image, d.dir);
	assert_int_equal(fat_swap(d.image, "/EFI/debian", "FILE19", "FILE20", &e), 0);
	disk_end(&d);
}

/* A chain that leads into itself, out of the table, or ends early; a directory in a circle. */
static void broken_chains(void **state)
{
	static const uint32_t links[] = { 0x0fffffff, 0x00fffff0, 0, 1, 0x0ffffff7 };
	uint8_t boot[512], entry[4];
	struct err e = ERR_INIT;
	struct strlist names = STRLIST_INIT;
	struct rawfs_node n;
	struct boot_disk d;
	struct opened o;
	uint64_t fat;
	size_t i;

	(void)state;
	make(&d, "-F 32 -s 1", 36864);
	open_it(&o, &d);
	assert_int_equal(rawfs_lookup(o.fs, "/EFI/debian/shimx64.efi", true, &n, &e), 0);
	disk_read(&d, 0, boot, sizeof(boot));
	fat = (uint64_t)get_le16(boot + 14) * 512;
	close_it(&o);
	for (i = 0; i < ARRAY_SIZE(links); i++) {
		put_le32(entry, links[i]);
		disk_write(&d, fat + n.ino * 4 + 8, entry, 4);
		open_it(&o, &d);
		err_clear(&e);
		assert_int_equal(rawfs_map_file(o.fs, "/EFI/debian/shimx64.efi", NULL, NULL, &e),
				 -1);
		assert_int_equal(e.code, ERR_RAWFS);
		close_it(&o);
	}
	/* The root's first cluster follows itself: read to the limit of a directory, and no further. */
	put_le32(entry, 2);
	disk_write(&d, fat + 8, entry, 4);
	open_it(&o, &d);
	assert_int_equal(rawfs_list(o.fs, "/", &names, &e), 0);
	strlist_done(&names);
	close_it(&o);
	disk_end(&d);
}

/* Numbers that do not fit together are no FAT; what they promise is never allocated. */
static void hostile_boot_sectors(void **state)
{
	static const struct {
		unsigned at, bytes;
		uint32_t value;
	} cases[] = {
		{ 11, 2, 0 },	{ 11, 2, 511 },	      { 11, 2, 8192 }, { 13, 1, 0 },
		{ 13, 1, 3 },	{ 14, 2, 0 },	      { 16, 1, 0 },    { 17, 2, 0xffff },
		{ 32, 4, ~0u }, { 36, 4, 0xfffffff }, { 36, 4, 1 },    { 510, 2, 0 },
		{ 0, 1, 0 },	{ 22, 2, 0xffff },
	};
	struct boot_disk d;
	uint8_t boot[512];
	size_t i;

	(void)state;
	make(&d, "-F 32 -s 1", 36864);
	disk_read(&d, 0, boot, sizeof(boot));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rawdisk disk;
		struct rawfs *fs = NULL;
		struct err e = ERR_INIT;
		uint8_t bad[512];
		struct raw_part all = { .size_bytes = 36864 * 1024 };

		memcpy(bad, boot, sizeof(bad));
		memcpy(bad + cases[i].at, &cases[i].value, cases[i].bytes);
		disk_write(&d, 0, bad, sizeof(bad));
		assert_int_equal(rawdisk_open(&disk, d.image, &e), 0);
		assert_int_equal(rawfs_open(&fs, &disk, &all, &e), -1);
		assert_int_equal(e.code, ERR_RAWFS);
		rawdisk_close(&disk);
	}
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_kinds),
		cmocka_unit_test(swapped),
		cmocka_unit_test(not_swapped_over_sectors),
		cmocka_unit_test(broken_chains),
		cmocka_unit_test(hostile_boot_sectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
