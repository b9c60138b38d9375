/* SPDX-License-Identifier: MIT */
/* The initramfs: which program makes it, of what, and whether it can assemble what the root lies on. */
#include "rewrite/plan_initramfs.h"

#include <limits.h>
#include <string.h>

static const struct initramfs_maker *const makers[] = {
	&make_initramfs_tools,
	&make_dracut,
	&make_mkinitcpio,
	&make_mkinitfs,
};

const struct initramfs_maker *initramfs_maker_of(const struct inspection *t)
{
	size_t i;

	for (i = 0; t->initramfs_tool && i < ARRAY_SIZE(makers); i++)
		if (strcmp(makers[i]->name, t->initramfs_tool) == 0)
			return makers[i];
	return NULL;
}

int initramfs_drivers(struct planner *p, struct strlist *ret)
{
	const struct fact_fs *root = rewrite_facts_fs(p->facts, "/");
	const char *const *d;

	for (d = p->facts->drivers; d && *d; d++)
		if (!strlist_has(ret, *d) && strlist_add(ret, *d) < 0)
			return plan_nomem(p);
	return !strlist_has(ret, boot_fs_module(root->type)) &&
			       strlist_add(ret, boot_fs_module(root->type)) < 0
		       ? plan_nomem(p)
		       : 0;
}

bool initramfs_has_programs(const struct planner *p, const char *stack, const char **ret_advice)
{
	bool is_lvm = strcmp(stack, "lvm") == 0;
	char path[64];

	*ret_advice = is_lvm ? "install lvm2" : "install mdadm";
	return family_find_program(p->clone, is_lvm ? "lvm" : "mdadm", path, sizeof(path));
}

/* Without the package the clone's initramfs would not assemble what its root is on. */
static int check_stack(struct planner *p, const struct initramfs_maker *maker)
{
	static const struct {
		const char *stack, *words;
	} known[] = { { "lvm", "LVM" }, { "raid", "software RAID" } };
	unsigned i;
	size_t k;

	for (i = 0; i < p->facts->fs_count; i++) {
		const struct fact_fs *fs = &p->facts->filesystems[i];
		const char *advice = "";

		if (!fs->stack)
			continue;
		for (k = 0; k < ARRAY_SIZE(known) && strcmp(known[k].stack, fs->stack) != 0; k++)
			;
		if (k == ARRAY_SIZE(known))
			return plan_block(p, "%s of this machine is on an encrypted device",
					  fs->mount);
		if (!maker->has_stack(p, fs->stack, &advice))
			return plan_block(p,
					  "%s of this machine is on %s: %s on the source, "
					  "then send it again",
					  fs->mount, known[k].words, advice);
	}
	return 0;
}

static int add_step(struct planner *p, const struct initramfs_maker *maker,
		    const struct inspect_kernel *k)
{
	struct tool_step *step;
	char name[NAME_MAX], image[PATH_MAX], modules[PATH_MAX];
	size_t i;

	snprintf(name, sizeof(name), "initramfs %.200s", k->version);
	family_image_path(family_find(p->tree.family), k, image, sizeof(image));
	snprintf(modules, sizeof(modules), "/lib/modules/%s/modules.dep", k->version);
	step = plan_step(p, name, 1800, "drivers and names of this machine for the start");
	if (!step || maker->command(p, k, image, &step->argv) < 0)
		return -1;
	for (i = 0; i < MAKER_INPUTS && maker->inputs[i]; i++)
		if (strlist_add(&step->inputs, maker->inputs[i]) < 0)
			return plan_nomem(p);
	return plan_words(p, &step->inputs, (const char *const[]){ modules, NULL }) < 0 ||
			       plan_words(p, &step->outputs, (const char *const[]){ image, NULL }) <
				       0
		       ? -1
		       : 0;
}

int plan_initramfs(struct planner *p, const struct inspect_kernel *k)
{
	const struct initramfs_maker *maker = initramfs_maker_of(&p->tree);

	if (!maker)
		return plan_block(p,
				  "the source makes its initramfs with %s, which rehost does not "
				  "know: install %s on it, then send it again",
				  p->tree.initramfs_tool ? p->tree.initramfs_tool
							 : "a program that was not found",
				  family_find(p->tree.family)->dracut);
	if (check_stack(p, maker) < 0 || (maker->edit && maker->edit(p) < 0))
		return -1;
	return add_step(p, maker, k);
}
