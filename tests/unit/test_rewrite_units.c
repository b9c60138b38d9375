/* SPDX-License-Identifier: MIT */
/* Stacks that start each link by a unit or service of its own: which are enabled in the clone, and which go. */
#include "plan_try.h"

#include "rewrite/net_fit.h"

#define WANTS "etc/systemd/system/multi-user.target.wants/"

static const char interfaces[] = "auto enp1s0\niface enp1s0 inet static\n"
				 " address 203.0.113.10/24\n gateway 203.0.113.1\n";

static void is_link(const char *path, const char *text)
{
	char now[256];

	if (root_readlink(&clone, path, now, sizeof(now)) < 0)
		fail_msg("%s is no link", path);
	assert_string_equal(now, text);
}

static void link_to(const char *path, const char *text)
{
	assert_int_equal(root_symlink(&clone, path, text, NULL), 0);
}

static void not_there(const char *path)
{
	struct stat st;

	if (root_lstat(&clone, path, &st) == 0)
		fail_msg("%s is still there", path);
}

/* The address arrived, in the stack's own words; a second run changes nothing. */
static void apply_once(const char *stack)
{
	const struct net_link *l = NULL;
	struct net_model m;
	unsigned i;

	make();
	for (i = 0; i < plan.blockers.count; i++)
		print_error("blocker: %s\n", plan.blockers.items[i]);
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
	make();
	for (i = 0; i < plan.edit_count; i++)
		print_error("again: %s\n", plan.edits[i].path);
	assert_int_equal(plan.edit_count, 0);
	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_non_null(m.stack);
	assert_string_equal(m.stack, stack);
	for (i = 0; i < m.link_count; i++)
		if (net_card_of(&m.links[i], &f.facts))
			l = &m.links[i];
	assert_non_null(l);
	assert_true(l->at_boot);
	assert_string_equal(l->addresses.items[0], "203.0.113.10/24");
	assert_string_equal(l->gateway4, "203.0.113.1");
	net_done(&m);
}

static void source_has_netctl(void)
{
	drop(WANTS "networking.service");
	drop("etc/network/interfaces");
	put(&clone, "usr/bin/netctl", "");
	put(&clone, "usr/lib/systemd/system/netctl@.service", "[Service]\n");
	link_to(WANTS "netctl@office.service", "/usr/lib/systemd/system/netctl@.service");
	put(&clone, "etc/systemd/system/netctl@office.service.d/profile.conf",
	    "[Unit]\nBindsTo=sys-subsystem-net-devices-ens9.device\n");
	put(&clone, "etc/netctl/office",
	    "Interface=ens9\nConnection=ethernet\nIP=dhcp\nKey=secret\n");
}

static void test_netctl_gets_interfaces(void **state)
{
	struct strbuf diff cleanup_strbuf = STRBUF_INIT;

	(void)state;
	source_has_netctl();
	put(&target, "etc/network/interfaces", interfaces);
	make();
	assert_int_equal(rewrite_plan_diff(&plan, &clone, &diff, NULL), 0);
	assert_null(strstr(strbuf_str(&diff), "secret"));
	apply_once("netctl");
	not_there("etc/netctl/office");
	not_there(WANTS "netctl@office.service");
	not_there("etc/systemd/system/netctl@office.service.d/profile.conf");
	is_link(WANTS "netctl@rehost_enp1s0.service", "/usr/lib/systemd/system/netctl@.service");
}

/* Both say netctl: this machine's profiles byte for byte, its units by their names alone. */
static void test_netctl_keeps_its_profiles(void **state)
{
	static const char profile[] = "Description='mine'\nInterface=enp1s0\nConnection=ethernet\n"
				      "IP=static\nAddress=203.0.113.10/24\nGateway=203.0.113.1\n";
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	(void)state;
	source_has_netctl();
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, "etc/netctl/my-lan", profile);
	put(&target, WANTS "netctl@my\\x2dlan.service", "[Service]\n");
	put(&target, "etc/systemd/system/netctl@my\\x2dlan.service.d/profile.conf", "[Unit]\n");
	apply_once("netctl");
	assert_int_equal(root_read(&clone, "etc/netctl/my-lan", &now, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&now), profile);
	is_link(WANTS "netctl@my\\x2dlan.service", "/usr/lib/systemd/system/netctl@.service");
	assert_true(
		root_exists(&clone, "etc/systemd/system/netctl@my\\x2dlan.service.d/profile.conf"));
	not_there(WANTS "netctl@office.service");
}

static void source_has_openrc(void)
{
	struct stat st;

	drop(WANTS "networking.service");
	if (root_lstat(&clone, "sbin/init", &st) == 0)
		drop("sbin/init");
	link_to("sbin/init", "openrc-init");
}

static void source_has_netifrc(void)
{
	source_has_openrc();
	drop("etc/network/interfaces");
	put(&clone, "etc/init.d/net.lo", "#!/sbin/openrc-run\n");
	link_to("etc/init.d/net.ens9", "net.lo");
	link_to("etc/runlevels/boot/net.lo", "/etc/init.d/net.lo");
	link_to("etc/runlevels/default/net.ens9", "/etc/init.d/net.ens9");
	put(&clone, "etc/conf.d/net", "config_ens9=\"198.51.100.7/24\"\n");
}

static void test_netifrc_gets_interfaces(void **state)
{
	(void)state;
	source_has_netifrc();
	put(&target, "etc/network/interfaces", interfaces);
	apply_once("netifrc");
	not_there("etc/runlevels/default/net.ens9");
	is_link("etc/runlevels/boot/net.lo", "/etc/init.d/net.lo");
	is_link("etc/init.d/net.enp1s0", "net.lo");
	is_link("etc/runlevels/default/net.enp1s0", "/etc/init.d/net.enp1s0");
	assert_true(root_exists(&clone, "var/lib/rehost/source-original/etc/conf.d/net"));
}

static void test_netifrc_keeps_its_file(void **state)
{
	static const char conf[] = "config_enp1s0=\"203.0.113.10/24\"\n"
				   "routes_enp1s0=\"default via 203.0.113.1\"\n";
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	(void)state;
	source_has_netifrc();
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, "etc/conf.d/net", conf);
	put(&target, "etc/runlevels/default/net.enp1s0", "#!/sbin/openrc-run\n");
	apply_once("netifrc");
	assert_int_equal(root_read(&clone, "etc/conf.d/net", &now, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&now), conf);
	is_link("etc/runlevels/default/net.enp1s0", "/etc/init.d/net.enp1s0");
	not_there("etc/runlevels/default/net.ens9");
}

static void test_dhcpcd_gets_interfaces(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	drop("etc/network/interfaces");
	put(&clone, "usr/sbin/dhcpcd", "");
	put(&clone, "lib/systemd/system/dhcpcd.service", "[Service]\n");
	link_to(WANTS "dhcpcd@ens9.service", "/lib/systemd/system/dhcpcd@.service");
	put(&clone, "etc/dhcpcd.conf", "interface ens9\nstatic ip_address=198.51.100.7/24\n");
	put(&target, "etc/network/interfaces", interfaces);
	apply_once("dhcpcd");
	not_there(WANTS "dhcpcd@ens9.service");
	is_link(WANTS "dhcpcd.service", "/lib/systemd/system/dhcpcd.service");
}

/* Other stacks keep no file of these. */
static void test_files_of_other_stacks_go(void **state)
{
	(void)state;
	put(&clone, "etc/netctl/office", "Interface=ens9\nConnection=ethernet\nIP=dhcp\n");
	put(&clone, "etc/conf.d/net", "config_ens9=dhcp\n");
	put(&clone, "etc/dhcpcd.conf", "hostname\n");
	put(&target, "etc/network/interfaces", interfaces);
	apply_once("ifupdown");
	not_there("etc/netctl/office");
	not_there("etc/conf.d/net");
	/* a DHCP client's own */
	assert_true(root_exists(&clone, "etc/dhcpcd.conf"));
}

/* Alpine: OpenRC starts "networking", ifup is a link to busybox. */
static void source_is_alpine(void)
{
	source_has_openrc();
	drop("sbin/ifup");
	link_to("sbin/ifup", "/bin/busybox");
	put(&clone, "etc/init.d/networking", "#!/sbin/openrc-run\n");
	link_to("etc/runlevels/boot/networking", "/etc/init.d/networking");
	put(&clone, "etc/network/interfaces", "auto eth9\niface eth9 inet dhcp\n");
}

/* busybox: "misplaced option allow-hotplug", and a mask apart from the address */
static void test_busybox_gets_debians_file(void **state)
{
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	(void)state;
	source_is_alpine();
	put(&target, "etc/network/interfaces",
	    "allow-hotplug enp1s0\niface enp1s0 inet static\n address 203.0.113.10/24\n"
	    " gateway 203.0.113.1\n");
	apply_once("ifupdown");
	assert_int_equal(root_read(&clone, "etc/network/interfaces", &now, 4096, NULL), 0);
	assert_null(strstr(strbuf_str(&now), "allow-hotplug"));
	assert_non_null(
		strstr(strbuf_str(&now), "address 203.0.113.10\n\tnetmask 255.255.255.0\n"));
	assert_true(has_text(&plan.notes, "does not understand \"allow-hotplug\""));
	is_link("etc/runlevels/boot/networking", "/etc/init.d/networking");
}

static void test_busybox_keeps_what_it_understands(void **state)
{
	static const char own[] = "auto lo\niface lo inet loopback\nauto enp1s0\n"
				  "iface enp1s0 inet static\n address 203.0.113.10\n"
				  " netmask 255.255.255.0\n gateway 203.0.113.1\n";
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	(void)state;
	source_is_alpine();
	put(&target, "etc/network/interfaces", own);
	apply_once("ifupdown");
	assert_int_equal(root_read(&clone, "etc/network/interfaces", &now, 4096, NULL), 0);
	assert_string_equal(strbuf_str(&now), own);
}

/* ifupdown-ng's short stanzas and words on Debian */
static void test_debian_gets_the_short_form(void **state)
{
	(void)state;
	put(&target, "etc/network/interfaces",
	    "auto enp1s0\niface enp1s0\n address 203.0.113.10/24\n gateway 203.0.113.1\n"
	    " address 2001:db8::5/64\n gateway fe80::1\n");
	apply_once("ifupdown");
	assert_true(has_text(&plan.notes, "does not understand \"iface\""));
}

/* A network written for OpenRC's ifupdown starts at boot. */
static void test_networking_is_added_to_a_runlevel(void **state)
{
	struct net_model m;

	(void)state;
	source_is_alpine();
	drop("etc/runlevels/boot/networking");
	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_null(m.stack);
	net_done(&m);
	link_to("etc/runlevels/default/networking", "/etc/init.d/networking");
	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_string_equal(m.stack, "ifupdown");
	net_done(&m);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_netctl_gets_interfaces),     TEST(test_netctl_keeps_its_profiles),
		TEST(test_netifrc_gets_interfaces),    TEST(test_netifrc_keeps_its_file),
		TEST(test_busybox_gets_debians_file),  TEST(test_busybox_keeps_what_it_understands),
		TEST(test_debian_gets_the_short_form), TEST(test_networking_is_added_to_a_runlevel),
		TEST(test_dhcpcd_gets_interfaces),     TEST(test_files_of_other_stacks_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
