/* SPDX-License-Identifier: MIT */
#include "job/running.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool running_has_job(void)
{
	struct stat st;

	return lstat("/" RECORD_PATH, &st) == 0;
}

int running_load(struct root *ret_root, struct record *ret, struct err *e)
{
	if (root_open(ret_root, "/", e) < 0)
		return -1;
	if (record_load(ret, ret_root, e) < 0) {
		root_close(ret_root);
		return err_ctx(e, "reading the job record of the running system");
	}
	return 0;
}

bool running_is_clone(const struct root *running, const struct record *r)
{
	const struct switch_fs *fs = r->filesystems;
	bool found = false;
	struct stat top;
	unsigned i;

	if (root_stat(running, "/", &top) < 0)
		return false;

	for (i = 0; r->fs_count > 0 && i < fs->entry_count; i++) {
		const struct switch_entry *x = &fs->entries[i];
		struct stat st;

		if (root_lstat(running, x->name, &st) < 0 || st.st_dev != top.st_dev)
			continue; /* gone, or something is mounted on it (/proc, /dev) */
		if (x->old_ino && st.st_ino == x->old_ino)
			return false;
		if (x->new_ino && st.st_ino == x->new_ino)
			found = true;
	}
	return found;
}

/* Told from its parent by the device. */
int running_open_part(const char *mount, struct root *ret, struct err *e)
{
	char parent[1100];
	struct stat a, b;

	snprintf(parent, sizeof(parent), "%s/..", mount);
	if (stat(mount, &a) < 0 || stat(parent, &b) < 0 ||
	    (strcmp(mount, "/") != 0 && a.st_dev == b.st_dev))
		return err_set(e, ERR_RELEASE, 0,
			       "%s is not mounted, and part of the old system is on it: mount %s",
			       mount, mount);
	return root_open(ret, mount, e);
}

int running_open_loader_fs(const struct record *r, struct root *ret, struct err *e)
{
	unsigned i;

	for (i = 0; i < r->fs_count; i++)
		if (strcasecmp(r->filesystems[i].uuid, r->loader_fs_uuid) == 0)
			return running_open_part(r->filesystems[i].mount, ret, e);
	return err_set(e, ERR_LOADER_S, 0, "the file system %s of the private loader is not known",
		       r->loader_fs_uuid);
}
