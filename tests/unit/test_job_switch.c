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

#include "switch_try.h"

static char *snapshot(void)
{
	struct strbuf b = STRBUF_INIT;

	describe(&b, "fs0");
	describe(&b, "fs1");
	describe(&b, "area");
	return strbuf_take(&b);
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
	};
	int rc = cmocka_run_group_tests(tests, group_set_up, group_tear_down);

	free(switched);
	free(original);
	return rc;
}
