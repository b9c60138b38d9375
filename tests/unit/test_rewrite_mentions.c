/* SPDX-License-Identifier: MIT */
/* Which lines name an address of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "rewrite/mentions.h"
#include "temp_root.h"

/* Hits in one text as "LINE ADDRESS SERVICE own|bound" joined by ", ". */
static char *hits(const char *path, const char *text)
{
	static char out[4096];
	struct mentions m = { 0 };
	size_t i, len = 0;

	assert_int_equal(mentions_add_own(&m, "192.0.2.10/24"), 0);
	assert_int_equal(mentions_add_own(&m, "2001:db8::10/64"), 0);
	assert_int_equal(mentions_add_own(&m, "127.0.0.1"), 0); /* everybody's */
	assert_int_equal(m.own_count, 2);
	assert_int_equal(mentions_scan_text(&m, path, text, strlen(text), NULL), 0);
	out[0] = '\0';
	for (i = 0; i < m.count; i++) {
		assert_string_equal(m.items[i].file, path);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%zu %s %s %s",
					i ? ", " : "", m.items[i].line, m.items[i].address,
					m.items[i].service, m.items[i].is_own ? "own" : "bound");
	}
	mentions_done(&m);
	return out;
}

static void test_own_addresses(void **state)
{
	(void)state;
	assert_string_equal(hits("/etc/app.conf", "# 192.0.2.10\n\n  a = 192.0.2.10, b\n"),
			    "3 192.0.2.10 other own");
	/* another spelling of the same address; brackets, ports, CIDR, a full stop */
	assert_string_equal(hits("/etc/x", "[2001:DB8:0:0::10]:443 192.0.2.10:80/tcp"),
			    "1 2001:DB8:0:0::10 other own, 1 192.0.2.10 other own");
	assert_string_equal(hits("/etc/x", "It is 192.0.2.10.\nnet 192.0.2.10/32"),
			    "1 192.0.2.10 other own, 2 192.0.2.10 other own");
	assert_string_equal(hits("/etc/x", "db:192.0.2.10\n"), "1 192.0.2.10 other own");
	/* longer numbers, names and versions are none */
	assert_string_equal(hits("/etc/x", "192.0.2.100 1192.0.2.10 v192.0.2.10 host-192.0.2.10 "
					   "192.0.2.10.5 192.0.2.10a 2001:db8::100 192.0.2.10_1"),
			    "");
	assert_string_equal(hits("/etc/x", "127.0.0.1 0.0.0.0 ::1 10.0.0.1 ::"), "");
}

static void test_services(void **state)
{
	(void)state;
	assert_string_equal(
		hits("/etc/ssh/sshd_config",
		     "Port 22\nListenAddress 198.51.100.7\nlistenaddress 0.0.0.0\n#ListenAddress "
		     "1.2.3.4\nMatch Address 203.0.113.9\nListenAddress [2001:db8::99]:2222\n"),
		"2 198.51.100.7 sshd bound, 6 2001:db8::99 sshd bound");
	assert_string_equal(
		hits("/etc/apache2/sites-enabled/a.conf",
		     "<VirtualHost 198.51.100.7:443>\nListen 198.51.100.8:80\nAllow from "
		     "203.0.113.1\n"),
		"1 198.51.100.7 apache bound, 2 198.51.100.8 apache bound");
	assert_string_equal(hits("/etc/postfix/main.cf",
				 "inet_interfaces = 127.0.0.1, 198.51.100.7\n"
				 "mynetworks = 203.0.113.0/24\n"),
			    "1 198.51.100.7 postfix bound");
	assert_string_equal(hits("/etc/nginx/conf.d/a.conf", "  listen 198.51.100.7:80;\n"),
			    "1 198.51.100.7 nginx bound");
	/* others' addresses in rules and grants are not the machine's */
	assert_string_equal(hits("/etc/nftables.conf",
				 "ip saddr 203.0.113.9 ip daddr 192.0.2.10\n"),
			    "1 192.0.2.10 firewall own");
	assert_string_equal(hits("/var/lib/pgsql/data/pg_hba.conf",
				 "host all all 192.0.2.10/32 md5\n"),
			    "1 192.0.2.10 grants own");
	assert_string_equal(hits("/etc/postgresql/15/main/postgresql.conf",
				 "listen_addresses = 'localhost,198.51.100.7'\n"),
			    "1 198.51.100.7 postgresql bound");
	assert_string_equal(hits("/var/lib/bind/db.example", "; 192.0.2.10\n@ IN A 192.0.2.10\n"),
			    "2 192.0.2.10 zones own");
	assert_string_equal(
		hits("/etc/bind/named.conf.options",
		     "// listen-on { 198.51.100.7; };\n\tlisten-on { 198.51.100.7; };\n"),
		"2 198.51.100.7 zones bound");
}

static void put(const char *path, const char *text, size_t len)
{
	assert_int_equal(root_replace(&r, path, text, len, NULL, NULL), 0);
}

static void test_tree(void **state)
{
	struct strlist but cleanup_strlist = STRLIST_INIT;
	struct mentions m = { 0 };

	(void)state;
	put("/etc/app/deep/a.conf", "x 192.0.2.10\n", 13);
	put("/etc/network/interfaces", "address 192.0.2.10\n", 19);
	put("/etc/blob", "\0 192.0.2.10", 12);
	put("/home/user/notes", "192.0.2.10", 10); /* no place of configuration */
	assert_int_equal(root_symlink(&r, "/etc/out", "/etc/app", NULL), 0);
	assert_int_equal(root_symlink(&r, "/var/named", "/etc", NULL), 0);
	assert_int_equal(strlist_add(&but, "/etc/network/interfaces"), 0);
	assert_int_equal(mentions_add_own(&m, "192.0.2.10"), 0);
	assert_int_equal(mentions_find(&m, &r, &but, NULL), 0);
	assert_int_equal(m.count, 1);
	assert_string_equal(m.items[0].file, "/etc/app/deep/a.conf");
	assert_int_equal(m.files, 1);
	assert_int_equal(m.skipped, 1);
	assert_false(m.is_cut);
	mentions_done(&m);
}

static void test_limits(void **state)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct mentions m = { 0 };
	char path[64];
	int i;

	(void)state;
	for (i = 0; i < MENTIONS_OF_FILE_MAX + 10; i++)
		strbuf_adds(&text, "192.0.2.10\n");
	assert_int_equal(mentions_add_own(&m, "192.0.2.10"), 0);
	assert_int_equal(mentions_scan_text(&m, "/etc/a", text.data, text.len, NULL), 0);
	assert_int_equal(m.count, MENTIONS_OF_FILE_MAX);
	assert_true(m.is_cut);
	for (i = 0; i < MENTIONS_MAX; i++) {
		snprintf(path, sizeof(path), "/etc/%d", i);
		assert_int_equal(mentions_scan_text(&m, path, text.data, text.len, NULL), 0);
	}
	assert_int_equal(m.count, MENTIONS_MAX);
	mentions_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_addresses),
		cmocka_unit_test(test_services),
		cmocka_unit_test_setup_teardown(test_tree, temp_root_open, temp_root_close),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
