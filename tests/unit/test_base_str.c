/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/diff.h"
#include "base/str.h"

static void test_escape(void **state)
{
	char buf[64];

	(void)state;
	str_escape(buf, sizeof(buf), "plain");
	assert_string_equal(buf, "plain");
	str_escape(buf, sizeof(buf), "\x1b[2J");
	assert_string_equal(buf, "\\x1b[2J");
	str_escape(buf, sizeof(buf), "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(buf, "gr\xc3\xbc\xc3\x9f");
	str_escape(buf, sizeof(buf), "a\xff");
	assert_string_equal(buf, "a\\xff");
	str_escape(buf, sizeof(buf),
		   "\xc2\x9b"
		   "m"); /* C1 CSI */
	assert_string_equal(buf, "\\xc2\\x9bm");
	str_escape(buf, 4, "abcdef");
	assert_string_equal(buf, "abc");
}

static void test_numbers(void **state)
{
	uint64_t v;
	uint32_t w;

	(void)state;
	assert_int_equal(parse_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &v), -1);
	assert_int_equal(parse_u64("", &v), -1);
	assert_int_equal(parse_u64("-1", &v), -1);
	assert_int_equal(parse_u64("1 ", &v), -1);
	assert_int_equal(parse_u32("4294967295", &w), 0);
	assert_int_equal(parse_u32("4294967296", &w), -1);
}

static void test_bytes(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(format_bytes(buf, sizeof(buf), 0), "0 B");
	assert_string_equal(format_bytes(buf, sizeof(buf), 999), "999 B");
	assert_string_equal(format_bytes(buf, sizeof(buf), 1400000000), "1.4 GB");
	assert_string_equal(format_bytes(buf, sizeof(buf), 123456789), "123 MB");
	assert_string_equal(format_seconds(buf, sizeof(buf), 59), "59 s");
	assert_string_equal(format_seconds(buf, sizeof(buf), 125), "2 min 05 s");
}

static void check_diff(const char *a, const char *b, const char *want)
{
	struct strbuf out = STRBUF_INIT;

	diff_unified(&out, "a", a, strlen(a), "b", b, strlen(b));
	assert_string_equal(strbuf_str(&out), want);
	strbuf_done(&out);
}

static void test_diff(void **state)
{
	(void)state;
	check_diff("x\n", "x\n", "");
	check_diff("1\n2\n3\n", "1\ntwo\n3\n", "--- a\n+++ b\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n");
	check_diff("", "new\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+new\n");
	check_diff("gone", "",
		   "--- a\n+++ b\n@@ -1 +0,0 @@\n-gone\n\\ No newline at end of file\n");
	check_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\nA\nB\nC\n", "one\n2\n3\n4\n5\n6\n7\n8\n9\nA\nB\nc\n",
		   "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n"
		   "@@ -9,4 +9,4 @@\n 9\n A\n B\n-C\n+c\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
