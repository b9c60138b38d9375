/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "disk/efivars.h"

#define GLOBAL "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define PART "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

/*
 * An entry by hand: active; PciRoot, Pci, HD(1,GPT,PART,2048,131072), File(\A\B); two bytes of optional data. As
 * OVMF writes it when shim's fallback makes an entry, the name shortened.
 */
static const uint8_t by_hand[] = {
	1,    0,    0,	  0,	78,   0,	     /* attributes, length of the path */
	'd',  0,    'e',  0,	'b',  0,    0,	  0, /* name */
	2,    1,    12,	  0,	0xd0, 0x41, 3,	  0x0a, 0,    0,    0,	  0, /* PciRoot(0) */
	1,    1,    6,	  0,	0,    7,				     /* Pci(7,0) */
	4,    1,    42,	  0,	1,    0,    0,	  0,	0,    8,    0,	  0,	0,    0,
	0,    0,    0,	  0,	2,    0,    0,	  0,	0,    0,    0xba, 0x28, 0x4e, 0x1b,
	0xa1, 0x2f, 0xd2, 0x11, 0x88, 0x3f, 0x00, 0x16, 0xd3, 0xcc, 0xa4, 0x27, 2,    2,
	4,    4,    14,	  0,	'\\', 0,    'A',  0,	'\\', 0,    'B',  0,	0,    0, /* File */
	0x7f, 0xff, 4,	  0,								 /* end */
	0xab, 0xcd,
};

static char folder[] = "/tmp/rehost-efivars-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return !mkdtemp(folder) || setenv("REHOST_EFIVARS", folder, 1) < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
	struct root tmp cleanup_root = ROOT_INIT;
	struct err e = ERR_INIT;

	(void)state;
	unsetenv("REHOST_EFIVARS");
	return root_open(&tmp, "/tmp", &e) < 0 ||
			       root_remove_tree(&tmp, folder + strlen("/tmp/"), &e) < 0
		       ? -1
		       : 0;
}

static void put(const char *name, const void *data, size_t len)
{
	char path[256], file[256];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s" GLOBAL, folder, name);
	snprintf(file, sizeof(file), "%s", path);
	assert_int_equal(file_replace(file, data, len, 0644, &e), 0);
}

static void test_an_entry_is_read(void **state)
{
	struct efi_option o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(efi_option_parse(&o, by_hand, sizeof(by_hand), &e), 0);
	assert_int_equal(o.attributes, EFI_OPTION_ACTIVE);
	assert_string_equal(o.description, "deb");
	assert_string_equal(o.partuuid, PART);
	assert_int_equal(o.partno, 1);
	assert_int_equal(o.start, 2048);
	assert_int_equal(o.sectors, 131072);
	assert_string_equal(o.file, "\\A\\B");
}

static void test_cut_entries_are_refused(void **state)
{
	struct efi_option o;
	size_t len;

	(void)state;
	/* without the optional data it is whole; every shorter one is not */
	assert_int_equal(efi_option_parse(&o, by_hand, sizeof(by_hand) - 2, NULL), 0);
	for (len = 0; len < sizeof(by_hand) - 2; len++)
		assert_int_equal(efi_option_parse(&o, by_hand, len, NULL), -1);
}

static void test_a_node_without_length_is_refused(void **state)
{
	uint8_t bad[sizeof(by_hand)];
	struct efi_option o;
	struct err e = ERR_INIT;

	(void)state;
	memcpy(bad, by_hand, sizeof(bad));
	bad[16] = 0; /* PciRoot's length */
	assert_int_equal(efi_option_parse(&o, bad, sizeof(bad), &e), -1);
	assert_int_equal(e.code, ERR_EFI_OPTION);
}

static void test_what_is_made_reads_back(void **state)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct efi_option o = { .attributes = EFI_OPTION_ACTIVE,
				.description = "rehost",
				.partuuid = PART,
				.partno = 3,
				.start = 4096,
				.sectors = 1ull << 33,
				.file = "\\EFI\\rehost\\shimx64.efi" },
			  back;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(efi_option_make(&b, &o, &e), 0);
	assert_int_equal(efi_option_parse(&back, b.data, b.len, &e), 0);
	assert_string_equal(back.description, o.description);
	assert_string_equal(back.partuuid, o.partuuid);
	assert_string_equal(back.file, o.file);
	assert_int_equal(back.partno, 3);
	assert_true(back.start == o.start && back.sectors == o.sectors);
	/* name: 7 units; drive node 42, file node 4 + 24 units, end 4 */
	assert_int_equal(b.len, 6 + 14 + 42 + 4 + 48 + 4);
	snprintf(o.partuuid, sizeof(o.partuuid), "%s", "0a0b0c0d-01");
	assert_int_equal(efi_option_make(&b, &o, &e), -1);
}

static void test_paths_for_grub(void **state)
{
	static const char *const bad[] = { "",	       "EFI\\x",      "\\",	  "\\EFI\\..\\x",
					   "\\EFI\\.", "\\EFI\\\\x",  "\\EFI\\",  "\\EFI\\a b",
					   "\\a;b",    "\\EFI\\a\nb", "\\EFI\\$a" };
	char buf[64];
	size_t i;

	(void)state;
	assert_true(efi_file_to_path("\\EFI\\debian\\shimx64.efi", buf, sizeof(buf)));
	assert_string_equal(buf, "/EFI/debian/shimx64.efi");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(efi_file_to_path(bad[i], buf, sizeof(buf)));
	assert_int_equal(efi_boot_number("Boot00AF"), 0xaf);
	assert_int_equal(efi_boot_number("Boot00af"), -1);
	assert_int_equal(efi_boot_number("BootNext"), -1);
}

static void put_machine(void)
{
	uint8_t entry[4 + sizeof(by_hand)] = { 7 };

	put("BootOrder", "\7\0\0\0\3\0\1\0\0\0", 10);
	memcpy(entry + 4, by_hand, sizeof(by_hand));
	entry[4] = 0; /* not active */
	put("Boot0003", entry, sizeof(entry));
	entry[4] = 1;
	put("Boot0001", entry, sizeof(entry));
	put("Boot0000", "\7\0\0\0?", 5);
	put("SecureBoot", "\6\0\0\0\1", 5);
}

static void test_order_and_entries_of_a_machine(void **state)
{
	struct efivars v cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct err e = ERR_INIT;

	(void)state;
	put_machine();
	assert_true(efivars_present());
	assert_int_equal(efivars_open(&v, &e), 0);
	assert_int_equal(efi_boot_read(b, &v, &e), 0);
	assert_int_equal(b->order_count, 3);
	assert_int_equal(b->order[0], 3);
	assert_int_equal(b->entry_count, 3);
	assert_int_equal(b->current, -1);
	assert_true(b->is_secure);
	assert_false(b->is_volatile);
	assert_false(efi_boot_find(b, 0)->is_read);
	/* 3 is not active, 0 cannot be read */
	assert_int_equal(efi_boot_first(b, "\\EFI\\rehost")->number, 1);
	assert_null(efi_boot_first(b, "\\a"));
	assert_int_equal(efi_boot_find_file(b, PART, "\\a\\b")->number, 1);
	assert_null(efi_boot_find(b, 2));
}

static void test_entries_are_made_once_and_removed(void **state)
{
	struct efivars v cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_option o = { .attributes = EFI_OPTION_ACTIVE,
				.description = "rehost",
				.partuuid = PART,
				.partno = 1,
				.file = "\\EFI\\rehost\\shimx64.efi" };
	const uint16_t order[] = { 2, 1 };
	struct err e = ERR_INIT;
	uint16_t number = 0;

	(void)state;
	put_machine();
	assert_int_equal(efivars_open(&v, &e), 0);
	assert_int_equal(efi_boot_read(b, &v, &e), 0);
	assert_int_equal(efi_entry_make(&v, b, &o, &number, &e), 0);
	assert_int_equal(number, 2); /* 0, 1 and 3 are taken */
	assert_int_equal(efi_order_write(&v, order, 2, &e), 0);
	assert_int_equal(efi_boot_read(b, &v, &e), 0);
	assert_int_equal(b->entry_count, 4);
	assert_int_equal(b->order_count, 2);
	assert_int_equal(b->order[0], 2);
	assert_int_equal(efi_entry_make(&v, b, &o, &number, &e), 0);
	assert_int_equal(number, 2);
	assert_int_equal(efi_entry_remove(&v, 2, &e), 0);
	assert_int_equal(efi_entry_remove(&v, 2, &e), 0);
	assert_int_equal(efi_boot_read(b, &v, &e), 0);
	assert_int_equal(b->entry_count, 3);
}

static void test_a_volatile_order_is_seen(void **state)
{
	struct efivars v cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct err e = ERR_INIT;

	(void)state;
	put("BootOrder", "\6\0\0\0\1\0", 6);
	assert_int_equal(efivars_open(&v, &e), 0);
	assert_int_equal(efi_boot_read(b, &v, &e), 0);
	assert_true(b->is_volatile);
	v.is_writable = false;
	assert_int_equal(efi_order_write(&v, b->order, 1, &e), 0); /* as it is */
	b->order[0] = 9;
	assert_int_equal(efi_order_write(&v, b->order, 1, &e), -1);
	assert_int_equal(e.code, ERR_EFI_VARS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_is_read),
		cmocka_unit_test(test_cut_entries_are_refused),
		cmocka_unit_test(test_a_node_without_length_is_refused),
		cmocka_unit_test(test_what_is_made_reads_back),
		cmocka_unit_test(test_paths_for_grub),
		cmocka_unit_test_setup_teardown(test_order_and_entries_of_a_machine, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_entries_are_made_once_and_removed, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_a_volatile_order_is_seen, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
