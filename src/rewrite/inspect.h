/* SPDX-License-Identifier: MIT */
/* What a tree is, offline: distribution, init, kernels, boot chain pieces. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

struct inspection {
	bool is_linux_root;			       /* /etc, /bin and /etc/fstab or /etc/hosts */
	char *id, *id_like, *version_id, *pretty_name; /* os-release; NULL when absent */
	char *family;	    /* "debian", "rhel", "suse", "arch", "gentoo", "alpine" or NULL */
	char *architecture; /* "amd64", "i386", "arm64", from an ELF header; NULL unknown */
	char *init;	    /* "systemd", "sysvinit", "openrc" or NULL */
	char *hostname;
	char *machine_id;
	struct strlist kernels; /* versions with /boot/vmlinuz-V and /lib/modules/V, newest last */
	char *initramfs_tool;	/* "initramfs-tools", "dracut" or NULL */
	bool has_grub_pc, has_grub_efi; /* platform modules present in the tree */
};

int inspect_tree(struct inspection *ret, const struct root *root, struct err *e) must_check;
void inspect_done(struct inspection *i);
json_t *inspect_json(const struct inspection *i);

/* systemd's version, from the name of its private library; 0: unknown. */
unsigned inspect_systemd_version(const struct root *root);
