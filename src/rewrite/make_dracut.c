/* SPDX-License-Identifier: MIT */
/*
 * dracut (dracut(8), dracut.cmdline(7)). Its settings for one machine alone (hostonly) would look at the rescue: images made
 * here hold the drivers of all machines, later ones of the clone are again as its configuration says. What that names is
 * looked through by plan_kernel_conf.c.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_initramfs.h"

#define OLD_MODULES "/usr/share/dracut/modules.d" /* RHEL 6: knows no hostonly unless asked */

static int command(struct planner *p, const struct inspect_kernel *k, const char *image,
		   struct strlist *argv)
{
	struct strlist drivers cleanup_strlist = STRLIST_INIT;
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	char program[64];
	size_t i;

	if (!family_find_program(p->clone, "dracut", program, sizeof(program)))
		return plan_block(p, "the source has no program dracut");
	if (initramfs_drivers(p, &drivers) < 0)
		return -1;
	for (i = 0; i < drivers.count; i++)
		strbuf_addf(&words, "%s%s", i ? " " : "", drivers.items[i]);
	if (words.failed)
		return plan_nomem(p);
	if (plan_words(p, argv, (const char *const[]){ program, "--force", NULL }) < 0)
		return -1;
	if (!root_is_dir(p->clone, OLD_MODULES) &&
	    plan_words(p, argv,
		       (const char *const[]){ "--no-hostonly", "--no-hostonly-cmdline", NULL }) < 0)
		return -1;
	return plan_words(p, argv,
			  (const char *const[]){ "--add-drivers", strbuf_str(&words), image,
						 k->version, NULL });
}

const struct initramfs_maker make_dracut = {
	.name = "dracut",
	.command = command,
	/* its modules 90lvm and 90mdraid are left out of an image where the programs are missing */
	.has_stack = initramfs_has_programs,
	.inputs = { "/etc/dracut.conf", "/etc/dracut.conf.d", "/usr/lib/dracut/modules.d",
		    "/etc/systemd/network", "/etc/udev/rules.d", "/etc/modprobe.d", "/etc/crypttab",
		    "/etc/mdadm.conf" },
	/* without it, and without names of volumes, the image assembles nothing by itself */
	.stack_word = "rd.auto",
};
