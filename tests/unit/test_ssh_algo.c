/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ssh/algo.h"
#include "ssh/window.h"

static bool offers(const char *list, const char *name)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;

	assert_int_equal(strlist_split(&names, list, ","), 0);
	return strlist_has(&names, name);
}

static void test_algorithms(void **state)
{
	static const char *const modern[] = { "SSH-2.0-OpenSSH_7.4",
					      "SSH-2.0-OpenSSH_9.2p1 Debian",
					      "SSH-2.0-OpenSSH_10.1",
					      "SSH-2.0-PuTTY_0.78",
					      "SSH-2.0-OpenSSH_",
					      "",
					      NULL };
	struct algo_lists a;
	int i;

	(void)state;
	for (i = 0; modern[i]; i++) {
		a = algo_choose(modern[i], i & 1, LEGACY_AUTO);
		assert_false(offers(a.kex, "diffie-hellman-group14-sha1"));
		assert_false(offers(a.host_keys, "ssh-rsa"));
		assert_false(offers(a.user_keys, "ssh-rsa"));
		assert_false(offers(a.macs, "hmac-sha1"));
		assert_true(offers(a.kex, "curve25519-sha256"));
		assert_false(offers(a.user_keys, "ssh-dss"));
	}
	a = algo_choose("SSH-2.0-OpenSSH_9.2p1", true, LEGACY_AUTO);
	assert_string_equal(a.ciphers, "aes256-gcm@openssh.com,aes128-gcm@openssh.com");
	a = algo_choose("SSH-2.0-OpenSSH_9.2p1", false, LEGACY_AUTO);
	assert_true(offers(a.ciphers, "chacha20-poly1305@openssh.com"));
	a = algo_choose("SSH-2.0-dropbear_2022.83", true, LEGACY_AUTO);
	assert_true(offers(a.ciphers, "aes128-ctr"));
}

static void test_old_clients(void **state)
{
	static const char *const old[] = { "SSH-2.0-OpenSSH_3.9p1", "SSH-2.0-OpenSSH_4.3",
					   "SSH-2.0-OpenSSH_5.3", "SSH-1.99-OpenSSH_6.0" };
	struct algo_lists a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(old); i++) {
		a = algo_choose(old[i], true, LEGACY_AUTO);
		assert_true(offers(a.kex, "diffie-hellman-group14-sha1"));
		assert_false(offers(a.kex, "diffie-hellman-group1-sha1"));
		assert_true(offers(a.host_keys, "ssh-rsa"));
		assert_true(offers(a.user_keys, "ssh-rsa"));
		assert_true(offers(a.macs, "hmac-sha1"));
		assert_true(offers(a.ciphers, "aes128-ctr"));
		assert_false(offers(a.ciphers, "chacha20-poly1305@openssh.com"));
		assert_false(offers(a.ciphers, "aes128-cbc"));
	}
	a = algo_choose("SSH-2.0-OpenSSH_6.7p1", true, LEGACY_AUTO);
	assert_true(offers(a.ciphers, "aes128-gcm@openssh.com"));
}

static void test_legacy_is_a_choice(void **state)
{
	static const char *const clients[] = { "SSH-2.0-OpenSSH_9.2p1", "SSH-2.0-OpenSSH_5.3",
					       "SSH-2.0-dropbear_2015.67" };
	struct algo_lists a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		a = algo_choose(clients[i], true, LEGACY_ON);
		assert_true(offers(a.kex, "diffie-hellman-group14-sha1"));
		assert_true(offers(a.host_keys, "ssh-rsa"));
		assert_true(offers(a.user_keys, "ssh-rsa"));
		assert_true(offers(a.macs, "hmac-sha1"));
		assert_true(offers(a.ciphers, "aes128-ctr"));
		a = algo_choose(clients[i], true, LEGACY_OFF);
		assert_false(offers(a.kex, "diffie-hellman-group14-sha1"));
		assert_false(offers(a.host_keys, "ssh-rsa"));
		assert_false(offers(a.user_keys, "ssh-rsa"));
		assert_false(offers(a.macs, "hmac-sha1"));
	}
}

static void test_window(void **state)
{
	const size_t mib = 1024 * 1024;

	(void)state;
	assert_int_equal(window_for(0, 16 * mib), 2 * mib);
	assert_int_equal(window_for(50, 16 * mib), 2 * mib);
	assert_int_equal(window_for(50000, 16 * mib), 8000000);
	assert_int_equal(window_for(100000, 16 * mib), 16000000);
	assert_int_equal(window_for(UINT32_MAX, 16 * mib), 16 * mib);
	assert_int_equal(window_for(0, mib), mib);
	assert_int_equal(window_round_trip_us(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_old_clients),
		cmocka_unit_test(test_legacy_is_a_choice),
		cmocka_unit_test(test_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
