/* SPDX-License-Identifier: MIT */
/* Deciding what a failed mount means. No system calls: mount.c gathers, this file judges. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk/mount.h"

enum err_code volume_judge(const struct volume *v)
{
	static const char *const usable[] = { "ext2", "ext3", "ext4", "xfs", "vfat" };
	size_t i;

	if (v->is_ambivalent)
		return ERR_AMBIVALENT;
	if (!v->type)
		return ERR_FS_UNUSABLE;
	if (strcmp(v->type, "crypto_LUKS") == 0 || strcmp(v->type, "BitLocker") == 0 ||
	    (v->usage && strcmp(v->usage, "crypto") == 0))
		return ERR_ENCRYPTED;
	if (strcmp(v->type, "LVM2_member") == 0 || strcmp(v->type, "LVM1_member") == 0)
		return ERR_LVM;
	if (v->usage && strcmp(v->usage, "raid") == 0)
		return ERR_RAID;
	for (i = 0; i < ARRAY_SIZE(usable); i++) {
		if (strcmp(v->type, usable[i]) == 0)
			return ERR_NONE;
	}
	return ERR_FS_UNUSABLE;
}

enum err_code volume_judge_look(const struct volume *v)
{
	enum err_code code = volume_judge(v);

	return code == ERR_FS_UNUSABLE && v->type && strcmp(v->type, "btrfs") == 0 ? ERR_NONE
										   : code;
}

static enum err_code explain(int sys, const struct mount_facts *f, const char **why)
{
	switch (sys) {
	case EROFS:
	case EACCES:
		if (f->is_journal_dirty && f->is_device_read_only) {
			*why = "its journal must be replayed first, but the device is read-only";
			return ERR_DISK_READ_ONLY;
		}
		*why = "the device is read-only";
		return ERR_DISK_READ_ONLY;
	case ENODEV:
		*why = "this kernel has no driver for it";
		return ERR_MOUNT_NO_DRIVER;
	case EBUSY:
		*why = "it is mounted or in use elsewhere";
		return ERR_MOUNT_BUSY;
	case EUCLEAN:
	case EBADMSG:
		*why = "its structures are damaged";
		return ERR_MOUNT_DAMAGED;
	case EIO:
	case ENXIO:
	case ENOMEDIUM:
		*why = "the device cannot be read";
		return ERR_DISK_READ;
	case ENOENT:
		*why = "the device node is gone";
		return ERR_DISK_READ;
	case ENOMEM:
		*why = "there is not enough memory";
		return ERR_NOMEM;
	case EINVAL:
		if (!f->has_driver) {
			*why = "this kernel has no driver for it";
			return ERR_MOUNT_NO_DRIVER;
		}
		*why = "the kernel finds its superblock invalid or uses a feature this kernel does "
		       "not know";
		return ERR_MOUNT_DAMAGED;
	default:
		*why = "the kernel refused";
		return ERR_MOUNT;
	}
}

enum err_code mount_explain(int sys, const struct mount_facts *f, char *why, size_t size)
{
	const char *text = "";
	enum err_code code = explain(sys, f, &text);

	snprintf(why, size, "%s (%s) %s: %s", f->path, f->type ? f->type : "unknown content",
		 f->writable ? "read-write" : "read-only", text);
	return code;
}
