/* SPDX-License-Identifier: MIT */
/*
 * The clone's tools may read the target's disks (grub-probe does), never write them: a hook of another boot loader would
 * overwrite the boot sector while the old system still needs it. Landlock (landlock(7)) allows writing by where a file
 * is: every folder at the top but /dev, and in /dev everything but disks.
 */
#include "job/chroot_disks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Links and renames between folders; a kernel older than 5.19 cannot allow them, and so refuses them. */
static uint64_t refer_access(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
}

static int allow(int ruleset, int dir, const char *name, bool is_dir)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | (is_dir ? refer_access() : 0),
		.parent_fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC),
	};
	int rc;

	if (rule.parent_fd < 0)
		return -1;
	rc = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return rc;
}

static bool may_write(const char *name, const struct stat *st, bool in_dev)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (in_dev) /* folders of disks ("/dev/cciss") have no business with writing either */
		return S_ISCHR(st->st_mode) || strcmp(name, "pts") == 0 || strcmp(name, "shm") == 0;
	return (S_ISDIR(st->st_mode) || S_ISREG(st->st_mode)) && strcmp(name, "dev") != 0;
}

static int allow_all_in(int ruleset, const char *path)
{
	DIR *d cleanup_dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	if (!d)
		return -1;
	while ((entry = readdir(d))) {
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if (may_write(entry->d_name, &st, strcmp(path, "/dev") == 0) &&
		    allow(ruleset, dirfd(d), entry->d_name, S_ISDIR(st.st_mode)) < 0)
			return -1;
	}
	return 0;
}

int chroot_protect_disks(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | refer_access(),
	};
	int ruleset cleanup_fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0 || allow_all_in(ruleset, "/") < 0 || allow_all_in(ruleset, "/dev") < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -1;
	return 0;
}
