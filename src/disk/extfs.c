/* SPDX-License-Identifier: MIT */
#include "disk/extfs.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/io.h"

/* Fields of the superblock: kernel Documentation/filesystems/ext4/super.rst */
#define MOUNTS_AT 52	 /* since the last check; signed like the next */
#define MOUNTS_MAX_AT 54 /* below 1: never by count */
#define MAGIC_AT 56
#define STATE_AT 58
#define CHECKED_AT 64
#define INTERVAL_AT 68 /* seconds; 0: never by time */
#define INCOMPAT_AT 96
#define RO_COMPAT_AT 100
#define MOUNT_OPTS_AT 0x100

#define READABLE \
	(0x2u | 0x4u | 0x10u | 0x40u | 0x80u | 0x100u | 0x200u | 0x2000u | 0x4000u | 0x10000u)
#define INLINE_DATA 0x8000u
#define BIGALLOC 0x200u /* of the read-only compatible ones */
#define DATA_MODE 0x60u
#define DATA_JOURNAL 0x20u
#define STATE_ERRORS 2u

const char *extfs_why_unreadable(const uint8_t super[EXTFS_SUPER_BYTES])
{
	uint32_t incompat = get_le32(super + INCOMPAT_AT);

	if (get_le16(super + MAGIC_AT) != 0xef53)
		return "it is no ext file system";
	if (incompat & INLINE_DATA)
		return "it has the feature inline_data";
	if (incompat & ~READABLE)
		return "it has features that GRUB cannot read";
	/* A read-only feature, so GRUB goes on and reads the wrong blocks. */
	if (get_le32(super + RO_COMPAT_AT) & BIGALLOC)
		return "it has the feature bigalloc";
	return NULL;
}

int extfs_why_not_grub(int fd, const char **ret, struct err *e)
{
	uint8_t s[EXTFS_SUPER_BYTES];

	if (pread_full(fd, s, sizeof(s), EXTFS_SUPER_AT) != (ssize_t)sizeof(s))
		return err_set(e, ERR_DISK_READ, errno, "superblock");
	*ret = extfs_why_unreadable(s);
	if (!*ret && (get_le32(s + MOUNT_OPTS_AT) & DATA_MODE) == DATA_JOURNAL)
		*ret = "its data goes through the journal (data=journal)";
	return 0;
}

/* The conditions of e2fsck(8) with -p. */
int extfs_why_check(int fd, time_t now, const char **ret, struct err *e)
{
	uint8_t s[EXTFS_SUPER_BYTES];
	uint32_t checked, interval;
	int16_t mounts, mounts_max;

	*ret = NULL;
	if (pread_full(fd, s, sizeof(s), EXTFS_SUPER_AT) != (ssize_t)sizeof(s))
		return err_set(e, ERR_DISK_READ, errno, "superblock");
	if (get_le16(s + MAGIC_AT) != 0xef53)
		return 0;
	checked = get_le32(s + CHECKED_AT);
	interval = get_le32(s + INTERVAL_AT);
	mounts = (int16_t)get_le16(s + MOUNTS_AT);
	mounts_max = (int16_t)get_le16(s + MOUNTS_MAX_AT);
	if (get_le16(s + STATE_AT) & STATE_ERRORS)
		*ret = "errors were found in it";
	else if (mounts_max > 0 && mounts >= mounts_max)
		*ret = "it was mounted as often as is allowed without a check";
	else if (interval && now >= 0 && (uint64_t)now >= (uint64_t)checked + interval)
		*ret = "its last check is too long ago";
	return 0;
}
