/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "rewrite/fstab.h"

static void same_bytes(const char *text, size_t len)
{
	struct fstab t;
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	assert_int_equal(fstab_parse(&t, text, len, NULL), 0);
	fstab_print(&t, &out);
	assert_int_equal(out.len, len);
	assert_memory_equal(strbuf_str(&out), text, len);
	fstab_done(&t);
}

static void test_same_bytes(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"# only a comment",
		"/dev/sda1 / ext4 defaults 0 1",
		"/dev/sda1\t/\text4\tdefaults\t0\t1\n\n  # x\n",
		"/dev/sda1 / ext4\r\n\r\n",
		"  \t \n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0 # trailing\n",
	};
	struct strbuf etc cleanup_strbuf = STRBUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		same_bytes(texts[i], strlen(texts[i]));
	if (file_slurp("/etc/fstab", &etc, FSTAB_MAX_BYTES, NULL) == 0)
		same_bytes(strbuf_str(&etc), etc.len);
}

static void test_entries(void **state)
{
	static const char text[] = "# c\n"
				   "UUID=\"1-2\" / ext4 errors=remount-ro 0 1\n"
				   "/dev/sdb1 /with\\040blank\\011tab ext4\n"
				   "short line\n"
				   "  #not /an entry at all\n"
				   "tmpfs /tmp tmpfs size=1G 0 x\r\n"
				   "/dev/sdc1 /boot/ ext2 noauto 1 2 # text\n"
				   "/dev/sdd1 /odd\\000\\9 ext2 ro";
	struct fstab t;
	char *value;

	(void)state;
	assert_int_equal(fstab_parse(&t, text, strlen(text), NULL), 0);
	assert_int_equal(t.lines.count, 8);
	assert_false(t.ends_with_newline);
	assert_int_equal(t.entry_count, 5);
	assert_string_equal(t.entries[0].file, "/");
	assert_int_equal(t.entries[0].passno, 1);
	assert_int_equal(t.entries[0].line, 1);
	value = fstab_tag_value(t.entries[0].spec, "UUID");
	assert_string_equal(value, "1-2");
	free(value);
	assert_null(fstab_tag_value(t.entries[1].spec, "UUID"));
	assert_string_equal(t.entries[1].file, "/with blank\ttab");
	assert_string_equal(t.entries[1].options, "defaults");
	assert_int_equal(t.entries[2].passno, 0);
	assert_int_equal(t.entries[2].line, 5);
	assert_int_equal(t.entries[3].freq, 1);
	assert_int_equal(t.entries[3].passno, 2);
	assert_string_equal(t.entries[4].file, "/odd\\000\\9");
	assert_ptr_equal(fstab_find(&t, "/boot"), &t.entries[3]);
	assert_ptr_equal(fstab_find(&t, "/"), &t.entries[0]);
	assert_null(fstab_find(&t, "/home"));
	fstab_done(&t);
}

static void test_last_entry_wins(void **state)
{
	static const char text[] = "a /x t\nb /x t\n";
	struct fstab t;

	(void)state;
	assert_int_equal(fstab_parse(&t, text, strlen(text), NULL), 0);
	assert_string_equal(fstab_find(&t, "/x")->spec, "b");
	fstab_done(&t);
}

static void set(const char *line, enum fstab_column column, const char *value, const char *want)
{
	char *got = fstab_line_set(line, column, value);

	assert_string_equal(got, want);
	free(got);
}

static void test_line_set(void **state)
{
	(void)state;
	set(" /dev/sda1\t\t/  ext4 a 0 1 #x", FSTAB_SPEC, "UUID=9", " UUID=9\t\t/  ext4 a 0 1 #x");
	set("a /b c", FSTAB_FILE, "/x y#", "a /x\\040y# c");
	set("a /b c", FSTAB_PASSNO, "2", "a /b c defaults 0 2");
	set("a /b c\r", FSTAB_TYPE, "xfs", "a /b xfs\r");
	set("", FSTAB_TYPE, "#t\\", "none none \\043t\\134");
}

static void test_options(void **state)
{
	(void)state;
	assert_true(fstab_has_option("rw,noauto", "noauto"));
	assert_false(fstab_has_option("rw,noautox", "noauto"));
	assert_true(fstab_has_option("subvol=@", "subvol="));
	assert_false(fstab_has_option("subvolid", "subvol="));
	assert_false(fstab_has_option("", "ro"));
	assert_true(fstab_has_option(",,ro", "ro"));
}

static void test_refusals(void **state)
{
	struct err e = ERR_INIT;
	struct fstab t;
	char *big = malloc(FSTAB_MAX_BYTES + 1);

	(void)state;
	memset(big, '\n', FSTAB_MAX_BYTES + 1);
	assert_int_equal(fstab_parse(&t, big, FSTAB_MAX_BYTES + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(fstab_parse(&t, "a\0b", 3, &e), -1);
	assert_int_equal(e.code, ERR_PARSE);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),	cmocka_unit_test(test_entries),
		cmocka_unit_test(test_last_entry_wins), cmocka_unit_test(test_line_set),
		cmocka_unit_test(test_options),		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
