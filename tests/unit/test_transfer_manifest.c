/* SPDX-License-Identifier: MIT */
#include "tar_try.h"

#include <errno.h>

#include "base/hash.h"
#include "transfer/manifest_priv.h"

static const struct manifest_entry sample[] = {
	{ 'd', 0755, 0, 0, 0, 1700000000, 123456789, "." },
	{ 'f', 04755, 4294967294u, 7, 123456789012345, -1, 5, "a b/\xff%\n" },
	{ 'l', 0777, 1, 2, 0, 0, 0, "-l" },
};

static struct manifest *make_sample(void)
{
	struct manifest *m = manifest_new();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sample); i++)
		assert_int_equal(manifest_add(m, &sample[i], NULL), 0);
	return m;
}

static void assert_same(const struct manifest_entry *a, const struct manifest_entry *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->mtime_sec, b->mtime_sec);
	assert_int_equal(a->mtime_nsec, b->mtime_nsec);
	assert_string_equal(a->path, b->path);
}

static void stored_text_is_as_documented(void **state)
{
	struct try *t = *state;
	struct strbuf text = STRBUF_INIT;
	struct manifest *m = make_sample();
	char *end, hex[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];

	assert_int_equal(manifest_store(m, &t->dir, "manifest", NULL), 0);
	assert_int_equal(root_read(&t->dir, "manifest", &text, 4096, NULL), 0);
	end = strstr(text.data, "end ");
	assert_non_null(end);
	sha256_of(text.data, (size_t)(end - text.data), digest);
	hex_of(digest, sizeof(digest), hex);
	assert_int_equal(strncmp(end, "end 3 123456789012345 ", 22), 0);
	assert_int_equal(strncmp(end + 22, hex, SHA256_HEX_LEN), 0);
	assert_string_equal(end + 22 + SHA256_HEX_LEN, "\n");
	*end = '\0';
	assert_string_equal(text.data,
			    "rehost-manifest 1\n"
			    "d 755 0 0 0 1700000000.123456789 .\n"
			    "f 4755 4294967294 7 123456789012345 -1.000000005 a%20b/%FF%25%0A\n"
			    "l 777 1 2 0 0.000000000 -l\n");
	strbuf_done(&text);
	manifest_free(m);
}

static void loads_what_it_stored(void **state)
{
	struct try *t = *state;
	struct manifest *m = make_sample(), *back = NULL;
	size_t i;

	assert_int_equal(manifest_store(m, &t->dir, "manifest", NULL), 0);
	assert_int_equal(manifest_load(&back, &t->dir, "manifest", NULL), 0);
	assert_int_equal(manifest_count(back), 3);
	for (i = 0; i < ARRAY_SIZE(sample); i++)
		assert_same(manifest_find(back, sample[i].path), &sample[i]);
	assert_null(manifest_find(back, "a b"));
	manifest_free(back);
	manifest_free(m);
}

static int load_text(struct try *t, const char *text, size_t len)
{
	int fd = root_openat(&t->dir, "m", O_WRONLY | O_CREAT | O_TRUNC, 0600, NULL), rc;
	struct manifest *m = NULL;

	err_clear(&t->e);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	rc = manifest_load(&m, &t->dir, "m", &t->e);
	manifest_free(m);
	return rc;
}

static void cut_or_changed_anywhere_is_refused(void **state)
{
	struct try *t = *state;
	struct strbuf text = STRBUF_INIT;
	struct manifest *m = make_sample();
	size_t i;

	assert_int_equal(manifest_store(m, &t->dir, "manifest", NULL), 0);
	manifest_free(m);
	assert_int_equal(root_read(&t->dir, "manifest", &text, 4096, NULL), 0);
	for (i = 0; i < text.len; i++) {
		assert_int_equal(load_text(t, text.data, i), -1);
		assert_int_equal(t->e.code, ERR_MANIFEST);
		text.data[i] ^= 1;
		assert_int_equal(load_text(t, text.data, text.len), -1);
		text.data[i] ^= 1;
	}
	assert_int_equal(load_text(t, text.data, text.len), 0);
	strbuf_addc(&text, '\n'); /* something behind the end */
	assert_int_equal(load_text(t, text.data, text.len), -1);
	strbuf_done(&text);
}

/* A manifest with a right end line, as a hostile disk could hold. */
static int load_with_end(struct try *t, const char *lines, unsigned entries)
{
	struct strbuf text = STRBUF_INIT;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];
	int rc;

	strbuf_addf(&text, "rehost-manifest 1\n%s", lines);
	sha256_of(text.data, text.len, digest);
	hex_of(digest, sizeof(digest), hex);
	strbuf_addf(&text, "end %u 0 %s\n", entries, hex);
	rc = load_text(t, text.data, text.len);
	strbuf_done(&text);
	return rc;
}

static void hostile_lines(void **state)
{
	static const char *const bad[] = {
		"d 755 0 0 0 0.0 ../etc\n",
		"d 755 0 0 0 0.0 a/../b\n",
		"d 755 0 0 0 0.0 /abs\n",
		"d 755 0 0 0 0.0 a//b\n",
		"d 755 0 0 0 0.0 a/\n",
		"d 755 0 0 0 0.0 a/.\n",
		"d 755 0 0 0 0.0 %00\n",
		"d 755 0 0 0 0.0 %2e%2G\n",
		"d 755 0 0 0 0.0 \n",
		"d 10000 0 0 0 0.0 a\n",
		"d 8 0 0 0 0.0 a\n",
		"x 755 0 0 0 0.0 a\n",
		"d 755 4294967296 0 0 0.0 a\n",
		"d 755 -1 0 0 0.0 a\n",
		"d 755 0 0 0 --1.0 a\n",
		"d 755 0 0 0 0.1000000000 a\n",
		"d 755 0 0 18446744073709551616 0.0 a\n",
		"d 755 0 0 0 0.0 %2E%2E\n",
		"d  755 0 0 0 0.0 a\n",
		"d 755 0 0 0 0 a\n",
		"\n",
		"d 755 0 0 0 0.0 a\nd 755 0 0 0 0.0 a\n",
	};
	struct try *t = *state;
	size_t i;

	assert_int_equal(load_with_end(t, "d 755 0 0 0 0.0 a\n", 1), 0);
	assert_int_equal(load_with_end(t, "d 755 0 0 0 0.0 a\n", 2), -1);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (load_with_end(t, bad[i], i == ARRAY_SIZE(bad) - 1 ? 2 : 1) != -1)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(t->e.code, ERR_MANIFEST);
	}
	assert_int_equal(load_text(t, "", 0), -1);
	assert_int_equal(t->e.code, ERR_MANIFEST);
}

static void absent_is_told_apart(void **state)
{
	struct try *t = *state;
	struct manifest *m = NULL;

	assert_int_equal(manifest_load(&m, &t->dir, "nothing", &t->e), -1);
	assert_int_equal(t->e.code, ERR_FILE);
	assert_int_equal(t->e.sys, ENOENT);
}

static void same_path_replaces(void **state)
{
	struct manifest_entry entry = sample[2];
	struct manifest *m = make_sample();

	(void)state;
	entry.uid = 77;
	assert_int_equal(manifest_add(m, &entry, NULL), 0);
	assert_int_equal(manifest_count(m), 3);
	assert_int_equal(manifest_find(m, "-l")->uid, 77);
	manifest_free(m);
}

static int count_in_order(void *arg, const struct manifest_entry *entry)
{
	unsigned *n = arg;
	char want[32];

	snprintf(want, sizeof(want), "path/%u", (*n)++);
	return strcmp(entry->path, want) ? 7 : 0;
}

static void many_entries_and_the_limit(void **state)
{
	struct manifest_entry entry = { .kind = 'f' };
	struct manifest *m = manifest_new();
	struct err e = ERR_INIT;
	unsigned i, n = 0;
	char path[32];

	(void)state;
	manifest_set_memory_max(m, 8 << 20);
	for (i = 0; !err_is_set(&e); i++) {
		snprintf(path, sizeof(path), "path/%u", i);
		entry.path = path;
		if (manifest_add(m, &entry, &e) < 0)
			break;
	}
	assert_int_equal(e.code, ERR_TAR_LIMIT);
	assert_int_equal(manifest_count(m), i);
	assert_true(i > 60000 && i < 300000); /* between 30 and 140 bytes each */
	assert_int_equal(manifest_each(m, count_in_order, &n), 0);
	assert_int_equal(n, i);
	assert_non_null(manifest_find(m, "path/59999"));
	manifest_free(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, try_setup, try_teardown)
	const struct CMUnitTest tests[] = {
		TEST(stored_text_is_as_documented),
		TEST(loads_what_it_stored),
		TEST(cut_or_changed_anywhere_is_refused),
		TEST(hostile_lines),
		TEST(absent_is_told_apart),
		TEST(same_path_replaces),
		TEST(many_entries_and_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
