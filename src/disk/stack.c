/* SPDX-License-Identifier: MIT */
/* Volumes that lie on others: logical volumes, opened LUKS devices, arrays. Told by sysfs alone. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "disk/scan_priv.h"

#define DEPTH_MAX 8	    /* LVM on LUKS on RAID are three */
#define LVM_ID_LEN (4 + 64) /* "LVM-", ids of group and volume; inner parts carry a suffix */

/* The disk of the volume with this number; -1: not in the scan. */
static int disk_of(const struct disk_scan *scan, unsigned major, unsigned minor)
{
	unsigned i;

	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];

		if (v->major == major && v->minor == minor)
			return (int)v->disk;
	}
	return -1;
}

/* The first of the disks below; -1 when a part is not in the scan (yet), or there is none. */
static int disk_below(const struct disk_scan *scan, const char *dir)
{
	struct strbuf slaves cleanup_strbuf = STRBUF_INIT;
	struct dirent *entry;
	int found = -1;
	DIR *d cleanup_dir = NULL;

	strbuf_addf(&slaves, "%s/slaves", dir);
	d = opendir(strbuf_str(&slaves));
	while (d && (entry = readdir(d))) {
		struct strbuf part cleanup_strbuf = STRBUF_INIT;
		struct volume v = { 0 };
		int disk;

		if (entry->d_name[0] == '.')
			continue;
		strbuf_addf(&part, "%s/%s", strbuf_str(&slaves), entry->d_name);
		scan_devno(strbuf_str(&part), &v);
		disk = disk_of(scan, v.major, v.minor);
		if (disk < 0)
			return -1;
		if (found < 0 || disk < found)
			found = disk;
	}
	return found;
}

/* Fills path, stack and stack_module; false when the kernel keeps it for itself, or it is none of these. */
static bool describe_mapped(struct volume *v, const char *dir)
{
	char *name cleanup_free = scan_attr(dir, "dm/name");
	char *id cleanup_free = scan_attr(dir, "dm/uuid");
	struct strbuf path = STRBUF_INIT;

	if (!name || !id || strchr(name, '/'))
		return false;
	if (str_starts(id, "LVM-") && strlen(id) == LVM_ID_LEN) {
		v->stack = strdup("lvm");
		v->stack_module = strdup("dm_mod");
	} else if (str_starts(id, "CRYPT-")) {
		v->stack = strdup("crypt");
		v->stack_module = strdup("dm_crypt");
	} else {
		return false;
	}
	strbuf_addf(&path, "/dev/mapper/%s", name);
	v->path = strbuf_take(&path);
	return v->stack && v->stack_module && v->path;
}

static bool describe_array(struct volume *v, const char *dir, const char *name)
{
	char *level cleanup_free = scan_attr(dir, "md/level");
	struct strbuf path = STRBUF_INIT;

	if (!level || strcmp(level, "container") == 0)
		return false;
	v->stack = strdup("raid");
	v->stack_module = strdup(strcmp(level, "raid4") == 0 || strcmp(level, "raid5") == 0 ||
						 strcmp(level, "raid6") == 0
					 ? "raid456"
					 : level);
	v->is_degraded = scan_number(dir, "md/degraded") > 0;
	strbuf_addf(&path, "/dev/%s", name);
	v->path = strbuf_take(&path);
	return v->stack && v->stack_module && v->path;
}

/* 1: added; 0: not one of ours, or what it lies on is not in the scan. */
static int add_stacked(struct disk_scan *scan, const char *name, struct err *e)
{
	struct strbuf dir cleanup_strbuf = STRBUF_INIT;
	struct volume found = { 0 }, *v;
	int disk;

	strbuf_addf(&dir, "/sys/block/%s", name);
	scan_devno(strbuf_str(&dir), &found);
	found.size_bytes = scan_number(strbuf_str(&dir), "size") * 512;
	disk = disk_below(scan, strbuf_str(&dir));
	if (disk < 0 || found.size_bytes == 0 || disk_of(scan, found.major, found.minor) >= 0)
		return 0;
	if (!(str_starts(name, "dm-") ? describe_mapped(&found, strbuf_str(&dir))
				      : describe_array(&found, strbuf_str(&dir), name))) {
		free(found.path);
		free(found.stack);
		free(found.stack_module);
		return 0;
	}
	v = scan_add_volume(scan, e);
	if (!v)
		return -1;
	*v = found;
	v->disk = (unsigned)disk;
	scan_content(v);
	return 1;
}

int scan_stacked(struct disk_scan *scan, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	DIR *d cleanup_dir = opendir("/sys/block");
	struct dirent *entry;
	int depth, added = 1, rc;
	size_t i;

	while (d && (entry = readdir(d))) {
		if (!str_starts(entry->d_name, "dm-") && !str_starts(entry->d_name, "md"))
			continue;
		if (strlist_add(&names, entry->d_name) < 0)
			return err_set(e, ERR_NOMEM, 0, "list of disks");
	}
	/* What lies on another stacked device is found once that one is. */
	for (depth = 0; depth < DEPTH_MAX && added; depth++) {
		for (added = 0, i = 0; i < names.count; i++) {
			rc = add_stacked(scan, names.items[i], e);
			if (rc < 0)
				return -1;
			added += rc;
		}
	}
	return 0;
}
