/* SPDX-License-Identifier: MIT */
/* Images as files: kinds are told apart, what cannot be changed is refused, a change touches the area alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/io.h"
#include "image/customize.h"

#define ISO_LEN 0x9000
#define AREA_LEN 2048

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/rehost-image-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static const char *in_folder(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void store(const char *name, const struct strbuf *b)
{
	assert_int_equal(file_replace(in_folder(name), b->data, b->len, 0644, NULL), 0);
}

static void load(const char *name, struct strbuf *b)
{
	*b = STRBUF_INIT;
	assert_int_equal(file_slurp(in_folder(name), b, 1 << 20, NULL), 0);
}

static void add_bytes(struct strbuf *b, char byte, size_t count)
{
	while (count--)
		strbuf_addc(b, byte);
}

static void add_area(struct strbuf *b, size_t size)
{
	struct image_content nothing = IMAGE_CONTENT_INIT;

	assert_int_equal(image_area_build(&nothing, size, b, NULL), 0);
}

/* The mark of an ISO at its place, an area behind it, then something else. */
static void make_iso(struct strbuf *b)
{
	*b = STRBUF_INIT;
	add_bytes(b, 'x', ISO_LEN);
	memcpy(b->data + 0x8001, "CD001", 5);
	add_area(b, AREA_LEN);
	add_bytes(b, 'z', 700);
}

static void option(struct image_content *c, const char *text)
{
	*c = IMAGE_CONTENT_INIT;
	assert_int_equal(image_add_option(c, text, NULL), 0);
}

static void test_only_the_area_changes(void **state)
{
	cleanup_strbuf struct strbuf before, after, output;
	struct image_content c cleanup_image_content;
	struct image image cleanup_image;
	struct err e = ERR_INIT;

	(void)state;
	make_iso(&before);
	store("iso", &before);
	option(&c, "a=b");
	assert_int_equal(image_open(&image, in_folder("iso"), &e), 0);
	assert_int_equal(image.kind, IMAGE_ISO);
	assert_int_equal(image.area.offset, ISO_LEN);
	assert_true(image_content_is_empty(&image.content));
	assert_int_equal(image_write(&image, &c, in_folder("out"), &e), 0);
	load("iso", &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	load("out", &output);
	assert_int_equal(output.len, before.len);
	assert_memory_equal(output.data, before.data, ISO_LEN);
	assert_memory_equal(output.data + ISO_LEN + AREA_LEN, before.data + ISO_LEN + AREA_LEN,
			    700);
	image_close(&image);
	assert_int_equal(image_open(&image, in_folder("out"), &e), 0);
	assert_string_equal(strbuf_str(&image.content.options), "a=b\n");
}

static void test_initramfs_grows_and_shrinks(void **state)
{
	cleanup_strbuf struct strbuf initrd = STRBUF_INIT, after;
	struct image_content c cleanup_image_content;
	struct err e = ERR_INIT;

	(void)state;
	strbuf_add(&initrd, "\x28\xb5\x2f\xfd", 4);
	add_bytes(&initrd, 'i', 1000);
	store("initrd", &initrd);
	option(&c, "a=b");
	/* Each time the one before is replaced: 1004 bytes, padded to 1024, and an area of 1024. */
	for (int i = 0; i < 3; i++) {
		struct image image cleanup_image;

		assert_int_equal(image_open(&image, in_folder("initrd"), &e), 0);
		assert_int_equal(image.area.offset, i ? 1024 : -1);
		assert_int_equal(image_write(&image, &c, NULL, &e), 0);
	}
	load("initrd", &after);
	assert_int_equal(after.len, 2048);
	assert_memory_equal(after.data, initrd.data, initrd.len);
	strbuf_adds(&after, "more");
	store("initrd", &after);
	{
		struct image image cleanup_image = IMAGE_INIT;

		assert_int_equal(image_open(&image, in_folder("initrd"), &e), -1);
		assert_int_equal(e.code, ERR_IMAGE_AREA);
	}
}

/* The least of a PE32+ header: the place of the signature in its table of directories. */
static void make_pe(struct strbuf *b, bool is_signed)
{
	*b = STRBUF_INIT;
	add_bytes(b, 0, 1024);
	memcpy(b->data, "MZ", 2);
	b->data[0x3c] = 0x40;
	memcpy(b->data + 0x40, "PE\0", 4);
	memcpy(b->data + 0x40 + 24, "\x0b\x02", 2);
	b->data[0x40 + 24 + 112 + 4 * 8 + 4] = is_signed;
	add_area(b, AREA_LEN);
}

static void test_what_is_refused(void **state)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT, iso, pe, signed_pe;
	const struct {
		const struct strbuf *bytes;
		size_t len;
		int rc;
		enum err_code code;
	} cases[] = {
		{ &text, 5, -1, ERR_IMAGE_KIND },
		{ &text, 0, -1, ERR_IMAGE_KIND },
		{ &iso, ISO_LEN, -1, ERR_IMAGE_AREA },
		{ &iso, ISO_LEN + 1024, -1, ERR_IMAGE_AREA },
		{ &pe, 1024 + AREA_LEN, 0, ERR_NONE },
		{ &pe, 0x80, -1, ERR_IMAGE_KIND },
		{ &pe, 0x10, -1, ERR_IMAGE_KIND },
		{ &signed_pe, 1024 + AREA_LEN, -1, ERR_IMAGE_SIGNED },
	};

	(void)state;
	strbuf_adds(&text, "text\n");
	make_iso(&iso);
	make_pe(&pe, false);
	make_pe(&signed_pe, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image cleanup_image;
		struct err e = ERR_INIT;

		assert_int_equal(file_replace(in_folder("file"), cases[i].bytes->data, cases[i].len,
					      0644, NULL),
				 0);
		assert_int_equal(image_open(&image, in_folder("file"), &e), cases[i].rc);
		assert_int_equal(e.code, cases[i].code);
	}
}

static void test_private_key_makes_the_file_private(void **state)
{
	cleanup_strbuf struct strbuf iso;
	struct image_content c cleanup_image_content = IMAGE_CONTENT_INIT;
	struct image image cleanup_image;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	make_iso(&iso);
	store("iso", &iso);
	strbuf_adds(&c.host_rsa, "private");
	assert_int_equal(image_open(&image, in_folder("iso"), &e), 0);
	assert_int_equal(image_write(&image, &c, in_folder("secret"), &e), 0);
	assert_int_equal(stat(in_folder("secret"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Not onto what is no file. */
	assert_int_equal(image_write(&image, &c, folder, &e), -1);
	assert_int_equal(e.code, ERR_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_area_changes),
		cmocka_unit_test(test_initramfs_grows_and_shrinks),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_private_key_makes_the_file_private),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
