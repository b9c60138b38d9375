/* SPDX-License-Identifier: MIT */
/* Release and discard on plain folders, and the words of status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/report.h"
#include "job/common.h"
#include "job/discard.h"
#include "job/exchange.h"
#include "job/running.h"
#include "job/status_words.h"

static char dir[64];
static struct root fs[2] = { { -1 }, { -1 } };
static const struct root *const both[] = { &fs[0], &fs[1] };
static const char *const mounts[] = { "/", "/boot" };

static bool unconfirmed;
static unsigned finished; /* how often the loader was finished */

static void put(unsigned i, const char *path)
{
	assert_int_equal(root_replace(&fs[i], path, "x", 1, NULL, NULL), 0);
}

static void fix(unsigned i, const char *path)
{
	int flags = FS_IMMUTABLE_FL, fd = root_openat(&fs[i], path, O_RDONLY, 0, NULL);

	(void)!ioctl(fd, FS_IOC_SETFLAGS,
		     &flags); /* where the file system and our rights allow it */
	close(fd);
}

static int set_up(void **state)
{
	struct root top cleanup_root = ROOT_INIT;
	struct record r;
	struct err e = ERR_INIT;

	(void)state;
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/rehost-release-XXXXXX"
						  : "/tmp/rehost-release-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, &e) < 0 ||
	    root_mkdirs(&top, "0/.rehost/edits/work", 0700, &e) < 0 ||
	    root_mkdirs(&top, "1/.rehost/tree", 0700, &e) < 0 ||
	    root_open_below(&fs[0], &top, "0", &e) < 0 ||
	    root_open_below(&fs[1], &top, "1", &e) < 0)
		return -1;
	put(0, "etc/hostname");
	put(0, ".rehost/tree/etc/hostname");
	put(0, ".rehost/tree/usr/fixed");
	fix(0, ".rehost/tree/usr/fixed");
	fix(0, ".rehost/tree/usr");
	put(0, ".rehost/identity/identity.json");
	put(0, ".rehost/saved/bootarea");
	put(1, "vmlinuz");
	put(1, ".rehost/tree/vmlinuz");
	record_init(&r);
	r.state = JOB_CONFIRMED;
	unconfirmed = false;
	finished = 0;
	if (!record_add_fs(&r, "a", "/") || !record_add_fs(&r, "b", "/boot") ||
	    record_store(&r, &fs[0], &e) < 0)
		return -1;
	record_done(&r);
	return 0;
}

static int tear_down(void **state)
{
	struct root tmp cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&fs[0]);
	root_close(&fs[1]);
	if (root_open(&tmp, "/", NULL) < 0)
		return -1;
	return root_remove_tree(&tmp, dir, NULL);
}

static void expect_released(void)
{
	assert_false(root_exists(&fs[0], ".rehost"));
	assert_false(root_exists(&fs[1], ".rehost"));
	assert_true(root_exists(&fs[0], "etc/hostname"));
	assert_true(root_exists(&fs[1], "vmlinuz"));
}

static int fake_finish(void *arg, const struct record *r, struct err *e)
{
	struct record stored;

	(void)arg;
	(void)e;
	/* J says releasing by now, and the old system is whole */
	assert_int_equal(record_load(&stored, &fs[0], NULL), 0);
	assert_int_equal(stored.state, JOB_RELEASING);
	assert_int_equal(stored.loader, r->loader);
	record_done(&stored);
	assert_true(root_exists(&fs[0], ".rehost/tree/etc/hostname"));
	finished++;
	return 0;
}

static int release(char *text, size_t size)
{
	const struct release_loader loader = { .finish = fake_finish, .unconfirmed = unconfirmed };
	struct record r;
	struct err e = ERR_INIT;
	FILE *out = fmemopen(text, size, "w");
	int rc;

	assert_int_equal(record_load(&r, &fs[0], &e), 0);
	rc = release_run(&r, both, mounts, 2, &loader, out, &e);
	record_done(&r);
	fclose(out);
	return rc;
}

static void test_release(void **state)
{
	char text[1024] = "";

	(void)state;
	assert_int_equal(release(text, sizeof(text)), 0);
	expect_released();
	assert_non_null(strstr(text, "deleting the old /boot/vmlinuz (1 of 1)\n"));
	assert_non_null(strstr(text, "deleting the old /usr (2 of 2)\n"));
}

/* Cut at any file: J is still there, says releasing, and a second release ends it. */
static void test_release_that_was_cut(void **state)
{
	static const char *const gone[] = { ".rehost/tree/etc", ".rehost/tree/usr",
					    ".rehost/tree",	".rehost/edits",
					    ".rehost/saved",	".rehost/identity" };
	char text[1024] = "";
	struct record r;
	size_t i;

	(void)state;
	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	r.state = JOB_RELEASING;
	assert_int_equal(record_store(&r, &fs[0], NULL), 0);
	record_done(&r);
	for (i = 0; i < ARRAY_SIZE(gone); i++) {
		assert_int_equal(root_remove_tree(&fs[0], gone[i], NULL), 0);
		assert_int_equal(record_load(&r, &fs[0], NULL), 0);
		assert_int_equal(r.state, JOB_RELEASING);
		record_done(&r);
	}
	assert_int_equal(release(text, sizeof(text)), 0);
	expect_released();
}

static void test_release_only_after_a_switch(void **state)
{
	enum job_state s;
	char text[1024] = "";

	(void)state;
	for (s = JOB_STAGING; s < JOB_STATE_COUNT; s++) {
		struct record r;

		if (s == JOB_CONFIRMED || s == JOB_RELEASING)
			continue;
		unconfirmed = s != JOB_SWITCHED && s != JOB_TRIAL;
		assert_int_equal(record_load(&r, &fs[0], NULL), 0);
		r.state = s;
		assert_int_equal(record_store(&r, &fs[0], NULL), 0);
		record_done(&r);
		assert_int_equal(release(text, sizeof(text)), -1);
		assert_true(root_exists(&fs[0], ".rehost/tree/etc/hostname"));
		assert_true(root_exists(&fs[1], ".rehost/tree/vmlinuz"));
	}
}

static void store_state(enum job_state s, enum loader_kind loader)
{
	struct record r;

	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	r.state = s;
	r.loader = loader;
	assert_int_equal(record_store(&r, &fs[0], NULL), 0);
	record_done(&r);
}

static void test_release_of_what_nobody_confirmed(void **state)
{
	char text[1024] = "";

	(void)state;
	store_state(JOB_TRIAL, LOADER_BIOS);
	assert_int_equal(release(text, sizeof(text)), -1);
	assert_int_equal(finished, 0);
	unconfirmed = true;
	assert_int_equal(release(text, sizeof(text)), 0);
	assert_int_equal(finished, 1);
	expect_released();
}

/* The loader's files are among what is deleted: once the clone starts by itself, J no longer asks for them. */
static void test_release_finishes_the_loader_once(void **state)
{
	char text[1024] = "";
	struct record r;

	(void)state;
	store_state(JOB_RELEASING, LOADER_UEFI); /* cut before the loader was finished */
	root_close(&fs[1]);			 /* and now cut after it */
	assert_int_equal(release(text, sizeof(text)), -1);
	assert_int_equal(finished, 1);
	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	assert_int_equal(r.state, JOB_RELEASING);
	assert_int_equal(r.loader, LOADER_NONE);
	record_done(&r);
	snprintf(text, sizeof(text), "%s/1", dir);
	assert_int_equal(root_open(&fs[1], text, NULL), 0);
	assert_int_equal(release(text, sizeof(text)), 0);
	assert_int_equal(finished, 1);
	expect_released();
}

/* Whatever J says: what is still in use is not deleted, on no file system. */
static void test_release_looks_before_it_deletes(void **state)
{
	struct strlist none = STRLIST_INIT;
	struct exchange x = { .live = &fs[1], .tree = ".rehost/tree", .mount_points = &none };
	char text[1024] = "";
	struct record r;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	assert_int_equal(exchange_plan(&x, &r.filesystems[1], NULL), 0); /* planned, not run */
	assert_int_equal(record_store(&r, &fs[0], NULL), 0);
	assert_int_equal(release_run(&r, both, mounts, 2,
				     &(struct release_loader){ .unconfirmed = true }, stdout, &e),
			 -1);
	assert_int_equal(e.code, ERR_RELEASE);
	assert_int_equal(r.state, JOB_CONFIRMED);
	assert_true(root_exists(&fs[0], ".rehost/tree/etc/hostname"));
	assert_true(root_exists(&fs[1], ".rehost/tree/vmlinuz"));
	assert_int_equal(exchange_run(&x, &r.filesystems[1], EXCHANGE_SWITCH, NULL), 0);
	/* something else is mounted at /boot */
	assert_int_equal(renameat(fs[1].fd, ".rehost", fs[1].fd, "elsewhere"), 0);
	assert_int_equal(release(text, sizeof(text)), -1);
	assert_true(root_exists(&fs[0], ".rehost/tree/etc/hostname"));
	assert_int_equal(renameat(fs[1].fd, "elsewhere", fs[1].fd, ".rehost"), 0);
	record_done(&r);
	assert_int_equal(release(text, sizeof(text)), 0);
	expect_released();
}

/* A record that is gone beside a tree that is not: "no migration" would let the tree, maybe the old system, be deleted. */
/* A plan of one name, whose clone side is in the live root, or that of the old system is. */
static void plan_etc(bool clone_is_live)
{
	struct switch_entry *entry;
	struct stat live, tree;
	struct record r;

	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	entry = switch_fs_add(&r.filesystems[0], "etc");
	assert_non_null(entry);
	assert_int_equal(root_lstat(&fs[0], "etc", &live), 0);
	assert_int_equal(root_lstat(&fs[0], ".rehost/tree/etc", &tree), 0);
	entry->new_ino = clone_is_live ? live.st_ino : tree.st_ino;
	entry->old_ino = clone_is_live ? tree.st_ino : live.st_ino;
	assert_int_equal(record_store(&r, &fs[0], NULL), 0);
	record_done(&r);
}

static void test_a_record_that_the_disk_contradicts(void **state)
{
	struct volume v = { .uuid = (char *)"a" };
	struct target t = { .fs_count = 1 };
	struct record r = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	t.fs[0].root = fs[0];
	t.fs[0].mount = (char *)mounts[0];
	t.fs[0].volume = &v;
	assert_int_equal(job_load(&t, &r, &e), -1); /* confirmed, and no plan to tell by */
	assert_int_equal(e.code, ERR_RECORD);
	plan_etc(false);
	assert_int_equal(job_load(&t, &r, &e), -1);
	assert_int_equal(e.code, ERR_RECORD);
	assert_non_null(strstr(e.ctx[0], "\"confirmed\""));
}

static void test_a_tree_without_record(void **state)
{
	struct volume v[2] = { { .uuid = (char *)"a" }, { .uuid = (char *)"b" } };
	struct target t = { .fs_count = 2 };
	struct record r = { 0 };
	struct err e = ERR_INIT;
	unsigned i;

	(void)state;
	plan_etc(true);
	for (i = 0; i < 2; i++) {
		t.fs[i].volume = &v[i];
		t.fs[i].root = fs[i];
		t.fs[i].mount = (char *)mounts[i];
	}
	assert_int_equal(job_load(&t, &r, &e), 0);
	assert_int_equal(r.state, JOB_CONFIRMED);
	record_done(&r);
	assert_int_equal(root_remove(&fs[0], ".rehost/job", NULL), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(job_load(&t, &r, &e), -1);
		assert_int_equal(e.code, ERR_RECORD);
		assert_non_null(strstr(e.ctx[0], i ? " /boot " : " / "));
		assert_int_equal(root_remove_tree(&fs[i], ".rehost/tree", NULL), 0);
		assert_int_equal(root_mkdirs(&fs[i], ".rehost/tree", 0755, NULL), 0);
	}
	assert_int_equal(job_load(&t, &r, &e), 0);
	assert_int_equal(r.state, JOB_NONE);
	record_done(&r);
}

/* The disk's line of a report: what is told as kept must be kept. */
static void test_extent_follows_the_state(void **state)
{
	struct record r = { .state = JOB_SWITCHED };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(job_fail(&e, &r), -1);
	assert_int_equal(e.extent, EXTENT_SWITCHED);
	r.state = JOB_RELEASING;
	assert_int_equal(job_fail(&e, &r), -1);
	assert_int_equal(e.extent, EXTENT_RELEASING);
	assert_null(strstr(report_extent_text(e.extent), "kept"));
	assert_non_null(strstr(report_extent_text(e.extent), "partly deleted"));
}

/* The record outlives everything else, on both file systems. */
static void test_discard_keeps_the_record_until_last(void **state)
{
	(void)state;
	assert_int_equal(discard_folders(both, 2, NULL), 0);
	expect_released();
	assert_int_equal(discard_folders(both, 2, NULL), 0); /* nothing left: still fine */
}

static void test_which_system_runs(void **state)
{
	struct strlist none = STRLIST_INIT;
	struct exchange x = { .live = &fs[0], .tree = ".rehost/tree", .mount_points = &none };
	struct record r;

	(void)state;
	assert_int_equal(record_load(&r, &fs[0], NULL), 0);
	assert_false(running_is_clone(&fs[0], &r)); /* a plan without names proves nothing */
	assert_int_equal(exchange_plan(&x, &r.filesystems[0], NULL), 0);
	assert_false(running_is_clone(&fs[0], &r));
	assert_int_equal(exchange_run(&x, &r.filesystems[0], EXCHANGE_SWITCH, NULL), 0);
	assert_true(running_is_clone(&fs[0], &r));
	record_done(&r);
}

static bool offers(enum job_state s, enum status_place place, const char *command)
{
	struct position p = { .state = s };
	struct status_hint h[STATUS_HINTS_MAX];
	unsigned i;

	status_hints(&p, place, h);
	for (i = 0; h[i].command; i++)
		if (strcmp(h[i].command, command) == 0)
			return true;
	return false;
}

static void test_every_state_has_words(void **state)
{
	enum job_state s;

	(void)state;
	for (s = JOB_NONE; s < JOB_STATE_COUNT; s++) {
		const struct status_words *w = status_words(s);

		assert_non_null(w->summary);
		assert_non_null(w->old);
		assert_non_null(w->stage);
		assert_non_null(w->clone);
		assert_non_null(w->next_boot);
		assert_non_null(w->hints[0].command);
		assert_null(w->hints[ARRAY_SIZE(w->hints) - 1].command); /* the list ends */
		/* a system to boot, or a clear warning */
		assert_int_equal(s == JOB_SWITCHING || s == JOB_UNDOING,
				 strstr(w->next_boot, "do not reboot") != NULL);
		assert_true(w->is_old_complete || s >= JOB_SWITCHING);
	}
	assert_true(offers(JOB_CHECKED, STATUS_RESCUE, "switch"));
	assert_false(offers(JOB_EDITED, STATUS_RESCUE, "switch"));
	assert_true(offers(JOB_SWITCHING, STATUS_RESCUE, "switch"));
	assert_true(offers(JOB_SWITCHING, STATUS_RESCUE, "rollback"));
	assert_true(offers(JOB_SWITCHED, STATUS_RUNNING_CLONE, "release --unconfirmed"));
	assert_true(offers(JOB_CONFIRMED, STATUS_RUNNING_CLONE, "release"));
	assert_false(offers(JOB_TRIAL, STATUS_RUNNING_CLONE, "release"));
	assert_false(offers(JOB_CONFIRMED, STATUS_RUNNING_OLD, "release"));
	assert_false(offers(JOB_CHECKED, STATUS_RUNNING_OLD, "switch"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_release, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_release_that_was_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_release_only_after_a_switch, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_release_of_what_nobody_confirmed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_release_finishes_the_loader_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_discard_keeps_the_record_until_last, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_which_system_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_release_looks_before_it_deletes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_record_that_the_disk_contradicts, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_tree_without_record, set_up, tear_down),
		cmocka_unit_test(test_extent_follows_the_state),
		cmocka_unit_test(test_every_state_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
