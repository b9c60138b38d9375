/* SPDX-License-Identifier: MIT */
/* Boot: kernel and its drivers, initramfs-tools, GRUB for BIOS, and what Debian remembers about the boot disk. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_boot_priv.h"
#include "rewrite/shellfile.h"

/* ---- does the kernel know this machine ---------------------------------------------------------------------- */

bool boot_same_module(const char *a, size_t a_len, const char *b)
{
	size_t i;

	for (i = 0; i < a_len && b[i]; i++)
		if (a[i] != b[i] && !(strchr("-_", a[i]) && strchr("-_", b[i])))
			return false;
	return i == a_len && !b[i];
}

/* Whether a list of module paths, one a line ("kernel/drivers/block/virtio_blk.ko.xz: ..."), has the module. */
bool boot_list_has_module(const char *list, const char *module)
{
	const char *s = list;

	while (*s) {
		size_t len = strcspn(s, ":\n");
		const char *base = s, *dot;
		size_t i;

		for (i = 0; i < len; i++)
			if (s[i] == '/')
				base = s + i + 1;
		dot = memmem(base, (size_t)(s + len - base), ".ko", 3);
		if (dot && boot_same_module(base, (size_t)(dot - base), module))
			return true;
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
	return false;
}

const char *boot_fs_module(const char *type)
{
	return strcmp(type, "ext2") == 0 || strcmp(type, "ext3") == 0 ? "ext4" : type;
}

static int check_drivers(struct planner *p, const char *version)
{
	struct strbuf dep cleanup_strbuf = STRBUF_INIT, builtin cleanup_strbuf = STRBUF_INIT;
	const struct fact_fs *root = rewrite_facts_fs(p->facts, "/");
	char path[PATH_MAX];
	size_t i;
	int rc;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", version);
	if (plan_read(p, path, &builtin) < 0)
		return -1;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", version);
	rc = plan_read(p, path, &dep);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return plan_block(p, "%s is missing: the kernel %s cannot load any driver", path,
				  version);
	for (i = 0; p->facts->drivers && p->facts->drivers[i]; i++)
		if (!boot_list_has_module(strbuf_str(&dep), p->facts->drivers[i]) &&
		    !boot_list_has_module(strbuf_str(&builtin), p->facts->drivers[i]) &&
		    plan_block(p,
			       "the source's kernel %s has no driver %s, which this machine needs: "
			       "install a kernel that has it (linux-image-amd64) on the source",
			       version, p->facts->drivers[i]) < 0)
			return -1;
	if (!boot_list_has_module(strbuf_str(&dep), boot_fs_module(root->type)) &&
	    !boot_list_has_module(strbuf_str(&builtin), boot_fs_module(root->type)))
		return plan_block(p,
				  "the source's kernel %s cannot read %s, the file system of this "
				  "machine's root",
				  version, root->type);
	return 0;
}

/* ---- what the file systems lie on ---- */

/* Without the package the clone's initramfs would not assemble what its root is on. */
static int check_stack(struct planner *p)
{
	static const struct {
		const char *stack, *hook, *package, *words;
	} known[] = {
		{ "lvm", "/usr/share/initramfs-tools/hooks/lvm2", "lvm2", "LVM" },
		{ "raid", "/usr/share/initramfs-tools/hooks/mdadm", "mdadm", "software RAID" },
	};
	unsigned i;
	size_t k;

	for (i = 0; i < p->facts->fs_count; i++) {
		const struct fact_fs *fs = &p->facts->filesystems[i];

		if (!fs->stack)
			continue;
		for (k = 0; k < ARRAY_SIZE(known) && strcmp(known[k].stack, fs->stack) != 0; k++)
			;
		if (k == ARRAY_SIZE(known))
			return plan_block(p, "%s of this machine is on an encrypted device",
					  fs->mount);
		if (!root_exists(p->clone, known[k].hook))
			return plan_block(p,
					  "%s of this machine is on %s: install %s on the source, "
					  "then send it again",
					  fs->mount, known[k].words, known[k].package);
	}
	return 0;
}

/* ---- initramfs-tools ---------------------------------------------------------------------------------------- */

/* Whether value names a swap that the clone has. */
static bool is_our_swap(const struct planner *p, const char *value)
{
	unsigned i;

	if (!str_starts(value, "UUID="))
		return false;
	for (i = 0; i < p->facts->fs_count; i++)
		if (strcmp(p->facts->filesystems[i].type, "swap") == 0 &&
		    strcasecmp(value + 5, p->facts->filesystems[i].uuid) == 0)
			return true;
	return false;
}

int boot_edit_shell_file(struct planner *p, const char *path,
			 int (*fit)(struct planner *p, const char *path, struct shell_file *f,
				    struct shell_var *v),
			 const char *why)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	struct shell_file f;
	size_t i;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	if (shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return plan_block(p, "%s cannot be understood", path);
	for (i = 0, rc = 0; rc == 0 && i < f.count; i++)
		rc = fit(p, path, &f, &f.vars[i]);
	shell_file_print(&f, &out);
	shell_file_done(&f);
	return rc < 0 ? -1 : plan_rewrite(p, path, &out, why);
}

/* RESUME and MODULES in a file of initramfs-tools' configuration. */
static int fit_initramfs_setting(struct planner *p, const char *path, struct shell_file *f,
				 struct shell_var *v)
{
	const char *to = NULL;

	if (strcmp(v->name, "RESUME") == 0 && *v->raw && strcmp(v->raw, "auto") != 0 &&
	    strcmp(v->raw, "none") != 0 && !is_our_swap(p, v->raw))
		to = "none";
	if (strcmp(v->name, "MODULES") == 0 && strcmp(v->raw, "dep") == 0)
		to = "most"; /* "dep" would look at the hardware of the rescue's /sys */
	if (!to)
		return 0;
	if (!v->is_simple)
		return plan_block(p, "%s line %zu cannot be changed safely: set %s by hand", path,
				  v->line + 1, v->name);
	return plan_note(p, "%s: %s=%s became %s=%s", path, v->name, v->raw, v->name, to) < 0 ||
			       shell_file_set(f, v, to) < 0
		       ? plan_nomem(p)
		       : 0;
}

static int edit_initramfs_conf(struct planner *p, const char *path)
{
	return boot_edit_shell_file(p, path, fit_initramfs_setting,
				    "no resuming from, and no drivers only for, the source");
}

static int edit_initramfs_confs(struct planner *p)
{
	return plan_each_file(p, "/etc/initramfs-tools/initramfs.conf",
			      "/etc/initramfs-tools/conf.d", "", edit_initramfs_conf);
}

/* update-initramfs does nothing, successfully, when this says so; then a new image is asked for. */
static bool updates_are_off(const struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct shell_file f;
	struct shell_var *v;
	bool off;

	if (root_read(p->clone, "/etc/initramfs-tools/update-initramfs.conf", &text, CONFIG_MAX,
		      NULL) < 0 ||
	    shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return false;
	v = shell_file_find(&f, "update_initramfs");
	off = v && strcmp(v->raw, "no") == 0;
	shell_file_done(&f);
	return off;
}

static int add_initramfs_step(struct planner *p, const char *version)
{
	static const char *const inputs[] = { "/etc/initramfs-tools",  "/usr/share/initramfs-tools",
					      "/etc/systemd/network",  "/etc/udev/rules.d",
					      "/etc/modprobe.d",       "/etc/crypttab",
					      "/etc/mdadm/mdadm.conf", NULL };
	struct tool_step *step;
	char name[NAME_MAX], image[PATH_MAX], modules[PATH_MAX];
	bool update;

	snprintf(name, sizeof(name), "initramfs %.200s", version);
	snprintf(image, sizeof(image), "/boot/initrd.img-%s", version);
	snprintf(modules, sizeof(modules), "/lib/modules/%s/modules.dep", version);
	update = root_is_file(p->clone, image) && !updates_are_off(p);
	step = plan_step(p, name, 1800, "drivers and names of this machine for the start");
	if (!step)
		return -1;
	return plan_words(p, &step->argv,
			  (const char *const[]){ "/usr/sbin/update-initramfs", update ? "-u" : "-c",
						 "-k", version, NULL }) < 0 ||
			       plan_words(p, &step->inputs, inputs) < 0 ||
			       plan_words(p, &step->inputs,
					  (const char *const[]){ modules, NULL }) < 0 ||
			       plan_words(p, &step->outputs, (const char *const[]){ image, NULL }) <
				       0
		       ? -1
		       : 0;
}

static int plan_initramfs(struct planner *p, const char *version)
{
	if (!p->tree.initramfs_tool || strcmp(p->tree.initramfs_tool, "initramfs-tools") != 0)
		return plan_block(p,
				  "the source makes its initramfs with %s; rehost knows only "
				  "initramfs-tools yet",
				  p->tree.initramfs_tool ? p->tree.initramfs_tool
							 : "a program that was not found");
	return edit_initramfs_confs(p) < 0 ? -1 : add_initramfs_step(p, version);
}

/* ---- GRUB --------------------------------------------------------------------------------------------------- */

static int add_core_step(struct planner *p)
{
	static const char *const outputs[] = { "/boot/grub/i386-pc/core.img",
					       "/boot/grub/i386-pc/boot.img", NULL };
	/* Without the boot sector: that is written by our own activation code, after a check. */
	struct tool_step *files = plan_step(p, "grub files", 300,
					    "GRUB's core image for this machine's disk");

	if (!files ||
	    plan_words(p, &files->argv,
		       (const char *const[]){ "/usr/sbin/grub-install", "--target=i386-pc",
					      "--no-bootsector", "--boot-directory=/boot",
					      "--recheck", p->facts->boot_disk, NULL }) < 0 ||
	    plan_words(p, &files->inputs,
		       (const char *const[]){ "/usr/lib/grub/i386-pc", "/etc/default/grub",
					      "/etc/fstab", NULL }) < 0)
		return -1;
	return plan_words(p, &files->outputs, outputs);
}

static int add_grub_steps(struct planner *p)
{
	static const char *const menu_inputs[] = { "/etc/default/grub", "/etc/default/grub.d",
						   "/etc/grub.d", "/etc/fstab", NULL };
	static const char cfg[] = "/boot/grub/grub.cfg";
	struct tool_step *menu;
	char kernel[PATH_MAX];
	size_t i;

	if ((p->facts->uefi ? boot_add_efi_step(p) : add_core_step(p)) < 0)
		return -1;
	menu = plan_step(p, "grub menu", 300, "the menu names this machine's file systems");
	if (!menu)
		return -1;
	/* os-prober would mount this machine's disks and offer the old system out of the staging folders. */
	if (root_is_file(p->clone, "/usr/bin/os-prober") &&
	    plan_words(p, &menu->argv,
		       (const char *const[]){ "/usr/bin/env", "GRUB_DISABLE_OS_PROBER=true",
					      NULL }) < 0)
		return -1;
	if (plan_words(p, &menu->argv,
		       (const char *const[]){ "/usr/sbin/grub-mkconfig", "-o", cfg, NULL }) < 0 ||
	    plan_words(p, &menu->inputs, menu_inputs) < 0 ||
	    plan_words(p, &menu->outputs, (const char *const[]){ cfg, NULL }) < 0)
		return -1;
	for (i = 0; i < p->tree.kernels.count; i++) {
		snprintf(kernel, sizeof(kernel), "/boot/vmlinuz-%s", p->tree.kernels.items[i]);
		if (strlist_add(&menu->inputs, kernel) < 0)
			return plan_nomem(p);
	}
	return 0;
}

static int plan_grub(struct planner *p)
{
	static const char *const install[] = { "/usr/sbin/grub-install", NULL };

	if (p->facts->uefi) {
		if (boot_check_efi(p) < 0)
			return -1;
	} else if (!p->tree.has_grub_pc || !net_any_exists(p->clone, install)) {
		return plan_block(p, "the source has no GRUB for BIOS: install grub-pc-bin and "
				     "grub2-common on it, then send it again");
	}
	if (!p->facts->boot_disk)
		return plan_block(p, "the disk that this machine starts from is not known");
	if (boot_edit_grub_defaults(p) < 0 || boot_edit_grubenv(p) < 0 ||
	    plan_remove(p, "/boot/grub/device.map", "names the source's disks") < 0 ||
	    boot_edit_debconf(p) < 0)
		return -1;
	return add_grub_steps(p);
}

int plan_boot(struct planner *p)
{
	const char *newest;

	if (!p->tree.kernels.count)
		return plan_block(
			p, "the source has no kernel in /boot with its modules in /lib/modules "
			   "(a container perhaps): install linux-image-amd64 on it, then "
			   "send it again");
	newest = p->tree.kernels.items[p->tree.kernels.count - 1];
	if (check_stack(p) < 0 || check_drivers(p, newest) < 0 || plan_initramfs(p, newest) < 0)
		return -1;
	return plan_grub(p);
}
