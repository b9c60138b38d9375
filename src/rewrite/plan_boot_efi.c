/* SPDX-License-Identifier: MIT */
/* GRUB for UEFI. */
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_boot_priv.h"

#define MODULES_DIR "/usr/lib/grub/x86_64-efi"
#define SIGNED_GRUB "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
#define SIGNED_SHIM "/usr/lib/shim/shimx64.efi.signed"

int boot_check_efi(struct planner *p)
{
	static const char *const install[] = { "/usr/sbin/grub-install", NULL };
	bool is_signed = root_is_file(p->clone, SIGNED_GRUB) && root_is_file(p->clone, SIGNED_SHIM);

	if (!p->tree.has_grub_efi || !net_any_exists(p->clone, install))
		return plan_block(p,
				  "this machine starts by UEFI, and the source has no GRUB for it: "
				  "install grub-efi-amd64-bin and grub2-common on the source "
				  "(they do not change how it starts), with shim-signed and "
				  "grub-efi-amd64-signed for Secure Boot, then send it again");
	if (p->facts->secure_boot && !is_signed)
		return plan_block(p, "this machine enforces Secure Boot: install shim-signed and "
				     "grub-efi-amd64-signed on the source, then send it again");
	if (!rewrite_facts_fs(p->facts, "/boot/efi") && !rewrite_facts_fs(p->facts, "/efi") &&
	    !rewrite_facts_fs(p->facts, "/boot"))
		return plan_block(p,
				  "this machine starts by UEFI, but its EFI system partition was "
				  "not found");
	if (p->tree.has_grub_pc && !root_exists(p->clone, "/var/lib/dpkg/info/grub-efi-amd64.list"))
		return plan_note(
			p, "the source has the package grub-pc: install grub-efi-amd64 in the "
			   "clone, or upgrades of GRUB will not reach this machine's loader");
	return 0;
}

/*
 * grub-install sees CLONE_EFI_DIR as the mounted EFI system partition (job/chroot_text.c) and writes plain files; they
 * go to the real one when the clone is activated.
 */
int boot_add_efi_step(struct planner *p)
{
	static const char *const inputs[] = { MODULES_DIR,     "/usr/lib/grub/x86_64-efi-signed",
					      "/usr/lib/shim", "/etc/default/grub",
					      "/etc/fstab",    NULL };
	static const char readme[] =
		"What grub-install made for this machine's EFI system partition.\n";
	struct tool_step *step = plan_step(p, "grub files", 300,
					   "GRUB for this machine's EFI system partition");

	if (!step ||
	    plan_words(p, &step->argv,
		       (const char *const[]){ "/usr/sbin/grub-install", "--target=x86_64-efi",
					      "--no-nvram", "--efi-directory=" REWRITE_ESP_DIR,
					      "--boot-directory=/boot", "--recheck", NULL }) < 0 ||
	    plan_words(p, &step->inputs, inputs) < 0 ||
	    plan_words(p, &step->outputs, (const char *const[]){ REWRITE_ESP_DIR "/EFI", NULL }) <
		    0)
		return -1;
	/* the folder must be there; grub-install makes what is below it */
	return plan_write(p, REWRITE_ESP_DIR "/README", readme, strlen(readme), 0644,
			  "grub-install writes beside it");
}
