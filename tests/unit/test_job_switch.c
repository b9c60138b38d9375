/* SPDX-License-Identifier: MIT */
/*
 * The switch and its undo on plain folders, cut before every single change: whatever the cut, going on gives the
 * complete switch and going back gives the original.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
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

static char *snapshot(void)
{
	struct strbuf b = STRBUF_INIT;

	describe(&b, "fs0");
	describe(&b, "fs1");
	describe(&b, "area");
	return strbuf_take(&b);
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

static void expect_tree(const char *want, const char *what, long n, long m)
{
	char *is = snapshot();

	if (strcmp(is, want) != 0)
		fail_msg("%s after cuts at %ld, %ld:\n%s\ninstead of\n%s", what, n, m, is, want);
	free(is);
}

/* The tree after a whole switch, and after a whole switch and its whole undo. */
static char *switched, *original;
static long steps_forward, steps_back;

static void learn(void)
{
	if (switched)
		return;
	begin();
	assert_true(run(switch_forward, UNCUT));
	switched = snapshot();
	assert_true(run(switch_back, UNCUT));
	original = snapshot();
	remove_trees();
}

/* ---- tests ---- */

static void expect(const char *path, const char *text)
{
	struct strbuf b = STRBUF_INIT;

	assert_int_equal(root_read(&top, path, &b, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&b), text);
	strbuf_done(&b);
}

/* What the complete switch and the complete undo are, said one by one. */
static void test_whole_switch_and_undo(void **state)
{
	struct stat st;

	(void)state;
	begin();
	assert_true(run(switch_forward, UNCUT));
	assert_int_equal(state_now(), JOB_SWITCHED);
	expect("fs0/etc/hostname", "new");
	expect("fs0/thing/f", "a folder in the clone");
	expect("fs0/bin/true", "a folder in the clone");
	expect("fs0/only-new", "y");
	expect("fs0/added", "an edit");
	expect("fs0/" ODD_NAME, "new odd");
	expect("fs0/.rehost/tree/" ODD_NAME, "old odd");
	expect("fs0/.rehost/tree/thing", "a file in the old system");
	expect("fs0/.rehost/tree/only-old/f", "x");
	expect("fs0/.rehost/tree/swapfile", "swap");
	assert_false(root_exists(&top, "fs0/only-old"));
	assert_false(root_exists(&top, "fs0/swapfile"));
	/* the file system's own stay, in both trees; so does the mount point of /boot */
	expect("fs0/aquota.user", "the file system's");
	expect("fs0/lost+found/1", "the file system's");
	expect("fs0/.rehost/tree/lost+found/2", "came with the stream");
	assert_int_equal(root_stat(&top, "fs0/boot", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	expect("fs1/vmlinuz-new", "kernel");
	expect("fs1/.rehost/tree/vmlinuz-old", "kernel");
	expect("area", "clone");
	assert_int_equal(root_stat(&top, "fs0", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_true(run(switch_forward, UNCUT)); /* a second one changes nothing */

	assert_true(run(switch_back, UNCUT));
	assert_int_equal(state_now(), JOB_STAGED);
	expect("fs0/etc/hostname", "old");
	expect("fs0/thing", "a file in the old system");
	expect("fs0/.rehost/tree/added", "an edit");
	assert_false(root_exists(&top, "fs0/added"));
	expect("fs0/swapfile", "swap");
	expect("fs1/vmlinuz-old", "kernel");
	expect("area", "old");
	assert_int_equal(root_stat(&top, "fs0", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	remove_trees();
}

static void test_flags_come_back(void **state)
{
	int flags = 0, fd;

	(void)state;
	begin();
	if (!has_flags) {
		remove_trees();
		skip();
	}
	assert_true(run(switch_forward, UNCUT));
	fd = root_openat(&top, "fs0/.rehost/tree/swapfile", O_RDONLY, 0, NULL);
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	close(fd);
	assert_int_equal(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL), FS_IMMUTABLE_FL);
	fd = root_openat(&top, "fs0/thing", O_RDONLY, 0, NULL);
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	close(fd);
	assert_int_equal(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL), FS_IMMUTABLE_FL);
	fd = root_openat(&top, "fs0", O_RDONLY, 0, NULL); /* the stage's top was immutable */
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	close(fd);
	assert_int_equal(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL), FS_IMMUTABLE_FL);
	remove_trees();
}

/* Forward cut before change n: redo completes, undo restores. */
static void test_cut_switch(void **state)
{
	bool ended = false;
	long n;

	(void)state;
	learn();
	for (n = 0; !ended; n++) {
		begin();
		ended = run(switch_forward, n);
		assert_true(run(switch_forward, UNCUT));
		assert_int_equal(state_now(), JOB_SWITCHED);
		expect_tree(switched, "redo", n, -1);
		remove_trees();

		begin();
		run(switch_forward, n);
		if (state_now() >= JOB_SWITCHING) {
			assert_true(run(switch_back, UNCUT));
			assert_int_equal(state_now(), JOB_STAGED);
			expect_tree(original, "undo", n, -1);
		} else {
			expect("fs0/etc/hostname", "old");
			expect("area", "old");
		}
		remove_trees();
	}
	steps_forward = n - 1;
	assert_true(steps_forward > 20); /* the seam is where the changes are */
}

/* Undo of a whole switch cut before change n: undo completes, redo of the switch too. */
static void test_cut_undo(void **state)
{
	bool ended = false;
	long n;

	(void)state;
	learn();
	for (n = 0; !ended; n++) {
		begin();
		assert_true(run(switch_forward, UNCUT));
		ended = run(switch_back, n);
		if (!ended)
			assert_true(run(switch_back, UNCUT));
		expect_tree(original, "undo", n, -1);
		remove_trees();
		if (ended)
			break;
		begin();
		assert_true(run(switch_forward, UNCUT));
		run(switch_back, n);
		assert_true(run(switch_forward, UNCUT));
		expect_tree(switched, "redo", n, -1);
		remove_trees();
	}
	steps_back = n;
	assert_true(steps_back > 20);
}

/* Both cut, in every third combination. */
static void test_cut_both(void **state)
{
	long n, m;

	(void)state;
	learn();
	for (n = 0; n < steps_forward; n++)
		for (m = n % 3; m < steps_back; m += 3) {
			begin();
			run(switch_forward, n);
			if (state_now() < JOB_SWITCHING) {
				remove_trees();
				break;
			}
			if (run(switch_back, m)) {
				remove_trees();
				break;
			}
			if ((n + m) % 2) {
				assert_true(run(switch_forward, UNCUT));
				expect_tree(switched, "redo", n, m);
			} else {
				assert_true(run(switch_back, UNCUT));
				expect_tree(original, "undo", n, m);
			}
			remove_trees();
		}
}

/* The clone ran: it replaced, removed and made top-level names. The undo still gives the old system, exactly. */
static void test_undo_after_the_clone_ran(void **state)
{
	(void)state;
	learn();
	begin();
	assert_true(run(switch_forward, UNCUT));
	put_flag("fs0", 0);
	if (has_flags) {
		int flags = 0, fd = root_openat(&top, "fs0", O_RDONLY, 0, NULL);

		assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
		close(fd);
	}
	put("fs0/" ODD_NAME, "replaced by the clone"); /* a new inode of the same name */
	assert_int_equal(root_remove(&top, "fs0/only-new", NULL), 0);
	put("fs0/made-by-clone/f", "z");
	put("fs1/vmlinuz-newer", "kernel");
	assert_int_equal(root_remove_tree(&top, "fs0/etc", NULL), 0);
	assert_false(run(switch_back, 12)); /* and a cut in it */
	assert_true(run(switch_back, UNCUT));
	expect("fs0/etc/hostname", "old");
	expect("fs0/" ODD_NAME, "old odd");
	assert_false(root_exists(&top, "fs0/made-by-clone"));
	assert_false(root_exists(&top, "fs1/vmlinuz-newer"));
	assert_false(root_exists(&top, "fs0/only-new"));
	expect("fs0/.rehost/tree/" ODD_NAME, "replaced by the clone");
	expect("fs0/.rehost/tree/made-by-clone/f", "z");
	expect("fs1/.rehost/tree/vmlinuz-newer", "kernel");
	expect("area", "old");
	remove_trees();
}

static void expect_refusal(runner *fn, enum err_code code)
{
	struct switch_ops ops = { .merge = fake_merge,
				  .settle = fake_settle,
				  .boot_prepare = fake_prepare,
				  .boot_write = fake_write,
				  .boot_restore = fake_restore };
	struct err e = ERR_INIT;
	struct record r;
	char *before = snapshot();

	assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
	assert_int_equal(fn(&t, &r, &ops, &e), -1);
	assert_int_equal(e.code, code);
	record_done(&r);
	expect_tree(before, "a refusal", -1, -1);
	free(before);
}

/* A name that is neither inode of the plan is not guessed about. */
static void test_strangers_stop_it(void **state)
{
	(void)state;
	begin();
	assert_false(run(switch_forward, 8));
	assert_int_equal(state_now(), JOB_SWITCHING);
	if (has_flags) {
		int flags = 0, fd = root_openat(&top, "fs0/.rehost/tree", O_RDONLY, 0, NULL);

		assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
		close(fd);
	}
	put("fs0/.rehost/tree/usr-", "keeps the inode from being used again");
	assert_int_equal(root_remove_tree(&top, "fs0/.rehost/tree/usr", NULL), 0);
	make_dir("fs0/.rehost/tree/usr2", 0755);
	make_dir("fs0/.rehost/tree/usr", 0755);
	expect_refusal(switch_forward, ERR_EXCHANGE);
	/* the old system is whole: giving it back is possible */
	assert_true(run(switch_back, UNCUT));
	expect("fs0/usr/bin/true", "old true");
	remove_trees();
}

static void test_lost_old_system(void **state)
{
	(void)state;
	begin();
	assert_true(run(switch_forward, UNCUT));
	if (has_flags) {
		int flags = 0, fd = root_openat(&top, "fs0/.rehost/tree", O_RDONLY, 0, NULL);

		assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
		close(fd);
	}
	assert_int_equal(root_remove_tree(&top, "fs0/.rehost/tree/usr", NULL), 0);
	expect_refusal(switch_back, ERR_EXCHANGE);
	assert_int_equal(state_now(), JOB_SWITCHED); /* nothing was begun */
	remove_trees();
}

static void test_missing_file_system(void **state)
{
	(void)state;
	begin();
	assert_false(run(switch_forward, 8));
	volumes[1].uuid = (char *)"another";
	expect_refusal(switch_forward, ERR_EXCHANGE);
	expect_refusal(switch_back, ERR_EXCHANGE);
	remove_trees();
}

static void test_wrong_states(void **state)
{
	static const enum job_state states[] = { JOB_STAGING, JOB_STAGED, JOB_EDITED };
	struct record r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		begin();
		assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
		r.state = states[i];
		assert_int_equal(record_store(&r, &t.fs[0].root, NULL), 0);
		record_done(&r);
		expect_refusal(switch_forward, ERR_NOT_CHECKED);
		expect_refusal(switch_back, ERR_NOTHING);
		remove_trees();
	}
}

/* A stage whose top nobody but root may enter never got its own mode: the old root's is kept. */
static void test_private_stage_top(void **state)
{
	struct stat st;

	(void)state;
	begin();
	if (has_flags) {
		int flags = 0, fd = root_openat(&top, "fs0/.rehost/tree", O_RDONLY, 0, NULL);

		assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
		close(fd);
	}
	assert_int_equal(fchmodat(top.fd, "fs0/.rehost/tree", 0700, 0), 0);
	assert_true(run(switch_forward, UNCUT));
	assert_int_equal(root_stat(&top, "fs0", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	remove_trees();
}

static void test_kept_names(void **state)
{
	struct strlist points = STRLIST_INIT;
	struct exchange x = { .mount_points = &points };

	(void)state;
	assert_int_equal(strlist_add(&points, "home"), 0);
	assert_true(exchange_keeps(&x, ".rehost"));
	assert_true(exchange_keeps(&x, "lost+found"));
	assert_true(exchange_keeps(&x, "home"));
	assert_true(exchange_keeps(&x, "aquota.user"));
	assert_true(exchange_keeps(&x, "aquota.group"));
	assert_true(exchange_keeps(&x, "quota.user"));
	assert_false(exchange_keeps(&x, "quota.d"));
	assert_false(exchange_keeps(&x, "homes"));
	assert_false(exchange_keeps(&x, "etc"));
	assert_false(exchange_keeps(&x, ".rehost2"));
	strlist_done(&points);
}

/* ---- with the private loader ---- */

/* All of both live roots, nothing of ours. */
static char *live_snapshot(void)
{
	static const char *const fs[] = { "fs0", "fs1" };
	struct strbuf b = STRBUF_INIT;
	unsigned i;
	size_t n;

	for (i = 0; i < 2; i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		assert_int_equal(root_list(&top, fs[i], &names, NULL), 0);
		for (n = 0; n < names.count; n++) {
			char path[300];

			snprintf(path, sizeof(path), "%s/%s", fs[i], names.items[n]);
			if (strcmp(names.items[n], ".rehost") != 0)
				describe(&b, path);
		}
	}
	return strbuf_take(&b);
}

static char *old_live;

/*
 * Power goes now: the disk alone tells what the next boot starts. The old system only while all of it is in its place; else
 * the rescue, which is there.
 */
static void expect_boots(const char *what, long n)
{
	struct strbuf s cleanup_strbuf = STRBUF_INIT, area cleanup_strbuf = STRBUF_INIT;
	char *live;

	assert_int_equal(root_read(&top, "area", &area, 64, NULL), 0);
	assert_string_equal(strbuf_str(&area), "old"); /* the switch writes nothing of it */
	if (root_exists(&top, "planted")) {
		assert_int_equal(root_read(&top, "s", &s, 64, NULL), 0);
		if (strcmp(strbuf_str(&s), "rescue") == 0) {
			assert_true(root_exists(&top, "payload"));
			return;
		}
		assert_string_equal(strbuf_str(&s), "old");
	}
	live = live_snapshot();
	if (strcmp(live, old_live) != 0)
		fail_msg("%s cut at %ld: the old system would start from\n%s", what, n, live);
	free(live);
}

static void begin_with_loader(void)
{
	begin();
	with_loader = true;
	free(old_live);
	old_live = live_snapshot();
}

static void end_with_loader(void)
{
	remove_trees();
	with_loader = false;
}

static enum recovery recovery_now(void)
{
	struct position p = { .state = state_now(), .selected = SELECTED_NONE };
	struct strbuf s cleanup_strbuf = STRBUF_INIT;

	if (root_read(&top, "s", &s, 64, NULL) == 0)
		p.selected = strcmp(strbuf_str(&s), "rescue") == 0 ? SELECTED_RESCUE : SELECTED_OLD;
	return position_recovery(&p);
}

static void test_loader_cut_switch(void **state)
{
	bool ended = false;
	long n;

	(void)state;
	for (n = 0; !ended; n++) {
		begin_with_loader();
		ended = run(switch_forward, n);
		expect_boots("switch", n);
		assert_int_equal(recovery_now(),
				 state_now() == JOB_SWITCHING ? RECOVER_FORWARD : RECOVER_STAY);
		assert_true(run(switch_forward, UNCUT));
		assert_int_equal(state_now(), JOB_SWITCHED);
		expect("s", "rescue");
		expect("fs0/etc/hostname", "new");
		expect("fs1/grub/core", "new core");
		expect("fs0/added", "an edit");
		end_with_loader();

		begin_with_loader();
		run(switch_forward, n);
		if (state_now() >= JOB_SWITCHING) {
			assert_true(run(switch_back, UNCUT));
			assert_int_equal(state_now(), JOB_STAGED);
			expect("s", "old");
		}
		if (!root_exists(&top, "s") || state_now() == JOB_STAGED)
			expect_boots("undone switch", n);
		end_with_loader();
	}
	assert_true(n > 20);
}

static void test_loader_cut_undo(void **state)
{
	static const enum job_state from[] = { JOB_SWITCHED, JOB_TRIAL, JOB_CONFIRMED };
	bool ended = false;
	struct record r;
	long n;

	(void)state;
	for (n = 0; !ended; n++) {
		begin_with_loader();
		assert_true(run(switch_forward, UNCUT));
		/* whatever the clone was by then */
		assert_int_equal(record_load(&r, &t.fs[0].root, NULL), 0);
		r.state = from[n % 3];
		assert_int_equal(record_store(&r, &t.fs[0].root, NULL), 0);
		record_done(&r);
		ended = run(switch_back, n);
		expect_boots("undo", n);
		if (state_now() == JOB_UNDOING)
			assert_int_equal(recovery_now(), RECOVER_BACK);
		if (!ended)
			assert_true(run(switch_back, UNCUT));
		assert_int_equal(state_now(), JOB_STAGED);
		expect("s", "old");
		expect_boots("undo", n);
		end_with_loader();
		if (ended)
			break;
		begin_with_loader();
		assert_true(run(switch_forward, UNCUT));
		run(switch_back, n);
		assert_true(run(switch_forward, UNCUT));
		assert_int_equal(state_now(), JOB_SWITCHED);
		expect("s", "rescue");
		end_with_loader();
	}
	assert_true(n > 20);
}

/* The order itself, said once: what is on the disk before the first change of the old system's surroundings. */
static void test_loader_order(void **state)
{
	static const char *const marks[] = { "payload", "planted" };
	long n, stored = -1, planted = -1, pinned = -1, merging = -1;

	(void)state;
	for (n = 0; merging < 0; n++) {
		struct strbuf s cleanup_strbuf = STRBUF_INIT;

		begin_with_loader();
		run(switch_forward, n);
		if (stored < 0 && root_exists(&top, marks[0]))
			stored = n;
		if (planted < 0 && root_exists(&top, marks[1]))
			planted = n;
		if (pinned < 0 && root_read(&top, "s", &s, 64, NULL) == 0 &&
		    strcmp(strbuf_str(&s), "rescue") == 0)
			pinned = n;
		if (state_now() == JOB_MERGING)
			merging = n;
		end_with_loader();
	}
	assert_true(0 < stored && stored < planted && planted < pinned && pinned < merging);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_switch_and_undo),
		cmocka_unit_test(test_flags_come_back),
		cmocka_unit_test(test_cut_switch),
		cmocka_unit_test(test_cut_undo),
		cmocka_unit_test(test_cut_both),
		cmocka_unit_test(test_undo_after_the_clone_ran),
		cmocka_unit_test(test_strangers_stop_it),
		cmocka_unit_test(test_lost_old_system),
		cmocka_unit_test(test_missing_file_system),
		cmocka_unit_test(test_wrong_states),
		cmocka_unit_test(test_private_stage_top),
		cmocka_unit_test(test_kept_names),
		cmocka_unit_test(test_loader_order),
		cmocka_unit_test(test_loader_cut_switch),
		cmocka_unit_test(test_loader_cut_undo),
	};
	int rc = cmocka_run_group_tests(tests, group_set_up, group_tear_down);

	free(switched);
	free(original);
	free(old_live);
	return rc;
}
