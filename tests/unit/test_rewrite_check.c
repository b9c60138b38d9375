/* SPDX-License-Identifier: MIT */
/* Helpers of the check: leftovers, initramfs, inspection; and facts from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "temp_root.h"

#include "rewrite/facts_json.h"
#include "rewrite/initramfs.h"
#include "rewrite/inspect.h"
#include "rewrite/leftovers.h"

#define V "6.1.0-28-amd64"
#define OURS "d3b07384-1111-4222-8333-000000000001"
#define OLD "5eed0001-aaaa-4bbb-8ccc-000000000001"

static const struct fact_fs fs[] = { { "/", "/dev/vda1", "ext4", OURS, NULL, NULL } };
static const struct fact_link links[] = {
	{ "52:54:00:00:00:01", "ens3", "eth0", "virtio_net" },
	{ "52:54:00:00:00:02", "ens4", "eth1", "virtio_net" },
};
static const char *const drivers[] = { "virtio-blk", "virtio_net", NULL };
static struct rewrite_facts facts;

static int set_up(void **state)
{
	facts = (struct rewrite_facts){ .filesystems = fs,
					.fs_count = 1,
					.links = links,
					.link_count = 1,
					.drivers = drivers };
	return temp_root_open(state);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

/* ---- leftovers ---- */

static void test_leftovers(void **state)
{
	struct strlist old cleanup_strlist = STRLIST_INIT, hits cleanup_strlist = STRLIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(strlist_add(&old, OLD), 0);
	put("etc/fstab", "UUID=" OURS " / ext4\n# UUID=" OLD " /\n  #" OLD "\nUUID=" OLD " /x\n");
	put("etc/deep/er/conf", "path=/run/rehost/fs/0");
	put("boot/grub/grub.cfg", "x\nsearch /.rehost/tree\n");
	put("boot/initrd.img-1", OLD);
	put("usr/lib/x", OLD);
	assert_int_equal(root_replace(&r, "boot/grub/i386-pc/core.img", "\0" OLD "\0", 38, NULL,
				      &e),
			 0);
	assert_int_equal(root_symlink(&r, "etc/link", "/usr/lib/x", &e), 0);
	assert_int_equal(leftovers_find(&r, &old, &hits, &e), 0);
	assert_int_equal(hits.count, 4);
	assert_string_equal(hits.items[0], "/etc/deep/er/conf:1: /run/rehost");
	assert_string_equal(hits.items[1], "/etc/fstab:4: " OLD);
	assert_string_equal(hits.items[2], "/boot/grub/grub.cfg:2: /.rehost");
	assert_string_equal(hits.items[3], "/boot/grub/i386-pc/core.img: " OLD);
}

static void test_addresses_stand_alone(void **state)
{
	static const char *const dirs[] = { "/etc", "/missing", NULL };
	struct strlist what cleanup_strlist = STRLIST_INIT, hits cleanup_strlist = STRLIST_INIT;

	(void)state;
	assert_int_equal(strlist_add(&what, "192.0.2.1"), 0);
	put("etc/no", "192.0.2.10\n1192.0.2.1\n192.0.2.1.5\n5.192.0.2.1\n");
	put("etc/yes",
	    "192.0.2.1\n192.0.2.1:80\n(192.0.2.1)\nat 192.0.2.1. Then\n192.0.2.10 192.0.2.1");
	assert_int_equal(leftovers_scan(&r, dirs, &what, &hits, NULL), 0);
	assert_int_equal(hits.count, 5);
	assert_string_equal(hits.items[4], "/etc/yes:5: 192.0.2.1");
}

static void test_old_ids(void **state)
{
	struct strlist ids cleanup_strlist = STRLIST_INIT;

	(void)state;
	put("etc/fstab",
	    "UUID=" OLD " / ext4\nUUID=" OURS " /x ext4\nLABEL=a /y ext4\n"
	    "UUID=AB12-34CD /media/usb vfat noauto 0 0\nPARTUUID=0a1b2c3d-02 /z ext4\n");
	put("boot/grub/grub.cfg", "set root='hd0,msdos1'\n"
				  "search --no-floppy --fs-uuid --set=root --hint=x 11112222-3333\n"
				  "linux /vmlinuz root=UUID=" OLD " ro\n");
	assert_int_equal(leftovers_old_ids(&r, &facts, &ids, NULL), 0);
	assert_int_equal(ids.count, 3);
	assert_string_equal(ids.items[0], OLD);
	assert_string_equal(ids.items[1], "0a1b2c3d-02");
	assert_string_equal(ids.items[2], "11112222-3333");
}

/* ---- initramfs ---- */

#define FILE_OF(p, t) \
	{ \
		p, t, sizeof(t) - 1 \
	}
#define EXT4 \
	{ \
		"usr/lib/modules/" V "/kernel/fs/ext4/ext4.ko.xz", NULL, 0 \
	}

static void fits(const struct initramfs_file *files, size_t count, const char *why)
{
	struct strbuf reason cleanup_strbuf = STRBUF_INIT;
	int rc = initramfs_fits(files, count, &r, V, &facts, &reason);
	size_t i;

	for (i = 0; i < count; i++)
		assert_int_equal(initramfs_wants(files[i].path), files[i].data != NULL);
	assert_int_equal(rc, why ? 0 : 1);
	if (why && !strstr(strbuf_str(&reason), why))
		fail_msg("'%s' does not say '%s'", strbuf_str(&reason), why);
}

static void test_initramfs_drivers(void **state)
{
	static const struct initramfs_file both[] = {
		EXT4, { "lib/modules/" V "/kernel/drivers/block/virtio_blk.ko", NULL, 0 }
	};
	static const struct initramfs_file other[] = {
		EXT4, { "lib/modules/5.10/virtio_blk.ko", NULL, 0 }, { "init", NULL, 0 }
	};

	(void)state;
	put("usr/lib/systemd/libsystemd-shared-252.so", "");
	fits(both, 2, NULL);
	fits(other, 3, "virtio-blk");
	fits(both + 1, 1, "ext4");
	put("lib/modules/" V "/modules.builtin",
	    "kernel/a/virtio_blk.ko\nkernel/fs/ext4/ext4.ko\n");
	fits(other, 3, NULL);
}

static void test_initramfs_stack(void **state)
{
	static const struct initramfs_file image[] = {
		EXT4,
		{ "lib/modules/" V "/kernel/drivers/block/virtio_blk.ko", NULL, 0 },
		{ "usr/sbin/lvm", NULL, 0 },
	};
	struct fact_fs root = fs[0];

	(void)state;
	put("usr/lib/systemd/libsystemd-shared-252.so", "");
	facts.filesystems = &root;
	root.stack = "lvm";
	fits(image, 3, NULL);
	fits(image, 2, "cannot assemble");
	root.stack = "raid";
	fits(image, 3, "cannot assemble");
	facts.filesystems = fs;
}

static void test_initramfs_names(void **state)
{
	static const struct initramfs_file good[] = {
		FILE_OF("conf/conf.d/resume", "RESUME=none\n"),
		FILE_OF("conf/param.conf", "ROOT=UUID=" OURS "\n"),
		FILE_OF("cryptroot/crypttab", "# nothing\n \n"),
		FILE_OF("etc/mdadm/mdadm.conf", "HOMEHOST <system>\n"),
		FILE_OF("lib/systemd/network/99-default.link", "[Link]\nNamePolicy=keep\n"),
		FILE_OF("lib/systemd/network/10-own.link", "[Link]\nName=lan\n"),
	};
	static const struct initramfs_file resume[] = { FILE_OF("conf/conf.d/zz",
								"RESUME=/dev/sda2\n") };
	static const struct initramfs_file crypt[] = { FILE_OF("cryptroot/crypttab", "a b c\n") };
	static const struct initramfs_file array[] = { FILE_OF("etc/mdadm/mdadm.conf",
							       " ARRAY /dev/md0\n") };
	static const struct initramfs_file card[] = { FILE_OF("usr/lib/systemd/network/10-x.link",
							      "[Link]\nName=lan\n") };
	static const struct initramfs_file rules[] = {
		FILE_OF("lib/udev/rules.d/70-persistent-net.rules", "NAME=\"eth0\"\n")
	};

	(void)state;
	put("usr/lib/systemd/libsystemd-shared-252.so", "");
	put("lib/modules/" V "/modules.builtin", "a/virtio_blk.ko\nb/ext4.ko\n");
	put("etc/systemd/network/10-own.link", "[Link]\nName=lan\n");
	fits(good, ARRAY_SIZE(good), NULL);
	fits(resume, 1, "RESUME=/dev/sda2");
	fits(crypt, 1, "encrypted");
	fits(array, 1, "arrays");
	fits(card, 1, "10-x.link names network cards");
	fits(rules, 1, "70-persistent-net.rules");
	put("etc/udev/rules.d/70-persistent-net.rules", "NAME=\"eth0\"\n");
	fits(rules, 1, NULL);
}

static void test_initramfs_pins(void **state)
{
	static const struct initramfs_file pins[] = {
		FILE_OF("lib/systemd/network/10-rehost-ens3.link", "[Link]\nName=ens3\n"),
		FILE_OF("lib/systemd/network/10-rehost-ens4.link", "[Link]\nName=ens4\n"),
	};

	(void)state;
	put("lib/modules/" V "/modules.builtin", "a/virtio_blk.ko\nb/ext4.ko\n");
	put("etc/systemd/network/10-rehost-ens3.link", "[Link]\nName=ens3\n");
	put("etc/systemd/network/10-rehost-ens4.link", "[Link]\nName=ens4\n");
	fits(pins, 0, "which network card is ens3"); /* systemd of unknown age */
	put("lib/systemd/libsystemd-shared-241.so", "");
	fits(pins, 0, NULL);
	facts.link_count = 2;
	fits(pins, 0, "ens3");
	fits(pins, 1, "ens4");
	fits(pins, 2, NULL);
	put("etc/systemd/network/10-rehost-ens4.link", "[Link]\nName=ens5\n");
	fits(pins, 2, "ens4");
}

/* ---- inspection ---- */

static void test_inspect(void **state)
{
	struct root base cleanup_root = ROOT_INIT;
	struct inspection i;
	json_t *o;

	(void)state;
	assert_int_equal(root_open(&base, "tests/fixtures/roots/base-bookworm", NULL), 0);
	assert_int_equal(inspect_tree(&i, &base, NULL), 0);
	assert_false(i.is_linux_root); /* neither fstab nor hosts */
	assert_string_equal(i.family, "debian");
	assert_string_equal(i.architecture, "amd64");
	assert_string_equal(i.init, "systemd");
	assert_string_equal(i.initramfs_tool, "initramfs-tools");
	assert_true(i.has_grub_pc);
	assert_false(i.has_grub_efi);
	assert_int_equal(i.kernel_count, 1);
	assert_int_equal(inspect_systemd_version(&base), 252);
	o = inspect_json(&i);
	assert_string_equal(json_string_value(json_object_get(o, "version_id")), "12");
	json_decref(o);
	inspect_done(&i);
}

static void test_inspect_odd_trees(void **state)
{
	struct inspection i;

	(void)state;
	assert_int_equal(inspect_tree(&i, &r, NULL), 0);
	assert_null(i.family);
	assert_null(i.architecture);
	inspect_done(&i);
	put("usr/lib/os-release", "ID=devuan\nID_LIKE='x debian'\n");
	put("etc/os-release", "ID=\"raspbian\"\n"); /* used alone */
	put("etc/inittab", "id:2:initdefault:\n");
	put("sbin/init", "");
	put("etc/hostname", "# comment\n\n  box  \n");
	assert_int_equal(root_symlink(&r, "bin/bash", "/bin/bash", NULL), 0);
	assert_int_equal(root_symlink(&r, "bin/ls", "../../../bin/ls", NULL), 0);
	assert_int_equal(inspect_tree(&i, &r, NULL), 0);
	assert_string_equal(i.family, "debian");
	assert_null(i.id_like);
	assert_string_equal(i.init, "sysvinit");
	assert_string_equal(i.hostname, "box");
	assert_null(i.architecture); /* this machine's programs are out of reach */
	inspect_done(&i);
	put("etc/os-release", "ID=fedora\n");
	put("etc/debian_version", "12\n");
	assert_int_equal(inspect_tree(&i, &r, NULL), 0);
	assert_string_equal(i.family, "rhel");
	inspect_done(&i);
}

/* ---- facts ---- */

static void load_fails(const char *text)
{
	struct facts_file f;
	struct err e = ERR_INIT;

	assert_int_equal(facts_file_load(&f, text, strlen(text), &e), -1);
	assert_int_equal(e.code, ERR_RW_FACTS);
}

#define ROOT_FS "\"filesystems\": [{\"mount\": \"/\", \"type\": \"ext4\", \"uuid\": \"" OURS "\"}]"

static void test_facts(void **state)
{
	static const char good[] = "{" ROOT_FS ", \"consoles\": [\"tty0\"], \"options\": {\"as\": "
				   "\"copy\", \"hostname\": \"new\", \"host_keys\": \"new\"}}";
	struct facts_file f;

	(void)state;
	assert_int_equal(facts_file_load(&f, good, strlen(good), NULL), 0);
	assert_int_equal(f.facts.fs_count, 1);
	assert_int_equal(f.options.intent, INTENT_COPY);
	assert_int_equal(f.options.host_keys, CHOICE_NEW);
	assert_string_equal(f.options.hostname_text, "new");
	assert_string_equal(f.facts.consoles[0], "tty0");
	assert_null(f.facts.consoles[1]);
	assert_null(f.facts.drivers[0]);
	facts_file_done(&f);

	load_fails("");
	load_fails("[]");
	load_fails("{}"); /* no root */
	load_fails("{" ROOT_FS ", \"uefi\": 1}");
	load_fails("{" ROOT_FS ", \"links\": {}}");
	load_fails("{" ROOT_FS ", \"links\": [{\"mac\": \"52:54:00:00:00:0G\"}]}");
	load_fails("{" ROOT_FS ", \"links\": [{\"mac\": 5}]}");
	load_fails("{" ROOT_FS ", \"drivers\": [1]}");
	load_fails("{" ROOT_FS ", \"drivers\": [\"a b\"]}");
	load_fails("{" ROOT_FS ", \"consoles\": [\"tty0 init=/bin/sh\"]}");
	load_fails("{" ROOT_FS ", \"boot_disk\": \"/dev/../etc\"}");
	load_fails("{" ROOT_FS ", \"options\": {\"as\": \"both\"}}");
	load_fails("{" ROOT_FS ", \"options\": {\"hostname\": \"a b\"}}");
	load_fails("{" ROOT_FS ", \"options\": {\"machine_id\": \"00\"}}");
	load_fails(
		"{\"filesystems\": [{\"mount\": \"/\", \"type\": \"ext4\", \"uuid\": \"a\\nb\"}]}");
}

#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, temp_root_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIR_TEST(test_leftovers),	  DIR_TEST(test_addresses_stand_alone),
		DIR_TEST(test_old_ids),		  DIR_TEST(test_initramfs_drivers),
		DIR_TEST(test_initramfs_stack),	  DIR_TEST(test_initramfs_names),
		DIR_TEST(test_initramfs_pins),	  DIR_TEST(test_inspect),
		DIR_TEST(test_inspect_odd_trees), cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
