/* SPDX-License-Identifier: MIT */
#include "disk/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/str.h"
#include "disk/scan.h"

#define MOUNTINFO_MAX ((size_t)4 << 20)

enum user { USER_NOBODY, USER_OTHER, USER_OURS };

/* ---- which disk is meant -------------------------------------------------------------------------- */

static int take_name(const char *sys_path, const char *given, char ret[CLAIM_NAME_MAX],
		     struct err *e)
{
	char text[PATH_MAX + 16];
	const char *name = strrchr(sys_path, '/');

	snprintf(text, sizeof(text), "%s/partition", sys_path);
	if (access(text, F_OK) == 0)
		return err_set(e, ERR_DISK_NAME, 0, "%s is a partition, not a disk", given);
	name = name ? name + 1 : sys_path;
	if (str_starts(name, "dm-") || str_starts(name, "md"))
		return err_set(e, ERR_DISK_NAME, 0, "%s is put together from other devices", given);
	if (strlen(name) >= CLAIM_NAME_MAX)
		return err_set(e, ERR_DISK_NAME, 0, "%s has too long a name", given);
	strcpy(ret, name);
	return 0;
}

static int find_by_number(dev_t number, const char *given, char ret[CLAIM_NAME_MAX], struct err *e)
{
	char link[64], real[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(number), minor(number));
	if (!realpath(link, real))
		return err_set(e, ERR_DISK_NAME, errno, "%s", given);
	return take_name(real, given, ret, e);
}

static bool is_called(const struct disk *d, const char *given)
{
	return (d->serial && strcmp(d->serial, given) == 0) ||
	       (d->wwid && strcasecmp(d->wwid, given) == 0);
}

/* Names in /dev/disk/by-id differ between systems; what the disk says about itself does not. */
static int find_by_serial(const char *given, char ret[CLAIM_NAME_MAX], struct err *e)
{
	const struct disk *found = NULL;
	struct disk_scan scan;
	unsigned i, hits = 0;
	int rc;

	if (disk_scan_all(&scan, false, e) < 0)
		return -1;
	for (i = 0; i < scan.disk_count; i++) {
		if (is_called(&scan.disks[i], given)) {
			found = &scan.disks[i];
			hits++;
		}
	}
	if (hits == 1 && strlen(found->path) < CLAIM_NAME_MAX)
		rc = 0;
	else
		rc = err_set(e, ERR_DISK_NAME, 0,
			     hits ? "%s is the serial number of several disks"
				  : "%s is neither a device nor a serial number here",
			     given);
	if (rc == 0)
		strcpy(ret, found->path + strlen("/dev/"));
	disk_scan_done(&scan);
	return rc;
}

int claim_find(const char *given, char ret[CLAIM_NAME_MAX], struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (given[0] != '/' && strchr(given, '/'))
		return err_set(e, ERR_DISK_NAME, 0, "%s is no absolute path", given);
	snprintf(path, sizeof(path), "%s%s", given[0] == '/' ? "" : "/dev/", given);
	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		return find_by_number(st.st_rdev, given, ret, e);
	if (given[0] == '/')
		return err_set(e, ERR_DISK_NAME, 0, "%s is not a block device", given);
	return find_by_serial(given, ret, e);
}

/* ---- who uses it ------------------------------------------------------------------------------------ */

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static enum user user_of_mounts(const char *text, unsigned major, unsigned minor, const char *own,
				char *who, size_t size)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	enum user user = USER_NOBODY;
	size_t i;

	if (strlist_split(&lines, text, "\n") < 0)
		return USER_OTHER;
	for (i = 0; i < lines.count; i++) {
		/* proc(5): id parent major:minor root point ... */
		char point[1024];
		unsigned ma, mi;

		if (sscanf(lines.items[i], "%*d %*d %u:%u %*s %1023s", &ma, &mi, point) != 3 ||
		    ma != major || mi != minor)
			continue;
		if (is_below(point, own)) {
			user = USER_OURS;
			continue;
		}
		snprintf(who, size, "it is mounted at %s", point);
		return USER_OTHER;
	}
	return user;
}

static enum user user_of_swaps(const char *text, const char *path, const char *own, char *who,
			       size_t size)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i, len = strlen(path);

	if (strlist_split(&lines, text, "\n") < 0)
		return USER_OTHER;
	for (i = 0; i < lines.count; i++) {
		if (strncmp(lines.items[i], path, len) != 0 || !strchr(" \t", lines.items[i][len]))
			continue;
		if (own && strcmp(own, path) == 0)
			return USER_OURS;
		snprintf(who, size, "it is swapped on (swapoff %s)", path);
		return USER_OTHER;
	}
	return USER_NOBODY;
}

int claim_user_in(const char *mountinfo, const char *swaps, unsigned major, unsigned minor,
		  const char *path, const char *own_dir, const char *own_swap, char *who,
		  size_t size)
{
	enum user user = user_of_mounts(mountinfo, major, minor, own_dir, who, size);

	return user != USER_NOBODY ? user : user_of_swaps(swaps, path, own_swap, who, size);
}

/* What stacks on it: an array, a volume group, an opened LUKS volume. */
static bool has_holder(const struct volume *v, char *who, size_t size)
{
	char path[128];
	struct dirent *entry;
	DIR *d cleanup_dir = NULL;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", v->major, v->minor);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(who, size, "%.64s is made of it", entry->d_name);
		return true;
	}
	return false;
}

/* The kernel's own answer, whatever mount namespace or container it is that holds the device. */
static bool is_held(const char *path, char *who, size_t size)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return false;
	}
	if (errno == EBUSY)
		snprintf(who, size,
			 "something else holds it: another mount namespace, a container");
	else
		snprintf(who, size, "it cannot be opened: %s", strerror(errno));
	return true;
}

struct tables {
	struct strbuf mounts, first_mounts, swaps;
};

static enum user judge(const struct tables *t, const struct volume *v, const char *own_dir,
		       const char *own_swap, char *who, size_t size)
{
	int user = claim_user_in(strbuf_str(&t->mounts), strbuf_str(&t->swaps), v->major, v->minor,
				 v->path, own_dir, own_swap, who, size);

	if (user == USER_NOBODY)
		user = claim_user_in(strbuf_str(&t->first_mounts), "", v->major, v->minor, v->path,
				     own_dir, NULL, who, size);
	if (user != USER_NOBODY)
		return (enum user)user;
	return has_holder(v, who, size) || is_held(v->path, who, size) ? USER_OTHER : USER_NOBODY;
}

static int check_disk(const struct disk_scan *scan, const char *own_dir, const char *own_swap,
		      struct err *e)
{
	struct tables t = { 0 };
	const struct disk *d = &scan->disks[0];
	bool is_ours = false;
	char who[256] = "";
	unsigned i;
	int rc = 0;

	if (file_slurp("/proc/self/mountinfo", &t.mounts, MOUNTINFO_MAX, e) < 0)
		rc = -1;
	(void)!file_slurp("/proc/1/mountinfo", &t.first_mounts, MOUNTINFO_MAX, NULL);
	(void)!file_slurp("/proc/swaps", &t.swaps, MOUNTINFO_MAX, NULL); /* a kernel without swap */
	for (i = 0; i < scan->volume_count && rc == 0; i++) {
		const struct volume *v = &scan->volumes[i];
		enum user user = judge(&t, v, own_dir, own_swap, who, sizeof(who));

		is_ours |= user == USER_OURS;
		if (user == USER_OTHER)
			rc = err_set(e, ERR_DISK_IN_USE, 0, "%s: %s", v->path, who);
	}
	/* The whole device is held as soon as a partition is, so it tells nothing while one is ours. */
	if (rc == 0 && !is_ours && is_held(d->path, who, sizeof(who)))
		rc = err_set(e, ERR_DISK_IN_USE, 0, "%s: %s", d->path, who);
	strbuf_done(&t.mounts);
	strbuf_done(&t.first_mounts);
	strbuf_done(&t.swaps);
	return rc;
}

int claim_check_unused(const char *name, const char *own_dir, const char *own_swap, struct err *e)
{
	struct disk_scan scan;
	int rc;

	if (disk_scan_named(&scan, name, e) < 0)
		return -1;
	if (scan.disk_count == 1)
		rc = check_disk(&scan, own_dir, own_swap, e);
	else
		rc = err_set(e, ERR_DISK_NAME, 0, "/dev/%s is gone", name);
	disk_scan_done(&scan);
	return rc;
}
