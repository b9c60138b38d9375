/* SPDX-License-Identifier: MIT */
/* The private loader on plain folders: S, the payload and its list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/hash.h"
#include "base/io.h"
#include "job/loader_priv.h"

static char dir[64];
static struct root top = { .fd = -1 };
static struct target t;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/rehost-loader-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0 ||
	    root_mkdirs(&top, "fs/.rehost", 0700, NULL) < 0)
		return -1;
	t = (struct target){ .fs_count = 1 };
	t.fs[0].mount = (char *)"/";
	return root_open_below(&t.fs[0].root, &top, "fs", NULL);
}

static int tear_down(void **state)
{
	struct root all cleanup_root = ROOT_INIT;

	(void)state;
	root_close(&t.fs[0].root);
	root_close(&top);
	return root_open(&all, "/", NULL) < 0 ? -1 : root_remove_tree(&all, dir, NULL);
}

static void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(root_replace(&top, path, data, len, NULL, NULL), 0);
}

/* ---- S ---- */

/* So that a rescue which looks at S late does not take it for what the loader left. */
static void test_a_selection_is_noted(void **state)
{
	char run[] = "/tmp/rehost-test-XXXXXX", path[64];
	const struct root *fs = &t.fs[0].root;

	(void)state;
	assert_int_equal(root_mkdirs(fs, LOADER_DIR, 0700, NULL), 0);
	assert_non_null(mkdtemp(run));
	setenv("REHOST_RUN_DIR", run, 1);
	assert_false(loader_was_selected());
	assert_int_equal(loader_s_make(fs, LOADER_CLONE_ONCE, NULL), 0);
	assert_true(loader_was_selected());
	snprintf(path, sizeof(path), "%s/selected", run);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(run), 0);
	/* no run folder, as in the clone: S is written all the same */
	assert_int_equal(loader_select(fs, LOADER_RESCUE, NULL), 0);
	assert_false(loader_was_selected());
	unsetenv("REHOST_RUN_DIR");
}

static void test_the_four_words(void **state)
{
	static const char *const words[] = { "old", "rescue", "clone-once", "clone" };
	const struct root *fs = &t.fs[0].root;
	enum loader_choice got;
	struct err e = ERR_INIT;
	unsigned i;

	(void)state;
	assert_int_equal(loader_selected(fs, &got, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_S);
	/* What was never planted is not made by selecting. */
	assert_int_equal(loader_select(fs, LOADER_RESCUE, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_S);
	assert_int_equal(root_mkdirs(fs, LOADER_DIR, 0700, NULL), 0);
	assert_int_equal(loader_s_make(fs, LOADER_OLD, NULL), 0);
	for (i = 0; i < 4; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		char want[64];

		assert_int_equal(loader_select(fs, (enum loader_choice)i, NULL), 0);
		assert_int_equal(loader_selected(fs, &got, NULL), 0);
		assert_int_equal(got, i);
		assert_string_equal(loader_choice_name(got), words[i]);
		assert_int_equal(root_read(fs, LOADER_S, &text, 4096, NULL), 0);
		assert_int_equal(text.len, 512);
		snprintf(want, sizeof(want), "# GRUB Environment Block\nrehost=%s\n###", words[i]);
		assert_memory_equal(text.data, want, strlen(want));
		assert_int_equal(text.data[511], '#');
	}
	/* Made again, it is written in place: the loader knows where it lies. */
	struct stat before, after;

	assert_int_equal(root_stat(fs, LOADER_S, &before), 0);
	assert_int_equal(loader_s_make(fs, LOADER_OLD, NULL), 0);
	assert_int_equal(root_stat(fs, LOADER_S, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_a_damaged_word_is_no_word(void **state)
{
	char s[LOADER_S_BYTES + 1] = { 0 };
	enum loader_choice got = LOADER_CLONE;
	struct err e = ERR_INIT;
	unsigned i;

	(void)state;
	loader_s_encode(LOADER_CLONE_ONCE, s);
	assert_int_equal(loader_s_decode(s, LOADER_S_BYTES, &got, NULL), 0);
	assert_int_equal(got, LOADER_CLONE_ONCE);
	assert_int_equal(loader_s_decode(s, LOADER_S_BYTES - 1, &got, &e), -1);
	assert_int_equal(loader_s_decode(s, LOADER_S_BYTES + 1, &got, &e), -1);
	for (i = 0; i < LOADER_S_BYTES; i++) { /* every byte counts */
		s[i] ^= 1;
		assert_int_equal(loader_s_decode(s, LOADER_S_BYTES, &got, &e), -1);
		assert_int_equal(e.code, ERR_LOADER_S);
		s[i] ^= 1;
	}
	put("fs/" LOADER_S, "rehost=clone\n", 13);
	assert_int_equal(loader_selected(&t.fs[0].root, &got, &e), -1);
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_OLD, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_S);
	assert_int_equal(loader_s_make(&t.fs[0].root, LOADER_OLD, NULL), 0);
	assert_int_equal(loader_selected(&t.fs[0].root, &got, NULL), 0);
	assert_int_equal(got, LOADER_OLD);
}

static void test_s_is_not_reached_through_a_link(void **state)
{
	const struct root *fs = &t.fs[0].root;
	char s[LOADER_S_BYTES];
	enum loader_choice got;

	(void)state;
	loader_s_encode(LOADER_CLONE, s);
	put("fs/elsewhere", s, sizeof(s));
	assert_int_equal(root_symlink(fs, LOADER_S, "/elsewhere", NULL), 0);
	assert_int_equal(loader_selected(fs, &got, NULL), -1);
	assert_int_equal(loader_select(fs, LOADER_OLD, NULL), -1);
}

/* ---- the payload ---- */

static const char *sum(const char *text)
{
	static char hex[2][65];
	static unsigned n;
	uint8_t digest[SHA256_LEN];

	sha256_of(text, strlen(text), digest);
	hex_of(digest, sizeof(digest), hex[++n % 2]);
	return hex[n % 2];
}

static void make_list(struct strbuf *b)
{
	strbuf_adds(b, "rehost-loader 1\n");
	strbuf_addf(b, "%s 6 vmlinuz\n", sum("kernel"));
	strbuf_addf(b, "%s 9 initrd\n", sum("initramfs"));
	strbuf_addf(b, "%s 4 core.img\n", sum("core"));
}

/* One entry of a newc archive. */
static void cpio_entry(struct strbuf *b, const char *name, unsigned mode, const char *data)
{
	size_t len = strlen(data);

	strbuf_addf(b, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, mode, 0,
		    0, 1, 1, len, 0, 0, 0, 0, strlen(name) + 1, 0);
	strbuf_add(b, name, strlen(name) + 1);
	while (b->len % 4)
		strbuf_addc(b, '\0');
	strbuf_adds(b, data);
	while (b->len % 4)
		strbuf_addc(b, '\0');
}

static int store(const struct strbuf *archive, struct err *e)
{
	char path[80];
	int fd cleanup_fd = -1;

	put("stream", archive->data, archive->len);
	snprintf(path, sizeof(path), "%s/stream", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return loader_store(&t, fd, e);
}

static void make_archive(struct strbuf *b, const char *core)
{
	struct strbuf list cleanup_strbuf = STRBUF_INIT;

	make_list(&list);
	cpio_entry(b, "rescue", 040755, "");
	cpio_entry(b, "rescue/vmlinuz", 0100644, "kernel");
	cpio_entry(b, "rescue/initrd", 0100644, "initramfs");
	cpio_entry(b, "rescue/core.img", 0100644, core);
	cpio_entry(b, "rescue/list", 0100644, strbuf_str(&list));
}

static void test_a_stream_is_stored(void **state)
{
	struct strbuf archive cleanup_strbuf = STRBUF_INIT;
	struct strbuf got cleanup_strbuf = STRBUF_INIT;
	struct loader_list l;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(loader_store(&t, -1, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_MISSING);
	make_archive(&archive, "core");
	cpio_entry(&archive, "TRAILER!!!", 0, "");
	if (store(&archive, &e) < 0)
		fail_msg("%s", e.ctx[0]);
	assert_true(loader_is_stored(&t));
	assert_int_equal(loader_list_read(&l, &t.fs[0].root, LOADER_DIR, NULL), 0);
	assert_int_equal(l.count, 3);
	assert_int_equal(l.bytes, 19);
	assert_int_equal(root_read(&t.fs[0].root, LOADER_DIR "/initrd", &got, 100, NULL), 0);
	assert_string_equal(strbuf_str(&got), "initramfs");
	assert_false(root_exists(&t.fs[0].root, LOADER_DIR "/new"));
	assert_int_equal(loader_store(&t, -1, NULL), 0);
	/* One file gone: not complete any more. */
	assert_int_equal(root_remove(&t.fs[0].root, LOADER_DIR "/core.img", NULL), 0);
	assert_int_equal(loader_list_read(&l, &t.fs[0].root, LOADER_DIR, NULL), -1);
	assert_int_equal(store(&archive, NULL), 0);
	assert_int_equal(loader_list_read(&l, &t.fs[0].root, LOADER_DIR, NULL), 0);
}

static void refused(struct strbuf *archive)
{
	struct loader_list l;
	struct err e = ERR_INIT;

	assert_int_equal(store(archive, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_PAYLOAD);
	assert_int_equal(loader_list_read(&l, &t.fs[0].root, LOADER_DIR, NULL), -1);
	assert_false(root_exists(&t.fs[0].root, LOADER_DIR "/new"));
	strbuf_done(archive);
}

static void test_bad_streams_are_refused(void **state)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	(void)state;
	strbuf_adds(&b, "hello");
	refused(&b);
	make_archive(&b, "kore"); /* not what the list says */
	cpio_entry(&b, "TRAILER!!!", 0, "");
	refused(&b);
	make_archive(&b, "core"); /* no end */
	refused(&b);
	make_archive(&b, "core");
	cpio_entry(&b, "rescue/../../evil", 0100644, "x");
	cpio_entry(&b, "TRAILER!!!", 0, "");
	refused(&b);
	make_archive(&b, "core");
	cpio_entry(&b, "etc/passwd", 0100644, "x");
	cpio_entry(&b, "TRAILER!!!", 0, "");
	refused(&b);
	make_archive(&b, "core");
	cpio_entry(&b, "rescue/link", 0120777, "/etc");
	cpio_entry(&b, "TRAILER!!!", 0, "");
	refused(&b);
	make_archive(&b, "core");
	cpio_entry(&b, "rescue/initrd", 0100644, "initramfs");
	cpio_entry(&b, "TRAILER!!!", 0, "");
	refused(&b);
}

/* While S is there the stored files are what the machine starts from. */
static void test_a_planted_payload_stays(void **state)
{
	struct strbuf archive cleanup_strbuf = STRBUF_INIT;
	struct strbuf other cleanup_strbuf = STRBUF_INIT;
	struct stat before, after;

	(void)state;
	make_archive(&archive, "core");
	cpio_entry(&archive, "TRAILER!!!", 0, "");
	assert_int_equal(store(&archive, NULL), 0);
	assert_int_equal(root_stat(&t.fs[0].root, LOADER_DIR "/vmlinuz", &before), 0);
	assert_int_equal(loader_s_make(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	strbuf_adds(&other, "anything");
	assert_int_equal(store(&other, NULL), 0);
	assert_int_equal(root_stat(&t.fs[0].root, LOADER_DIR "/vmlinuz", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void list_refused(const char *text)
{
	struct loader_list l;
	struct err e = ERR_INIT;

	assert_int_equal(loader_list_parse(&l, text, strlen(text), &e), -1);
	assert_int_equal(e.code, ERR_LOADER_PAYLOAD);
}

static void test_lists(void **state)
{
	enum { ODD_SUM };
	static const char *const lines[] = {
		[ODD_SUM] = " 5 x\n",
		" 5 ../x\n",
		" 5 /x\n",
		" 5 .x\n",
		" 5\n",
		" 0 x\n",
		" -1 x\n",
		" 5 initrd\n",
		" 5 list\n",
		" 5 a b\n",
		" 5 a\x01\n",
		" 5 a-name-that-is-far-too-long-for-this\n",
		" 99999999999999999 x\n",
	};
	struct loader_list l;
	unsigned i;

	(void)state;
	list_refused("");
	list_refused("rehost-loader 1\n");
	list_refused("rehost-loader 2\n");
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		struct strbuf b cleanup_strbuf = STRBUF_INIT;

		make_list(&b);
		assert_int_equal(loader_list_parse(&l, b.data, b.len, NULL), 0);
		strbuf_adds(&b, i == ODD_SUM ? "x" : "");
		strbuf_adds(&b, sum("x"));
		strbuf_adds(&b, lines[i]);
		list_refused(strbuf_str(&b));
	}
	for (i = 0; i < 20; i++) {
		struct strbuf b cleanup_strbuf = STRBUF_INIT;
		unsigned k;

		make_list(&b);
		for (k = 0; k < i; k++)
			strbuf_addf(&b, "%s 5 f%u\n", sum("x"), k);
		assert_int_equal(loader_list_parse(&l, b.data, b.len, NULL),
				 i + 3 <= LOADER_FILES_MAX ? 0 : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_four_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_selection_is_noted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_damaged_word_is_no_word, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_s_is_not_reached_through_a_link, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_stream_is_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_streams_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_planted_payload_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
