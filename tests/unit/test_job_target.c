/* SPDX-License-Identifier: MIT */
/* What the lines of a target's fstab mean, and which volume they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "job/target_rules.h"

#define T(text) ((char *)(text)) /* the model's strings are not const */

static void test_roles(void **state)
{
	static const struct {
		const char *spec, *file, *type, *options;
		enum entry_role want;
	} rows[] = {
		{ "UUID=1-2", "/", "ext4", "errors=remount-ro", ROLE_ROOT },
		{ "UUID=1-2", "//", "ext4", "defaults", ROLE_ROOT },
		{ "/dev/sda1", "/boot", "ext2", "defaults", ROLE_LOCAL },
		{ "LABEL=data", "/srv", "auto", "nofail", ROLE_LOCAL },
		{ "/dev/mapper/vg-home", "/home", "ext4", "defaults", ROLE_LOCAL },
		{ "UUID=3", "none", "swap", "sw", ROLE_SWAP },
		{ "/swapfile", "none", "swap", "sw", ROLE_IGNORE },
		{ "proc", "/proc", "proc", "defaults", ROLE_IGNORE },
		{ "tmpfs", "/tmp", "tmpfs", "defaults", ROLE_IGNORE },
		{ "nas:/export", "/mnt", "nfs", "defaults", ROLE_IGNORE },
		{ "//nas/share", "/mnt", "cifs", "defaults", ROLE_IGNORE },
		{ "user@host:", "/mnt", "fuse.sshfs", "defaults", ROLE_IGNORE },
		{ "/dev/sdb1", "/iscsi", "ext4", "defaults,_netdev", ROLE_IGNORE },
		{ "/home/web", "/srv/web", "none", "bind", ROLE_IGNORE },
		{ "/dev/sda1", "/srv/web", "ext4", "rw,bind", ROLE_IGNORE },
		{ "/dev/sr0", "/media/cdrom0", "udf,iso9660", "user,noauto", ROLE_IGNORE },
		{ "/dev/fd0", "/media/floppy", "auto", "noauto", ROLE_IGNORE },
		{ "UUID=5", "none", "ext4", "defaults", ROLE_IGNORE },
		{ "UUID=", "/x", "ext4", "defaults", ROLE_IGNORE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fstab_entry entry = { .spec = T(rows[i].spec),
					     .file = T(rows[i].file),
					     .vfstype = T(rows[i].type),
					     .options = T(rows[i].options) };

		assert_int_equal(target_entry_role(&entry), rows[i].want);
	}
}

static void test_options(void **state)
{
	struct fstab_entry entry = { .options = T("rw,nofail,x-a=b") };

	(void)state;
	assert_true(target_has_option("rw,nofail", "nofail"));
	assert_true(target_has_option("nofail", "nofail"));
	assert_false(target_has_option("rw,nofail2", "nofail"));
	assert_false(target_has_option("xnofail,rw", "nofail"));
	assert_false(target_has_option("", "nofail"));
	assert_false(target_has_option(NULL, "nofail"));
	assert_true(target_entry_is_optional(&entry));
	entry.options = T("noauto");
	assert_true(target_entry_is_optional(&entry));
	entry.options = T("defaults");
	assert_false(target_entry_is_optional(&entry));
}

static void check_path(const char *file, const char *want)
{
	char *got = target_mount_path(file);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

static void test_paths(void **state)
{
	(void)state;
	check_path("/", "/");
	check_path("//", "/");
	check_path("/boot/", "/boot");
	check_path("//var///lib/./x", "/var/lib/x");
	check_path("/a/..b", "/a/..b");
	check_path("/a/../b", NULL);
	check_path("/..", NULL);
	check_path("none", NULL);
	check_path("", NULL);
	assert_true(target_path_is_below("/boot/efi", "/boot"));
	assert_true(target_path_is_below("/boot", "/boot"));
	assert_true(target_path_is_below("/anything", "/"));
	assert_false(target_path_is_below("/bootstrap", "/boot"));
	assert_false(target_path_is_below("/", "/boot"));
}

static void test_resolve(void **state)
{
	struct disk disks[2] = { { .path = T("/dev/vda") }, { .path = T("/dev/vdb") } };
	struct volume volumes[] = {
		{ .path = T("/dev/vda1"), .uuid = T("one"), .partno = 1 },
		{ .path = T("/dev/vda14"), .uuid = T("two"), .partno = 14 },
	};
	struct disk_scan scan = {
		.disks = disks, .disk_count = 1, .volumes = volumes, .volume_count = 2
	};
	bool guessed;

	(void)state;
	assert_ptr_equal(target_resolve(&scan, "UUID=one", 0, &guessed), &volumes[0]);
	assert_false(guessed);
	assert_ptr_equal(target_resolve(&scan, "/dev/sda1", 0, &guessed), &volumes[0]);
	assert_true(guessed);
	assert_ptr_equal(target_resolve(&scan, "/dev/nvme0n1p14", 0, &guessed), &volumes[1]);
	assert_true(guessed);
	assert_null(target_resolve(&scan, "/dev/sdb1", 0, &guessed)); /* a second disk's */
	assert_null(target_resolve(&scan, "/dev/sda2", 0, &guessed));
	assert_null(target_resolve(&scan, "/dev/sda", 0, &guessed));
	assert_null(target_resolve(&scan, "/dev/sda1x", 0, &guessed));
	assert_null(target_resolve(&scan, "UUID=three", 0, &guessed));
	/* With two disks a kernel name says nothing. */
	scan.disk_count = 2;
	assert_null(target_resolve(&scan, "/dev/sda1", 0, &guessed));
	disks[1].is_removable = true;
	assert_ptr_equal(target_resolve(&scan, "/dev/sda1", 0, &guessed), &volumes[0]);
}

static void make_dir(const char *base, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void test_root_likeness(void **state)
{
	char base[] = "/tmp/rehost-target-XXXXXX", path[256];
	struct root r;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(base));
	assert_int_equal(root_open(&r, base, &e), 0);
	assert_false(target_is_linux_root(&r));
	make_dir(base, "etc");
	make_dir(base, "usr");
	snprintf(path, sizeof(path), "%s/bin", base);
	assert_int_equal(symlink("usr/bin", path), 0);
	snprintf(path, sizeof(path), "%s/sbin", base);
	assert_int_equal(symlink("usr/sbin", path), 0);
	assert_false(target_is_linux_root(&r)); /* nothing says that it was installed */
	assert_int_equal(root_replace(&r, "etc/fstab", "x", 1, NULL, &e), 0);
	assert_true(target_is_linux_root(&r));
	assert_int_equal(root_remove(&r, "sbin", &e), 0);
	assert_false(target_is_linux_root(&r));
	root_close(&r);
	assert_int_equal(root_open(&r, "/tmp", &e), 0);
	assert_int_equal(root_remove_tree(&r, base + 5, &e), 0);
	root_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),	      cmocka_unit_test(test_options),
		cmocka_unit_test(test_paths),	      cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_root_likeness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
