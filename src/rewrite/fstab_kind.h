/* SPDX-License-Identifier: MIT */
/* What a line of an fstab is, and which of its options still hold on another machine. Pure, no tree is looked at. */
#pragma once

#include "rewrite/fstab.h"

enum fstab_kind {
	FSTAB_DISK,	    /* a file system on a block device of this machine */
	FSTAB_SWAP_DISK,    /* swap on a block device */
	FSTAB_SWAP_FILE,    /* swap in a file of the tree */
	FSTAB_PSEUDO,	    /* tmpfs, proc, an overlay, swap on zram: needs no device */
	FSTAB_BIND,	    /* a folder of the tree, once more */
	FSTAB_IMAGE,	    /* a file of the tree, through a loop device */
	FSTAB_HOST_SHARE,   /* a folder of the hypervisor: 9p, virtiofs */
	FSTAB_FUSE,	    /* a program mounts it */
	FSTAB_NETWORK,	    /* a server's folder */
	FSTAB_NETWORK_DISK, /* a block device that the network brings: _netdev */
	FSTAB_REMOVABLE,    /* a drive whose medium comes and goes */
	FSTAB_POOL,	    /* a data set of a ZFS pool */
};

enum fstab_kind fstab_kind_of(const struct fstab_entry *f);

/*
 * Whether the spec means the same disk in every machine: UUID=, LABEL=, PARTUUID=, PARTLABEL=, /dev/disk/by-uuid and the
 * like, by-id. Kernel names, by-path and device-mapper names may mean another one.
 */
bool fstab_is_lasting_spec(const char *spec);

/* The UUID that the spec names as UUID= or /dev/disk/by-uuid/; NULL: it has another form. To be freed. */
char *fstab_uuid_of(const char *spec);

/*
 * Appends to out those of options that still hold when a file system of type old is replaced by one of type new:
 * how the tree is mounted, not on what. is_root: the kernel has mounted it, and refuses to change some. "defaults" when none
 * is left.
 */
void fstab_fit_options(const char *options, const char *old_type, const char *new_type,
		       bool is_root, struct strbuf *out);
/* Appends those options that choose a btrfs subvolume. */
void fstab_add_subvolume(const char *options, struct strbuf *out);
/* Appends a word to a comma-separated list; "defaults" alone gives way to it. */
void fstab_add_option(struct strbuf *options, const char *word);
