/* SPDX-License-Identifier: MIT */
/* cloud-init and the agents of providers: none of them can undo the rewriting. */
#include "plan_try.h"

#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

#define DISABLED "/etc/cloud/cloud-init.disabled"
#define OWN_CFG "/etc/cloud/cloud.cfg.d/zz-rehost.cfg"
#define GENERATOR "/lib/systemd/system-generators/cloud-init-generator"
#define WANTS UNIT_DIR "/cloud-init.target.wants/"

static void link_to(const char *path, const char *text)
{
	assert_int_equal(root_symlink(&clone, path, text, NULL), 0);
}

static void enable(const char *unit)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/systemd/system/%s", unit);
	put(&clone, path, "[Unit]\n");
	snprintf(path, sizeof(path), WANTS "%s", unit);
	link_to(path, "/lib/systemd/system/x");
}

static bool exists(const char *path)
{
	struct stat st;

	return root_lstat(&clone, path, &st) == 0;
}

static void expect_mask(const char *unit)
{
	char path[256], text[64];

	snprintf(path, sizeof(path), UNIT_DIR "/%s", unit);
	assert_int_equal(root_readlink(&clone, path, text, sizeof(text)), 0);
	assert_string_equal(text, "/dev/null");
}

static void install_cloud_init(void)
{
	put(&clone, "/usr/bin/cloud-init", "#!/usr/bin/python3\n");
	put(&clone, GENERATOR, "#!/bin/sh\n");
	put(&clone, "/etc/cloud/cloud.cfg", "users: [default]\n");
	enable("cloud-init-local.service");
}

static void again(void)
{
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_off(void **state)
{
	(void)state;
	install_cloud_init();
	apply();
	assert_true(exists(DISABLED));
	assert_false(exists(OWN_CFG));
	assert_false(exists(UNIT_DIR "/cloud-init-local.service")); /* the generator does it */
	again();
	drop(DISABLED);
	drop(GENERATOR); /* a release that does not know the file */
	apply();
	expect_mask("cloud-init-local.service");
	again();
}

static void test_pin(void **state)
{
	(void)state;
	install_cloud_init();
	put(&clone, "/var/lib/cloud/data/instance-id", "i-0123abc\n");
	apply(); /* the other choice first: it is taken back */
	f.options.cloud_init = CLOUD_PIN;
	apply();
	assert_false(exists(DISABLED));
	holds(OWN_CFG,
	      "# made by rehost: to cloud-init this machine stays the instance that it was\n"
	      "datasource_list: [ NoCloud ]\n"
	      "datasource:\n"
	      "  NoCloud:\n"
	      "    fs_label: null\n"
	      "    meta-data: {instance-id: \"i-0123abc\", dsmode: local}\n"
	      "    user-data: \"\"\n"
	      "network: {config: disabled}\n"
	      "preserve_hostname: true\n"
	      "manage_etc_hosts: false\n"
	      "manage_resolv_conf: false\n"
	      "ssh_deletekeys: false\n"
	      "growpart: {mode: \"off\"}\n"
	      "resize_rootfs: false\n");
	again();
}

/* Without an instance to pin it to everything of a first boot would happen. */
static void test_pin_nothing(void **state)
{
	static const char *const ids[] = { "", "a\"b\n", "a\nb: c\n" };
	size_t i;

	(void)state;
	install_cloud_init();
	f.options.cloud_init = CLOUD_PIN;
	make();
	assert_non_null(find(DISABLED));
	for (i = 0; i < 2; i++) {
		put(&clone, "/var/lib/cloud/data/instance-id", ids[i]);
		make();
		assert_non_null(find(DISABLED));
		assert_null(find(OWN_CFG));
	}
	put(&clone, "/var/lib/cloud/data/instance-id", ids[2]);
	make();
	assert_non_null(strstr(find(OWN_CFG)->content, "instance-id: \"a\","));
}

static void test_keep(void **state)
{
	(void)state;
	install_cloud_init();
	put(&clone, DISABLED, "by the admin");
	f.options.cloud_init = CLOUD_KEEP;
	apply();
	assert_true(has_text(&plan.notes, "switched off on the source and stays so"));
	assert_true(has_text(&plan.notes, "looks for a data source"));
	holds(DISABLED, "by the admin");
	holds(OWN_CFG, "# made by rehost: this machine's network, name and keys are set\n"
		       "network: {config: disabled}\n"
		       "preserve_hostname: true\n"
		       "manage_etc_hosts: false\n"
		       "manage_resolv_conf: false\n"
		       "ssh_deletekeys: false\n");
	again();
}

/* The words by which a kernel's command line turns it on again. */
static void test_command_line(void **state)
{
	(void)state;
	install_cloud_init();
	put(&clone, "/etc/default/grub",
	    "GRUB_CMDLINE_LINUX=\"quiet cloud-init=enabled ci.ds=Ec2 network-config=abc\"\n");
	apply();
	holds("/etc/default/grub",
	      "GRUB_CMDLINE_LINUX=\"quiet console=tty0 console=ttyS0,115200\"\n");
}

static void test_agents(void **state)
{
	(void)state;
	put(&clone, "/usr/sbin/waagent", "#!/usr/bin/python3\n");
	enable("walinuxagent.service");
	enable("google-guest-agent.service");
	put(&clone, UNIT_DIR "/nova-agent.service", "[Service]\n");
	link_to(WANTS "nova-agent.service", "../nova-agent.service");
	put(&clone, "/usr/lib/udev/rules.d/53-ec2-network-interfaces.rules", "x");
	put(&clone, "/lib/udev/rules.d/75-persistent-net-generator.rules", "Debian's own");
	put(&clone, "/etc/vultr", "");
	f.facts.vendor = "Google";
	apply();
	expect_mask("walinuxagent.service");
	expect_mask("nova-agent.service");
	holds("/var/lib/rehost/source-original/etc/systemd/system/nova-agent.service",
	      "[Service]\n");
	assert_true(has_text(&plan.notes, "waagent (Azure) is switched off"));
	assert_false(exists(UNIT_DIR "/google-guest-agent.service")); /* it is at home here */
	assert_true(exists("/etc/udev/rules.d/53-ec2-network-interfaces.rules"));
	assert_false(exists("/etc/udev/rules.d/75-persistent-net-generator.rules"));
	assert_false(exists("/etc/vultr"));
	again();
	f.facts.vendor = "Linode";
	make();
	assert_true(has_text(&plan.notes, "Network Helper"));
	assert_non_null(find(UNIT_DIR "/google-guest-agent.service"));
}

static void test_scripts(void **state)
{
	struct strbuf names cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct planner p = {
		.plan = &plan, .clone = &clone, .facts = &f.facts, .options = &f.options, .e = &e
	};
	char text[64];

	(void)state;
	put(&clone, "/etc/init.d/nova-agent", "#!/bin/sh\n");
	link_to("/etc/rc3.d/S20nova-agent", "../init.d/nova-agent");
	link_to("/etc/runlevels/default/nova-agent", "/etc/init.d/nova-agent");
	p.tree.init = (char *)"sysvinit";
	assert_int_equal(plan_disable_matching(&p, "nova-agent", "why", &names), 0);
	assert_string_equal(strbuf_str(&names), " nova-agent");
	assert_int_equal(rewrite_plan_apply(&plan, &clone, &e), 0);
	assert_false(exists("/etc/rc3.d/S20nova-agent"));
	assert_false(exists("/etc/runlevels/default/nova-agent"));
	assert_int_equal(root_readlink(&clone, "/etc/rc3.d/K01nova-agent", text, sizeof(text)), 0);
	assert_string_equal(text, "../init.d/nova-agent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pin_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keep, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_agents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scripts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
