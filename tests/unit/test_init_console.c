/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "init/console.h"
#include "init/netd.h"

static char *join(const struct strlist *lines)
{
	static char text[8192];

	text[0] = 0;
	for (size_t i = 0; i < lines->count; i++) {
		strcat(text, lines->items[i]);
		strcat(text, "\n");
	}
	return text;
}

static void check_lines(const struct strlist *lines, size_t width)
{
	for (size_t i = 0; i < lines->count; i++) {
		assert_true(strlen(lines->items[i]) <= width);
		for (const char *p = lines->items[i]; *p; p++)
			assert_true(*p >= 0x20 && *p < 0x7f);
	}
}

static void test_page(void **state)
{
	struct console_facts f = { .version = "1.2", .kernel = "6.12", .port = 22, .keys = 2 };
	struct strlist lines = STRLIST_INIT;

	(void)state;
	f.fingerprint = "SHA256:abc";
	f.state = "a stream is being received";
	f.progress = "receive: 12 files";
	assert_int_equal(strlist_add(&f.links, "eth0 52:54:00:12:34:56 virtio_net 10.0.2.15/24"),
			 0);
	assert_int_equal(strlist_add(&f.addresses, "10.0.2.15"), 0);
	assert_int_equal(console_render(&lines, &f, 79), 0);
	check_lines(&lines, 79);
	assert_string_equal(
		join(&lines),
		"rehost 1.2 rescue, Linux 6.12\n"
		"  eth0 52:54:00:12:34:56 virtio_net 10.0.2.15/24\n"
		"Host key: SHA256:abc\n"
		"Login: root, 2 SSH keys\n"
		"State: a stream is being received\n"
		"Now: receive: 12 files\n"
		"On the source, as root, type:\n"
		"  ssh root@10.0.2.15 plan\n"
		"  tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner \\\n"
		"  --one-file-system --sparse -cpf - -C / . | ssh root@10.0.2.15 receive tar\n");
	strlist_done(&lines);
	strlist_done(&f.links);
	strlist_done(&f.addresses);
}

static void test_password_port_and_long_address(void **state)
{
	struct console_facts f = { .version = "1", .kernel = "6", .port = 2222 };
	struct strlist lines = STRLIST_INIT;

	(void)state;
	f.fingerprint = "SHA256:abc";
	f.password = "abcd-efgh";
	assert_int_equal(strlist_add(&f.addresses, "2001:db8:1234:5678:9abc:def0:1234:5678"), 0);
	assert_int_equal(console_render(&lines, &f, 79), 0);
	check_lines(&lines, 79);
	assert_non_null(strstr(join(&lines), "one-time password: abcd-efgh\n"));
	/* The line with the address is never broken. */
	assert_non_null(strstr(join(&lines), "-C / . \\\n  | ssh -p 2222 "
					     "root@2001:db8:1234:5678:9abc:def0:1234:5678 "
					     "receive tar\n"));
	strlist_done(&lines);
	/* Without a host key nobody listens yet: no command that would fail. */
	f.fingerprint = "";
	assert_int_equal(console_render(&lines, &f, 79), 0);
	assert_null(strstr(join(&lines), "ssh"));
	strlist_done(&lines);
	strlist_done(&f.addresses);
}

static void test_hostile_text(void **state)
{
	struct console_facts f = { .version = "1", .kernel = "6" };
	struct strlist lines = STRLIST_INIT;
	static const char begin[] = "gr\xc3\xbc\xc3\x9f\033[2J\nsecond ";
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	memcpy(text, begin, sizeof(begin) - 1);
	f.errors = text;
	assert_int_equal(console_render(&lines, &f, 79), 0);
	check_lines(&lines, 79);
	assert_non_null(strstr(join(&lines), "! gr????\\x1b[2J\n"));
	assert_non_null(strstr(join(&lines), "\n! second xx"));
	strlist_done(&lines);
}

static void test_news(void **state)
{
	struct strlist before = STRLIST_INIT, now = STRLIST_INIT, news = STRLIST_INIT;

	(void)state;
	assert_int_equal(strlist_split(&before, "a,b,c", ","), 0);
	assert_int_equal(strlist_split(&now, "a,x,c,y", ","), 0);
	assert_int_equal(console_news(&news, &before, &now), 0);
	assert_string_equal(join(&news), "x\ny\n");
	strlist_done(&before);
	strlist_done(&now);
	strlist_done(&news);
}

static void test_progress(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	console_progress(&b, "command=receive\nphase=files\nfiles=18000\nbytes=1200000000\n"
			     "total=2400000000\nrate=40000000\nstarted=12\n");
	assert_string_equal(strbuf_str(&b),
			    "receive: files, 18000 files, 1.2 GB of 2.4 GB, 40.0 MB/s");
	strbuf_done(&b);
	console_progress(&b, "");
	assert_string_equal(strbuf_str(&b), "");
	console_progress(&b, "subcommand=x\ncommand=check");
	assert_string_equal(strbuf_str(&b), "check");
	strbuf_done(&b);
}

static void test_judge(void **state)
{
	static struct netd n;
	struct net_conf conf = { 0 };
	struct err e;

	(void)state;
	n.conf = &conf;
	n.began_ms = 1000;
	assert_false(netd_judge(&n, false, 2000, &e)); /* too early to complain */
	assert_true(netd_judge(&n, false, 20000, &e));
	assert_int_equal(e.code, ERR_INIT_NO_LINK);
	n.nlinks = 1;
	assert_true(netd_judge(&n, false, 20000, &e));
	assert_int_equal(e.code, ERR_INIT_NO_CARRIER);
	n.links[0].id.carrier = true;
	assert_false(netd_judge(&n, false, 20000, &e));
	n.links[0].dhcp_silence_s = 7;
	assert_true(netd_judge(&n, false, 20000, &e));
	assert_int_equal(e.code, ERR_INIT_DHCP);
	assert_false(netd_judge(&n, true, 20000, &e));
	/* A wrong word is said even when everything else works. */
	assert_int_equal(strlist_add(&conf.ignored, "ip=frob"), 0);
	assert_true(netd_judge(&n, true, 20000, &e));
	assert_int_equal(e.code, ERR_INIT_NET_WORD);
	assert_string_equal(e.ctx[0], "ip=frob");
	strlist_done(&conf.ignored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_password_port_and_long_address),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_news),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
