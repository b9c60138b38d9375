/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "base/io.h"
#include "rewrite/shellfile.h"

static void parse(struct shell_file *f, const char *text)
{
	assert_int_equal(shell_file_parse(f, text, strlen(text), NULL), 0);
}

static void prints(const struct shell_file *f, const char *want)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	shell_file_print(f, &out);
	assert_string_equal(strbuf_str(&out), want);
}

static void test_values(void **state)
{
	static const char text[] =
		"# A=1\nA=\"x y\" # why\n export B='it is'\nC=plain\nD=\nE=a\"b\"\n"
		"F+=more\nif [ x ]; then G=1; fi\nH=\"two\nI=not this\nlines\"\nJ=1;K=2\n"
		"L=\"a\\\"b\\$c\" \nM=\"$A\"\n=x\n1N=2\n";
	struct shell_file f;
	char *text_of;

	(void)state;
	parse(&f, text);
	prints(&f, text);
	assert_string_equal(shell_file_find(&f, "A")->raw, "x y");
	assert_true(shell_file_find(&f, "A")->is_simple);
	assert_string_equal(shell_file_find(&f, "B")->raw, "it is");
	assert_string_equal(shell_file_find(&f, "C")->raw, "plain");
	assert_string_equal(shell_file_find(&f, "D")->raw, "");
	assert_true(shell_file_find(&f, "D")->is_simple);
	assert_false(shell_file_find(&f, "E")->is_simple);
	assert_true(shell_file_find(&f, "F")->is_append);
	assert_null(shell_file_find(&f, "G"));
	assert_false(shell_file_find(&f, "H")->is_simple);
	assert_null(shell_file_find(&f, "I"));
	assert_false(shell_file_find(&f, "J")->is_simple);
	assert_string_equal(shell_file_find(&f, "M")->raw, "$A");
	text_of = shell_var_decode(shell_file_find(&f, "L"));
	assert_string_equal(text_of, "a\"b$c");
	free(text_of);
	text_of = shell_var_decode(shell_file_find(&f, "E"));
	assert_string_equal(text_of, "ab");
	free(text_of);
	shell_file_done(&f);
}

static void test_set(void **state)
{
	struct shell_file f;

	(void)state;
	parse(&f, "A=\"x\" # why\nB='y'\nC=z\nC=zz");
	assert_int_equal(shell_file_set(&f, shell_file_find(&f, "A"), "one two"), 0);
	assert_int_equal(shell_file_set(&f, shell_file_find(&f, "A"), "one"), 0);
	assert_int_equal(shell_file_set(&f, shell_file_find(&f, "B"), "a b"), 0);
	assert_int_equal(shell_file_set(&f, shell_file_find(&f, "C"), "a b"), 0);
	assert_int_equal(shell_file_set(&f, &f.vars[2], "w"), 0);
	prints(&f, "A=\"one\" # why\nB='a b'\nC=w\nC=\"a b\"");
	shell_file_done(&f);
}

/* Whatever this machine has must come out as it went in. */
static void test_own_files(void **state)
{
	static const char *const patterns[] = { "/etc/default/*", "/etc/os-release",
						"/etc/initramfs-tools/*.conf" };
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		glob_t g;

		if (glob(patterns[i], 0, NULL, &g) != 0)
			continue;
		for (n = 0; n < g.gl_pathc; n++) {
			struct strbuf text cleanup_strbuf = STRBUF_INIT;
			struct shell_file f;

			if (file_slurp(g.gl_pathv[n], &text, 65536, NULL) < 0)
				continue;
			parse(&f, strbuf_str(&text));
			prints(&f, strbuf_str(&text));
			shell_file_done(&f);
		}
		globfree(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_own_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
