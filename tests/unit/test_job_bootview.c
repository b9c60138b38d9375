/* SPDX-License-Identifier: MIT */
/* The start of small disks, followed as firmware and GRUB would: real boot.img and cores, invented systems. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_disk.h"
#include "disk/rawdisk.h"
#include "disk/rawfs.h"
#include "job/bootview.h"
#include "job/record.h"

#define PRIVATE_LBA 1000u

static const char menu[] = "set default=\"0\"\n"
			   "menuentry 'A system' {\n"
			   "  search --no-floppy --fs-uuid --set=root " FS_UUID "\n"
			   "  linux /boot/vmlinuz root=UUID=" FS_UUID " ro quiet\n"
			   "  initrd /boot/initrd.img\n"
			   "}\n";

static void put_kernel(const struct boot_disk *d, const char *path)
{
	uint8_t kernel[4096] = { 0 };

	kernel[0x1f1] = 1;
	put_le32(kernel + 0x1f4, (4096 - 1024) / 16);
	memcpy(kernel + 0x202, "HdrS", 4);
	disk_put(d, path, kernel, sizeof(kernel));
}

/* A system with its GRUB below top ("" or "/.rehost/tree"). */
static void put_system(const struct boot_disk *d, const char *top, const char *hostname)
{
	static const char *const files[][2] = {
		{ "/boot/grub/grub.cfg", menu },
		{ "/boot/grub/i386-pc/normal.mod", "module" },
		{ "/boot/initrd.img", "070701..." },
		{ "/etc/passwd", "root:x:0:0::/root:/bin/sh\n" },
		{ "/usr/lib/systemd/systemd", "program" },
	};
	char path[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s%s", top, files[i][0]);
		disk_puts(d, path, files[i][1]);
	}
	snprintf(path, sizeof(path), "%s/boot/vmlinuz", top);
	put_kernel(d, path);
	snprintf(path, sizeof(path), "%s/etc/hostname", top);
	disk_puts(d, path, hostname);
	shell("mkdir -p %s%s/usr/sbin && ln -s /lib/systemd/systemd %s%s/usr/sbin/init && "
	      "ln -s usr/lib %s%s/lib && ln -s usr/sbin %s%s/sbin",
	      d->tree, top, d->tree, top, d->tree, top, d->tree, top);
}

static void look(struct bootview *b, const struct boot_disk *d)
{
	const struct bootview_options o = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(bootview_look(b, d->image, &o, &e), 0);
}

static void expect(const struct boot_disk *d, enum boot_outcome want, const char *why)
{
	struct bootview b;

	look(&b, d);
	if (b.starts != want || !strstr(b.why, why))
		print_error("starts %s: %s\n", boot_outcome_name(b.starts), b.why);
	assert_int_equal(b.starts, want);
	assert_non_null(strstr(b.why, why));
	bootview_done(&b);
}

static void plain(struct boot_disk *d)
{
	disk_begin(d);
	put_system(d, "", "old.example\n");
	make_core(d, "old.img", "(,msdos1)/boot/grub", NULL);
	shell("cp %s/old.img %s/boot/grub/i386-pc/core.img", d->dir, d->tree);
}

static void an_installed_system_is_old(void **state)
{
	struct boot_disk d;
	struct bootview b;

	(void)state;
	plain(&d);
	disk_make(&d, "-t ext4");
	disk_embed(&d, "old.img", 1);
	look(&b, &d);
	assert_int_equal(b.starts, BOOT_OLD);
	assert_int_equal(b.then, BOOT_OLD);
	assert_string_equal(b.via, "grub");
	assert_string_equal(b.s, "");
	assert_string_equal(b.j_state, "none");
	assert_string_equal(json_string_value(json_object_get(b.core, "equals")),
			    "boot/grub/i386-pc/core.img");
	assert_string_equal(json_string_value(json_object_get(b.tree, "hostname")), "old.example");
	bootview_done(&b);
	disk_end(&d);
}

/* Fedora's and RHEL's: GRUB's other folder, and entries in files. */
static void entries_in_files(void **state)
{
	static const char bls_menu[] =
		"set default=\"${saved_entry}\"\nsearch --no-floppy --fs-uuid "
		"--set=root " FS_UUID "\nsearch --no-floppy --fs-uuid "
		"--set=boot " FS_UUID "\nblscfg\n";
	struct boot_disk d;

	(void)state;
	disk_begin(&d);
	put_system(&d, "", "old.example\n");
	shell("mv %s/boot/grub %s/boot/grub2", d.tree, d.tree);
	make_core(&d, "old.img", "(,msdos1)/boot/grub2", NULL);
	shell("cp %s/old.img %s/boot/grub2/i386-pc/core.img", d.dir, d.tree);
	disk_puts(&d, "boot/grub2/grub.cfg", bls_menu);
	disk_puts(&d, "boot/loader/entries/id-9.conf",
		  "title Nine\nlinux /boot/gone\noptions root=UUID=" FS_UUID "\n");
	disk_puts(&d, "boot/loader/entries/id-8.conf",
		  "title Eight\nlinux /boot/vmlinuz\ninitrd /boot/initrd.img $tuned_initrd\n"
		  "options $kernelopts\n");
	disk_puts(&d, "boot/grub2/grubenv",
		  "# GRUB Environment Block\nkernelopts=root=UUID=" FS_UUID
		  " ro\nsaved_entry=id-8\n###");
	disk_make(&d, "-t ext4");
	disk_embed(&d, "old.img", 1);
	expect(&d, BOOT_OLD, "partition 1");
	disk_debugfs(&d, "rm /boot/grub2/grubenv"); /* then the newest is started */
	expect(&d, BOOT_NOTHING, "\"Nine\" cannot be read");
	disk_debugfs(&d, "rm /boot/loader/entries/id-9.conf");
	expect(&d, BOOT_NOTHING, "root="); /* and nothing says what $kernelopts is */
	disk_debugfs(&d, "rm /boot/loader/entries/id-8.conf");
	expect(&d, BOOT_NOTHING, "no entry");
	disk_end(&d);
}

/* J is gone after release: the note of the rewriting tells, when it was for this root. */
static void a_released_clone(void **state)
{
	struct boot_disk d;

	(void)state;
	plain(&d);
	disk_puts(&d, "var/lib/rehost/state", "root_uuid=" FS_UUID "\nmachine_id=x\n");
	disk_make(&d, "-t ext4");
	disk_embed(&d, "old.img", 1);
	expect(&d, BOOT_CLONE, "of a clone");
	disk_end(&d);
	plain(&d);
	disk_puts(&d, "var/lib/rehost/state", "root_uuid=99999999-2222-3333-4444-555555555555\n");
	disk_make(&d, "-t ext4");
	disk_embed(&d, "old.img", 1);
	expect(&d, BOOT_OLD, "old system");
	disk_end(&d);
}

/* The embedded configuration decides, not the prefix. */
static void a_core_with_a_configuration(void **state)
{
	struct boot_disk d;

	(void)state;
	plain(&d);
	make_core(&d, "searching.img", "/boot/grub",
		  "search.fs_uuid " FS_UUID
		  " root hd0,msdos1\nset prefix=($root)'\"'\"'/boot/grub'\"'\"'");
	shell("cp %s/searching.img %s/boot/grub/i386-pc/core.img", d.dir, d.tree);
	disk_make(&d, "-t ext4");
	disk_embed(&d, "searching.img", 1);
	expect(&d, BOOT_OLD, "partition 1");
	disk_embed(&d, "old.img", 1); /* it unpacks, and its modules are others */
	expect(&d, BOOT_NOTHING, "not of one build");
	make_core(&d, "lost.img", "/boot/grub", "search.fs_uuid 99999999-0 root");
	disk_embed(&d, "lost.img", 1);
	expect(&d, BOOT_UNKNOWN, "core looks at");
	disk_end(&d);
}

static void broken_chains(void **state)
{
	static const struct {
		const char *command, *why;
	} cases[] = {
		{ "rm /sbin", "no init" },
		{ "rm /etc/passwd", "no /etc" },
		{ "rm /boot/initrd.img", "kernel or initramfs" },
		{ "sif /boot/initrd.img size 0", "kernel or initramfs" },
		{ "sif /boot/vmlinuz size 2048", "kernel or initramfs" },
		{ "clri /boot/vmlinuz", "kernel or initramfs" },
		{ "rm /boot/grub/grub.cfg", "menu" },
		{ "rm /boot/grub/i386-pc/normal.mod", "modules" },
		{ "clri /boot", "modules" },
	};
	char saved[120];
	struct boot_disk d;
	uint8_t byte = 0;
	size_t i;

	(void)state;
	plain(&d);
	disk_make(&d, "-t ext4 -O ^metadata_csum");
	disk_embed(&d, "old.img", 1);
	snprintf(saved, sizeof(saved), "%s/saved", d.dir);
	shell("cp %s %s", d.image, saved);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		disk_debugfs(&d, cases[i].command);
		expect(&d, BOOT_NOTHING, cases[i].why);
		shell("cp %s %s", saved, d.image);
	}
	/* One byte of the compressed core: it does not unpack to what it should. */
	disk_read(&d, 512 * 20, &byte, 1);
	byte ^= 0x55;
	disk_write(&d, 512 * 20, &byte, 1);
	expect(&d, BOOT_NOTHING, "damaged");
	byte = 0;
	disk_write(&d, 510, &byte, 1);
	expect(&d, BOOT_NOTHING, "signature");
	disk_end(&d);
}

/* ---- the private loader ---- */

static void put_s(const struct boot_disk *d, const char *word)
{
	char s[513];
	int n = snprintf(s, sizeof(s), "# GRUB Environment Block\nrehost=%s\n", word);

	memset(s + n, '#', sizeof(s) - (size_t)n);
	disk_put(d, "../s", s, 512);
	shell("printf 'rm /.rehost/boot/s\\nwrite %s/s /.rehost/boot/s\\n' >%s/commands && "
	      "debugfs -w -f %s/commands '%s?offset=%u' >%s/log 2>&1",
	      d->dir, d->dir, d->dir, d->image, PART_START, d->dir);
}

/* The old system with a planted loader, a clone's tree beside it, S=old. Both trees have their own GRUB. */
static void planted(struct boot_disk *d)
{
	uint8_t sector0[512];

	plain(d);
	put_system(d, "/.rehost/tree", "clone.example\n");
	shell("cp %s/old.img %s/.rehost/tree/boot/grub/i386-pc/core.img", d->dir, d->tree);
	make_core(d, "private.img", "/nowhere", "echo private");
	disk_puts(d, ".rehost/boot/grub.cfg", "load_env");
	put_kernel(d, ".rehost/boot/vmlinuz");
	disk_puts(d, ".rehost/boot/initrd", "\x1f\x8b...");
	disk_puts(d, ".rehost/boot/conf.cpio", "070701");
	disk_puts(d, ".rehost/boot/s", "");
	disk_puts(d, ".rehost/boot/old-sector0", "");
	shell("cp %s/private.img %s/.rehost/boot/core.img", d->dir, d->tree);
	disk_make(d, "-t ext4 -O ^metadata_csum");
	disk_embed(d, "old.img", 1);
	disk_read(d, 0, sector0, sizeof(sector0));
	disk_put(d, "../old-sector0", sector0, sizeof(sector0));
	shell("printf 'rm /.rehost/boot/old-sector0\\nwrite %s/old-sector0 "
	      "/.rehost/boot/old-sector0\\n' "
	      ">%s/commands && debugfs -w -f %s/commands '%s?offset=%u' >%s/log 2>&1",
	      d->dir, d->dir, d->dir, d->image, PART_START, d->dir);
	disk_embed(d, "private.img", PRIVATE_LBA);
	put_s(d, "old");
}

static uint64_t ino_of(struct rawfs *fs, const char *path)
{
	struct err e = ERR_INIT;
	struct rawfs_node n;

	assert_int_equal(rawfs_lookup(fs, path, false, &n, &e), 0);
	return n.ino;
}

/* J with the plan that fits what is on the disk now, as seen before the exchange. */
static void put_j(const struct boot_disk *d, enum job_state state)
{
	static const char *const names[] = { "boot", "etc", "lib", "sbin", "usr" };
	static char file[2 * RECORD_SLOT_BYTES];
	struct strbuf slot = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct rawdisk disk;
	struct switch_fs *plan;
	struct rawfs *fs;
	struct record r;
	size_t i;

	assert_int_equal(rawdisk_open(&disk, d->image, &e), 0);
	assert_int_equal(rawfs_open(&fs, &disk, &disk.parts[0], &e), 0);
	record_init(&r);
	r.state = state;
	r.loader = LOADER_BIOS;
	strcpy(r.loader_fs_uuid, FS_UUID);
	r.loader_lba = PRIVATE_LBA;
	r.loader_sectors = 60;
	plan = record_add_fs(&r, FS_UUID, "/");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct switch_entry *x = switch_fs_add(plan, names[i]);
		char path[100];

		x->old_ino = ino_of(fs, names[i]);
		snprintf(path, sizeof(path), "/.rehost/tree/%s", names[i]);
		x->new_ino = ino_of(fs, path);
	}
	rawfs_close(fs);
	rawdisk_close(&disk);
	assert_int_equal(record_encode_slot(&r, 1, &slot, &e), 0);
	memset(file, 0, sizeof(file));
	memcpy(file, slot.data, slot.len);
	disk_put(d, "../job", file, sizeof(file));
	disk_debugfs(d, "rm /.rehost/job");
	shell("debugfs -w -R 'write %s/job /.rehost/job' '%s?offset=%u' >%s/log 2>&1", d->dir,
	      d->image, PART_START, d->dir);
	strbuf_done(&slot);
	record_done(&r);
}

/* The exchange of the first n of the plan's names. */
static void exchange(const struct boot_disk *d, unsigned n)
{
	static const char *const names[] = { "boot", "etc", "lib", "sbin", "usr" };
	unsigned i;

	for (i = 0; i < n; i++)
		shell("printf 'ln /%s /.rehost/x\\nunlink /%s\\nln /.rehost/tree/%s /%s\\n"
		      "unlink /.rehost/tree/%s\\nln /.rehost/x /.rehost/tree/%s\\nunlink "
		      "/.rehost/x\\n' "
		      ">%s/commands && debugfs -w -f %s/commands '%s?offset=%u' >%s/log 2>&1",
		      names[i], names[i], names[i], names[i], names[i], names[i], d->dir, d->dir,
		      d->image, PART_START, d->dir);
}

static const char *choice(const struct bootview *b, const char *word)
{
	return json_string_value(json_object_get(b->choices, word));
}

static void s_decides(void **state)
{
	struct boot_disk d;
	struct bootview b;

	(void)state;
	planted(&d);
	look(&b, &d);
	assert_int_equal(b.starts, BOOT_OLD);
	assert_string_equal(b.via, "private-loader");
	assert_string_equal(b.s, "old");
	assert_string_equal(choice(&b, "old"), "old");
	assert_string_equal(choice(&b, "rescue"), "rescue");
	bootview_done(&b);
	put_s(&d, "rescue");
	expect(&d, BOOT_RESCUE, "rescue starts");
	put_s(&d, "nonsense");
	look(&b, &d);
	assert_int_equal(b.starts, BOOT_RESCUE);
	assert_string_equal(b.s, "damaged");
	bootview_done(&b);
	disk_debugfs(&d, "rm /.rehost/boot/s");
	expect(&d, BOOT_RESCUE, "rescue starts");
	disk_debugfs(&d, "rm /.rehost/boot/conf.cpio");
	expect(&d, BOOT_NOTHING, "rescue cannot be read");
	disk_end(&d);
}

static void expect_proof(const struct boot_disk *d, enum err_code want)
{
	struct err e = ERR_INIT;

	assert_int_equal(bootview_prove_planted(d->image, NULL, &e), want == ERR_NONE ? 0 : -1);
	assert_int_equal(e.code, want);
}

/* Only a loader of ours with S=old and a rescue that can be read lets a switch go on. */
static void the_proof_before_a_switch(void **state)
{
	struct boot_disk d;

	(void)state;
	planted(&d);
	expect_proof(&d, ERR_NONE);
	disk_debugfs(
		&d,
		"rm /.rehost/boot/old-sector0"); /* S=old starts the rescue now: told, no obstacle */
	expect_proof(&d, ERR_NONE);
	put_s(&d, "clone");
	expect_proof(&d, ERR_LOADER_PROOF);
	put_s(&d, "rescue"); /* cut between pinning and J */
	expect_proof(&d, ERR_NONE);
	disk_debugfs(&d, "sif /.rehost/boot/vmlinuz size 1000");
	expect_proof(&d, ERR_LOADER_PROOF);
	disk_end(&d);
	plain(&d);
	disk_make(&d, "-t ext4");
	disk_embed(&d, "old.img", 1);
	expect_proof(&d, ERR_LOADER_PROOF);
	disk_end(&d);
}

static void inodes_tell_old_from_clone(void **state)
{
	struct boot_disk d;
	struct bootview b;

	(void)state;
	planted(&d);
	put_j(&d, JOB_SWITCHING);
	expect(&d, BOOT_OLD, "old system's root");
	exchange(&d, 2);
	expect(&d, BOOT_NOTHING, "mixed");
	put_s(&d, "rescue");
	expect(&d, BOOT_RESCUE, "rescue starts");
	exchange(&d, 2); /* back */
	exchange(&d, 5);
	put_s(&d, "clone-once");
	look(&b, &d);
	assert_int_equal(b.starts, BOOT_CLONE);
	assert_int_equal(b.then, BOOT_RESCUE);
	assert_string_equal(b.s, "clone-once");
	assert_string_equal(b.j_state, "switching");
	assert_string_equal(json_string_value(json_object_get(b.tree, "hostname")),
			    "clone.example");
	bootview_done(&b);
	put_s(&d, "clone");
	look(&b, &d);
	assert_int_equal(b.starts, BOOT_CLONE);
	assert_int_equal(b.then, BOOT_CLONE);
	assert_string_equal(choice(&b, "clone"), "clone");
	assert_string_equal(choice(&b, "rescue"), "rescue");
	/* The old system's own core would start what is live. */
	assert_string_equal(choice(&b, "old"), "clone");
	bootview_done(&b);
	disk_debugfs(&d, "sif /.rehost/job size 1000");
	expect(&d, BOOT_UNKNOWN, "job record");
	disk_end(&d);
}

/* What the private loader cannot load makes it fall to the rescue; a core that is not ours is no private loader. */
static void a_private_loader_in_trouble(void **state)
{
	struct boot_disk d;
	uint8_t byte = 0;

	(void)state;
	planted(&d);
	put_j(&d, JOB_SWITCHED);
	disk_debugfs(&d, "rm /.rehost/boot/old-sector0");
	expect(&d, BOOT_RESCUE, "rescue starts");
	put_s(&d, "clone");
	disk_debugfs(&d, "rm /boot/grub/i386-pc/core.img");
	expect(&d, BOOT_RESCUE, "rescue starts");
	disk_read(&d, (PRIVATE_LBA + 10) * 512, &byte, 1);
	byte ^= 1;
	disk_write(&d, (PRIVATE_LBA + 10) * 512, &byte, 1);
	expect(&d, BOOT_NOTHING, "differs from its file");
	disk_end(&d);
}

/* ---- UEFI ---- */

#define ESP_START (PART_START + PART_BYTES)
#define ESP_BYTES (8u << 20)

/* An ESP behind the file system, with a vendor's folder, ours, and the clone's. */
static void add_esp(const struct boot_disk *d)
{
	static const char stub[] = "search.fs_uuid " FS_UUID " root hd0,gpt2 \n"
				   "set prefix=($root)'/boot/grub'\n"
				   "configfile $prefix/grub.cfg\n";
	char program[1000] = "MZ";
	uint8_t entry[16] = { 0 };

	entry[4] = 0xef;
	put_le32(entry + 8, ESP_START / 512);
	put_le32(entry + 12, ESP_BYTES / 512);
	disk_write(d, 0x1be + 16, entry, sizeof(entry));
	shell("truncate -s %u %s && mkfs.vfat --offset %u %s %u >%s/log 2>&1",
	      ESP_START + ESP_BYTES, d->image, ESP_START / 512, d->image, ESP_BYTES / 1024, d->dir);
	disk_put(d, "../program", program, sizeof(program));
	disk_puts(d, "../stub", stub);
	disk_puts(d, "../ours", "source ($root)/.rehost/boot/grub.cfg\n");
	shell("export MTOOLS_SKIP_CHECK=1; cd %s; i=%s@@%u; mmd -i $i ::/EFI; "
	      "for f in BOOT debian rehost rehost-clone; do mmd -i $i ::/EFI/$f && "
	      "mcopy -i $i program ::/EFI/$f/shimx64.efi && mcopy -i $i program "
	      "::/EFI/$f/grubx64.efi && "
	      "mcopy -i $i stub ::/EFI/$f/grub.cfg || exit 1; done; "
	      "mcopy -i $i program ::/EFI/BOOT/BOOTX64.EFI; mdel -i $i ::/EFI/BOOT/grub.cfg && "
	      "mcopy -i $i -o ours ::/EFI/rehost/grub.cfg",
	      d->dir, d->image, ESP_START);
}

static void expect_uefi(const struct boot_disk *d, const char *path, enum boot_outcome want,
			const char *why)
{
	const struct bootview_options o = { .uefi = true, .efi_path = path };
	struct err e = ERR_INIT;
	struct bootview b;

	assert_int_equal(bootview_look(&b, d->image, &o, &e), 0);
	if (b.starts != want || !strstr(b.why, why))
		print_error("starts %s: %s\n", boot_outcome_name(b.starts), b.why);
	assert_int_equal(b.starts, want);
	assert_non_null(strstr(b.why, why));
	bootview_done(&b);
}

static void from_the_esp(void **state)
{
	static const char script[] = "if [ \"$rehost_go\" = old ]; then\n"
				     "\tchainloader ($esp)/EFI/debian/shimx64.efi\nfi\n"
				     "if [ \"$rehost_go\" = clone ]; then\n"
				     "\tif chainloader ($esp)/EFI/rehost-clone/shimx64.efi; then\n"
				     "\t\tboot\n\tfi\nfi\n";
	static const char ours[] = "\\EFI\\rehost\\shimx64.efi";
	struct boot_disk d;

	(void)state;
	planted(&d);
	put_j(&d, JOB_SWITCHED);
	disk_puts(&d, "../script", script);
	shell("printf 'rm /.rehost/boot/grub.cfg\nwrite %s/script /.rehost/boot/grub.cfg\n' "
	      ">%s/commands "
	      "&& debugfs -w -f %s/commands '%s?offset=%u' >%s/log 2>&1",
	      d.dir, d.dir, d.dir, d.image, PART_START, d.dir);
	add_esp(&d);
	expect_uefi(&d, NULL, BOOT_OLD, "old system"); /* by the signed GRUB's own folder */
	expect_uefi(&d, "\\EFI\\DEBIAN\\SHIMX64.EFI", BOOT_OLD, "old system");
	expect_uefi(&d, "\\EFI\\none\\shimx64.efi", BOOT_NOTHING, "firmware cannot read");
	expect_uefi(&d, ours, BOOT_OLD, "old system");
	assert_int_equal(bootview_prove_planted(d.image, ours, NULL), 0);
	put_s(&d, "rescue");
	expect_uefi(&d, ours, BOOT_RESCUE, "rescue starts");
	exchange(&d, 5);
	put_s(&d, "clone");
	expect_uefi(&d, ours, BOOT_CLONE, "clone");
	shell("mdel -i %s@@%u ::/EFI/rehost-clone/grub.cfg ::/EFI/debian/grub.cfg", d.image,
	      ESP_START);
	expect_uefi(&d, ours, BOOT_UNKNOWN, "no configuration");
	assert_int_equal(bootview_prove_planted(d.image, ours, NULL), -1); /* S=clone */
	shell("mdel -i %s@@%u ::/EFI/rehost-clone/grubx64.efi ::/EFI/rehost/shimx64.efi", d.image,
	      ESP_START);
	expect_uefi(&d, ours, BOOT_NOTHING, "firmware cannot read");
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_installed_system_is_old),
		cmocka_unit_test(entries_in_files),
		cmocka_unit_test(a_released_clone),
		cmocka_unit_test(a_core_with_a_configuration),
		cmocka_unit_test(broken_chains),
		cmocka_unit_test(s_decides),
		cmocka_unit_test(the_proof_before_a_switch),
		cmocka_unit_test(inodes_tell_old_from_clone),
		cmocka_unit_test(a_private_loader_in_trouble),
		cmocka_unit_test(from_the_esp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
