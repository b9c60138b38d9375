/* SPDX-License-Identifier: MIT */
/* Reading an initramfs: concatenated, compressed, cut. */
#include "tar_try.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/cpio.h"
#include "transfer/initrd.h"

/* ---- making images ---- */

static void add_entry(struct strbuf *b, const char *name, const char *data)
{
	cpio_add(b, name, 0100644, data, strlen(data));
}

static void add_end(struct strbuf *b)
{
	add_entry(b, "TRAILER!!!", "");
}

static void add_compressed(struct strbuf *b, const char *filter, const struct strbuf *in)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	char out[8192];
	size_t used = 0;

	assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_write_open_memory(a, out, sizeof(out), &used);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_pathname(entry, "x");
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, in->data, in->len), (la_ssize_t)in->len);
	archive_entry_free(entry);
	archive_write_close(a);
	archive_write_free(a);
	strbuf_add(b, out, used);
}

/* ---- what was seen, as one line ---- */

static int want_it(void *arg, const char *path)
{
	(void)arg;
	return strstr(path, "want") != NULL;
}

static int see_file(void *arg, const struct initrd_file *f)
{
	strbuf_addf(arg, "%s:%zu", f->path, f->len);
	if (f->data)
		strbuf_addf(arg, "=%.*s", (int)f->len, (const char *)f->data);
	strbuf_addc(arg, ' ');
	return strcmp(f->path, "stop") == 0 ? 42 : 0;
}

/* What initrd_walk() returns; *seen is emptied first. */
static int walk(const void *data, size_t len, struct strbuf *seen, struct err *e)
{
	int fd = memory_file(data, len), rc;

	err_clear(e);
	seen->len = 0;
	strbuf_adds(seen, "");
	rc = initrd_walk(fd, want_it, see_file, seen, e);
	close(fd);
	return rc;
}

static void early_part_then_each_compression(void **state)
{
	static const char *const filters[] = { "gzip", "bzip2", "xz", "lzma", "zstd", "lz4" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		struct strbuf b = STRBUF_INIT, main = STRBUF_INIT, seen = STRBUF_INIT;
		struct err e = ERR_INIT;

		add_entry(&b, "kernel/x86/microcode/want.bin", "code");
		add_end(&b);
		strbuf_add(&b, (char[512]){ 0 }, 512);
		add_entry(&main, "./init", "#!/bin/sh\n");
		add_entry(&main, "conf/want", "text");
		add_end(&main);
		strbuf_add(&main, (char[300]){ 0 }, 300);
		add_entry(&main, "second", ""); /* archives may follow one another in there, too */
		add_end(&main);
		add_compressed(&b, filters[i], &main);
		if (walk(b.data, b.len, &seen, &e) != 0)
			fail_msg("%s: %s", filters[i], e.ctx[0]);
		assert_string_equal(seen.data, "kernel/x86/microcode/want.bin:4=code init:10 "
					       "conf/want:4=text second:0 ");
		strbuf_done(&b);
		strbuf_done(&main);
		strbuf_done(&seen);
	}
}

static void part_appended_behind_gzip(void **state)
{
	struct strbuf b = STRBUF_INIT, main = STRBUF_INIT, seen = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	add_entry(&main, "init", "1");
	add_end(&main);
	add_compressed(&b, "gzip", &main);
	strbuf_add(&b, "\0\0\0", -b.len & 3);
	add_entry(&b, "etc/want", "options");
	add_end(&b);
	assert_int_equal(walk(b.data, b.len, &seen, &e), 0);
	assert_string_equal(seen.data, "init:1 etc/want:7=options ");
	strbuf_done(&b);
	strbuf_done(&main);
	strbuf_done(&seen);
}

static void cut_anywhere_is_damage(void **state)
{
	struct strbuf b = STRBUF_INIT, main = STRBUF_INIT, seen = STRBUF_INIT;
	struct err e = ERR_INIT;
	size_t len, early;

	(void)state;
	add_entry(&b, "early", "12345");
	add_end(&b);
	early = b.len;
	add_entry(&main, "init", "12345");
	add_end(&main);
	add_compressed(&b, "gzip", &main);
	for (len = 0; len < b.len; len++) {
		if (len == early) /* complete as far as anybody can tell */
			continue;
		assert_int_equal(walk(b.data, len, &seen, &e), -1);
		assert_int_equal(e.code, ERR_INITRD);
	}
	assert_int_equal(walk(b.data, b.len, &seen, &e), 0);
	strbuf_done(&b);
	strbuf_done(&main);
	strbuf_done(&seen);
}

static void bad_headers(void **state)
{
	struct strbuf good = STRBUF_INIT, seen = STRBUF_INIT;
	struct err e = ERR_INIT;
	static const struct {
		unsigned at;
		const char *text;
	} bad[] = {
		{ 5, "7" },	    /* old cpio */
		{ 94, "00001001" }, /* a name of more than 4,096 bytes */
		{ 94, "00000000" }, { 94, "zzzzzzzz" }, { 54, "ffffffff" }, /* more than there is */
		{ 54, " 0000001" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		good.len = 0;
		add_entry(&good, "want", "data");
		add_end(&good);
		memcpy(good.data + bad[i].at, bad[i].text, strlen(bad[i].text));
		assert_int_equal(walk(good.data, good.len, &seen, &e), -1);
		assert_int_equal(e.code, ERR_INITRD);
	}
	assert_int_equal(walk("not an image", 12, &seen, &e), -1);
	assert_int_equal(e.code, ERR_INITRD);
	assert_int_equal(walk("\0\0\0\0", 4, &seen, &e), -1);
	strbuf_done(&good);
	strbuf_done(&seen);
}

static void callback_stops_it(void **state)
{
	struct strbuf b = STRBUF_INIT, seen = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	add_entry(&b, "a", "");
	add_entry(&b, "stop", "");
	add_entry(&b, "never", "");
	add_end(&b);
	assert_int_equal(walk(b.data, b.len, &seen, &e), 42);
	assert_string_equal(seen.data, "a:0 stop:0 ");
	strbuf_done(&b);
	strbuf_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(early_part_then_each_compression),
		cmocka_unit_test(part_appended_behind_gzip),
		cmocka_unit_test(cut_anywhere_is_damage),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(callback_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
