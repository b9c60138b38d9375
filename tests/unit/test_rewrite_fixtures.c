/* SPDX-License-Identifier: MIT */
/* Whole trees: tests/fixtures/roots/<case>/{in,target,facts.json,want}, laid over the tree base-bookworm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/io.h"
#include "rewrite/facts_json.h"
#include "rewrite/plan.h"
#include "rewrite/sweep.h"

#define ROOTS "tests/fixtures/roots/"

static char dir[64];

static void printf_like(1, 2) run(const char *fmt, ...)
{
	char cmd[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

static void fail_with(const struct err *e, const char *what)
{
	unsigned i;

	print_error("%s: %s\n", what, err_info(e->code)->title);
	for (i = 0; i < e->nctx; i++)
		print_error("  %s\n", e->ctx[i]);
	fail();
}

static void plan_it(struct rewrite_plan *plan, const struct root *clone, const struct facts_file *f)
{
	struct err e = ERR_INIT;

	if (rewrite_plan_make(plan, clone, &f->facts, &f->options, &e) < 0)
		fail_with(&e, "plan");
}

static void expect_no_blockers(const struct rewrite_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->blockers.count; i++)
		print_error("blocker: %s\n", plan->blockers.items[i]);
	assert_int_equal(plan->blockers.count, 0);
}

static int no_warning(void *arg, enum sweep_weight weight, const char *id, const char *text)
{
	(void)arg;
	/* which the operator has to change */
	if (str_starts(text, "/etc/nginx/nginx.conf:1 binds nginx to 192.0.2.10,"))
		return 0;
	if (weight == SWEEP_WARNING)
		print_error("%s: %s\n", id, text);
	assert_int_equal(weight, SWEEP_NOTE);
	return 0;
}

/* Nothing that rehost may change has an effect in the finished tree by a card or address of the source. */
static void sweep(const struct root *clone, const struct rewrite_plan *plan)
{
	struct sweep s = { .tell = no_warning };
	struct err e = ERR_INIT;

	if (sweep_find(&s, clone, json_object_get(plan->report, "source"), &e) < 0)
		fail_with(&e, "sweep");
}

static void check_fixture(const char *name)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, diff cleanup_strbuf = STRBUF_INIT;
	struct root clone cleanup_root = ROOT_INIT, target cleanup_root = ROOT_INIT;
	char path[PATH_MAX];
	struct rewrite_plan plan;
	struct facts_file f;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), ROOTS "%s/facts.json", name);
	assert_int_equal(file_slurp(path, &text, 65536, &e), 0);
	if (facts_file_load(&f, strbuf_str(&text), text.len, &e) < 0)
		fail_with(&e, name);
	snprintf(path, sizeof(path), ROOTS "%s/target", name);
	assert_int_equal(root_open(&target, path, &e), 0);
	f.facts.target_files = &target;

	strcpy(dir, "/tmp/rehost-fixture-XXXXXX");
	assert_non_null(mkdtemp(dir));
	run("mkdir %s/clone %s/want", dir, dir);
	run("cp -a " ROOTS "base-bookworm/. %s/clone && cp -a " ROOTS "base-bookworm/. %s/want",
	    dir, dir);
	run("cp -a " ROOTS "%s/in/. %s/clone", name, dir);
	run("cp -a " ROOTS "%s/want/. %s/want", name, dir);
	snprintf(path, sizeof(path), "%s/clone", dir);
	assert_int_equal(root_open(&clone, path, &e), 0);

	plan_it(&plan, &clone, &f);
	expect_no_blockers(&plan);
	assert_int_equal(plan.step_count, 3);
	assert_int_equal(rewrite_plan_diff(&plan, &clone, &diff, &e), 0);
	assert_null(strstr(strbuf_str(&diff), "target key")); /* secrets stay out of a diff */
	assert_null(strstr(strbuf_str(&diff), "source key"));
	if (rewrite_plan_apply(&plan, &clone, &e) < 0)
		fail_with(&e, "apply");
	sweep(&clone, &plan);
	rewrite_plan_done(&plan);
	run("cd %s && find clone want -type d -empty -delete && diff -r --no-dereference want "
	    "clone%s",
	    dir, "");

	/* the second time there is nothing to do */
	plan_it(&plan, &clone, &f);
	expect_no_blockers(&plan);
	if (plan.edit_count)
		print_error("again: %s\n", plan.edits[0].path);
	assert_int_equal(plan.edit_count, 0);
	rewrite_plan_done(&plan);
	facts_file_done(&f);
	run("rm -rf %s", dir);
}

static void test_move_static_to_dhcp(void **state)
{
	(void)state;
	check_fixture("bookworm-move-static-to-dhcp");
}

static void test_copy_cloud_to_static(void **state)
{
	(void)state;
	check_fixture("bookworm-copy-cloud-to-static");
}

static void test_move_odd_fstab(void **state)
{
	(void)state;
	check_fixture("bookworm-move-odd-fstab");
}

static void test_move_ifupdown_to_netplan(void **state)
{
	(void)state;
	check_fixture("bookworm-move-ifupdown-to-netplan");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move_static_to_dhcp),
		cmocka_unit_test(test_copy_cloud_to_static),
		cmocka_unit_test(test_move_odd_fstab),
		cmocka_unit_test(test_move_ifupdown_to_netplan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
