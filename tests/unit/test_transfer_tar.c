/* SPDX-License-Identifier: MIT */
/* What is accepted and how it lands on disk. */
#include "tar_try.h"

#include <dirent.h>
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tar_build.h"
#include "transfer/memory_priv.h"

#define BIG (5u << 20) /* several blocks of the pool: goes to its writer in pieces */

static void every_kind_arrives(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	struct tar_member fifo = { .name = "./dev/fifo", .type = '6', .mode = 0620, .mtime = 5 };
	struct tar_member node = {
		.name = "./dev/null", .type = '3', .mode = 0666, .major = 1, .minor = 3
	};
	struct tar_member owned = { .name = "./file",
				    .type = '0',
				    .mode = 04751,
				    .uid = 1234,
				    .gid = 2345,
				    .size = 5,
				    .mtime = 1111111111 };
	struct stat st, other;
	char text[16] = "";

	if (geteuid() != 0)
		skip();
	tar_dir(&b, "./");
	tar_dir(&b, "./dev/");
	tar_header(&b, &fifo);
	tar_header(&b, &node);
	tar_header(&b, &owned);
	tar_data(&b, "hello", 5);
	tar_link(&b, '2', "./link", "no/where");
	tar_link(&b, '1', "./dev/hard", "./file");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_int_equal(t->result.entries, 7);
	assert_int_equal(t->result.file_bytes, 5);
	assert_int_equal(t->result.note_count, 0);
	assert_int_equal(manifest_count(t->result.manifest), 7);
	assert_string_equal(t->result.compression, "none");
	assert_false(t->result.saw_xattrs);

	assert_string_equal(try_read(t, "file"), "hello");
	assert_int_equal(root_lstat(&t->tree, "file", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 04751);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 2345);
	assert_int_equal(st.st_mtim.tv_sec, 1111111111);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(root_lstat(&t->tree, "dev/hard", &other), 0);
	assert_int_equal(other.st_ino, st.st_ino);
	assert_int_equal(root_readlink(&t->tree, "link", text, sizeof(text)), 0);
	assert_string_equal(text, "no/where");
	assert_int_equal(root_lstat(&t->tree, "link", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(root_lstat(&t->tree, "dev/fifo", &st), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0620);
	assert_int_equal(st.st_mtim.tv_sec, 5);
	assert_int_equal(root_lstat(&t->tree, "dev/null", &st), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	assert_int_equal(root_lstat(&t->tree, "dev", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000); /* although files were made in it later */
	assert_int_equal(root_lstat(&t->tree, "/", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(manifest_find(t->result.manifest, "dev/hard")->kind, 'h');
	assert_int_equal(manifest_find(t->result.manifest, ".")->kind, 'd');
}

static void leading_slashes_and_missing_parents(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "/abs/./deep//file", "x");
	tar_file(&b, "plain", "y");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_string_equal(try_read(t, "abs/deep/file"), "x");
	assert_string_equal(try_read(t, "plain"), "y");
	/* The folders it made itself belong to the tree as well. */
	assert_non_null(manifest_find(t->result.manifest, "abs/deep"));
	assert_int_equal(manifest_count(t->result.manifest), 4);
}

/* libarchive warns of every such name outside a UTF-8 locale; nothing may be lost or noted. */
static void names_that_are_no_text(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	char longname[300];

	memset(longname, 'n', 255);
	strcpy(longname + 255, "/x");
	tar_pax_record(&records, "path", "caf\xc3\xa9/e\xcc\x81",
		       9); /* composed, then decomposed */
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "1");
	records.len = 0;
	tar_pax_record(&records, "path", "latin\xe9", 6);
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "2");
	records.len = 0;
	tar_pax_record(&records, "path", longname, strlen(longname));
	tar_pax(&b, 'x', &records);
	tar_file(&b, "short", "3");
	tar_file(&b, "raw\xff\n-", "4");
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), 0);
	assert_int_equal(t->result.note_count, 0);
	assert_string_equal(try_read(t, "caf\xc3\xa9/e\xcc\x81"), "1");
	assert_string_equal(try_read(t, "latin\xe9"), "2");
	assert_string_equal(try_read(t, longname), "3");
	assert_string_equal(try_read(t, "raw\xff\n-"), "4");
}

static void big_file_in_pieces(void **state)
{
	struct try *t = *state;
	struct tar_member m = { .name = "big", .type = '0', .mode = 0600, .size = BIG };
	struct strbuf b = STRBUF_INIT, got = STRBUF_INIT;
	unsigned char *data = malloc(BIG);
	size_t i;

	for (i = 0; i < BIG; i++)
		data[i] = (unsigned char)(i * 7 + (i >> 13));
	tar_file(&b, "before", "b");
	tar_header(&b, &m);
	tar_data(&b, data, BIG);
	tar_file(&b, "after", "a");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_int_equal(root_read(&t->tree, "big", &got, BIG + 1, NULL), 0);
	assert_int_equal(got.len, BIG);
	assert_memory_equal(got.data, data, BIG);
	assert_string_equal(try_read(t, "after"), "a");
	assert_int_equal(t->result.file_bytes, BIG + 2);
	strbuf_done(&got);
	free(data);
}

/* GNU's pax sparse format 0.1: the map is in the header, the data follows without the holes. */
static void holes_stay_holes(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	struct tar_member m = { .name = "GNUSparseFile.0/s", .type = '0', .mode = 0644, .size = 8 };
	struct stat st;
	int fd;

	tar_pax_record(&records, "GNU.sparse.size", "10000000", 8);
	tar_pax_record(&records, "GNU.sparse.numblocks", "2", 1);
	tar_pax_record(&records, "GNU.sparse.name", "sparse", 6);
	tar_pax_record(&records, "GNU.sparse.map", "1048576,4,5242880,4", 19);
	tar_pax(&b, 'x', &records);
	tar_header(&b, &m);
	tar_data(&b, "AAAABBBB", 8);
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), 0);
	assert_int_equal(root_lstat(&t->tree, "sparse", &st), 0);
	assert_int_equal(st.st_size, 10000000);
	assert_true(st.st_blocks * 512 <= 65536);
	fd = root_openat(&t->tree, "sparse", O_RDONLY, 0, NULL);
	assert_int_equal(lseek(fd, 0, SEEK_DATA) & ~0xfff, 1048576);
	assert_int_equal(lseek(fd, 2000000, SEEK_DATA) & ~0xfff, 5242880);
	close(fd);
}

static void later_member_wins(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	struct stat st;

	tar_file(&b, "a", "first");
	tar_link(&b, '1', "b", "a");
	tar_file(&b, "a", "second");
	tar_dir(&b, "d/");
	tar_link(&b, '2', "d", "a"); /* an empty directory may go */
	tar_link(&b, '2', "l", "a");
	tar_dir(&b, "l/");
	tar_file(&b, "l/x", "in a real directory");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_string_equal(try_read(t, "a"), "second");
	assert_string_equal(try_read(t, "b"), "first"); /* a's old inode, not written through */
	assert_int_equal(root_lstat(&t->tree, "d", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(root_lstat(&t->tree, "l", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(manifest_find(t->result.manifest, "d")->kind, 'l');
}

/* A link is made to what the stream said before it, however soon the name is used again. */
static void links_come_before_later_members(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	char target[16], name[16];
	unsigned i;

	for (i = 0; i < 500; i++) {
		snprintf(target, sizeof(target), "t%u", i);
		snprintf(name, sizeof(name), "n%u", i);
		tar_file(&b, target, "first");
		tar_link(&b, '1', name, target);
		tar_file(&b, target, "second");
	}
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	for (i = 0; i < 500; i++) {
		snprintf(target, sizeof(target), "t%u", i);
		snprintf(name, sizeof(name), "n%u", i);
		assert_string_equal(try_read(t, name), "first");
		assert_string_equal(try_read(t, target), "second");
	}
}

static void skipped_prefixes(void **state)
{
	static const char *const skip_list[] = { ".rehost", "proc/", NULL };
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	t->options.skip = skip_list;
	tar_file(&b, ".rehost/job", "hostile");
	tar_file(&b, ".rehost2", "kept");
	tar_dir(&b, "proc/");
	tar_file(&b, "proc/1", "gone");
	tar_link(&b, '1', "job", ".rehost/job");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_false(try_exists(t, ".rehost"));
	assert_true(try_exists(t, ".rehost2"));
	assert_true(root_is_dir(&t->tree, "proc"));
	assert_false(try_exists(t, "proc/1"));
	assert_false(try_exists(t, "job"));
	assert_int_equal(t->result.note_count, 1);
	assert_null(manifest_find(t->result.manifest, ".rehost/job"));
}

/* Some writers put the data on every name: it is used when the first name did not come. */
static void hard_link_with_data(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	struct tar_member m = {
		.name = "second", .type = '1', .mode = 0644, .size = 4, .link = "first"
	};

	tar_pax_record(&records, "comment", "x", 1); /* makes it a pax archive */
	tar_pax(&b, 'x', &records);
	tar_header(&b, &m);
	tar_data(&b, "data", 4);
	tar_file(&b, "behind", "it");
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), 0);
	assert_string_equal(try_read(t, "second"), "data");
	assert_string_equal(try_read(t, "behind"), "it");
	assert_int_equal(manifest_find(t->result.manifest, "second")->kind, 'f');
}

static void extended_attributes(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	char value[64], path[128];

	tar_pax_record(&records, "SCHILY.xattr.user.colour", "blue\0green", 10);
	tar_pax_record(&records, "RHT.security.selinux", "system_u:x", 10);
	tar_pax(&b, 'x', &records);
	tar_file(&b, "f", "x");
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), 0);
	assert_true(t->result.saw_xattrs);
	if (t->result.note_count) /* a file system without attributes: said, not fatal */
		skip();
	snprintf(path, sizeof(path), "%s/tree/f", t->path);
	assert_int_equal(getxattr(path, "user.colour", value, sizeof(value)), 10);
	assert_memory_equal(value, "blue\0green", 10);
	assert_int_equal(getxattr(path, "security.selinux", value, sizeof(value)), 10);
}

static void text_behind_the_end_is_noted(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;

	tar_file(&b, "a", "1");
	tar_end(&b);
	tar_end(&b); /* padding to the record size */
	tar_file(&b, "b", "2");
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), 0);
	assert_true(try_exists(t, "a"));
	assert_false(try_exists(t, "b"));
	assert_int_equal(t->result.note_count, 1);
	assert_non_null(strstr(try_note(t), "behind the end"));
}

/* The sender must not be cut off by a closed pipe while it still writes its padding. */
static void everything_is_read(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	int fd;

	tar_file(&b, "a", "1");
	tar_end(&b);
	while (b.len < 3 << 20)
		tar_end(&b);
	fd = memory_file(b.data, b.len);
	assert_int_equal(tar_receive(fd, &t->tree, &t->options, &t->result, &t->e), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), b.len);
	assert_int_equal(t->result.note_count, 0);
	close(fd);
	strbuf_done(&b);
}

static int stop_now(void *arg, struct err *e)
{
	++*(int *)arg;
	return err_set(e, ERR_TAR_SPACE, 0, "reserve");
}

static void caller_may_stop_it(void **state)
{
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT;
	int calls = 0, i;
	char name[32];

	t->options.may_continue = stop_now;
	t->options.arg = &calls;
	for (i = 0; i < 5001; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		tar_link(&b, '2', name, "x");
	}
	tar_end(&b);
	assert_int_equal(try_archive(t, &b), -1);
	assert_int_equal(t->e.code, ERR_TAR_SPACE);
	assert_int_equal(calls, 1);
}

static void test_memory_for_unpacking(void **state)
{
	const uint64_t mib = (uint64_t)1 << 20;

	(void)state;
	assert_int_equal(memory_cap_for(0), 16 * mib);
	assert_int_equal(memory_cap_for(20 * mib), 16 * mib);
	assert_int_equal(memory_cap_for(160 * mib), 80 * mib); /* xz -9 wants 65 */
	assert_int_equal(memory_cap_for(64 * 1024 * mib), 512 * mib);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, try_setup, try_teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_kind_arrives),
		TEST(leading_slashes_and_missing_parents),
		TEST(names_that_are_no_text),
		TEST(big_file_in_pieces),
		TEST(holes_stay_holes),
		TEST(later_member_wins),
		TEST(links_come_before_later_members),
		TEST(skipped_prefixes),
		TEST(hard_link_with_data),
		TEST(extended_attributes),
		TEST(text_behind_the_end_is_noted),
		TEST(everything_is_read),
		TEST(caller_may_stop_it),
		cmocka_unit_test(test_memory_for_unpacking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
