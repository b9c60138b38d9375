/* SPDX-License-Identifier: MIT */
/* GRUB's entry for the rescue, and custom.cfg around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enter/enter.h"

#define OTHER "menuentry 'mine' {\n\tlinux /x\n}\n"

static const struct enter_place place = {
	.tools = "grub",
	.folder = "/boot/grub",
	.uuid = "1111-2222",
	.dir = "/rehost-rescue",
};

static void test_the_entry(void **state)
{
	cleanup_strbuf struct strbuf b = STRBUF_INIT;

	(void)state;
	enter_entry_text(
		&b, &place,
		"BOOT_IMAGE=/vmlinuz root=UUID=1 ro console=tty0 quiet console=ttyS0,115200n8 "
		"console=$(reboot) console=x;y\n");
	assert_non_null(strstr(strbuf_str(&b), "menuentry 'rehost rescue' --id rehost-rescue"));
	assert_non_null(
		strstr(strbuf_str(&b), "search --no-floppy --fs-uuid --set=root 1111-2222\n"));
	assert_non_null(strstr(strbuf_str(&b),
			       "\tlinux /rehost-rescue/vmlinuz panic=30 rehost.entered=1 "
			       "console=tty0 console=ttyS0,115200n8\n"
			       "\tinitrd /rehost-rescue/initrd\n"));
	assert_null(strstr(strbuf_str(&b), "reboot)"));
}

/* In and out again: what somebody else wrote there is byte for byte what it was. */
static void test_custom_cfg(void **state)
{
	static const char *const before[] = { "", OTHER, "set x=1", "# ends without a newline" };
	cleanup_strbuf struct strbuf entry = STRBUF_INIT;

	(void)state;
	enter_entry_text(&entry, &place, "");
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		cleanup_strbuf struct strbuf in = STRBUF_INIT, again = STRBUF_INIT,
					     out = STRBUF_INIT;
		size_t len = strlen(before[i]);

		assert_int_equal(enter_custom_text(&in, before[i], strbuf_str(&entry)), 0);
		assert_non_null(strstr(strbuf_str(&in), strbuf_str(&entry)));
		assert_int_equal(enter_custom_text(&again, strbuf_str(&in), strbuf_str(&entry)), 0);
		assert_string_equal(strbuf_str(&again), strbuf_str(&in));
		assert_int_equal(enter_custom_text(&out, strbuf_str(&in), NULL), 0);
		assert_memory_equal(strbuf_str(&out), before[i], len);
		/* at most the newline that an unended line got */
		assert_true(strcmp(strbuf_str(&out) + len, "") == 0 ||
			    (i > 1 && strcmp(strbuf_str(&out) + len, "\n") == 0));
	}
}

static void test_custom_cfg_that_was_cut(void **state)
{
	cleanup_strbuf struct strbuf entry = STRBUF_INIT, out = STRBUF_INIT;

	(void)state;
	enter_entry_text(&entry, &place, "");
	entry.data[entry.len - 5] = '\0';
	assert_int_equal(enter_custom_text(&out, entry.data, NULL), -1);
}

static void test_menus(void **state)
{
	(void)state;
	assert_true(enter_menu_fits(
		"if [ -s $prefix/grubenv ]; then\n  load_env\nfi\nif [ \"${next_entry}\" ] ; then\n"
		"   set default=\"${next_entry}\"\n   set next_entry=\n   save_env next_entry\nfi\n"
		"if [ -f  ${config_directory}/custom.cfg ]; then\n  source "
		"${config_directory}/custom.cfg\nfi\n"));
	assert_false(enter_menu_fits("set default=0\nmenuentry x {\n}\n"));
	/* hand-written: the environment is read, but an entry would stay */
	assert_false(
		enter_menu_fits("load_env\nset default=$next_entry\nsource $prefix/custom.cfg\n"));
	assert_false(enter_menu_fits("load_env\nsave_env next_entry\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_entry),
		cmocka_unit_test(test_custom_cfg),
		cmocka_unit_test(test_custom_cfg_that_was_cut),
		cmocka_unit_test(test_menus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
