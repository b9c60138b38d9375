/* SPDX-License-Identifier: MIT */
/*
 * Command lines and device names that dracut, mkinitcpio and kernel-install keep for the next kernel: whatever loader the
 * tree has, an upgrade in the clone must not bring the source's disk back.
 */
#include <string.h>

#include "rewrite/plan_boot_priv.h"
#include "rewrite/tables.h"

static int fit_cmdline_file(struct planner *p, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	struct strlist dropped cleanup_strlist = STRLIST_INIT;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	if (table_fit_cmdline(strbuf_str(&text), rewrite_facts_fs(p->facts, "/")->uuid,
			      boot_is_foreign_word, &out, &dropped) < 0)
		return plan_nomem(p);
	if (boot_note_dropped(p, path, &dropped) < 0)
		return -1;
	return plan_rewrite(p, path, &out, "the kernel command line fits this machine");
}

/* ---- dracut ---- */

/* Settings whose words are devices, or lines for an fstab inside the image. */
static bool names_devices(const struct shell_var *v)
{
	static const char *const names[] = { "add_device", "fstab_lines" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(v->name, names[i]) == 0)
			return v->raw[strspn(v->raw, " ")];
	return false;
}

static int comment_setting(struct planner *p, const char *path, struct shell_file *f,
			   const struct shell_var *v)
{
	struct strbuf line cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&line, TABLE_MARK "%s", f->lines.items[v->line]);
	if (line.failed || shell_file_replace_line(f, v->line, strbuf_str(&line)) < 0)
		return plan_nomem(p);
	return plan_note(p, "%s: %s was commented out, it names devices of the source", path,
			 v->name);
}

static int fit_setting(struct planner *p, const char *path, struct shell_file *f,
		       struct shell_var *v)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct strlist dropped cleanup_strlist = STRLIST_INIT;
	bool devices = names_devices(v);

	if (!devices && strcmp(v->name, "kernel_cmdline") != 0)
		return 0;
	if (!devices) {
		if (table_fit_cmdline(v->raw, rewrite_facts_fs(p->facts, "/")->uuid,
				      boot_is_foreign_word, &out, &dropped) < 0)
			return plan_nomem(p);
		if (strcmp(strbuf_str(&out), v->raw) == 0)
			return 0;
	}
	if (!v->is_simple)
		return plan_block(p,
				  "%s line %zu cannot be changed safely: take the source's devices "
				  "out of %s",
				  path, v->line + 1, v->name);
	if (devices)
		return comment_setting(p, path, f, v);
	if (shell_file_set(f, v, strbuf_str(&out)) < 0)
		return plan_nomem(p);
	return boot_note_dropped(p, path, &dropped);
}

static int fit_dracut_file(struct planner *p, const char *path)
{
	return boot_edit_shell_file(p, path, fit_setting,
				    "dracut makes images for this machine's disks");
}

int plan_kernel_conf(struct planner *p)
{
	return plan_each_file(p, "/etc/kernel/cmdline", "/etc/cmdline.d", ".conf",
			      fit_cmdline_file) < 0 ||
			       plan_each_file(p, "/etc/dracut.conf", "/etc/dracut.conf.d", ".conf",
					      fit_dracut_file) < 0
		       ? -1
		       : 0;
}
