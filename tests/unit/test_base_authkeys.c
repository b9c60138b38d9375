/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/authkeys.h"

/* Made with ssh-keygen for this test; the private halves are gone. */
#define ED "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKnP4ub1aR5biMXGl9fo7tCmPc6YWktj56SCxI19+4ud"
#define ED_ONLY "AAAAC3NzaC1lZDI1NTE5AAAAIKnP4ub1aR5biMXGl9fo7tCmPc6YWktj56SCxI19+4ud"
#define EC \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAA" \
	"BBBJkBY9ita5IOdKu0kkimPawfDkB/4rjT1TT1EqRZrO8b2DSCrHD5IOMiHxk7/HulDYlX" \
	"tsmW5JD/LzYWDdEyo64="
#define RSA \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC4BwqpnI8/lLqX2FNOvWlEwGhY/Tnc3m" \
	"jsUfMA6Mqgf+f09L2HmPB0+N6lvdA9wenK7zNCCS1tv927jFXErcjnDrdrLzS761io3S2p" \
	"lCbxqY/izLcLHua8Xpio5NtZK3s4/nwvoTe2j4Huhu1QRhf5wpMLXcha8exvIASmoeYVD8" \
	"zNnuqmUhFEj8DTNk83pcbHmKllF5oEHKDzan4KtNuWmVGaGF6wb90wVVlODNoy/IYctHx/" \
	"SH7ao9klCKqIF5wa1oxq4PGyh/yN+lsVaoKsCdQ6b6QujC+NQWa/oprifKurQsJTxeA8O6" \
	"Cr6aWoFT0lP8AP6omXcUGqsxujN30P"

static struct authkeys parse(const char *text)
{
	struct authkeys k;
	struct err e = ERR_INIT;

	assert_int_equal(authkeys_parse(&k, text, strlen(text), &e), 0);
	return k;
}

static void expect(const char *text, size_t count, unsigned refused)
{
	struct authkeys k = parse(text);

	assert_int_equal(k.count, count);
	assert_int_equal(k.refused, refused);
	authkeys_done(&k);
}

static void test_plain(void **state)
{
	(void)state;
	expect("", 0, 0);
	expect("\n\n  \n# a comment\n", 0, 0);
	expect(ED, 1, 0);
	expect(ED "\n" EC " two words\n\t" RSA "\r\n", 3, 0);
	expect("  " ED " me@host # text", 1, 0);
}

static void test_options(void **state)
{
	(void)state;
	expect("no-pty " ED, 1, 0);
	expect("command=\"/bin/echo \\\"a b\\\"\",from=\"*.example\" " ED " c", 1, 0);
	expect("command=\"ssh-ed25519 x\" " EC, 1, 0);
	expect("command=\"open " ED, 0, 1);
	expect("a b " ED, 0, 1);
}

static void test_refused(void **state)
{
	(void)state;
	expect("ssh-dss AAAAB3NzaC1kc3MAAACB", 0, 1);
	expect("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAx", 0, 1);
	expect("ssh-ed25519", 0, 1);
	expect("ssh-ed25519 ", 0, 1);
	expect("ssh-ed25519 AAAA", 0, 1);
	expect("ssh-ed25519 !!!!", 0, 1);
	expect("hello world\n" ED "\nx", 1, 2);
	/* The key says ed25519 inside, the line says something else. */
	expect("ssh-rsa " ED_ONLY, 0, 1);
	expect("ecdsa-sha2-nistp384 " ED_ONLY, 0, 1);
}

static void test_nul_byte(void **state)
{
	static const char text[] = ED "\n# \0 comment\n" ED "\0\n";
	struct authkeys k;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authkeys_parse(&k, text, sizeof(text) - 1, &e), 0);
	assert_int_equal(k.count, 1);
	assert_int_equal(k.refused, 1);
	authkeys_done(&k);
}

static void test_limits(void **state)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct authkeys k;
	int i;

	(void)state;
	for (i = 0; i < AUTHKEYS_MAX; i++)
		strbuf_adds(&text, ED "\n");
	assert_int_equal(authkeys_parse(&k, text.data, text.len, &e), 0);
	assert_int_equal(k.count, AUTHKEYS_MAX);
	authkeys_done(&k);
	strbuf_adds(&text, ED "\n");
	assert_int_equal(authkeys_parse(&k, text.data, text.len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(k.count, 0);

	err_clear(&e);
	while (text.len <= AUTHKEYS_FILE_MAX)
		strbuf_adds(&text, "# a long line of comment that fills the file\n");
	assert_int_equal(authkeys_parse(&k, text.data, text.len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_have(void **state)
{
	struct authkeys k = parse(ED "\n" EC "\n");
	uint8_t blob[AUTHKEY_BLOB_MAX];
	const char *text = ED_ONLY;
	long len = base64_decode(text, strlen(text), blob, sizeof(blob));

	(void)state;
	assert_int_equal(len, 51); /* two strings with their lengths: 4 + 11 + 4 + 32 */
	assert_true(authkeys_have(&k, blob, (size_t)len));
	assert_false(authkeys_have(&k, blob, (size_t)len - 1));
	blob[len - 1] ^= 1;
	assert_false(authkeys_have(&k, blob, (size_t)len));
	assert_string_equal(k.items[1].type, "ecdsa-sha2-nistp256");
	assert_int_equal(k.items[1].line, 2);
	authkeys_done(&k);
}

static void test_load(void **state)
{
	char path[] = "/tmp/authkeys-XXXXXX";
	struct err e = ERR_INIT;
	struct authkeys k;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, ED "\n", strlen(ED "\n")), (int)strlen(ED "\n"));
	close(fd);
	assert_int_equal(authkeys_load(&k, path, &e), 0);
	assert_int_equal(k.count, 1);
	authkeys_done(&k);
	unlink(path);
	assert_int_equal(authkeys_load(&k, path, &e), 0); /* none is not an error */
	assert_int_equal(k.count, 0);
	assert_int_equal(authkeys_load(&k, "/", &e), -1);
	assert_true(err_is_set(&e));
}

static void test_base64(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(base64_decode("Zm9v", 4, out, sizeof(out)), 3);
	assert_memory_equal(out, "foo", 3);
	assert_int_equal(base64_decode("Zm8=", 4, out, sizeof(out)), 2);
	assert_int_equal(base64_decode("Zg==", 4, out, sizeof(out)), 1);
	assert_int_equal(base64_decode("", 0, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Zm9", 3, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Zm9=", 4, out, sizeof(out)), -1); /* a bit that is lost */
	assert_int_equal(base64_decode("Zh==", 4, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Z===", 4, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Zg==Zg==", 8, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Zm 9", 4, out, sizeof(out)), -1);
	assert_int_equal(base64_decode("Zm9vZm9v", 8, out, 5), -1);
}

/* What a command line that was too long leaves of a key: valid base64, but not the whole key. */
static void test_cut_short(void **state)
{
	size_t i;
	char text[sizeof(EC)];

	(void)state;
	for (i = sizeof(ED) - 2; i > strlen("ssh-ed25519 "); i--) {
		snprintf(text, sizeof(text), "%.*s", (int)i, ED);
		expect(text, 0, 1);
	}
	for (i = sizeof(EC) - 2; i > strlen("ecdsa-sha2-nistp256 "); i--) {
		snprintf(text, sizeof(text), "%.*s", (int)i, EC);
		expect(text, 0, 1);
	}
	expect(ED "AAAA", 0, 1); /* something behind it */
}

static void test_add(void **state)
{
	char path[] = "/tmp/authkeys-XXXXXX";
	struct err e = ERR_INIT;
	struct authkeys k = parse(ED "\n" RSA "\n");
	FILE *f = fdopen(mkstemp(path), "w");

	(void)state;
	assert_non_null(f);
	fputs(EC "\nno key\n", f);
	fclose(f);
	assert_int_equal(authkeys_add(&k, "/does/not/exist", &e), 0);
	assert_int_equal(k.count, 2);
	assert_int_equal(authkeys_add(&k, path, &e), 0);
	assert_int_equal(k.count, 3);
	assert_int_equal(k.refused, 1);
	assert_string_equal(k.items[0].type, "ssh-ed25519");
	assert_string_equal(k.items[2].type, "ecdsa-sha2-nistp256");
	authkeys_done(&k);
	assert_int_equal(authkeys_add(&k, path, &e), 0); /* to an empty list */
	assert_int_equal(k.count, 1);
	authkeys_done(&k);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	  cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_limits),	  cmocka_unit_test(test_have),
		cmocka_unit_test(test_load),	  cmocka_unit_test(test_base64),
		cmocka_unit_test(test_cut_short), cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
