/* SPDX-License-Identifier: MIT */
/* Debian's initramfs-tools. */
#include <string.h>

#include "rewrite/plan_initramfs.h"
#include "rewrite/shellfile.h"

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

static int command(struct planner *p, const struct inspect_kernel *k, const char *image,
		   struct strlist *argv)
{
	bool update = root_is_file(p->clone, image) && !updates_are_off(p);

	return plan_words(p, argv,
			  (const char *const[]){ "/usr/sbin/update-initramfs", update ? "-u" : "-c",
						 "-k", k->version, NULL });
}

static bool has_stack(const struct planner *p, const char *stack, const char **ret_advice)
{
	bool is_lvm = strcmp(stack, "lvm") == 0;

	*ret_advice = is_lvm ? "install lvm2" : "install mdadm";
	return root_exists(p->clone, is_lvm ? "/usr/share/initramfs-tools/hooks/lvm2"
					    : "/usr/share/initramfs-tools/hooks/mdadm");
}

const struct initramfs_maker make_initramfs_tools = {
	.name = "initramfs-tools",
	.edit = edit_initramfs_confs,
	.command = command,
	.has_stack = has_stack,
	.inputs = { "/etc/initramfs-tools", "/usr/share/initramfs-tools", "/etc/systemd/network",
		    "/etc/udev/rules.d", "/etc/modprobe.d", "/etc/crypttab",
		    "/etc/mdadm/mdadm.conf" },
};
