/* SPDX-License-Identifier: MIT */
/* netctl: netctl.profile(5) and netctl(1) say what is expected here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#define STACK "netctl"
#include "net_round.h"

#define WANTS "etc/systemd/system/multi-user.target.wants/"

/* "Leaving out brackets for arrays consisting of a single element is accepted" */
static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	put("etc/netctl/lan",
	    "Description='A basic static ethernet connection'\n"
	    "Interface=eth0\nConnection=ethernet # wired\nIP=static\n"
	    "Address=('192.0.2.23/24'\n  \"192.0.2.87/24\")\n"
	    "Routes=('10.0.0.0/8 via 192.0.2.2' 'wrong')\n"
	    "Gateway=192.0.2.1\nDNS=192.0.2.53\nDNSSearch='a.example b.example'\n"
	    "IP6=static\nAddress6=('2001:db8::5/64 nodad')\nGateway6='fe80::1'\n"
	    "Routes6=('2001:db8:1::/48 via 2001:db8::2')\n"
	    "ExecUpPost='echo up || true'\n"
	    "IPCustom=('link set dev eth0 mtu 1400' 'link set dev eth0 txqueuelen 9')\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	l = link_of("eth0");
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->addresses.items[0], "192.0.2.23/24");
	assert_string_equal(l->addresses.items[1], "192.0.2.87/24");
	assert_string_equal(l->addresses.items[2], "2001:db8::5/64");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_false(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->route_count, 2);
	assert_string_equal(l->routes[0].to, "10.0.0.0/8");
	assert_string_equal(l->routes[1].via, "2001:db8::2");
	assert_string_equal(l->dns.items[0], "192.0.2.53");
	assert_int_equal(l->search.count, 2);
	assert_int_equal(l->mtu, 1400);
	assert_int_equal(l->extra.count, 3);
	assert_true(list_says(&l->extra, "ExecUpPost=echo up || true"));
	assert_true(list_says(&l->extra, "Routes=wrong"));
	assert_true(list_says(&l->extra, "txqueuelen 9"));
	assert_int_equal(m.notes.count, 0);
	assert_true(strlist_has(&m.files, "/etc/netctl/lan"));
}

/* "The difference between not specifying and setting to 'no' is in the handling of router advertisement packages" */
static void test_router_advertisements(void **state)
{
	static const struct {
		const char *text;
		enum net_method method;
	} rows[] = { { "", NET_AUTO },
		     { "IP6=no", NET_OFF },
		     { "IP6=stateless", NET_AUTO },
		     { "IP6=dhcp-noaddr", NET_AUTO },
		     { "IP6=dhcp", NET_DHCP },
		     { "IP6=static", NET_STATIC } };
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "Interface=eth0\nConnection=ethernet\nIP=dhcp\n%s\n",
			 rows[i].text);
		put("etc/netctl/lan", text);
		read_again();
		assert_int_equal(link_of("eth0")->v4, NET_DHCP);
		assert_int_equal(link_of("eth0")->v6, rows[i].method);
	}
}

static void test_bond_bridge_vlan(void **state)
{
	const struct net_link *l;

	(void)state;
	put("etc/netctl/a", "Interface=bond0\nConnection=bond\nBindsToInterfaces=(eth0 eth1)\n"
			    "Mode=802.3ad\nLinkOptions='miimon 100 lacp_rate fast'\nIP=no\n"
			    "MACAddress=02:00:00:00:00:0A\n");
	put("etc/netctl/b",
	    "Interface=br0\nConnection=bridge\nBindsToInterfaces=(tap0)\nIP=dhcp\n"
	    "LinkOptions='stp_state 1 forward_delay 400'\nSkipForwardingDelay=yes\n");
	put("etc/netctl/c", "Interface=bond0.11\nConnection=vlan\nBindsToInterfaces=bond0\n"
			    "VLANID=11\nIP=static\nAddress=192.0.2.4/24\n");
	put("etc/netctl/d", "Interface=wg0\nConnection=wireguard\nPrivateKey=secret\nIP=no\n");
	read_again();
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->ports.count, 2);
	assert_string_equal(l->set_mac, "02:00:00:00:00:0a");
	assert_true(strlist_has(&l->options, "mode=802.3ad"));
	assert_true(strlist_has(&l->options, "miimon=100"));
	assert_true(strlist_has(&l->options, "lacp_rate=fast"));
	assert_int_equal(link_of("eth1")->v4, NET_OFF);
	l = link_of("br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	/* ip-link(8): hundredths of a second */
	assert_true(strlist_has(&l->options, "forward_delay=4"));
	assert_true(strlist_has(&l->options, "stp=yes"));
	assert_true(list_says(&l->extra, "SkipForwardingDelay=yes"));
	l = link_of("bond0.11");
	assert_int_equal(l->kind, NET_VLAN);
	assert_int_equal(l->vlan_id, 11);
	assert_string_equal(l->parent, "bond0");
	l = link_of("wg0");
	assert_int_equal(l->kind, NET_OTHER);
	assert_false(list_says(&l->extra, "secret"));
}

/* netctl(1), unit_enable: the unit's instance is the profile's name, escaped */
static void test_enabled_profiles_count(void **state)
{
	(void)state;
	put("etc/netctl/wired-static", "Interface=eth0\nConnection=ethernet\nIP=dhcp\n");
	put("etc/netctl/other", "Interface=eth0\nConnection=ethernet\nIP=no\n");
	put("etc/netctl/hooks/clock", "date\n");
	put("usr/bin/netctl", "");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_null(m.stack); /* nothing is enabled */
	put(WANTS "netctl@wired\\x2dstatic.service", "");
	put("etc/systemd/system/netctl@wired\\x2dstatic.service.d/profile.conf", "[Unit]\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("eth0")->v4, NET_DHCP);
	assert_true(strlist_has(&m.units, "netctl@wired\\x2dstatic.service"));
	assert_int_equal(m.units.count, 1);
	assert_true(
		strlist_has(&m.files,
			    "/etc/systemd/system/netctl@wired\\x2dstatic.service.d/profile.conf"));
	assert_true(list_says(&m.notes, "/etc/netctl/other is not enabled"));
	assert_true(list_says(&m.notes, "hooks/clock is run with the profiles"));
}

/* Nothing is run: what only a shell can tell is said, and the rest still counts. */
static void test_what_needs_a_shell(void **state)
{
	const struct net_link *l;

	(void)state;
	put("etc/netctl/lan", "Interface=eth0\nConnection=ethernet\nIP=static\n"
			      "Address=\"$(cat /etc/address)\"\nGateway=192.0.2.1\n"
			      "if true; then\n  Gateway=192.0.2.99\nfi\n. /etc/netctl/common\n"
			      "later() {\n  Gateway=192.0.2.98\n}\n");
	read_again();
	l = link_of("eth0");
	assert_int_equal(l->addresses.count, 0);
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_true(list_says(&m.notes, "line 4: only a shell can tell the value of Address"));
	assert_true(list_says(&m.notes, "line 6: if true; then"));
	assert_true(list_says(&m.notes, "line 9: . /etc/netctl/common"));
	assert_true(list_says(&m.notes, "line 10: later() {"));
	assert_true(list_says(&l->extra, "Address=$(cat /etc/address)"));
}

static void write_model(void)
{
	net_output_done(&o);
	assert_int_equal(net_write(&o, "netctl", &m, NULL, NULL), 0);
}

static void test_files_as_written(void **state)
{
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "ens3");
	l->at_boot = true;
	l->v4 = l->v6 = NET_STATIC;
	l->mtu = 1450;
	assert_int_equal(strlist_add(&l->addresses, "203.0.113.10/32"), 0);
	assert_int_equal(strlist_add(&l->addresses, "2001:db8:1::10/64"), 0);
	assert_int_equal(strlist_add(&l->dns, "192.0.2.53"), 0);
	l->gateway4 = strdup("203.0.113.1");
	l->is_onlink4 = true;
	l->gateway6 = strdup("fe80::1");
	write_model();
	assert_string_equal(file_text(&o, "/etc/netctl/rehost_ens3"),
			    "# Written by rehost.\n"
			    "Interface=ens3\nConnection=ethernet\n"
			    "IP=static\nAddress=('203.0.113.10/32')\n"
			    "IP6=static\nAddress6=('2001:db8:1::10/64')\nGateway6=fe80::1\n"
			    "IPCustom=('link set dev ens3 mtu 1450' "
			    "'route add default via 203.0.113.1 dev ens3 onlink')\n"
			    "DNS=('192.0.2.53')\n");
	assert_string_equal(
		file_text(&o, "/etc/systemd/system/netctl@rehost_ens3.service.d/profile.conf"),
		"# Written by rehost.\n[Unit]\nBindsTo=sys-subsystem-net-devices-ens3.device\n"
		"After=sys-subsystem-net-devices-ens3.device\n");
	assert_true(strlist_has(&o.units, "netctl@rehost_ens3.service"));
	assert_int_equal(o.losses.count, 0);
}

static void test_nothing_becomes_a_line(void **state)
{
	static const char evil[] = "192.0.2.1')\nrm -rf /\n'";
	struct net_link *l;
	unsigned i;

	(void)state;
	l = net_link_get(&m, "eth0");
	l->at_boot = true;
	l->v4 = NET_STATIC;
	l->gateway4 = strdup(evil);
	l->set_mac = strdup(evil);
	l->peer4 = strdup(evil);
	assert_int_equal(strlist_add(&l->addresses, evil), 0);
	assert_int_equal(strlist_add(&l->dns, evil), 0);
	assert_int_equal(strlist_add(&l->search, "$(reboot)"), 0);
	assert_int_equal(strlist_add(&l->extra, evil), 0);
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->ports, "$(reboot)"), 0);
	assert_int_equal(strlist_add(&l->options, "mode=`reboot`"), 0);
	net_link_get(&m, "a;reboot");
	net_link_get(&m, "-x");
	write_model();
	for (i = 0; i < o.file_count; i++) {
		assert_null(strstr(strbuf_str(&o.files[i].text), "rm "));
		assert_null(strstr(strbuf_str(&o.files[i].text), "reboot"));
	}
	assert_true(o.losses.count >= 9);
}

/* What a port and a label say cannot be kept. */
static void test_losses(void **state)
{
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "lan");
	l->mac = strdup("52:54:00:00:00:01");
	l->v4 = NET_DHCP;
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->ports, "eth1"), 0);
	l = net_link_get(&m, "eth1");
	l->mtu = 9000;
	l = net_link_get(&m, "tun0");
	l->kind = NET_OTHER;
	write_model();
	assert_true(list_says(&o.losses, "lan: found by its name only"));
	assert_true(list_says(&o.losses, "eth1: what the port has of its own"));
	assert_true(list_says(&o.losses, "tun0: a link that a profile cannot be for"));
	/* not at boot: a profile, but no unit */
	assert_int_equal(o.units.count, 0);
}

static void test_round_trip(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 150; seed++) {
		assert_int_equal(root_remove_tree(&r, "etc/netctl", NULL), 0);
		round_trip(seed, MODEL_ALL & ~MODEL_MAC, NULL, NULL);
		if (m.notes.count)
			fail_msg("seed %u: %s", seed, m.notes.items[0]);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, temp_root_open, end)
	const struct CMUnitTest tests[] = {
		TEST(test_a_server),
		TEST(test_router_advertisements),
		TEST(test_bond_bridge_vlan),
		TEST(test_enabled_profiles_count),
		TEST(test_what_needs_a_shell),
		TEST(test_files_as_written),
		TEST(test_nothing_becomes_a_line),
		TEST(test_losses),
		TEST(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
