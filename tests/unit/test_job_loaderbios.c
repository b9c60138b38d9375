/* SPDX-License-Identifier: MIT */
/* The private loader on an image file: planted, given back, finished; what is refused; its script and conf.cpio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "disk_try.h"
#include <fcntl.h>

#include "base/hash.h"
#include "base/io.h"
#include "disk/bootarea.h"
#include "disk/extfs.h"
#include "job/loader_priv.h"

#define IMAGE_BYTES (2056 * 512)
#define OURS_SECTORS 40
#define CLONE_SECTORS 60
#define OLD_SECTORS 50

static char dir[64], disk_path[80], volume_path[80], run_at[80];
static struct root top = { .fd = -1 };
static struct target t;
static struct disk disk;
static struct volume volume;
static struct record r;
static uint8_t before[IMAGE_BYTES], now[IMAGE_BYTES];

static void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(root_replace(&top, path, data, len, NULL, NULL), 0);
}

/* The fields that GRUB's files have and that are looked at. */
static void make_boot(uint8_t boot[512], uint8_t fill)
{
	memset(boot, fill, 512);
	boot[0] = 0xeb;
	memcpy(boot + 0x180, "GRUB ", 6);
	boot[510] = 0x55;
	boot[511] = 0xaa;
}

static uint8_t *make_core(unsigned sectors, uint8_t fill)
{
	static uint8_t core[100 * 512];

	memset(core, fill, sizeof(core));
	memset(core + 512 - 12 * 16, 0, 12 * 16);
	core[0x1fc] = (uint8_t)(sectors - 1);
	core[510] = 0x20;
	core[511] = 0x08;
	return core;
}

/* A GRUB from sector 1 on and a partition from sector 2048. */
static void make_disk(void)
{
	memset(before, 0, sizeof(before));
	make_boot(before, 0x77);
	memset(before + 0x1b8, 0, 510 - 0x1b8);
	memset(before + 0x5c, 0, 8);
	before[0x5c] = 1;
	before[0x1be + 4] = 0x83;
	before[0x1be + 9] = 2048 >> 8;
	before[0x1be + 12] = 8;
	memcpy(before + 512, make_core(OLD_SECTORS, 0x66), OLD_SECTORS * 512);
	before[512 + 0x1f4] = 2;
	disk_write(disk_path, before, IMAGE_BYTES);
}

static void add_payload(struct strbuf *list, const char *name, const void *data, size_t len)
{
	uint8_t digest[SHA256_LEN];
	char hex[65], path[80];

	sha256_of(data, len, digest);
	hex_of(digest, sizeof(digest), hex);
	strbuf_addf(list, "%s %zu %s\n", hex, len, name);
	snprintf(path, sizeof(path), "fs/" LOADER_DIR "/%s", name);
	put(path, data, len);
}

static void make_payload(void)
{
	struct strbuf list cleanup_strbuf = STRBUF_INIT;
	uint8_t boot[512];

	make_boot(boot, 0x11);
	strbuf_adds(&list, "rehost-loader 1\n");
	add_payload(&list, "vmlinuz", "kernel", 6);
	add_payload(&list, "initrd", "initramfs", 9);
	add_payload(&list, "boot.img", boot, 512);
	/* not whole sectors */
	add_payload(&list, "core.img", make_core(OURS_SECTORS, 0x22), OURS_SECTORS * 512 - 100);
	put("fs/" LOADER_DIR "/" LOADER_LIST, list.data, list.len);
}

static void make_volume(uint32_t incompat)
{
	uint8_t super[4096] = { 0 };

	super[1024 + 56] = 0x53;
	super[1024 + 57] = 0xef;
	memcpy(super + 1024 + 96, &incompat, 4);
	put("volume", super, sizeof(super));
}

static void make_clone(unsigned core_sectors)
{
	uint8_t boot[512];

	make_boot(boot, 0x33);
	put("fs/boot/grub/i386-pc/boot.img", boot, 512);
	put("fs/boot/grub/i386-pc/core.img", make_core(core_sectors, 0x44), core_sectors * 512);
}

static int set_up(void **state)
{
	(void)state;
	/* tmpfs: settling freezes file systems, which no test shall do to a machine's root */
	strcpy(dir, "/dev/shm/rehost-loader-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0 ||
	    root_mkdirs(&top, "fs/" LOADER_DIR, 0700, NULL) < 0 ||
	    root_mkdirs(&top, "run", 0700, NULL) < 0)
		return -1;
	snprintf(disk_path, sizeof(disk_path), "%s/disk", dir);
	snprintf(volume_path, sizeof(volume_path), "%s/volume", dir);
	snprintf(run_at, sizeof(run_at), "%s/run", dir);
	setenv("REHOST_RUN_DIR", run_at, 1);
	make_disk();
	make_payload();
	make_volume(0x2c2);
	make_clone(CLONE_SECTORS);
	disk = (struct disk){ .path = disk_path,
			      .table = (char *)"dos",
			      .table_id = (char *)"1234abcd",
			      .size_bytes = IMAGE_BYTES,
			      .sector_bytes = 512 };
	volume = (struct volume){
		.path = volume_path, .type = (char *)"ext4", .uuid = (char *)"cafe", .partno = 1
	};
	t = (struct target){ .fs_count = 1 };
	t.scan.disks = &disk;
	t.scan.volumes = &volume;
	t.scan.disk_count = t.scan.volume_count = 1;
	t.fs[0].volume = &volume;
	t.fs[0].mount = (char *)"/";
	t.fs[0].options = (char *)"defaults";
	t.fs[0].free_bytes = 1 << 20;
	record_init(&r);
	r.state = JOB_CHECKED;
	return root_open_below(&t.fs[0].root, &top, "fs", NULL);
}

static int tear_down(void **state)
{
	struct root all cleanup_root = ROOT_INIT;

	(void)state;
	record_done(&r);
	root_close(&t.fs[0].root);
	root_close(&top);
	return root_open(&all, "/", NULL) < 0 ? -1 : root_remove_tree(&all, dir, NULL);
}

static void plant(void)
{
	struct err e = ERR_INIT;

	if (loader_plant(&t, &r, &e) < 0)
		fail_msg("%s; %s", e.ctx[0], e.nctx > 1 ? e.ctx[1] : "");
}

/* Our core is the last thing before the partition; nothing but sector 0 and its place changed. */
static void expect_planted(void)
{
	uint64_t lba = 2048 - OURS_SECTORS;

	disk_read(disk_path, now, IMAGE_BYTES);
	assert_int_equal(r.loader, LOADER_BIOS);
	assert_int_equal(r.loader_lba, lba);
	assert_int_equal(r.loader_sectors, OURS_SECTORS);
	assert_string_equal(r.loader_fs_uuid, "cafe");
	assert_string_equal(r.boot_table_id, "1234abcd");
	assert_int_equal(now[0x100], 0x11); /* our boot.img's code */
	assert_int_equal(now[0x5c] | now[0x5d] << 8, lba);
	assert_memory_equal(now + 0x1b8, before + 0x1b8, 512 - 0x1b8);
	assert_memory_equal(now + 512, before + 512, (lba - 1) * 512);
	assert_int_equal(now[lba * 512 + 0x1f4] | now[lba * 512 + 0x1f5] << 8, lba + 1);
	assert_int_equal(now[lba * 512 + 0x1fc], OURS_SECTORS - 1);
	assert_int_equal(now[2048 * 512 - 101], 0x22);
	assert_int_equal(now[2048 * 512 - 100], 0);
	assert_memory_equal(now + 2048 * 512, before + 2048 * 512, 8 * 512);
}

static void test_planted_twice_and_given_back(void **state)
{
	struct strbuf saved cleanup_strbuf = STRBUF_INIT;
	enum loader_choice word;
	struct record j;

	(void)state;
	plant();
	expect_planted();
	assert_int_equal(loader_selected(&t.fs[0].root, &word, NULL), 0);
	assert_int_equal(word, LOADER_OLD);
	assert_int_equal(record_load(&j, &t.fs[0].root, NULL), 0);
	assert_int_equal(j.loader, LOADER_BIOS); /* J knows it before the flip */
	record_done(&j);
	/* A second time neither our own sector 0 is saved as the old one nor the word changed. */
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	plant();
	expect_planted();
	assert_int_equal(loader_selected(&t.fs[0].root, &word, NULL), 0);
	assert_int_equal(word, LOADER_RESCUE);
	assert_int_equal(root_read(&t.fs[0].root, LOADER_DIR "/old-sector0", &saved, 4096, NULL),
			 0);
	assert_int_equal(saved.len, 512);
	assert_memory_equal(saved.data, before, 512);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before, IMAGE_BYTES);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before, IMAGE_BYTES);
	plant();
	expect_planted();
}

/* Cut between the core and sector 0: what lies there is ours and is written again. */
static void test_planting_goes_on_after_a_cut(void **state)
{
	(void)state;
	plant();
	disk_read(disk_path, now, IMAGE_BYTES);
	memcpy(now, before, 512);
	memset(now + (2048 - 10) * 512, 0, 10 * 512);
	disk_write(disk_path, now, IMAGE_BYTES);
	record_done(&r);
	record_init(&r);
	assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
	plant();
	expect_planted();
}

static void expect_none(const char *word)
{
	struct loader_verdict v;
	struct err e = ERR_INIT;

	assert_int_equal(loader_assess(&t, &v, NULL), 0);
	assert_int_equal(v.kind, LOADER_NONE);
	if (!strstr(v.why, word))
		fail_msg("\"%s\" does not say \"%s\"", v.why, word);
	assert_int_equal(loader_plant(&t, &r, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_PLACE);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before, IMAGE_BYTES);
}

static void test_what_is_refused(void **state)
{
	unsigned lba;

	(void)state;
	before[512 * 2030] = 1; /* somebody's byte: the room begins below it */
	disk_write(disk_path, before, IMAGE_BYTES);
	plant();
	assert_int_equal(r.loader_lba, 2030 - OURS_SECTORS);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	for (lba = 60; lba < 2048; lba += 30)
		before[512 * lba] = 1;
	disk_write(disk_path, before, IMAGE_BYTES);
	expect_none("empty sectors");
	before[0x1be + 8] = 63; /* partition from sector 63: no gap worth the name */
	before[0x1be + 9] = 0;
	disk_write(disk_path, before, IMAGE_BYTES);
	expect_none("empty sectors");
	before[0x1be + 8] = 1;
	disk_write(disk_path, before, IMAGE_BYTES);
	expect_none("no gap");
}

/* Sectors of zeros inside the old core are no room. */
static void test_never_into_the_old_core(void **state)
{
	(void)state;
	memset(before + 512 * 3, 0, 512 * 2000);
	before[512 + 0x1fc] = 2000 & 0xff; /* its list: 2000 sectors behind the first */
	before[512 + 0x1fd] = 2000 >> 8;
	memset(before + 512 * 2041, 1, 512 * 7);
	disk_write(disk_path, before, IMAGE_BYTES);
	expect_none("behind the boot loader");
}

static void test_file_systems(void **state)
{
	(void)state;
	volume.type = (char *)"xfs";
	expect_none("xfs");
	volume.type = (char *)"ext4";
	make_volume(0x82c2);
	expect_none("inline_data");
	make_volume(0x202c2);
	expect_none("features");
	make_volume(0x2c2 | 4); /* a journal to replay is no reason */
	t.fs[0].options = (char *)"rw,data=journal";
	expect_none("data=journal");
	t.fs[0].options = (char *)"rw";
	volume.disk = 1;
	expect_none("is not a partition of");
	volume.disk = 0;
	assert_int_equal(root_remove(&top, "fs/" LOADER_DIR "/core.img", NULL), 0);
	expect_none("no loader files");
	make_payload();
	t.fs[0].free_bytes = 10; /* stored already: needs none */
	plant();
}

static void test_release(void **state)
{
	unsigned i;

	(void)state;
	plant();
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_CLONE, NULL), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(loader_bios_finish_on(&t.scan, 0, &t.fs[0].root, &r, NULL), 0);
		disk_read(disk_path, now, IMAGE_BYTES);
		assert_int_equal(now[0x100], 0x33);
		assert_int_equal(now[0x5c], 1);
		assert_memory_equal(now + 0x1b8, before + 0x1b8, 512 - 0x1b8);
		assert_int_equal(now[512 + 512], 0x44);
		assert_int_equal(now[CLONE_SECTORS * 512 + 511], 0x44);
		/* nothing of ours is left */
		assert_int_equal(now[(2048 - OURS_SECTORS) * 512], 0);
		assert_memory_equal(now + (2048 - OURS_SECTORS) * 512,
				    now + (2049 - OURS_SECTORS) * 512, (OURS_SECTORS - 1) * 512);
	}
}

/* With /boot on a file system of its own the clone's files are at its top. */
static void test_release_of_a_separate_boot(void **state)
{
	(void)state;
	t.fs[0].mount = (char *)"/";
	assert_int_equal(renameat(top.fd, "fs/boot/grub", top.fd, "fs/grub"), 0);
	plant();
	assert_non_null(record_add_fs(&r, "beef", "/"));
	assert_non_null(record_add_fs(&r, "cafe", "/boot"));
	assert_int_equal(loader_bios_finish_on(&t.scan, 0, &t.fs[0].root, &r, NULL), 0);
	assert_int_equal(disk_read(disk_path, now, IMAGE_BYTES)[512 + 512], 0x44);
}

static void test_a_clone_that_does_not_fit(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	before[0x1be + 8] = 120; /* room for the old core and ours, not for 90 sectors and ours */
	before[0x1be + 9] = 0;
	disk_write(disk_path, before, IMAGE_BYTES);
	make_clone(90);
	plant();
	memcpy(before, disk_read(disk_path, now, IMAGE_BYTES), IMAGE_BYTES);
	assert_int_equal(loader_bios_finish_on(&t.scan, 0, &t.fs[0].root, &r, &e), -1);
	assert_int_equal(e.code, ERR_CORE_TOO_LARGE);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before,
			    IMAGE_BYTES); /* and nothing was written */
}

/* The same, known from the stage before anything is done. */
static void test_a_stage_that_would_not_fit(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	before[0x1be + 8] = 120;
	before[0x1be + 9] = 0;
	disk_write(disk_path, before, IMAGE_BYTES);
	put("fs/" UPPER_DIR "/boot/grub/i386-pc/core.img", make_core(90, 1), 90 * 512);
	assert_int_equal(loader_plant(&t, &r, &e), -1);
	assert_int_equal(e.code, ERR_CORE_TOO_LARGE);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before, IMAGE_BYTES);
}

/* A boot of the clone may have run its grub-install over the old core. */
static void test_the_old_core_comes_back(void **state)
{
	(void)state;
	plant();
	disk_read(disk_path, now, IMAGE_BYTES);
	memset(now + 512 * 2, 0x99, 512 * 20);
	disk_write(disk_path, now, IMAGE_BYTES);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), before, IMAGE_BYTES);
}

/* /.rehost was deleted by hand: our sector 0 is not the old system's. */
static void test_our_loader_without_its_files(void **state)
{
	(void)state;
	plant();
	assert_int_equal(root_remove_tree(&t.fs[0].root, LOADER_DIR, NULL), 0);
	make_payload();
	memcpy(before, disk_read(disk_path, now, IMAGE_BYTES), IMAGE_BYTES);
	expect_none("whose files are gone");
}

/* Somebody else's boot loader since: it stays, ours goes. */
static void test_another_loader_since(void **state)
{
	uint8_t other[512];

	(void)state;
	plant();
	disk_read(disk_path, now, IMAGE_BYTES);
	make_boot(other, 0x55);
	memcpy(now, other, 0x1b8);
	now[0x5c] = 1;
	memset(now + 0x5d, 0, 7);
	disk_write(disk_path, now, IMAGE_BYTES);
	memcpy(other, now, 512);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	assert_memory_equal(disk_read(disk_path, now, IMAGE_BYTES), other, 512);
	assert_memory_equal(now + 512, before + 512, IMAGE_BYTES - 512);
}

static void test_another_disk_is_refused(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	plant();
	disk.table_id = (char *)"another";
	assert_int_equal(loader_restore(&t, &r, &e), -1);
	assert_int_equal(e.code, ERR_BOOT_AREA);
}

/* ---- words, script, conf.cpio ---- */

static void test_words(void **state)
{
	struct strlist kernel cleanup_strlist = STRLIST_INIT;
	struct strlist own cleanup_strlist = STRLIST_INIT;
	static const char *const want_kernel[] = { "vsyscall=emulate", "foo=a b", "quiet",
						   "ipv6.disable=1" };
	static const char *const want_own[] = { "rehost.listen=2222", "ip=10.0.0.1::10.0.0.2:24",
						"rehost.note=two words", "BOOTIF=01-aa" };
	size_t i;

	(void)state;
	assert_int_equal(
		loader_sort_words("BOOT_IMAGE=/vmlinuz initrd=/initrd root=/dev/sda1 ro\n"
				  "vsyscall=emulate foo=\"a b\" rehost.listen=2222 "
				  "rehost.key=\"ssh-ed25519 AAAA me\" rehost.planted=1 "
				  "rehost.medium=iso panic=10 "
				  "ip=10.0.0.1::10.0.0.2:24 \"rehost.note=two words\" quiet "
				  "ipv6.disable=1 rdinit=/x BOOTIF=01-aa bad\x01word -- a b",
				  &kernel, &own, NULL),
		0);
	assert_int_equal(kernel.count, ARRAY_SIZE(want_kernel));
	for (i = 0; i < kernel.count; i++)
		assert_string_equal(kernel.items[i], want_kernel[i]);
	assert_int_equal(own.count, ARRAY_SIZE(want_own));
	for (i = 0; i < own.count; i++)
		assert_string_equal(own.items[i], want_own[i]);
}

static void test_script(void **state)
{
	static const struct loader_script script = { "\tOLD\n", "\tCLONE\n" };
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct strlist consoles cleanup_strlist = STRLIST_INIT;
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	(void)state;
	assert_int_equal(strlist_add(&words, "console=hvc0") | strlist_add(&words, "a=$b; \"c") |
				 strlist_add(&words, "it's") | strlist_add(&consoles, "tty0") |
				 strlist_add(&consoles, "ttyS1,57600n8"),
			 0);
	loader_cfg_text(&b, &words, &consoles, &script);
	assert_non_null(strstr(b.data, "serial --unit=1 --speed=57600;"));
	assert_non_null(strstr(b.data, "vmlinuz 'console=tty0' 'console=ttyS1,57600n8' "
				       "'a=$b; \"c' panic=30 rehost.planted=1 "));
	assert_null(strstr(b.data, "it's"));
	assert_non_null(strstr(b.data, "= old ]; then\n\tOLD\nfi\n"));
	assert_non_null(strstr(b.data, "= clone ]; then\n\tCLONE\nfi\n"));
}

static bool has(const struct strbuf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static void test_conf(void **state)
{
	static const char net[] =
		"{\"links\":[{\"name\":\"a\",\"mac\":\"52:54:00:00:00:01\",\"method\":\"static\","
		"\"addresses\":[\"192.0.2.7/24\",\"2001:db8::7/64\"],\"gateway\":\"192.0.2.1\"},"
		"{\"name\":\"b\",\"mac\":\"52:54:00:00:00:02\",\"method\":\"dhcp\",\"addresses\":[]"
		","
		"\"gateway\":null}],\"dns\":[\"192.0.2.3\"]}";
	struct strlist own cleanup_strlist = STRLIST_INIT;
	struct strbuf with_net cleanup_strbuf = STRBUF_INIT;
	struct strbuf with_words cleanup_strbuf = STRBUF_INIT;

	(void)state;
	put("run/options", "medium=iso\nplanted=1\nshell=1\nwanted=clone\n", 42);
	put("run/authorized_keys", "ssh-ed25519 AAAA me\n", 20);
	put("run/host_key", "secret\n", 7);
	put("run/net.json", net, strlen(net));
	assert_int_equal(loader_conf_make(&with_net, &own, NULL), 0);
	assert_int_equal(with_net.len % 512, 0);
	assert_memory_equal(with_net.data, "070701", 6);
	assert_true(has(&with_net, "ssh-ed25519 AAAA me\n"));
	assert_true(has(&with_net, "shell=1\n"));
	/* How this rescue was started is not how the planted one will be. */
	assert_false(has(&with_net, "medium"));
	assert_false(has(&with_net, "planted"));
	assert_false(has(&with_net, "wanted"));
	assert_true(has(&with_net, "secret\n"));
	assert_true(has(&with_net, "ip=192.0.2.7::192.0.2.1:24::52-54-00-00-00-01:none\n"
				   "ip=[2001:db8::7]:::64::52-54-00-00-00-01:none\n"
				   "ip=52-54-00-00-00-02:dhcp\nnameserver=192.0.2.3\n"));
	/* The operator's own words need no second opinion. */
	assert_int_equal(strlist_add(&own, "ip=dhcp"), 0);
	assert_int_equal(loader_conf_make(&with_words, &own, NULL), 0);
	assert_true(has(&with_words, "\"ip=dhcp\"\n"));
	assert_false(has(&with_words, "192.0.2"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_planted_twice_and_given_back),
		T(test_planting_goes_on_after_a_cut),
		T(test_what_is_refused),
		T(test_never_into_the_old_core),
		T(test_file_systems),
		T(test_release),
		T(test_release_of_a_separate_boot),
		T(test_a_clone_that_does_not_fit),
		T(test_a_stage_that_would_not_fit),
		T(test_the_old_core_comes_back),
		T(test_our_loader_without_its_files),
		T(test_another_loader_since),
		T(test_another_disk_is_refused),
		T(test_words),
		T(test_script),
		T(test_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
