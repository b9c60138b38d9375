/* SPDX-License-Identifier: MIT */
/* The merge of an edits layer, against folders made by hand and against the kernel's own overlay. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/io.h"
#include "job/edits.h"

static char top[] = "/tmp/rehost-edits-XXXXXX";
static bool can_mount; /* root in a mount namespace of its own, with tmpfs on top */

static const char *at(const char *path)
{
	static char buf[4][512];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(buf[turn], sizeof(buf[turn]), "%s/%s", top, path);
	return buf[turn];
}

static void put(const char *path, const char *text)
{
	int fd = open(at(path), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void dir(const char *path)
{
	assert_int_equal(mkdir(at(path), 0755), 0);
}

/* ---- a tree as text: one line an entry, sorted by name ---- */

static void describe_xattrs(struct strbuf *out, const char *path)
{
	char names[4096], value[256], hex[2 * sizeof(value) + 1];
	ssize_t len = llistxattr(path, names, sizeof(names));
	const char *n;

	for (n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t v = lgetxattr(path, n, value, sizeof(value));

		/* the overlay's own values are random bytes, a newline among them now and then */
		hex_of(value, v > 0 ? (size_t)v : 0, hex);
		strbuf_addf(out, " %s=%s", n, hex);
	}
}

static void describe(struct strbuf *out, const char *path, const char *shown)
{
	struct strlist names = STRLIST_INIT;
	struct root r = ROOT_INIT;
	struct stat st;
	struct err e = ERR_INIT;
	size_t i;

	assert_int_equal(lstat(path, &st), 0);
	strbuf_addf(out, "%s %o %u:%u", shown, st.st_mode, st.st_uid, st.st_gid);
	describe_xattrs(out, path);
	if (S_ISREG(st.st_mode)) {
		struct strbuf text = STRBUF_INIT;

		assert_int_equal(file_slurp(path, &text, 100000, &e), 0);
		strbuf_addf(out, " [%s]", strbuf_str(&text));
		strbuf_done(&text);
	} else if (S_ISLNK(st.st_mode)) {
		char text[256];
		ssize_t n = readlink(path, text, sizeof(text));

		strbuf_addf(out, " -> %.*s", (int)n, text);
	}
	strbuf_addc(out, '\n');
	if (!S_ISDIR(st.st_mode))
		return;
	assert_int_equal(root_open(&r, path, &e), 0);
	assert_int_equal(root_list(&r, "/", &names, &e), 0);
	root_close(&r);
	for (i = 0; i < names.count; i++) {
		char below[1024], name[1024];

		snprintf(below, sizeof(below), "%s/%s", path, names.items[i]);
		snprintf(name, sizeof(name), "%s/%s", shown, names.items[i]);
		describe(out, below, name);
	}
	strlist_done(&names);
}

static char *described(const char *path)
{
	struct strbuf out = STRBUF_INIT;

	describe(&out, at(path), "");
	return strbuf_take(&out);
}

static int merge(long *budget)
{
	struct root tree = ROOT_INIT, upper = ROOT_INIT;
	struct err e = ERR_INIT;
	int rc;

	assert_int_equal(root_open(&tree, at("tree"), &e), 0);
	assert_int_equal(root_open(&upper, at("upper"), &e), 0);
	rc = edits_merge_folders(&tree, &upper, budget, &e);
	if (rc < 0 && !budget)
		print_error("%s\n", e.ctx[0]);
	root_close(&tree);
	root_close(&upper);
	return rc;
}

static void wipe(void)
{
	static const char *const names[] = { "tree", "upper", "work", "view" };
	struct root r = ROOT_INIT;
	struct err e = ERR_INIT;
	size_t i;

	assert_int_equal(root_open(&r, top, &e), 0);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(root_remove_tree(&r, names[i], &e), 0);
	root_close(&r);
	dir("tree");
	dir("upper");
	dir("work");
	dir("view");
}

static void build_stage(void)
{
	wipe();
	dir("tree/etc");
	put("tree/etc/fstab", "old");
	put("tree/etc/hostname", "source");
	put("tree/etc/gone", "x");
	dir("tree/etc/gone.d");
	put("tree/etc/gone.d/a", "x");
	dir("tree/etc/replaced.d");
	put("tree/etc/replaced.d/old", "x");
	dir("tree/etc/file-to-dir-parent");
	put("tree/etc/file-to-dir-parent/f", "file");
	dir("tree/etc/dir-to-file");
	put("tree/etc/dir-to-file/x", "x");
	put("tree/etc/labelled", "label");
	assert_int_equal(setxattr(at("tree/etc/labelled"), "trusted.keep", "1", 1, 0), 0);
	dir("tree/untouched");
	put("tree/untouched/file", "same");
	dir("tree/mode");
	put("tree/mode/inner", "1");
}

/* The edits, made through an overlay as the rewriting and the tools make them. */
static void make_edits(const char *root)
{
	char p[600], q[600];

#define IN(name) (snprintf(p, sizeof(p), "%s/%s", root, name), p)
#define TO(name) (snprintf(q, sizeof(q), "%s/%s", root, name), q)
	int fd = open(IN("etc/.new"), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, "new", 3), 0);
	close(fd);
	assert_int_equal(rename(IN("etc/.new"), TO("etc/fstab")), 0); /* replaced by rename */
	fd = open(IN("etc/hostname"), O_WRONLY | O_TRUNC);	      /* changed in place */
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, "clone", 5), 0);
	close(fd);
	assert_int_equal(unlink(IN("etc/gone")), 0);
	assert_int_equal(unlink(IN("etc/gone.d/a")), 0);
	assert_int_equal(rmdir(IN("etc/gone.d")), 0);
	assert_int_equal(unlink(IN("etc/replaced.d/old")), 0);
	assert_int_equal(rmdir(IN("etc/replaced.d")), 0);
	assert_int_equal(mkdir(IN("etc/replaced.d"), 0700), 0); /* opaque */
	assert_int_equal(mkdir(IN("etc/replaced.d/sub"), 0711), 0);
	assert_int_equal(symlink("../x", IN("etc/replaced.d/sub/link")), 0);
	assert_int_equal(unlink(IN("etc/file-to-dir-parent/f")), 0);
	assert_int_equal(mkdir(IN("etc/file-to-dir-parent/f"), 0755), 0);
	assert_int_equal(mkdir(IN("etc/file-to-dir-parent/f/deep"), 0755), 0);
	assert_int_equal(unlink(IN("etc/dir-to-file/x")), 0);
	assert_int_equal(rmdir(IN("etc/dir-to-file")), 0);
	assert_int_equal(symlink("target", IN("etc/dir-to-file")), 0);
	assert_int_equal(chmod(IN("etc/labelled"), 0600), 0); /* metadata only */
	assert_int_equal(chown(IN("mode"), 12, 34), 0);
	assert_int_equal(chmod(IN("mode"), 02750), 0);
	assert_int_equal(setxattr(IN("mode"), "trusted.new", "2", 1, 0), 0);
	assert_int_equal(mkdir(IN("boot"), 0755), 0);
	assert_int_equal(mkfifo(IN("boot/fifo"), 0600), 0);
	assert_int_equal(link(IN("etc/fstab"), TO("boot/again")), 0);
#undef IN
#undef TO
}

static void overlay_edits(char **want)
{
	char options[2048];

	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off,index=off,"
		 "xino=off",
		 at("tree"), at("upper"), at("work"));
	assert_int_equal(mount("overlay", at("view"), "overlay", 0, options), 0);
	make_edits(at("view"));
	if (want)
		*want = described("view");
	assert_int_equal(umount(at("view")), 0);
}

static void test_real_overlay(void **state)
{
	char *want, *got, *left;

	(void)state;
	if (!can_mount)
		skip();
	build_stage();
	overlay_edits(&want);
	assert_int_equal(merge(NULL), 0);
	got = described("tree");
	assert_string_equal(got, want);
	assert_null(strstr(got, "trusted.overlay"));
	left = described("upper");
	assert_ptr_equal(strchr(left, '\n'), strrchr(left, '\n')); /* the top folder alone */
	free(got);
	assert_int_equal(merge(NULL), 0); /* again: nothing to do, nothing changes */
	got = described("tree");
	assert_string_equal(got, want);
	free(got);
	free(want);
	free(left);
}

/* Stops after every number of changes, then repeats whole: the same tree each time. */
static void test_cut_anywhere(void **state)
{
	char *want = NULL;
	long cut;

	(void)state;
	if (!can_mount)
		skip();
	for (cut = 0; cut < 1000; cut++) {
		long budget = cut;
		char *got;
		int rc;

		build_stage();
		free(want);
		overlay_edits(&want);
		rc = merge(&budget);
		if (rc < 0) {
			budget = cut / 2; /* and the repetition is cut as well */
			if (merge(&budget) < 0)
				assert_int_equal(merge(NULL), 0);
		}
		got = described("tree");
		assert_string_equal(got, want);
		free(got);
		if (rc == 0)
			break;
	}
	assert_in_range(cut, 20, 999); /* it was really cut at many places */
	free(want);
}

static void test_by_hand(void **state)
{
	char *got;

	(void)state;
	if (!can_mount)
		skip();
	wipe();
	dir("tree/d");
	put("tree/d/keep", "k");
	put("tree/d/drop", "d");
	dir("tree/o");
	put("tree/o/hidden", "h");
	dir("upper/d");
	assert_int_equal(mknod(at("upper/d/drop"), S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(mknod(at("upper/d/never-was"), S_IFCHR, makedev(0, 0)), 0);
	dir("upper/o");
	assert_int_equal(setxattr(at("upper/o"), "trusted.overlay.opaque", "y", 1, 0), 0);
	put("upper/o/new", "n");
	assert_int_equal(mknod(at("upper/o/stale"), S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(mknod(at("upper/null"), S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(merge(NULL), 0);
	got = described("tree");
	assert_string_equal(got, " 40755 0:0\n"
				 "/d 40755 0:0\n"
				 "/d/keep 100644 0:0 [k]\n"
				 "/null 20644 0:0\n" /* a device that is no mark stays one */
				 "/o 40755 0:0\n"
				 "/o/new 100644 0:0 [n]\n");
	free(got);
}

/* One inode under both names: rename(2) would say yes and leave the upper name, and the folder never gets empty. */
static void test_one_inode_on_both_sides(void **state)
{
	char *got;

	(void)state;
	wipe();
	dir("tree/d");
	dir("upper/d");
	put("tree/d/f", "same");
	assert_int_equal(link(at("tree/d/f"), at("upper/d/f")), 0);
	put("tree/top", "same");
	assert_int_equal(link(at("tree/top"), at("upper/top")), 0);
	assert_int_equal(merge(NULL), 0);
	got = described("upper");
	assert_string_equal(got, " 40755 0:0\n");
	free(got);
	got = described("tree");
	assert_string_equal(
		got, " 40755 0:0\n/d 40755 0:0\n/d/f 100644 0:0 [same]\n/top 100644 0:0 [same]\n");
	free(got);
}

/*
 * Cut while the merged layer is removed: "begun" must not outlive the upper folder, or the empty one that opening the
 * target makes would be merged, with its owner and mode.
 */
static void test_cut_in_the_removal(void **state)
{
	struct target t = { .fs_count = 1 };
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	if (!can_mount)
		skip();
	wipe();
	dir(".rehost");
	dir(".rehost/tree");
	assert_int_equal(chmod(at(".rehost/tree"), 01777), 0);
	dir(".rehost/edits");
	put(".rehost/edits/begun", "");
	dir(".rehost/edits/upper");
	assert_int_equal(chmod(at(".rehost/edits/upper"), 01777), 0);
	put(".rehost/edits/upper/f", "edit");
	dir(".rehost/edits/work");
	assert_int_equal(mount("tmpfs", at(".rehost/edits/work"), "tmpfs", 0, "size=1m"), 0);
	t.fs[0].mount = (char *)"/";
	assert_int_equal(root_open(&t.fs[0].root, top, &e), 0);
	assert_int_equal(edits_merge(&t, &e), -1); /* a mount cannot be removed: as good as a cut */
	assert_int_equal(umount(at(".rehost/edits/work")), 0);
	/* opening the target again makes what is missing, as ever */
	assert_int_equal(root_remove_tree(&t.fs[0].root, UPPER_DIR, &e), 0);
	dir(".rehost/edits/upper");
	assert_int_equal(edits_merge(&t, &e), 0);
	assert_int_equal(stat(at(".rehost/tree"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 01777);
	assert_int_equal(access(at(".rehost/tree/f"), F_OK), 0);
	assert_int_equal(root_remove_tree(&t.fs[0].root, ".rehost", &e), 0);
	root_close(&t.fs[0].root);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	umask(022);
	can_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("tmpfs", top, "tmpfs", 0, "size=16m") == 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (can_mount)
		umount2(top, MNT_DETACH);
	return rmdir(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_overlay),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_one_inode_on_both_sides),
		cmocka_unit_test(test_cut_in_the_removal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
