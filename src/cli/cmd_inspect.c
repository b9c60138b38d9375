/* SPDX-License-Identifier: MIT */
/* inspect: what a root folder is, without touching it. */
#include <stdio.h>

#include "base/root.h"
#include "cli/commands.h"
#include "rewrite/inspect.h"

static void print_text(const struct inspection *i)
{
	size_t k;

	printf("system        %s\n", i->pretty_name ? i->pretty_name : "unknown");
	printf("family        %s\n", i->family ? i->family : "unknown");
	printf("architecture  %s\n", i->architecture ? i->architecture : "unknown");
	printf("init          %s\n", i->init ? i->init : "unknown");
	printf("hostname      %s\n", i->hostname ? i->hostname : "none");
	printf("machine-id    %s\n", i->machine_id ? i->machine_id : "none");
	printf("initramfs by  %s\n", i->initramfs_tool ? i->initramfs_tool : "unknown");
	printf("GRUB          %s%s%s\n", i->has_grub_pc ? "BIOS " : "",
	       i->has_grub_efi ? "UEFI " : "", i->has_grub_pc || i->has_grub_efi ? "" : "none");
	for (k = 0; k < i->kernels.count; k++)
		printf("kernel        %s\n", i->kernels.items[k]);
}

int cmd_inspect(const struct command *c, int argc, char **argv)
{
	struct root root cleanup_root = ROOT_INIT;
	struct inspection found = { 0 };
	struct err e = ERR_INIT;
	bool json = false;
	char **words;
	int rc = command_options(c, argc, argv, NULL, 0, &json, 1, 1, &words);

	if (rc >= 0)
		return rc;
	rc = root_open(&root, words[0], &e);
	if (rc == 0)
		rc = inspect_tree(&found, &root, &e);
	if (rc == 0) {
		if (json)
			rc = json_print(stdout, inspect_json(&found));
		else
			print_text(&found);
		inspect_done(&found);
	}
	return command_end_offline(json, rc, &e);
}
