/* SPDX-License-Identifier: MIT */
/* The words of rsync clients: rsync's options.c (server_options) of the versions named, openrsync's client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "transfer/rsync_args.h"

/* Splits at blanks and parses. */
static int parse(struct rsync_args *a, const char *line, struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	char *copy cleanup_free = strdup(line), *save = NULL, *w;

	for (w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		assert_int_equal(strlist_add(&words, w), 0);
	*e = (struct err)ERR_INIT;
	return rsync_args_parse(a, (const char *const *)words.items, words.count, e);
}

static void real_clients_are_understood(void **state)
{
	static const char *const lines[] = {
		"--server -lHogDtprx --delete --numeric-ids . /",	    /* 2.6.9 */
		"--server -lHogDtpAXrxe.iLs --delete --numeric-ids . /",    /* 3.0.6 */
		"--server -lHogDtpAXrxe.iLsfxC --delete --numeric-ids . /", /* 3.1.3 */
		"--server -vlHogDtpAXrcxze.iLsfxCIvu --delete --partial --numeric-ids . /", /* 3.5.0 */
		"--server -vvlHogDtpAXrxe.iLsfxCIvu --log-format=%i --bwlimit=1.5m --timeout=30 . "
		".",
		"--server -g -l -o -p -D -r -t -v -x --delete --numeric-ids . /", /* openrsync */
		"--server -lHogDtpAXrxe.iLsfxCIvu -B1000 --no-W --inplace --checksum-choice=md5 . "
		"/.",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		struct rsync_args a;
		struct err e;

		assert_int_equal(parse(&a, lines[i], &e), 0);
		assert_true(a.one_file_system);
		assert_false(a.is_dry_run || a.is_secluded || a.delete_ok);
		assert_string_equal(a.options.items[0], "--server");
		assert_true(a.max_delete == UINT64_MAX);
		rsync_args_done(&a);
	}
}

static void what_would_hurt_is_refused_by_name(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "--server --sender -logDtprx . /etc", "--sender" },
		{ "--server --daemon .", "--daemon" },
		{ "-lx . /", "other end" },
		{ "", "other end" },
		{ "--server -logDtprx . /etc", "/etc" },
		{ "--server -logDtprx . /..", "/.." },
		{ "--server -logDtprx . / /boot", "more than one" },
		{ "--server -logDtprx", "no destination" },
		{ "--server -logDtpr . /", "without -x" },
		{ "--server -logDtprxL . /", "-L" },
		{ "--server -logDtprxK . /", "-K" },
		{ "--server -logDtprRx . /", "-R" },
		{ "--server -logDtprxe.iL;id . /", "iL;id" },
		{ "--server -logDtprx --write-devices . /", "--write-devices" },
		{ "--server -logDtprx --backup-dir=/root . /", "--backup-dir" },
		{ "--server -logDtprx --partial-dir /x . /", "--partial-dir" },
		{ "--server -logDtprx --link-dest=/ . /", "--link-dest" },
		{ "--server -logDtprx --log-file=/stage/x . /", "--log-file" },
		{ "--server -logDtprx --config=/stage/x . /", "--config" },
		{ "--server -logDtprx --timeout=1;2 . /", "--timeout" },
		{ "--server -logDtprx --timeout . /", "--timeout" },
		{ "--server -logDtprx --delete=yes . /", "--delete" },
		{ "--server -logDtprx --log-format=/a . /", "--log-format" },
		{ "--server -logDtprx -M--fake-super . /", "-M" },
		{ "--server -logDtprx - . /", "-" },
		{ "--server -logDtprx word . /", "word" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rsync_args a;
		struct err e;

		assert_int_equal(parse(&a, rows[i].line, &e), -1);
		assert_int_equal(e.code, ERR_RSYNC_ARGS);
		if (!strstr(e.ctx[0], rows[i].says))
			fail_msg("%s: %s", rows[i].line, e.ctx[0]);
		rsync_args_done(&a);
	}
}

static void choices_are_known(void **state)
{
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	struct rsync_args a;
	struct err e;

	(void)state;
	assert_int_equal(parse(&a, "--delete-ok --server -nlogDtprx --max-delete=7 . /", &e), 0);
	assert_true(a.delete_ok && a.is_dry_run && a.max_delete == 7);
	assert_int_equal(rsync_args_notes(&a, &notes), 0);
	assert_int_equal(notes.count, 5); /* H, A, X, numeric ids, delete */
	rsync_args_done(&a);
	assert_int_equal(parse(&a, "--server -lHogDtpAXrxe.iLs --delete-after --numeric-ids . /",
			       &e),
			 0);
	strlist_done(&notes);
	assert_int_equal(rsync_args_notes(&a, &notes), 0);
	assert_int_equal(notes.count, 0);
	rsync_args_done(&a);
}

#define MORE(a, text, e) rsync_args_more(a, text, sizeof(text) - 1, e)

static void secluded_words_come_later(void **state)
{
	struct rsync_args a;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(parse(&a, "--server -slHogDtpAXrxe.iLsfxCIvu", &e), 0);
	assert_true(a.is_secluded);
	assert_int_equal(MORE(&a, "rsync\0--delete\0--numeric-ids\0.\0/\0\0", &e), 0);
	assert_true(a.deletes && a.numeric_ids && a.one_file_system);
	for (i = 0; i < a.options.count; i++) /* they go to the program as plain ones */
		assert_null(strstr(a.options.items[i], "-sl"));
	assert_string_equal(a.options.items[1], "-lHogDtpAXrxe.iLsfxCIvu");
	rsync_args_done(&a);

	assert_int_equal(parse(&a, "--server -s", &e), 0);
	assert_int_equal(MORE(&a, "rsync\0-lrx\0.\0/etc\0\0", &e), -1);
	rsync_args_done(&a);
	assert_int_equal(parse(&a, "--server -slrx", &e), 0);
	assert_int_equal(MORE(&a, "sh\0.\0/\0\0", &e), -1);
	rsync_args_done(&a);
	assert_int_equal(parse(&a, "--server -slrx", &e), 0);
	assert_int_equal(MORE(&a, "rsync\0--sender\0.\0/\0\0", &e), -1);
	rsync_args_done(&a);
	assert_int_equal(parse(&a, "--server -slrx", &e), 0);
	assert_int_equal(MORE(&a, "rsync\0.\0/", &e), -1); /* no end */
	rsync_args_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_clients_are_understood),
		cmocka_unit_test(what_would_hurt_is_refused_by_name),
		cmocka_unit_test(choices_are_known),
		cmocka_unit_test(secluded_words_come_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
