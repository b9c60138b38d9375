/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#define STACK "NetworkManager"
#include "net_round.h"

#define NM "etc/NetworkManager/system-connections/"

#define WAN \
	"[connection]\nid=Wired connection " \
	"1\nuuid=6b1c7a3e-3c0c-4f65-9a41-1f2f5c9e9d10\ntype=ethernet\n" \
	"[802-3-ethernet]\nmac-address=52:54:00:AA:BB:CC\nmtu=1450\n" \
	"[ipv4]\nmethod=manual\naddress1=203.0.113.10/32,203.0.113.1\naddress2=203.0.113.77/32\n" \
	"dns=192.0.2.53;192.0.2.54;\ndns-search=example.net;\nroute1=10.0.0.0/8,203.0.113.2,50\n" \
	"route1_options=table=7,onlink=true,mtu=1400,src=203.0.113.77\n" \
	"routing-rule1=priority 5 from 0.0.0.0/0 fwmark 7 table " \
	"7\nmay-fail=false\ndns-priority=5\n" \
	"[ipv6]\nmethod=manual\naddress1=2001:db8:1::10/64\ngateway=fe80::1\n"

static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	put(NM "wan", WAN);
	read_again();
	assert_int_equal(m.notes.count, 0);
	l = link_of("wan");
	assert_string_equal(l->mac, "52:54:00:aa:bb:cc");
	assert_int_equal(l->mtu, 1450);
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_false(l->is_onlink6);
	assert_int_equal(l->dns.count, 2);
	assert_int_equal(l->search.count, 1);
	assert_int_equal(l->route_count, 1);
	assert_string_equal(l->routes[0].via, "203.0.113.2");
	assert_int_equal(l->routes[0].metric, 50);
	assert_int_equal(l->routes[0].table, 7);
	assert_int_equal(l->routes[0].mtu, 1400);
	assert_true(l->routes[0].is_onlink);
	assert_string_equal(l->routes[0].src, "203.0.113.77");
	assert_int_equal(l->rule_count, 1);
	assert_null(l->rules[0].from);
	assert_string_equal(l->rules[0].fwmark, "7");
	assert_int_equal(l->rules[0].priority, 5);
	assert_int_equal(l->extra.count, 1);
	assert_string_equal(l->extra.items[0], "[ipv4] dns-priority=5");
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		enum net_method v4, v6;
	} rows[] = {
		{ "", NET_DHCP, NET_AUTO },
		{ "[ipv4]\nmethod=auto\n[ipv6]\nmethod=dhcp\n", NET_DHCP, NET_DHCP },
		{ "[ipv4]\nmethod=disabled\n[ipv6]\nmethod=disabled\n", NET_OFF, NET_OFF },
		{ "[ipv4]\nmethod=link-local\n[ipv6]\nmethod=ignore\n", NET_OFF, NET_OFF },
		{ "[ipv4]\nmethod=auto\naddress1=192.0.2.1/24\n[ipv6]\nmethod=link-local\n",
		  NET_DHCP, NET_OFF },
	};
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "[connection]\ntype=ethernet\ninterface-name=eth0\n%s",
			 rows[i].text);
		put(NM "a.nmconnection", text);
		read_again();
		assert_int_equal(link_of("eth0")->v4, rows[i].v4);
		assert_int_equal(link_of("eth0")->v6, rows[i].v6);
	}
}

static void put_mode(const char *path, const char *text, mode_t mode)
{
	struct root_meta meta = { .mode = mode };

	assert_int_equal(root_replace(&r, path, text, strlen(text), &meta, NULL), 0);
}

static void test_which_profiles_count(void **state)
{
#define FOR(name) "[connection]\ntype=ethernet\ninterface-name=" name "\n"
	(void)state;
	put("etc/systemd/system/multi-user.target.wants/NetworkManager.service", "");
	assert_int_equal(root_mkdirs(&r, "usr", 0755, NULL), 0);
	put_mode(NM "open", FOR("eth1"), 0640);
	put_mode(NM "old~", FOR("eth2"), 0600);
	put_mode(NM "1", FOR("eth0") "autoconnect-priority=1\n", 0600);
	put_mode(NM "2", FOR("eth0") "autoconnect-priority=5\n[ipv4]\nmethod=disabled\n", 0600);
	put_mode(NM "3", FOR("eth0") "autoconnect-priority=9\nautoconnect=false\n", 0600);
	put_mode(NM "bad", "stray\n" FOR("eth3"), 0600);
	put_mode(NM "wifi", "[connection]\ntype=wifi\n", 0600);
	put_mode(NM "any", "[connection]\ntype=ethernet\n", 0600);
	assert_int_equal(root_symlink(&r, NM "link", "1", NULL), 0);
	read_again();
	assert_int_equal(m.link_count, 2);
	assert_int_equal(link_of("eth0")->v4, NET_OFF); /* 2 is the first */
	link_of("*");
	assert_true(list_says(&m.notes, "/open is not root's alone"));
	assert_true(list_says(&m.notes, "/1 is not used"));
	assert_true(list_says(&m.notes, "/3 is not used"));
	assert_true(list_says(&m.notes, "/bad is no keyfile"));
	assert_true(list_says(&m.notes, "/wifi is of a type"));
	assert_true(list_says(&m.notes, "/any is for any Ethernet card"));
	assert_true(list_says(&m.notes, "/link is no regular file"));
	assert_int_equal(m.notes.count, 7);
}

static void write_model(void)
{
	net_output_done(&o);
	assert_int_equal(net_write(&o, "NetworkManager", &m, NULL, NULL), 0);
}

static void test_bytes(void **state)
{
	unsigned i;

	(void)state;
	put(NM "wan", WAN);
	put(NM "v", "[connection]\ntype=vlan\ninterface-name=vlan5\n[vlan]\nid=5\n"
		    "parent=6b1c7a3e-3c0c-4f65-9a41-1f2f5c9e9d10\n[ipv4]\nmethod=auto\n"
		    "[ipv6]\nmethod=disabled\n");
	read_again();
	assert_string_equal(link_of("vlan5")->parent, "wan");
	write_model();
	assert_string_equal(
		file_text(&o, "/" NM "rehost-wan.nmconnection"),
		"# Written by rehost.\n\n[connection]\nid=wan\n"
		"uuid=9a29ac05-4526-8c4f-9ec1-dff84cf48b64\ntype=ethernet\nautoconnect-priority="
		"200\n"
		"\n[ethernet]\nmac-address=52:54:00:aa:bb:cc\nmtu=1450\n"
		"\n[ipv4]\nmethod=manual\naddress1=203.0.113.10/32\naddress2=203.0.113.77/32\n"
		"gateway=203.0.113.1\nroute1=10.0.0.0/8,203.0.113.2,50\n"
		"route1_options=table=7,mtu=1400,onlink=true,src=203.0.113.77\n"
		"dns=192.0.2.53;192.0.2.54;\ndns-search=example.net;\n"
		"routing-rule1=priority 5 from 0.0.0.0/0 fwmark 7 table 7\n"
		"\n[ipv6]\nmethod=manual\naddress1=2001:db8:1::10/64\ngateway=fe80::1\n");
	assert_non_null(
		strstr(file_text(&o, "/" NM "rehost-vlan5.nmconnection"),
		       "\n[vlan]\nflags=1\nid=5\nparent=9a29ac05-4526-8c4f-9ec1-dff84cf48b64\n"));
	for (i = 0; i < o.file_count; i++)
		assert_int_equal(o.files[i].mode, 0600);
	assert_int_equal(o.losses.count, 1); /* dns-priority */
}

/* 1.30 adds the way to a gateway outside every prefix with the route's mark, and fails. */
static void test_onlink_of_old_versions(void **state)
{
	static const char route[] = "route1=10.0.0.0/8,198.51.100.1\n";

	(void)state;
	put(NM "wan", FOR("eth0") "[ipv4]\nmethod=manual\naddress1=203.0.113.10/32\n"
				  "route1=10.0.0.0/8,198.51.100.1\n");
	read_again();
	assert_true(link_of("eth0")->routes[0].is_onlink);
	write_model();
	assert_non_null(strstr(strbuf_str(&o.files[0].text), "route1_options=onlink=true\n"));
	assert_int_equal(root_mkdirs(&r, "usr/lib/NetworkManager/1.30.6", 0755, NULL), 0);
	net_output_done(&o);
	assert_int_equal(net_write(&o, "NetworkManager", &m, &r, NULL), 0);
	assert_non_null(strstr(strbuf_str(&o.files[0].text), route));
	assert_null(strstr(strbuf_str(&o.files[0].text), "onlink"));
}

static void test_hostile(void **state)
{
	struct net_link *l;

	(void)state;
	put(NM "1", "[connection]\ntype=ethernet\ninterface-name=a\\nb\n");
	put(NM "2", "[connection]\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=manual\n"
		    "address1=999.1.1.1/24\naddress2=\nroute1=x\nroute2=10.0.0.0/8,1,z\n"
		    "routing-rule1=from\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("eth0")->addresses.count, 0);
	assert_int_equal(link_of("eth0")->route_count, 0);
	net_done(&m);
	l = net_link_get(&m, "x\n[y]");
	l = net_link_get(&m, "eth1");
	l->v4 = NET_STATIC;
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24\nmethod=auto"), 0);
	assert_int_equal(strlist_add(&l->search, "a;b"), 0);
	write_model();
	assert_int_equal(o.file_count, 1);
	assert_null(strstr(strbuf_str(&o.files[0].text), "auto\n"));
	assert_null(strstr(strbuf_str(&o.files[0].text), "a;b"));
	assert_int_equal(o.losses.count, 3);
}

/* What profiles cannot say, taken out of what was drawn; every one has its loss. */
static void take_losses(struct net_model *drawn, const struct net_output *out)
{
	unsigned i, losses = 0;
	size_t n;

	for (i = 0; i < drawn->link_count; i++) {
		struct net_link *l = &drawn->links[i];

		losses += l->peer4 != NULL;
		free(l->peer4);
		l->peer4 = NULL;
		losses += l->v6 == NET_DHCP;
		l->v6 = l->v6 == NET_DHCP ? NET_AUTO : l->v6;
		for (n = l->dns.count; n-- > 0;) {
			if ((net_is_v6(l->dns.items[n]) ? l->v6 : l->v4) != NET_OFF)
				continue;
			losses++;
			free(l->dns.items[n]);
			memmove(&l->dns.items[n], &l->dns.items[n + 1],
				(--l->dns.count - n) * sizeof(*l->dns.items));
		}
	}
	assert_int_equal(losses, out->losses.count);
}

static void test_round_trips(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 1; seed <= 150; seed++) {
		assert_int_equal(root_remove_tree(&r, "/etc", NULL), 0);
		round_trip(seed, MODEL_ALL, NULL, take_losses);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_server, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_methods, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_which_profiles_count, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bytes, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_onlink_of_old_versions, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_hostile, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_round_trips, temp_root_open, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
