/* SPDX-License-Identifier: MIT */
/* What a plan refuses, and the choices; whole trees are in test_rewrite_fixtures. */
#include "plan_try.h"

#include <limits.h>

static int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(root_lstat(&clone, path, &st), 0);
	return (int)(st.st_mode & 07777);
}

static void test_not_linux(void **state)
{
	(void)state;
	drop("etc/fstab");
	drop("etc/hosts");
	blocked_by("not the root of a Linux system");
	assert_int_equal(plan.edit_count, 0);
}

static void test_unknown_systems(void **state)
{
	(void)state;
	put(&clone, "etc/os-release", "ID=slackware\nPRETTY_NAME=\"Slackware 15.0\"\n");
	blocked_by("Slackware 15.0");
	assert_int_equal(plan.edit_count, 0);
	put(&clone, "etc/os-release", "ID=fedora\nVARIANT_ID=coreos\n");
	put(&clone, "ostree/repo/config", "");
	blocked_by("made from images (OSTree)");
	assert_int_equal(plan.edit_count, 0);
	assert_int_equal(root_remove_tree(&clone, "ostree", NULL), 0);
	put(&clone, "etc/os-release", "ID=ubuntu\nID_LIKE=debian\n");
	make();
	assert_int_equal(plan.blockers.count, 0);
	put(&clone, "bin/bash", "#!/bin/true\n");
	blocked_by("kind of processor");
}

static void test_network_blockers(void **state)
{
	(void)state;
	drop("sbin/dhclient");
	blocked_by("no DHCP client");
	drop("etc/systemd/system/multi-user.target.wants/networking.service");
	blocked_by("not in use");
	drop("sbin/ifup");
	blocked_by("no ifupdown");
	put(&target, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	blocked_by("no network configuration of this machine");
	put(&target, "etc/network/interfaces", "iface eth7 inet manual\n");
	put(&clone, "sbin/ifup", "");
	put(&clone, "etc/systemd/system/multi-user.target.wants/networking.service", "");
	blocked_by("none of the links");
}

static void test_target_needs_programs(void **state)
{
	(void)state;
	put(&target, "etc/network/interfaces",
	    "auto br0\niface br0 inet static\n address 192.0.2.5/24\n bridge_ports enp1s0\n"
	    "iface enp1s0 inet manual\n bond-master bond0\n");
	blocked_by("bridge-utils");
	assert_true(has_text(&plan.blockers, "ifenslave"));
	/* the package has no program any more */
	put(&clone, "etc/network/if-pre-up.d/ifenslave", "#!/bin/sh\n");
	blocked_by("bridge-utils");
	assert_false(has_text(&plan.blockers, "ifenslave"));
}

static void test_boot_blockers(void **state)
{
	static const char *const drivers[] = { "virtio-blk", "ena", NULL };

	(void)state;
	f.facts.drivers = drivers;
	f.fs[0].type = "ext3"; /* which ext4 reads */
	blocked_by("no driver ena");
	assert_false(has_text(&plan.blockers, "cannot read ext3"));
	f.fs[0].type = "xfs";
	blocked_by("cannot read xfs");
	f.fs[0].type = "ext4";
	assert_false(has_text(&plan.blockers, "virtio"));
	f.fs[0].stack = "lvm";
	blocked_by("install lvm2");
	put(&clone, "usr/share/initramfs-tools/hooks/lvm2", "");
	f.fs[0].stack = "raid";
	blocked_by("install mdadm");
	f.fs[0].stack = "crypt";
	blocked_by("encrypted");
	f.fs[0].stack = "lvm";
	f.facts.uefi = true;
	blocked_by("UEFI");
	assert_false(has_text(&plan.blockers, "lvm2"));
	f.fs[0].stack = NULL;
	f.facts.uefi = false;
	drop("usr/lib/grub/i386-pc/boot.img");
	blocked_by("no GRUB for BIOS");
	drop("usr/sbin/mkinitramfs");
	put(&clone, "usr/bin/booster", "");
	blocked_by("with booster");
	drop("boot/vmlinuz-6.1.0-28-amd64");
	blocked_by("no kernel");
}

static void test_uefi(void **state)
{
	struct fact_fs fs[2] = { f.fs[0],
				 { .mount = "/boot/efi",
				   .device = "/dev/vda1",
				   .type = "vfat",
				   .uuid = "56D2-EECC",
				   .options = "umask=0077" } };

	(void)state;
	f.facts.uefi = true;
	blocked_by("no GRUB for it");
	put(&clone, "usr/lib/grub/x86_64-efi/kernel.img", "x");
	blocked_by("EFI system partition was not found");
	f.facts.filesystems = fs;
	f.facts.fs_count = 2;
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_true(has_text(&plan.notes, "install grub-efi-amd64 in the clone"));
	assert_int_equal(plan.step_count, 3);
	assert_true(strlist_has(&plan.steps[1].argv, "--target=x86_64-efi"));
	assert_true(strlist_has(&plan.steps[1].argv, "--no-nvram"));
	assert_true(strlist_has(&plan.steps[1].argv, "--efi-directory=" REWRITE_ESP_DIR));
	f.facts.secure_boot = true;
	blocked_by("Secure Boot");
	put(&clone, "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "x");
	blocked_by("Secure Boot");
	put(&clone, "usr/lib/shim/shimx64.efi.signed", "x");
	put(&clone, "var/lib/dpkg/info/grub-efi-amd64.list", "");
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_false(has_text(&plan.notes, "install grub-efi-amd64"));
}

static void test_damaged_files(void **state)
{
	(void)state;
	assert_int_equal(root_replace(&clone, "etc/fstab", "\0\0\0", 3, NULL, NULL), 0);
	blocked_by("/etc/fstab cannot be understood");
	assert_null(find("/etc/fstab"));
	assert_int_equal(root_replace(&clone, "etc/default/grub", "\0", 1, NULL, NULL), 0);
	blocked_by("/etc/default/grub cannot be understood");
	drop("etc/hosts");
	assert_int_equal(root_symlink(&clone, "etc/hosts", "hosts", NULL), 0);
	put(&clone, "etc/fstab", "");
	blocked_by("/etc/hosts cannot be read");
}

static void test_grub_lines_too_clever(void **state)
{
	(void)state;
	put(&clone, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"a\"' root=/dev/sda1'\n");
	blocked_by("cannot be changed safely");
	put(&clone, "etc/default/grub", "GRUB_TIMEOUT=1");
	apply();
	holds("etc/default/grub",
	      "GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX=\"console=tty0 console=ttyS0,115200\"\n");
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_steps(void **state)
{
	const struct tool_step *s;

	(void)state;
	make();
	assert_int_equal(plan.step_count, 3);
	s = plan.steps;
	assert_string_equal(s[0].name, "initramfs 6.1.0-28-amd64");
	assert_string_equal(s[0].argv.items[1], "-u");
	assert_string_equal(s[0].argv.items[3], "6.1.0-28-amd64");
	assert_string_equal(s[0].outputs.items[0], "/boot/initrd.img-6.1.0-28-amd64");
	assert_string_equal(s[1].argv.items[0], "/usr/sbin/grub-install");
	assert_true(strlist_has(&s[1].argv, "--no-bootsector"));
	assert_string_equal(s[1].argv.items[s[1].argv.count - 1], "/dev/vda");
	assert_string_equal(s[2].argv.items[0], "/usr/sbin/grub-mkconfig");
	put(&clone, "usr/bin/os-prober", "");
	put(&clone, "etc/initramfs-tools/update-initramfs.conf", "update_initramfs=no\n");
	make();
	s = plan.steps;
	assert_string_equal(s[0].argv.items[1], "-c");
	assert_string_equal(s[2].argv.items[1], "GRUB_DISABLE_OS_PROBER=true");
}

static void test_newest_kernel(void **state)
{
	(void)state;
	put(&clone, "boot/vmlinuz-6.1.0-9-amd64", "");
	put(&clone, "lib/modules/6.1.0-9-amd64/modules.dep", "");
	put(&clone, "boot/vmlinuz-6.2.0-1-amd64", ""); /* no modules: not installed */
	put(&clone, "boot/vmlinuz-6.1.0-30-amd64", "");
	put(&clone, "lib/modules/6.1.0-30-amd64/modules.dep",
	    "a/virtio_blk.ko.xz:\nb/virtio_net.ko.zst:\nc/ext4.ko.gz: d\n");
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_string_equal(plan.steps[0].name, "initramfs 6.1.0-30-amd64");
	assert_string_equal(plan.steps[0].argv.items[1], "-c"); /* it has no image yet */
}

static void test_host_keys(void **state)
{
	(void)state;
	put(&clone, "etc/ssh/ssh_host_rsa_key", "source rsa\n");
	f.options.host_keys = CHOICE_NEW;
	apply();
	assert_false(root_exists(&clone, "etc/ssh/ssh_host_rsa_key"));
	assert_false(root_exists(&clone, "etc/ssh/ssh_host_ed25519_key"));
	assert_int_equal(plan.step_count, 4);
	/* what ssh-keygen then makes is left alone */
	put(&clone, "etc/ssh/ssh_host_rsa_key", "new\n");
	make();
	assert_int_equal(plan.edit_count, 0);
	f.options.host_keys = CHOICE_SOURCE;
	blocked_by("already replaced");
	f.options.host_keys = CHOICE_TARGET;
	apply();
	holds("etc/ssh/ssh_host_ed25519_key", "target key\n");
	assert_int_equal(mode_of("etc/ssh/ssh_host_ed25519_key"), 0600);
	assert_false(root_exists(&clone, "etc/ssh/ssh_host_rsa_key"));
}

static void test_modes(void **state)
{
	(void)state;
	apply();
	assert_int_equal(mode_of("root/.ssh"), 0700);
	assert_int_equal(mode_of("root/.ssh/authorized_keys"), 0600);
	assert_int_equal(mode_of("etc/fstab"), 0644);
	assert_int_equal(mode_of("etc/systemd/network/10-rehost-enp1s0.link"), 0644);
}

static void test_hostname(void **state)
{
	(void)state;
	f.options.hostname_text = "shop.example.com";
	apply();
	holds("etc/hostname", "shop.example.com\n");
	holds("etc/hosts", "127.0.0.1	localhost\n"
			   "127.0.1.1	shop.example.com	shop\n\n"
			   "192.0.2.10 web-public web   # the address in the world\n"
			   "192.0.2.11 db\n"
			   "::1     localhost ip6-localhost\n");
	assert_true(has_text(&plan.notes, "names the source's address 192.0.2.10"));
}

static void test_copy_gets_random_id(void **state)
{
	struct strbuf one cleanup_strbuf = STRBUF_INIT;

	(void)state;
	f.options.intent = INTENT_COPY;
	apply();
	assert_int_equal(root_read(&clone, "etc/machine-id", &one, 64, NULL), 0);
	assert_int_equal(one.len, 33);
	assert_int_equal(strspn(strbuf_str(&one), "0123456789abcdef"), 32);
	assert_string_not_equal(strbuf_str(&one), "0123456789abcdef0123456789abcdef\n");
	make();
	assert_int_equal(plan.edit_count, 0);
	/* the copy is the source of another copy: the state file in it means nothing there */
	f.fs[0].uuid = "00000000-9999-4999-8999-999999999999";
	make();
	assert_non_null(find("/etc/machine-id"));
	assert_non_null(find("/var/lib/rehost/source-original/etc/fstab"));
}

static void test_facts_of_other_machines(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	f.links[0].target_name = "x\nName=y";
	assert_int_equal(rewrite_plan_make(&plan, &clone, &f.facts, &f.options, &e), -1);
	assert_int_equal(e.code, ERR_RW_FACTS);
	f.links[0].target_name = "enp1s0";
	f.fs[0].mount = "/srv";
	assert_int_equal(rewrite_plan_make(&plan, &clone, &f.facts, &f.options, &e), -1);
}

static void test_notes_name_places(void **state)
{
	(void)state;
	make();
	assert_true(has_text(&plan.notes, "/etc/nginx/nginx.conf:1: 192.0.2.10"));
	assert_true(has_text(&plan.notes, "sshd no longer listens on 192.0.2.10 only"));
	assert_true(has_text(&plan.notes, "root password"));
	assert_true(has_text(&plan.notes, "/mnt/nas is mounted over the network"));
	assert_false(has_text(&plan.notes, "/etc/network/interfaces:"));
}

static void test_binary_is_copied(void **state)
{
	(void)state;
	f.facts.rehost_binary = "/proc/self/exe";
	apply();
	assert_int_equal(mode_of("var/lib/rehost/rehost"), 0755);
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_swap_of_both(void **state)
{
	struct fact_fs fs[2] = { f.fs[0],
				 { "none", "/dev/vda5", "swap",
				   "d3b07384-1111-4222-8333-000000000009", NULL, NULL } };

	(void)state;
	put(&clone, "etc/fstab",
	    "/dev/sda1 / ext4 defaults 0 1\nUUID=D3B07384-1111-4222-8333-000000000009 none swap sw "
	    "0 0");
	put(&clone, "etc/initramfs-tools/conf.d/resume",
	    "RESUME=UUID=d3b07384-1111-4222-8333-000000000009\n");
	f.facts.filesystems = fs;
	f.facts.fs_count = 2;
	apply();
	holds("etc/fstab", "UUID=d3b07384-1111-4222-8333-000000000001 / ext4 defaults 0 1\n"
			   "UUID=D3B07384-1111-4222-8333-000000000009 none swap sw 0 0");
	assert_null(find("/etc/initramfs-tools/conf.d/resume"));
}

static void test_json(void **state)
{
	json_t *o, *o_summary;

	(void)state;
	make();
	o = rewrite_plan_json(&plan, &clone);
	assert_int_equal(json_array_size(json_object_get(o, "edits")), plan.edit_count);
	assert_int_equal(json_array_size(json_object_get(o, "steps")), 3);
	assert_int_equal(json_array_size(json_object_get(o, "blockers")), 0);
	o_summary = json_object_get(o, "summary");
	assert_int_equal(json_integer_value(json_object_get(o_summary, "programs")), 3);
	assert_int_equal(json_integer_value(json_object_get(o_summary, "blockers")), 0);
	json_decref(o);
}

/* One heading a reason, in the order of the subjects; what a diff cannot say is a sentence. */
static void test_groups(void **state)
{
	static char why_a[] = "so that it starts", why_b[] = "as it was", text[] = "new\n";
	struct edit edits[] = {
		{ EDIT_WRITE, SUBJECT_START, (char *)"/etc/two", text, 4, -1, false, why_a },
		{ EDIT_SYMLINK, SUBJECT_NETWORK, (char *)"/etc/link", (char *)"a\nb", 3, -1, false,
		  why_b },
		{ EDIT_WRITE, SUBJECT_NETWORK, (char *)"/etc/one", text, 4, 0600, false, why_a },
		{ EDIT_WRITE, SUBJECT_START, (char *)"/etc/fstab", text, 4, -1, true, why_b },
		{ EDIT_WRITE, SUBJECT_START, (char *)"/etc/three", text, 4, -1, false, why_a },
		{ EDIT_WRITE, SUBJECT_KEPT, (char *)"/var/lib/rehost/source-original/etc/one", text,
		  4, -1, false, why_b },
	};
	struct rewrite_plan p = { .edits = edits, .edit_count = ARRAY_SIZE(edits) };
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	(void)state;
	put(&clone, "etc/one", "new\n");
	assert_int_equal(rewrite_plan_diff(&p, &clone, &out, NULL), 0);
	assert_string_equal(
		strbuf_str(&out),
		"\n== network: as it was ==\nLink /etc/link -> a\\x0ab\n"
		"\n== network: so that it starts ==\nSame content, /etc/one: mode 0600\n"
		"\n== start: so that it starts ==\n"
		"--- /dev/null\n+++ b/etc/two\n@@ -0,0 +1 @@\n+new\n"
		"--- /dev/null\n+++ b/etc/three\n@@ -0,0 +1 @@\n+new\n"
		"\n== start: as it was ==\nReplace /etc/fstab (content not shown)\n"
		"\n== copies kept for people: as it was ==\n"
		"Keep the source's /etc/one: /var/lib/rehost/source-original/etc/one\n");
}

#define CASE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_TEST(test_not_linux),
		CASE_TEST(test_unknown_systems),
		CASE_TEST(test_network_blockers),
		CASE_TEST(test_target_needs_programs),
		CASE_TEST(test_boot_blockers),
		CASE_TEST(test_uefi),
		CASE_TEST(test_damaged_files),
		CASE_TEST(test_grub_lines_too_clever),
		CASE_TEST(test_steps),
		CASE_TEST(test_newest_kernel),
		CASE_TEST(test_host_keys),
		CASE_TEST(test_modes),
		CASE_TEST(test_hostname),
		CASE_TEST(test_copy_gets_random_id),
		CASE_TEST(test_facts_of_other_machines),
		CASE_TEST(test_notes_name_places),
		CASE_TEST(test_binary_is_copied),
		CASE_TEST(test_swap_of_both),
		CASE_TEST(test_json),
		CASE_TEST(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
