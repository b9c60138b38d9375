/* SPDX-License-Identifier: MIT */
/* What is saved of the firmware's entries, the stub of a signed GRUB, and files as they go to the ESP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job/activate_uefi.h"

#define STUB(uuid, prefix) \
	"search.fs_uuid " uuid " root hd0,gpt2 \nset prefix=($root)'" prefix \
	"'\nconfigfile $prefix/grub.cfg\n"

static char folder[] = "/tmp/rehost-esp-XXXXXX";
static struct root top;

static int make_folder(void **state)
{
	(void)state;
	return !mkdtemp(folder) || root_open(&top, folder, NULL) < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
	struct root tmp cleanup_root = ROOT_INIT;
	struct err e = ERR_INIT;

	(void)state;
	root_close(&top);
	return root_open(&tmp, "/tmp", &e) < 0 ||
			       root_remove_tree(&tmp, folder + strlen("/tmp/"), &e) < 0
		       ? -1
		       : 0;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&top, path, text, strlen(text), NULL, NULL), 0);
}

static void test_state_comes_back(void **state)
{
	struct efi_state s = { .order = { 7, 0, 0xffff },
			       .order_count = 3,
			       .has_old = true,
			       .old_number = 7,
			       .has_removable = true,
			       .has_stub = true },
			 back cleanup_efi_state = { 0 };
	char hex[65];
	uint64_t bytes;
	struct err e = ERR_INIT;

	(void)state;
	snprintf(s.old_file, sizeof(s.old_file), "%s", "\\EFI\\debian\\shimx64.efi");
	snprintf(s.vendor, sizeof(s.vendor), "%s", "debian");
	s.stub = strdup("a\n\"b\"\n");
	assert_int_equal(efi_state_store(&s, &top, "state", hex, &bytes, &e), 0);
	assert_int_equal(efi_state_load(&back, &top, "state", hex, &e), 0);
	assert_int_equal(back.order_count, 3);
	assert_int_equal(back.order[2], 0xffff);
	assert_true(back.has_old && back.has_removable && back.has_stub);
	assert_string_equal(back.old_file, s.old_file);
	assert_string_equal(back.vendor, "debian");
	assert_string_equal(back.stub, s.stub);
	put("state", "{}");
	assert_int_equal(efi_state_load(&back, &top, "state", hex, &e), -1);
	assert_int_equal(e.code, ERR_ESP);
	efi_state_done(&s);
}

/* Names from the file become paths on the ESP. */
static void test_states_that_lead_elsewhere(void **state)
{
	static const char *const vendors[] = { "..", "a/b", ".x", "a b" };
	struct efi_state s = { 0 }, back = { 0 };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vendors); i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		snprintf(s.vendor, sizeof(s.vendor), "%s", vendors[i]);
		assert_int_equal(efi_state_encode(&s, &text, &e), 0);
		assert_int_equal(efi_state_decode(&back, text.data, text.len, &e), -1);
	}
	assert_int_equal(efi_state_decode(&back, "{\"version\":1}", 13, &e), -1);
	assert_int_equal(efi_state_decode(&back, "[", 1, &e), -1);
}

static void test_stubs(void **state)
{
	(void)state;
	assert_true(efi_stub_is_same(STUB("1-2", "/boot/grub"), STUB("1-2", "/boot/grub")));
	/* hints and quotes do not count */
	assert_true(efi_stub_is_same(STUB("1-2", "/grub"),
				     "search.fs_uuid 1-2 root \nset prefix=($root)/grub\n"));
	assert_false(efi_stub_is_same(STUB("1-2", "/boot/grub"), STUB("1-3", "/boot/grub")));
	assert_false(efi_stub_is_same(STUB("1-2", "/boot/grub"), STUB("1-2", "/grub")));
	assert_false(efi_stub_is_same("", ""));
}

static void test_the_loader_of_a_tree(void **state)
{
	char vendor[64], loader[64];
	struct err e = ERR_INIT;

	(void)state;
	put("EFI/BOOT/shimx64.efi", "x");
	put("EFI/note", "x");
	{
		struct root efi cleanup_root = ROOT_INIT;

		assert_int_equal(root_open_below(&efi, &top, "EFI", &e), 0);
		assert_int_equal(activate_uefi_find_loader(&efi, vendor, sizeof(vendor), loader,
							   sizeof(loader), &e),
				 -1);
		put("EFI/unsigned/grubx64.efi", "x");
		assert_int_equal(activate_uefi_find_loader(&efi, vendor, sizeof(vendor), loader,
							   sizeof(loader), &e),
				 0);
		assert_string_equal(vendor, "unsigned");
		assert_string_equal(loader, "grubx64.efi");
		put("EFI/zz/shimx64.efi", "x"); /* with a shim it is the one */
		assert_int_equal(activate_uefi_find_loader(&efi, vendor, sizeof(vendor), loader,
							   sizeof(loader), &e),
				 0);
		assert_string_equal(vendor, "zz");
	}
}

static void test_folders_are_copied_and_compared(void **state)
{
	char a[65], b[65];
	uint64_t bytes;
	struct err e = ERR_INIT;

	(void)state;
	put("from/one.efi", "first");
	put("from/two", "second");
	put("from/sub/three", "stays");
	put("to/other", "stays");
	assert_int_equal(esp_copy_folder(&top, "from", &top, "to/deep", &e), 0);
	assert_int_equal(esp_compare_folder(&top, "from", &top, "to/deep", &e), 0);
	assert_false(root_exists(&top, "to/deep/three"));
	assert_true(root_exists(&top, "to/other"));
	assert_int_equal(esp_hash_folder(&top, "from", a, &bytes, &e), 0);
	assert_int_equal(bytes, 11);
	assert_int_equal(esp_hash_folder(&top, "to/deep", b, &bytes, &e), 0);
	assert_string_equal(a, b);
	put("to/deep/two", "secon!");
	assert_int_equal(esp_compare_folder(&top, "from", &top, "to/deep", &e), -1);
	assert_int_equal(e.code, ERR_ESP);
	assert_int_equal(esp_hash_folder(&top, "to/deep", b, &bytes, &e), 0);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_comes_back),
		cmocka_unit_test(test_states_that_lead_elsewhere),
		cmocka_unit_test(test_stubs),
		cmocka_unit_test(test_the_loader_of_a_tree),
		cmocka_unit_test(test_folders_are_copied_and_compared),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
