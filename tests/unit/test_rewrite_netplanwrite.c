/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net_models.h"
#include "rewrite/net_netplan.h"
#include "temp_root.h"

#define FILE_NAME "/etc/netplan/10-rehost.yaml"
#define SEEDS 200

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

static void write_model(struct net_output *o, const struct net_model *m)
{
	struct err e = ERR_INIT;

	assert_int_equal(net_write(o, "netplan", m, &r, &e), 0);
	assert_int_equal(o->file_count, 1);
	assert_string_equal(o->files[0].path, FILE_NAME);
	assert_int_equal(o->files[0].mode, 0600);
}

static void read_model(struct net_model *m)
{
	struct err e = ERR_INIT;

	assert_int_equal(net_read(m, &r, &e), 0);
}

/* What stands in the tree, written again: the same bytes. */
static void check_same(const char *text)
{
	struct net_model m;
	struct net_output o;

	put(FILE_NAME, text);
	read_model(&m);
	write_model(&o, &m);
	assert_string_equal(strbuf_str(&o.files[0].text), text);
	assert_int_equal(o.losses.count, 0);
	net_output_done(&o);
	net_done(&m);
}

static void test_bytes(void **state)
{
	(void)state;
	check_same("network:\n"
		   "  version: 2\n"
		   "  renderer: networkd\n"
		   "  ethernets:\n"
		   "    ens3:\n"
		   "      match:\n"
		   "        macaddress: \"52:54:00:aa:bb:cc\"\n"
		   "        driver: ena\n"
		   "      set-name: ens3\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "      accept-ra: false\n"
		   "      addresses:\n"
		   "        - 203.0.113.10/32\n"
		   "        - \"2001:db8:1::10/64\"\n"
		   "        - \"2001:db8:1::11/64\": {lifetime: 0}\n"
		   "      nameservers:\n"
		   "        addresses:\n"
		   "          - 192.0.2.53\n"
		   "        search:\n"
		   "          - example.net\n"
		   "      routes:\n"
		   "        - to: 0.0.0.0/0\n"
		   "          via: 203.0.113.1\n"
		   "          on-link: true\n"
		   "        - to: \"::/0\"\n"
		   "          via: \"fe80::1\"\n"
		   "        - to: 10.0.0.0/8\n"
		   "          scope: link\n"
		   "          metric: 50\n"
		   "          table: 7\n"
		   "          mtu: 1400\n"
		   "          from: 203.0.113.10\n"
		   "        - to: 10.9.0.0/16\n"
		   "          type: blackhole\n"
		   "      routing-policy:\n"
		   "        - from: 203.0.113.0/24\n"
		   "          to: 10.0.0.0/8\n"
		   "          table: 7\n"
		   "          priority: 100\n"
		   "          mark: 5\n"
		   "        - from: \"::/0\"\n"
		   "          table: 8\n"
		   "      mtu: 1450\n"
		   "      macaddress: \"02:00:00:00:00:aa\"\n"
		   "      optional: true\n"
		   "      dhcp4-overrides: {use-dns: false, hostname: \"yes\"}\n"
		   "    eno2:\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "    en:\n"
		   "      match:\n"
		   "        name: \"en*\"\n"
		   "      dhcp4: true\n"
		   "      dhcp6: true\n"
		   "      accept-ra: true\n"
		   "      activation-mode: manual\n"
		   "  bonds:\n"
		   "    bond0:\n"
		   "      interfaces:\n"
		   "        - eno2\n"
		   "      parameters:\n"
		   "        mode: active-backup\n"
		   "        mii-monitor-interval: 100\n"
		   "        arp-ip-targets:\n"
		   "          - 192.0.2.1\n"
		   "          - 192.0.2.2\n"
		   "        all-slaves-active: true\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "      accept-ra: true\n"
		   "  bridges:\n"
		   "    br0:\n"
		   "      parameters:\n"
		   "        stp: false\n"
		   "        path-cost: {eth0: 5}\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "      accept-ra: false\n"
		   "  vlans:\n"
		   "    bond0.7:\n"
		   "      id: 7\n"
		   "      link: bond0\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "      accept-ra: false\n"
		   "  tunnels:\n"
		   "    tun0:\n"
		   "      dhcp4: false\n"
		   "      dhcp6: false\n"
		   "      accept-ra: false\n"
		   "      mode: sit\n"
		   "      local: 192.0.2.9\n");
}

/* Models drawn from seeds are the same after they were written and read; each is made again from its seed alone. */
static void test_round_trip(void **state)
{
	const unsigned features = MODEL_ALL & ~(MODEL_PEER | MODEL_RULE_MARKS);
	unsigned seed;

	(void)state;
	for (seed = 0; seed < SEEDS; seed++) {
		struct strbuf why cleanup_strbuf = STRBUF_INIT;
		struct net_model a, b;
		struct net_output o;

		assert_int_equal(models_make(&a, seed, features), 0);
		write_model(&o, &a);
		put(FILE_NAME, strbuf_str(&o.files[0].text));
		read_model(&b);
		if (!models_equal(&a, &b, &why) || o.losses.count || b.notes.count)
			fail_msg("seed %u: %s%s%s\n%s", seed, strbuf_str(&why),
				 o.losses.count ? o.losses.items[0] : "",
				 b.notes.count ? b.notes.items[0] : "",
				 strbuf_str(&o.files[0].text));
		net_output_done(&o);
		net_done(&a);
		net_done(&b);
	}
}

/* What netplan cannot say is said to people; with NetworkManager below it that is more. */
static void test_losses(void **state)
{
	unsigned seed, peers = 0, marks = 0, types = 0;

	(void)state;
	put("etc/netplan/01.yaml", "network: {renderer: NetworkManager}");
	for (seed = 0; seed < SEEDS; seed++) {
		struct net_model m;
		struct net_output o;
		unsigned i, k, want = 0;

		assert_int_equal(models_make(&m, seed, MODEL_ALL), 0);
		for (i = 0; i < m.link_count; i++) {
			peers += m.links[i].peer4 != NULL;
			want += m.links[i].peer4 != NULL;
			want += m.links[i].v4 == NET_OFF && !net_port_owner(&m, m.links[i].name) &&
				m.links[i].kind != NET_OTHER;
			for (k = 0; k < m.links[i].rule_count; k++) {
				marks += m.links[i].rules[k].iif != NULL;
				want += m.links[i].rules[k].iif != NULL;
			}
			for (k = 0; k < m.links[i].route_count; k++) {
				types += m.links[i].routes[k].type != NULL;
				want += m.links[i].routes[k].type != NULL;
			}
		}
		write_model(&o, &m);
		assert_true(o.losses.count >= want);
		assert_non_null(strstr(strbuf_str(&o.files[0].text), "renderer: NetworkManager"));
		assert_null(strstr(strbuf_str(&o.files[0].text), "blackhole"));
		assert_string_equal(o.units.items[0], "NetworkManager.service");
		net_output_done(&o);
		net_done(&m);
	}
	assert_true(peers && marks && types);
}

/* NetworkManager 1.30 fails on "on-link"; all find the way to the gateway without it. */
static void test_onlink_by_network_manager(void **state)
{
	static const char *const versions[] = { "1.30.6", "1.42.4" };
	size_t i;

	(void)state;
	put("usr/lib/systemd/system-generators/netplan", "");
	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		struct net_model m = { .stack = strdup("ifupdown") };
		struct net_link *l = net_link_get(&m, "ens6");
		struct net_output o;
		char version_dir[64];

		snprintf(version_dir, sizeof(version_dir), "usr/lib/NetworkManager/%s",
			 versions[i]);
		put("etc/netplan/01.yaml", "network: {renderer: NetworkManager}");
		assert_int_equal(root_mkdirs(&r, version_dir, 0755, NULL), 0);
		l->v4 = NET_STATIC;
		l->gateway4 = strdup("10.77.2.1");
		l->is_onlink4 = true;
		assert_int_equal(strlist_add(&l->addresses, "10.99.0.20/32"), 0);
		write_model(&o, &m);
		assert_int_equal(strstr(strbuf_str(&o.files[0].text), "on-link: true") != NULL,
				 i == 1);
		put(FILE_NAME, strbuf_str(&o.files[0].text));
		net_output_done(&o);
		net_done(&m);
		read_model(&m);
		assert_true(m.links[0].is_onlink4);
		net_done(&m);
		assert_int_equal(root_remove(&r, FILE_NAME, NULL), 0);
		assert_int_equal(root_remove_tree(&r, version_dir, NULL), 0);
	}
}

/* netplan refuses a whole file for one name that is not defined. */
static void test_what_is_not_defined(void **state)
{
	struct net_model m = { .stack = strdup("ifupdown") };
	struct net_link *l = net_link_get(&m, "br0");
	struct net_output o;

	(void)state;
	l->kind = NET_BRIDGE;
	l->at_boot = true;
	assert_int_equal(strlist_add(&l->ports, "eth0") | strlist_add(&l->options, "ports=x") |
				 strlist_add(&l->options, "forward_delay=0") |
				 strlist_add(&l->extra, "post-up echo: x"),
			 0);
	l = net_link_get(&m, "dummy0");
	l->kind = NET_OTHER;
	l = net_link_get(&m, "v");
	l->kind = NET_VLAN;
	l = net_link_get(&m, "no: label");
	l->mac = strdup("52:54:00:00:00:01");
	l->at_boot = true;
	write_model(&o, &m);
	assert_string_equal(strbuf_str(&o.files[0].text),
			    "network:\n"
			    "  version: 2\n"
			    "  renderer: networkd\n"
			    "  ethernets:\n"
			    "    \"no: label\":\n"
			    "      match:\n"
			    "        macaddress: \"52:54:00:00:00:01\"\n"
			    "      dhcp4: false\n"
			    "      dhcp6: false\n"
			    "      accept-ra: false\n"
			    "    eth0:\n"
			    "      dhcp4: false\n"
			    "  bridges:\n"
			    "    br0:\n"
			    "      interfaces:\n"
			    "        - eth0\n"
			    "      parameters:\n"
			    "        forward-delay: 0\n"
			    "        stp: false\n"
			    "      dhcp4: false\n"
			    "      dhcp6: false\n"
			    "      accept-ra: false\n");
	assert_int_equal(o.losses.count, 4);
	assert_string_equal(o.losses.items[0],
			    "br0: netplan has no word for 'ports=x'; it is left out");
	assert_string_equal(o.losses.items[1],
			    "br0: netplan has no word for 'post-up echo: x'; it is left out");
	assert_non_null(strstr(o.losses.items[2], "v: a VLAN without"));
	assert_non_null(strstr(o.losses.items[3], "dummy0: netplan has no word"));
	net_output_done(&o);
	net_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_round_trip, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_losses, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_onlink_by_network_manager, temp_root_open,
						temp_root_close),
		cmocka_unit_test_setup_teardown(test_what_is_not_defined, temp_root_open,
						temp_root_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
