/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/inifile.h"

static struct ini_file f;

static void parse(enum ini_dialect dialect, const char *text)
{
	ini_done(&f);
	assert_int_equal(ini_parse(&f, dialect, text, strlen(text), NULL), 0);
}

static int end(void **state)
{
	(void)state;
	ini_done(&f);
	return 0;
}

static void entry_is(size_t s, size_t n, const char *key, const char *value, size_t line)
{
	assert_true(s < f.section_count && n < f.sections[s].entry_count);
	assert_string_equal(f.sections[s].entries[n].key, key);
	assert_string_equal(f.sections[s].entries[n].value, value);
	assert_int_equal(f.sections[s].entries[n].line, line);
}

/* systemd.syntax(7) */
static void test_systemd(void **state)
{
	(void)state;
	parse(INI_SYSTEMD, "\xef\xbb\xbf# first\n"
			   "  [Section A]  \r\n"
			   " KeyOne = value 1 \n"
			   "KeyTwo=value 2 \\\n"
			   "# left out\n"
			   "   ; this too\n"
			   "       continued\n"
			   "Even=two\\\\\n"
			   "Empty=\n"
			   "Mark=a#b;c=d\n"
			   "[Section A]\n"
			   "KeyOne=again\n"
			   "Last=open\\");
	assert_int_equal(f.section_count, 2);
	assert_string_equal(f.sections[0].name, "Section A");
	assert_int_equal(f.sections[0].line, 1);
	entry_is(0, 0, "KeyOne", "value 1", 2);
	entry_is(0, 1, "KeyTwo", "value 2         continued", 3);
	entry_is(0, 2, "Even", "two\\\\", 7);
	entry_is(0, 3, "Empty", "", 8);
	entry_is(0, 4, "Mark", "a#b;c=d", 9);
	entry_is(1, 0, "KeyOne", "again", 11);
	entry_is(1, 1, "Last", "open", 12);
	assert_string_equal(ini_get(&f, "Section A", "KeyOne"), "again");
	assert_string_equal(ini_get(&f, "Section A", "Even"), "two\\\\");
	assert_null(ini_get(&f, "Section B", "KeyOne"));
	assert_int_equal(f.bad_line, SIZE_MAX);
}

static void test_keyfile(void **state)
{
	char value[] = "a\\sb\\nc\\\\d\\;e\\";

	(void)state;
	parse(INI_KEYFILE, "#\n[ipv4]\naddress1=192.0.2.1/24;\\\n;x=1\n");
	assert_int_equal(f.section_count, 1);
	entry_is(0, 0, "address1", "192.0.2.1/24;\\", 2); /* no line goes on */
	entry_is(0, 1, ";x", "1", 3);			  /* no comment here */
	ini_unescape(value);
	assert_string_equal(value, "a b\nc\\d\\;e\\");
}

static void test_bad_lines_are_named_and_passed(void **state)
{
	(void)state;
	parse(INI_SYSTEMD, "\n=x\n");
	assert_int_equal(f.bad_line, 1);
	parse(INI_SYSTEMD, "a=b\n");
	assert_int_equal(f.bad_line, 0); /* in no section */
	parse(INI_SYSTEMD, "[a]\n[]\nx\n[b\n=y\nk=v\n");
	assert_int_equal(f.bad_line, 1);
	assert_int_equal(f.section_count, 1);
	entry_is(0, 0, "k", "v", 5);
	parse(INI_SYSTEMD, "");
	assert_int_equal(f.section_count, 0);
	assert_int_equal(f.bad_line, SIZE_MAX);
}

static void test_limits(void **state)
{
	char *text = malloc(INI_MAX_BYTES + 1);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', INI_MAX_BYTES + 1);
	ini_done(&f);
	assert_int_equal(ini_parse(&f, INI_SYSTEMD, text, INI_MAX_BYTES, NULL), 0);
	assert_int_equal(ini_parse(&f, INI_SYSTEMD, text, INI_MAX_BYTES + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	err_clear(&e);
	assert_int_equal(ini_parse(&f, INI_SYSTEMD, "[a]\0", 4, &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_systemd, end),
		cmocka_unit_test_teardown(test_keyfile, end),
		cmocka_unit_test_teardown(test_bad_lines_are_named_and_passed, end),
		cmocka_unit_test_teardown(test_limits, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
