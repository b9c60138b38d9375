/* SPDX-License-Identifier: MIT */
/*
 * RHEL's ifcfg files. Rules are those of doc/sysconfig.txt of initscripts ([S] below) and of its scripts (ifup-eth, ifup-routes,
 * ifup-aliases, network-functions), and of nm-settings-ifcfg-rh(5) ([N]).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STACK "ifcfg"
#include "net_round.h"

#define DIR "etc/sysconfig/network-scripts/"

static bool has_route(const struct net_link *l, const char *to, const char *via)
{
	unsigned i;

	for (i = 0; i < l->route_count; i++)
		if (strcmp(l->routes[i].to, to) == 0 &&
		    (via ? l->routes[i].via && strcmp(l->routes[i].via, via) == 0
			 : !l->routes[i].via))
			return true;
	return false;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* As anaconda writes it, and what it leaves out: IPv6 of routers is on unless said ([S] IPV6_AUTOCONF: yes). */
static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\nNETMASK=255.0.0.0\nONBOOT=yes\n");
	put(DIR "ifcfg-eth0",
	    "# Intel\nTYPE=\"Ethernet\"\nBOOTPROTO='none' # by hand\nDEFROUTE=yes\nPEERDNS=yes\n"
	    "DEVICE=eth0\nHWADDR=52:54:00:AA:BB:CC\nONBOOT=yes\nNAME=\"System eth0\"\n"
	    "UUID=5fb06bd0-0bb0-7ffb-45f1-d6edd65f3e03\n"
	    "IPADDR0=192.0.2.10\nPREFIX0=24\nIPADDR1=192.0.2.11\nNETMASK1=255.255.255.240\n"
	    "GATEWAY0=192.0.2.1\nDNS1=192.0.2.53\nDNS2=2001:db8::53\nDOMAIN=\"example.net a.b\"\n"
	    "MTU=1450\nIPV6INIT=yes\nIPV6_AUTOCONF=no\nIPV6ADDR=2001:db8:1::10\n"
	    "IPV6ADDR_SECONDARIES=\"2001:db8:1::11/64 2001:db8:1::12/128\"\n"
	    "IPV6_DEFAULTGW=fe80::1%eth0\nZONE=public\n");
	put(DIR "ifcfg-eth1", "DEVICE=eth1\nBOOTPROTO=dhcp\nONBOOT=no\n");
	put(DIR "ifcfg-eth1.bak", "DEVICE=eth9\n");
	read_again();
	assert_int_equal(m.link_count, 2);
	assert_int_equal(m.notes.count, 0);
	l = link_of("eth0");
	assert_string_equal(l->mac, "52:54:00:aa:bb:cc");
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 5);
	assert_string_equal(l->addresses.items[0], "192.0.2.10/24");
	assert_string_equal(l->addresses.items[1], "192.0.2.11/28");
	assert_string_equal(l->addresses.items[2], "2001:db8:1::10/64"); /* [S]: 64 is assumed */
	assert_string_equal(l->addresses.items[4], "2001:db8:1::12/128");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_false(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->mtu, 1450);
	assert_int_equal(l->dns.count, 2);
	assert_int_equal(l->search.count, 2);
	assert_int_equal(l->extra.count, 1);
	assert_string_equal(l->extra.items[0], "ZONE=public");
	l = link_of("eth1");
	assert_false(l->at_boot);
	assert_int_equal(l->v4, NET_DHCP);
	assert_int_equal(l->v6, NET_AUTO);
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		enum net_method v4, v6;
	} rows[] = {
		{ "", NET_OFF, NET_AUTO },
		{ "BOOTPROTO=bootp\nIPV6INIT=no\n", NET_DHCP, NET_OFF },
		{ "IPV6_AUTOCONF=no\n", NET_OFF, NET_OFF },
		{ "DHCPV6C=yes\nIPV6_AUTOCONF=no\n", NET_OFF, NET_DHCP },
		{ "IPADDR=10.1.2.3\nIPV6FORWARDING=yes\n", NET_STATIC, NET_OFF },
		{ "BOOTPROTO=dhcp\nIPADDR=10.1.2.3\nIPV6ADDR=2001:db8::1/64\n", NET_DHCP,
		  NET_AUTO },
		{ "BOOTPROTO=dhcp\nIPV6INIT=yes\nIPV6_DISABLED=yes\n", NET_DHCP, NET_OFF },
	};
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "DEVICE=eth0\n%s", rows[i].text);
		put(DIR "ifcfg-eth0", text);
		read_again();
		if (link_of("eth0")->v4 != rows[i].v4 || link_of("eth0")->v6 != rows[i].v6)
			fail_msg("row %zu: %d %d", i, link_of("eth0")->v4, link_of("eth0")->v6);
	}
	/* without a length ipcalc goes by the class */
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nIPADDR=10.1.2.3\nIPADDR2=192.0.2.4\n");
	read_again();
	assert_string_equal(link_of("eth0")->addresses.items[0], "10.1.2.3/8");
	assert_string_equal(link_of("eth0")->addresses.items[1], "192.0.2.4/24");
	/* [S] NETWORKING_IPV6 of older releases switches all off */
	put("etc/sysconfig/network", "NETWORKING=yes\nNETWORKING_IPV6=no\n");
	read_again();
	assert_int_equal(link_of("eth0")->v6, NET_OFF);
}

/* Both forms of route files (ifup-routes), and rules; a gateway outside the prefix is reached by a route of its own. */
static void test_routes(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nIPADDR=203.0.113.10\nPREFIX=32\nGATEWAY=203.0.113.1\n"
			      "IPV6ADDR=2001:db8:1::10/128\nIPV6_AUTOCONF=no\n"
			      "ROUTING_RULE_1=\"priority 5 from 0.0.0.0/0 fwmark 7 table 7\"\n");
	put(DIR "route-eth0",
	    "# on the link\n203.0.113.1 dev eth0 scope link\ndefault via 203.0.113.1 dev eth0\n"
	    "10.0.0.0/8 via 203.0.113.1 dev eth0 metric 5 table 9 mtu 1400\n"
	    "198.51.100.0/24 type blackhole\n blackhole 198.51.101.0/24\n"
	    "10.9.0.0/16 nexthop via 10.0.0.1 weight 2\n");
	put(DIR "route6-eth0", "2001:db8:ff::1 dev eth0\n::/0 via 2001:db8:ff::1 dev eth0\n");
	put(DIR "rule-eth0", "from 10.0.0.0/8 lookup 9 pref 100\n");
	put(DIR "rule6-eth0", "to 2001:db8:9::/48 table 9\n");
	put(DIR "ifcfg-eth1", "DEVICE=eth1\nIPADDR=10.1.0.1\nPREFIX=24\n");
	put(DIR "route-eth1",
	    "ADDRESS0=10.2.0.0\nNETMASK0=255.255.0.0\nGATEWAY0=10.1.0.254\n"
	    "ADDRESS1=10.3.0.0\nNETMASK1=255.255.255.0\nADDRESS3=10.4.0.0\nNETMASK3=255.0.0.0\n");
	read_again();
	l = link_of("eth0");
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "2001:db8:ff::1");
	assert_true(l->is_onlink6);
	assert_int_equal(l->route_count, 3);
	assert_true(has_route(l, "10.0.0.0/8", "203.0.113.1"));
	assert_true(l->routes[0].is_onlink);
	assert_int_equal(l->routes[0].table, 9);
	assert_int_equal(l->routes[0].mtu, 1400);
	assert_string_equal(l->routes[1].type, "blackhole");
	assert_string_equal(l->routes[2].type, "blackhole");
	assert_int_equal(l->rule_count, 3);
	assert_null(l->rules[0].from);
	assert_string_equal(l->rules[0].fwmark, "7");
	assert_int_equal(l->rules[1].priority, 100);
	assert_true(l->rules[2].is_v6);
	assert_int_equal(l->extra.count, 1);
	assert_true(list_says(&l->extra, "nexthop"));
	l = link_of("eth1");
	assert_int_equal(l->route_count, 2);
	assert_true(has_route(l, "10.2.0.0/16", "10.1.0.254"));
	assert_true(has_route(l, "10.3.0.0/24", NULL));
	/* numbers have no gap: what comes behind it is not brought up */
	assert_true(list_says(&l->extra, "ADDRESS3=10.4.0.0"));
}

static void test_bonds_bridges_vlans(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-bond0", "DEVICE=bond0\nBONDING_OPTS=\"mode=4 miimon=100 lacp_rate=1\"\n"
			       "BRIDGE=br0\nBOOTPROTO=none\n");
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nMASTER=bond0\nSLAVE=yes\nBOOTPROTO=none\n");
	put(DIR "ifcfg-Port_2", "DEVICE=eth1\nMASTER_UUID=6B1C7A3E-3C0C-4F65-9A41-1F2F5C9E9D10\n"
				"TYPE=Ethernet\n");
	put(DIR "ifcfg-team",
	    "DEVICE=bond1\nTYPE=Bond\nBONDING_MASTER=yes\n"
	    "UUID=6b1c7a3e-3c0c-4f65-9a41-1f2f5c9e9d10\nMACADDR=02:00:00:00:00:01\n");
	put(DIR "ifcfg-br0", "DEVICE=br0\nTYPE=Bridge\nSTP=off\nDELAY=4\nIPADDR=10.7.0.1\n"
			     "PREFIX=24\nBRIDGING_OPTS=\"priority=4096 multicast_snooping=0\"\n");
	put(DIR "ifcfg-br0.7", "DEVICE=br0.7\nVLAN=yes\nBOOTPROTO=dhcp\n");
	put(DIR "ifcfg-vlan8", "DEVICE=vlan8\nVLAN=yes\nPHYSDEV=eth2\n");
	put(DIR "ifcfg-dmz", "DEVICE=dmz\nTYPE=Vlan\nPHYSDEV=eth2\nVLAN_ID=9\n");
	put(DIR "ifcfg-gre1", "DEVICE=gre1\nTYPE=GRE\nPEER_OUTER_IPADDR=192.0.2.1\n");
	read_again();
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->ports.count, 1);
	assert_true(strlist_has(&l->options, "mode=802.3ad"));
	assert_true(strlist_has(&l->options, "lacp_rate=fast"));
	assert_string_equal(link_of("bond1")->ports.items[0], "eth1");
	assert_string_equal(link_of("bond1")->set_mac, "02:00:00:00:00:01");
	assert_int_equal(link_of("eth0")->v6, NET_OFF); /* a port has no addresses */
	l = link_of("br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_true(strlist_has(&l->ports, "bond0"));
	assert_true(strlist_has(&l->options, "stp=no"));
	assert_true(strlist_has(&l->options, "forward_delay=4"));
	assert_true(strlist_has(&l->options, "priority=4096"));
	assert_true(strlist_has(&l->options, "multicast_snooping=no"));
	l = link_of("br0.7");
	assert_string_equal(l->parent, "br0");
	assert_int_equal(l->vlan_id, 7);
	assert_int_equal(link_of("vlan8")->vlan_id, 8);
	assert_int_equal(link_of("dmz")->vlan_id, 9);
	assert_int_equal(link_of("gre1")->kind, NET_OTHER);
	assert_true(list_says(&link_of("gre1")->extra, "PEER_OUTER_IPADDR=192.0.2.1"));
}

/* ifup-aliases: what an alias does not say it has of its card. */
static void test_aliases(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nIPADDR=192.0.2.10\nNETMASK=255.255.255.240\n");
	put(DIR "ifcfg-eth0:1", "DEVICE=eth0:1\nIPADDR=192.0.2.11\n");
	put(DIR "ifcfg-eth0:2", "DEVICE=eth0:2\nIPADDR=198.51.100.1\nPREFIX=32\n");
	put(DIR "ifcfg-eth0:3", "DEVICE=eth0:3\nIPADDR=198.51.100.2\nONPARENT=no\n");
	put(DIR "ifcfg-eth0-range0", "IPADDR_START=198.51.100.8\nIPADDR_END=198.51.100.10\n"
				     "CLONENUM_START=10\nNETMASK=255.255.255.255\n");
	put(DIR "ifcfg-eth5:1", "DEVICE=eth5:1\nIPADDR=192.0.2.99\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	l = link_of("eth0");
	assert_int_equal(l->addresses.count, 6);
	assert_true(strlist_has(&l->addresses, "192.0.2.11/28"));
	assert_true(strlist_has(&l->addresses, "198.51.100.1/32"));
	assert_true(strlist_has(&l->addresses, "198.51.100.10/32"));
	assert_int_equal(l->extra.count, 0);
	assert_true(list_says(&m.notes, "eth0:3 is not brought up"));
	assert_true(list_says(&m.notes, "eth5:1 is an alias"));
}

/* [S] /etc/sysconfig/network: for the named device, else the first that reaches it. */
static void test_gateways_for_all(void **state)
{
	(void)state;
	put("etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=old.example.net\nGATEWAY=192.0.2.1\n"
				     "IPV6_DEFAULTGW=\"fe80::1%eth1\"\n");
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nIPADDR=10.0.0.1\nPREFIX=24\n");
	put(DIR "ifcfg-eth1", "DEVICE=eth1\nIPADDR=192.0.2.10\nPREFIX=24\nDEFROUTE=yes\n");
	read_again();
	assert_null(link_of("eth0")->gateway4);
	assert_string_equal(link_of("eth1")->gateway4, "192.0.2.1");
	assert_string_equal(link_of("eth1")->gateway6, "fe80::1");
	/* one for another device, or not to be the default, is none */
	put("etc/sysconfig/network", "GATEWAYDEV=eth1\n");
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nIPADDR=10.0.0.1\nPREFIX=24\nGATEWAY=10.0.0.254\n");
	put(DIR "ifcfg-eth1",
	    "DEVICE=eth1\nIPADDR=192.0.2.10\nPREFIX=24\nGATEWAY=192.0.2.254\nMETRIC=7\n");
	read_again();
	assert_null(link_of("eth0")->gateway4);
	assert_null(link_of("eth1")->gateway4); /* with a metric it is a route like others */
	assert_true(has_route(link_of("eth1"), "0.0.0.0/0", "192.0.2.254"));
	assert_int_equal(link_of("eth1")->routes[0].metric, 7);
}

static void test_what_is_not_understood(void **state)
{
	const struct net_link *l;

	(void)state;
	put(DIR "ifcfg-eth0", "DEVICE=eth0\n. /etc/more\nIPADDR=$(cat /ip)\nDNS1=`x`\n"
			      "IPADDR1=192.0.2.1\nPREFIX1=99\nBOOTPROTO=autoip\nMYVAR=1\n");
	put(DIR "ifcfg-a b", "DEVICE='a b'\n");
	put(DIR "ifcfg-eth2", "DEVICE=eth0\nONBOOT=no\n");
	put(DIR "ifcfg-eth3", "DEVICE=eth3\nHWADDR=nonsense\n");
	put(DIR "ifcfg-eth4", "DEVICE=eth4\nVLAN=yes\n");
	read_again();
	l = link_of("eth0");
	assert_int_equal(l->addresses.count, 0);
	assert_true(list_says(&l->extra, "IPADDR1=192.0.2.1"));
	assert_true(list_says(&l->extra, "BOOTPROTO=autoip"));
	assert_true(list_says(&l->extra, "MYVAR=1"));
	assert_true(list_says(&m.notes, "line 2 is no assignment"));
	assert_true(list_says(&m.notes, "line 3: IPADDR is computed"));
	assert_true(list_says(&m.notes, "line 4: DNS1 is computed"));
	assert_true(list_says(&m.notes, "ifcfg-a b names a link that cannot be"));
	assert_true(list_says(&m.notes, "ifcfg-eth2 is not used"));
	assert_true(list_says(&m.notes, "ifcfg-eth3 names a card by an address"));
	assert_true(list_says(&link_of("eth4")->extra, "without PHYSDEV"));
	assert_int_equal(m.notes.count, 6);
}

/* ---- who reads them ---------------------------------------------------------------------------------------------- */

#define PLUGIN(version) "usr/lib64/NetworkManager/" version "/libnm-settings-plugin-ifcfg-rh.so"
#define NM_WANTED "etc/systemd/system/multi-user.target.wants/NetworkManager.service"

static const char *stack_of(void)
{
	net_done(&m);
	assert_int_equal(net_read(&m, &r, NULL), 0);
	return m.stack ? m.stack : "none";
}

static void test_which_trees_have_it(void **state)
{
	(void)state;
	assert_int_equal(root_mkdirs(&r, "usr/bin", 0755, NULL), 0);
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nBOOTPROTO=dhcp\n");
	assert_string_equal(stack_of(), "none"); /* installed is nothing, nobody is enabled */
	put(DIR "ifup-eth", "#!/bin/bash\n");
	put("etc/rc.d/init.d/network", "#!/bin/bash\n");
	assert_string_equal(stack_of(), "none");
	assert_int_equal(root_symlink(&r, "etc/rc.d/rc3.d/S10network", "../init.d/network", NULL),
			 0);
	assert_string_equal(stack_of(), "ifcfg"); /* RHEL 5 to 7, Amazon Linux */
	assert_int_equal(root_remove_tree(&r, "etc/rc.d", NULL), 0);
	put(NM_WANTED, "");
	assert_string_equal(stack_of(),
			    "NetworkManager"); /* without its plugin it does not read them */
	put(PLUGIN("1.40.16-1.el8"), "");
	assert_string_equal(stack_of(), "ifcfg"); /* RHEL 8 */
	put("etc/NetworkManager/system-connections/a.nmconnection",
	    "[connection]\ntype=ethernet\ninterface-name=eth0\n");
	assert_string_equal(stack_of(), "NetworkManager");
	assert_true(list_says(&m.notes, "ifcfg-"));
}

/* NM_CONTROLLED=no hands a card to scripts that RHEL 8 does not have: nobody brings it up ([S], [N]). */
static void test_nobodys_card(void **state)
{
	(void)state;
	put(NM_WANTED, "");
	put(PLUGIN("1.40.16-1.el8"), "");
	put(DIR "ifcfg-eth0", "DEVICE=eth0\nBOOTPROTO=dhcp\nNM_CONTROLLED=no\n");
	assert_string_equal(stack_of(), "ifcfg");
	assert_false(link_of("eth0")->at_boot);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void write_model(void)
{
	net_output_done(&o);
	assert_int_equal(net_write(&o, "ifcfg", &m, &r, NULL), 0);
}

static void scripts_are_enabled(void)
{
	put(DIR "ifup-eth", "");
	put("etc/rc.d/rc3.d/S10network", "");
}

#define SERVER \
	"DEVICE=eth0\nHWADDR=52:54:00:aa:bb:cc\nIPADDR0=203.0.113.10\nPREFIX0=32\n" \
	"IPADDR1=203.0.113.77\nPREFIX1=32\nGATEWAY=203.0.113.1\nMTU=1450\nDNS1=192.0.2.53\n" \
	"IPV6ADDR=2001:db8:1::10/64\nIPV6_AUTOCONF=no\nIPV6_DEFAULTGW=fe80::1\nZONE=public\n" \
	"DOMAIN='example.net a.b'\nROUTING_RULE_1='priority 5 from 10.0.0.0/8 table 7'\n"

/* GATEWAY for NetworkManager; ifup-eth passes it over when it lies outside ("NETWORK="), so it is in route-eth0 too. */
static void test_bytes(void **state)
{
	(void)state;
	put(DIR "ifcfg-eth0", SERVER);
	put(DIR "ifcfg-eth0.5", "DEVICE=eth0.5\nVLAN=yes\nBOOTPROTO=dhcp\nONBOOT=no\n");
	put("etc/sysconfig/network", "# by anaconda\nNETWORKING=yes\nHOSTNAME=a.example\n"
				     "GATEWAY=192.0.2.1\nNOZEROCONF=yes\n");
	scripts_are_enabled();
	read_again();
	write_model();
	assert_string_equal(
		file_text(&o, "/" DIR "ifcfg-eth0"),
		"# Written by rehost.\nDEVICE='eth0'\nTYPE='Ethernet'\nONBOOT='yes'\n"
		"HWADDR='52:54:00:aa:bb:cc'\nMTU='1450'\nBOOTPROTO='none'\n"
		"IPADDR0='203.0.113.10'\nPREFIX0='32'\nARPCHECK0='no'\n"
		"IPADDR1='203.0.113.77'\nPREFIX1='32'\nARPCHECK1='no'\nGATEWAY='203.0.113.1'\n"
		"IPV6INIT='yes'\nIPV6_AUTOCONF='no'\nIPV6ADDR='2001:db8:1::10/64'\n"
		"IPV6_DEFAULTGW='fe80::1%eth0'\nDNS1='192.0.2.53'\nDOMAIN='example.net a.b'\n");
	assert_string_equal(file_text(&o, "/" DIR "route-eth0"),
			    "# Written by rehost.\n203.0.113.1/32 dev eth0\n"
			    "0.0.0.0/0 via 203.0.113.1 dev eth0\n");
	assert_string_equal(file_text(&o, "/" DIR "rule-eth0"),
			    "# Written by rehost.\nfrom 10.0.0.0/8 table 7 priority 5\n");
	assert_string_equal(file_text(&o, "/" DIR "ifcfg-eth0.5"),
			    "# Written by rehost.\nDEVICE='eth0.5'\nTYPE='Vlan'\nVLAN='yes'\n"
			    "PHYSDEV='eth0'\nVLAN_ID='5'\nONBOOT='no'\nBOOTPROTO='dhcp'\n"
			    "IPV6INIT='yes'\nIPV6_AUTOCONF='yes'\n");
	assert_string_equal(
		file_text(&o, "/etc/sysconfig/network"),
		"# by anaconda\nNETWORKING='yes'\nHOSTNAME=a.example\nNOZEROCONF=yes\n");
	assert_int_equal(o.file_count, 5);
	assert_int_equal(o.units.count, 0);
	assert_int_equal(o.losses.count, 1);
	assert_string_equal(o.losses.items[0], "eth0: 'ZONE=public' is not written");
}

/* Rules for each that may read the files: [N] ROUTING_RULE_; older ones pass route files over when there are rule files. */
static void test_rules_for_each_reader(void **state)
{
	(void)state;
	put(DIR "ifcfg-eth0", SERVER);
	put(NM_WANTED, "");
	put(PLUGIN("1.30.0-7.el8"), "");
	read_again();
	write_model();
	assert_non_null(strstr(file_text(&o, "/" DIR "ifcfg-eth0"),
			       "ROUTING_RULE_1='from 10.0.0.0/8 table 7 priority 5'\n"));
	assert_int_equal(o.file_count, 3);
	assert_string_equal(o.units.items[0], "NetworkManager.service");
	assert_int_equal(root_remove_tree(&r, "usr", NULL), 0);
	put(PLUGIN("1.10.2-13.el7"), "");
	write_model();
	assert_int_equal(o.losses.count, 2);
	assert_true(list_says(&o.losses, "a rule for table 7 is not written"));
	scripts_are_enabled();
	write_model();
	assert_int_equal(o.losses.count, 1);
	assert_non_null(strstr(file_text(&o, "/" DIR "ifcfg-eth0"), "NM_CONTROLLED='no'\n"));
	file_text(&o, "/" DIR "rule-eth0");
}

static void test_hostile(void **state)
{
	struct net_link *l;
	unsigned i;

	(void)state;
	scripts_are_enabled();
	l = net_link_get(&m, "../x");
	l = net_link_get(&m, "eth1");
	l->v4 = NET_STATIC;
	l->gateway4 = strdup("$(reboot)");
	l->gateway6 = strdup("fe80::1'\nX=1");
	l->set_mac = strdup("'\nX=1");
	l->peer4 = strdup("1.1.1.1 dev lo");
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24\nX=1"), 0);
	assert_int_equal(strlist_add(&l->search, "a'b"), 0);
	assert_int_equal(strlist_add(&l->dns, "`x`"), 0);
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->options, "mode=1'\nX=1"), 0);
	l = net_link_get(&m, "vlan0");
	l->kind = NET_VLAN;
	l->parent = strdup("eth1");
	write_model();
	assert_int_equal(o.file_count, 3); /* eth1, bond0, network */
	for (i = 0; i < o.file_count; i++) {
		assert_null(strstr(strbuf_str(&o.files[i].text), "X=1"));
		assert_null(strpbrk(strbuf_str(&o.files[i].text), "$`"));
	}
	assert_int_equal(o.losses.count, 10);
}

/* ---- round trips ---------------------------------------------------------------------------------------------------- */

/* What the reader of the files cannot be told, taken out of what was drawn; every one has its loss. */
static void take_losses(struct net_model *drawn, const struct net_output *out, bool scripts)
{
	unsigned i, losses = 0;
	size_t n;

	for (i = 0; i < drawn->link_count; i++) {
		struct net_link *l = &drawn->links[i];
		unsigned v4 = 0;

		for (n = 0; n < l->addresses.count; n++)
			v4 += !net_is_v6(l->addresses.items[n]);
		if (l->peer4 && (!scripts || v4 != 1)) {
			losses++;
			free(l->peer4);
			l->peer4 = NULL;
		}
		losses += !scripts && l->v6 == NET_DHCP;
		losses += scripts && l->kind == NET_VLAN && !strchr(l->name, '.') &&
			  !str_starts(l->name, "vlan");
	}
	if (losses != out->losses.count)
		fail_msg("%u losses and not %zu", losses, out->losses.count);
}

static void empty_root(bool scripts)
{
	static const char *const files[] = { DIR "ifup-eth", "etc/rc.d/rc3.d/S10network" };
	size_t i;
	int fd;

	assert_int_equal(root_remove_tree(&r, "/etc", NULL), 0);
	assert_int_equal(root_mkdirs(&r, DIR, 0755, NULL), 0);
	assert_int_equal(root_mkdirs(&r, "etc/rc.d/rc3.d", 0755, NULL), 0);
	for (i = 0; scripts && i < ARRAY_SIZE(files); i++) {
		fd = root_openat(&r, files[i], O_WRONLY | O_CREAT, 0755, NULL);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void take_losses_of_nm(struct net_model *drawn, const struct net_output *out)
{
	take_losses(drawn, out, false);
}

static void take_losses_of_scripts(struct net_model *drawn, const struct net_output *out)
{
	take_losses(drawn, out, true);
}

static void test_round_trips(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 1; seed <= 120; seed++) {
		empty_root(false);
		round_trip(seed, MODEL_ALL, NULL, take_losses_of_nm);
		empty_root(true);
		round_trip(seed, MODEL_ALL, &r, take_losses_of_scripts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_server, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_methods, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_routes, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bonds_bridges_vlans, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_aliases, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_gateways_for_all, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_what_is_not_understood, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_which_trees_have_it, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_nobodys_card, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bytes, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_rules_for_each_reader, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_hostile, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_round_trips, temp_root_open, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
