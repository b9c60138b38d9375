/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"

static char folder[] = "/tmp/log-XXXXXX";
static char path[64], old[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(old, sizeof(old), "%s/log" LOG_OLD, folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_open(NULL);
	unlink(path);
	unlink(old);
	return rmdir(folder);
}

static off_t size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -1 : st.st_size;
}

static void write_lines(unsigned count)
{
	char text[901];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (count--)
		log_info("%s", text);
}

/* A scan makes lines for as long as it likes. */
static void test_stays_small(void **state)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	(void)state;
	log_open(path);
	write_lines(4000); /* 3.6 MB at least */
	log_info("the newest line");
	assert_in_range(size_of(path), 1, LOG_MAX + 1300);
	assert_in_range(size_of(old), LOG_MAX, LOG_MAX + 1300);
	assert_int_equal(file_slurp(path, &b, LOG_MAX + 4096, NULL), 0);
	assert_non_null(strstr(strbuf_str(&b), "the newest line\n"));
}

/* Processes that opened the file before it was moved go on in the new one. */
static void test_shared(void **state)
{
	unsigned i;

	(void)state;
	unlink(old);
	unlink(path);
	for (i = 0; i < 3; i++) {
		log_open(path);
		if (fork() == 0) {
			write_lines(2000);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	/* Each may add a line between another's look and its write. */
	assert_in_range(size_of(path), 1, LOG_MAX + 5000);
	assert_in_range(size_of(old), LOG_MAX, LOG_MAX + 5000);
}

static void test_closed(void **state)
{
	off_t before = size_of(path);

	(void)state;
	log_open(NULL);
	log_info("goes nowhere");
	assert_int_equal(size_of(path), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays_small),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
