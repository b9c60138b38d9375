/* SPDX-License-Identifier: MIT */
/* One stack on the source, another on this machine: what is written, what goes aside, and that it is done once. */
#include "plan_try.h"

#include "rewrite/net_fit.h"

#define WANTS "etc/systemd/system/multi-user.target.wants/"

static const char ifupdown_static[] =
	"auto lo\niface lo inet loopback\n"
	"auto enp1s0\niface enp1s0 inet static\n"
	" address 203.0.113.10/32\n gateway 203.0.113.1\n"
	" mtu 1450\n"
	"iface enp1s0 inet static\n address 203.0.113.11/32\n"
	"iface enp1s0 inet6 static\n"
	" address 2001:db8:7::10/64\n gateway fe80::1\n accept_ra 0\n";

/* What every stack must say of it in the end. */
static void is_static_network(const char *stack)
{
	const struct net_link *l = NULL;
	struct net_model m;
	unsigned i;

	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_string_equal(m.stack, stack);
	for (i = 0; i < m.link_count; i++)
		if (net_card_of(&m.links[i], &f.facts))
			l = &m.links[i];
	assert_non_null(l);
	assert_int_equal(m.link_count, 1);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->addresses.items[0], "203.0.113.10/32");
	assert_string_equal(l->addresses.items[1], "203.0.113.11/32");
	assert_string_equal(l->addresses.items[2], "2001:db8:7::10/64");
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->mtu, 1450);
	assert_true(l->at_boot);
	net_done(&m);
}

static void apply_once(void)
{
	size_t i;

	make();
	for (i = 0; i < plan.blockers.count; i++)
		print_error("blocker: %s\n", plan.blockers.items[i]);
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
	make();
	for (i = 0; i < plan.edit_count; i++)
		print_error("again: %s\n", plan.edits[i].path);
	assert_int_equal(plan.edit_count, 0);
}

static void not_there(const char *path)
{
	struct stat st;

	if (root_lstat(&clone, path, &st) == 0)
		fail_msg("%s is still there", path);
}

/* The source's stack instead of the fixture's ifupdown. */
static void source_has_networkd(void)
{
	drop(WANTS "networking.service");
	put(&clone, WANTS "systemd-networkd.service", "");
	put(&clone, "etc/systemd/network/20-wan.network",
	    "[Match]\nName=ens9\n[Network]\nAddress=198.51.100.7/24\nGateway=198.51.100.1\n");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
}

static void test_networkd_gets_interfaces(void **state)
{
	struct stat st;

	(void)state;
	source_has_networkd();
	put(&clone, "etc/netplan/50-cloud-init.yaml", "network: {version: 2}\n");
	put(&clone, "etc/NetworkManager/system-connections/office.nmconnection",
	    "[connection]\nid=office\n[wifi-security]\npsk=secret\n");
	put(&clone, "etc/systemd/network/20-wan.network.d/mtu.conf", "[Link]\nMTUBytes=1400\n");
	assert_int_equal(root_symlink(&clone, "etc/systemd/network/99-dhcp.network", "/dev/null",
				      NULL),
			 0);
	put(&target, "etc/network/interfaces", ifupdown_static);
	apply_once();
	is_static_network("systemd-networkd");
	not_there("etc/systemd/network/20-wan.network");
	not_there("etc/systemd/network/20-wan.network.d/mtu.conf");
	not_there("etc/netplan/50-cloud-init.yaml");
	not_there("etc/NetworkManager/system-connections/office.nmconnection");
	/* a mask of a default has no network of the source in it; lo alone neither */
	assert_int_equal(root_lstat(&clone, "etc/systemd/network/99-dhcp.network", &st), 0);
	holds("etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	holds("var/lib/rehost/source-original/etc/netplan/50-cloud-init.yaml",
	      "network: {version: 2}\n");
	holds("var/lib/rehost/target-original/etc/network/interfaces", ifupdown_static);
	assert_true(has_text(&plan.notes, "the same network was written for systemd-networkd"));
}

static void test_servers_of_resolv_conf_go_into_the_stack(void **state)
{
	struct net_model m;

	(void)state;
	source_has_networkd();
	drop("etc/resolv.conf");
	assert_int_equal(root_symlink(&clone, "etc/resolv.conf",
				      "../run/systemd/resolve/stub-resolv.conf", NULL),
			 0);
	put(&clone, "etc/systemd/system/dbus-org.freedesktop.resolve1.service", "");
	put(&target, "etc/network/interfaces", ifupdown_static);
	put(&target, "etc/resolv.conf", "nameserver 192.0.2.99\n");
	apply_once();
	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_string_equal(m.links[0].dns.items[0], "192.0.2.99");
	net_done(&m);
	not_there("etc/systemd/resolved.conf.d/10-rehost.conf");
	not_there("var/lib/rehost/source-original/etc/resolv.conf");
}

static void target_has_networkd(void)
{
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, "etc/systemd/network/05-wan.network",
	    "[Match]\nMACAddress=52:54:00:12:34:56\n[Link]\nMTUBytes=1450\n"
	    "[Network]\nAddress=203.0.113.10/32\nAddress=203.0.113.11/32\n"
	    "Address=2001:db8:7::10/64\nDNS=192.0.2.53\nDomains=example.org\nIPv6AcceptRA=no\n"
	    "[Route]\nGateway=203.0.113.1\nGatewayOnLink=yes\n[Route]\nGateway=fe80::1\n");
}

static void test_ifupdown_gets_networkd(void **state)
{
	(void)state;
	target_has_networkd();
	assert_int_equal(root_remove(&target, "etc/resolv.conf", NULL), 0);
	apply_once();
	is_static_network("ifupdown");
	holds("etc/resolv.conf", "search example.org\nnameserver 192.0.2.53\n");
	not_there("etc/systemd/network/05-wan.network");
}

/* A lease may bring none: the source's are not to stay until then. */
static void test_no_servers_of_the_source_where_dhcp_brings_them(void **state)
{
	static const char none[] = "# made by rehost: this machine gets its name servers by DHCP\n";

	(void)state;
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	assert_int_equal(root_remove(&target, "etc/resolv.conf", NULL), 0);
	put(&target, "etc/systemd/network/05-wan.network",
	    "[Match]\nMACAddress=52:54:00:12:34:56\n[Network]\nDHCP=ipv4\n");
	put(&clone, "etc/resolv.conf", "search office.example\nnameserver 198.51.100.53\n");
	apply_once();
	holds("etc/resolv.conf", none);
}

static void test_network_manager_gets_networkd(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	put(&clone, WANTS "NetworkManager.service", "");
	put(&clone, "usr/sbin/NetworkManager", "");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "etc/NetworkManager/system-connections/wired.nmconnection",
	    "[connection]\nid=wired\ntype=ethernet\ninterface-name=ens9\n"
	    "[ipv4]\nmethod=manual\naddress1=198.51.100.7/24,198.51.100.1\n");
	target_has_networkd();
	apply_once();
	is_static_network("NetworkManager");
	not_there("etc/NetworkManager/system-connections/wired.nmconnection");
	not_there("etc/systemd/network/05-wan.network");
}

static void test_netplan_gets_interfaces(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	put(&clone, "usr/lib/systemd/system-generators/netplan", "");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "etc/netplan/50-cloud-init.yaml",
	    "network:\n  version: 2\n  ethernets:\n    ens9: {dhcp4: true}\n");
	put(&target, "etc/network/interfaces", ifupdown_static);
	apply_once();
	is_static_network("netplan");
	not_there("etc/netplan/50-cloud-init.yaml");
}

/* What may hold a password is kept, and never shown. */
static void test_profiles_are_not_shown(void **state)
{
	struct strbuf diff cleanup_strbuf = STRBUF_INIT;

	(void)state;
	put(&clone, "etc/NetworkManager/system-connections/office.nmconnection",
	    "[wifi-security]\npsk=verysecret\n");
	make();
	assert_int_equal(rewrite_plan_diff(&plan, &clone, &diff, NULL), 0);
	assert_null(strstr(strbuf_str(&diff), "verysecret"));
	assert_non_null(strstr(strbuf_str(&diff), "office.nmconnection"));
}

static void target_has_netplan(void)
{
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	assert_int_equal(root_remove(&target, "etc/resolv.conf", NULL), 0);
	put(&target, "etc/netplan/50-cloud-init.yaml",
	    "network:\n  version: 2\n  ethernets:\n    wan:\n"
	    "      match: {macaddress: '52:54:00:12:34:56'}\n      set-name: enp1s0\n"
	    "      mtu: 1450\n      accept-ra: false\n"
	    "      addresses: [203.0.113.10/32, 203.0.113.11/32, '2001:db8:7::10/64']\n"
	    "      nameservers: {addresses: [192.0.2.53], search: [example.org]}\n"
	    "      routes:\n"
	    "        - {to: 0.0.0.0/0, via: 203.0.113.1, on-link: true}\n"
	    "        - {to: '::/0', via: 'fe80::1'}\n");
}

static void test_ifupdown_gets_netplan(void **state)
{
	(void)state;
	target_has_netplan();
	apply_once();
	is_static_network("ifupdown");
	holds("etc/resolv.conf", "search example.org\nnameserver 192.0.2.53\n");
	not_there("etc/netplan/50-cloud-init.yaml");
	assert_true(has_text(&plan.notes, "with netplan, the source does it with ifupdown"));
}

/* The stack that was active there is known: what other files say does not count. */
static void test_stack_of_the_facts_counts(void **state)
{
	(void)state;
	target_has_netplan();
	put(&target, "etc/network/interfaces", "auto enp1s0\niface enp1s0 inet dhcp\n");
	f.facts.target_stack = "netplan";
	apply_once();
	is_static_network("ifupdown");
	f.facts.target_stack = NULL;
}

static void test_networkd_gets_netplan(void **state)
{
	(void)state;
	source_has_networkd();
	target_has_netplan();
	apply_once();
	is_static_network("systemd-networkd");
	not_there("etc/systemd/network/20-wan.network");
	not_there("etc/netplan/50-cloud-init.yaml");
}

#define RHEL "etc/sysconfig/network-scripts/"
#define SUSE "etc/sysconfig/network/"

/* The service network of a RHEL: initscripts. */
static void source_has_ifcfg(void)
{
	drop(WANTS "networking.service");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "etc/rc.d/rc3.d/S10network", "");
	put(&clone, RHEL "ifup-eth", "#!/bin/bash\n");
	put(&clone, RHEL "ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n");
	put(&clone, RHEL "ifcfg-ens9", "DEVICE=ens9\nIPADDR=198.51.100.7\nPREFIX=24\n");
	put(&clone, RHEL "route-ens9", "10.0.0.0/8 via 198.51.100.9\n");
	put(&clone, "etc/sysconfig/network",
	    "NETWORKING=yes\nGATEWAY=198.51.100.1\nNOZEROCONF=yes\n");
	put(&clone, "var/lib/dhclient/dhclient--ens9.lease", "lease { }\n");
}

static void test_ifcfg_gets_interfaces(void **state)
{
	(void)state;
	source_has_ifcfg();
	put(&target, "etc/network/interfaces", ifupdown_static);
	apply_once();
	is_static_network("ifcfg");
	not_there(RHEL "ifcfg-ens9");
	not_there(RHEL "route-ens9");
	not_there("var/lib/dhclient/dhclient--ens9.lease");
	holds(RHEL "ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n");
	holds(RHEL "ifup-eth", "#!/bin/bash\n");
	holds("etc/sysconfig/network", "NETWORKING='yes'\nNOZEROCONF=yes\n");
	holds("var/lib/rehost/source-original/etc/sysconfig/network",
	      "NETWORKING=yes\nGATEWAY=198.51.100.1\nNOZEROCONF=yes\n");
}

/* The same stack on both sides: this machine's files; without one for all, the source's stays but for its gateway. */
static void test_ifcfg_gets_ifcfg(void **state)
{
	static const char text[] = "DEVICE=enp1s0\nIPADDR=203.0.113.10\nPREFIX=24\n"
				   "GATEWAY=203.0.113.1\n";

	(void)state;
	source_has_ifcfg();
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, RHEL "ifcfg-enp1s0", text);
	apply_once();
	holds(RHEL "ifcfg-enp1s0", text);
	not_there(RHEL "ifcfg-ens9");
	holds("etc/sysconfig/network", "NETWORKING='yes'\nNOZEROCONF=yes\n");
}

static void test_ifupdown_gets_ifcfg(void **state)
{
	(void)state;
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, RHEL "ifcfg-enp1s0",
	    "DEVICE=enp1s0\nHWADDR=52:54:00:12:34:56\nIPADDR0=203.0.113.10\nPREFIX0=32\n"
	    "IPADDR1=203.0.113.11\nPREFIX1=32\nGATEWAY=203.0.113.1\nMTU=1450\n"
	    "IPV6ADDR=2001:db8:7::10/64\nIPV6_AUTOCONF=no\nIPV6_DEFAULTGW=fe80::1\n");
	apply_once();
	is_static_network("ifupdown");
	assert_true(has_text(&plan.notes, "with ifcfg, the source does it with ifupdown"));
}

static void source_has_wicked(void)
{
	drop(WANTS "networking.service");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "usr/lib/systemd/system/wicked.service", "");
	put(&clone, WANTS "wicked.service", "");
	put(&clone, SUSE "ifcfg-lo", "STARTMODE='nfsroot'\n");
	put(&clone, SUSE "ifcfg-eth0", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
	put(&clone, SUSE "routes", "default 198.51.100.1 - -\n");
	put(&clone, SUSE "config", "NETCONFIG_DNS_STATIC_SERVERS=\"198.51.100.53\"\nX=1\n");
	put(&clone, SUSE "dhcp", "DHCLIENT_CLIENT_ID=\"source\"\n");
	put(&clone, "var/lib/wicked/lease-eth0-dhcp-ipv4.xml", "<lease/>\n");
	drop("etc/resolv.conf");
	assert_int_equal(root_symlink(&clone, "etc/resolv.conf", "/run/netconfig/resolv.conf",
				      NULL),
			 0);
}

/* wicked knows cards by name only, which are pinned as for every stack. */
static void test_wicked_gets_netplan(void **state)
{
	struct stat st;

	(void)state;
	source_has_wicked();
	target_has_netplan();
	apply_once();
	is_static_network("wicked");
	not_there(SUSE "ifcfg-eth0");
	not_there(SUSE "routes");
	not_there("var/lib/wicked/lease-eth0-dhcp-ipv4.xml");
	holds(SUSE "ifcfg-lo", "STARTMODE='nfsroot'\n");
	holds(SUSE "config", "NETCONFIG_DNS_STATIC_SERVERS='192.0.2.53'\nX=1\n"
			     "NETCONFIG_DNS_STATIC_SEARCHLIST='example.org'\n");
	holds(SUSE "dhcp", "DHCLIENT_CLIENT_ID=''\n");
	assert_int_equal(root_lstat(&clone, "etc/systemd/network/10-rehost-enp1s0.link", &st), 0);
	assert_int_equal(root_lstat(&clone, "etc/resolv.conf", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_false(has_text(&plan.notes, "cannot say all"));
}

static void test_networkd_gets_wicked(void **state)
{
	(void)state;
	source_has_networkd();
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	put(&target, SUSE "ifcfg-enp1s0",
	    "STARTMODE='auto'\nIPADDR='203.0.113.10/32'\nIPADDR_1='203.0.113.11/32'\n"
	    "IPADDR_2='2001:db8:7::10/64'\nMTU='1450'\n");
	put(&target, SUSE "ifroute-enp1s0",
	    "203.0.113.1/32 - -\ndefault 203.0.113.1 -\ndefault fe80::1\n");
	put(&target, SUSE "ifsysctl-enp1s0", "net.ipv6.conf.enp1s0.accept_ra = 0\n");
	apply_once();
	is_static_network("systemd-networkd");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_networkd_gets_interfaces),
		TEST(test_networkd_gets_netplan),
		TEST(test_ifupdown_gets_networkd),
		TEST(test_servers_of_resolv_conf_go_into_the_stack),
		TEST(test_no_servers_of_the_source_where_dhcp_brings_them),
		TEST(test_network_manager_gets_networkd),
		TEST(test_netplan_gets_interfaces),
		TEST(test_profiles_are_not_shown),
		TEST(test_ifupdown_gets_netplan),
		TEST(test_stack_of_the_facts_counts),
		TEST(test_ifcfg_gets_interfaces),
		TEST(test_ifcfg_gets_ifcfg),
		TEST(test_ifupdown_gets_ifcfg),
		TEST(test_wicked_gets_netplan),
		TEST(test_networkd_gets_wicked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
