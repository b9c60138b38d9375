/* SPDX-License-Identifier: MIT */
#include "rewrite/family.h"

#include <stdio.h>
#include <string.h>

#define BOOT_IMAGE "/boot/vmlinuz-"

/* docs/adding.md. Names of images are those that the family's kernel packages and GRUB's 10_linux use. */
static const struct family families[] = {
	{ .name = "debian",
	  .booted = " debian ",
	  .rewritten = " ",
	  .initramfs_before = "/boot/initrd.img-",
	  .initramfs_after = "",
	  .kernel = "linux-image-amd64",
	  .grub_bios = "grub-pc-bin and grub2-common",
	  .grub_efi = "grub-efi-amd64-bin and grub2-common",
	  .grub_signed = "shim-signed and grub-efi-amd64-signed",
	  .dracut = "dracut" },
	{ .name = "rhel",
	  .booted = " ",
	  .rewritten = " rocky fedora amzn ",
	  .initramfs_before = "/boot/initramfs-",
	  .initramfs_after = ".img",
	  .kernel = "kernel",
	  .grub_bios = "grub2-pc and grub2-tools",
	  .grub_efi = "grub2-efi-x64 and shim-x64",
	  .grub_signed = "grub2-efi-x64 and shim-x64",
	  .dracut = "dracut" },
	{ .name = "suse",
	  .booted = " ",
	  .rewritten = " opensuse-leap ",
	  .initramfs_before = "/boot/initrd-",
	  .initramfs_after = "",
	  .kernel = "kernel-default",
	  .grub_bios = "grub2 and grub2-i386-pc",
	  .grub_efi = "grub2-x86_64-efi",
	  .grub_signed = "shim and grub2-x86_64-efi",
	  .dracut = "dracut" },
	{ .name = "arch",
	  .booted = " ",
	  .rewritten = " arch ",
	  .initramfs_before = "/boot/initramfs-",
	  .initramfs_after = ".img",
	  .is_named_by_image = true,
	  .kernel = "linux",
	  .grub_bios = "grub",
	  .grub_efi = "grub",
	  .grub_signed = "a signed shim and GRUB",
	  .dracut = "mkinitcpio" },
	{ .name = "gentoo",
	  .booted = " ",
	  .rewritten = " gentoo ",
	  .initramfs_before = "/boot/initramfs-",
	  .initramfs_after = ".img",
	  .kernel = "sys-kernel/gentoo-kernel-bin",
	  .grub_bios = "sys-boot/grub (GRUB_PLATFORMS=\"pc\")",
	  .grub_efi = "sys-boot/grub (GRUB_PLATFORMS=\"efi-64\")",
	  .grub_signed = "sys-boot/shim and a signed GRUB",
	  .dracut = "sys-kernel/dracut" },
	{ .name = "alpine",
	  .booted = " ",
	  .rewritten = " alpine ",
	  .initramfs_before = "/boot/initramfs-",
	  .initramfs_after = "",
	  .is_named_by_image = true,
	  .kernel = "linux-lts",
	  .grub_bios = "grub and grub-bios",
	  .grub_efi = "grub and grub-efi",
	  .grub_signed = "a signed shim and GRUB",
	  .dracut = "mkinitfs" },
};

const struct family *family_find(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(families); i++)
		if (strcmp(families[i].name, name) == 0)
			return &families[i];
	return NULL;
}

static bool lists(const char *list, const char *id)
{
	char word[72];

	snprintf(word, sizeof(word), " %.64s ", id);
	return strstr(list, word) != NULL;
}

enum family_proof family_proof(const struct inspection *t)
{
	const struct family *f = family_find(t->family);

	if (!f || !t->distribution)
		return FAMILY_UNTRIED;
	return lists(f->booted, t->distribution)      ? FAMILY_BOOTED
	       : lists(f->rewritten, t->distribution) ? FAMILY_REWRITTEN
						      : FAMILY_UNTRIED;
}

bool family_find_program(const struct root *root, const char *name, char *buf, size_t size)
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(buf, size, "%s/%s", dirs[i], name);
		if (root_is_file(root, buf))
			return true;
	}
	*buf = '\0';
	return false;
}

static const char *find_modules(const struct root *root, const char *platform)
{
	static const struct {
		const char *platform, *dirs[3];
	} places[] = {
		{ "i386-pc",
		  { "/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc",
		    "/usr/lib/grub2/i386-pc" } }, /* SUSE, SUSE up to 15.1 */
		{ "x86_64-efi",
		  { "/usr/lib/grub/x86_64-efi", "/usr/share/grub2/x86_64-efi",
		    "/usr/lib/grub2/x86_64-efi" } },
	};
	bool is_pc = strcmp(platform, places[0].platform) == 0;
	const char *const *dirs = places[is_pc ? 0 : 1].dirs;
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places[0].dirs); i++) {
		snprintf(path, sizeof(path), "%s/kernel.img", dirs[i]);
		if (!root_is_file(root, path))
			continue;
		snprintf(path, sizeof(path), "%s/boot.img", dirs[i]);
		if (!is_pc || root_is_file(root, path))
			return dirs[i];
	}
	return NULL;
}

void family_find_grub(struct grub_names *ret, const struct root *root)
{
	*ret = (struct grub_names){ .dir = "/boot/grub2" };
	if (!family_find_program(root, "grub2-mkconfig", ret->mkconfig, sizeof(ret->mkconfig))) {
		ret->dir = "/boot/grub";
		family_find_program(root, "grub-mkconfig", ret->mkconfig, sizeof(ret->mkconfig));
	}
	family_find_program(root, str_ends(ret->dir, "2") ? "grub2-install" : "grub-install",
			    ret->install, sizeof(ret->install));
	ret->pc_dir = find_modules(root, "i386-pc");
	ret->efi_dir = find_modules(root, "x86_64-efi");
}

const char *family_grub_dir(const struct root *root)
{
	return !root_exists(root, "/boot/grub/i386-pc/core.img") &&
			       !root_exists(root, "/boot/grub/grub.cfg") &&
			       root_exists(root, "/boot/grub2/grub.cfg")
		       ? "/boot/grub2"
		       : "/boot/grub";
}

void family_image_path(const struct family *f, const struct inspect_kernel *k, char *buf,
		       size_t size)
{
	const char *name = k->version;

	if (k->initramfs) {
		snprintf(buf, size, "%s", k->initramfs);
		return;
	}
	if (f->is_named_by_image && str_starts(k->image, BOOT_IMAGE))
		name = k->image + strlen(BOOT_IMAGE);
	snprintf(buf, size, "%s%.200s%s", f->initramfs_before, name, f->initramfs_after);
}
