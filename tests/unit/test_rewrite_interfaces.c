/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "temp_root.h"

#include "base/io.h"
#include "rewrite/interfaces.h"
#include "rewrite/net.h"

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

static void same_bytes(const char *text, size_t len)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct interfaces_file f;

	assert_int_equal(interfaces_parse(&f, text, len, NULL), 0);
	interfaces_print(&f, &out);
	assert_int_equal(out.len, len);
	assert_memory_equal(strbuf_str(&out), text, len);
	interfaces_done(&f);
}

static void test_same_bytes(void **state)
{
	static const char *const texts[] = { "", "\n", "auto lo\\",
					     "auto \\\n lo\r\n\n#x\\\niface lo inet loopback",
					     "stray\niface\n\tup a b  \n" };
	struct strbuf etc cleanup_strbuf = STRBUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		same_bytes(texts[i], strlen(texts[i]));
	if (file_slurp("/etc/network/interfaces", &etc, INTERFACES_MAX_BYTES, NULL) == 0)
		same_bytes(strbuf_str(&etc), etc.len);
}

static void test_stanzas(void **state)
{
	static const char text[] = "lost line\n"
				   "# comment \\\n"
				   "auto lo \\\n"
				   "  eth0\n"
				   "  iface eth0 inet static  \n"
				   "\taddress\t192.0.2.1/24  \n"
				   "\n"
				   "    # inside\n"
				   "    up  ip route add \\\n"
				   "#198.51.100.0/24 dev eth0\n"
				   "source-directory  interfaces.d\n"
				   "allow-ovs br0\n";
	struct interfaces_file f;

	(void)state;
	assert_int_equal(interfaces_parse(&f, text, strlen(text), NULL), 0);
	assert_int_equal(f.stray_line, 0);
	assert_int_equal(f.stanza_count, 4);
	assert_int_equal(f.stanzas[0].kind, STANZA_AUTO);
	assert_int_equal(f.stanzas[0].words.count, 2);
	assert_string_equal(f.stanzas[0].words.items[1], "eth0");
	assert_int_equal(f.stanzas[0].line, 2);
	assert_int_equal(f.stanzas[1].kind, STANZA_IFACE);
	assert_int_equal(f.stanzas[1].line, 4);
	assert_int_equal(f.stanzas[1].option_count, 2);
	assert_string_equal(f.stanzas[1].options[0].name, "address");
	assert_string_equal(f.stanzas[1].options[0].value, "192.0.2.1/24");
	/* a continued line goes on whatever it begins with */
	assert_string_equal(f.stanzas[1].options[1].value,
			    "ip route add #198.51.100.0/24 dev eth0");
	assert_int_equal(f.stanzas[2].kind, STANZA_SOURCE_DIRECTORY);
	assert_int_equal(f.stanzas[3].kind, STANZA_OTHER);
	interfaces_done(&f);
}

static void test_model(void **state)
{
	struct net_model m;
	const struct net_link *l;

	(void)state;
	put("etc/network/interfaces",
	    "source interfaces.d/*.cfg missing.conf\n"
	    "source /etc/network/*/x $HOME/y\n"
	    "auto lo eth0 /br*\n"
	    "iface lo inet loopback\n"
	    "iface eth0 inet static\n"
	    " address 192.0.2.10\n netmask 255.255.255.128\n"
	    " gateway 192.0.2.1\n mtu 1450\n dns-nameservers 192.0.2.2 192.0.2.3\n"
	    " dns-search a.example b.example\n post-up /usr/local/bin/x\n"
	    "iface eth0:1 inet static\n address 192.0.2.11/32\n"
	    "iface eth0 inet6 static\n address 2001:db8::1\n gateway fe80::1\n"
	    "iface eth0.5 inet manual\n"
	    "iface br0 inet dhcp\n bridge_ports eth1\n"
	    "iface eth1 inet manual\n bond-master bond0\n");
	put("etc/network/interfaces.d/a.cfg", "iface eth9 inet6 auto\n");
	put("etc/network/interfaces.d/b.old", "iface eth8 inet dhcp\n");
	put("etc/network/interfaces.d/.hidden.cfg", "iface eth7 inet dhcp\n");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_string_equal(m.stack, "ifupdown");
	assert_int_equal(m.link_count, 5);
	assert_int_equal(m.files.count, 2);
	assert_string_equal(m.files.items[1], "/etc/network/interfaces.d/a.cfg");
	assert_int_equal(m.notes.count, 3); /* missing.conf, the two that cannot be followed */
	l = net_find(&m, "eth0");
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_true(l->at_boot);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->addresses.items[0], "192.0.2.10/25");
	assert_string_equal(l->addresses.items[1], "192.0.2.11/32");
	assert_string_equal(l->addresses.items[2], "2001:db8::1/64");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->mtu, 1450);
	assert_int_equal(l->dns.count, 2);
	assert_int_equal(l->search.count, 2);
	assert_int_equal(l->extra.count, 1);
	assert_false(net_link_is_virtual(l));
	assert_true(net_link_is_virtual(net_find(&m, "eth0.5")));
	assert_false(net_find(&m, "eth0.5")->at_boot);
	l = net_find(&m, "br0");
	assert_true(l->at_boot);
	assert_true(net_link_is_virtual(l));
	assert_int_equal(l->v4, NET_DHCP);
	assert_false(net_link_is_virtual(net_find(&m, "eth1")));
	assert_int_equal(net_find(&m, "eth9")->v6, NET_AUTO);
	assert_null(net_find(&m, "lo"));
	net_done(&m);
}

static void test_circles_end(void **state)
{
	struct net_model m;
	struct err e = ERR_INIT;
	char path[64], text[64];
	int i;

	(void)state;
	put("etc/network/interfaces", "source interfaces.d/*\niface eth0 inet dhcp\n");
	put("etc/network/interfaces.d/me", "source /etc/network/interfaces\nsource me\n");
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_int_equal(m.files.count, 2);
	net_done(&m);
	for (i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "etc/network/chain%d", i);
		snprintf(text, sizeof(text), "source chain%d\n", i + 1);
		put(path, text);
	}
	put("etc/network/interfaces", "iface eth0 inet dhcp\nsource chain0\n");
	assert_int_equal(net_read(&m, &r, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void stack_is(const char *want)
{
	struct net_model m;

	assert_int_equal(net_read(&m, &r, NULL), 0);
	if (want)
		assert_string_equal(m.stack, want);
	else
		assert_null(m.stack);
	net_done(&m);
}

#define WANTS "etc/systemd/system/multi-user.target.wants/"

static void test_active_stack(void **state)
{
	(void)state;
	stack_is(NULL);
	put("etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	stack_is(NULL);
	put("etc/network/interfaces", "iface eth0 inet dhcp\n");
	stack_is("ifupdown"); /* a bare folder of files */
	put("etc/systemd/network/left.network", "[Match]\n");
	stack_is("ifupdown");
	assert_int_equal(root_remove(&r, "etc/systemd/network/left.network", NULL), 0);
	assert_int_equal(root_mkdirs(&r, "usr/sbin", 0755, NULL), 0);
	stack_is(NULL); /* a system without ifup */
	put("usr/sbin/ifup", "");
	stack_is(NULL); /* not enabled */
	assert_int_equal(root_symlink(&r, WANTS "networking.service", "/dangling", NULL), 0);
	stack_is("ifupdown");
	assert_int_equal(root_symlink(&r, WANTS "NetworkManager.service", "/dangling", NULL), 0);
	stack_is("ifupdown"); /* NetworkManager leaves what the file names */
	put("etc/systemd/network/10.network", "[Match]\n");
	stack_is("ifupdown"); /* networkd is not enabled */
	assert_int_equal(root_symlink(&r, WANTS "systemd-networkd.service", "/dangling", NULL), 0);
	stack_is("systemd-networkd");
	put("etc/netplan/50-cloud-init.yaml", "network: {}\n");
	stack_is("systemd-networkd"); /* no generator */
	put("usr/lib/systemd/system-generators/netplan", "");
	stack_is("netplan");
}

static void test_network_manager_alone(void **state)
{
	(void)state;
	assert_int_equal(root_mkdirs(&r, "usr", 0755, NULL), 0);
	put("etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	assert_int_equal(root_symlink(&r, WANTS "NetworkManager.service", "/dangling", NULL), 0);
	stack_is("NetworkManager");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_stanzas),
		cmocka_unit_test_setup_teardown(test_model, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_circles_end, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_active_stack, temp_root_open, temp_root_close),
		cmocka_unit_test_setup_teardown(test_network_manager_alone, temp_root_open,
						temp_root_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
