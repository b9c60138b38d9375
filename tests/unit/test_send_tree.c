/* SPDX-License-Identifier: MIT */
/* A tree sent and received again, by both threads; and a reader of the stream that has gone. tests/interop/test_send.py compares attributes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/root.h"
#include "send/send.h"
#include "transfer/tar.h"

#define SMALL_FILES 700 /* more than the queue holds */

static char top[] = "/tmp/rehost-test-XXXXXX";
static struct root root = ROOT_INIT;
static char source[64];

static int set_up(void **state)
{
	char *big = calloc(1, 3 << 20), name[32];

	(void)state;
	assert_non_null(big);
	assert_non_null(mkdtemp(top));
	assert_int_equal(root_open(&root, top, NULL), 0);
	snprintf(source, sizeof(source), "%s/in", top);
	for (unsigned i = 0; i < SMALL_FILES; i++) {
		snprintf(name, sizeof(name), "in/d%u/f%u", i % 7, i);
		assert_int_equal(root_replace(&root, name, name, strlen(name), NULL, NULL), 0);
	}
	memset(big, 'b', 3 << 20);
	assert_int_equal(root_replace(&root, "in/big", big, 3 << 20, NULL, NULL), 0);
	assert_int_equal(root_symlink(&root, "in/link", "d1/f1", NULL), 0);
	assert_int_equal(root_mkdirs(&root, "out", 0755, NULL), 0);
	free(big);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	root_close(&root);
	assert_int_equal(root_open(&root, "/tmp", NULL), 0);
	assert_int_equal(root_remove_tree(&root, top + strlen("/tmp/"), NULL), 0);
	root_close(&root);
	return 0;
}

static void test_there_and_back(void **state)
{
	const struct send_options o = { source, NULL, NULL };
	struct tar_options options = { .writers = 2 };
	struct root out cleanup_root = ROOT_INIT;
	struct tar_result got = { 0 };
	struct send_result sent;
	struct err e = ERR_INIT;
	int fd = memfd_create("stream", MFD_CLOEXEC);
	char name[32];

	(void)state;
	assert_int_equal(send_tree(&o, fd, &sent, &e), 0);
	assert_int_equal(sent.note_count, 0);
	/* the root, its seven folders, big and link */
	assert_int_equal(sent.entries, SMALL_FILES + 10);
	assert_int_equal(lseek(fd, 0, SEEK_END), sent.stream_bytes);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(root_open_below(&out, &root, "out", NULL), 0);
	if (tar_receive(fd, &out, &options, &got, &e) < 0)
		fail_msg("%s: %s", err_info(e.code)->title, e.ctx[0]);
	assert_int_equal(got.entries, sent.entries);
	assert_int_equal(got.file_bytes, sent.file_bytes);
	for (unsigned i = 0; i < SMALL_FILES; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		snprintf(name, sizeof(name), "in/d%u/f%u", i % 7, i);
		assert_int_equal(root_read(&out, name + 3, &text, 64, NULL), 0);
		assert_string_equal(strbuf_str(&text), name);
	}
	tar_result_done(&got);
	send_result_done(&sent);
	close(fd);
}

/* Both threads end, whatever waits in the queue. */
static void test_a_reader_that_has_gone(void **state)
{
	const struct send_options o = { source, NULL, NULL };
	struct send_result sent;
	struct err e = ERR_INIT;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(send_tree(&o, ends[1], &sent, &e), -1);
	assert_int_equal(e.code, ERR_SEND_WRITE);
	send_result_done(&sent);
	close(ends[1]);
}

static void test_no_tree(void **state)
{
	const struct send_options o = { "/no/such/folder", NULL, NULL };
	int fd = memfd_create("stream", MFD_CLOEXEC);
	struct send_result sent;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(send_tree(&o, fd, &sent, &e), -1);
	assert_int_equal(e.code, ERR_SEND_READ);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0); /* an end mark would be an empty, whole tree */
	send_result_done(&sent);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_a_reader_that_has_gone),
		cmocka_unit_test(test_no_tree),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
