/* SPDX-License-Identifier: MIT */
/* A second stream over a tree that is there already. */
#include "tar_try.h"

#include <errno.h>

#include "tar_build.h"

#define BIG (1u << 20)

/* Receives b as an update of what the last receive left. */
static int update(struct try *t, struct strbuf *b)
{
	struct manifest *old = t->result.manifest;
	int rc;

	t->result.manifest = NULL;
	t->options.update = true;
	t->options.old = old;
	t->progress = (struct tar_progress){ 0 };
	tar_end(b);
	rc = try_archive(t, b);
	t->options.old = NULL;
	if (rc < 0)
		manifest_free(t->result.manifest), t->result.manifest = old;
	else
		manifest_free(old);
	return rc;
}

static void first(struct try *t, struct strbuf *b)
{
	tar_end(b);
	assert_int_equal(try_archive(t, b), 0);
}

static ino_t inode(struct try *t, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(root_lstat(&t->tree, path, &st), 0);
	return st.st_ino;
}

static void filler(struct strbuf *b)
{
	char name[16];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "fill%d", i);
		tar_file(b, name, "x");
	}
}

static void same_stream_changes_nothing(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	ino_t file, link;
	int i;

	for (i = 0; i < 2; i++) {
		tar_dir(&b, "./");
		tar_dir(&b, "d/");
		tar_file(&b, "d/f", "content");
		tar_link(&b, '1', "h", "d/f");
		tar_link(&b, '2', "l", "d/f");
		if (i == 0) {
			first(t, &b);
			file = inode(t, "d/f");
			link = inode(t, "l");
		}
	}
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(inode(t, "d/f"), file);
	assert_int_equal(inode(t, "h"), file);
	assert_int_equal(inode(t, "l"), link);
	assert_int_equal(t->progress.entries_unchanged, 3);
	assert_int_equal(t->result.removed, 0);
}

static void content_is_compared(void **state)
{
	static const char *const now[] = { "abXdef", "abc", "abcdefghi", "", "abcdef" };
	struct try *t = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(now); i++) {
		struct strbuf b = STRBUF_INIT;

		tar_file(&b, "f", "abcdef");
		t->options.update = false;
		first(t, &b);
		tar_file(&b, "f", now[i]); /* same time, same size in one case: not trusted */
		assert_int_equal(update(t, &b), 0);
		assert_string_equal(try_read(t, "f"), now[i]);
		assert_int_equal(t->progress.entries_unchanged, i == 4);
	}
}

static void big_content(struct try *t, struct strbuf *b, unsigned char *data)
{
	struct tar_member m = { .name = "big", .type = '0', .mode = 0600, .size = BIG };

	(void)t;
	tar_header(b, &m);
	tar_data(b, data, BIG);
}

static void late_difference_in_a_big_file(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, got = STRBUF_INIT;
	unsigned char *data = malloc(BIG);
	ino_t before;

	memset(data, 'd', BIG);
	big_content(t, &b, data);
	first(t, &b);
	before = inode(t, "big");
	data[BIG - 300000] = 'X';
	data[BIG - 1] = 'Y';
	big_content(t, &b, data);
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(inode(t, "big"), before);
	assert_int_equal(root_read(&t->tree, "big", &got, BIG, NULL), 0);
	assert_memory_equal(got.data, data, BIG);
	strbuf_done(&got);
	free(data);
}

static void sparse(struct strbuf *b)
{
	struct strbuf records = STRBUF_INIT;
	struct tar_member m = { .name = "x", .type = '0', .mode = 0644, .size = 4 };

	tar_pax_record(&records, "GNU.sparse.size", "600000", 6);
	tar_pax_record(&records, "GNU.sparse.numblocks", "1", 1);
	tar_pax_record(&records, "GNU.sparse.name", "big", 3);
	tar_pax_record(&records, "GNU.sparse.map", "524288,4", 8);
	tar_pax(b, 'x', &records);
	tar_header(b, &m);
	tar_data(b, "TAIL", 4);
	strbuf_done(&records);
}

/* Where the new file has a hole the old data must go, before and behind the data. */
static void data_becomes_a_hole(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, got = STRBUF_INIT;
	unsigned char *data = malloc(BIG);
	size_t i;

	memset(data, 'd', BIG);
	big_content(t, &b, data);
	first(t, &b);
	sparse(&b);
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(root_read(&t->tree, "big", &got, BIG, NULL), 0);
	assert_int_equal(got.len, 600000);
	for (i = 0; i < got.len; i++)
		if (i < 524288 || i >= 524292)
			assert_int_equal(got.data[i], 0);
	assert_memory_equal(got.data + 524288, "TAIL", 4);
	strbuf_done(&got);
	sparse(&b);
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(t->progress.entries_unchanged, 1);
	free(data);
}

static void types_change(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	struct stat st;

	tar_file(&b, "file-dir", "x");
	tar_dir(&b, "dir-file/");
	tar_dir(&b, "dir-file/sub/");
	tar_file(&b, "dir-file/sub/x", "x");
	tar_link(&b, '2', "link-dir", "dir-file");
	tar_file(&b, "file-link", "x");
	tar_dir(&b, "dir-link/");
	tar_file(&b, "dir-link/x", "x");
	filler(&b);
	filler(&b);
	first(t, &b);

	tar_dir(&b, "file-dir/");
	tar_file(&b, "file-dir/in", "in");
	tar_file(&b, "dir-file", "now a file");
	tar_dir(&b, "link-dir/");
	tar_file(&b, "link-dir/in", "in");
	tar_link(&b, '2', "file-link", "dir-file");
	tar_link(&b, '2', "dir-link", "link-dir");
	filler(&b);
	t->options.allow_deletions = true;
	assert_int_equal(update(t, &b), 0);
	assert_string_equal(try_read(t, "file-dir/in"), "in");
	assert_string_equal(try_read(t, "dir-file"), "now a file");
	assert_string_equal(try_read(t, "link-dir/in"), "in");
	assert_int_equal(root_lstat(&t->tree, "link-dir", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(root_lstat(&t->tree, "file-link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(root_lstat(&t->tree, "dir-link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* "dir-link/x" is gone from the stream; it must not be looked for through the new link. */
	assert_true(try_exists(t, "link-dir/in"));
}

static void removal_not_through_links(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	filler(&b);
	tar_dir(&b, "a/");
	tar_file(&b, "a/keep", "1");
	tar_dir(&b, "b/");
	tar_file(&b, "b/keep", "2");
	first(t, &b);
	filler(&b);
	tar_dir(&b, "a/");
	tar_file(&b, "a/keep", "1");
	tar_link(&b, '2', "b", "a");
	assert_int_equal(update(t, &b), 0);
	assert_string_equal(try_read(t, "a/keep"), "1");
}

static void hard_links_part_and_join(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "a", "shared");
	tar_link(&b, '1', "b", "a");
	tar_link(&b, '1', "c", "a");
	tar_file(&b, "d", "alone");
	first(t, &b);
	assert_int_equal(inode(t, "a"), inode(t, "c"));

	tar_file(&b, "a", "one");    /* keeps the inode */
	tar_file(&b, "b", "two");    /* parts from it */
	tar_link(&b, '1', "c", "b"); /* goes with b */
	tar_link(&b, '1', "d", "a"); /* joins a */
	assert_int_equal(update(t, &b), 0);
	assert_string_equal(try_read(t, "a"), "one");
	assert_string_equal(try_read(t, "b"), "two");
	assert_string_equal(try_read(t, "c"), "two");
	assert_string_equal(try_read(t, "d"), "one");
	assert_int_equal(inode(t, "a"), inode(t, "d"));
	assert_int_equal(inode(t, "b"), inode(t, "c"));
	assert_int_not_equal(inode(t, "a"), inode(t, "b"));
}

static void what_is_gone_is_removed_at_the_end(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	filler(&b);
	tar_dir(&b, "old/");
	tar_file(&b, "old/file", "x");
	first(t, &b);
	assert_int_equal(root_replace(&t->tree, "not-ours", "x", 1, NULL, NULL), 0);
	filler(&b);
	assert_int_equal(update(t, &b), 0); /* 2 of 22 are less than a tenth */
	assert_int_equal(t->result.removed, 2);
	assert_false(try_exists(t, "old"));
	assert_true(try_exists(t, "fill0"));
	assert_true(try_exists(t, "not-ours"));
}

/* Archives of single paths have no entries for the directories above them. */
static void implied_directories_stay(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	int i;

	for (i = 0; i < 2; i++) {
		tar_file(&b, "a/b/file", "x");
		if (i == 0)
			first(t, &b);
	}
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(manifest_count(t->result.manifest), 3);
	assert_int_equal(t->result.note_count, 0);
	assert_string_equal(try_read(t, "a/b/file"), "x");
}

static void a_cut_update_removes_nothing(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "a", "1");
	tar_file(&b, "b", "2");
	first(t, &b);
	tar_file(&b, "a", "1");
	t->options.update = t->options.allow_deletions = true;
	t->options.old = t->result.manifest;
	t->result.manifest = NULL;
	assert_int_equal(try_bytes(t, b.data, b.len), -1); /* no end */
	assert_int_equal(t->e.code, ERR_TAR_CUT);
	assert_true(try_exists(t, "b"));
	manifest_free((struct manifest *)(uintptr_t)t->options.old);
	strbuf_done(&b);
}

static void the_guard(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	int i;

	filler(&b);
	for (i = 0; i < 3; i++)
		tar_file(&b, (const char *[]){ "x", "y", "z" }[i], "gone");
	first(t, &b);
	filler(&b);
	assert_int_equal(update(t, &b), -1); /* 3 of 23 */
	assert_int_equal(t->e.code, ERR_TAR_DELETIONS);
	assert_true(try_exists(t, "x"));
	filler(&b);
	t->options.allow_deletions = true;
	assert_int_equal(update(t, &b), 0);
	assert_false(try_exists(t, "x"));
}

static void metadata_is_always_set(void **state)
{
	struct try *t = *state;
	struct tar_member m = { .name = "f",
				.type = '0',
				.mode = 04711,
				.size = 1,
				.mtime = 77,
				.uid = geteuid() ? geteuid() : 99,
				.gid = getegid() };
	struct strbuf b = STRBUF_INIT;
	struct stat st;

	tar_file(&b, "f", "x");
	first(t, &b);
	tar_header(&b, &m);
	tar_data(&b, "x", 1);
	assert_int_equal(update(t, &b), 0);
	assert_int_equal(root_lstat(&t->tree, "f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 04711); /* setuid survives the change of owner */
	assert_int_equal(st.st_uid, m.uid);
	assert_int_equal(st.st_mtim.tv_sec, 77);
	assert_int_equal(t->progress.entries_unchanged, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, try_setup, try_teardown)
	const struct CMUnitTest tests[] = {
		TEST(same_stream_changes_nothing),
		TEST(content_is_compared),
		TEST(late_difference_in_a_big_file),
		TEST(data_becomes_a_hole),
		TEST(types_change),
		TEST(removal_not_through_links),
		TEST(hard_links_part_and_join),
		TEST(what_is_gone_is_removed_at_the_end),
		TEST(a_cut_update_removes_nothing),
		TEST(implied_directories_stay),
		TEST(the_guard),
		TEST(metadata_is_always_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
