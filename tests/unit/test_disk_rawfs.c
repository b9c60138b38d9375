/* SPDX-License-Identifier: MIT */
/* File systems read without the kernel: made by mke2fs, damaged by hand, journals that nobody replayed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_disk.h"
#include "disk/rawdisk.h"
#include "disk/rawfs.h"

struct opened {
	struct rawdisk disk;
	struct rawfs *fs;
};

static void open_first(struct opened *o, const struct boot_disk *d)
{
	struct err e = ERR_INIT;

	assert_int_equal(rawdisk_open(&o->disk, d->image, &e), 0);
	assert_int_equal(o->disk.part_count, 1);
	assert_int_equal(o->disk.parts[0].number, 1);
	assert_int_equal(o->disk.parts[0].start_bytes, PART_START);
	assert_string_equal(o->disk.parts[0].type, "0x83");
	assert_int_equal(rawfs_open(&o->fs, &o->disk, &o->disk.parts[0], &e), 0);
}

static void close_first(struct opened *o)
{
	rawfs_close(o->fs);
	rawdisk_close(&o->disk);
}

static void expect_text(struct rawfs *fs, const char *path, const char *want)
{
	struct strbuf text = STRBUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(rawfs_read(fs, path, &text, 1 << 20, &e), 0);
	assert_int_equal(text.len, strlen(want));
	assert_memory_equal(strbuf_str(&text), want, text.len);
	strbuf_done(&text);
}

static void expect_errno(struct rawfs *fs, const char *path, int want)
{
	struct err e = ERR_INIT;
	struct rawfs_node n;

	assert_int_equal(rawfs_lookup(fs, path, true, &n, &e), -1);
	assert_int_equal(e.code, ERR_FILE);
	assert_int_equal(e.sys, want);
}

static void put_links(const struct boot_disk *d)
{
	char target[200], line[600];
	int i;

	shell("mkdir -p %s/a/b && ln -s /a/b/file %s/absolute && ln -s ../file %s/a/b/up && "
	      "ln -s loop %s/loop && ln -s a %s/dir && ln -s absolute %s/l1",
	      d->tree, d->tree, d->tree, d->tree, d->tree, d->tree);
	/* Longer than an inode holds: in a block of its own. */
	memset(target, 0, sizeof(target));
	for (i = 0; i < 30; i++)
		strcat(target, "./a/.");
	strcpy(target + 90, "/../a/b/file");
	shell("ln -s '%s' %s/long", target, d->tree);
	for (i = 2; i <= 9; i++) {
		snprintf(line, sizeof(line), "ln -s l%d %s/l%d", i - 1, d->tree, i);
		shell("%s", line);
	}
}

static void names_and_links(void **state)
{
	struct strlist names = STRLIST_INIT;
	struct err e = ERR_INIT;
	struct rawfs_node n;
	struct boot_disk d;
	struct opened o;

	(void)state;
	disk_begin(&d);
	disk_puts(&d, "a/b/file", "inside\n");
	disk_puts(&d, "a/file", "above\n");
	disk_puts(&d, "empty", "");
	put_links(&d);
	disk_make(&d, "-t ext4");
	open_first(&o, &d);
	assert_string_equal(rawfs_uuid(o.fs), FS_UUID);
	assert_false(rawfs_needs_recovery(o.fs));
	expect_text(o.fs, "/a/b/file", "inside\n");
	expect_text(o.fs, "a//b/./../b/file", "inside\n");
	expect_text(o.fs, "/../../a/file", "above\n");
	expect_text(o.fs, "/absolute", "inside\n");
	expect_text(o.fs, "/a/b/up", "above\n");
	expect_text(o.fs, "/dir/b/file", "inside\n");
	expect_text(o.fs, "/empty", "");
	expect_text(o.fs, "/l7", "inside\n"); /* eight links, the first names "absolute" */
	expect_errno(o.fs, "/l9", ELOOP);
	expect_errno(o.fs, "/loop", ELOOP);
	expect_errno(o.fs, "/nowhere/file", ENOENT);
	expect_errno(o.fs, "/a/file/x", ENOTDIR);
	assert_int_equal(rawfs_lookup(o.fs, "/loop", false, &n, &e), 0);
	assert_true(S_ISLNK(n.mode));
	assert_false(rawfs_is_file(o.fs, "/empty"));
	assert_true(rawfs_is_dir(o.fs, "/dir/b"));
	assert_int_equal(rawfs_list(o.fs, "/a", &names, &e), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.items[0], "b");
	assert_string_equal(names.items[1], "file");
	strlist_done(&names);
	close_first(&o);
	disk_end(&d);
}

/* Many blocks, a hole in the middle, on extents and on block lists, with blocks of 1 KiB and of 4. */
static void content_on(const char *options)
{
	static uint8_t want[3000000];
	struct strbuf got = STRBUF_INIT;
	struct rawfs_extent gaps;
	struct err e = ERR_INIT;
	struct rawfs_node n;
	struct boot_disk d;
	struct opened o;
	uint8_t head[10];
	size_t i, len;

	disk_begin(&d);
	for (i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)(i * 7 + i / 1000 + 1);
	memset(want + (1 << 20), 0, 1 << 20);
	disk_put(&d, "big", want, sizeof(want));
	shell("fallocate -d %s/big 2>/dev/null || cp --sparse=always %s/big %s/x", d.tree, d.tree,
	      d.tree);
	disk_make(&d, options);
	open_first(&o, &d);
	assert_int_equal(rawfs_read(o.fs, "big", &got, sizeof(want), &e), 0);
	assert_int_equal(got.len, sizeof(want));
	assert_memory_equal(got.data, want, sizeof(want));
	assert_int_equal(rawfs_map_file(o.fs, "big", &n, &gaps, &e), 0);
	assert_int_equal(n.size_bytes, sizeof(want));
	assert_int_equal(gaps.unwritten_bytes, 0);
	assert_int_equal(gaps.hole_bytes, 1 << 20);
	assert_int_equal(rawfs_read_head(o.fs, "big", head, sizeof(head), &len, &e), 0);
	assert_memory_equal(head, want, 10);
	assert_int_equal(len, 10);
	strbuf_done(&got);
	assert_int_equal(rawfs_read(o.fs, "big", &got, sizeof(want) - 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	close_first(&o);
	disk_end(&d);
}

static void content_of_files(void **state)
{
	(void)state;
	content_on("-t ext4");
	content_on("-t ext2 -b 1024");
	content_on("-t ext3 -b 4096");
}

static uint64_t block_of(const struct boot_disk *d, const char *path)
{
	char text[40] = "", name[100];

	shell("debugfs -R 'bmap %s 0' '%s?offset=%u' >%s/log 2>%s/errors", path, d->image,
	      PART_START, d->dir, d->dir);
	snprintf(name, sizeof(name), "%s/log", d->dir);
	file_bytes(name, (uint8_t *)text, sizeof(text) - 1);
	return strtoull(text, NULL, 10);
}

/* What lies only in the journal is not there, and is there after somebody replayed it. */
static void a_journal_is_not_replayed(void **state)
{
	static char block[4096];
	struct boot_disk d;
	struct opened o;
	uint64_t at;

	(void)state;
	disk_begin(&d);
	disk_puts(&d, "file", "old text\n");
	disk_make(&d, "-t ext4 -b 4096 -O ^metadata_csum");
	at = block_of(&d, "/file");
	assert_true(at > 0);
	strcpy(block, "new text\n");
	disk_put(&d, "../block", block, sizeof(block));
	shell("printf 'jo\\njw -b %llu %s/block\\njc\\n' >%s/commands", (unsigned long long)at,
	      d.dir, d.dir);
	shell("debugfs -w -f %s/commands '%s?offset=%u' >%s/log 2>&1", d.dir, d.image, PART_START,
	      d.dir);
	open_first(&o, &d);
	assert_true(rawfs_needs_recovery(o.fs));
	expect_text(o.fs, "/file", "old text\n");
	close_first(&o);
	/* debugfs replays a journal only where the file system begins with the file. */
	shell("dd if=%s of=%s/part bs=1M skip=1 status=none && debugfs -w -R jr %s/part >%s/log "
	      "2>&1 && "
	      "dd if=%s/part of=%s bs=1M seek=1 conv=notrunc status=none",
	      d.image, d.dir, d.dir, d.dir, d.dir, d.image);
	open_first(&o, &d);
	assert_false(rawfs_needs_recovery(o.fs));
	expect_text(o.fs, "/file", "new text\n");
	close_first(&o);
	disk_end(&d);
}

/* An entry whose inode was never written, blocks outside, blocks reserved and never written. */
static void what_would_break_a_loader(void **state)
{
	struct rawfs_extent gaps;
	struct err e = ERR_INIT;
	struct rawfs_node n;
	struct boot_disk d;
	struct opened o;

	(void)state;
	disk_begin(&d);
	disk_puts(&d, "gone", "text");
	disk_puts(&d, "wild", "text");
	disk_puts(&d, "reserved", "text");
	disk_make(&d, "-t ext4 -b 4096 -O ^metadata_csum");
	disk_debugfs(&d, "clri /gone");
	disk_debugfs(&d,
		     "sif /wild block[5] 0x00ffffff"); /* the first extent's place on the disk */
	disk_debugfs(&d, "fallocate /reserved 1 20");
	disk_debugfs(&d, "sif /reserved size 40960");
	open_first(&o, &d);
	assert_int_equal(rawfs_lookup(o.fs, "/gone", true, &n, &e), -1);
	assert_int_equal(e.code, ERR_RAWFS);
	err_clear(&e);
	assert_int_equal(rawfs_map_file(o.fs, "/wild", &n, &gaps, &e), -1);
	assert_int_equal(e.code, ERR_RAWFS);
	err_clear(&e);
	assert_int_equal(rawfs_map_file(o.fs, "/reserved", &n, &gaps, &e), 0);
	assert_int_equal(n.size_bytes, 40960);
	assert_int_equal(gaps.unwritten_bytes, 36864);
	close_first(&o);
	disk_end(&d);
}

/* Superblocks that promise too much, and features that GRUB does not know. */
static void hostile_superblocks(void **state)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} cases[] = {
		{ 0x04, 0xffffffff }, { 0x18, 40 },	    { 0x18, 7 },
		{ 0x20, 0 },	      { 0x20, 1 },	    { 0x60, 0x8242 /* inline_data */ },
		{ 0x60, 0x20242 },    { 0x60, 0x800000c2 }, { 0x150, 0xffffffff },
	};
	struct boot_disk d;
	uint8_t super[1024];
	size_t i;

	(void)state;
	disk_begin(&d);
	disk_puts(&d, "file", "text\n");
	disk_make(&d, "-t ext4 -O 64bit");
	disk_read(&d, PART_START + 1024, super, sizeof(super));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rawfs *fs = NULL;
		struct err e = ERR_INIT;
		struct rawdisk disk;
		uint8_t bad[1024];

		memcpy(bad, super, sizeof(bad));
		put_le32(bad + cases[i].at, cases[i].value);
		disk_write(&d, PART_START + 1024, bad, sizeof(bad));
		assert_int_equal(rawdisk_open(&disk, d.image, &e), 0);
		assert_int_equal(rawfs_open(&fs, &disk, &disk.parts[0], &e), -1);
		assert_int_equal(e.code, ERR_RAWFS);
		assert_true(e.nctx >= 2);
		rawdisk_close(&disk);
	}
	disk_end(&d);
}

/* Everything below a folder is looked up, listed and read. */
static void visit(struct rawfs *fs, const char *path, int depth)
{
	struct strlist names = STRLIST_INIT;
	size_t i;

	if (rawfs_list(fs, path, &names, NULL) == 0)
		for (i = 0; i < names.count && i < 100; i++) {
			struct strbuf text = STRBUF_INIT;
			struct rawfs_node n;
			char below[600];

			snprintf(below, sizeof(below), "%.300s/%.255s", path, names.items[i]);
			if (rawfs_lookup(fs, below, true, &n, NULL) == 0) {
				if (S_ISDIR(n.mode) && depth < 4)
					visit(fs, below, depth + 1);
				else if (rawfs_read(fs, below, &text, 1 << 20, NULL) == 0)
					assert_int_equal(text.len, n.size_bytes);
			}
			strbuf_done(&text);
		}
	strlist_done(&names);
}

/* Bytes of the first blocks (superblock, descriptors, inodes, directories) overwritten: no harm, whatever is read. */
static void random_damage(void **state)
{
	static uint8_t good[600 * 1024], bad[sizeof(good)];
	struct boot_disk d;
	unsigned seed, i, opened = 0;

	(void)state;
	disk_begin(&d);
	disk_puts(&d, "a/b/file", "inside\n");
	disk_puts(&d, "a/x", "text");
	put_links(&d);
	disk_make(&d, "-t ext4 -b 1024 -N 64 -O ^metadata_csum");
	disk_read(&d, PART_START, good, sizeof(good));
	for (seed = 1; seed <= 200; seed++) {
		struct err e = ERR_INIT;
		struct rawdisk disk;
		struct rawfs *fs;

		srandom(seed);
		memcpy(bad, good, sizeof(bad));
		for (i = 0; i < 1 + seed % 40; i++) {
			unsigned at = 1024 + (unsigned)random() % (sizeof(good) - 1024);

			/* Most of it is empty: the damage goes where something is. */
			while (!good[at] && at + 1 < sizeof(good))
				at++;
			bad[at] = (uint8_t)random();
		}
		disk_write(&d, PART_START, bad, sizeof(bad));
		assert_int_equal(rawdisk_open(&disk, d.image, &e), 0);
		if (rawfs_open(&fs, &disk, &disk.parts[0], &e) == 0) {
			opened++;
			visit(fs, "", 0);
			rawfs_close(fs);
		}
		rawdisk_close(&disk);
	}
	assert_true(opened > 20);
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_links),
		cmocka_unit_test(content_of_files),
		cmocka_unit_test(a_journal_is_not_replayed),
		cmocka_unit_test(what_would_break_a_loader),
		cmocka_unit_test(hostile_superblocks),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
