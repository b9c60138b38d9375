/* SPDX-License-Identifier: MIT */
/*
 * The boot proof on a tree made by hand that passes it: each test breaks one thing and expects the one finding, so
 * every finding is shown both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/cpio.h"
#include "base/io.h"
#include "job/check_priv.h"

#define V "6.1.0-28-amd64"
#define OLD_V "6.1.0-27-amd64"
#define ROOT_ID "5f3b2c1a-0000-4000-8000-000000000001"
#define BOOT_ID "5f3b2c1a-0000-4000-8000-000000000002"
#define SOURCE_ID "0badcafe-1111-4222-8333-444455556666"
#define GRUB_DIR "boot/grub/i386-pc/"
#define CORE_BYTES 30000
#define DISK_SECTORS 4096

static char dir[64], disk_path[80];
static struct root top = { .fd = -1 }, view = { .fd = -1 }, source = { .fd = -1 };
static struct target t;
static struct disk disk;
static struct volume volumes[2];
static struct check c;

static const struct fact_fs facts_fs[] = {
	{ .mount = "/", .device = "/dev/vda2", .type = "ext4", .uuid = ROOT_ID },
	{ .mount = "/boot", .device = "/dev/vda1", .type = "ext4", .uuid = BOOT_ID },
};
static const struct fact_link facts_link = { .mac = "52:54:00:00:00:01", .driver = "virtio_net" };
static const char *const drivers[] = { "virtio_blk", "virtio_net", NULL };
static const struct rewrite_facts facts = { .filesystems = facts_fs,
					    .fs_count = 2,
					    .links = &facts_link,
					    .link_count = 1,
					    .drivers = drivers };

/* ---- the tree ---- */

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&view, path, text, strlen(text), NULL, NULL), 0);
}

static void drop(const char *path)
{
	assert_int_equal(root_remove_tree(&view, path, NULL), 0);
}

static void add_cpio(struct strbuf *b, const char *name, const char *data)
{
	cpio_add(b, name, 0100644, data, strlen(data));
}

/* An initramfs with two files; NULL: none. */
static void put_image(const char *version, const char *name, const char *extra, const char *text)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char path[200];

	snprintf(path, sizeof(path), "boot/initrd.img-%s", version);
	if (name)
		add_cpio(&b, name, "#!/bin/sh\n");
	if (extra)
		add_cpio(&b, extra, text);
	add_cpio(&b, "TRAILER!!!", "");
	assert_int_equal(root_replace(&view, path, b.data, b.len, NULL, NULL), 0);
}

static void put_menu(const char *search, const char *args, const char *initrd)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&b,
		    "set default=\"0\"\nmenuentry 'Debian' --class debian {\n"
		    "\tsearch --no-floppy --fs-uuid --set=root %s\n\tlinux /vmlinuz-" V
		    " %s ro quiet\n%s}\n",
		    search, args, initrd);
	put("boot/grub/grub.cfg", strbuf_str(&b));
}

static void put_kernel(const char *version)
{
	char path[200];

	snprintf(path, sizeof(path), "boot/vmlinuz-%s", version);
	put(path, "kernel");
	snprintf(path, sizeof(path), "lib/modules/%s/modules.builtin", version);
	put(path, "kernel/a/virtio_blk.ko\nkernel/fs/ext4/ext4.ko\n");
	snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", version);
	put(path, "kernel/drivers/net/virtio_net.ko.xz: kernel/x.ko\n");
	put_image(version, "init", NULL, NULL);
}

static void put_loader(void)
{
	static const char *const modules[] = { "normal", "linux",      "search",  "search_fs_uuid",
					       "ext2",	 "part_msdos", "part_gpt" };
	uint8_t boot[512], core[CORE_BYTES];
	char path[100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(path, sizeof(path), GRUB_DIR "%s.mod", modules[i]);
		put(path, "module");
	}
	/* the bytes that tell GRUB's images, as in test_job_activate.c */
	memset(boot, 0x11, sizeof(boot));
	boot[0] = 0xeb;
	memcpy(boot + 0x180, "GRUB ", 6);
	boot[510] = 0x55;
	boot[511] = 0xaa;
	memset(core, 0x22, sizeof(core));
	memset(core + 512 - 12 * 16, 0, 12 * 16);
	core[510] = 0x20;
	core[511] = 0x08;
	assert_int_equal(root_replace(&view, GRUB_DIR "boot.img", boot, 512, NULL, NULL), 0);
	assert_int_equal(root_replace(&view, GRUB_DIR "core.img", core, CORE_BYTES, NULL, NULL), 0);
}

/* An MBR whose first partition begins at the sector. */
static void put_disk(uint8_t first_sector_high)
{
	uint8_t sector[512] = { 0 };
	int fd = open(disk_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	sector[0x1be + 4] = 0x83;
	sector[0x1be + 8] = 63;
	sector[0x1be + 9] = first_sector_high;
	sector[0x1be + 12] = 4;
	sector[510] = 0x55;
	sector[511] = 0xaa;
	assert_true(fd >= 0 && ftruncate(fd, DISK_SECTORS * 512) == 0);
	assert_int_equal(pwrite_all(fd, sector, 512, 0), 0);
	close(fd);
}

static void make_target(void)
{
	static const char *const mounts[] = { "/", "/boot" };
	unsigned i;

	volumes[0] = (struct volume){ .path = (char *)"/dev/vda2",
				      .type = (char *)"ext4",
				      .uuid = (char *)ROOT_ID,
				      .partno = 2 };
	volumes[1] = (struct volume){ .path = (char *)"/dev/vda1",
				      .type = (char *)"ext4",
				      .uuid = (char *)BOOT_ID,
				      .partno = 1 };
	disk = (struct disk){ .path = disk_path,
			      .table = (char *)"dos",
			      .size_bytes = DISK_SECTORS * 512,
			      .sector_bytes = 512 };
	t = (struct target){ .fs_count = 2 };
	t.scan = (struct disk_scan){ &disk, 1, volumes, 2 };
	for (i = 0; i < 2; i++) {
		t.fs[i].volume = &volumes[i];
		t.fs[i].mount = (char *)mounts[i];
	}
}

#define FSTAB "UUID=" ROOT_ID " / ext4 defaults 0 1\nUUID=" BOOT_ID " /boot ext4 defaults 0 2\n"
#define INITRD "\tinitrd /initrd.img-" V "\n"

static int set_up(void **state)
{
	static const char source_fstab[] = "UUID=" SOURCE_ID " / ext4 defaults 0 1\n";

	(void)state;
	strcpy(dir, "/tmp/rehost-check-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0 ||
	    root_mkdirs(&top, "view/boot", 0755, NULL) < 0 ||
	    root_mkdirs(&top, "source/etc", 0755, NULL) < 0 ||
	    root_open_below(&view, &top, "view", NULL) < 0 ||
	    root_open_below(&source, &top, "source", NULL) < 0)
		return -1;
	snprintf(disk_path, sizeof(disk_path), "%s/disk", dir);
	make_target();
	put_disk(2048 >> 8);
	put_kernel(V);
	put_loader();
	put_menu(BOOT_ID, "root=UUID=" ROOT_ID, INITRD);
	put("etc/fstab", "# UUID=" SOURCE_ID " / ext4 defaults 0 1\n" FSTAB);
	put("usr/lib/systemd/libsystemd-shared-252.so", "");
	if (root_replace(&source, "etc/fstab", source_fstab, strlen(source_fstab), NULL, NULL) < 0)
		return -1;
	c = (struct check){ .t = &t, .facts = &facts, .view = &view, .source = &source };
	return 0;
}

static int tear_down(void **state)
{
	struct root all cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&view);
	root_close(&source);
	root_close(&top);
	return root_open(&all, "/", NULL) < 0 ? -1 : root_remove_tree(&all, dir, NULL);
}

/* ---- asking ---- */

static void ask(void)
{
	struct err e = ERR_INIT;

	c.findings = json_array();
	c.blockers = c.warnings = c.notes = 0;
	if (check_find_needles(&c, &e) < 0 || check_boot(&c, &e) < 0 || check_fstab(&c, &e) < 0 ||
	    check_leftovers(&c, &e) < 0)
		fail_msg("%s", e.nctx ? e.ctx[0] : err_info(e.code)->title);
	strlist_done(&c.needles);
}

static void forget(void)
{
	json_decref(c.findings);
	c.findings = NULL;
}

static void expect_nothing(void)
{
	ask();
	if (json_array_size(c.findings))
		fail_msg("%s", json_dumps(c.findings, 0));
	forget();
}

/* Exactly one finding: that one. */
static void expect(const char *severity, const char *id, const char *words)
{
	const json_t *f;

	ask();
	f = json_array_get(c.findings, 0);
	if (json_array_size(c.findings) != 1 ||
	    strcmp(json_string_value(json_object_get(f, "severity")), severity) != 0 ||
	    strcmp(json_string_value(json_object_get(f, "id")), id) != 0 ||
	    !strstr(json_string_value(json_object_get(f, "text")), words))
		fail_msg("%s %s \"%s\" instead of %s", severity, id, words,
			 json_dumps(c.findings, 0));
	forget();
}

/* ---- the findings ---- */

static void test_good_tree(void **state)
{
	(void)state;
	expect_nothing();
}

static void test_loader(void **state)
{
	(void)state;
	drop(GRUB_DIR "core.img");
	expect("blocker", "loader", "boot.img or core.img is not in");
	put(GRUB_DIR "core.img", "too short to be one");
	expect("blocker", "loader", "GRUB cannot be put on");
	put_loader();
	expect_nothing();
	drop(GRUB_DIR "ext2.mod");
	expect("blocker", "loader", "ext2.mod is missing");
	put(GRUB_DIR "ext2.mod", "");
	expect("blocker", "loader", "ext2.mod is missing");
	put_loader();
	put_disk(0); /* a gap of 62 sectors, 31,744 bytes: 30,000 fit */
	expect_nothing();
	put_disk(0xff); /* the partition begins behind the end of the disk */
	expect("blocker", "loader", "GRUB cannot be put on");
}

static void test_root_argument(void **state)
{
	static const struct {
		const char *args, *severity, *words;
	} cases[] = {
		{ "single", "blocker", "has no root=" },
		{ "root=UUID=00000000-0000-4000-8000-000000000009", "blocker",
		  "this machine's root is UUID=" ROOT_ID },
		{ "root=UUID=" BOOT_ID, "blocker", "this machine's root is UUID=" ROOT_ID },
		{ "root=/dev/vda1", "blocker", "not this machine's root" },
		{ "root=/dev/sda9", "blocker", "not this machine's root" },
		{ "root=/dev/vda2", "warning", "kernel names may change" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put_menu(BOOT_ID, cases[i].args, INITRD);
		expect(cases[i].severity, "root-argument", cases[i].words);
	}
	put_menu(BOOT_ID, "root=/dev/disk/by-uuid/" ROOT_ID, INITRD);
	expect_nothing();
}

static void test_menu(void **state)
{
	(void)state;
	put_menu("00000000-0000-4000-8000-000000000009", "root=UUID=" ROOT_ID, INITRD);
	expect("blocker", "menu", "00000000-0000-4000-8000-000000000009, which this machine does");
	put("boot/grub/grub.cfg", "set timeout=5\n");
	ask();
	assert_int_equal(c.blockers, 1);
	forget();
	drop("boot/grub/grub.cfg");
	expect("blocker", "menu", "cannot be read");
}

#define BLS_ENTRY "boot/loader/entries/0123-" V ".conf"

static void put_entry(const char *image, const char *args)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&b,
		    "title Rocky\nversion " V "\nlinux /vmlinuz-" V "\ninitrd %s $tuned\n"
		    "options %s ro\n",
		    image, args);
	put(BLS_ENTRY, strbuf_str(&b));
}

/* RHEL's GRUB: its own folder, and entries in files of their own. */
static void test_entries_of_files(void **state)
{
	static const char bls[] = "set default=\"${saved_entry}\"\n"
				  "search --no-floppy --fs-uuid --set=root " BOOT_ID "\n"
				  "search --no-floppy --fs-uuid --set=boot " BOOT_ID "\nblscfg\n";
	char from[200], to[200];

	(void)state;
	drop("boot/grub/grub.cfg");
	snprintf(from, sizeof(from), "%s/view/boot/grub", dir);
	snprintf(to, sizeof(to), "%s/view/boot/grub2", dir);
	assert_int_equal(rename(from, to), 0);
	put("boot/grub2/grub.cfg", bls);
	ask(); /* no entry at all */
	assert_true(c.blockers > 0);
	forget();
	put_entry("/initrd.img-" V, "root=UUID=" ROOT_ID);
	expect_nothing();
	put("boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=0123-" V "\n");
	expect_nothing();
	put_entry("/initrd.img-" V, "$kernelopts");
	expect("blocker", "root-argument", "has no root=");
	put("boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=root=UUID=" ROOT_ID "\n");
	expect_nothing();
	put_entry("/boot/initrd.img-" V,
		  "root=UUID=" ROOT_ID); /* as without a file system for /boot */
	expect("blocker", "initramfs", "/boot/boot/initrd.img-" V ", which is not there");
	put_entry("/initrd.img-" V, "root=UUID=" SOURCE_ID);
	ask();
	assert_true(c.blockers == 2); /* not this machine's; and the entry names the source's */
	forget();
}

static void test_fstab(void **state)
{
	static const struct {
		const char *text, *severity, *words;
	} cases[] = {
		{ FSTAB "UUID=00000000-0000-4000-8000-000000000009 /srv ext4 defaults 0 2\n",
		  "blocker", "the boot would stop" },
		{ FSTAB "UUID=00000000-0000-4000-8000-000000000009 /srv ext4 nofail 0 2\n",
		  "warning", "the boot goes on without it" },
		{ FSTAB "/dev/sdb7 none swap sw 0 0\n", "warning", "waits for it for 90 s" },
		{ "UUID=" ROOT_ID " / ext4 defaults 0 1\n", "blocker", "no line for /boot" },
		{ "UUID=" BOOT_ID " / ext4 defaults 0 1\nUUID=" BOOT_ID
		  " /boot ext4 defaults 0 2\n",
		  "blocker", "as the root, it is /dev/vda2" },
		{ "/dev/vda2 / ext4 defaults 0 1\nUUID=" BOOT_ID " /boot ext4 defaults 0 2\n",
		  "warning", "kernel names may change" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put("etc/fstab", cases[i].text);
		expect(cases[i].severity, "fstab", cases[i].words);
	}
	put("etc/fstab",
	    FSTAB "tmpfs /tmp tmpfs size=10m 0 0\n192.0.2.1:/x /mnt nfs defaults 0 0\n");
	expect_nothing();
	drop("etc/fstab");
	expect("blocker", "fstab", "cannot be read");
}

static void test_initramfs(void **state)
{
	(void)state;
	put_menu(BOOT_ID, "root=UUID=" ROOT_ID, "");
	expect("blocker", "initramfs", "without initramfs");
	put_menu(BOOT_ID, "root=UUID=" ROOT_ID, "\tinitrd /initrd.img-other\n");
	expect("blocker", "initramfs", "/boot/initrd.img-other, which is not there");
	put_menu(BOOT_ID, "root=UUID=" ROOT_ID, INITRD);
	put_image(V, "sbin/init", NULL, NULL);
	expect("blocker", "initramfs", "holds no /init");
	put("boot/initrd.img-" V, "no archive at all");
	expect("blocker", "initramfs", "cannot be read");
	put("boot/initrd.img-" V, "");
	expect("blocker", "initramfs", "which is not there");
	put_image(V, "init", "conf/conf.d/resume", "RESUME=/dev/sda5\n");
	expect("blocker", "initramfs-fit", "RESUME=/dev/sda5");
	put_image(V, "init", "conf/conf.d/resume", "RESUME=none\n");
	expect_nothing();
	put("lib/modules/" V "/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
	expect("blocker", "initramfs-fit", "virtio_blk");
}

static void test_kernel(void **state)
{
	(void)state;
	drop("boot/vmlinuz-" V);
	expect("blocker", "kernel", "/boot/vmlinuz-" V ", which is not there");
	put_kernel(V);
	put("lib/modules/" V "/modules.dep", "kernel/x.ko:\n");
	expect("blocker", "network-driver", "no driver virtio_net");
}

/* Kernels that nobody starts by default: said, and no reason to withhold the switch. */
static void test_other_kernels(void **state)
{
	struct strlist unfit = STRLIST_INIT;

	(void)state;
	put_kernel(OLD_V);
	expect_nothing();
	drop("boot/initrd.img-" OLD_V);
	expect("warning", "other-kernel", OLD_V ": there is none");
	put_image(OLD_V, "init", "conf/conf.d/resume", "RESUME=/dev/sda5\n");
	expect("warning", "other-kernel", "RESUME=/dev/sda5");
	put("boot/initrd.img-" OLD_V, "damaged");
	expect("warning", "other-kernel", "cannot be read");
	put_image(V, "init", "conf/conf.d/resume", "RESUME=/dev/sda5\n");
	assert_int_equal(initrd_list_unfit(&unfit, &view, NULL, &facts, NULL), 0);
	assert_int_equal(unfit.count, 2);
	assert_true(str_starts(unfit.items[0], OLD_V ": "));
	assert_true(str_starts(unfit.items[1], V ": "));
	strlist_done(&unfit);
}

static void test_staging_paths(void **state)
{
	static const char *const start[] = { "boot/grub/grub.cfg", "boot/grub/i386-pc/load.cfg",
					     "etc/default/grub",   "etc/default/grub.d/x.cfg",
					     "etc/crypttab",	   "etc/network/interfaces" };
	size_t i;

	(void)state;
	for (i = 1; i < ARRAY_SIZE(start); i++) {
		put(start[i], "x\nsee /run/rehost/view/boot\n");
		expect("blocker", "staging-path", "names \"/run/rehost\"");
		put(start[i], "x\n # see /run/rehost/view/boot\n");
		expect_nothing();
		put(start[i], "a=/.rehost/tree\n");
		expect("blocker", "staging-path", "names \"/.rehost\"");
		drop(start[i]);
	}
	put("etc/backup.conf", "/run/rehost/fs/0\n");
	expect("warning", "staging-path", "/etc/backup.conf:1 names \"/run/rehost\"");
	drop("etc/backup.conf");
	put_image(V, "init", "conf/param.conf", "X=/run/rehost/view\n");
	expect("blocker", "staging-path", "initrd.img-" V "(conf/param.conf)");
}

static void test_source_ids(void **state)
{
	(void)state;
	put("etc/default/grub", "GRUB_CMDLINE_LINUX=\"resume=UUID=" SOURCE_ID "\"\n");
	expect("blocker", "source-uuid", "/etc/default/grub:1 names the source's");
	drop("etc/default/grub");
	put("etc/backup.conf", "UUID=" SOURCE_ID "\n");
	expect("warning", "source-uuid", "/etc/backup.conf:1 names the source's");
	drop("etc/backup.conf");
	volumes[1].uuid = (char *)SOURCE_ID; /* a disk that is here is not foreign */
	put("etc/backup.conf", "UUID=" SOURCE_ID "\n");
	ask();
	for (size_t i = 0; i < json_array_size(c.findings); i++)
		assert_string_not_equal(
			json_string_value(json_object_get(json_array_get(c.findings, i), "id")),
			"source-uuid");
	forget();
}

/* The finding with that id and these words, among others. */
static void expect_among(const char *severity, const char *id, const char *words)
{
	size_t i;

	for (i = 0; i < json_array_size(c.findings); i++) {
		const json_t *f = json_array_get(c.findings, i);

		if (strcmp(json_string_value(json_object_get(f, "id")), id) == 0 &&
		    strstr(json_string_value(json_object_get(f, "text")), words)) {
			assert_string_equal(json_string_value(json_object_get(f, "severity")),
					    severity);
			return;
		}
	}
	fail_msg("%s %s \"%s\" is not in %s", severity, id, words, json_dumps(c.findings, 0));
}

/* What of the source's network is named where it has an effect, by what the report says that it was. */
static void test_sweep(void **state)
{
	(void)state;
	put("var/lib/rehost/report.json", "{\"version\": 1, \"source\": {\"addresses\": "
					  "[\"198.51.100.9\", \"2001:db8::9\", \"x\", "
					  "7], \"macs\": [\"52:54:00:AA:bb:cc\", \"ff\"]}}");
	expect_nothing();
	put("etc/nginx/sites-enabled/a", "server {\n  listen 198.51.100.9:80;\n}\n");
	put("etc/app.conf",
	    "# 198.51.100.9\n; 198.51.100.9\npeer = 2001:DB8:0::9\nx=198.51.100.99\n");
	put("etc/app.conf.dpkg-old", "listen 198.51.100.9\n");
	put("etc/app/README", "198.51.100.9\n");
	put("etc/udev/rules.d/70-x.rules", "ATTR{address}==\"52:54:00:aa:bb:cc\", NAME=\"lan\"\n");
	put("etc/dhcp/dhcpd.conf", "hardware ethernet 52:54:00:AA:BB:CC;\n");
	put("boot/extra.cfg", "linux /vmlinuz ip=198.51.100.9::198.51.100.1\n");
	ask();
	assert_int_equal(json_array_size(c.findings), 6);
	assert_int_equal(c.blockers, 0);
	assert_int_equal(c.warnings, 3);
	expect_among("warning", "source-address", "/etc/nginx/sites-enabled/a:2 binds nginx");
	expect_among("note", "source-address", "/etc/app.conf:3 names 2001:DB8:0::9");
	expect_among("warning", "source-mac", "/etc/udev/rules.d/70-x.rules:1 names");
	expect_among("note", "source-mac", "/etc/dhcp/dhcpd.conf:1 names");
	expect_among("warning", "source-address", "/boot/extra.cfg:1 names 198.51.100.9");
	expect_among("note", "sweep", "0 places with a file system, 2 with a card, 3 with an");
	forget();
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_good_tree),	  TREE_TEST(test_loader),
		TREE_TEST(test_root_argument),	  TREE_TEST(test_menu),
		TREE_TEST(test_entries_of_files), TREE_TEST(test_fstab),
		TREE_TEST(test_initramfs),	  TREE_TEST(test_kernel),
		TREE_TEST(test_other_kernels),	  TREE_TEST(test_staging_paths),
		TREE_TEST(test_source_ids),	  TREE_TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
