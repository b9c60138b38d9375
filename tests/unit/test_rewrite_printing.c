/* SPDX-License-Identifier: MIT */
/*
 * Every configuration file found, in the fixtures and in this machine's /etc, read and printed by each of the parsers that print: the same
 * bytes. None of them may mind whose file it is; the fuzz targets say the same of text that nobody wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>

#include "base/io.h"
#include "rewrite/bls.h"
#include "rewrite/fstab.h"
#include "rewrite/interfaces.h"
#include "rewrite/shellfile.h"

#define FILE_MAX 65536

static unsigned files, printed[4];

static void compare(const char *parser, const char *path, const struct strbuf *text,
		    const struct strbuf *out, unsigned which)
{
	if (out->failed || out->len != text->len ||
	    (out->len && memcmp(out->data, text->data, out->len) != 0))
		fail_msg("%s prints %s otherwise than it stands there", parser, path);
	printed[which]++;
}

static void print_all(const char *path, const struct strbuf *text)
{
	struct strbuf out[4] = { 0 };
	struct fstab table = { 0 };
	struct interfaces_file interfaces = { 0 };
	struct shell_file shell = { 0 };
	struct bls_entry entry = { 0 };
	const char *bytes = strbuf_str(text);

	if (fstab_parse(&table, bytes, text->len, NULL) == 0) {
		fstab_print(&table, &out[0]);
		compare("fstab", path, text, &out[0], 0);
		fstab_done(&table);
	}
	if (interfaces_parse(&interfaces, bytes, text->len, NULL) == 0) {
		interfaces_print(&interfaces, &out[1]);
		compare("interfaces", path, text, &out[1], 1);
		interfaces_done(&interfaces);
	}
	if (shell_file_parse(&shell, bytes, text->len, NULL) == 0) {
		shell_file_print(&shell, &out[2]);
		compare("shell_file", path, text, &out[2], 2);
		shell_file_done(&shell);
	}
	if (bls_parse(&entry, bytes, text->len, NULL) == 0) {
		bls_print(&entry, &out[3]);
		compare("bls", path, text, &out[3], 3);
		bls_done(&entry);
	}
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		strbuf_done(&out[i]);
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	(void)at;
	if (kind != FTW_F || st->st_size > FILE_MAX ||
	    file_slurp(path, &text, FILE_MAX, NULL) < 0) /* another user's, perhaps */
		return 0;
	files++;
	print_all(path, &text);
	return 0;
}

static void test_every_file_prints_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(nftw("tests/fixtures", visit, 16, FTW_PHYS), 0);
	assert_true(files > 100);
	assert_int_equal(nftw("/etc", visit, 16, FTW_PHYS), 0);
	/* so many that no parser has simply refused them all */
	for (size_t i = 0; i < ARRAY_SIZE(printed); i++)
		assert_true(printed[i] > files / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_file_prints_as_it_was) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
