/* SPDX-License-Identifier: MIT */
/* What waits until the clone is confirmed: found, held by the init's own means, and given back without a trace. */
#include "plan_try.h"

#include "rewrite/holds.h"
#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

#define WANTS UNIT_DIR "/multi-user.target.wants/"
#define TIMERS UNIT_DIR "/timers.target.wants/"
#define VENDOR "/lib/systemd/system/"
#define DROPIN(unit) UNIT_DIR "/" unit ".d/" HOLDS_DROPIN

static void link_to(const char *path, const char *text)
{
	assert_int_equal(root_symlink(&clone, path, text, NULL), 0);
}

static void add_unit(const char *folder, const char *file, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), VENDOR "%s", file);
	put(&clone, path, "[Unit]\n");
	snprintf(path, sizeof(path), "%s%s", folder, name);
	link_to(path, "/lib/systemd/system/x");
}

/* A copy of the program, so that there is a trial. */
static void with_trial(void)
{
	f.facts.rehost_binary = CASE "facts.json";
}

static bool exists(const char *path)
{
	struct stat st;

	return root_lstat(&clone, path, &st) == 0;
}

static void test_systemd(void **state)
{
	struct holds h;

	(void)state;
	add_unit(WANTS, "cron.service", "cron.service");
	add_unit(WANTS, "wg-quick@.service", "wg-quick@wg0.service");
	add_unit(WANTS, "nginx.service", "nginx.service");
	add_unit(TIMERS, "certbot.timer", "certbot.timer");
	add_unit(TIMERS, "apt-daily.timer", "apt-daily.timer");
	add_unit(TIMERS, "off.timer", "off.timer");
	link_to(UNIT_DIR "/off.timer", "/dev/null");				 /* masked */
	link_to(WANTS "postfix.service", "/lib/systemd/system/postfix.service"); /* removed */
	put(&clone, "/etc/init.d/exim4", "#!/bin/sh\n");
	link_to("/etc/rc2.d/S01exim4", "../init.d/exim4");
	put(&clone, "/etc/init.d/cron", "#!/bin/sh\n");
	link_to("/etc/rc2.d/S01cron", "../init.d/cron");
	put(&clone, "/var/lib/systemd/linger/jo", "");

	make(); /* no trial: nothing could be confirmed */
	assert_null(find(HOLDS_FILE));
	with_trial();
	apply();
	assert_true(has_text(&plan.notes, "scheduled jobs: cron.service"));
	assert_true(has_text(&plan.notes, "are not held: jo"));
	holds(HOLDS_FILE, "unit cron.service\nunit exim4.service\nunit wg-quick@wg0.service\n"
			  "unit certbot.timer\n");
	holds(DROPIN("cron.service"),
	      "# made by rehost: waits for 'confirm', which removes this file\n"
	      "[Unit]\nConditionPathExists=!/var/lib/rehost/holds\n");
	assert_false(exists(DROPIN("nginx.service")));
	assert_false(exists(DROPIN("apt-daily.timer")));
	assert_false(exists(DROPIN("off.timer")));
	make();
	assert_int_equal(plan.edit_count, 0);

	put(&clone, UNIT_DIR "/cron.service.d/mine.conf", "[Service]\n");
	assert_int_equal(holds_release(&h, &clone, &clone, HOLDS_FILE, NULL), 0);
	assert_int_equal(h.units.count, 4);
	holds_done(&h);
	assert_false(exists(HOLDS_FILE));
	assert_true(exists(UNIT_DIR "/cron.service.d/mine.conf"));
	assert_false(exists(DROPIN("cron.service")));
	assert_false(exists(UNIT_DIR "/certbot.timer.d"));
	assert_int_equal(holds_release(&h, &clone, &clone, HOLDS_FILE, NULL), 0);
	assert_int_equal(h.units.count, 0);
	holds_done(&h);
}

/* Only what plan_holds() adds, for an init that the rest of the fixture does not have. */
static size_t plan_with(const char *init, bool is_ours)
{
	struct err e = ERR_INIT;
	struct planner p = { .plan = &plan,
			     .clone = &clone,
			     .facts = &f.facts,
			     .options = &f.options,
			     .is_ours = is_ours,
			     .e = &e };

	rewrite_plan_done(&plan);
	p.tree.init = (char *)init;
	if (plan_holds(&p) < 0 || rewrite_plan_apply(&plan, &clone, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	return plan.edit_count;
}

static void expect_link(const char *path, const char *want)
{
	char text[256];

	assert_int_equal(root_readlink(&clone, path, text, sizeof(text)), 0);
	assert_string_equal(text, want);
}

static void test_scripts(void **state)
{
	struct holds h;

	(void)state;
	with_trial();
	put(&clone, "/etc/init.d/cron", "#!/bin/sh\n");
	put(&clone, "/etc/init.d/ssh", "#!/bin/sh\n");
	link_to("/etc/rc2.d/S02cron", "../init.d/cron");
	link_to("/etc/rc5.d/S03cron", "../init.d/cron");
	link_to("/etc/rc0.d/K01cron", "../init.d/cron");
	link_to("/etc/rc2.d/S01ssh", "../init.d/ssh");
	assert_int_equal(plan_with("sysvinit", false), 3);
	assert_false(exists("/etc/rc2.d/S02cron"));
	assert_true(exists("/etc/rc2.d/S01ssh"));
	assert_true(exists("/etc/rc0.d/K01cron"));
	assert_int_equal(plan_with("sysvinit", true), 0);
	assert_int_equal(holds_release(&h, &clone, &clone, HOLDS_FILE, NULL), 0);
	assert_int_equal(h.scripts.count, 1);
	assert_string_equal(h.scripts.items[0], "cron");
	holds_done(&h);
	expect_link("/etc/rc2.d/S02cron", "../init.d/cron");
	expect_link("/etc/rc5.d/S03cron", "../init.d/cron");
	assert_false(exists(HOLDS_FILE));
}

static void test_openrc(void **state)
{
	struct holds h;

	(void)state;
	with_trial();
	link_to("/etc/runlevels/default/crond", "/etc/init.d/crond");
	link_to("/etc/runlevels/default/sshd", "/etc/init.d/sshd");
	link_to("/etc/runlevels/boot/keepalived", "/etc/init.d/keepalived");
	assert_int_equal(plan_with("openrc", false), 2);
	assert_true(has_text(&plan.blockers, "cluster: keepalived"));
	assert_false(exists("/etc/runlevels/default/crond"));
	assert_true(exists("/etc/runlevels/boot/keepalived")); /* not before it is said */
	f.options.cluster = CLUSTER_HOLD;
	plan_with("openrc", true);
	assert_int_equal(plan.blockers.count, 0);
	assert_false(exists("/etc/runlevels/boot/keepalived"));
	assert_int_equal(holds_release(&h, &clone, &clone, HOLDS_FILE, NULL), 0);
	assert_int_equal(h.scripts.count, 2);
	holds_done(&h);
	expect_link("/etc/runlevels/default/crond", "/etc/init.d/crond");
	expect_link("/etc/runlevels/boot/keepalived", "/etc/init.d/keepalived");
}

/* Membership wants an answer also where nothing else would be held. */
static void test_cluster(void **state)
{
	(void)state;
	add_unit(WANTS, "corosync.service", "corosync.service");
	put(&clone, "/etc/mysql/conf.d/x.cnf", "[mysqld]\nwsrep_cluster_address=gcomm://a,b\n");
	make();
	assert_true(has_text(&plan.blockers, "corosync.service galera (/etc/mysql/conf.d/x.cnf:2"));
	assert_true(has_text(&plan.blockers, "--cluster hold"));
	f.options.cluster = CLUSTER_START;
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_true(
		has_text(&plan.notes, "starts with the clone, before anybody confirms: corosync"));
	assert_null(find(HOLDS_FILE));
	f.options.cluster = CLUSTER_HOLD;
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_non_null(find(DROPIN("corosync.service")));
	assert_true(has_text(&plan.notes, "is not held: corosync.service galera"));
}

/* What somebody else wrote into the file leads nowhere. */
static void test_hostile_record(void **state)
{
	struct holds h;

	(void)state;
	put(&clone, HOLDS_FILE,
	    "unit ../../etc/passwd\nunit -x\nunit \nscript a/b\nlink /etc/passwd x\n"
	    "link /etc/rc2.d/../passwd x\nlink /etc/rc2.d/S01a\nrubbish\n"
	    "link /etc/rc2.d/S01a ../init.d/a b\nunit a.service");
	assert_int_equal(holds_read(&h, &clone, HOLDS_FILE, NULL), 0);
	assert_int_equal(h.units.count, 1);
	assert_string_equal(h.units.items[0], "a.service");
	assert_int_equal(h.scripts.count, 0);
	assert_int_equal(h.links.count, 1);
	holds_done(&h);
}

static void test_match(void **state)
{
	(void)state;
	assert_true(services_match("a cron b", "cron.service"));
	assert_true(services_match("wg-quick@*", "wg-quick@wg0.service"));
	assert_true(services_match("x.timer", "x.timer"));
	assert_false(services_match("cron", "cron.timer"));
	assert_false(services_match("cron", "crond.service"));
	assert_false(services_match("", "cron"));
	assert_int_equal(services_base_len(".service"), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_systemd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scripts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_openrc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cluster, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_record, set_up, tear_down),
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
