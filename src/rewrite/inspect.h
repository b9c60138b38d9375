/* SPDX-License-Identifier: MIT */
/* What a tree is, offline: distribution, init, kernels, boot chain, network, agents. Nothing of it is run. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

/* A kernel that a loader can start and that has its modules. */
struct inspect_kernel {
	char *version;	 /* /lib/modules/VERSION */
	char *image;	 /* "/boot/vmlinuz-6.1.0-18-amd64", "/boot/vmlinuz-linux" */
	char *initramfs; /* its image as found; NULL: none */
};

struct inspection {
	bool is_linux_root;			       /* /etc, /bin and /etc/fstab or /etc/hosts */
	char *id, *id_like, *version_id, *pretty_name; /* os-release; NULL when absent */
	char *distribution; /* id, or what a release file says where there is no os-release: "centos"; NULL: unknown */
	char *name;    /* in words: "CentOS"; NULL: no row of the table */
	char *version; /* as exact as the tree says it: "7.9.2009", "12.5"; NULL: none, or rolling */
	char *told_by;	    /* the file that distribution comes from */
	char *family;	    /* "debian", "rhel", "suse", "arch", "gentoo", "alpine" or NULL */
	char *architecture; /* "amd64", "i386", "arm64", ..., from an ELF header; NULL unknown */
	char *init; /* "systemd", "sysvinit", "openrc", "upstart", "runit", "busybox" or NULL */
	char *package_manager; /* "apt", "dnf", "yum", "zypper", "pacman", "portage", "apk", ... or NULL */
	bool is_usr_merged;  /* /bin, /sbin and /lib are links into /usr */
	bool is_sbin_merged; /* /usr/sbin is /usr/bin */
	char *hostname;
	char *machine_id;
	struct inspect_kernel *kernels; /* newest last */
	size_t kernel_count;
	char *initramfs_tool; /* a name of the table in inspect_kernels.c: "dracut"; NULL: none found */
	bool has_grub_pc, has_grub_efi; /* platform modules present in the tree */
};

/*
 * The version of a kernel's image: what its name ends in, where /lib/modules has that; else what the image says
 * ("/boot/vmlinuz-linux"). To be freed; NULL: not to be told.
 */
char *inspect_kernel_version(const struct root *root, const char *image);

int inspect_tree(struct inspection *ret, const struct root *root, struct err *e) must_check;
void inspect_done(struct inspection *i);
json_t *inspect_json(const struct inspection *i);

/* systemd's version, from the name of its private library; 0: unknown. */
unsigned inspect_systemd_version(const struct root *root);

/*
 * Everything, as docs/inspect.schema.json has it. What cannot be read or is damaged becomes a note. Bounded in files, bytes
 * and lines (inspect_priv.h). NULL with e set: no memory, or root is no folder that can be listed. New reference.
 */
json_t *inspect_report(const struct root *root, struct err *e) must_check;
