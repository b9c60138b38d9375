/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/bls.h"

/* Every byte of it that is odd is allowed by the specification: comments, tabs, empty lines, no newline at the end. */
static const char text[] = "# a comment\n"
			   "title\tA  system\n"
			   "linux   /vmlinuz-1\n"
			   "initrd /a.img\n"
			   "initrd /b.img $more\n"
			   "options root=UUID=1 quiet\n"
			   "\n"
			   " options\tlast words";

static void prints(const struct bls_entry *b, const char *want)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	bls_print(b, &out);
	assert_string_equal(strbuf_str(&out), want);
}

static void test_print_is_parse(void **state)
{
	static const char *const texts[] = { text, "", "\n", "linux /x\n", "linux", "a b\n\n\n" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct bls_entry b;

		assert_int_equal(bls_parse(&b, texts[i], strlen(texts[i]), NULL), 0);
		prints(&b, texts[i]);
		bls_done(&b);
	}
}

static void test_values(void **state)
{
	struct strbuf all cleanup_strbuf = STRBUF_INIT, none cleanup_strbuf = STRBUF_INIT;
	struct bls_entry b;

	(void)state;
	assert_int_equal(bls_parse(&b, text, strlen(text), NULL), 0);
	assert_string_equal(bls_get(&b, "title"), "A  system");
	assert_string_equal(bls_get(&b, "initrd"), "/a.img");
	assert_null(bls_get(&b, "init")); /* the key is a whole word */
	assert_null(bls_get(&b, "version"));
	bls_join(&b, "options", &all);
	assert_string_equal(strbuf_str(&all), "root=UUID=1 quiet last words");
	bls_join(&b, "efi", &none);
	assert_string_equal(strbuf_str(&none), "");
	bls_done(&b);
}

static void test_set(void **state)
{
	static const char in[] = "linux \t/vmlinuz\noptions x\nodd";
	struct bls_entry b;

	(void)state;
	assert_int_equal(bls_parse(&b, in, strlen(in), NULL), 0);
	assert_int_equal(bls_set(&b, 0, "/boot/vmlinuz"), 0);
	assert_int_equal(bls_set(&b, 1, ""), 0);
	assert_int_equal(bls_set(&b, 2, "value"), 0);
	prints(&b, "linux \t/boot/vmlinuz\noptions \nodd value");
	bls_done(&b);
}

static void test_no_text(void **state)
{
	struct err e = ERR_INIT;
	struct bls_entry b;

	(void)state;
	assert_int_equal(bls_parse(&b, "linux /x\0y", 10, &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_is_parse),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
