/* SPDX-License-Identifier: MIT */
#include "job/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "disk/efivars.h"
#include "disk/mount.h"
#include "job/common.h"
#include "job/foreign.h"
#include "job/lowmem.h"
#include "job/target_priv.h"

#define LOCK_TRIES 100
#define LOCK_WAIT_MS 100
#define DEVICES_WAIT_MS 60000 /* a slow machine loads drivers for that long */

const char *target_view_dir(void)
{
	static char path[256];

	return run_path(path, sizeof(path), "view");
}

/* ---- the lock on the mounts: shared while file systems are used, exclusive while they change ---- */

static int lock_mounts(int operation, struct err *e)
{
	struct timespec wait = { .tv_nsec = LOCK_WAIT_MS * 1000000L };
	char path[256];
	int fd, i;

	if (mkdirs(run_dir(), 0700, e) < 0)
		return -1;
	fd = open(run_path(path, sizeof(path), "mounts.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	for (i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, operation | LOCK_NB) == 0)
			return fd;
		nanosleep(&wait, NULL);
	}
	close(fd);
	return err_set(e, ERR_BUSY, 0, "other commands are using the target's file systems");
}

/* SSH answers before all drivers are loaded; a disk that is not there yet is not missing. */
static void wait_for_devices(void)
{
	struct timespec wait = { .tv_nsec = LOCK_WAIT_MS * 1000000L };
	uint64_t end = now_ms() + DEVICES_WAIT_MS;
	char path[256];

	run_path(path, sizeof(path), COLDPLUG_MARK);
	while (access(path, F_OK) == 0 && now_ms() < end)
		nanosleep(&wait, NULL);
}

static int scan_disks(struct disk_scan *ret, struct err *e)
{
	const char *names = getenv("REHOST_DISKS");
	char *option cleanup_free = names ? NULL : run_option("disk");

	if (!names)
		names = option;
	wait_for_devices();
	if (names)
		return disk_scan_named(ret, names, e);
	return disk_scan_all(ret, getenv("REHOST_SCAN_LOOP") != NULL, e);
}

/* ---- one file system ------------------------------------------------------------------------- */

static bool is_mounted_from(const char *at, const struct volume *v)
{
	struct stat st;

	return stat(at, &st) == 0 && st.st_dev == makedev(v->major, v->minor);
}

/* Brings v to at in the wanted way. With may_mount unset it only says whether that is so already. */
static int bring(const struct volume *v, const char *at, bool writable, bool may_mount,
		 struct err *e)
{
	enum mount_state state = volume_mount_state(at);
	bool is_right = state != MOUNT_NONE && is_mounted_from(at, v) &&
			(!writable || state == MOUNT_WRITABLE);

	if (is_right)
		return 0;
	if (!may_mount)
		return NEED_MOUNT;
	if (state != MOUNT_NONE && volume_unmount(at, e) < 0)
		return -1;
	if (mkdirs(at, 0700, e) < 0)
		return -1;
	return volume_mount(v, at, writable, e);
}

static int measure(struct target_fs *f, struct err *e)
{
	struct statvfs s;

	if (fstatvfs(f->root.fd, &s) < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", f->volume->path);
	f->size_bytes = (unsigned long long)s.f_blocks * s.f_frsize;
	f->free_bytes = (unsigned long long)s.f_bfree * s.f_frsize;
	f->inodes = s.f_files;
	f->free_inodes = s.f_ffree;
	return 0;
}

/* Takes over mount and options (owned, may be NULL when memory ran out). */
static int attach(struct target *t, const struct volume *v, char *mount, char *options,
		  const struct opening *o, struct err *e)
{
	struct target_fs *f = &t->fs[t->fs_count];
	char name[32];
	int rc;

	if (t->fs_count == TARGET_FS_MAX || !mount || !options) {
		free(mount);
		free(options);
		return t->fs_count == TARGET_FS_MAX
			       ? err_set(e, ERR_LIMIT, 0, "more than %d file systems",
					 TARGET_FS_MAX)
			       : err_set(e, ERR_NOMEM, 0, "list of file systems");
	}
	snprintf(name, sizeof(name), "fs/%u", t->fs_count);
	*f = (struct target_fs){
		.volume = v, .mount = mount, .options = options, .root = ROOT_INIT
	};
	t->fs_count++; /* from here target_close() frees it */
	if (!*run_path(f->at, sizeof(f->at), name))
		return err_set(e, ERR_FILE, ENAMETOOLONG, "%s", run_dir());
	rc = bring(v, f->at, o->access == TARGET_WRITE, o->may_mount, e);
	if (rc != 0)
		return rc;
	f->is_writable = volume_mount_state(f->at) == MOUNT_WRITABLE;
	if (!f->is_writable && v->is_journal_dirty)
		t->is_provisional = true;
	if (root_open(&f->root, f->at, e) < 0)
		return -1;
	return measure(f, e);
}

/* Goes on in the subvolume of the root, where there is one. */
static int enter_subvolume(struct target *t, struct err *e)
{
	struct target_fs *f = &t->fs[0];
	const char *name = target_root_subvolume(f->volume, &f->root);
	size_t len = strlen(f->at);

	if (!name)
		return 0;
	if (snprintf(f->at + len, sizeof(f->at) - len, "/%s", name) >= (int)(sizeof(f->at) - len))
		return err_set(e, ERR_FILE, ENAMETOOLONG, "%s", run_dir());
	root_close(&f->root);
	return root_open(&f->root, f->at, e);
}

static void detach_last(struct target *t)
{
	struct target_fs *f = &t->fs[--t->fs_count];

	root_close(&f->root);
	free(f->mount);
	free(f->options);
}

/* ---- the other file systems -------------------------------------------------------------------- */

static int compare_found(const void *a, const void *b)
{
	return strcmp(((const struct target_found *)a)->mount,
		      ((const struct target_found *)b)->mount);
}

static int attach_others(struct target *t, const struct opening *o, struct err *e)
{
	struct target_found found[TARGET_FS_MAX];
	unsigned count = 0, i;
	int rc = target_read_recorded(t, found, &count, e);

	rc = rc == 0 ? target_read_fstab(t, found, &count, e) : rc < 0 ? -1 : 0;

	if (count > 1) /* by path: a parent comes before what is below it */
		qsort(found, count, sizeof(found[0]), compare_found);
	for (i = 0; i < count; i++) {
		unsigned before = t->fs_count;

		if (rc != 0) {
			free(found[i].mount);
			free(found[i].options);
			continue;
		}
		rc = attach(t, found[i].volume, found[i].mount, found[i].options, o, e);
		if (rc < 0 && (found[i].is_optional || t->is_partial)) {
			rc = target_note(t, e, "%s for %s cannot be mounted%s: left out",
					 found[i].volume->path, found[i].mount,
					 found[i].is_optional ? " and may be absent" : "");
			if (t->fs_count > before)
				detach_last(t);
		} else if (rc < 0) {
			err_ctx(e, "mounting %s for the target's %s", found[i].volume->path,
				found[i].mount);
		}
	}
	return rc;
}

/* ---- our own folders ---------------------------------------------------------------------------- */

/* A real folder of root's with this mode; what a hostile tree put in its place is refused. */
static int ensure_dir(const struct root *r, const char *path, mode_t mode, struct err *e)
{
	const char *name;
	int dir cleanup_fd = root_parent(r, path, false, &name, e);
	int fd cleanup_fd = -1;

	if (dir < 0)
		return -1;
	if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return err_set(e, errno == EROFS ? ERR_DISK_READ_ONLY : ERR_TARGET_FULL, errno,
			       "/%s", path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TARGET_FULL, errno, "/%s is not a folder", path);
	return 0;
}

static int set_private(const struct root *r, const char *path, struct err *e)
{
	int fd cleanup_fd = root_openat(r, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return -1;
	if (fchown(fd, 0, 0) < 0 || fchmod(fd, 0700) < 0)
		return err_set(e, ERR_TARGET_FULL, errno, "/%s", path);
	return 0;
}

static int make_own_dirs(struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const struct root *r = &t->fs[i].root;

		if (ensure_dir(r, REHOST_DIR, 0700, e) < 0 || set_private(r, REHOST_DIR, e) < 0 ||
		    ensure_dir(r, TREE_DIR, 0755, e) < 0 ||
		    ensure_dir(r, REHOST_DIR "/edits", 0700, e) < 0 ||
		    ensure_dir(r, UPPER_DIR, 0755, e) < 0 || ensure_dir(r, WORK_DIR, 0700, e) < 0 ||
		    (i == 0 && ensure_dir(r, REHOST_DIR "/saved", 0700, e) < 0))
			return err_ctx(e, "making rehost's folder on %s", t->fs[i].volume->path);
	}
	return 0;
}

/* ---- opening and closing ------------------------------------------------------------------------ */

static void find_boot_disk(struct target *t)
{
	unsigned i;

	t->boot_disk = t->fs[0].volume->disk;
	for (i = 1; i < t->fs_count; i++) {
		if (strcmp(t->fs[i].mount, "/boot") == 0)
			t->boot_disk = t->fs[i].volume->disk;
	}
	disk_token(&t->scan, t->boot_disk, t->token);
}

static int refuse_ambivalent(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		if (t->fs[i].volume->is_ambivalent)
			return err_set(e, ERR_AMBIVALENT, 0, "%s for %s", t->fs[i].volume->path,
				       t->fs[i].mount);
	}
	return 0;
}

const struct target_fs *target_stacked_boot(const struct target *t)
{
	const struct target_fs *f = &t->fs[0];
	unsigned i;

	for (i = 1; i < t->fs_count; i++) {
		if (strcmp(t->fs[i].mount, "/boot") == 0)
			f = &t->fs[i];
	}
	for (i = 0; i < t->fs_count; i++) {
		if (t->fs[i].volume->stack && strcmp(t->fs[i].volume->stack, "crypt") == 0)
			f = &t->fs[i];
	}
	return f->volume->stack ? f : NULL;
}

static int refuse_stacked_boot(const struct target *t, struct err *e)
{
	const struct target_fs *f = target_stacked_boot(t);

	if (!f)
		return 0;
	err_set(e, target_stack_error(f->volume), 0, "%s (%s) is on %s", f->volume->path, f->mount,
		target_stack_words(f->volume));
	if (e)
		e->extent = EXTENT_NOTHING;
	return -1;
}

enum err_code target_stack_error(const struct volume *v)
{
	return strcmp(v->stack, "lvm") == 0    ? ERR_LVM
	       : strcmp(v->stack, "raid") == 0 ? ERR_RAID
					       : ERR_ENCRYPTED;
}

const char *target_stack_words(const struct volume *v)
{
	return strcmp(v->stack, "lvm") == 0    ? "LVM"
	       : strcmp(v->stack, "raid") == 0 ? "software RAID"
					       : "an encrypted device";
}

static int attach_all(struct target *t, const struct volume *root, const struct opening *o,
		      struct err *e)
{
	int rc = attach(t, root, strdup("/"), strdup("defaults"), o, e);

	if (rc < 0)
		err_ctx(e, "mounting %s, the target's root file system", root->path);
	if (rc == 0 && t->is_partial)
		rc = enter_subvolume(t, e);
	return rc == 0 ? attach_others(t, o, e) : rc;
}

static void detach_all(struct target *t)
{
	unsigned i;

	while (t->fs_count)
		detach_last(t);
	for (i = 0; i < t->other_count; i++) {
		free(t->others[i].mount);
		free(t->others[i].options);
	}
	t->other_count = t->swap_count = 0;
	strlist_done(&t->notes);
}

/* Whether the layout can be worked on is known when the fstab was read, and mounting for writing is a write. */
static int look_first(struct target *t, const struct volume *root, const struct opening *o,
		      struct err *e)
{
	struct opening look = { .access = TARGET_LOOK, .may_mount = o->may_mount };
	int rc = attach_all(t, root, &look, e);

	if (rc == 0)
		rc = refuse_stacked_boot(t, e);
	detach_all(t);
	return rc;
}

/* 0, NEED_MOUNT, or -1. The caller closes t unless 0. */
static int open_once(struct target *t, const struct opening *o, struct err *e)
{
	const struct volume *v = NULL;
	int rc;

	if (scan_disks(&t->scan, e) < 0)
		return -1;
	if (o->access == TARGET_WRITE && foreign_check(&t->scan, e) < 0)
		return -1;
	if (t->scan.disk_count == 0)
		return err_set(e, ERR_NO_DISK, 0, "/sys/block lists none");
	rc = target_find_root(t, o, &v, e);
	if (rc != 0)
		return rc;
	if (v->is_ambivalent && o->access == TARGET_WRITE)
		return err_set(e, ERR_AMBIVALENT, 0, "%s for /", v->path);
	if (o->access == TARGET_WRITE && v->stack) {
		rc = look_first(t, v, o, e);
		if (rc != 0)
			return rc;
	}
	rc = attach_all(t, v, o, e);
	if (rc != 0)
		return rc;
	find_boot_disk(t);
	t->is_uefi = efivars_present();
	if (o->access != TARGET_WRITE)
		return 0;
	return refuse_stacked_boot(t, e) < 0 || refuse_ambivalent(t, e) < 0 ? -1
									    : make_own_dirs(t, e);
}

/* How far the migration is can be told as soon as the root is open, whatever failed after that. */
static void stamp_extent(const struct target *t, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct record r;

	if (!e || t->fs_count == 0 || t->fs[0].root.fd < 0)
		return;
	record_init(&r);
	if (record_load(&r, &t->fs[0].root, &ignored) == 0) {
		job_fail(e, &r);
		record_done(&r);
	}
}

int target_open(struct target *ret, enum target_access access, struct err *e)
{
	struct opening o = { .access = access };
	int rc, tries;

	for (tries = 0; tries < 6; tries++) {
		memset(ret, 0, sizeof(*ret));
		/* Mostly all is mounted already; else once more alone, then look again. */
		o.may_mount = tries % 2 == 1;
		ret->lock_fd = lock_mounts(o.may_mount ? LOCK_EX : LOCK_SH, e);
		if (ret->lock_fd < 0)
			return -1;
		rc = open_once(ret, &o, e);
		if (rc == 0 && !o.may_mount)
			return 0;
		if (rc < 0)
			stamp_extent(ret, e);
		target_close(ret);
		if (rc < 0)
			return access == TARGET_WRITE
				       ? err_ctx(e, "preparing the target for writing")
				       : err_ctx(e, "looking at the target");
	}
	return err_set(e, ERR_BUSY, 0, "the target's file systems are mounted again and again");
}

int target_open_partial(struct target *t, struct err *e)
{
	struct opening o = { .access = TARGET_LOOK, .may_mount = true };
	const struct volume *v = NULL;
	unsigned i;

	t->is_partial = true;
	if (target_find_root(t, &o, &v, e) != 0 || attach_all(t, v, &o, e) != 0)
		return -1;
	for (i = 0; i < t->other_count; i++) {
		const struct target_other *x = &t->others[i];
		unsigned before = t->fs_count;
		struct err own = ERR_INIT;

		if (attach(t, x->volume, strdup(x->mount), strdup(x->options), &o, &own) == 0)
			continue;
		if (t->fs_count > before)
			detach_last(t);
		if (target_note(t, e, "%s is not looked into: %s", x->mount, own.ctx[0]) < 0)
			return -1;
	}
	return 0;
}

void target_close(struct target *t)
{
	detach_all(t);
	disk_scan_done(&t->scan);
	if (t->lock_fd > 0)
		close(t->lock_fd);
	t->lock_fd = -1;
}

int target_unmount_all(struct err *e)
{
	int lock cleanup_fd = lock_mounts(LOCK_EX, e);
	char path[256], name[32];
	int i;

	if (lock < 0 || lowmem_end(e) < 0)
		return -1;
	for (i = TARGET_FS_MAX; i-- > 0;) {
		snprintf(name, sizeof(name), "fs/%d", i);
		if (volume_mount_state(run_path(path, sizeof(path), name)) != MOUNT_NONE &&
		    volume_unmount(path, e) < 0)
			return err_ctx(e, "unmounting the target's file systems");
	}
	return 0;
}
