/* SPDX-License-Identifier: MIT */
/* dhcpcd as network manager: dhcpcd.conf(5) says what is expected here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#define STACK "dhcpcd"
#include "net_round.h"

#define CONF "etc/dhcpcd.conf"
#define WANTS "etc/systemd/system/multi-user.target.wants/"

static void read_text(const char *text)
{
	put(CONF, text);
	read_again();
}

/* The example of "static value", with the words around it that people have. */
static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("# A sample configuration\nhostname\nclientid\npersistent\n"
		  "option domain_name_servers, domain_name, domain_search, host_name\n"
		  "require dhcp_server_identifier\nslaac private\nallowinterfaces eth0, eth1\n\n"
		  "interface eth0\n"
		  "noipv6rs\nstatic ip_address=192.0.2.10/24\t# the office\n"
		  "static ip6_address=2001:db8::ff/64\n"
		  "static routers=192.0.2.1\n"
		  "static classless_static_routes=10.0.0.0/8 192.0.2.2 172.16.0.0/12 192.0.2.3\n"
		  "static routes=10.1.0.0/16 0.0.0.0\n"
		  "static domain_name_servers=192.0.2.53 2001:db8::1\n"
		  "static domain_search=a.example b.example\n"
		  "static interface_mtu=1450\nfallback office\n"
		  "interface eth1\nnoipv4\n");
	assert_int_equal(m.link_count, 2);
	l = link_of("eth0");
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 2);
	assert_string_equal(l->addresses.items[0], "192.0.2.10/24");
	assert_string_equal(l->addresses.items[1], "2001:db8::ff/64");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_int_equal(l->route_count, 2);
	assert_string_equal(l->routes[1].to, "172.16.0.0/12");
	assert_string_equal(l->routes[1].via, "192.0.2.3");
	assert_int_equal(l->dns.count, 2);
	assert_int_equal(l->search.count, 2);
	assert_int_equal(l->mtu, 1450);
	assert_int_equal(l->extra.count, 2);
	assert_true(list_says(&l->extra, "static routes=10.1.0.0/16 0.0.0.0"));
	assert_true(list_says(&l->extra, "fallback office"));
	l = link_of("eth1");
	assert_int_equal(l->v4, NET_OFF);
	assert_int_equal(l->v6, NET_AUTO);
	assert_int_equal(m.notes.count, 0);
}

/* "If you set ip_address to an empty value this removes any prior static allocations", the head counts for every block */
static void test_head_and_later_lines(void **state)
{
	const struct net_link *l;

	(void)state;
	read_text("noipv6\nstatic domain_name_servers=192.0.2.53\n"
		  "interface eth0\nstatic ip_address=192.0.2.10/24\nstatic ip_address=\n"
		  "interface eth1\nstatic subnet_mask=255.255.255.0\n"
		  "static ip_address=192.0.2.11\nmetric 300\nstatic routers=192.0.2.1\n"
		  "interface e*\ninform\nprofile office\nstatic ip_address=192.0.2.99/24\n");
	l = link_of("eth0");
	assert_int_equal(l->v4, NET_DHCP);
	assert_int_equal(l->v6, NET_OFF);
	assert_int_equal(l->addresses.count, 0);
	assert_int_equal(l->dns.count, 1);
	assert_true(strlist_has(&l->extra, "inform"));
	l = link_of("eth1");
	assert_string_equal(l->addresses.items[0], "192.0.2.11/24");
	assert_null(l->gateway4);
	assert_string_equal(l->routes[0].to, "0.0.0.0/0");
	assert_int_equal(l->routes[0].metric, 300);
	assert_true(list_says(&m.notes, "'profile' is decided while the system runs"));
}

/* "If the same interface is matched in denyinterfaces then it is still denied." */
static void test_which_links(void **state)
{
	(void)state;
	put("usr/sbin/dhcpcd", "");
	put(CONF, "interface eth0\nstatic ip_address=192.0.2.10/24\n"
		  "interface wlan0\nnoipv4\ndenyinterfaces wlan* docker*\n");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_null(m.stack); /* a DHCP client that nobody starts */
	put(WANTS "dhcpcd.service", "");
	read_again();
	assert_true(link_of("eth0")->at_boot);
	assert_false(link_of("wlan0")->at_boot);
	assert_true(list_says(&m.notes, "every other card too"));
	/* no block: every card by DHCP */
	read_text("hostname\n");
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("*")->v4, NET_DHCP);
	assert_int_equal(link_of("*")->v6, NET_AUTO);
	assert_true(list_says(&m.notes, "every card"));
	read_text("allowinterfaces eth1\n");
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("eth1")->v4, NET_DHCP);
	assert_int_equal(m.notes.count, 0);
}

static void test_a_unit_for_each_link(void **state)
{
	(void)state;
	put("usr/bin/dhcpcd", "");
	put(WANTS "dhcpcd@ens3.service", "");
	put(CONF, "interface ens4\nnoipv4\n");
	read_again();
	assert_true(link_of("ens3")->at_boot);
	assert_int_equal(link_of("ens3")->v4, NET_DHCP);
	assert_false(link_of("ens4")->at_boot);
	assert_true(strlist_has(&m.units, "dhcpcd@ens3.service"));
}

static void test_openrc_starts_it(void **state)
{
	(void)state;
	put("sbin/dhcpcd", "");
	put("usr/bin/env", "");
	assert_int_equal(root_symlink(&r, "etc/runlevels/default/dhcpcd", "/etc/init.d/dhcpcd",
				      NULL),
			 0);
	read_again();
	assert_int_equal(link_of("*")->v4, NET_DHCP);
	assert_int_equal(m.files.count, 0);
}

static void test_file_as_written(void **state)
{
	struct net_route route = { .to = (char *)"10.0.0.0/8", .via = (char *)"203.0.113.2" };
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "ens3");
	l->at_boot = true;
	l->v4 = NET_STATIC;
	l->v6 = NET_AUTO;
	l->mtu = 1450;
	assert_int_equal(strlist_add(&l->addresses, "203.0.113.10/32"), 0);
	assert_int_equal(strlist_add(&l->addresses, "2001:db8:1::10/64"), 0);
	assert_int_equal(strlist_add(&l->dns, "192.0.2.53"), 0);
	assert_int_equal(strlist_add(&l->search, "a.example"), 0);
	l->gateway4 = strdup("203.0.113.1");
	l->is_onlink4 = true;
	assert_int_equal(net_take_route(l, &route), 0);
	l = net_link_get(&m, "ens4");
	l->v6 = NET_DHCP;
	assert_int_equal(net_write(&o, "dhcpcd", &m, NULL, NULL), 0);
	assert_string_equal(file_text(&o, "/etc/dhcpcd.conf"),
			    "# Written by rehost.\n"
			    "option domain_name_servers, domain_name, domain_search\n"
			    "option classless_static_routes\noption interface_mtu\n"
			    "require dhcp_server_identifier\nallowinterfaces ens3\n"
			    "\ninterface ens3\nstatic ip_address=203.0.113.10/32\n"
			    "static ip6_address=2001:db8:1::10/64\n"
			    "static routers=203.0.113.1\n"
			    "static routes=10.0.0.0/8 203.0.113.2\n"
			    "static domain_name_servers=192.0.2.53\n"
			    "static domain_search=a.example\n"
			    "static interface_mtu=1450\n"
			    "\ninterface ens4\nnoipv4\nia_na\n");
	assert_int_equal(o.losses.count, 0);
	assert_true(strlist_has(&o.units, "dhcpcd.service"));
}

static void test_losses(void **state)
{
	struct net_route route = { .to = (char *)"10.0.0.0/8", .table = 7 };
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	l->v4 = l->v6 = NET_STATIC;
	assert_int_equal(strlist_add(&l->ports, "eth1"), 0);
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.10/24"), 0);
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.11/24"), 0);
	l->gateway6 = strdup("fe80::1");
	l->peer4 = strdup("192.0.2.1");
	l->set_mac = strdup("02:00:00:00:00:01");
	assert_int_equal(net_take_route(l, &route), 0);
	assert_int_equal(net_write(&o, "dhcpcd", &m, NULL, NULL), 0);
	assert_true(list_says(&o.losses, "dhcpcd makes no bonds"));
	assert_true(list_says(&o.losses, "192.0.2.11/24"));
	assert_true(list_says(&o.losses, "fe80::1"));
	assert_true(list_says(&o.losses, "the peer '192.0.2.1'"));
	assert_true(list_says(&o.losses, "02:00:00:00:00:01"));
	assert_true(list_says(&o.losses, "the route to '10.0.0.0/8'"));
	assert_int_equal(o.losses.count, 6);
}

static void test_nothing_becomes_a_line(void **state)
{
	static const char evil[] = "192.0.2.1\ninterface eth9\nscript /tmp/x";
	const char *text;
	struct net_link *l;

	(void)state;
	l = net_link_get(&m, "eth0");
	l->at_boot = true;
	l->gateway4 = strdup(evil);
	assert_int_equal(strlist_add(&l->addresses, evil), 0);
	assert_int_equal(strlist_add(&l->dns, evil), 0);
	assert_int_equal(strlist_add(&l->search, evil), 0);
	assert_int_equal(strlist_add(&l->extra, evil), 0);
	net_link_get(&m, "a b")->at_boot = true;
	net_link_get(&m, "*")->at_boot = true;
	assert_int_equal(net_write(&o, "dhcpcd", &m, NULL, NULL), 0);
	text = file_text(&o, "/etc/dhcpcd.conf");
	assert_null(strstr(text, "eth9"));
	assert_null(strstr(text, "script"));
	assert_non_null(strstr(text, "allowinterfaces eth0\n"));
	assert_int_equal(o.losses.count, 8); /* one of them that the kernel may heed routers */
}

/* What one dhcpcd.conf can say of a drawn model. */
static void trim(struct net_link *l)
{
	unsigned i, seen[2] = { 0, 0 };
	size_t n, kept = 0;

	for (n = 0; n < l->addresses.count; n++) {
		bool v6 = net_is_v6(l->addresses.items[n]);

		if (seen[v6]++ || (!v6 && l->v4 == NET_DHCP))
			free(l->addresses.items[n]);
		else
			l->addresses.items[kept++] = l->addresses.items[n];
	}
	l->addresses.count = kept;
	free(l->gateway6);
	l->gateway6 = NULL;
	l->is_onlink6 = false;
	for (i = l->route_count; i-- > 0;) {
		struct net_route *route = &l->routes[i];

		route->metric = 0;
		if (net_is_v6(route->to) || !route->via) {
			net_route_done(route);
			memmove(route, route + 1, (--l->route_count - i) * sizeof(*route));
		} else {
			route->is_onlink = net_needs_onlink(l, route->via);
		}
	}
}

static void test_round_trip(void **state)
{
	unsigned seed, i;
	size_t n;

	(void)state;
	for (seed = 0; seed < 300; seed++) {
		struct strbuf why cleanup_strbuf = STRBUF_INIT;
		struct net_model drawn;

		assert_int_equal(models_make(&drawn, seed,
					     MODEL_ONLINK | MODEL_DHCP | MODEL_DHCP6 | MODEL_SLAAC |
						     MODEL_MIXED | MODEL_ROUTES | MODEL_DNS |
						     MODEL_MTU),
				 0);
		for (i = 0; i < drawn.link_count; i++)
			trim(&drawn.links[i]);
		net_output_done(&o);
		assert_int_equal(net_write(&o, "dhcpcd", &drawn, NULL, NULL), 0);
		put_output(&o);
		read_again();
		for (n = 0; n < o.losses.count; n++)
			if (!strstr(o.losses.items[n], "leaves router advertisements"))
				fail_msg("seed %u: %s", seed, o.losses.items[n]);
		if (!models_equal(&drawn, &m, &why) || m.notes.count)
			fail_msg("seed %u: %s%s\n%s", seed, strbuf_str(&why),
				 m.notes.count ? m.notes.items[0] : "",
				 strbuf_str(&o.files[0].text));
		net_done(&drawn);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, temp_root_open, end)
	const struct CMUnitTest tests[] = {
		TEST(test_a_server),	     TEST(test_head_and_later_lines),
		TEST(test_which_links),	     TEST(test_a_unit_for_each_link),
		TEST(test_openrc_starts_it), TEST(test_file_as_written),
		TEST(test_losses),	     TEST(test_nothing_becomes_a_line),
		TEST(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
