/* SPDX-License-Identifier: MIT */
/* Two file systems as plain folders, with a stage, for the switch and its undo cut before any single change. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "job/exchange.h"
#include "job/position.h"
#include "job/switch_steps.h"

#define ODD_NAME "odd \xff\n%41"

static char dir[64];
static struct root top = { .fd = -1 }; /* holds fs0, fs1 and the stand-in for the boot area */
static struct target t;
static struct volume volumes[2];
static bool with_loader; /* the private loader is planted; else the boot area is written */
static bool has_flags;	 /* this file system knows immutable files, and we may set them */

/* ---- making trees ---- */

static void put(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	if (root_replace(&top, path, text, strlen(text), NULL, &e) < 0)
		fail_msg("%s: %s", path, e.ctx[0]);
}

static void make_dir(const char *path, mode_t mode)
{
	const char *name;
	int fd = root_parent(&top, path, true, &name, NULL);

	assert_true(fd >= 0);
	assert_int_equal(mkdirat(fd, name, 0700), 0);
	assert_int_equal(fchmodat(fd, name, mode, 0), 0);
	close(fd);
}

static int put_flag(const char *path, int flag)
{
	int fd = root_openat(&top, path, O_RDONLY, 0, NULL);
	int flags = 0, rc;

	if (fd < 0)
		return -1;
	rc = ioctl(fd, FS_IOC_GETFLAGS, &flags);
	flags |= flag;
	rc = rc == 0 ? ioctl(fd, FS_IOC_SETFLAGS, &flags) : rc;
	close(fd);
	return rc;
}

static void make_old(void)
{
	put("fs0/etc/hostname", "old");
	put("fs0/usr/bin/true", "old true");
	assert_int_equal(root_symlink(&top, "fs0/bin", "usr/bin", NULL), 0);
	put("fs0/thing", "a file in the old system");
	put("fs0/only-old/f", "x");
	put("fs0/swapfile", "swap");
	put("fs0/" ODD_NAME, "old odd");
	put("fs0/aquota.user", "the file system's");
	put("fs0/lost+found/1", "the file system's");
	make_dir("fs0/boot", 0700);
	make_dir("fs0/srv", 0750);
	put("fs1/vmlinuz-old", "kernel");
	put("fs1/grub/core", "old core");
}

static void make_stage(void)
{
	put("fs0/.rehost/tree/etc/hostname", "new");
	put("fs0/.rehost/tree/usr/bin/true", "new true");
	put("fs0/.rehost/tree/bin/true", "a folder in the clone");
	put("fs0/.rehost/tree/thing/f", "a folder in the clone");
	put("fs0/.rehost/tree/only-new", "y");
	put("fs0/.rehost/tree/" ODD_NAME, "new odd");
	put("fs0/.rehost/tree/lost+found/2", "came with the stream");
	make_dir("fs0/.rehost/tree/boot", 0755);
	make_dir("fs0/.rehost/tree/srv", 0755);
	put("fs0/.rehost/edits/upper/added", "an edit");
	put("fs1/.rehost/tree/vmlinuz-new", "kernel");
	put("fs1/.rehost/tree/grub/core", "new core");
	put("area", "old");
	assert_int_equal(fchmodat(top.fd, "fs0", 0755, 0), 0);
	assert_int_equal(fchmodat(top.fd, "fs0/.rehost/tree", 0711, 0), 0);
}

static void make_trees(void)
{
	static const char *const mounts[] = { "/", "/boot" };
	static const char *const uuids[] = { "uuid-0", "uuid-1" };
	char path[32];
	unsigned i;

	make_old();
	make_stage();
	t = (struct target){ .fs_count = 2 };
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "fs%u", i);
		volumes[i] = (struct volume){ .uuid = (char *)uuids[i] };
		t.fs[i].volume = &volumes[i];
		t.fs[i].mount = (char *)mounts[i];
		assert_int_equal(root_open_below(&t.fs[i].root, &top, path, NULL), 0);
	}
	has_flags = put_flag("fs0/swapfile", FS_IMMUTABLE_FL) == 0;
	if (has_flags) {
		assert_int_equal(put_flag("fs0/srv", FS_APPEND_FL), 0);
		assert_int_equal(put_flag("fs0/.rehost/tree/thing", FS_IMMUTABLE_FL), 0);
		assert_int_equal(put_flag("fs0/.rehost/tree", FS_IMMUTABLE_FL), 0);
		assert_int_equal(put_flag("fs1", FS_APPEND_FL), 0);
	}
}

static void remove_trees(void)
{
	struct strlist names = STRLIST_INIT;
	size_t i;

	for (i = 0; i < t.fs_count; i++)
		root_close(&t.fs[i].root);
	t.fs_count = 0;
	assert_int_equal(root_list(&top, "/", &names, NULL), 0);
	for (i = 0; i < names.count; i++)
		assert_int_equal(root_remove_tree(&top, names.items[i], NULL), 0);
	strlist_done(&names);
}

/* RAM when there is some: hundreds of trees are made here. */
static int group_set_up(void **state)
{
	(void)state;
	strcpy(dir, "/dev/shm/rehost-switch-XXXXXX");
	if (!mkdtemp(dir)) {
		strcpy(dir, "/tmp/rehost-switch-XXXXXX");
		if (!mkdtemp(dir))
			return -1;
	}
	return root_open(&top, dir, NULL);
}

static int group_tear_down(void **state)
{
	(void)state;
	remove_trees();
	root_close(&top);
	return rmdir(dir);
}

/* ---- what a tree is, as text ---- */

static void describe(struct strbuf *out, const char *path)
{
	struct strlist names = STRLIST_INIT;
	struct stat st;
	char below[1024], text[256];
	int flags = 0, fd;
	size_t i;

	assert_int_equal(root_lstat(&top, path, &st), 0);
	strbuf_addf(out, "%s %o", path, st.st_mode);
	if (S_ISLNK(st.st_mode)) {
		assert_int_equal(root_readlink(&top, path, text, sizeof(text)), 0);
		strbuf_addf(out, " -> %s\n", text);
		return;
	}
	fd = root_openat(&top, path, O_RDONLY, 0, NULL);
	assert_true(fd >= 0);
	ioctl(fd, FS_IOC_GETFLAGS, &flags);
	close(fd);
	strbuf_addf(out, " %x\n", (unsigned)flags & (FS_IMMUTABLE_FL | FS_APPEND_FL));
	if (S_ISREG(st.st_mode)) {
		assert_int_equal(root_read(&top, path, out, 1024, NULL), 0);
		strbuf_addc(out, '\n');
		return;
	}
	assert_int_equal(root_list(&top, path, &names, NULL), 0);
	for (i = 0; i < names.count; i++) {
		snprintf(below, sizeof(below), "%s/%s", path, names.items[i]);
		if (strcmp(names.items[i], "job") != 0)
			describe(out, below);
	}
	strlist_done(&names);
}

/* ---- the steps that are not renames ---- */

static int fake_merge(const struct target *target, struct err *e)
{
	bool was_fixed = has_flags;
	int flags = 0, fd = root_openat(&top, "fs0/.rehost/tree", O_RDONLY, 0, NULL);
	int rc;

	(void)target;
	if (was_fixed)
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	rc = renameat(top.fd, "fs0/.rehost/edits/upper/added", fd, "added");
	if (rc < 0 && errno == ENOENT)
		rc = 0;
	flags = FS_IMMUTABLE_FL;
	if (was_fixed)
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
	return rc < 0 ? err_set(e, ERR_FILE, errno, "fake merge") : 0;
}

static int fake_settle(const struct target *target, struct err *e)
{
	(void)target;
	(void)e;
	return 0;
}

static int fake_prepare(const struct target *target, struct record *r, struct err *e)
{
	struct strbuf b = STRBUF_INIT;

	(void)target;
	assert_int_equal(root_read(&top, "area", &b, 64, e), 0);
	assert_string_equal(strbuf_str(&b), "old"); /* never saved after it was replaced */
	put("fs0/.rehost/saved/area", strbuf_str(&b));
	strbuf_done(&b);
	memset(r->boot_saved_sha256, 'a', 64);
	return 0;
}

static int fake_write(const struct target *target, const struct record *r, struct err *e)
{
	struct strbuf b = STRBUF_INIT;

	(void)target;
	(void)r;
	/* only when every entry is in place */
	assert_int_equal(root_read(&top, "fs1/grub/core", &b, 64, e), 0);
	assert_string_equal(strbuf_str(&b), "new core");
	strbuf_done(&b);
	put("area", "clone");
	return 0;
}

static int fake_restore(const struct target *target, const struct record *r, struct err *e)
{
	struct strbuf b = STRBUF_INIT;

	(void)target;
	assert_int_equal(r->boot_saved_sha256[0], 'a');
	assert_int_equal(root_read(&top, "fs0/.rehost/saved/area", &b, 64, e), 0);
	put("area", strbuf_str(&b));
	strbuf_done(&b);
	return 0;
}

/* ---- a stand-in for the loader: "s" is S, "planted" the flip, "payload" what it starts ---- */

static bool fake_is_stored(const struct target *target)
{
	(void)target;
	return root_exists(&top, "payload");
}

static int fake_store(const struct target *target, int fd, struct err *e)
{
	(void)target;
	(void)e;
	assert_int_equal(fd, -1);
	put("payload", "rescue");
	return 0;
}

static int fake_plant(const struct target *target, struct record *r, struct err *e)
{
	(void)target;
	(void)e;
	assert_true(root_exists(&top, "payload"));
	if (r->loader != LOADER_NONE)
		return 0;
	put("s", "old");
	r->loader = LOADER_BIOS;
	assert_int_equal(record_store(r, &t.fs[0].root, NULL), 0);
	put("planted", "yes");
	return 0;
}

static int fake_select(const struct target *target, enum loader_choice c, struct err *e)
{
	(void)target;
	(void)e;
	assert_true(root_exists(&top, "planted"));
	put("s", loader_choice_name(c));
	return 0;
}

static int count_down(void *arg)
{
	long *left = arg;

	return (*left)-- <= 0;
}

#define UNCUT 1000000L

typedef int runner(const struct target *, struct record *, const struct switch_ops *, struct err *);

/* Loads J, runs, and drops everything in memory, like a new process. Returns whether it came to its end. */
static bool run(runner *fn, long stop_after)
{
	struct switch_ops ops = {
		.merge = fake_merge,
		.settle = fake_settle,
		.boot_prepare = fake_prepare,
		.boot_write = fake_write,
		.boot_restore = fake_restore,
		.plants = with_loader,
		.loader_is_stored = fake_is_stored,
		.loader_store = fake_store,
		.loader_plant = fake_plant,
		.loader_select = fake_select,
		.step = count_down,
		.arg = &stop_after,
	};
	struct err e = ERR_INIT;
	struct record r;
	int rc;

	if (record_load(&r, &t.fs[0].root, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	rc = fn(&t, &r, &ops, &e);
	record_done(&r);
	if (rc < 0 && e.sys != EINTR)
		fail_msg("%s: %s", err_info(e.code)->id, e.ctx[0]);
	return rc == 0;
}

static enum job_state state_now(void)
{
	struct record r;
	enum job_state s;

	assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
	s = r.state;
	record_done(&r);
	return s;
}

static void begin(void)
{
	struct record r;

	make_trees();
	record_init(&r);
	r.state = JOB_CHECKED;
	memset(r.edits_fingerprint, 'f', 64);
	assert_int_equal(record_store(&r, &t.fs[0].root, NULL), 0);
	record_done(&r);
}

static void expect(const char *path, const char *text)
{
	struct strbuf b = STRBUF_INIT;

	assert_int_equal(root_read(&top, path, &b, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&b), text);
	strbuf_done(&b);
}

/* What the complete switch and the complete undo are, said one by one. */
