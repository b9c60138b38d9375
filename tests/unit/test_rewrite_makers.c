/* SPDX-License-Identifier: MIT */
/* Programs that make initramfs images, and GRUB's names: what is planned, what is refused. */
#include "plan_try.h"

#include "rewrite/guard.h"
#include "rewrite/initramfs.h"

static const struct tool_step *step_of(const char *name)
{
	size_t i;

	for (i = 0; i < plan.step_count; i++)
		if (str_starts(plan.steps[i].name, name))
			return &plan.steps[i];
	fail_msg("no step %s", name);
	return NULL;
}

static void use_dracut(void)
{
	drop("usr/sbin/mkinitramfs");
	put(&clone, "usr/bin/dracut", "");
}

static void test_dracut(void **state)
{
	const struct tool_step *s;

	(void)state;
	use_dracut();
	make();
	assert_int_equal(plan.blockers.count, 0);
	s = step_of("initramfs 6.1.0-28-amd64");
	assert_string_equal(s->argv.items[0], "/usr/bin/dracut");
	assert_true(strlist_has(&s->argv, "--no-hostonly"));
	assert_true(strlist_has(&s->argv, "virtio_blk virtio_net ext4"));
	assert_string_equal(s->argv.items[s->argv.count - 2], "/boot/initrd.img-6.1.0-28-amd64");
	assert_string_equal(s->outputs.items[0], "/boot/initrd.img-6.1.0-28-amd64");
	assert_true(strlist_has(&s->inputs, "/etc/dracut.conf.d"));
	put(&clone, "usr/share/dracut/modules.d/x", ""); /* RHEL 6: it does not know the word */
	make();
	assert_false(strlist_has(&step_of("initramfs")->argv, "--no-hostonly"));
}

/* It would ask for a shell at a console that nobody looks at. */
static void test_dracut_on_trial(void **state)
{
	static const char words[] = "panic=30 rd.shell=0 rd.emergency=reboot\"\n";
	const struct edit *grub;

	(void)state;
	put(&clone, "usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do");
	f.facts.rehost_binary = "/bin/true";
	make();
	assert_null(strstr(find(GUARD_GRUB)->content, "rd."));
	use_dracut();
	make();
	grub = find(GUARD_GRUB);
	assert_non_null(grub);
	assert_non_null(strstr(grub->content, words));
	assert_true(str_ends(grub->content, words));
}

static void test_dracut_on_volumes(void **state)
{
	(void)state;
	use_dracut();
	f.fs[0].stack = "lvm";
	blocked_by("install lvm2 on the source");
	put(&clone, "usr/sbin/lvm", "");
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_non_null(strstr(find("/etc/default/grub")->content, " rd.auto\""));
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
	make(); /* it is there now */
	assert_int_equal(plan.edit_count, 0);
	f.fs[0].stack = "raid";
	blocked_by("install mdadm on the source");
}

static void test_mkinitcpio(void **state)
{
	const struct tool_step *s;

	(void)state;
	drop("usr/sbin/mkinitramfs");
	put(&clone, "usr/bin/mkinitcpio", "");
	put(&clone, "etc/mkinitcpio.conf", "#HOOKS=(lvm2)\nHOOKS=(base block filesystems)\n");
	make();
	s = step_of("initramfs");
	assert_true(strlist_has(&s->argv, "-S") && strlist_has(&s->argv, "autodetect"));
	f.fs[0].stack = "lvm";
	blocked_by("add lvm2 to HOOKS");
	put(&clone, "etc/mkinitcpio.conf", "HOOKS=(base block \"lvm2\" filesystems)\n");
	make();
	assert_int_equal(plan.blockers.count, 0);
}

static void test_mkinitfs(void **state)
{
	(void)state;
	drop("usr/sbin/mkinitramfs");
	put(&clone, "sbin/mkinitfs", "");
	blocked_by("mkinitfs.conf is missing");
	put(&clone, "etc/mkinitfs/mkinitfs.conf", "features=\"ata $more\"'x'\n");
	blocked_by("add rehost to features");
	put(&clone, "etc/mkinitfs/mkinitfs.conf", "features=\"ata base\"\n");
	f.fs[0].stack = "raid";
	put(&clone, "sbin/mdadm", "");
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_string_equal(find("/etc/mkinitfs/mkinitfs.conf")->content,
			    "features=\"ata base rehost raid\"\n");
}

static void test_other_loaders(void **state)
{
	(void)state;
	drop("usr/lib/grub/i386-pc/boot.img");
	put(&clone, "boot/extlinux.conf", "");
	blocked_by("starts by extlinux, which rehost does not write: install grub-pc-bin");
	drop("boot/extlinux.conf");
	put(&clone, "boot/loader/loader.conf", "");
	blocked_by("starts by systemd-boot");
	drop("boot/loader/loader.conf");
	put(&clone, "boot/grub/menu.lst", "");
	blocked_by("starts by GRUB 0.97");
}

/* A loader looks for /boot/grub first: what another GRUB left there must not be taken for the clone's. */
static void test_two_grubs(void **state)
{
	char text[32];

	(void)state;
	put(&clone, "usr/sbin/grub2-mkconfig", "");
	put(&clone, "usr/sbin/grub2-install", "");
	put(&clone, "boot/grub2/grub.cfg", "");
	put(&clone, "boot/grub/i386-pc/core.img", "old");
	assert_int_equal(root_symlink(&clone, "boot/grub/grub.cfg", "../grub2/grub.cfg", NULL), 0);
	apply();
	assert_false(root_exists(&clone, "boot/grub/i386-pc/core.img"));
	assert_int_equal(root_readlink(&clone, "boot/grub/grub.cfg", text, sizeof(text)), -1);
	assert_true(root_exists(&clone, "boot/grub2/grub.cfg"));
	assert_string_equal(step_of("grub files")->argv.items[0], "/usr/sbin/grub2-install");
	assert_string_equal(step_of("grub menu")->outputs.items[0], "/boot/grub2/grub.cfg");
}

static void become_rocky(void)
{
	static const char text[] = "ID=rocky\nID_LIKE=\"rhel\"\nVERSION_ID=\"9.4\"\n";

	put(&clone, "etc/os-release", text);
	put(&clone, "usr/sbin/grub2-mkconfig", "");
	put(&clone, "usr/sbin/grub2-install", "");
	use_dracut();
}

/* The signed loader of the source's own EFI system partition, with a stub for this machine. */
static void test_uefi_of_rhel(void **state)
{
	static struct fact_fs fs[2];
	const struct tool_step *s;

	(void)state;
	become_rocky();
	fs[0] = f.fs[0];
	fs[1] = (struct fact_fs){
		.mount = "/boot/efi", .device = "/dev/vda9", .type = "vfat", .uuid = "ABCD-1234"
	};
	f.facts.filesystems = fs;
	f.facts.fs_count = 2;
	f.facts.uefi = f.facts.secure_boot = true;
	blocked_by("no shimx64.efi with grubx64.efi came");
	put(&clone, "boot/efi/EFI/BOOT/shimx64.efi", "x");
	put(&clone, "boot/efi/EFI/BOOT/grubx64.efi", "x");
	put(&clone, "boot/efi/EFI/a b/shimx64.efi", "x");
	put(&clone, "boot/efi/EFI/a b/grubx64.efi", "x");
	blocked_by("no shimx64.efi with grubx64.efi came");
	put(&clone, "boot/efi/EFI/rocky/shimx64.efi", "x");
	put(&clone, "boot/efi/EFI/rocky/grubx64.efi", "x");
	make();
	assert_int_equal(plan.blockers.count, 0);
	s = step_of("grub files");
	assert_string_equal(s->argv.items[2], "/boot/efi/EFI/rocky/shimx64.efi");
	assert_string_equal(s->argv.items[s->argv.count - 1], "/var/lib/rehost/esp/EFI/rocky");
	assert_string_equal(find("/var/lib/rehost/esp/EFI/rocky/grub.cfg")->content,
			    "search.fs_uuid d3b07384-1111-4222-8333-000000000001 root \n"
			    "set prefix=($root)'/boot/grub2'\nconfigfile $prefix/grub.cfg\n");
	put(&clone, "etc/os-release", "ID=opensuse-leap\nVERSION_ID=\"15.5\"\n");
	blocked_by("SUSE's loader");
}

/* ---- images that came ---- */

static int fits(const char *path, const char *data, char *ret_reason, size_t size)
{
	const struct initramfs_file files[] = {
		{ .path = "usr/lib/modules/6.1.0-28-amd64/kernel/drivers/block/virtio_blk.ko" },
		{ .path = "usr/lib/modules/6.1.0-28-amd64/kernel/fs/ext4/ext4.ko.xz" },
		{ .path = path, .data = data, .len = data ? strlen(data) : 0 },
	};
	struct strbuf reason cleanup_strbuf = STRBUF_INIT;
	int rc = initramfs_fits(files, 3, &clone, "6.1.0-28-amd64", &f.facts, &reason);

	snprintf(ret_reason, size, "%s", strbuf_str(&reason));
	return rc;
}

static void test_images_of_dracut(void **state)
{
	static const struct {
		const char *path, *data, *reason; /* NULL: it fits */
	} cases[] = {
		{ "etc/cmdline.d/01-default.conf",
		  " root=UUID=d3b07384-1111-4222-8333-000000000001 rw\n", NULL },
		{ "etc/cmdline.d/95root.conf", "root=UUID=50ce0000-0000-4000-8000-000000000001",
		  "made for the source (root=UUID=50ce" },
		{ "etc/cmdline.d/90lvm.conf", "rd.lvm.lv=rl/root\n", "(rd.lvm.lv=rl/root)" },
		{ "etc/mdadm.conf", "ARRAY /dev/md0 UUID=1\n", "names disk arrays" },
		{ "etc/lvm/devices/system.devices", "# made\nIDTYPE=sys_wwid IDNAME=x\n",
		  "names disks of the source" },
		{ "etc/lvm/devices/system.devices", "# made\n", NULL },
		{ "usr/lib/dracut/hooks/initqueue/finished/devexists-\\x2fdev\\x2fdisk\\x2fby-uuid"
		  "\\x2f50ce0000-0000-4000-8000-000000000001.sh",
		  NULL, "it waits for a disk of the source" },
		{ "usr/lib/dracut/hooks/initqueue/finished/devexists-\\x2fdev\\x2fdisk\\x2fby-uuid"
		  "\\x2fd3b07384-1111-4222-8333-000000000001.sh",
		  NULL, NULL },
		{ "etc/systemd/system/"
		  "dev-disk-by\\x2duuid-50ce0000\\x2d0000\\x2d4000\\x2d8000\\x2d000000000001."
		  "device.d/"
		  "timeout.conf",
		  NULL, "it waits for a disk of the source" },
		{ "etc/systemd/system/initrd.target.wants/"
		  "dev-disk-by\\x2duuid-d3b07384\\x2d1111\\x2d4222\\x2d8333\\x2d000000000001."
		  "device",
		  NULL, NULL },
	};
	char reason[300];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int rc = fits(cases[i].path, cases[i].data, reason, sizeof(reason));

		if (rc != (cases[i].reason ? 0 : 1))
			print_error("%s: %d, %s\n", cases[i].path, rc, reason);
		assert_int_equal(rc, cases[i].reason ? 0 : 1);
		if (cases[i].reason)
			assert_non_null(strstr(reason, cases[i].reason));
	}
}

#define PLAN_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAN_TEST(test_dracut),
		PLAN_TEST(test_dracut_on_trial),
		PLAN_TEST(test_dracut_on_volumes),
		PLAN_TEST(test_mkinitcpio),
		PLAN_TEST(test_mkinitfs),
		PLAN_TEST(test_other_loaders),
		PLAN_TEST(test_two_grubs),
		PLAN_TEST(test_uefi_of_rhel),
		PLAN_TEST(test_images_of_dracut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
