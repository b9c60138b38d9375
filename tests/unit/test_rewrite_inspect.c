/* SPDX-License-Identifier: MIT */
/*
 * What a tree is, over small trees of the distributions. Names and places are those of their packages and documents:
 * os-release(5), the release files of RHEL and SUSE, kernel-install(8), mkinitcpio(8), mkinitfs(1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "rewrite/inspect_priv.h"
#include "temp_root.h"

/* "path=text", or "path->link". Folders end in a slash. */
static void lay(const char *spec)
{
	const char *link = strstr(spec, "->"), *text = strchr(spec, '=');
	char path[256], parent[256];
	int fd;

	if (link && (!text || link < text)) {
		snprintf(path, sizeof(path), "%.*s", (int)(link - spec), spec);
		assert_int_equal(root_symlink(&r, path, link + 2, NULL), 0);
		return;
	}
	snprintf(path, sizeof(path), "%.*s", text ? (int)(text - spec) : (int)strlen(spec), spec);
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (*parent)
		assert_int_equal(root_mkdirs(&r, parent, 0755, NULL), 0);
	if (str_ends(path, "/"))
		return;
	fd = root_openat(&r, path, O_WRONLY | O_CREAT | O_TRUNC, 0755, NULL);
	assert_true(fd >= 0);
	text = text ? text + 1 : "";
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What the tree at hand is, as JSON; the caller drops it. */
static json_t *look(void)
{
	struct err e = ERR_INIT;
	json_t *o = inspect_report(&r, &e);

	assert_non_null(o);
	return o;
}

/* "system.init", "kernels.0.version" */
static const json_t *at(const json_t *o, const char *path)
{
	while (o && *path) {
		size_t n = strcspn(path, ".");
		char word[64];
		uint32_t index;

		snprintf(word, sizeof(word), "%.*s", (int)n, path);
		o = json_is_array(o) && parse_u32(word, &index) == 0 ? json_array_get(o, index)
								     : json_object_get(o, word);
		path += n + (path[n] == '.');
	}
	return o;
}

static const char *what = "the tree"; /* for messages */

static void says(const json_t *o, const char *path, const char *want)
{
	const json_t *v = at(o, path);

	if (!v)
		fail_msg("%s: %s is missing", what, path);
	if (!want && !json_is_null(v))
		fail_msg("%s: %s is %s", what, path, json_string_value(v));
	if (!want)
		return;
	if (!json_is_string(v) || strcmp(json_string_value(v), want) != 0)
		fail_msg("%s: %s is %s, not %s", what, path, json_string_value(v), want);
}

struct sample {
	const char *what;
	const char *tree[24];
	const char *distribution, *version, *family, *init, *manager, *initramfs, *stack;
	const char *kernel[3]; /* version, image, initramfs of the first */
};

static const struct sample samples[] = {
	{ "Debian 12",
	  { "/etc/os-release=ID=debian\nVERSION_ID=\"12\"\n", "/etc/debian_version=12.5\n",
	    "/sbin/init->/lib/systemd/systemd", "/usr/bin/apt-get", "/var/lib/dpkg/status",
	    "/usr/sbin/update-initramfs", "/usr/sbin/mkinitramfs", "/boot/vmlinuz-6.1.0-18-amd64",
	    "/boot/initrd.img-6.1.0-18-amd64", "/lib/modules/6.1.0-18-amd64/", "/usr/sbin/ifup",
	    "/etc/network/interfaces=auto ens3\niface ens3 inet static\n address 192.0.2.10/24\n",
	    "/etc/systemd/system/multi-user.target.wants/"
	    "networking.service->/lib/systemd/system/networking.service" },
	  "debian",
	  "12.5",
	  "debian",
	  "systemd",
	  "apt",
	  "initramfs-tools",
	  "ifupdown",
	  { "6.1.0-18-amd64", "/boot/vmlinuz-6.1.0-18-amd64", "/boot/initrd.img-6.1.0-18-amd64" } },
	{ "Debian testing: debian_version is no number",
	  { "/etc/os-release=ID=debian\n", "/etc/debian_version=trixie/sid\n" },
	  "debian",
	  NULL,
	  "debian",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "Ubuntu 22.04: debian_version is another distribution's",
	  { "/etc/os-release=ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\n",
	    "/etc/debian_version=bookworm/sid\n", "/sbin/init->/lib/systemd/systemd",
	    "/etc/netplan/50-cloud-init.yaml=network: {version: 2, ethernets: {eth0: {dhcp4: "
	    "true}}}\n",
	    "/usr/lib/systemd/system-generators/netplan" },
	  "ubuntu",
	  "22.04",
	  "debian",
	  "systemd",
	  NULL,
	  NULL,
	  "netplan",
	  { NULL } },
	{ "Ubuntu 10.04",
	  { "/etc/lsb-release=DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n",
	    "/etc/debian_version=squeeze/sid\n", "/sbin/init", "/sbin/initctl",
	    "/etc/init/rc-sysinit.conf" },
	  "ubuntu",
	  "10.04",
	  "debian",
	  "upstart",
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "CentOS 5",
	  { "/etc/redhat-release=CentOS release 5.11 (Final)\n", "/sbin/init",
	    "/etc/inittab=id:3:initdefault:\n", "/usr/bin/yum", "/var/lib/rpm/Packages",
	    "/sbin/mkinitrd", "/boot/vmlinuz-2.6.18-398.el5", "/boot/initrd-2.6.18-398.el5.img",
	    "/lib/modules/2.6.18-398.el5/" },
	  "centos",
	  "5.11",
	  "rhel",
	  "sysvinit",
	  "yum",
	  "mkinitrd",
	  NULL,
	  { "2.6.18-398.el5", "/boot/vmlinuz-2.6.18-398.el5", "/boot/initrd-2.6.18-398.el5.img" } },
	{ "CentOS 6",
	  { "/etc/redhat-release=CentOS release 6.10 (Final)\n",
	    "/etc/centos-release=CentOS release 6.10 (Final)\n", "/sbin/init", "/sbin/initctl",
	    "/etc/init/rc.conf", "/etc/inittab=id:3:initdefault:\n", "/usr/bin/yum",
	    "/var/lib/rpm/Packages", "/sbin/dracut", "/sbin/mkinitrd",
	    "/boot/vmlinuz-2.6.32-754.el6.x86_64", "/boot/initramfs-2.6.32-754.el6.x86_64.img",
	    "/lib/modules/2.6.32-754.el6.x86_64/" },
	  "centos",
	  "6.10",
	  "rhel",
	  "upstart",
	  "yum",
	  "dracut",
	  NULL,
	  { "2.6.32-754.el6.x86_64", "/boot/vmlinuz-2.6.32-754.el6.x86_64",
	    "/boot/initramfs-2.6.32-754.el6.x86_64.img" } },
	{ "CentOS 7",
	  { "/etc/os-release=ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
	    "/etc/centos-release=CentOS Linux release 7.9.2009 (Core)\n",
	    "/sbin/init->../lib/systemd/systemd", "/usr/bin/yum", "/var/lib/rpm/Packages" },
	  "centos",
	  "7.9.2009",
	  "rhel",
	  "systemd",
	  "yum",
	  NULL,
	  NULL,
	  { NULL } },
	{ "RHEL 9",
	  { "/etc/os-release=ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n",
	    "/etc/redhat-release=Red Hat Enterprise Linux release 9.4 (Plow)\n", "/usr/bin/dnf",
	    "/usr/bin/yum->dnf-3", "/var/lib/rpm/rpmdb.sqlite", "/usr/bin/dracut" },
	  "rhel",
	  "9.4",
	  "rhel",
	  NULL,
	  "dnf",
	  "dracut",
	  NULL,
	  { NULL } },
	{ "Rocky 8",
	  { "/etc/os-release=ID=\"rocky\"\nVERSION_ID=\"8.9\"\n",
	    "/etc/rocky-release=Rocky Linux release 8.9 (Green Obsidian)\n" },
	  "rocky",
	  "8.9",
	  "rhel",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "AlmaLinux 9",
	  { "/etc/os-release=ID=\"almalinux\"\nVERSION_ID=\"9.3\"\n" },
	  "almalinux",
	  "9.3",
	  "rhel",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "Oracle Linux 6: redhat-release says Red Hat",
	  { "/etc/oracle-release=Oracle Linux Server release 6.10\n",
	    "/etc/redhat-release=Red Hat Enterprise Linux Server release 6.10 (Santiago)\n" },
	  "ol",
	  "6.10",
	  "rhel",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "Fedora 40, kernel with its modules",
	  { "/etc/os-release=ID=fedora\nVERSION_ID=40\n", "/sbin/init->../lib/systemd/systemd",
	    "/usr/bin/dnf", "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/bin/dracut",
	    "/lib->usr/lib", "/usr/lib/modules/6.8.5-301.fc40.x86_64/vmlinuz" },
	  "fedora",
	  "40",
	  "rhel",
	  "systemd",
	  "dnf",
	  "dracut",
	  NULL,
	  { "6.8.5-301.fc40.x86_64", "/usr/lib/modules/6.8.5-301.fc40.x86_64/vmlinuz", NULL } },
	{ "Amazon Linux 1",
	  { "/etc/os-release=ID=\"amzn\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"2018.03\"\n",
	    "/etc/system-release=Amazon Linux AMI release 2018.03\n", "/sbin/init", "/sbin/initctl",
	    "/etc/init/rc.conf", "/usr/bin/yum", "/var/lib/rpm/Packages" },
	  "amzn",
	  "2018.03",
	  "rhel",
	  "upstart",
	  "yum",
	  NULL,
	  NULL,
	  { NULL } },
	{ "Amazon Linux 2023",
	  { "/etc/os-release=ID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\n",
	    "/usr/bin/dnf", "/var/lib/rpm/rpmdb.sqlite", "/sbin/init->../lib/systemd/systemd",
	    "/usr/lib/systemd/network/80-ec2.network=[Match]\nDriver=ena\n[Network]\nDHCP=yes\n",
	    "/etc/systemd/system/multi-user.target.wants/"
	    "systemd-networkd.service->/usr/lib/systemd/system/systemd-networkd.service" },
	  "amzn",
	  "2023",
	  "rhel",
	  "systemd",
	  "dnf",
	  NULL,
	  "systemd-networkd",
	  { NULL } },
	{ "openSUSE Leap",
	  { "/etc/os-release=ID=\"opensuse-leap\"\nID_LIKE=\"suse "
	    "opensuse\"\nVERSION_ID=\"15.5\"\n",
	    "/usr/bin/zypper", "/var/lib/rpm->../../usr/lib/sysimage/rpm",
	    "/usr/lib/sysimage/rpm/Packages.db", "/usr/bin/dracut", "/sbin/mkinitrd",
	    "/boot/vmlinuz-5.14.21-default", "/boot/initrd-5.14.21-default",
	    "/boot/vmlinuz->vmlinuz-5.14.21-default", "/lib/modules/5.14.21-default/" },
	  "opensuse-leap",
	  "15.5",
	  "suse",
	  NULL,
	  "zypper",
	  "dracut",
	  NULL,
	  { "5.14.21-default", "/boot/vmlinuz-5.14.21-default", "/boot/initrd-5.14.21-default" } },
	{ "SLES 11",
	  { "/etc/SuSE-release=SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL "
	    "= 4\n",
	    "/sbin/init", "/etc/inittab=id:5:initdefault:\n", "/usr/bin/zypper",
	    "/var/lib/rpm/Packages", "/sbin/mkinitrd" },
	  "sles",
	  "11.4",
	  "suse",
	  "sysvinit",
	  "zypper",
	  "mkinitrd",
	  NULL,
	  { NULL } },
	{ "openSUSE 13.2",
	  { "/etc/SuSE-release=openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n" },
	  "opensuse",
	  "13.2",
	  "suse",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "Arch",
	  { "/etc/os-release=ID=arch\n", "/etc/arch-release", "/usr/bin/pacman",
	    "/var/lib/pacman/local/", "/usr/bin/mkinitcpio", "/boot/vmlinuz-linux",
	    "/boot/initramfs-linux.img", "/boot/initramfs-linux-fallback.img" },
	  "arch",
	  NULL,
	  "arch",
	  NULL,
	  "pacman",
	  "mkinitcpio",
	  NULL,
	  { "linux", "/boot/vmlinuz-linux", "/boot/initramfs-linux.img" } },
	{ "Gentoo",
	  { "/etc/os-release=ID=gentoo\n", "/etc/gentoo-release=Gentoo Base System release 2.14\n",
	    "/sbin/init", "/etc/inittab=si::sysinit:/sbin/openrc sysinit\n", "/usr/bin/emerge",
	    "/var/db/pkg/", "/usr/bin/genkernel", "/boot/kernel-6.1.38-gentoo",
	    "/boot/initramfs-6.1.38-gentoo", "/lib/modules/6.1.38-gentoo/" },
	  "gentoo",
	  "2.14",
	  "gentoo",
	  "openrc",
	  "portage",
	  "genkernel",
	  NULL,
	  { "6.1.38-gentoo", "/boot/kernel-6.1.38-gentoo", "/boot/initramfs-6.1.38-gentoo" } },
	{ "Alpine",
	  { "/etc/os-release=ID=alpine\nVERSION_ID=3.19.1\n", "/etc/alpine-release=3.19.1\n",
	    "/sbin/init->/bin/busybox", "/etc/inittab=::sysinit:/sbin/openrc sysinit\n",
	    "/sbin/apk", "/lib/apk/db/installed", "/sbin/mkinitfs", "/boot/vmlinuz-lts",
	    "/boot/initramfs-lts" },
	  "alpine",
	  "3.19.1",
	  "alpine",
	  "openrc",
	  "apk",
	  "mkinitfs",
	  NULL,
	  { "lts", "/boot/vmlinuz-lts", "/boot/initramfs-lts" } },
	{ "a distribution nobody has heard of, of Red Hat's family",
	  { "/usr/lib/os-release=ID=nova\nID_LIKE='strange fedora'\nVERSION_ID=3\n" },
	  "nova",
	  "3",
	  "rhel",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
	{ "nothing that tells",
	  { "/etc/hosts=127.0.0.1 localhost\n" },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NULL } },
};

static void test_distributions(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		json_t *o;

		assert_int_equal(temp_root_open(NULL), 0);
		lay("/usr/lib/");
		for (n = 0; s->tree[n]; n++)
			lay(s->tree[n]);
		o = look();
		what = s->what;
		says(o, "system.distribution", s->distribution);
		says(o, "system.version", s->version);
		says(o, "system.family", s->family);
		says(o, "system.init", s->init);
		says(o, "system.package_manager", s->manager);
		says(o, "initramfs.tool", s->initramfs);
		says(o, "network.stack", s->stack);
		if (s->kernel[0]) {
			assert_int_equal(json_array_size(at(o, "kernels")), 1);
			says(o, "kernels.0.version", s->kernel[0]);
			says(o, "kernels.0.image", s->kernel[1]);
			says(o, "kernels.0.initramfs", s->kernel[2]);
		} else {
			assert_int_equal(json_array_size(at(o, "kernels")), 0);
		}
		json_decref(o);
		assert_int_equal(temp_root_close(NULL), 0);
	}
}

/* The version is inside a kernel for x86: a pointer at 0x20e, counted from 0x200. */
static void test_kernel_without_a_version_in_its_name(void **state)
{
	unsigned char image[0x400] = { 0 };
	int fd;
	json_t *o;

	(void)state;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x20e] = 0x40;
	strcpy((char *)image + 0x240, "6.6.7-arch1-1 (linux@archlinux) #1 SMP");
	lay("/usr/lib/modules/6.6.7-arch1-1/vmlinuz");
	lay("/lib->usr/lib");
	lay("/boot/");
	fd = root_openat(&r, "/boot/vmlinuz-linux", O_WRONLY | O_CREAT, 0644, NULL);
	assert_int_equal(write(fd, image, sizeof(image)), sizeof(image));
	close(fd);
	o = look();
	assert_int_equal(json_array_size(at(o, "kernels")), 1);
	says(o, "kernels.0.version", "6.6.7-arch1-1");
	says(o, "kernels.0.modules", "/lib/modules/6.6.7-arch1-1");
	json_decref(o);
	/* a pointer past the end leads nowhere */
	image[0x20f] = 0xff;
	fd = root_openat(&r, "/boot/vmlinuz-linux", O_WRONLY | O_TRUNC, 0644, NULL);
	assert_int_equal(write(fd, image, sizeof(image)), sizeof(image));
	close(fd);
	o = look();
	says(o, "kernels.0.version", "linux");
	says(o, "kernels.1.version", "6.6.7-arch1-1");
	json_decref(o);
}

static void test_boot_chain(void **state)
{
	json_t *o;

	(void)state;
	lay("/boot/grub2/grub.cfg");
	lay("/boot/grub/menu.lst");
	lay("/usr/lib/grub/i386-pc/boot.img");
	lay("/boot/grub2/x86_64-efi/normal.mod");
	lay("/boot/efi/EFI/rocky/shimx64.efi");
	lay("/boot/efi/EFI/BOOT/BOOTX64.EFI");
	lay("/boot/efi/EFI/BOOT/readme.txt");
	lay("/boot/loader/entries/abc-5.14.0.conf=title Rocky\nversion 5.14.0\nlinux "
	    "/vmlinuz-5.14.0\n"
	    "initrd /initramfs-5.14.0.img\noptions root=UUID=1234 ro quiet\n# machine id\n");
	lay("/etc/default/grub=GRUB_CMDLINE_LINUX=\"crashkernel=auto "
	    "rhgb\"\nGRUB_ENABLE_BLSCFG=true\n");
	lay("/etc/kernel/cmdline=root=UUID=1234\n");
	o = look();
	assert_int_equal(json_array_size(at(o, "boot.loaders")), 2);
	says(o, "boot.loaders.0.file", "/boot/grub2/grub.cfg");
	says(o, "boot.loaders.1.name", "grub-legacy");
	says(o, "boot.grub_platforms.0.folder", "/usr/lib/grub/i386-pc");
	says(o, "boot.grub_platforms.1.platform", "x86_64-efi");
	assert_int_equal(json_array_size(at(o, "boot.efi_files")), 2);
	says(o, "boot.efi_files.0", "/boot/efi/EFI/BOOT/BOOTX64.EFI");
	says(o, "boot.entries.0.linux", "/vmlinuz-5.14.0");
	says(o, "boot.entries.0.options", "root=UUID=1234 ro quiet");
	says(o, "boot.entries.0.efi", NULL);
	says(o, "boot.kernel_words.0.text", "crashkernel=auto rhgb");
	says(o, "boot.kernel_words.1.variable", "GRUB_ENABLE_BLSCFG");
	says(o, "boot.kernel_words.2.file", "/etc/kernel/cmdline");
	json_decref(o);
}

static void test_storage_and_selinux(void **state)
{
	json_t *o;

	(void)state;
	lay("/etc/fstab=# root\nUUID=1234 / xfs defaults 0 1\n/dev/mapper/vg-home /home ext4 "
	    "nofail\n");
	lay("/etc/crypttab=luks-1 UUID=99 none luks,discard\n\nbroken\n");
	lay("/etc/mdadm.conf=MAILADDR root\nARRAY /dev/md0 metadata=1.2 UUID=aa:bb:cc:dd "
	    "name=box:0\n");
	lay("/etc/lvm/lvm.conf=devices {\n # filter = no\n global_filter = [ \"a|sda|\" ]\n}\n");
	lay("/etc/lvm/devices/system.devices=VERSION=1.1.1\n");
	lay("/etc/lvm/backup/vg00=x");
	lay("/etc/selinux/config=SELINUX=enforcing\nSELINUXTYPE=targeted\n");
	lay("/etc/selinux/targeted/policy/policy.31");
	lay("/usr/sbin/load_policy");
	o = look();
	assert_int_equal(json_array_size(at(o, "mounts")), 2);
	says(o, "mounts.1.mount", "/home");
	assert_int_equal(json_integer_value(at(o, "mounts.1.line")), 3);
	assert_int_equal(json_array_size(at(o, "storage.crypttab")), 1);
	says(o, "storage.crypttab.0.options", "luks,discard");
	says(o, "storage.arrays.0.uuid", "aa:bb:cc:dd");
	assert_int_equal(json_integer_value(at(o, "storage.lvm.filters.0.line")), 3);
	says(o, "storage.lvm.devices_file", "/etc/lvm/devices/system.devices");
	says(o, "storage.lvm.volume_groups.0", "vg00");
	says(o, "selinux.mode", "enforcing");
	assert_true(json_is_true(at(o, "selinux.policy_installed")));
	says(o, "notes.0", "/etc/crypttab:3: a name without a device");
	json_decref(o);
}

static void test_agents(void **state)
{
	json_t *o;

	(void)state;
	lay("/sbin/init->/lib/systemd/systemd");
	lay("/usr/bin/cloud-init");
	lay("/usr/lib/systemd/system/cloud-init.service");
	lay("/usr/lib/systemd/system/qemu-guest-agent.service");
	lay("/etc/systemd/system/multi-user.target.wants/waagent.service->/lib/x"); /* gone */
	lay("/etc/systemd/system/multi-user.target.wants/cloud-init.service->/lib/x");
	lay("/var/lib/dpkg/info/hc-utils.md5sums");
	lay("/usr/sbin/qemu-ga");
	lay("/etc/systemd/system/multi-user.target.wants/qemu-guest-agent.service->/lib/x");
	lay("/etc/systemd/system/qemu-guest-agent.service->/dev/null"); /* masked */
	lay("/etc/cloud/cloud.cfg=datasource_list: [ A ]\n");
	lay("/etc/cloud/cloud.cfg.d/90_dpkg.cfg=# x\ndatasource_list: [ NoCloud, Ec2 ]\n");
	lay("/etc/cloud/cloud.cfg.d/99-off.cfg=network: {config: disabled}\n");
	o = look();
	assert_int_equal(json_array_size(at(o, "agents")), 3);
	says(o, "agents.0.name", "cloud-init");
	says(o, "agents.0.started_by",
	     "/etc/systemd/system/multi-user.target.wants/cloud-init.service");
	says(o, "agents.1.provider", "Hetzner");
	says(o, "agents.1.started_by", NULL);
	says(o, "agents.2.name", "qemu-guest-agent");
	says(o, "agents.2.started_by", NULL);
	says(o, "cloud_init.datasource_list", "[ NoCloud, Ec2 ]");
	says(o, "cloud_init.network_disabled_in", "/etc/cloud/cloud.cfg.d/99-off.cfg");
	says(o, "cloud_init.disabled_by", NULL);
	json_decref(o);
}

static void test_why(void **state)
{
	json_t *o;

	(void)state;
	lay("/usr/lib/");
	lay("/sbin/init->/lib/systemd/systemd");
	lay("/etc/systemd/system/multi-user.target.wants/NetworkManager.service->/lib/x");
	lay("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service->/lib/x");
	lay("/usr/lib/systemd/system/NetworkManager.service");
	lay("/usr/lib/systemd/system/systemd-networkd.service");
	lay("/etc/systemd/network/10-a.network=[Match]\nName=eth0\n[Network]\nDHCP=yes\n");
	o = look();
	says(o, "network.stack", "systemd-networkd");
	says(o, "network.why",
	     "systemd-networkd: it is started "
	     "(/etc/systemd/system/multi-user.target.wants/systemd-networkd.service) and "
	     "/etc/systemd/network/10-a.network is there; it goes before NetworkManager, started "
	     "as well");
	says(o, "network.others.0.stack", "NetworkManager");
	json_decref(o);
	/* wicked's alias is the only link; that it is called network proves no other stack */
	assert_int_equal(root_remove_tree(&r, "/etc", NULL), 0);
	lay("/etc/systemd/system/network.service->/usr/lib/systemd/system/wicked.service");
	lay("/etc/sysconfig/network/ifcfg-lo");
	lay("/etc/sysconfig/network/ifcfg-eth0=BOOTPROTO='dhcp'\n");
	o = look();
	says(o, "network.stack", "wicked");
	says(o, "network.why",
	     "wicked: it is started (/etc/systemd/system/network.service) and "
	     "/etc/sysconfig/network/ifcfg-eth0 is there");
	assert_int_equal(json_array_size(at(o, "network.others")), 0);
	json_decref(o);
}

/* Links that lead out, folders instead of files, bytes that are no text, and files without end. */
static void test_hostile_tree(void **state)
{
	json_t *o;
	int fd;

	(void)state;
	lay("/etc/os-release->../../../../etc/os-release");
	lay("/etc/fstab/");
	lay("/etc/crypttab=");
	lay("/boot->/");
	lay("/lib/modules->/lib/modules");
	lay("/etc/default/grub->grub");
	fd = root_openat(&r, "/etc/crypttab", O_WRONLY, 0, NULL);
	assert_int_equal(write(fd, "a\0b", 3), 3);
	close(fd);
	lay("/etc/mdadm.conf=x");
	fd = root_openat(&r, "/etc/mdadm.conf", O_WRONLY, 0, NULL);
	assert_int_equal(ftruncate(fd, INSPECT_FILE_MAX + 1), 0);
	close(fd);
	o = look();
	says(o, "system.distribution", NULL);
	assert_int_equal(json_array_size(at(o, "mounts")), 0);
	says(o, "notes.0", "/etc/crypttab was not read: it is no text");
	says(o, "notes.1",
	     "/etc/mdadm.conf was not read: it is larger than a configuration file is");
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distributions),
#define TREE(f) cmocka_unit_test_setup_teardown(f, temp_root_open, temp_root_close)
		TREE(test_kernel_without_a_version_in_its_name),
		TREE(test_boot_chain),
		TREE(test_storage_and_selinux),
		TREE(test_agents),
		TREE(test_why),
		TREE(test_hostile_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
