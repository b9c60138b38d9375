/* SPDX-License-Identifier: MIT */
/* What is bound to the machine: labels, licences, seeds. */
#include "plan_try.h"

#define RELABEL "/.autorelabel"

static void selinux(const char *mode)
{
	char text[64];

	snprintf(text, sizeof(text), "# c\nSELINUX=%s\nSELINUXTYPE=targeted\n", mode);
	put(&clone, "/etc/selinux/config", text);
}

static void test_selinux(void **state)
{
	(void)state;
	selinux("enforcing");
	make(); /* no program that loads a policy */
	assert_null(find(RELABEL));
	put(&clone, "/usr/sbin/load_policy", "x");
	make();
	assert_null(find(RELABEL));
	assert_true(has_text(&plan.notes, "SELinux is enforcing, and nothing in the tree labels"));
	put(&clone, "/lib/systemd/system/selinux-autorelabel.service", "[Unit]\n");
	selinux("disabled");
	make();
	assert_null(find(RELABEL));
	assert_false(has_text(&plan.notes, "SELinux"));
	selinux("permissive");
	apply();
	assert_true(has_text(&plan.notes, "labels all files and restarts once; those that came"));
	holds(RELABEL, "");
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_bound(void **state)
{
	(void)state;
	put(&clone, "/etc/hostid", "abcd");
	put(&clone, "/usr/local/cpanel/cpanel.lisc", "x");
	make();
	assert_true(has_text(&plan.notes, "cPanel's licence (by address) (/usr/local/cpanel"));
	assert_true(has_text(&plan.notes, "renew it if it is refused"));
	assert_false(has_text(&plan.notes, "/etc/hostid"));
	f.options.intent = INTENT_COPY;
	f.options.host_keys = CHOICE_SOURCE;
	make();
	assert_true(has_text(&plan.notes, "(/etc/hostid); the source keeps the same one"));
}

static void test_seeds(void **state)
{
	static const char *const seeds[] = { "/var/lib/seedrng/seed.credit",
					     "/var/lib/random-seed" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(seeds); i++)
		put(&clone, seeds[i], "seed");
	make();
	for (i = 0; i < ARRAY_SIZE(seeds); i++) {
		const struct edit *edit = find(seeds[i]);

		assert_non_null(edit);
		assert_int_equal(edit->kind, EDIT_REMOVE);
		assert_true(edit->is_secret);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_selinux, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seeds, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
