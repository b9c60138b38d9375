/* SPDX-License-Identifier: MIT */
/* The clone asks for its address as the target has asked; firewalls that name the source are told. */
#include "plan_try.h"

#include "rewrite/dhclient.h"
#include "rewrite/duid.h"

#define CONF "etc/dhcp/dhclient.conf"
#define PLAIN \
	"option rfc3442 code 121 = array of unsigned integer 8;\nrequest subnet-mask, routers;\n"
#define LEASE(id) \
	"lease {\n  interface \"enp1s0\";\n  fixed-address 192.0.2.50;\n  option routers " \
	"192.0.2.1;\n" \
	"  option dhcp-client-identifier " id ";\n}\n"

static struct dhclient_statement statement(const char *text, const char *words)
{
	struct dhclient_scan scan = { .text = text, .len = strlen(text) };
	struct dhclient_statement st = { 0 };

	if (!dhclient_next(&scan, words, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

static const char *value(const char *text, const char *words)
{
	static char buf[256];
	struct dhclient_statement st = statement(text, words);

	snprintf(buf, sizeof(buf), "%.*s", (int)(st.value_end - st.value), text + st.value);
	return st.end ? buf : NULL;
}

static void test_statements(void **state)
{
	static const char send[] = "send dhcp-client-identifier";
	char nul[] = "send dhcp-client-identifier \"a\0\";";
	struct dhclient_scan scan = { .text = nul, .len = sizeof(nul) - 1 };
	struct dhclient_statement st;

	(void)state;
	assert_string_equal(value("send  dhcp-client-identifier\t\"a;b}\" ;", send), "\"a;b}\"");
	assert_string_equal(value("send dhcp-client-identifier = hardware;", send), "= hardware");
	assert_string_equal(value("x { y; }\n# send dhcp-client-identifier 1;\n"
				  "send # why\n dhcp-client-identifier 1:2;",
				  send),
			    "1:2");
	assert_null(value("send dhcp-client-identifiers 1;", send));
	assert_null(value("resend dhcp-client-identifier 1;", send));
	assert_null(value("send dhcp-client-identifier \"never ends;\n", send));
	assert_null(value("send dhcp-client-identifier 1", send));
	assert_int_equal(
		statement("interface \"a\" { send dhcp-client-identifier 1; }", send).depth, 1);
	assert_int_equal(statement("a { } } } send dhcp-client-identifier 1;", send).depth, 0);
	assert_false(dhclient_next(&scan, send, &st));
	assert_true(dhclient_value_is_plain("\"\\000a\"", 7));
	assert_false(dhclient_value_is_plain("a\nb", 3));
	assert_false(dhclient_value_is_plain("a#b", 3));
	assert_false(dhclient_value_is_plain("", 0));
}

static void test_sources_identifier_goes(void **state)
{
	(void)state;
	put(&clone, CONF,
	    PLAIN "send dhcp-client-identifier \"web01\"; send host-name \"x\";\n"
		  "interface \"ens3\" {\n  send dhcp-client-identifier\n    01:02;\n}\n");
	put(&target, CONF, PLAIN);
	apply();
	holds(CONF,
	      PLAIN "# rehost: send dhcp-client-identifier \"web01\";\n send host-name \"x\";\n"
		    "interface \"ens3\" {\n  # rehost: send dhcp-client-identifier\n"
		    "#     01:02;\n\n}\n");
	assert_true(has_text(&plan.notes, "\"web01\" is no longer sent"));
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_targets_identifier_comes(void **state)
{
	(void)state;
	put(&clone, CONF, PLAIN "send dhcp-client-identifier \"web01\";\n");
	put(&target, CONF, "# mine\nsend dhcp-client-identifier 1:52:54:0:1:2:3;\n");
	apply();
	holds(CONF, PLAIN "# rehost: send dhcp-client-identifier \"web01\";\n\n"
			  "# made by rehost: as this machine asks\n"
			  "send dhcp-client-identifier 1:52:54:0:1:2:3;\n");
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_identifier_of_the_lease(void **state)
{
	(void)state;
	put(&clone, CONF, PLAIN);
	put(&target, "var/lib/dhcp/dhclient.enp1s0.leases", LEASE("\"old\"") LEASE("\"vps-7\""));
	f.options.intent = INTENT_COPY; /* a copy, too, is this machine to its DHCP server */
	f.options.host_keys = CHOICE_SOURCE;
	apply();
	holds(CONF, PLAIN "# made by rehost: as this machine asks\n"
			  "send dhcp-client-identifier \"vps-7\";\n");
}

static void test_nothing_is_invented(void **state)
{
	(void)state;
	put(&clone, CONF, PLAIN);
	put(&target, "var/lib/dhcp/dhclient.enp1s0.leases",
	    "lease {\n  interface \"enp1s0\";\n  fixed-address 192.0.2.50;\n}\n");
	make();
	assert_null(find("/" CONF));
	put(&target, CONF, "send dhcp-client-identifier \"two\nlines\";\n");
	make();
	assert_null(find("/" CONF));
	assert_true(has_text(&plan.notes, "is not understood and was not taken over"));
}

static void test_duid_of_dhcpv6(void **state)
{
	static const char path[] = "var/lib/dhcp/dhclient6.enp1s0.leases";
	static const char duid[] = "default-duid \"\\000\\001\\000\\001abc\";\n";

	(void)state;
	put(&target, "etc/network/interfaces",
	    "auto lo\niface lo inet loopback\nauto enp1s0\niface enp1s0 inet dhcp\niface enp1s0 "
	    "inet6 dhcp\n");
	put(&target, path,
	    "default-duid \"\\000\\001\\000\\001abc\";\nlease6 {\n  interface \"enp1s0\";\n}\n");
	put(&clone, path, "default-duid \"source\";\nlease6 {\n}\n");
	apply();
	holds(path, duid);
	make();
	assert_int_equal(plan.edit_count, 0);
}

#define LEASE6 "var/lib/dhcp/dhclient6.enp1s0.leases"
#define NETWORKD_CONF "etc/systemd/networkd.conf.d/10-rehost-duid.conf"
#define NM_CONF "etc/NetworkManager/conf.d/10-rehost-duid.conf"
#define HEADER "# made by rehost: this machine's DHCPv6 identity\n"
#define WANTS "etc/systemd/system/multi-user.target.wants/"

static void target_asks_for_both(void)
{
	put(&target, "etc/network/interfaces",
	    "auto lo\niface lo inet loopback\nauto enp1s0\niface enp1s0 inet dhcp\niface enp1s0 "
	    "inet6 dhcp\n");
}

static bool is_there(const char *path)
{
	struct stat st;

	return root_lstat(&clone, path, &st) == 0;
}

static void apply_once(void)
{
	apply();
	make();
	assert_int_equal(plan.edit_count, 0);
}

static void test_forms_of_a_duid(void **state)
{
	static const char *const bad[] = { "\"\\000\\001", "\"\\00\"", "\"ab\"",    "\"\\400aa\"",
					   "0:1",	   "0:1:100",  "0:1:2:",    "0::1:2",
					   "0:1:2 3",	   "",	       "\"abc\" x", "\"\\x41bc\"" };
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char longest[3 * 131 + 1] = "";
	struct duid d, again;
	size_t i;

	(void)state;
	assert_true(duid_parse_dhclient(&d, "\"\\000\\001a\\\"\\\\'\\377\""));
	duid_add_hex(&b, d.bytes, d.len);
	assert_string_equal(strbuf_str(&b), "00:01:61:22:5c:27:ff");
	assert_string_equal(duid_type_word(&d), "link-layer-time");
	assert_true(duid_parse_hex(&again, strbuf_str(&b)));
	assert_true(again.len == d.len && memcmp(again.bytes, d.bytes, d.len) == 0);
	strbuf_done(&b);
	duid_add_dhclient(&b, &d);
	assert_string_equal(strbuf_str(&b), "\"\\000\\001\\141\\042\\134\\047\\377\"");
	assert_true(duid_parse_dhclient(&again, strbuf_str(&b)) && again.len == 7);
	assert_true(duid_parse_dhclient(&d, "0:4:A:bc"));
	assert_string_equal(duid_type_word(&d), "uuid");
	assert_true(duid_parse_hex(&d, "00:05:01\n"));
	assert_null(duid_type_word(&d));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (duid_parse_dhclient(&d, bad[i]))
			fail_msg("%s", bad[i]);
	for (i = 0; i < 131; i++)
		strcat(longest, i ? ":00" : "00");
	assert_false(duid_parse_hex(&d, longest));
	longest[strlen(longest) - 3] = '\0';
	assert_true(duid_parse_hex(&d, longest));
}

/* dhclient here, systemd-networkd there. */
static void test_duid_for_networkd(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	put(&clone, WANTS "systemd-networkd.service", "");
	put(&clone, "etc/systemd/network/20-wan.network",
	    "[Match]\nName=ens9\n[Network]\nDHCP=yes\n");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "usr/lib/systemd/libsystemd-shared-252.so", "");
	target_asks_for_both();
	put(&target, LEASE6, "default-duid \"\\000\\001\\000\\001abc\\000\";\n");
	apply_once();
	holds(NETWORKD_CONF,
	      HEADER "[DHCPv6]\nDUIDType=link-layer-time\nDUIDRawData=00:01:61:62:63:00\n");
	/* without DHCPv6 here nothing is told, and what was told of another machine goes */
	put(&target, "etc/network/interfaces", "auto enp1s0\niface enp1s0 inet dhcp\n");
	apply_once();
	assert_false(is_there(NETWORKD_CONF));
	/* what the operator of the source wrote there stays */
	put(&clone, NETWORKD_CONF, "[DHCPv6]\nDUIDType=uuid\n");
	make();
	assert_null(find("/" NETWORKD_CONF));
}

static void test_duid_for_old_networkd(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	put(&clone, WANTS "systemd-networkd.service", "");
	put(&clone, "etc/systemd/network/20-wan.network",
	    "[Match]\nName=ens9\n[Network]\nDHCP=yes\n");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	put(&clone, "usr/lib/systemd/libsystemd-shared-247.so", "");
	target_asks_for_both();
	put(&target, "var/lib/dhcpcd/duid", "00:04:01:02:03\n");
	apply_once();
	holds(NETWORKD_CONF, HEADER "[DHCP]\nDUIDType=uuid\nDUIDRawData=01:02:03\n");
}

static void test_duid_for_network_manager(void **state)
{
	(void)state;
	drop(WANTS "networking.service");
	put(&clone, WANTS "NetworkManager.service", "");
	put(&clone, "etc/NetworkManager/system-connections/lan.nmconnection",
	    "[connection]\nid=lan\ntype=ethernet\n[ipv4]\nmethod=auto\n");
	put(&clone, "etc/network/interfaces", "auto lo\niface lo inet loopback\n");
	target_asks_for_both();
	put(&target, LEASE6, "default-duid 0:3:0:1:52:54:0:12:34:56;\n");
	apply_once();
	holds(NM_CONF,
	      HEADER "[connection-rehost-duid]\nipv6.dhcp-duid=00:03:00:01:52:54:00:12:34:56\n");
}

/* ifupdown on both, another client. */
static void test_duid_from_dhclient_to_dhcpcd(void **state)
{
	(void)state;
	drop("sbin/dhclient");
	put(&clone, "sbin/dhcpcd", "");
	put(&clone, "var/lib/dhcpcd/duid", "00:01:aa\n");
	target_asks_for_both();
	put(&target, LEASE6, "default-duid \"\\000\\004abc\";\n");
	apply_once();
	holds("var/lib/dhcpcd/duid", "00:04:61:62:63\n");
}

static void test_duid_from_dhcpcd_to_dhclient(void **state)
{
	(void)state;
	target_asks_for_both();
	put(&target, "var/lib/dhcpcd/duid", "00:04:61:62\n");
	apply_once();
	holds(LEASE6, "default-duid \"\\000\\004\\141\\142\";\n");
}

static void test_dhcpcd(void **state)
{
	(void)state;
	drop("sbin/dhclient");
	put(&clone, "sbin/dhcpcd", "");
	put(&clone, "etc/dhcpcd.conf", "hostname\nduid\npersistent\n");
	put(&clone, "var/lib/dhcpcd/duid", "00:01:aa\n");
	put(&target, "etc/dhcpcd.conf", "# mine\nclientid\noption x\n");
	put(&target, "etc/dhcpcd.duid", "00:04:bb:cc\n");
	apply();
	holds("etc/dhcpcd.conf", "clientid\nhostname\n# rehost: duid\npersistent\n");
	holds("var/lib/dhcpcd/duid", "00:04:bb:cc\n");
	make();
	assert_int_equal(plan.edit_count, 0);
	put(&target, "etc/dhcpcd.duid", "00:04\nscript /bin/evil\n");
	make();
	assert_true(has_text(&plan.notes, "dhcpcd identity is not understood"));
}

static void test_another_client(void **state)
{
	(void)state;
	drop("sbin/dhclient");
	put(&clone, "sbin/dhcpcd", "");
	put(&target, "var/lib/dhcp/dhclient.enp1s0.leases", LEASE("1:2:3"));
	make();
	assert_true(has_text(
		&plan.notes,
		"has asked for its address with dhclient, which the source does not have"));
}

static void test_firewall(void **state)
{
	(void)state;
	put(&clone, "etc/nftables.conf",
	    "#!/usr/sbin/nft -f\n# ens3 is outside\ntable inet f {\n  iifname \"ens3\" drop\n"
	    "  iifname \"ens30\" drop\n  ip daddr 192.0.2.10 accept\n}\n");
	put(&clone, "etc/iptables/rules.v4", "*filter\n-A INPUT -i ens3 -j DROP\nCOMMIT\n");
	put(&clone, "etc/ufw/user.rules", "-A ufw-user-input -d 192.0.2.10 -j ACCEPT\n");
	put(&clone, "etc/firewalld/zones/public.xml",
	    "<zone>\n  <interface name=\"ens3\"/>\n</zone>\n");
	put(&clone, "etc/firewalld/zones/old.bak", "ens3\n");
	make();
	assert_true(has_text(&plan.notes, "source's card in /etc/nftables.conf:4: ens3"));
	assert_false(has_text(&plan.notes, "/etc/nftables.conf:5"));
	assert_true(has_text(&plan.notes, "source's address in /etc/nftables.conf:6: 192.0.2.10"));
	assert_true(has_text(&plan.notes, "/etc/iptables/rules.v4:2: ens3"));
	assert_true(has_text(&plan.notes, "/etc/ufw/user.rules:1: 192.0.2.10"));
	assert_true(has_text(&plan.notes, "/etc/firewalld/zones/public.xml:2: ens3"));
	assert_false(has_text(&plan.notes, "old.bak:1: ens3"));
	assert_false(has_text(&plan.notes, "is named in /etc/ufw")); /* once is enough */
	assert_true(has_text(&plan.notes, "this machine's cards are called enp1s0"));
	assert_null(find("/etc/nftables.conf"));
}

static void test_firewall_that_names_nothing(void **state)
{
	(void)state;
	put(&clone, "etc/nftables.conf", "table inet f { tcp dport 22 accept; }\n");
	make();
	assert_false(has_text(&plan.notes, "firewall"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		TEST(test_sources_identifier_goes),
		TEST(test_targets_identifier_comes),
		TEST(test_identifier_of_the_lease),
		TEST(test_nothing_is_invented),
		TEST(test_duid_of_dhcpv6),
		cmocka_unit_test(test_forms_of_a_duid),
		TEST(test_duid_for_networkd),
		TEST(test_duid_for_old_networkd),
		TEST(test_duid_for_network_manager),
		TEST(test_duid_from_dhclient_to_dhcpcd),
		TEST(test_duid_from_dhcpcd_to_dhclient),
		TEST(test_dhcpcd),
		TEST(test_another_client),
		TEST(test_firewall),
		TEST(test_firewall_that_names_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
