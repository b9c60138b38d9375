/* SPDX-License-Identifier: MIT */
/* Archives that are cut, damaged or out to do harm. */
#include "tar_try.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "tar_build.h"

/* ---- cut ---- */

static void small_archive(struct strbuf *b)
{
	char zeros[700] = { 0 };
	struct tar_member m = { .name = "zeros", .type = '0', .mode = 0644, .size = sizeof(zeros) };

	tar_dir(b, "./");
	tar_file(b, "./first", "one");
	tar_header(b, &m); /* ends in zero blocks that are not the end */
	tar_data(b, zeros, sizeof(zeros));
	tar_end(b);
}

static void cut_plain_never_succeeds(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	size_t len;

	t->options.writers = 1;
	small_archive(&b);
	for (len = 0; len < b.len; len++) {
		assert_int_equal(try_bytes(t, b.data, len), -1);
		assert_in_set(t->e.code, ((LargestIntegralType[]){ ERR_TAR_CUT, ERR_TAR_NOT }), 2);
		if (len >= 512)
			assert_int_equal(t->e.code, ERR_TAR_CUT);
	}
	assert_int_equal(try_bytes(t, b.data, b.len), 0);
	strbuf_done(&b);
}

static void one_zero_block_is_not_the_end(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "a", "1");
	strbuf_add(&b, (char[512]){ 0 }, 512);
	tar_file(&b, "b", "2");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_CUT);
}

static size_t compress_with(const char *filter, const struct strbuf *in, char *out, size_t size)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used = 0;

	assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_write_open_memory(a, out, size, &used);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_pathname(entry, "x");
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, in->data, in->len), (la_ssize_t)in->len);
	archive_entry_free(entry);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return used;
}

static void cut_compressed_never_succeeds(void **state)
{
	static const char *const filters[] = { "gzip", "bzip2", "xz", "zstd", "lz4" };
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	char out[8192];
	size_t i, len, full;

	t->options.writers = 1;
	small_archive(&b);
	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		full = compress_with(filters[i], &b, out, sizeof(out));
		for (len = 0; len < full; len++)
			if (try_bytes(t, out, len) != -1)
				fail_msg("%s cut at %zu of %zu was accepted", filters[i], len,
					 full);
		assert_int_equal(try_bytes(t, out, full), 0);
		assert_string_equal(t->result.compression, filters[i]);
	}
	strbuf_done(&b);
}

static void not_a_tar(void **state)
{
	struct try *t = *state;
	char text[2000];

	assert_int_equal(try_bytes(t, "", 0), -1);
	assert_int_equal(t->e.code, ERR_TAR_CUT);
	memset(text, 'x', sizeof(text));
	assert_int_equal(try_bytes(t, text, sizeof(text)), -1);
	assert_int_equal(t->e.code, ERR_TAR_NOT);
	assert_int_equal(try_bytes(t, "tar: /: Cannot open\n", 20), -1);
	assert_int_equal(t->e.code, ERR_TAR_NOT);
	memset(text, 0, sizeof(text));
	assert_int_equal(try_bytes(t, text, 1024), -1); /* an end and nothing before it */
	assert_int_equal(t->e.code, ERR_TAR_CUT);
}

/* ---- damaged ---- */

static void bad_checksum_stops(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "a", "1");
	tar_file(&b, "b", "2");
	tar_file(&b, "c", "3");
	tar_end(&b);
	b.data[1024 + 20] ^= 1; /* in b's header: libarchive would go on with c */
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_DAMAGED);
	assert_false(try_exists(t, "c"));
}

/* libarchive goes on with the short name of the header, and calls that a warning. */
static void malformed_pax_record_stops(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;

	strbuf_adds(&records, "14xpath=a/b/c\n");
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "1");
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_DAMAGED);
	assert_false(try_exists(t, "short"));
}

static void numbers_out_of_range(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;

	/* A size of -512 in base 256. */
	tar_file(&b, "negative", "x");
	memset(b.data + 124, 0xff, 12);
	b.data[124 + 10] = (char)0xfe;
	b.data[124 + 11] = 0;
	tar_checksum((unsigned char *)b.data);
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_DAMAGED);

	/* An owner of 2^32 - 1 means "leave it" to the kernel. */
	tar_pax_record(&records, "uid", "4294967295", 10);
	tar_pax(&b, 'x', &records);
	tar_file(&b, "owner", "x");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_DAMAGED);
	assert_false(try_exists(t, "owner"));
	strbuf_done(&records);
}

static void sparse_map_that_lies(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	struct tar_member m = { .name = "x", .type = '0', .mode = 0644, .size = 8 };

	tar_pax_record(&records, "GNU.sparse.size", "10000000", 8);
	tar_pax_record(&records, "GNU.sparse.numblocks", "2", 1);
	tar_pax_record(&records, "GNU.sparse.map", "5242880,4,1048576,4", 19); /* backwards */
	tar_pax(&b, 'x', &records);
	tar_header(&b, &m);
	tar_data(&b, "AAAABBBB", 8);
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_DAMAGED);
}

static void volumes_are_refused(void **state)
{
	static const char types[] = { 'M', 'N' };
	struct try *t = *state;
	size_t i;

	for (i = 0; i < sizeof(types); i++) {
		struct tar_member m = {
			.name = "part", .type = types[i], .mode = 0644, .size = 3, .gnu = true
		};
		struct strbuf b = STRBUF_INIT;

		tar_file(&b, "a", "1");
		tar_header(&b, &m);
		tar_data(&b, "xyz", 3);
		tar_end(&b);
		assert_int_equal(try_archive(t, &b), -1);
		assert_int_equal(t->e.code, ERR_TAR_VOLUME);
		assert_false(try_exists(t, "part"));
	}
}

/* ---- out to do harm ---- */

static void assert_refused(struct try *t, struct strbuf *b, enum err_code code)
{
	tar_end(b);
	assert_int_equal(try_archive(t, b), -1);
	assert_int_equal(t->e.code, code);
	assert_int_equal(root_exists(&t->dir, "outside/x"), 0);
}

static void names_with_dots(void **state)
{
	static const char *const names[] = { "../outside/x",  "a/../../outside/x",
					     "/../outside/x", "..",
					     "a/..",	      "./../x" };
	struct try *t = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct strbuf b = STRBUF_INIT;

		tar_file(&b, names[i], "x");
		assert_refused(t, &b, ERR_TAR_NAME);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct strbuf b = STRBUF_INIT;

		tar_link(&b, '1', "link", names[i]);
		assert_refused(t, &b, ERR_TAR_NAME);
	}
	assert_true(true);
}

static void writing_through_links(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	char target[128];

	assert_int_equal(root_mkdirs(&t->dir, "outside", 0755, NULL), 0);
	snprintf(target, sizeof(target), "%s/outside", t->path);

	tar_link(&b, '2', "out", "../outside");
	tar_file(&b, "out/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
	tar_link(&b, '2', "abs", target);
	tar_file(&b, "abs/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
	/* A directory that is already known, then replaced by a link. */
	tar_dir(&b, "d/");
	tar_file(&b, "d/y", "y");
	tar_link(&b, '2', "d", target);
	tar_file(&b, "d/x", "x");
	assert_refused(t, &b, ERR_TAR_NAME);
	tar_dir(&b, "e/");
	tar_link(&b, '2', "e", target);
	tar_file(&b, "e/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
	/* A link to a link, a hard link through a link. */
	tar_link(&b, '2', "one", target);
	tar_link(&b, '1', "two", "one");
	tar_file(&b, "two/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
	tar_link(&b, '1', "hard", "one/x");
	assert_refused(t, &b, ERR_TAR_LINK);
	/* A file replaces a link, it is not written through it. */
	snprintf(target, sizeof(target), "%s/outside/x", t->path);
	tar_link(&b, '2', "same", target);
	tar_file(&b, "same", "x");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_false(root_exists(&t->dir, "outside/x"));
	assert_string_equal(try_read(t, "same"), "x");
}

static void links_that_were_there_before(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	assert_int_equal(root_mkdirs(&t->dir, "outside", 0755, NULL), 0);
	assert_int_equal(root_symlink(&t->tree, "old", "../outside", NULL), 0);
	tar_file(&b, "old/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
}

static void missing_link_target(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	/* It is in the tree, but not from this stream. */
	assert_int_equal(root_replace(&t->tree, "secret", "s", 1, NULL, NULL), 0);
	tar_link(&b, '1', "link", "secret");
	assert_refused(t, &b, ERR_TAR_LINK);
	assert_false(try_exists(t, "link"));
}

static void long_names(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	char name[5000];
	size_t i;

	memset(name, 'n', sizeof(name));
	tar_pax_record(&records, "path", name, 256); /* one byte too many for a component */
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "1");
	assert_refused(t, &b, ERR_TAR_NAME);
	for (i = 2; i < sizeof(name); i += 3)
		name[i] = '/';
	records.len = 0;
	tar_pax_record(&records, "path", name, 4096);
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "1");
	assert_refused(t, &b, ERR_TAR_NAME);
	records.len = 0;
	tar_pax_record(&records, "linkpath", name, 4096);
	tar_pax(&b, 'x', &records);
	tar_link(&b, '2', "link", "x");
	assert_refused(t, &b, ERR_TAR_NAME);
	strbuf_done(&records);
}

static void files_are_not_the_root(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "./", "x");
	/* ustar: a name with a slash at its end may be read as a directory, whose data is skipped */
	tar_end(&b);
	(void)try_archive(t, &b);
	assert_true(root_is_dir(&t->tree, "/"));
	tar_link(&b, '2', ".", "/etc");
	assert_refused(t, &b, ERR_TAR_NAME);
	assert_true(root_is_dir(&t->tree, "/"));
}

static void file_with_entries_below(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "f", "x");
	tar_file(&b, "f/x", "x");
	assert_refused(t, &b, ERR_TAR_LINK);
}

/* ---- a reader that goes away, and a slow one ---- */

struct feed {
	int fd;
	const struct strbuf *b;
};

static void *feed_bytes(void *arg)
{
	struct feed *f = arg;
	size_t i;

	for (i = 0; i < f->b->len; i++)
		if (write(f->fd, f->b->data + i, 1) != 1)
			break;
	close(f->fd);
	return NULL;
}

static void byte_by_byte(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	struct feed f;
	pthread_t thread;
	int fds[2];

	small_archive(&b);
	assert_int_equal(pipe(fds), 0);
	f = (struct feed){ fds[1], &b };
	pthread_create(&thread, NULL, feed_bytes, &f);
	assert_int_equal(tar_receive(fds[0], &t->tree, &t->options, &t->result, &t->e), 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	assert_int_equal(t->result.entries, 3);
	strbuf_done(&b);
}

/* The disk fails while the sender pauses: nobody waits for the next byte. */
static void failing_disk_and_silent_sender(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	struct tar_member node = { .name = "n", .type = '3', .mode = 0600 };
	struct rlimit old, none = { 0 };
	int fds[2], rc;

	/* A file size limit stands for the disk: EFBIG from the writer. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	tar_file(&b, "f", "x");
	tar_header(&b, &node); /* so that the file is not the last thing read */
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], b.data, b.len), b.len);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	alarm(20); /* the end of the test when it hangs */
	rc = tar_receive(fds[0], &t->tree, &t->options, &t->result, &t->e);
	alarm(0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(t->e.code, ERR_TAR_WRITE);
	assert_int_equal(t->e.sys, EFBIG);
	close(fds[0]);
	close(fds[1]);
	strbuf_done(&b);
}

static void unreadable_stream(void **state)
{
	struct try *t = *state;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY);

	assert_int_equal(tar_receive(fd, &t->tree, &t->options, &t->result, &t->e), -1);
	assert_int_equal(t->e.code, ERR_TAR_READ);
	assert_int_equal(t->e.sys, EISDIR);
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, try_setup, try_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cut_plain_never_succeeds),
		TEST(one_zero_block_is_not_the_end),
		TEST(cut_compressed_never_succeeds),
		TEST(not_a_tar),
		TEST(bad_checksum_stops),
		TEST(malformed_pax_record_stops),
		TEST(numbers_out_of_range),
		TEST(sparse_map_that_lies),
		TEST(volumes_are_refused),
		TEST(names_with_dots),
		TEST(writing_through_links),
		TEST(links_that_were_there_before),
		TEST(missing_link_target),
		TEST(long_names),
		TEST(files_are_not_the_root),
		TEST(file_with_entries_below),
		TEST(byte_by_byte),
		TEST(failing_disk_and_silent_sender),
		TEST(unreadable_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
