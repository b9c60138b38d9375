/* SPDX-License-Identifier: MIT */
/* What the clone starts for its trial: put there once, by each init system's own way, and taken away without a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/guard.h"
#include "rewrite/plan_priv.h"

#define BEFORE \
	"id:2:initdefault:\n" \
	"#si::sysinit:/etc/init.d/old\n"
#define INITTAB "si::sysinit:/etc/init.d/rcS\n1:2345:respawn:/sbin/getty 38400 tty1"

static char dir[64];
static struct root clone = ROOT_INIT;
static struct rewrite_plan plan;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/rehost-guard-XXXXXX");
	return mkdtemp(dir) && root_open(&clone, dir, NULL) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct root top cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&clone);
	return root_open(&top, "/", NULL) < 0 ? -1 : root_remove_tree(&top, dir, NULL);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&clone, path, text, strlen(text), NULL, NULL), 0);
}

/* Plans and applies; returns how many edits that were. */
static size_t rewrite(const char *init, const char *binary)
{
	struct rewrite_facts facts = { .rehost_binary = binary };
	struct err e = ERR_INIT;
	struct planner p = { .plan = &plan, .clone = &clone, .facts = &facts, .e = &e };
	size_t count;

	rewrite_plan_done(&plan);
	p.tree.init = (char *)init;
	if (plan_guard(&p) < 0 || rewrite_plan_apply(&plan, &clone, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	count = plan.edit_count;
	return count;
}

static void expect(const char *path, const char *text)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	assert_int_equal(root_read(&clone, path, &b, 65536, NULL), 0);
	if (!strstr(strbuf_str(&b), text))
		fail_msg("%s: no '%s' in:\n%s", path, text, strbuf_str(&b));
}

static bool has_note(const char *text)
{
	size_t i;

	for (i = 0; i < plan.notes.count; i++)
		if (strstr(plan.notes.items[i], text))
			return true;
	return false;
}

static void test_systemd(void **state)
{
	char link[256];

	(void)state;
	put("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do");
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet\"\n");
	assert_int_equal(rewrite("systemd", "/x"), 3);
	assert_int_equal(plan.notes.count, 0);
	expect(GUARD_UNIT, "ExecStart=/var/lib/rehost/rehost guard\n");
	expect(GUARD_UNIT, "DefaultDependencies=no\n");
	assert_int_equal(root_readlink(&clone, GUARD_WANTED, link, sizeof(link)), 0);
	assert_true(root_is_file(&clone, GUARD_WANTED)); /* the link leads to the unit */
	expect(GUARD_GRUB, "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX panic=30\"\n");
	expect(GUARD_GRUB, "_DEFAULT panic=30\"\n");
	assert_int_equal(rewrite("systemd", "/x"), 0);
	assert_int_equal(rewrite_remove_guard(&clone, NULL), 0);
	assert_false(root_exists(&clone, GUARD_UNIT));
	assert_int_equal(root_readlink(&clone, GUARD_WANTED, link, sizeof(link)), -1);
	assert_false(root_exists(&clone, GUARD_GRUB));
	assert_int_equal(rewrite_remove_guard(&clone, NULL), 0);
	rewrite_plan_done(&plan);
}

static void test_inittab(void **state)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	(void)state;
	put("/etc/inittab", BEFORE INITTAB); /* no newline at its end */
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"panic=10\"\n");
	assert_true(rewrite("sysvinit", "/x") >= 1);
	/* before the scripts that init waits for */
	expect("/etc/inittab", BEFORE GUARD_INITTAB "\n" INITTAB);
	assert_false(root_exists(&clone, GUARD_GRUB)); /* somebody chose a time already */
	assert_int_equal(rewrite("sysvinit", "/x"), 0);
	assert_int_equal(rewrite_remove_guard(&clone, NULL), 0);
	assert_int_equal(root_read(&clone, "/etc/inittab", &b, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&b), BEFORE INITTAB);
	/* sysvinit reads no more than this of a process */
	assert_true(strlen(strstr(GUARD_INITTAB, "sysinit:") + 8) < 127);
	put("/etc/inittab", "id:2:initdefault:");
	assert_true(rewrite("sysvinit", "/x") >= 1);
	expect("/etc/inittab", "id:2:initdefault:\n" GUARD_INITTAB "\n");
	rewrite_plan_done(&plan);
}

/* A time that would never come, or that is none, is not the operator's choice for this trial. */
static void test_panic(void **state)
{
	static const struct {
		const char *menu;
		bool ours;
	} cases[] = {
		{ "GRUB_CMDLINE_LINUX=\"quiet\"\n", true },
		{ "GRUB_CMDLINE_LINUX=\"panic=10\"\n", false },
		{ "GRUB_CMDLINE_LINUX=\"panic=0\"\n", true },
		{ "GRUB_CMDLINE_LINUX=\"panic=-1\"\n", true },
		{ "GRUB_CMDLINE_LINUX=\"panic=86400\"\n", true },
		{ "GRUB_CMDLINE_LINUX=\"panic=10\"\nX=\"panic=0\"\n", true },
		{ " # GRUB_CMDLINE_LINUX=\"panic=10\"\n", true },
	};
	size_t i;

	(void)state;
	put("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put("/etc/default/grub", cases[i].menu);
		rewrite("systemd", "/x");
		if (root_exists(&clone, GUARD_GRUB) != cases[i].ours)
			fail_msg("%s", cases[i].menu);
		assert_int_equal(rewrite_remove_guard(&clone, NULL), 0);
	}
	rewrite_plan_done(&plan);
}

static void test_openrc(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(rewrite("openrc", "/x"), 2);
	expect(GUARD_OPENRC, "command_args=guard\n");
	assert_int_equal(root_stat(&clone, GUARD_RUNLEVEL, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(rewrite_remove_guard(&clone, NULL), 0);
	assert_false(root_exists(&clone, GUARD_OPENRC));
	rewrite_plan_done(&plan);
}

/* What cannot be done is said. */
static void test_notes(void **state)
{
	(void)state;
	assert_int_equal(rewrite(NULL, "/x"), 0);
	assert_true(has_note("cannot end its trial"));
	assert_true(has_note("panic"));
	assert_int_equal(rewrite("sysvinit", "/x"), 0);
	assert_true(has_note("/etc/inittab"));
	/* without the program in the clone there is nothing to start */
	assert_int_equal(rewrite("systemd", NULL), 0);
	assert_int_equal(plan.notes.count, 0);
	rewrite_plan_done(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_systemd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inittab, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_panic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_openrc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_notes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
