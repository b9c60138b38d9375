/* SPDX-License-Identifier: MIT */
#include "disk/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"

/* How long to wait for somebody who is just leaving the file system. */
#define BUSY_TRIES 50
#define BUSY_TRIES_LOOKING 10
#define BUSY_WAIT_MS 100

static void short_wait(void)
{
	struct timespec t = { .tv_nsec = BUSY_WAIT_MS * 1000000L };

	nanosleep(&t, NULL);
}

static int get_read_only(const char *device)
{
	int fd cleanup_fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int value = 0;

	return fd >= 0 && ioctl(fd, BLKROGET, &value) == 0 ? value : -1;
}

static int set_read_only(const char *device, int value)
{
	int fd cleanup_fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 ? ioctl(fd, BLKROSET, &value) : -1;
}

/*
 * Nobody has it mounted, in any namespace, nor swaps or stacks on it. Without this, protecting a device would take
 * the ground away from under a system that runs on it.
 */
static int wait_unused(const char *device, int tries)
{
	int fd;

	while ((fd = open(device, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (errno != EBUSY || --tries <= 0)
			return -1;
		short_wait();
	}
	close(fd);
	return 0;
}

static void marker_of(char *buf, size_t size, const char *at)
{
	snprintf(buf, size, "%s.protected", at);
}

/* Makes the kernel refuse every write to the device, and remembers to undo it. */
static int protect(const char *device, const char *at, struct err *e)
{
	char marker[PATH_MAX];

	if (get_read_only(device) != 0)
		return 0; /* protected already, and not by us */
	marker_of(marker, sizeof(marker), at);
	if (file_replace(marker, device, strlen(device), 0600, e) < 0)
		return -1;
	if (set_read_only(device, 1) < 0) {
		err_set(e, ERR_MOUNT, errno, "%s: cannot be protected against writes", device);
		unlink(marker);
		return -1;
	}
	return 0;
}

static void unprotect(const char *at)
{
	struct strbuf device cleanup_strbuf = STRBUF_INIT;
	char marker[PATH_MAX];

	marker_of(marker, sizeof(marker), at);
	if (access(marker, F_OK) < 0 || file_slurp(marker, &device, PATH_MAX, NULL) < 0)
		return;
	if (set_read_only(strbuf_str(&device), 0) < 0)
		log_warn("mount: %s stays read-only: %s", strbuf_str(&device), strerror(errno));
	else
		unlink(marker);
}

static bool has_driver(const char *type)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist words cleanup_strlist = STRLIST_INIT;

	if (file_slurp("/proc/filesystems", &text, 65536, NULL) < 0 ||
	    strlist_split(&words, strbuf_str(&text), " \t\n") < 0)
		return true;
	return strlist_has(&words, type);
}

/* One driver serves ext2, ext3 and ext4; the words keep it from replaying the journal. */
static const char *driver_of(const char *type)
{
	return str_starts(type, "ext") ? "ext4" : type;
}

static const char *look_options(const char *type)
{
	if (str_starts(type, "ext"))
		return "noload";
	if (strcmp(type, "xfs") == 0)
		return "norecovery";
	if (strcmp(type, "btrfs") == 0)
		return "rescue=nologreplay";
	return "";
}

/* FAT knows no owners: what is on an EFI system partition is root's alone. */
static const char *write_options(const char *type)
{
	return strcmp(type, "vfat") == 0 ? "umask=0077" : "";
}

static int try_mount(const struct volume *v, const char *at, bool writable)
{
	unsigned long flags = MS_NODEV | (writable ? 0 : MS_RDONLY | MS_NOATIME);
	const char *options = writable ? write_options(v->type) : look_options(v->type);

	return mount(v->path, at, driver_of(v->type), flags, options);
}

/* Gathers what mount_explain() wants to know. Returns -1. */
static int fail_mount(const struct volume *v, bool writable, int sys, struct err *e)
{
	struct mount_facts facts = {
		.path = v->path,
		.type = v->type,
		.writable = writable,
		.is_device_read_only = get_read_only(v->path) == 1,
		.is_journal_dirty = v->is_journal_dirty,
		.has_driver = has_driver(driver_of(v->type)),
	};
	char why[ERR_CTX_LEN];
	enum err_code code = mount_explain(sys, &facts, why, sizeof(why));

	return err_set(e, code, sys, "%s", why);
}

int volume_mount(const struct volume *v, const char *at, bool writable, struct err *e)
{
	enum err_code code = writable ? volume_judge(v) : volume_judge_look(v);
	int sys;

	if (code != ERR_NONE && !(code == ERR_AMBIVALENT && !writable && v->type))
		return err_set(e, code, 0, "%s: %s", v->path,
			       v->type ? v->type : "unknown content");
	if (wait_unused(v->path, writable ? BUSY_TRIES : BUSY_TRIES_LOOKING) < 0)
		return fail_mount(v, writable, errno, e);
	if (!writable && protect(v->path, at, e) < 0)
		return -1;
	if (try_mount(v, at, writable) == 0) {
		log_info("mount: %s (%s) at %s, %s", v->path, v->type, at,
			 writable ? "read-write" : "for looking only");
		return 0;
	}
	sys = errno;
	fail_mount(v, writable, sys, e);
	if (!writable)
		unprotect(at);
	return -1;
}

int volume_unmount(const char *at, struct err *e)
{
	int i;

	for (i = 0; i < BUSY_TRIES; i++) {
		if (umount2(at, UMOUNT_NOFOLLOW) == 0) {
			unprotect(at);
			return 0;
		}
		if (errno == EINVAL || errno == ENOENT) /* not a mount point */
			return 0;
		if (errno != EBUSY)
			break;
		short_wait();
	}
	return err_set(e, errno == EBUSY ? ERR_MOUNT_BUSY : ERR_MOUNT, errno, "leaving %s", at);
}

/* mountinfo writes blank, tab, newline and backslash as octal. */
static void decode_octal(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

enum mount_state volume_mount_state(const char *at)
{
	FILE *f cleanup_file = fopen("/proc/self/mountinfo", "re");
	enum mount_state state = MOUNT_NONE;
	char *line cleanup_free = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		/* proc(5): id parent major:minor root point options [fields] - type source super */
		char *save = NULL, *word, *point = NULL, *super;
		int i;

		super = strstr(line, " - ");
		if (super) {
			*super = '\0';
			super += 3;
			super = strrchr(super, ' ');
		}
		for (i = 0, word = strtok_r(line, " ", &save); word && i < 5; i++) {
			point = word;
			word = strtok_r(NULL, " ", &save);
		}
		if (!point || !word || !super || i < 5)
			continue;
		decode_octal(point);
		if (strcmp(point, at) != 0)
			continue;
		/* The last one listed is on top. A bind may be read-only over a writable system. */
		state = str_starts(super + 1, "ro") || str_starts(word, "ro") ? MOUNT_READ_ONLY
									      : MOUNT_WRITABLE;
	}
	return state;
}
