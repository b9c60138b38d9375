/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "temp_root.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include "base/root.h"

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

static void expect(const char *path, const char *text)
{
	struct strbuf b = STRBUF_INIT;

	assert_int_equal(root_read(&r, path, &b, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&b), text);
	strbuf_done(&b);
}

static void test_links_stay_inside(void **state)
{
	struct strbuf b = STRBUF_INIT;
	char text[64];

	(void)state;
	put("/etc/passwd", "inside");
	assert_int_equal(root_symlink(&r, "abs", "/etc/passwd", NULL), 0);
	assert_int_equal(root_symlink(&r, "up", "../../../../etc/passwd", NULL), 0);
	expect("abs", "inside");
	expect("up", "inside");
	expect("../../etc/passwd", "inside");
	assert_int_equal(root_readlink(&r, "abs", text, sizeof(text)), 0);
	assert_string_equal(text, "/etc/passwd");
	assert_int_equal(root_symlink(&r, "magic", "/proc/self/root/etc/passwd", NULL), 0);
	assert_int_equal(root_read(&r, "magic", &b, 4096, NULL), -1);
	strbuf_done(&b);
}

static void test_replace_keeps_meta(void **state)
{
	struct stat st;
	char value[8];
	int fd;

	(void)state;
	put("f", "1");
	fd = root_openat(&r, "f", O_RDWR, 0, NULL);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(fsetxattr(fd, "user.k", "v", 1, 0), 0);
	close(fd);
	put("f", "2");
	expect("f", "2");
	assert_int_equal(root_stat(&r, "f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fd = root_openat(&r, "f", O_RDONLY, 0, NULL);
	assert_int_equal(fgetxattr(fd, "user.k", value, sizeof(value)), 1);
	close(fd);
	/* a link at the path itself is replaced, its target untouched */
	assert_int_equal(root_symlink(&r, "l", "f", NULL), 0);
	put("l", "3");
	expect("f", "2");
	assert_int_equal(root_lstat(&r, "l", &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_refusals(void **state)
{
	struct err e = ERR_INIT;
	const char *name;
	struct strbuf b = STRBUF_INIT;

	(void)state;
	assert_int_equal(root_parent(&r, "a/..", false, &name, &e), -1);
	assert_int_equal(e.code, ERR_PATH_ESCAPES);
	assert_int_equal(root_parent(&r, "/", false, &name, &e), -1);
	put("big", "0123456789");
	assert_int_equal(root_read(&r, "big", &b, 9, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	strbuf_done(&b);
	assert_int_equal(root_mkdirs(&r, "d", 0700, NULL), 0);
	assert_int_equal(root_read(&r, "d", &b, 9, &e), -1);
	strbuf_done(&b);
	assert_int_equal(root_remove(&r, "nothing/here", &e), 0);
}

static void test_tree(void **state)
{
	struct strlist l = STRLIST_INIT;

	(void)state;
	assert_int_equal(root_mkdirs(&r, "/a/b/c", 0755, NULL), 0);
	put("a/b/c/f", "x");
	put("a/z", "x");
	put("a/y", "x");
	assert_int_equal(root_list(&r, "a", &l, NULL), 0);
	assert_int_equal(l.count, 3);
	assert_string_equal(l.items[0], "b");
	assert_string_equal(l.items[2], "z");
	strlist_done(&l);
	assert_int_equal(root_remove_tree(&r, "a", NULL), 0);
	assert_false(root_exists(&r, "a"));
	assert_int_equal(root_remove_tree(&r, "a", NULL), 0);
}

/* A stream may bring paths of 4,095 bytes, 2,047 levels: more than there are descriptors. */
static void test_deep_tree(void **state)
{
	struct err e = ERR_INIT;
	struct rlimit before, small;
	int fd, below;
	unsigned i;

	(void)state;
	assert_int_equal(root_mkdirs(&r, "deep", 0755, NULL), 0);
	put("deep/.rehost-removed-0", "in the way");
	fd = root_openat(&r, "deep", O_RDONLY | O_DIRECTORY, 0, NULL);
	for (i = 0; i < 2047; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		assert_int_equal(mkdirat(fd, "e", 0755), 0);
		below = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	small = (struct rlimit){ 1024, before.rlim_max }; /* what a process of the rescue has */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	assert_int_equal(root_remove_tree(&r, "deep", &e), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(root_exists(&r, "deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_links_stay_inside, temp_root_open,
						temp_root_close),
		cmocka_unit_test_setup_teardown(test_replace_keeps_meta, temp_root_open,
						temp_root_close),
		cmocka_unit_test_setup_teardown(test_refusals, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_tree, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_deep_tree, temp_root_open, temp_root_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
