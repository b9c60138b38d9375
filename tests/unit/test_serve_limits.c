/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "serve/limits.h"

static uint8_t flags[LIMITS_TOTAL];

static struct source from(const char *text)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		a.ss_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		a.ss_family = AF_INET6;
	}
	return source_of(&a);
}

static bool same(const char *a, const char *b)
{
	struct source x = from(a), y = from(b);

	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void test_sources(void **state)
{
	(void)state;
	assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
	assert_false(same("192.0.2.1", "192.0.2.2"));
	assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
	assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
}

static struct limits fresh(void)
{
	memset(flags, 0, sizeof(flags));
	return (struct limits){ .logged_in = flags };
}

static int enter(struct limits *l, pid_t pid, const char *address, uint64_t now, bool in)
{
	struct source s = from(address);
	int place = limits_place(l);

	assert_true(place >= 0);
	limits_enter(l, place, pid, &s, now);
	l->logged_in[place] = in;
	return place;
}

static enum limits_verdict judge(const struct limits *l, const char *address, uint64_t now,
				 pid_t *victim)
{
	struct source s = from(address);

	return limits_judge(l, &s, now, victim);
}

static void test_one_source(void **state)
{
	struct limits l = fresh();
	pid_t victim;
	int i;

	(void)state;
	for (i = 0; i < LIMITS_WAITING_SOURCE; i++) {
		assert_int_equal(judge(&l, "192.0.2.1", 0, &victim), LIMITS_OK);
		enter(&l, 100 + i, "192.0.2.1", 0, false);
	}
	assert_int_equal(judge(&l, "192.0.2.1", 0, &victim), LIMITS_MANY_OF_SOURCE);
	assert_int_equal(victim, 0);
	assert_int_equal(judge(&l, "192.0.2.2", 0, &victim), LIMITS_OK);
	/* A login makes room for the next one of that source. */
	l.logged_in[0] = 1;
	assert_int_equal(judge(&l, "192.0.2.1", 0, &victim), LIMITS_OK);
}

static void test_oldest_gives_way(void **state)
{
	struct limits l = fresh();
	char address[32];
	pid_t victim;
	int i;

	(void)state;
	for (i = 0; i < LIMITS_WAITING; i++) {
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		enter(&l, 200 + i, address, 1000 - (uint64_t)i, false);
	}
	assert_int_equal(judge(&l, "192.0.2.1", 1000, &victim), LIMITS_MANY_WAITING);
	assert_int_equal(victim, 0);
	assert_int_equal(judge(&l, "192.0.2.1", 1000 + LIMITS_EVICT_MS, &victim),
			 LIMITS_MANY_WAITING);
	assert_int_equal(victim, 200 + LIMITS_WAITING - 1);
	limits_leave(&l, victim);
	assert_int_equal(judge(&l, "192.0.2.1", 1000 + LIMITS_EVICT_MS, &victim), LIMITS_OK);
}

static void test_logged_in_are_never_victims(void **state)
{
	struct limits l = fresh();
	pid_t victim;
	int i;

	(void)state;
	for (i = 0; i < LIMITS_TOTAL - 1; i++)
		enter(&l, 300 + i, "192.0.2.1", 0, true);
	assert_int_equal(judge(&l, "192.0.2.1", 1000000, &victim), LIMITS_OK);
	enter(&l, 999, "192.0.2.9", 0, true);
	assert_int_equal(judge(&l, "192.0.2.1", 1000000, &victim), LIMITS_FULL);
	assert_int_equal(victim, 0);
	assert_int_equal(limits_place(&l), -1);
	limits_leave(&l, 300);
	assert_int_equal(limits_place(&l), 0);
	assert_int_equal(l.logged_in[0], 0);
}

static void test_texts(void **state)
{
	(void)state;
	assert_string_equal(limits_text(LIMITS_OK), "");
	assert_true(strlen(limits_text(LIMITS_FULL)) > 0);
	assert_string_not_equal(limits_text(LIMITS_MANY_WAITING),
				limits_text(LIMITS_MANY_OF_SOURCE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_oldest_gives_way),
		cmocka_unit_test(test_logged_in_are_never_victims),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
