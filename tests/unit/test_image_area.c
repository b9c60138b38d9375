/* SPDX-License-Identifier: MIT */
/* The embed area and its content: built, found, read back, refused when anything is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "image/area.h"

#define KEY \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGKpNIkiwjYli5Wn37y3beB+sFxaoRVrd9JcuD2u38f op@x\n"
/* Made by ssh-keygen for this test only, and its fingerprint as ssh-keygen -l prints it. */
#define HOST_KEY \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n" \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
	"QyNTUxOQAAACBRiqTSJIsI2JYuVp9+8t23gfrBcWqEVa3fSXLg9rt/HwAAAIjWKKOk1iij\n" \
	"pAAAAAtzc2gtZWQyNTUxOQAAACBRiqTSJIsI2JYuVp9+8t23gfrBcWqEVa3fSXLg9rt/Hw\n" \
	"AAAEC1vb/A5PKRGxgKPET/8DXiGBpL/3bAgTxNJHQU1W9fmlGKpNIkiwjYli5Wn37y3beB\n" \
	"+sFxaoRVrd9JcuD2u38fAAAABG9wQHgB\n" \
	"-----END OPENSSH PRIVATE KEY-----\n"
#define HOST_FINGERPRINT "SHA256:8aYyYhJUMfgRKeYflgM5sKfJ9xl+G8k1JcZlT/M5Euk"

static void fill(struct image_content *c)
{
	struct err e = ERR_INIT;

	*c = IMAGE_CONTENT_INIT;
	assert_int_equal(image_add_keys(c, KEY, strlen(KEY), "f", &e), 0);
	assert_int_equal(image_add_observers(c, KEY, strlen(KEY), "f", &e), 0);
	assert_int_equal(image_add_option(c, "rehost.listen=2222", &e), 0);
	assert_int_equal(image_add_option(c, "shell=1", &e), 0);
	assert_int_equal(image_add_cmdline(c, "ip=dhcp", &e), 0);
	assert_int_equal(image_add_host_key(c, HOST_KEY, strlen(HOST_KEY), "f", &e), 0);
}

static void build(struct strbuf *area, size_t size)
{
	struct image_content c cleanup_image_content;
	struct err e = ERR_INIT;

	fill(&c);
	*area = STRBUF_INIT;
	assert_int_equal(image_area_build(&c, size, area, &e), 0);
}

static void test_round_trip(void **state)
{
	struct image_content back cleanup_image_content = IMAGE_CONTENT_INIT;
	cleanup_strbuf struct strbuf area, again;
	struct err e = ERR_INIT;

	(void)state;
	build(&area, 8192);
	assert_int_equal(area.len, 8192);
	assert_int_equal(image_area_parse(&back, (uint8_t *)area.data, area.len, &e), 0);
	assert_string_equal(strbuf_str(&back.keys), KEY);
	assert_string_equal(strbuf_str(&back.observers), KEY);
	assert_string_equal(strbuf_str(&back.options), "listen=2222\nshell=1\n");
	assert_string_equal(strbuf_str(&back.cmdline), "ip=dhcp\n");
	assert_string_equal(strbuf_str(&back.host_ed25519), HOST_KEY);
	assert_int_equal(back.host_rsa.len, 0);
	/* The same content gives the same bytes. */
	build(&again, 8192);
	assert_memory_equal(area.data, again.data, 8192);
}

/* Every byte matters: whichever is changed, the area is refused. */
static void test_each_changed_byte_is_refused(void **state)
{
	cleanup_strbuf struct strbuf area;

	(void)state;
	build(&area, 0);
	for (size_t i = 0; i < area.len; i++) {
		struct image_content c;
		struct err e = ERR_INIT;

		area.data[i] ^= 0x20;
		assert_int_equal(image_area_parse(&c, (uint8_t *)area.data, area.len, &e), -1);
		assert_int_equal(e.code, ERR_IMAGE_AREA);
		assert_true(image_content_is_empty(&c));
		area.data[i] ^= 0x20;
	}
}

static int file_with(const struct strbuf *area, size_t before, size_t after, int times)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	while (times--) {
		for (size_t i = 0; i < before; i++)
			fputc('x', f);
		fwrite(area->data, 1, area->len, f);
	}
	for (size_t i = 0; i < after; i++)
		fputc('y', f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

static void test_find(void **state)
{
	/* Across the borders of the pieces that are read, and at a place that is no multiple of 512. */
	static const struct {
		size_t before, after;
		int times, rc;
		off_t offset;
	} cases[] = {
		{ 0, 0, 1, 0, 0 },
		{ 512, 7, 1, 0, 512 },
		{ 256 * 1024 - 512, 100, 1, 0, 256 * 1024 - 512 },
		{ 256 * 1024, 0, 1, 0, 256 * 1024 },
		{ 100, 0, 1, 0, -1 },
		{ 512, 0, 2, -1, 0 },
	};
	cleanup_strbuf struct strbuf area;

	(void)state;
	build(&area, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd cleanup_fd = file_with(&area, cases[i].before, cases[i].after,
					      cases[i].times);
		struct image_content c cleanup_image_content;
		struct image_area found;
		struct err e = ERR_INIT;

		assert_int_equal(image_area_find(fd, &found, &c, &e), cases[i].rc);
		if (cases[i].rc < 0) {
			assert_int_equal(e.code, ERR_IMAGE_AREA);
			continue;
		}
		assert_int_equal(found.offset, cases[i].offset);
		assert_int_equal(c.keys.len != 0, cases[i].offset >= 0);
	}
}

static void test_cut_area_is_refused(void **state)
{
	cleanup_strbuf struct strbuf area;
	struct image_content c;
	struct image_area found;
	struct err e = ERR_INIT;
	int fd cleanup_fd = -1;

	(void)state;
	build(&area, 4096);
	area.len = 2048;
	fd = file_with(&area, 512, 0, 1);
	assert_int_equal(image_area_find(fd, &found, &c, &e), -1);
	assert_int_equal(e.code, ERR_IMAGE_AREA);
}

static void test_too_much_is_refused(void **state)
{
	struct image_content c cleanup_image_content;
	cleanup_strbuf struct strbuf area = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fill(&c);
	assert_int_equal(image_area_build(&c, 1024, &area, &e), -1);
	assert_int_equal(e.code, ERR_IMAGE_FULL);
	assert_int_equal(area.len, 0);
	e = ERR_INIT;
	for (int i = 0; i < 64 && !err_is_set(&e); i++) {
		char line[1100];

		memset(line, 'a', sizeof(line) - 1);
		line[sizeof(line) - 1] = 0;
		line[1] = '=';
		(void)!image_add_option(&c, line, &e);
	}
	assert_int_equal(e.code, ERR_IMAGE_GIVEN);
}

static void test_what_is_given_is_checked(void **state)
{
	static const char *const options[] = { "",	"x",	"=1",	       "A=1",
					       "a b=1", "a=\n", "key=ssh-rsa", "a\n=1" };
	static const char *const keys[] = { "",		"\n",
					    "# none\n", "ssh-ed25519 AAAA x\n",
					    HOST_KEY,	KEY "garbage\n" };
	static const char *const host_keys[] = {
		"", KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH "
		"PRIVATE KEY-----\n",
		" " HOST_KEY
	};
	struct image_content c cleanup_image_content = IMAGE_CONTENT_INIT;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		e = ERR_INIT;
		assert_int_equal(image_add_option(&c, options[i], &e), -1);
		assert_int_equal(e.code, ERR_IMAGE_GIVEN);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		e = ERR_INIT;
		assert_int_equal(image_add_keys(&c, keys[i], strlen(keys[i]), "f", &e), -1);
		assert_int_equal(e.code, ERR_IMAGE_GIVEN);
	}
	for (size_t i = 0; i < ARRAY_SIZE(host_keys); i++) {
		e = ERR_INIT;
		assert_int_equal(image_add_host_key(&c, host_keys[i], strlen(host_keys[i]), "f",
						    &e),
				 -1);
		assert_int_equal(e.code, ERR_IMAGE_GIVEN);
	}
	assert_int_equal(image_add_cmdline(&c, "a\033[2J", &e), -1);
	assert_true(image_content_is_empty(&c));
	/* A second key of the same type would take the first one's place unseen. */
	assert_int_equal(image_add_host_key(&c, HOST_KEY, strlen(HOST_KEY), "f", &e), 0);
	assert_int_equal(image_add_host_key(&c, HOST_KEY, strlen(HOST_KEY), "f", &e), -1);
}

static void test_host_key_fingerprint(void **state)
{
	char type[32], fingerprint[IMAGE_FINGERPRINT_MAX];

	(void)state;
	assert_int_equal(image_host_key_read(HOST_KEY, strlen(HOST_KEY), type, fingerprint), 0);
	assert_string_equal(type, "ssh-ed25519");
	assert_string_equal(fingerprint, HOST_FINGERPRINT);
}

/* A file that is not ours, a file twice, or something behind the trailer. */
static void test_foreign_archives_are_refused(void **state)
{
	cleanup_strbuf struct strbuf good = STRBUF_INIT, twice = STRBUF_INIT, foreign = STRBUF_INIT;
	struct image_content c cleanup_image_content, back;
	struct err e = ERR_INIT;

	(void)state;
	fill(&c);
	image_content_pack(&c, &good);
	assert_int_equal(image_content_unpack(&back, (uint8_t *)good.data, good.len, &e), 0);
	image_content_done(&back);
	image_cpio_add(&twice, "etc/rehost/options", "a=b\n", 4);
	strbuf_add(&twice, good.data, good.len);
	assert_int_equal(image_content_unpack(&back, (uint8_t *)twice.data, twice.len, &e), -1);
	image_cpio_add(&foreign, "etc/passwd", "x\n", 2);
	strbuf_add(&foreign, good.data, good.len);
	assert_int_equal(image_content_unpack(&back, (uint8_t *)foreign.data, foreign.len, &e), -1);
	strbuf_adds(&good, "more");
	assert_int_equal(image_content_unpack(&back, (uint8_t *)good.data, good.len, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_each_changed_byte_is_refused),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_cut_area_is_refused),
		cmocka_unit_test(test_too_much_is_refused),
		cmocka_unit_test(test_what_is_given_is_checked),
		cmocka_unit_test(test_host_key_fingerprint),
		cmocka_unit_test(test_foreign_archives_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
