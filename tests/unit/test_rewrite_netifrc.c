/* SPDX-License-Identifier: MIT */
/* netifrc: its net.example, and the scripts it names, say what is expected here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#define STACK "netifrc"
#include "net_round.h"

#define CONF "etc/conf.d/net"

static void read_text(const char *text)
{
	put(CONF, text);
	read_again();
}

/* "INTERFACE HANDLERS": the forms of config_, routes_, and the words around them */
static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("modules=\"!wireless\"\n"
		  "config_eth0=\"192.0.2.2/24 192.0.2.3/24 2001:db8::5/64\"\n"
		  "routes_eth0=\"default via 192.0.2.1\n"
		  "10.0.0.0/8 via 192.0.2.4\n"
		  "-net 172.16.0.0 netmask 255.240.0.0 gw 192.0.2.5\n"
		  "default via fe80::1\nblackhole 198.51.100.0/24\"\n"
		  "rules_eth0=\"from 192.0.2.0/24 table 100 priority 500\"\n"
		  "rules6_eth0=\"from 2001:db8::/64 table 100 priority 501\"\n"
		  "dns_servers_eth0=\"192.0.2.53 2001:db8::53\"\n"
		  "dns_search_eth0='a.example b.example'\nmtu_eth0=\"1450\"\n"
		  "mac_eth0=\"02:00:00:00:00:0B\"\ntxqueuelen_eth0=1000\n");
	assert_int_equal(m.link_count, 1);
	l = link_of("eth0");
	assert_int_equal(l->v4, NET_STATIC);
	/* nothing says that routers are not listened to */
	assert_int_equal(l->v6, NET_AUTO);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->addresses.items[1], "192.0.2.3/24");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->route_count, 3);
	assert_string_equal(l->routes[1].to, "172.16.0.0/12");
	assert_string_equal(l->routes[2].type, "blackhole");
	assert_int_equal(l->rule_count, 2);
	assert_true(l->rules[1].is_v6);
	assert_int_equal(l->dns.count, 2);
	assert_int_equal(l->search.count, 2);
	assert_int_equal(l->mtu, 1450);
	assert_string_equal(l->set_mac, "02:00:00:00:00:0b");
	assert_int_equal(l->extra.count, 1);
	assert_true(list_says(&l->extra, "txqueuelen=1000"));
	assert_int_equal(m.notes.count, 0);
}

/* "They all do exactly the same thing", and more words on a line of their own */
static void test_forms_of_addresses(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("config_a=\"192.0.2.2 netmask 255.255.255.0\"\n"
		  "config_b=\"192.0.2.2/24 brd 192.0.2.255\n2001:db8::5/64 nodad\"\n"
		  "config_c=\"192.0.2.2/32 peer 192.0.2.1\"\n"
		  "config_d=( \"192.0.2.2/24\" \"192.0.2.3/24\" )\n"
		  "config_e=\"dhcp\ndhcpv6\"\nconfig_f=null\nconfig_g=\"192.0.2.9\"\n"
		  "config_h=\"noop 192.0.2.2/24\"\n");
	assert_string_equal(link_of("a")->addresses.items[0], "192.0.2.2/24");
	l = link_of("b");
	assert_int_equal(l->addresses.count, 2);
	assert_true(list_says(&l->extra, "nodad"));
	assert_string_equal(link_of("c")->peer4, "192.0.2.1");
	assert_int_equal(link_of("d")->addresses.count, 2);
	assert_int_equal(link_of("e")->v4, NET_DHCP);
	assert_int_equal(link_of("e")->v6, NET_DHCP);
	assert_int_equal(link_of("f")->v4, NET_OFF);
	/* iproute2.sh: "Always have a netmask" */
	assert_string_equal(link_of("g")->addresses.items[0], "192.0.2.9/32");
	assert_int_equal(link_of("h")->v4, NET_STATIC);
}

/* "You can override this by setting metric_eth0": of every route that has none */
static void test_metric(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("config_eth0=192.0.2.2/24\nmetric_eth0=100\n"
		  "routes_eth0=\"default via 192.0.2.1\n10.0.0.0/8 via 192.0.2.4 metric 5\"\n");
	l = link_of("eth0");
	assert_null(l->gateway4);
	assert_int_equal(l->routes[0].metric, 100);
	assert_int_equal(l->routes[1].metric, 5);
}

static void test_bond_bridge_vlan(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("slaves_bond0=\"eth0 eth1\"\nmode_bond0=\"802.3ad\"\nmiimon_bond0=\"100\"\n"
		  "arp_ip_target_bond0=\"+26.0.0.0 26.0.0.1\"\nconfig_bond0=\"null\"\n"
		  "vlans_bond0=\"5 6\"\nvlan6_name=\"lan\"\nconfig_bond0_5=\"192.0.2.2/24\"\n"
		  "config_lan=\"192.0.2.200/29\"\n"
		  "bridge_br_lan=\"eth2\"\nbridge_stp_state_br_lan=\"1\"\n"
		  "bridge_forward_delay_br_lan=\"1000\"\nconfig_br_lan=\"dhcp\"\n"
		  "bridge_br1=\"\"\nbrctl_br1=\"setfd 4\nstp off\"\nconfig_br1=null\n"
		  "bridge_add_eth9=\"br1\"\nconfig_eth9=null\n");
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->ports.count, 2);
	assert_true(strlist_has(&l->options, "mode=802.3ad"));
	assert_true(strlist_has(&l->options, "miimon=100"));
	assert_true(strlist_has(&l->options, "arp_ip_target=26.0.0.0,26.0.0.1"));
	/* bonding.sh: the ports' IPv6 is switched off; no DHCP there either */
	assert_int_equal(link_of("eth0")->v4, NET_OFF);
	assert_int_equal(link_of("eth0")->v6, NET_OFF);
	l = link_of("bond0.5");
	assert_int_equal(l->kind, NET_VLAN);
	assert_int_equal(l->vlan_id, 5);
	assert_string_equal(l->addresses.items[0], "192.0.2.2/24");
	l = link_of("lan");
	assert_string_equal(l->parent, "bond0");
	assert_int_equal(l->vlan_id, 6);
	l = link_of("br_lan");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_true(strlist_has(&l->options, "stp=yes"));
	assert_true(strlist_has(&l->options, "forward_delay=10"));
	l = link_of("br1");
	assert_true(strlist_has(&l->options, "forward_delay=4"));
	assert_true(strlist_has(&l->options, "stp=no"));
	assert_string_equal(l->ports.items[0], "eth9");
	assert_int_equal(l->extra.count, 0);
}

/* What a runlevel starts counts, and names what the variables cannot: "replace . with a _" */
static void test_services(void **state)
{
	(void)state;
	put("usr/bin/env", "");
	put("etc/init.d/net.lo", "");
	put(CONF, "config_br_lan=\"192.0.2.2/24\"\nconfig_eth1=dhcp\n");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_null(m.stack);
	assert_int_equal(root_symlink(&r, "etc/init.d/net.br-lan", "net.lo", NULL), 0);
	assert_int_equal(root_symlink(&r, "etc/runlevels/default/net.br-lan",
				      "/etc/init.d/net.br-lan", NULL),
			 0);
	assert_int_equal(root_symlink(&r, "etc/runlevels/boot/net.lo", "/etc/init.d/net.lo", NULL),
			 0);
	assert_int_equal(root_symlink(&r, "etc/runlevels/default/net.eth0", "/etc/init.d/net.eth0",
				      NULL),
			 0);
	read_again();
	assert_true(link_of("br-lan")->at_boot);
	assert_int_equal(link_of("br-lan")->addresses.count, 1);
	assert_false(link_of("eth1")->at_boot);
	/* "config_eth0 not specified; defaulting to DHCP" */
	assert_true(link_of("eth0")->at_boot);
	assert_int_equal(link_of("eth0")->v4, NET_DHCP);
	assert_null(net_find(&m, "lo"));
	assert_int_equal(m.units.count, 2);
	assert_true(strlist_has(&m.units, "net.br-lan"));
}

static void test_what_needs_a_shell(void **state)
{
	(void)state;
	read_text("config_eth0=\"${ADDRESS}/24\"\nroutes_eth0='default via 192.0.2.1'\n"
		  "postup() {\n\tip route add 10.0.0.0/8 via 192.0.2.9\n\troutes_eth0=x\n}\n"
		  "dns_servers=\"192.0.2.53\"\n");
	assert_string_equal(link_of("eth0")->gateway4, "192.0.2.1");
	assert_true(list_says(&m.notes, "line 3: postup() {"));
	assert_true(list_says(&m.notes, "line 1: only a shell can tell the value of config_eth0"));
	assert_string_equal(link_of("eth0")->dns.items[0], "192.0.2.53");
}

static void test_file_as_written(void **state)
{
	static const char head[] =
		"# Written by rehost.\n\n"
		"config_ens3=\"203.0.113.10/32\n203.0.113.77/32\n2001:db8:1::10/64\"\n"
		"rehost_ra_ens3=\"0\"\n"
		"routes_ens3=\"default via 203.0.113.1 onlink\ndefault via fe80::1\n"
		"10.0.0.0/8 via 203.0.113.2 onlink metric 5\"\n"
		"metric_ens3=\"0\"\n"
		"dns_servers_ens3=\"192.0.2.53\"\n"
		"mtu_ens3=\"1450\"\n"
		"ens3_vlan5_name=\"ens3.5\"\nvlans_ens3=\"5\"\n\n"
		"config_ens3_5=\"dhcp\"\nrehost_ra_ens3_5=\"2\"\n";
	struct net_route route = { .to = (char *)"10.0.0.0/8",
				   .via = (char *)"203.0.113.2",
				   .is_onlink = true,
				   .metric = 5 };
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "ens3");
	l->at_boot = true;
	l->v4 = l->v6 = NET_STATIC;
	l->mtu = 1450;
	assert_int_equal(strlist_add(&l->addresses, "203.0.113.10/32"), 0);
	assert_int_equal(strlist_add(&l->addresses, "203.0.113.77/32"), 0);
	assert_int_equal(strlist_add(&l->addresses, "2001:db8:1::10/64"), 0);
	assert_int_equal(strlist_add(&l->dns, "192.0.2.53"), 0);
	l->gateway4 = strdup("203.0.113.1");
	l->is_onlink4 = true;
	l->gateway6 = strdup("fe80::1");
	assert_int_equal(net_take_route(l, &route), 0);
	l = net_link_get(&m, "ens3.5");
	l->kind = NET_VLAN;
	l->parent = strdup("ens3");
	l->vlan_id = 5;
	l->at_boot = true;
	l->v4 = NET_DHCP;
	l->v6 = NET_AUTO;
	assert_int_equal(net_write(&o, "netifrc", &m, NULL, NULL), 0);
	assert_int_equal(o.file_count, 1);
	if (strncmp(file_text(&o, "/etc/conf.d/net"), head, strlen(head)) != 0)
		fail_msg("%s", file_text(&o, "/etc/conf.d/net"));
	assert_int_equal(o.losses.count, 0);
	assert_int_equal(o.units.count, 1);
	assert_string_equal(o.units.items[0], "net.ens3");
}

static void test_nothing_becomes_a_line(void **state)
{
	static const char evil[] = "192.0.2.1\"\nrm -rf /\n\"";
	const char *text;
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "eth0");
	l->at_boot = true;
	l->gateway4 = strdup(evil);
	l->set_mac = strdup(evil);
	l->peer4 = strdup(evil);
	assert_int_equal(strlist_add(&l->addresses, evil), 0);
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24"), 0);
	assert_int_equal(strlist_add(&l->dns, evil), 0);
	assert_int_equal(strlist_add(&l->search, "$(reboot)"), 0);
	assert_int_equal(strlist_add(&l->extra, evil), 0);
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->ports, "$(reboot)"), 0);
	assert_int_equal(strlist_add(&l->options, "mode=`reboot`"), 0);
	assert_int_equal(strlist_add(&l->options, "config=x"), 0);
	net_link_get(&m, "a;reboot");
	net_link_get(&m, "bond.0");
	net_link_get(&m, "bond-0"); /* its variables would be those of bond.0 */
	assert_int_equal(net_write(&o, "netifrc", &m, NULL, NULL), 0);
	text = file_text(&o, "/etc/conf.d/net");
	assert_null(strstr(text, "rm "));
	assert_null(strstr(text, "reboot"));
	assert_true(list_says(&o.losses, "bond-0: a link that netifrc cannot be told of"));
	assert_true(o.losses.count >= 10);
}

static void test_round_trip(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 300; seed++) {
		struct strbuf why cleanup_strbuf = STRBUF_INIT;
		struct net_model drawn;

		assert_int_equal(models_make(&drawn, seed, MODEL_ALL & ~MODEL_MAC), 0);
		net_output_done(&o);
		assert_int_equal(net_write(&o, "netifrc", &drawn, NULL, NULL), 0);
		put_output(&o);
		read_again();
		if (!models_equal(&drawn, &m, &why) || o.losses.count || m.notes.count)
			fail_msg("seed %u: %s%s%s\n%s", seed, strbuf_str(&why),
				 o.losses.count ? o.losses.items[0] : "",
				 m.notes.count ? m.notes.items[0] : "",
				 strbuf_str(&o.files[0].text));
		net_done(&drawn);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, temp_root_open, end)
	const struct CMUnitTest tests[] = {
		TEST(test_a_server),	    TEST(test_forms_of_addresses),
		TEST(test_metric),	    TEST(test_bond_bridge_vlan),
		TEST(test_services),	    TEST(test_what_needs_a_shell),
		TEST(test_file_as_written), TEST(test_nothing_becomes_a_line),
		TEST(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
