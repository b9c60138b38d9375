/* SPDX-License-Identifier: MIT */
/* Running tar_receive() on an archive in memory, into a fresh directory. For cmocka tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root.h"
#include "transfer/tar.h"

struct
try {
	char path[64]; /* holds "tree", where archives go, and may hold "outside" */
	struct root dir, tree;
	struct err e;
	struct tar_result result;
	struct tar_progress progress;
	struct tar_options options;
};

static inline int try_setup(void **state)
{
	struct try *t = calloc(1, sizeof(*t));

	strcpy(t->path, "/tmp/rehost-tar-XXXXXX");
	if (!mkdtemp(t->path) || root_open(&t->dir, t->path, NULL) < 0 ||
	    root_mkdirs(&t->dir, "tree", 0755, NULL) < 0 ||
	    root_open_below(&t->tree, &t->dir, "tree", NULL) < 0)
		return -1;
	t->options.writers = 2;
	*state = t;
	return 0;
}

static inline int try_teardown(void **state)
{
	struct try *t = *state;
	struct root tmp = ROOT_INIT;

	tar_result_done(&t->result);
	root_close(&t->tree);
	root_close(&t->dir);
	if (root_open(&tmp, "/tmp", NULL) == 0 && root_remove_tree(&tmp, t->path + 5, NULL) < 0)
		return -1;
	root_close(&tmp);
	free(t);
	return 0;
}

static inline int memory_file(const void *data, size_t len)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		return -1;
	return fd;
}

/* Receives len bytes; returns what tar_receive() returns. */
static inline int try_bytes(struct try *t, const void *data, size_t len)
{
	int fd = memory_file(data, len), rc;

	if (fd < 0)
		return -2;
	tar_result_done(&t->result);
	err_clear(&t->e);
	t->options.progress = &t->progress;
	rc = tar_receive(fd, &t->tree, &t->options, &t->result, &t->e);
	close(fd);
	return rc;
}

static inline int try_archive(struct try *t, struct strbuf *b)
{
	int rc = b->failed ? -2 : try_bytes(t, b->data, b->len);

	strbuf_done(b);
	return rc;
}

/* Content of a file in the tree; "" when absent or empty. Static storage. */
static inline const char *try_read(struct try *t, const char *path)
{
	static char text[4096];
	struct strbuf b = STRBUF_INIT;

	text[0] = '\0';
	if (root_read(&t->tree, path, &b, sizeof(text) - 1, NULL) == 0)
		snprintf(text, sizeof(text), "%s", strbuf_str(&b));
	strbuf_done(&b);
	return text;
}

static inline bool try_exists(struct try *t, const char *path)
{
	struct stat st;

	return root_lstat(&t->tree, path, &st) == 0;
}

/* Text of the first note, or "". */
static inline const char *try_note(const struct try *t)
{
	return t->result.notes.count ? t->result.notes.items[0] : "";
}
