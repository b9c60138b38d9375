/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serve/refuse.h"
#include "serve/request.h"

/* Words joined by '|', or the reason of a refusal after '!'. */
static const char *split(const char *line)
{
	static char text[8192];
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct err e = ERR_INIT;
	size_t i;

	text[0] = '\0';
	if (request_split(&words, line, &e) < 0) {
		assert_int_equal(e.code, ERR_USAGE);
		snprintf(text, sizeof(text), "!%s", e.ctx[0]);
		return text;
	}
	assert_false(err_is_set(&e));
	for (i = 0; i < words.count; i++) {
		if (i)
			strcat(text, "|");
		strcat(text, words.items[i]);
	}
	return text;
}

static void test_blanks(void **state)
{
	(void)state;
	assert_string_equal(split(""), "");
	assert_string_equal(split("  \t "), "");
	assert_string_equal(split("receive tar"), "receive|tar");
	assert_string_equal(split(" receive\t\ttar  --update "), "receive|tar|--update");
}

static void test_quotes(void **state)
{
	(void)state;
	assert_string_equal(split("a 'b c' \"d e\""), "a|b c|d e");
	assert_string_equal(split("a''b \"\""), "ab|");
	assert_string_equal(split("'a\\'"), "a\\");
	assert_string_equal(split("\"a\\\"b\\\\c\\n\""), "a\"b\\c\\n");
	assert_string_equal(split("--hostname=\"web 1\"x"), "--hostname=web 1x");
	assert_string_equal(split("\"it's\" 'a\"b'"), "it's|a\"b");
	assert_string_equal(split("a\\ b \\'c \\\\"), "a b|'c|\\");
}

static void test_nothing_of_a_shell(void **state)
{
	(void)state;
	assert_string_equal(split("a;b $HOME `id` $(id) * > /x && c | d"),
			    "a;b|$HOME|`id`|$(id)|*|>|/x|&&|c|||d");
}

static void test_refusals(void **state)
{
	char line[REQUEST_BYTES_MAX + 2];

	(void)state;
	assert_string_equal(split("a 'b"), "!a quote is not closed");
	assert_string_equal(split("a \"b\\\""), "!a quote is not closed");
	assert_string_equal(split("a b\\"), "!a backslash ends the line");
	assert_string_equal(split("a\nb"), "!the command holds control characters");
	assert_string_equal(split("a \x1b[2J"), "!the command holds control characters");
	memset(line, 'x', sizeof(line));
	line[REQUEST_BYTES_MAX + 1] = '\0';
	assert_string_equal(split(line), "!the command is longer than 4095 bytes");
	line[REQUEST_BYTES_MAX] = '\0';
	assert_int_equal(strlen(split(line)), REQUEST_BYTES_MAX);
}

static void test_word_limit(void **state)
{
	char line[REQUEST_WORDS_MAX * 2 + 8] = "";
	int i;

	(void)state;
	for (i = 0; i < REQUEST_WORDS_MAX; i++)
		strcat(line, "w ");
	assert_int_equal(split(line)[0], 'w');
	strcat(line, "w");
	assert_string_equal(split(line), "!more than 64 words");
}

static void test_commands(void **state)
{
	static const char *const public[] = { "help",  "status", "plan",     "receive",	 "rewrite",
					      "check", "switch", "rollback", "release",	 "identity",
					      "log",   "reboot", "rsync",    "authorize" };
	static const char *const hidden[] = { "",	    "init", "modprobe", "serve",
					      "no-command", "sh",   "Help",	"inspect" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(public); i++) {
		assert_non_null(request_find(public[i]));
		assert_false(request_find(public[i])->needs_permission);
	}
	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		assert_null(request_find(hidden[i]));
	assert_true(request_find("shell")->needs_permission);
	/* A broken connection ends a transfer, and never a step that changes the disk in place. */
	assert_true(request_find("receive")->ends_with_client);
	assert_true(request_find("receive")->takes_stream);
	assert_false(request_find("switch")->ends_with_client);
	assert_false(request_find("rollback")->ends_with_client);
	assert_false(request_find("release")->ends_with_client);
}

static void test_observers(void **state)
{
	static const char *const may[] = { "help", "status", "plan", "identity", "log", "check" };
	static const char *const all[] = { "help",     "status", "plan",     "receive",	 "rewrite",
					   "check",    "switch", "rollback", "release",	 "log",
					   "identity", "reboot", "shell",    "authorize" };
	size_t i, k, looks = 0;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++)
		looks += request_find(all[i])->looks;
	assert_int_equal(looks, ARRAY_SIZE(may));
	for (k = 0; k < ARRAY_SIZE(may); k++)
		assert_true(request_find(may[k])->looks);
}

/* What a client parses: RFC 4253 section 6 and 11.1. */
static void test_turned_away(void **state)
{
	const char *reason = "too many";
	uint8_t m[256];
	size_t len = refuse_message(reason, m, sizeof(m)), banner, size, padding;

	(void)state;
	banner = (size_t)((uint8_t *)memchr(m, '\n', len) + 1 - m);
	assert_memory_equal(m, "SSH-2.0-rehost_", 15);
	assert_int_equal(m[banner - 2], '\r');
	size = (size_t)m[banner + 2] << 8 | m[banner + 3];
	padding = m[banner + 4];
	assert_int_equal(len, banner + 4 + size);
	assert_int_equal((4 + size) % 8, 0);
	assert_true(padding >= 4);
	assert_memory_equal(m + banner + 5, "\1\0\0\0\14\0\0\0\10too many\0\0\0\0", 21);
	assert_int_equal(size, 1 + 21 + padding);
	assert_int_equal(refuse_message(reason, m, len - 1), 0);
	assert_int_equal(refuse_message(reason, m, len), len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_nothing_of_a_shell),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_word_limit),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_observers),
		cmocka_unit_test(test_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
