/* SPDX-License-Identifier: MIT */
/*
 * SUSE's files. Rules are those of ifcfg(5), ifcfg-bonding(5), ifcfg-bridge(5), ifcfg-vlan(5), ifroute(5), ifrule(5) and
 * ifsysctl(5) of wicked; the ifup before it reads the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STACK "wicked"
#include "net_round.h"

#define DIR "etc/sysconfig/network/"

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* ifcfg(5): a length in the address, PREFIXLEN, NETMASK, in that order; any suffix; static does not stop routers. */
static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-lo", "IPADDR='127.0.0.1/8'\n");
	put(DIR "ifcfg-eth0",
	    "STARTMODE='auto'\nBOOTPROTO='static'\nIPADDR='192.0.2.10/24'\nPREFIXLEN='16'\n"
	    "IPADDR_1='192.0.2.11'\nPREFIXLEN_1='28'\nNETMASK_1='255.0.0.0'\n"
	    "IPADDRx='192.0.2.12'\nNETMASKx='255.255.255.0'\nLABELx='x'\n"
	    "IPADDR_2='192.0.2.13'\nIPADDR_v6='2001:db8:1::10/64'\nMTU='1450'\n"
	    "LLADDR='02:00:00:00:00:01'\nETHTOOL_OPTIONS=''\nZONE='public'\n");
	put(DIR "routes", "# all\ndefault 192.0.2.1 - -\ndefault fe80::1 - eth0\n"
			  "10.0.0.0 192.0.2.254 255.0.0.0 -\n127.0.0.0/8 - - lo\n"
			  "198.51.100.0/24 203.0.113.1 - -\n");
	put(DIR "ifroute-eth0", "10.1.0.0/16 192.0.2.2 - - metric 5 table 9\n"
				"192.0.2.200\n198.51.101.0/24 - - - blackhole\n");
	put(DIR "ifrule-eth0",
	    "from 192.0.2.10 table 9\nipv6 to 2001:db8:9::/48 lookup 9 pref 4\n");
	put(DIR "config", "# long\nNETCONFIG_DNS_STATIC_SERVERS=\"192.0.2.53 192.0.2.54\"\n"
			  "NETCONFIG_DNS_STATIC_SEARCHLIST=\"example.net\"\n");
	put(DIR "ifcfg-eth9.old", "IPADDR=192.0.2.99\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	l = link_of("eth0");
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_AUTO);
	assert_int_equal(l->addresses.count, 5);
	assert_string_equal(l->addresses.items[0], "192.0.2.10/24");
	assert_string_equal(l->addresses.items[1], "192.0.2.11/28");
	assert_string_equal(l->addresses.items[2], "192.0.2.12/24");
	assert_string_equal(l->addresses.items[3], "192.0.2.13/32");
	assert_string_equal(l->addresses.items[4], "2001:db8:1::10/64");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->mtu, 1450);
	assert_string_equal(l->set_mac, "02:00:00:00:00:01");
	assert_int_equal(l->route_count, 4);
	assert_int_equal(l->routes[0].table, 9);
	assert_int_equal(l->routes[0].metric, 5);
	assert_string_equal(l->routes[1].to, "192.0.2.200/32");
	assert_null(l->routes[1].via);
	assert_string_equal(l->routes[2].type, "blackhole");
	assert_string_equal(l->routes[3].to, "10.0.0.0/8");
	assert_string_equal(l->routes[3].via, "192.0.2.254");
	assert_int_equal(l->rule_count, 2);
	assert_string_equal(l->rules[0].from, "192.0.2.10/32");
	assert_true(l->rules[1].is_v6);
	assert_int_equal(l->rules[1].priority, 4);
	assert_int_equal(l->dns.count, 2);
	assert_string_equal(l->search.items[0], "example.net");
	assert_int_equal(l->extra.count, 1);
	assert_string_equal(l->extra.items[0], "ZONE=public");
	assert_int_equal(m.notes.count, 1); /* no link reaches 203.0.113.1 */
	assert_true(list_says(&m.notes, "198.51.100.0/24"));
	assert_true(strlist_has(&m.files, "/" DIR "config"));
}

static void test_methods(void **state)
{
	static const struct {
		const char *text, *sysctl;
		enum net_method v4, v6;
	} rows[] = {
		{ "", "", NET_OFF, NET_AUTO },
		{ "BOOTPROTO='dhcp'\n", "", NET_DHCP, NET_DHCP },
		{ "BOOTPROTO=dhcp4+auto6\n", "", NET_DHCP, NET_AUTO },
		{ "BOOTPROTO=dhcp6\nIPADDR=192.0.2.1/24\n", "", NET_STATIC, NET_DHCP },
		{ "BOOTPROTO=none\nIPADDR=192.0.2.1/24\n", "", NET_OFF, NET_OFF },
		{ "IPADDR=2001:db8::1/64\n", "net.ipv6.conf.eth0.accept_ra = 0\n", NET_OFF,
		  NET_STATIC },
		{ "BOOTPROTO=dhcp4\n", "net/ipv6/conf/eth0/disable_ipv6=1\n", NET_DHCP, NET_OFF },
		{ "", "net.ipv6.conf.eth1.accept_ra = 0\n", NET_OFF, NET_AUTO },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		put(DIR "ifcfg-eth0", rows[i].text);
		put(DIR "ifsysctl-eth0", rows[i].sysctl);
		read_again();
		if (link_of("eth0")->v4 != rows[i].v4 || link_of("eth0")->v6 != rows[i].v6)
			fail_msg("row %zu: %d %d", i, link_of("eth0")->v4, link_of("eth0")->v6);
		assert_false(link_of("eth0")->at_boot); /* STARTMODE: manual unless said */
	}
	put(DIR "ifcfg-eth0", "STARTMODE=hotplug\n");
	put(DIR "ifsysctl", "net.ipv6.conf.default.accept_ra = 0\n");
	read_again();
	assert_true(link_of("eth0")->at_boot);
	assert_int_equal(link_of("eth0")->v6, NET_OFF);
}

/* A gateway outside: REMOTE_IPADDR, or a route to it of its own. */
static void test_on_link(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-eth0", "IPADDR='203.0.113.10/32'\nREMOTE_IPADDR='203.0.113.1'\n");
	put(DIR "ifcfg-eth1", "IPADDR='198.51.100.10/32'\n");
	put(DIR "routes", "default 203.0.113.1 - -\n");
	put(DIR "ifroute-eth1", "172.16.0.1 - - eth1\n10.0.0.0/8 172.16.0.1 - eth1\n");
	read_again();
	l = link_of("eth0");
	assert_string_equal(l->peer4, "203.0.113.1");
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	l = link_of("eth1");
	assert_null(l->gateway4);
	assert_int_equal(l->route_count, 1);
	assert_string_equal(l->routes[0].via, "172.16.0.1");
	assert_true(l->routes[0].is_onlink);
}

static void test_bonds_bridges_vlans(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-bond0",
	    "BONDING_MASTER='yes'\nBONDING_SLAVE_0='eth0'\nBONDING_SLAVE1='eth1'\n"
	    "BONDING_MODULE_OPTS='mode=1 miimon=100'\nBOOTPROTO='dhcp4'\n");
	put(DIR "ifcfg-eth0", "IPADDR=192.0.2.1/24\n"); /* a port: not brought up */
	put(DIR "ifcfg-br0", "BRIDGE='yes'\nBRIDGE_PORTS='eth2 tap0'\nBRIDGE_STP='off'\n"
			     "BRIDGE_FORWARDDELAY='0'\nBRIDGE_AGEINGTIME='300'\n");
	put(DIR "ifcfg-bond0.7", "ETHERDEVICE='bond0'\n");
	put(DIR "ifcfg-dmz", "ETHERDEVICE='eth3'\nVLAN_ID='9'\n");
	put(DIR "ifcfg-vlan0042", "ETHERDEVICE='eth3'\n");
	put(DIR "ifcfg-sit1", "TUNNEL='sit'\nTUNNEL_REMOTE_IPADDR='192.0.2.1'\n");
	put(DIR "ifcfg-eth-id-52:54:00:AA:BB:CC", "IPADDR=192.0.2.7/24\n");
	read_again();
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->ports.count, 2);
	assert_true(strlist_has(&l->options, "mode=active-backup"));
	assert_int_equal(link_of("eth0")->addresses.count, 0);
	assert_int_equal(link_of("eth0")->v6, NET_OFF);
	l = link_of("br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_int_equal(l->ports.count, 2);
	assert_int_equal(l->options.count, 3);
	assert_true(strlist_has(&l->options, "forward_delay=0"));
	assert_string_equal(link_of("bond0.7")->parent, "bond0");
	assert_int_equal(link_of("bond0.7")->vlan_id, 7);
	assert_int_equal(link_of("dmz")->vlan_id, 9);
	assert_int_equal(link_of("vlan0042")->vlan_id, 42);
	assert_int_equal(link_of("sit1")->kind, NET_OTHER);
	assert_string_equal(link_of("card")->mac, "52:54:00:aa:bb:cc");
}

static void test_which_trees_have_it(void **state)
{
	(void)state;
#define UNITS "etc/systemd/system/"
	assert_int_equal(root_mkdirs(&r, "usr/bin", 0755, NULL), 0);
	put(DIR "ifcfg-eth0", "BOOTPROTO='dhcp'\n");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_null(m.stack);
	/* systemctl enable wicked: an alias and a link */
	assert_int_equal(root_symlink(&r, UNITS "network.service",
				      "/usr/lib/systemd/system/wicked.service", NULL),
			 0);
	read_again();
	assert_int_equal(root_symlink(&r, UNITS "network.service",
				      "/usr/lib/systemd/system/NetworkManager.service", NULL),
			 0);
	put(UNITS "multi-user.target.wants/NetworkManager.service", "");
	net_done(&m);
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_string_equal(m.stack, "NetworkManager");
	/* SLES 11 */
	assert_int_equal(root_remove_tree(&r, "etc/systemd", NULL), 0);
	put("etc/init.d/rc3.d/S05network", "");
	read_again();
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static void write_model(void)
{
	net_output_done(&o);
	assert_int_equal(net_write(&o, "wicked", &m, &r, NULL), 0);
}

static void test_bytes(void **state)
{
	(void)state;
	put(DIR "ifcfg-eth0.5",
	    "STARTMODE=auto\nETHERDEVICE=eth0\nIPADDR=203.0.113.10/32\nIPADDR_1=203.0.113.77/32\n"
	    "IPADDR_2=2001:db8:1::10/64\nMTU=1450\nTUNNEL_DUMMY=1\n");
	put(DIR "ifroute-eth0.5",
	    "203.0.113.1 - - eth0.5\ndefault 203.0.113.1 - eth0.5\n"
	    "default fe80::1 - eth0.5\n10.0.0.0/8 203.0.113.1 - - metric 5\n");
	put(DIR "ifrule-eth0.5", "from 10.0.0.0/8 table 7\n");
	put(DIR "ifsysctl-eth0.5", "net.ipv6.conf.eth0/5.accept_ra = 0\n");
	put(DIR "ifcfg-eth0", "STARTMODE='auto'\nBOOTPROTO='dhcp4'\n");
	put(DIR "config", "# long\nNETCONFIG_DNS_STATIC_SERVERS=\"192.0.2.53 2001:db8::53\"\n"
			  "NETCONFIG_DNS_STATIC_SEARCHLIST=\"\"\nOTHER=1\n");
	put(DIR "dhcp", "DHCLIENT_CLIENT_ID=\"source\"\nDHCLIENT_SLEEP=\"0\"\n");
	read_again();
	assert_int_equal(m.notes.count, 0);
	write_model();
	assert_string_equal(
		file_text(&o, "/" DIR "ifcfg-eth0.5"),
		"# Written by rehost.\nSTARTMODE='auto'\nBOOTPROTO='static'\nETHERDEVICE='eth0'\n"
		"VLAN_ID='5'\nMTU='1450'\nIPADDR='203.0.113.10/32'\nIPADDR_1='203.0.113.77/32'\n"
		"IPADDR_2='2001:db8:1::10/64'\n");
	assert_string_equal(
		file_text(&o, "/" DIR "ifroute-eth0.5"),
		"# Written by rehost.\n203.0.113.1/32 - - eth0.5\n"
		"0.0.0.0/0 203.0.113.1 - eth0.5\n10.0.0.0/8 203.0.113.1 - eth0.5 metric 5\n"
		"::/0 fe80::1 - eth0.5\n");
	assert_string_equal(file_text(&o, "/" DIR "ifrule-eth0.5"),
			    "# Written by rehost.\nipv4 from 10.0.0.0/8 table 7\n");
	assert_string_equal(file_text(&o, "/" DIR "ifsysctl-eth0.5"),
			    "# Written by rehost.\nnet.ipv6.conf.eth0/5.accept_ra = 0\n"
			    "net.ipv6.conf.eth0/5.autoconf = 0\n");
	assert_string_equal(file_text(&o, "/" DIR "ifcfg-eth0"),
			    "# Written by rehost.\nSTARTMODE='auto'\nBOOTPROTO='dhcp4'\n");
	assert_string_equal(file_text(&o, "/" DIR "config"),
			    "# long\nNETCONFIG_DNS_STATIC_SERVERS='192.0.2.53 2001:db8::53'\n"
			    "NETCONFIG_DNS_STATIC_SEARCHLIST=''\nOTHER=1\n");
	assert_string_equal(file_text(&o, "/" DIR "dhcp"),
			    "DHCLIENT_CLIENT_ID=''\nDHCLIENT_SLEEP=\"0\"\n");
	assert_int_equal(o.file_count, 7);
	assert_string_equal(o.units.items[0], "wicked.service");
	assert_int_equal(o.losses.count, 2);
	assert_true(list_says(&o.losses, "eth0.5: 'TUNNEL_DUMMY=1' is not written"));
	assert_true(list_says(&o.losses, "eth0: 'DHCLIENT_CLIENT_ID=source' is not written"));
}

static void test_losses(void **state)
{
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "eth0");
	l->mac = strdup("52:54:00:aa:bb:cc");
	l->peer4 = strdup("192.0.2.1");
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.10/24"), 0);
	assert_int_equal(strlist_add(&l->dns, "192.0.2.53"), 0);
	l = net_link_get(&m, "br0");
	l->kind = NET_BRIDGE;
	assert_int_equal(strlist_add(&l->options, "vlan_filtering=yes"), 0);
	assert_int_equal(strlist_add(&l->dns, "192.0.2.54"), 0);
	write_model();
	assert_int_equal(o.losses.count, 4);
	assert_true(list_says(&o.losses, "eth0: found by the address 52:54:00:aa:bb:cc"));
	assert_true(list_says(&o.losses, "eth0: the peer 192.0.2.1 is not written"));
	assert_true(list_says(&o.losses, "br0: the bridge's option \"vlan_filtering=yes\""));
	assert_true(list_says(&o.losses, "name servers count for all links"));
	assert_string_equal(file_text(&o, "/" DIR "config"),
			    "NETCONFIG_DNS_STATIC_SERVERS='192.0.2.53 192.0.2.54'\n");
}

static void test_hostile(void **state)
{
	struct net_link *l;
	unsigned i;

	(void)state;
	l = net_link_get(&m, "../x");
	l = net_link_get(&m, "eth1");
	l->v4 = NET_STATIC;
	l->gateway4 = strdup("1.1.1.1 - lo");
	l->set_mac = strdup("'\nX=1");
	l->peer4 = strdup("1.1.1.1\nX=1");
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/32"), 0);
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/32'\nX=1"), 0);
	assert_int_equal(strlist_add(&l->search, "a'\nX=1"), 0);
	assert_int_equal(strlist_add(&l->dns, "`x`"), 0);
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->ports, "eth2'\nX=1"), 0);
	assert_int_equal(strlist_add(&l->options, "mode=1'\nX=1"), 0);
	write_model();
	for (i = 0; i < o.file_count; i++) {
		assert_null(strstr(strbuf_str(&o.files[i].text), "X=1"));
		assert_null(strpbrk(strbuf_str(&o.files[i].text), "$`"));
	}
	/* the port is told twice: that no interface is called so, and that the bond cannot name it */
	assert_int_equal(o.losses.count, 10);
	/* read, too, nothing of it becomes more */
	put(DIR "ifcfg-eth0", "IPADDR=$(x)\nIPADDR_1=999.1.1.1/24\nIPADDR_2=1.1.1.1/99\nMTU=x\n"
			      "what\n");
	put(DIR "ifroute-eth0", "default\nx y z\n10.0.0.0/8 192.0.2.1 - eth7\n - - - -\n");
	put(DIR "ifcfg-a;b", "BOOTPROTO=dhcp\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("eth0")->addresses.count, 0);
	assert_int_equal(link_of("eth0")->route_count, 1);
	assert_int_equal(link_of("eth0")->extra.count, 5);
	assert_int_equal(m.notes.count, 3);
}

/* ---- round trips ------------------------------------------------------------------------------------------------------- */

static void test_round_trips(void **state)
{
	/* cards by name, name servers for all alike: test_losses */
	unsigned seed, features = MODEL_ALL & ~(unsigned)(MODEL_MAC | MODEL_DNS);

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		assert_int_equal(root_remove_tree(&r, "/etc", NULL), 0);
		round_trip(seed, features, NULL, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_server, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_methods, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_on_link, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bonds_bridges_vlans, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_which_trees_have_it, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bytes, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_losses, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_hostile, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_round_trips, temp_root_open, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
