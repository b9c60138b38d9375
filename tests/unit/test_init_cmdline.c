/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/cmdline.h"
#include "init/hotplug.h"
#include "init/settings.h"

static void split(struct strlist *words, const char *text)
{
	*words = STRLIST_INIT;
	assert_int_equal(cmdline_split(words, text), 0);
}

static void test_split(void **state)
{
	struct strlist w;

	(void)state;
	split(&w, "  quiet\troot=/dev/vda1 rehost.key=\"ssh-ed25519 AAAA me@x\"  \"a=b c\"\n");
	assert_int_equal(w.count, 4);
	assert_string_equal(w.items[0], "quiet");
	assert_string_equal(w.items[1], "root=/dev/vda1");
	assert_string_equal(w.items[2], "rehost.key=ssh-ed25519 AAAA me@x");
	assert_string_equal(w.items[3], "a=b c");
	strlist_done(&w);
	split(&w, "");
	assert_int_equal(w.count, 0);
	strlist_done(&w);
	split(&w, "good x=\033[2J \"\" open=\"a b");
	assert_int_equal(w.count, 2);
	assert_string_equal(w.items[1], "open=a b");
	strlist_done(&w);
}

static void test_values(void **state)
{
	struct strlist w;

	(void)state;
	split(&w, "ip=dhcp ip=off rehost.shell debug=0 ipx=1");
	assert_string_equal(cmdline_value(&w, "ip"), "off");
	assert_string_equal(cmdline_value(&w, "rehost.shell"), "");
	assert_null(cmdline_value(&w, "i"));
	assert_true(cmdline_flag(&w, "rehost.shell"));
	assert_false(cmdline_flag(&w, "debug"));
	assert_false(cmdline_flag(&w, "absent"));
	strlist_done(&w);
}

static void test_options(void **state)
{
	struct strlist w;
	struct strbuf b = STRBUF_INIT;

	(void)state;
	split(&w, "rehost.shell=1 rehost.key=\"ssh-rsa AAAA\" rehost.root=/dev/sda1 rehost.x=1 "
		  "rehost.x=2");
	assert_int_equal(cmdline_options(&b, &w,
					 "# comment\nrehost.root=/dev/vda1\n grace=30 \nbad key=1\n"
					 "key=no\nkeyboard=us\nflag\r\n"),
			 0);
	/* The command line wins, each key once, sorted, keys for SSH are not options. */
	assert_string_equal(strbuf_str(&b), "flag=1\ngrace=30\nkeyboard=us\nroot=/dev/sda1\n"
					    "shell=1\nx=2\n");
	strbuf_done(&b);
	assert_int_equal(cmdline_options(&b, &w, NULL), 0);
	assert_string_equal(strbuf_str(&b), "root=/dev/sda1\nshell=1\nx=2\n");
	strbuf_done(&b);
	strlist_done(&w);
}

#define ED "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKnP4ub1aR5biMXGl9fo7tCmPc6YWktj56SCxI19+4ud"
#define EC \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAA" \
	"BBBJkBY9ita5IOdKu0kkimPawfDkB/4rjT1TT1EqRZrO8b2DSCrHD5IOMiHxk7/HulDYlX" \
	"tsmW5JD/LzYWDdEyo64="

static void test_keys(void **state)
{
	struct strlist w;
	struct strbuf b = STRBUF_INIT;
	unsigned skipped;

	(void)state;
	split(&w, "rehost.key=\"" ED " a\" rehost.key=" ED " rehost.key=\"" EC " c\"");
	assert_int_equal(cmdline_keys(&b, &w, "rehost.key",
				      "# mine\n\nno-pty,command=\"x y\" " ED " d\n"
				      "ssh-rsa BBBB e\n#" EC " f\n",
				      &skipped),
			 3);
	/* The unquoted one fell apart, BBBB is no key. */
	assert_int_equal(skipped, 2);
	assert_string_equal(strbuf_str(&b), ED " a\n" EC " c\nno-pty,command=\"x y\" " ED " d\n");
	strbuf_done(&b);
	strlist_done(&w);
	split(&w, "rehost.key=\"" ED " a\" rehost.observer_key=\"" EC " c\"");
	b = STRBUF_INIT;
	assert_int_equal(cmdline_keys(&b, &w, "rehost.observer_key", NULL, &skipped), 1);
	assert_string_equal(strbuf_str(&b), EC " c\n");
	strbuf_done(&b);
	assert_int_equal(cmdline_options(&b, &w, "observer_key=x\n"), 0);
	assert_string_equal(strbuf_str(&b), "");
	strbuf_done(&b);
	strlist_done(&w);
	split(&w, "quiet");
	assert_int_equal(cmdline_keys(&b, &w, "rehost.key", NULL, &skipped), 0);
	assert_int_equal(skipped, 0);
	strlist_done(&w);
}

/* What the service would refuse is no key here either: else there were neither key nor password. */
static void test_keys_of_no_use(void **state)
{
	static const char *const lines[] = {
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKnP4ub1aR5biMXGl9fo7tCmPc6YWktj56SCxI19",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
		"ssh-dss AAAAB3NzaC1kc3MAAACBAPY8",
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIKnP4ub1aR5biMXGl9fo7tCmPc6YWktj56SCxI19+4ud",
	};
	struct strlist none = STRLIST_INIT;
	struct strbuf b = STRBUF_INIT;
	unsigned skipped;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(cmdline_keys(&b, &none, "rehost.key", lines[i], &skipped), 0);
		assert_int_equal(skipped, 1);
		assert_int_equal(b.len, 0);
	}
}

/* More keys than the service reads must not make it refuse all of them. */
static void test_many_keys(void **state)
{
	struct strlist none = STRLIST_INIT;
	struct strbuf b = STRBUF_INIT, file = STRBUF_INIT;
	unsigned skipped;

	(void)state;
	for (int i = 0; i < 300; i++)
		strbuf_adds(&file, ED "\n");
	assert_int_equal(cmdline_keys(&b, &none, "rehost.key", strbuf_str(&file), &skipped), 256);
	assert_int_equal(skipped, 44);
	strbuf_done(&b);
	strbuf_done(&file);
}

static void test_port(void **state)
{
	(void)state;
	assert_true(settings_is_port("22"));
	assert_true(settings_is_port("65535"));
	assert_false(settings_is_port("0"));
	assert_false(settings_is_port("65536"));
	assert_false(settings_is_port(""));
	assert_false(settings_is_port("22,2222"));
	assert_false(settings_is_port("ssh"));
}

static void test_password(void **state)
{
	unsigned char random[24];
	char a[PASSWORD_LEN + 1];

	(void)state;
	for (int i = 0; i < 24; i++)
		random[i] = (unsigned char)(i + 232); /* 232 % 32 is 8 */
	settings_password(a, random);
	assert_string_equal(a, "ijkm-npqr-stuv-wxyz-2345-6789");
	assert_int_equal(strlen(a), PASSWORD_LEN);
}

static void test_uevent(void **state)
{
	static const char m[] = "add@/devices/x\0ACTION=add\0MODALIAS=virtio:d1\0SEQNUM=7";

	(void)state;
	assert_string_equal(uevent_value(m, sizeof(m), "ACTION"), "add");
	assert_string_equal(uevent_value(m, sizeof(m), "MODALIAS"), "virtio:d1");
	assert_null(uevent_value(m, sizeof(m), "MOD"));
	/* The last value is not terminated within the message. */
	assert_null(uevent_value(m, sizeof(m) - 1, "SEQNUM"));
	assert_null(uevent_value(m, 0, "ACTION"));
	assert_int_equal(hotplug_stage("virtio:d00000001v00001AF4"), STAGE_NETWORK);
	assert_int_equal(hotplug_stage("virtio:d00000002v00001AF4"), STAGE_DEVICES);
	assert_int_equal(hotplug_stage("scsi:t-0x00"), STAGE_DEVICES);
	/* Ciphers come after the disks that a migration waits for. */
	assert_int_equal(hotplug_stage("cpu:type:x86,ven0000fam0006mod000F:feature:,0099,"),
			 STAGE_ALL);
	assert_int_equal(hotplug_stage("pci:v00001D0Fd0000EC20sv0sd0bc02sc00i00"), STAGE_NETWORK);
	assert_int_equal(hotplug_stage("pci:v00001D0Fd00008061sv0sd0bc01sc08i02"), STAGE_DEVICES);
	assert_true(hotplug_is_telling("pci:v00001D0Fd00008061sv0sd0bc01sc08i02"));
	assert_true(hotplug_is_telling("virtio:d00000002v00001AF4"));
	assert_false(hotplug_is_telling("pci:v00001AF4d00001000sv0sd0bc02sc00i00"));
	assert_false(hotplug_is_telling("pci:v00008086d00001237sv0sd0bc06sc00i00"));
	assert_false(hotplug_is_telling("platform:pcspkr"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),	       cmocka_unit_test(test_values),
		cmocka_unit_test(test_options),	       cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_of_no_use), cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_password),       cmocka_unit_test(test_port),
		cmocka_unit_test(test_uevent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
