/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/hash.h"
#include "base/report.h"
#include "base/spawn.h"

/* Not inlined: gcc then takes the stream for a keeper of the address of text. */
__attribute__((noinline)) static char *report_text(const struct err *e)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	report_error(f, e);
	fclose(f);
	return text;
}

static void test_report_has_five_parts(void **state)
{
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	assert_int_equal(err_set(&e, ERR_FILE, ENOSPC, "/etc/%s", "fst\nab"), -1);
	err_ctx(&e, "rewriting the file table");
	e.extent = EXTENT_NOTHING;
	text = report_text(&e);
	assert_non_null(strstr(text, "[RH-BASE-04]"));
	assert_non_null(strstr(text, "doing    rewriting the file table"));
	assert_non_null(strstr(text, "because  /etc/fst\\x0aab: No space left on device"));
	assert_non_null(strstr(text, "disk     nothing has been written"));
	assert_non_null(strstr(text, "next     "));
	free(text);
	assert_int_equal(report_exit_code(&e), EXIT_UNTOUCHED);
	e.extent = EXTENT_SWITCHING;
	assert_int_equal(report_exit_code(&e), EXIT_INCOMPLETE);
}

static void test_context_overflow_keeps_the_cause(void **state)
{
	struct err e = ERR_INIT;
	char *text;
	int i;

	(void)state;
	err_set(&e, ERR_NOMEM, 0, "cause");
	for (i = 0; i < 20; i++)
		err_ctx(&e, "level %d", i);
	assert_int_equal(e.nctx, ERR_CTX_MAX);
	text = report_text(&e);
	assert_non_null(strstr(text, "because  cause\n"));
	free(text);
	assert_int_equal(err_set(NULL, ERR_NOMEM, 0, "nobody listens"), -1);
}

/* Every row can be shown to a person: an id of its own, a title, and something to do next. */
static void test_table_is_complete(void **state)
{
	int i, j;

	(void)state;
	for (i = 1; i < ERR_CODE_COUNT; i++) {
		const struct err_info *info = err_info((enum err_code)i);
		const char *p;
		int lines = 1;

		assert_true(strncmp(info->id, "RH-", 3) == 0);
		assert_true(strlen(info->title) >= 10);
		assert_true(strlen(info->advice) >= 10);
		assert_null(strpbrk(info->title, "!\n"));
		for (p = info->advice; *p; p++)
			lines += *p == '\n';
		assert_true(lines <= 3);
		for (j = 1; j < i; j++)
			assert_string_not_equal(info->id, err_info((enum err_code)j)->id);
	}
	assert_string_equal(err_info((enum err_code)9999)->name, "INTERNAL");
}

/* Every line of every report fits a console; the label column stays, and what is to be typed is in one piece. */
static void test_reports_fit_80_columns(void **state)
{
	int i;

	(void)state;
	for (i = 1; i < ERR_CODE_COUNT; i++) {
		const char *advice = err_info((enum err_code)i)->advice;
		struct err e = ERR_INIT;
		struct strbuf joined = STRBUF_INIT;
		struct strlist lines = STRLIST_INIT;
		char *text;
		size_t k;

		err_set(&e, (enum err_code)i, 0, "why");
		text = report_text(&e);
		assert_int_equal(strlist_split(&lines, strstr(text, "  next "), "\n"), 0);
		for (k = 0; k < lines.count; k++) {
			const char *line = lines.items[k];

			if (strlen(line) > 80)
				fail_msg("%s: %s", err_info((enum err_code)i)->id, line);
			assert_true(strlen(line) > 11 && line[10] == ' ' && line[11] != ' ');
			strbuf_addf(&joined, "%s%s", joined.len ? " " : "", line + 11);
		}
		strlist_done(&lines);
		assert_int_equal(joined.len,
				 strlen(advice)); /* nothing lost, line ends became blanks */
		for (k = 0; k < joined.len; k++)
			assert_int_equal(joined.data[k], advice[k] == '\n' ? ' ' : advice[k]);
		strbuf_done(&joined);
		free(text);
	}
}

static void test_wrapping(void **state)
{
	static const char words[] = "Aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa "
				    "aaaa (x) 'rollback --discard'. The provider's panel.\nNext";
	char text[400] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	report_print_lines(out, "  next", 10, words);
	fclose(out);
	assert_string_equal(
		text,
		"  next     Aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa (x)\n"
		"           'rollback --discard'. The provider's panel.\n"
		"           Next\n");
	out = fmemopen(text, sizeof(text), "w");
	report_print_lines(out, "", 60,
			   "abcdefghijklmnopqrstuvwxyz 'tis so"); /* longer than the room */
	fclose(out);
	assert_string_equal(
		text, "                                                             "
		      "abcdefghijklmnopqrstuvwxyz\n"
		      "                                                             'tis so\n");
}

static void test_json_survives_bad_names(void **state)
{
	json_t *v = json_text("caf\xe9");

	(void)state;
	assert_string_equal(json_string_value(v), "caf\\xe9");
	json_decref(v);
}

/* FIPS 180-4 example: SHA-256 of "abc". */
static void test_sha256(void **state)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 *s = sha256_new();

	(void)state;
	sha256_add(s, "a", 1);
	sha256_add(s, "bc", 2);
	sha256_finish(s, digest);
	hex_of(digest, sizeof(digest), hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_spawn(void **state)
{
	const char *const ok[] = { "/bin/sh", "-c", "echo out; echo err >&2; exit 7", NULL };
	const char *const slow[] = { "/bin/sh", "-c", "sleep 30", NULL };
	const char *const none[] = { "/no/such/program", NULL };
	struct strbuf out = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(spawn_wait(&(struct spawn){ .argv = ok, .stdin_fd = -1, .output = &out },
				    &e),
			 7);
	assert_string_equal(strbuf_str(&out), "out\nerr\n");
	strbuf_done(&out);
	assert_int_equal(spawn_wait(&(struct spawn){ .argv = none, .stdin_fd = -1 }, &e), 127);
	assert_int_equal(spawn_wait(&(struct spawn){ .argv = slow, .stdin_fd = -1, .timeout_s = 1 },
				    &e),
			 -1);
	assert_int_equal(e.sys, ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_has_five_parts),
		cmocka_unit_test(test_context_overflow_keeps_the_cause),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_reports_fit_80_columns),
		cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_json_survives_bad_names),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_spawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
