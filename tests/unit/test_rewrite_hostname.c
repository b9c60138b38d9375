/* SPDX-License-Identifier: MIT */
/* The clone's name in the files of every family: those that are there say it, and no others are made. */
#include "plan_try.h"

#include "rewrite/plan_priv.h"

#define NETWORK "etc/sysconfig/network"

static bool exists(const char *path)
{
	struct stat st;

	return root_lstat(&clone, path, &st) == 0;
}

/* As a copy: the target's name, and a second time nothing. */
static void rename_to(const char *name)
{
	f.options.intent = INTENT_COPY;
	f.options.host_keys = CHOICE_SOURCE;
	f.options.machine_id = "00112233445566778899aabbccddeeff";
	f.facts.target_hostname = name;
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void without_systemd(void)
{
	assert_int_equal(root_remove_tree(&clone, "usr/lib/systemd/system", NULL), 0);
	assert_int_equal(root_remove_tree(&clone, "lib/systemd/system", NULL), 0);
}

static void test_suse(void **state)
{
	(void)state;
	drop("etc/hostname");
	put(&clone, "etc/HOSTNAME", "old.example.org\n");
	rename_to("node5");
	holds("etc/HOSTNAME", "node5\n");
	holds("var/lib/rehost/source-original/etc/HOSTNAME", "old.example.org\n");
	assert_false(exists("etc/hostname"));
}

static void test_a_link_stays(void **state)
{
	char link[64] = "";

	(void)state;
	put(&clone, "etc/hostname", "old\n");
	assert_int_equal(root_symlink(&clone, "etc/HOSTNAME", "hostname", NULL), 0);
	rename_to("node5");
	holds("etc/hostname", "node5\n");
	assert_int_equal(root_readlink(&clone, "etc/HOSTNAME", link, sizeof(link)), 0);
	assert_string_equal(link, "hostname");
}

static void test_gentoo(void **state)
{
	(void)state;
	drop("etc/hostname");
	put(&clone, "etc/conf.d/hostname",
	    "# Set to the hostname of this machine\nhostname=\"old\"\n");
	rename_to("node5");
	holds("etc/conf.d/hostname", "# Set to the hostname of this machine\nhostname=\"node5\"\n");
	assert_false(exists("etc/hostname"));
}

/* OpenRC reads both. */
static void test_openrc_with_both(void **state)
{
	(void)state;
	put(&clone, "etc/hostname", "old\n");
	put(&clone, "etc/conf.d/hostname", "hostname=other");
	rename_to("node5");
	holds("etc/hostname", "node5\n");
	holds("etc/conf.d/hostname", "hostname=node5");
}

static void test_rhel6(void **state)
{
	(void)state;
	without_systemd();
	drop("etc/hostname");
	put(&clone, NETWORK, "NETWORKING=yes\nHOSTNAME=old.example.org\nNOZEROCONF=yes\n");
	rename_to("node5");
	holds(NETWORK, "NETWORKING=yes\nHOSTNAME=node5\nNOZEROCONF=yes\n");
	holds("var/lib/rehost/source-original/" NETWORK,
	      "NETWORKING=yes\nHOSTNAME=old.example.org\nNOZEROCONF=yes\n");
	assert_false(exists("etc/hostname"));
}

static void test_rhel6_without_a_name(void **state)
{
	(void)state;
	without_systemd();
	drop("etc/hostname");
	put(&clone, NETWORK, "NETWORKING=yes");
	rename_to("node5");
	holds(NETWORK, "NETWORKING=yes\nHOSTNAME=node5\n");
}

static void test_a_computed_name_is_told(void **state)
{
	size_t i;

	(void)state;
	drop("etc/hostname");
	put(&clone, "etc/conf.d/hostname", "hostname=\"$(cat /etc/role)\"\n");
	f.options.hostname_text = "node5";
	make();
	assert_null(find("/etc/conf.d/hostname"));
	for (i = 0; i < plan.notes.count; i++)
		if (strstr(plan.notes.items[i], "hostname is computed there"))
			return;
	fail_msg("nothing is said of it");
}

/* A move keeps the source's name wherever it stands. */
static void test_a_move_keeps_it(void **state)
{
	(void)state;
	put(&clone, "etc/HOSTNAME", "old.example.org\n");
	put(&clone, "etc/conf.d/hostname", "hostname=old\n");
	put(&clone, NETWORK, "HOSTNAME=old.example.org\n");
	without_systemd();
	make();
	assert_null(find("/etc/hostname"));
	assert_null(find("/etc/HOSTNAME"));
	assert_null(find("/etc/conf.d/hostname"));
	assert_null(find("/" NETWORK));
}

/* No file at all: the one that all with systemd read. */
static void test_none(void **state)
{
	(void)state;
	drop("etc/hostname");
	rename_to("node5");
	holds("etc/hostname", "node5\n");
	assert_false(exists("etc/HOSTNAME"));
	assert_false(exists(NETWORK));
}

#define CASE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_TEST(test_suse),
		CASE_TEST(test_a_link_stays),
		CASE_TEST(test_gentoo),
		CASE_TEST(test_openrc_with_both),
		CASE_TEST(test_rhel6),
		CASE_TEST(test_rhel6_without_a_name),
		CASE_TEST(test_a_computed_name_is_told),
		CASE_TEST(test_a_move_keeps_it),
		CASE_TEST(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
