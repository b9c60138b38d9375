/* SPDX-License-Identifier: MIT */
/*
 * Arch's mkinitcpio(8). Its hook autodetect takes the modules that /sys shows, which is the rescue's: it is left out of the
 * image made here (-S), which then holds the drivers of all machines. A preset (-p) cannot be told so, so the image is
 * made by its name. The clone's next one is made by its preset again.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_initramfs.h"

#define CONFIG "/etc/mkinitcpio.conf"

static int command(struct planner *p, const struct inspect_kernel *k, const char *image,
		   struct strlist *argv)
{
	char program[64];

	if (!family_find_program(p->clone, "mkinitcpio", program, sizeof(program)))
		return plan_block(p, "the source has no program mkinitcpio");
	return plan_words(p, argv,
			  (const char *const[]){ program, "-k", k->version, "-S", "autodetect",
						 "-g", image, NULL });
}

/* HOOKS=(base udev ... lvm2 ...): an array, whose line is looked at alone. */
static bool has_hook(const struct planner *p, const char *name)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	bool found = false;
	size_t i;

	if (root_read(p->clone, CONFIG, &text, CONFIG_MAX, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return false;
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;

		if (!str_starts(lines.items[i], "HOOKS=") ||
		    strlist_split(&words, lines.items[i] + strlen("HOOKS="), " \t()\"'") < 0)
			continue;
		found = strlist_has(&words, name); /* the last line counts */
	}
	return found;
}

static bool has_stack(const struct planner *p, const char *stack, const char **ret_advice)
{
	bool is_lvm = strcmp(stack, "lvm") == 0;

	*ret_advice = is_lvm ? "install lvm2 and add lvm2 to HOOKS in " CONFIG
			     : "install mdadm and add mdadm_udev to HOOKS in " CONFIG;
	return has_hook(p, is_lvm ? "lvm2" : "mdadm_udev");
}

const struct initramfs_maker make_mkinitcpio = {
	.name = "mkinitcpio",
	.command = command,
	.has_stack = has_stack,
	.inputs = { CONFIG, "/etc/mkinitcpio.conf.d", "/usr/lib/initcpio", "/etc/systemd/network",
		    "/etc/udev/rules.d", "/etc/modprobe.d", "/etc/crypttab", "/etc/mdadm.conf" },
};
