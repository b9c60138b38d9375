/* SPDX-License-Identifier: MIT */
/* Boot: the kernel and its drivers, then initramfs (plan_initramfs.c), then GRUB for BIOS. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_boot_priv.h"
#include "rewrite/plan_initramfs.h"
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
			       "install a kernel that has it (%s) on the source",
			       version, p->facts->drivers[i],
			       family_find(p->tree.family)->kernel) < 0)
			return -1;
	if (!boot_list_has_module(strbuf_str(&dep), boot_fs_module(root->type)) &&
	    !boot_list_has_module(strbuf_str(&builtin), boot_fs_module(root->type)))
		return plan_block(p,
				  "the source's kernel %s cannot read %s, the file system of this "
				  "machine's root",
				  version, root->type);
	return 0;
}

/* ---- files of settings ---- */

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

/* ---- GRUB --------------------------------------------------------------------------------------------------- */

static int add_core_step(struct planner *p, const struct grub_names *g)
{
	/* Without the boot sector: that is written by our own activation code, after a check. */
	struct tool_step *files = plan_step(p, "grub files", 300,
					    "GRUB's core image for this machine's disk");
	char core[64], boot[64];

	snprintf(core, sizeof(core), "%s/i386-pc/core.img", g->dir);
	snprintf(boot, sizeof(boot), "%s/i386-pc/boot.img", g->dir);
	if (!files ||
	    plan_words(p, &files->argv,
		       (const char *const[]){ g->install, "--target=i386-pc", "--no-bootsector",
					      "--boot-directory=/boot", "--recheck",
					      p->facts->boot_disk, NULL }) < 0 ||
	    plan_words(p, &files->inputs,
		       (const char *const[]){ g->pc_dir, "/etc/default/grub", "/etc/fstab",
					      NULL }) < 0)
		return -1;
	return plan_words(p, &files->outputs, (const char *const[]){ core, boot, NULL });
}

static int add_menu_step(struct planner *p, const struct grub_names *g)
{
	static const char *const inputs[] = { "/etc/default/grub", "/etc/default/grub.d",
					      "/etc/grub.d", "/etc/fstab", NULL };
	struct tool_step *menu = plan_step(p, "grub menu", 300,
					   "the menu names this machine's file systems");
	char cfg[64];
	size_t i;

	if (!menu)
		return -1;
	snprintf(cfg, sizeof(cfg), "%s/grub.cfg", g->dir);
	/* os-prober would mount this machine's disks and offer the old system out of the staging folders. */
	if (root_is_file(p->clone, "/usr/bin/os-prober") &&
	    plan_words(p, &menu->argv,
		       (const char *const[]){ "/usr/bin/env", "GRUB_DISABLE_OS_PROBER=true",
					      NULL }) < 0)
		return -1;
	if (plan_words(p, &menu->argv, (const char *const[]){ g->mkconfig, "-o", cfg, NULL }) < 0 ||
	    plan_words(p, &menu->inputs, inputs) < 0 ||
	    plan_words(p, &menu->outputs, (const char *const[]){ cfg, NULL }) < 0)
		return -1;
	for (i = 0; i < p->tree.kernel_count; i++)
		if (strlist_add(&menu->inputs, p->tree.kernels[i].image) < 0)
			return plan_nomem(p);
	return 0;
}

/* Another loader's files say why there is no GRUB: what the operator does not know of is no help. */
static const char *other_loader(const struct planner *p)
{
	static const struct {
		const char *name, *file;
	} others[] = {
		{ "extlinux", "/boot/extlinux.conf" },
		{ "extlinux", "/boot/extlinux/extlinux.conf" },
		{ "systemd-boot", "/boot/loader/loader.conf" },
		{ "systemd-boot", "/efi/loader/loader.conf" },
		{ "systemd-boot", "/boot/efi/loader/loader.conf" },
		{ "rEFInd", "/boot/EFI/refind/refind.conf" },
		{ "Limine", "/boot/limine.conf" },
		{ "LILO", "/etc/lilo.conf" },
		{ "GRUB 0.97", "/boot/grub/menu.lst" },
		{ "GRUB 0.97", "/boot/grub/grub.conf" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (root_exists(p->clone, others[i].file))
			return others[i].name;
	return NULL;
}

static int block_no_grub(struct planner *p)
{
	const char *other = other_loader(p), *packages = family_find(p->tree.family)->grub_bios;

	if (!other)
		return plan_block(
			p, "the source has no GRUB for BIOS: install %s on it, then send it again",
			packages);
	return plan_block(p,
			  "the source starts by %s, which rehost does not write: install %s on it "
			  "(that does not change how it starts), then send it again",
			  other, packages);
}

/* The loader finds the folder by its files (family_grub_dir): those of another GRUB must not be in the way. */
static int check_one_grub(struct planner *p, const struct grub_names *g)
{
	static const char *const in_the_way[] = { "/boot/grub/i386-pc/core.img",
						  "/boot/grub/grub.cfg" };
	struct stat st;
	size_t i;

	if (strcmp(g->dir, "/boot/grub2") != 0 ||
	    (root_lstat(p->clone, "/boot/grub", &st) == 0 && S_ISLNK(st.st_mode)))
		return 0;
	for (i = 0; i < ARRAY_SIZE(in_the_way); i++) {
		if (root_lstat(p->clone, in_the_way[i], &st) < 0)
			continue;
		/* a link into the other folder is there for loaders of providers */
		if (plan_remove(p, in_the_way[i],
				"of another GRUB: this one's folder is /boot/grub2") < 0)
			return -1;
	}
	return 0;
}

static int add_grub_steps(struct planner *p, const struct grub_names *g)
{
	if ((p->facts->uefi ? boot_add_efi_step(p, g) : add_core_step(p, g)) < 0)
		return -1;
	return add_menu_step(p, g);
}

static int plan_grub(struct planner *p)
{
	struct grub_names g;
	char map[64];

	family_find_grub(&g, p->clone);
	snprintf(map, sizeof(map), "%s/device.map", g.dir);
	if (p->facts->uefi) {
		if (boot_check_efi(p, &g) < 0)
			return -1;
	} else if (!g.pc_dir || !*g.install) {
		return block_no_grub(p);
	}
	if (!p->facts->boot_disk)
		return plan_block(p, "the disk that this machine starts from is not known");
	if (check_one_grub(p, &g) < 0 || boot_edit_grub_defaults(p) < 0 ||
	    boot_edit_grubenv(p, g.dir) < 0 || plan_bls(p) < 0 ||
	    plan_remove(p, map, "names the source's disks") < 0 || boot_edit_debconf(p) < 0)
		return -1;
	return *g.mkconfig ? add_grub_steps(p, &g)
			   : plan_block(p, "the source has no program grub-mkconfig");
}

int plan_boot(struct planner *p)
{
	const struct inspect_kernel *newest;

	if (!p->tree.kernel_count)
		return plan_block(
			p,
			"the source has no kernel in /boot with its modules in /lib/modules "
			"(a container perhaps): install %s on it, then "
			"send it again",
			family_find(p->tree.family)->kernel);
	newest = &p->tree.kernels[p->tree.kernel_count - 1];
	if (check_drivers(p, newest->version) < 0 || plan_initramfs(p, newest) < 0)
		return -1;
	return plan_grub(p);
}
