/* SPDX-License-Identifier: MIT */
/*
 * Alpine's mkinitfs(1). It looks at no hardware: features name files of modules. A feature of ours names the drivers of
 * this machine, and stays for the clone's next kernels.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_initramfs.h"
#include "rewrite/shellfile.h"

#define CONFIG "/etc/mkinitfs/mkinitfs.conf"
#define FEATURE "rehost"
#define FEATURE_FILE "/etc/mkinitfs/features.d/" FEATURE ".modules"

/* "kernel/drivers/block/virtio_blk.ko.gz: ..." -> "kernel/drivers/block/virtio_blk.ko*" */
static void add_module(struct strbuf *out, const char *dep, const char *driver)
{
	while (*dep) {
		size_t len = strcspn(dep, ":\n");
		char *path cleanup_free = strndup(dep, len), *dot;

		dot = path ? strstr(path, ".ko") : NULL;
		if (dot && boot_list_has_module(path, driver)) {
			strbuf_addf(out, "%.*s.ko*\n", (int)(dot - path), path);
			return;
		}
		dep += strcspn(dep, "\n");
		dep += *dep == '\n';
	}
}

static int write_feature(struct planner *p)
{
	const struct inspect_kernel *k = &p->tree.kernels[p->tree.kernel_count - 1];
	struct strbuf dep cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	struct strlist drivers cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", k->version);
	if (plan_read(p, path, &dep) < 0 || initramfs_drivers(p, &drivers) < 0)
		return -1;
	for (i = 0; i < drivers.count; i++)
		add_module(&out, strbuf_str(&dep), drivers.items[i]);
	if (out.failed)
		return plan_nomem(p);
	return plan_write(p, FEATURE_FILE, strbuf_str(&out), out.len, 0644,
			  "the drivers of this machine for mkinitfs");
}

/* features="ata base ext4": with ours, and with those of what the root lies on. */
static int fit_features(struct planner *p, const char *path, struct shell_file *f,
			struct shell_var *v)
{
	const struct fact_fs *root = rewrite_facts_fs(p->facts, "/");
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	const char *const wanted[] = { FEATURE, root->stack };
	size_t i;

	if (strcmp(v->name, "features") != 0)
		return 0;
	if (strlist_split(&words, v->raw, " \t") < 0)
		return plan_nomem(p);
	strbuf_adds(&out, v->raw);
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i] && !strlist_has(&words, wanted[i]))
			strbuf_addf(&out, " %s", wanted[i]);
	if (strcmp(strbuf_str(&out), v->raw) == 0)
		return 0;
	if (!v->is_simple)
		return plan_block(p, "%s line %zu cannot be changed safely: add %s to features",
				  path, v->line + 1, FEATURE);
	return out.failed || shell_file_set(f, v, strbuf_str(&out)) < 0 ? plan_nomem(p) : 0;
}

static int edit(struct planner *p)
{
	if (!root_is_file(p->clone, CONFIG))
		return plan_block(p, "%s is missing: install mkinitfs anew on the source", CONFIG);
	if (write_feature(p) < 0)
		return -1;
	return boot_edit_shell_file(p, CONFIG, fit_features,
				    "mkinitfs takes this machine's drivers");
}

static int command(struct planner *p, const struct inspect_kernel *k, const char *image,
		   struct strlist *argv)
{
	char program[64];

	if (!family_find_program(p->clone, "mkinitfs", program, sizeof(program)))
		return plan_block(p, "the source has no program mkinitfs");
	return plan_words(p, argv, (const char *const[]){ program, "-o", image, k->version, NULL });
}

const struct initramfs_maker make_mkinitfs = {
	.name = "mkinitfs",
	.edit = edit,
	.command = command,
	.has_stack = initramfs_has_programs,
	.inputs = { "/etc/mkinitfs", "/usr/share/mkinitfs", "/etc/udev/rules.d", "/etc/modprobe.d",
		    "/etc/crypttab", "/etc/mdadm.conf" },
};
