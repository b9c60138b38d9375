/* SPDX-License-Identifier: MIT */
#include "disk/extfs.h"

#include <errno.h>

#include "base/io.h"
#include "disk/bytes_priv.h"

/* Fields of the superblock: kernel Documentation/filesystems/ext4/super.rst */
#define SUPER_AT 1024
#define MAGIC_AT 56
#define INCOMPAT_AT 96
#define RO_COMPAT_AT 100
#define MOUNT_OPTS_AT 0x100

#define READABLE \
	(0x2u | 0x4u | 0x10u | 0x40u | 0x80u | 0x100u | 0x200u | 0x2000u | 0x4000u | 0x10000u)
#define INLINE_DATA 0x8000u
#define BIGALLOC 0x200u /* of the read-only compatible ones */
#define DATA_MODE 0x60u
#define DATA_JOURNAL 0x20u

int extfs_why_not_grub(int fd, const char **ret, struct err *e)
{
	uint8_t s[1024];
	uint32_t incompat;

	if (pread_full(fd, s, sizeof(s), SUPER_AT) != (ssize_t)sizeof(s))
		return err_set(e, ERR_DISK_READ, errno, "superblock");
	incompat = get_le32(s + INCOMPAT_AT);
	*ret = NULL;
	if (get_le16(s + MAGIC_AT) != 0xef53)
		*ret = "it is no ext file system";
	else if (incompat & INLINE_DATA)
		*ret = "it has the feature inline_data";
	else if (incompat & ~READABLE)
		*ret = "it has features that GRUB cannot read";
	else if (get_le32(s + RO_COMPAT_AT) & BIGALLOC)
		*ret = "it has the feature bigalloc";
	else if ((get_le32(s + MOUNT_OPTS_AT) & DATA_MODE) == DATA_JOURNAL)
		*ret = "its data goes through the journal (data=journal)";
	return 0;
}
