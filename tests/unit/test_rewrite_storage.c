/* SPDX-License-Identifier: MIT */
/* Tables that name disks, in and out byte for byte; a table that was rewritten stays as it is. */
#include "plan_try.h"

#define U1 "d3b07384-1111-4222-8333-000000000001"
#define U2 "d3b07384-1111-4222-8333-000000000002"
#define U3 "d3b07384-1111-4222-8333-000000000003"

/* Plans, applies, compares, and does it once more. */
static void becomes(const char *path, const char *in, const char *want)
{
	put(&clone, path, in);
	apply();
	holds(path, want);
	make();
	assert_null(find(path));
}

static void use(const struct fact_fs *fs, unsigned count, bool uefi)
{
	f.facts.filesystems = fs;
	f.facts.fs_count = count;
	f.facts.uefi = uefi;
}

/* A machine with less of everything: whatever form a line has, the boot does not wait for what is not here. */
static void test_one_disk(void **state)
{
	(void)state;
	put(&clone, "/srv/here/x", "");
	put(&clone, "/opt/disk.iso", "");
	becomes("/etc/fstab",
		"/dev/mapper/vg0-root / ext4 noatime,stripe=64,data=journal,errors=remount-ro 0 1\n"
		"LABEL=\"my data\" /srv/my\\040data xfs defaults 0 2\n"
		"PARTUUID=0001-02 /usb vfat noauto,user 0 0\n"
		"/dev/disk/by-path/pci-0-part1 /p ext4 noauto 0 0\n"
		"/dev/disk/by-id/usb-Stick_1-part1 /stick vfat noauto 0 0\n"
		"/srv/here /mnt/a none bind 0 0\n"
		"/srv/gone /mnt/b none rbind,x-systemd.requires=/srv 0 0\n"
		"/opt/disk.iso /mnt/iso iso9660 ro 0 0\n"
		"/dev/cdrom /cd iso9660 ro 0 0\n"
		"share /host 9p trans=virtio 0 0\n"
		"tank/data /tank zfs defaults 0 0\n"
		"srv:/x /x nfs defaults 0 0\n"
		"srv:/y /y nfs x-systemd.automount 0 0\n"
		"UUID=0abc /iscsi ext4 _netdev 0 0\n"
		"bucket /s3 fuse.something defaults 0 0\n"
		"/dev/zram0 none swap pri=100 0 0\n"
		"PARTLABEL=swap none swap sw 0 0\n",
		"UUID=" U1 " / ext4 noatime,errors=remount-ro 0 1\n"
		"# rehost: a file system of the source, not of this machine\n"
		"# LABEL=\"my data\" /srv/my\\040data xfs defaults 0 2\n"
		"PARTUUID=0001-02 /usb vfat noauto,user 0 0\n"
		"# rehost: a file system of the source, not of this machine\n"
		"# /dev/disk/by-path/pci-0-part1 /p ext4 noauto 0 0\n"
		"/dev/disk/by-id/usb-Stick_1-part1 /stick vfat noauto 0 0\n"
		"/srv/here /mnt/a none bind 0 0\n"
		"/srv/gone /mnt/b none rbind,x-systemd.requires=/srv,nofail 0 0\n"
		"/opt/disk.iso /mnt/iso iso9660 ro 0 0\n"
		"/dev/cdrom /cd iso9660 ro,nofail 0 0\n"
		"share /host 9p trans=virtio,nofail 0 0\n"
		"# rehost: a ZFS pool of the source\n"
		"# tank/data /tank zfs defaults 0 0\n"
		"srv:/x /x nfs nofail,x-systemd.mount-timeout=30 0 0\n"
		"srv:/y /y nfs x-systemd.automount 0 0\n"
		"UUID=0abc /iscsi ext4 _netdev,nofail,x-systemd.device-timeout=10s 0 0\n"
		"bucket /s3 fuse.something nofail 0 0\n"
		"/dev/zram0 none swap pri=100 0 0\n"
		"# rehost: a swap device of the source\n"
		"# PARTLABEL=swap none swap sw 0 0\n");
}

static const struct fact_fs rich[] = {
	{ "/", "/dev/vda2", "btrfs", U1, "defaults,subvol=@rootfs", NULL },
	{ "/home", "/dev/vda3", "xfs", U2, NULL, NULL },
	{ "/boot/efi", "/dev/vda1", "vfat", "AB12-34CD", "umask=0077", NULL },
	{ "none", "/dev/vda4", "swap", U3, NULL, NULL },
};

/* A machine that has what the source has, in another form: the lines stay where they were. */
static void test_roles(void **state)
{
	(void)state;
	use(rich, 4, false); /* no GRUB for UEFI in this tree; the table does not mind */
	put(&clone, "/lib/modules/6.1.0-28-amd64/modules.builtin",
	    "kernel/fs/btrfs/btrfs.ko\nkernel/drivers/block/virtio_blk.ko\n"
	    "kernel/drivers/net/virtio_net.ko\n");
	becomes("/etc/fstab",
		"UUID=5eed / btrfs compress=zstd,subvol=@,noatime 0 0\n"
		"UUID=5eed /home btrfs subvol=@home,nodev 0 0\n"
		"/dev/sda1 /boot/efi vfat umask=0022,x-systemd.requires=dev-sda1.device 0 1\n"
		"/dev/mapper/cryptswap\tnone swap pri=5,x-systemd.makefs\t0 0\n"
		"/dev/sdb2 none swap sw 0 0\n"
		"/swapfile none swap sw 0 0\n",
		"UUID=" U1 " / btrfs compress=zstd,noatime,subvol=@rootfs 0 0\n"
		"UUID=" U2 " /home xfs nodev 0 0\n"
		"UUID=AB12-34CD /boot/efi vfat umask=0022 0 1\n"
		"UUID=" U3 "\tnone swap pri=5\t0 0\n"
		"# rehost: a swap device of the source\n"
		"# /dev/sdb2 none swap sw 0 0\n"
		"# rehost: a swap file; this machine has a swap of its own\n"
		"# /swapfile none swap sw 0 0\n");
}

/* The ESP keeps the place that the source's tools know. */
static void test_esp(void **state)
{
	const struct edit *edit;

	(void)state;
	use(rich, 3, true);
	put(&clone, "/etc/fstab", "UUID=5eed / ext4 defaults 0 1\nUUID=1-2 /efi vfat defaults 0 0");
	make(); /* GRUB for UEFI is missing: a blocker of another planner */
	edit = find("/etc/fstab");
	assert_non_null(edit);
	assert_string_equal(edit->content, "UUID=" U1 " / btrfs subvol=@rootfs 0 1\n"
					   "# rehost: file systems of this machine\n"
					   "UUID=" U2 " /home xfs defaults 0 0\n"
					   "UUID=AB12-34CD /efi vfat defaults 0 0\n");
}

/* One that came whole is used where the machine has no other swap; one with holes, or cut, is not. */
static void test_swap_file(void **state)
{
	static char data[10 * 4096];
	const struct edit *edit;

	(void)state;
	memset(data, 1, sizeof(data));
	memcpy(data + 4086, "SWAPSPACE2", 10);
	assert_int_equal(root_replace(&clone, "/swap.img", data, sizeof(data), NULL, NULL), 0);
	put(&clone, "/other.img", "short");
	put(&clone, "/etc/fstab",
	    "/dev/sda1 / ext4 rw 0 1\n/swap.img none swap sw 0 0\n/other.img none swap sw 0 0\n");
	make();
	edit = find("/etc/fstab");
	assert_string_equal(edit->content,
			    "UUID=" U1 " / ext4 rw 0 1\n"
			    "/swap.img none swap sw,nofail 0 0\n"
			    "# rehost: a swap file cannot be copied, make it anew with mkswap\n"
			    "# /other.img none swap sw 0 0\n");
}

static void test_crypttab(void **state)
{
	(void)state;
	put(&clone, "/srv/box.img", "x");
	becomes("/etc/crypttab",
		"# name device key options\n"
		"root UUID=1234 none luks\n"
		"swap /dev/sda3 /dev/urandom swap,cipher=aes\n"
		"box /srv/box.img none luks\n"
		"lost /srv/lost.img none luks\n"
		"id PARTLABEL=\"a b\" none luks",
		"# name device key options\n"
		"# rehost: root UUID=1234 none luks\n"
		"# rehost: swap /dev/sda3 /dev/urandom swap,cipher=aes\n"
		"box /srv/box.img none luks\n"
		"# rehost: lost /srv/lost.img none luks\n"
		"# rehost: id PARTLABEL=\"a b\" none luks");
	put(&clone, "/etc/crypttab", "root UUID=1234 none luks\n");
	make();
	assert_true(has_text(&plan.notes, "they are not encrypted"));
}

static void test_mdadm(void **state)
{
	(void)state;
	put(&clone, "/etc/mdadm.conf.d/x.conf", "arr /dev/md9 UUID=9\n");
	put(&clone, "/etc/mdadm.conf.d/x.txt", "ARRAY /dev/md9 UUID=9\n");
	becomes("/etc/mdadm/mdadm.conf",
		"DEVICE partitions containers\n"
		"DEVICE /dev/sd[ab]1\n"
		"HOMEHOST <system>\n"
		"ARRAY /dev/md0 metadata=1.2\n"
		"   UUID=aaaa:bbbb name=x:0\n"
		"\n"
		"  spares=1\n"
		"MAILADDR root\n"
		"   second\n",
		"DEVICE partitions containers\n"
		"# rehost: DEVICE /dev/sd[ab]1\n"
		"HOMEHOST <system>\n"
		"# rehost: ARRAY /dev/md0 metadata=1.2\n"
		"# rehost:    UUID=aaaa:bbbb name=x:0\n"
		"\n"
		"  spares=1\n"
		"MAILADDR root\n"
		"   second\n");
	holds("/etc/mdadm.conf.d/x.conf", "# rehost: arr /dev/md9 UUID=9\n");
	holds("/etc/mdadm.conf.d/x.txt", "ARRAY /dev/md9 UUID=9\n");
}

static void test_lvm(void **state)
{
	(void)state;
	put(&clone, "/etc/lvm/devices/extra.devices", "IDTYPE=sys_wwid\n");
	put(&clone, "/etc/multipath/wwids", "/3600/\n");
	becomes("/etc/lvm/lvm.conf",
		"devices {\n"
		"\t# filter = [ \"a|/dev/sda|\" ]\n"
		"\tfilter = [ \"a|^/dev/sda2$|\", # ] the root\n"
		"\t\t\"r|.*|\" ]\n"
		"\tglobal_filter = [ \"r|/dev/zd.*|\", \"a|.*|\" ]\n"
		"\tglobal_filter=\"a|/dev/disk/by-id/x|\"\n"
		"\tfilter_x = \"a|/dev/sda|\"\n"
		"}\n"
		"devices/global_filter = [\"a|/dev/md0|\"]",
		"devices {\n"
		"\t# filter = [ \"a|/dev/sda|\" ]\n"
		"# rehost: \tfilter = [ \"a|^/dev/sda2$|\", # ] the root\n"
		"# rehost: \t\t\"r|.*|\" ]\n"
		"\tglobal_filter = [ \"r|/dev/zd.*|\", \"a|.*|\" ]\n"
		"# rehost: \tglobal_filter=\"a|/dev/disk/by-id/x|\"\n"
		"\tfilter_x = \"a|/dev/sda|\"\n"
		"}\n"
		"# rehost: devices/global_filter = [\"a|/dev/md0|\"]");
	assert_false(root_exists(&clone, "/etc/lvm/devices/extra.devices"));
	holds("/var/lib/rehost/source-original/etc/multipath/wwids", "/3600/\n");
	put(&clone, "/etc/lvm/lvm.conf", "filter = [ \"a|/dev/sda|\"\n");
	make();
	assert_true(has_text(&plan.blockers, "lvm.conf: a filter has no end"));
}

static void test_kernel_conf(void **state)
{
	(void)state;
	put(&clone, "/etc/dracut.conf.d/x.conf",
	    "hostonly=\"yes\"\n"
	    "kernel_cmdline+=\" rd.lvm.lv=vg/root quiet root=/dev/sda2 \"\n"
	    "add_device+=\" /dev/sda3 \"\n"
	    "add_device+=\" \"\n"
	    "add_drivers+=\" xfs \"\n");
	becomes("/etc/kernel/cmdline",
		"# kept\n"
		"root=UUID=5eed-0  ro rd.luks.uuid=x resume=/dev/sda3 quiet\n",
		"# kept\n"
		"root=UUID=" U1 "  ro quiet\n");
	assert_int_equal(plan.edit_count, 0);
	holds("/etc/dracut.conf.d/x.conf", "hostonly=\"yes\"\n"
					   "kernel_cmdline+=\" quiet root=UUID=" U1 " \"\n"
					   "# rehost: add_device+=\" /dev/sda3 \"\n"
					   "add_device+=\" \"\n"
					   "add_drivers+=\" xfs \"\n");
}

static void unit(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/etc/systemd/system/%s", name);
	put(&clone, path, text);
	snprintf(path, sizeof(path), "/etc/systemd/system/local-fs.target.requires/%s", name);
	assert_int_equal(root_symlink(&clone, path, "../x", NULL), 0);
}

static void test_mount_units(void **state)
{
	char text[64];

	(void)state;
	unit("srv-data.mount", "[Mount]\nWhat=/dev/disk/by-uuid/5eed\nWhere=/srv/data\n");
	unit("mnt-nas.mount", "[Mount]\nWhat=nas:/x\nWhere=/mnt/nas\nType=nfs\n");
	unit("opt.mount", "[Mount]\nWhat=UUID=" U1 "\nWhere=/opt\n");
	unit("dev-sdb1.swap", "[Swap]\nWhat=/dev/sdb1\n");
	unit("odd.mount", "[Mount]\nWhere=/odd\n");
	apply();
	assert_int_equal(root_readlink(&clone, "/etc/systemd/system/srv-data.mount", text, 64), 0);
	assert_string_equal(text, "/dev/null");
	assert_int_equal(root_readlink(&clone, "/etc/systemd/system/dev-sdb1.swap", text, 64), 0);
	assert_int_equal(root_readlink(&clone, "/etc/systemd/system/mnt-nas.mount", text, 64), -1);
	assert_int_equal(root_readlink(&clone, "/etc/systemd/system/opt.mount", text, 64), -1);
	assert_true(has_text(&plan.notes, "srv-data.mount (/dev/disk/by-uuid/5eed on /srv/data)"));
	holds("/var/lib/rehost/source-original/etc/systemd/system/dev-sdb1.swap",
	      "[Swap]\nWhat=/dev/sdb1\n");
	make();
	assert_int_equal(plan.edit_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_roles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_esp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_swap_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crypttab, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mdadm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lvm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kernel_conf, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mount_units, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
