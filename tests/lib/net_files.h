/* SPDX-License-Identifier: MIT */
/* Files of a network stack written into a folder of the test's, read again, and compared. */
#pragma once

#include <fcntl.h>

#include "net_models.h"

/* after it: its r would be shadowed */
#include "temp_root.h"

static inline void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

/* Without the syncs of root_replace: there are many of them. */
static inline void put_output(const struct net_output *o)
{
	unsigned i;

	for (i = 0; i < o->file_count; i++) {
		const struct net_file *f = &o->files[i];
		char parent[256];
		int fd;

		snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(f->path, '/') - f->path),
			 f->path);
		assert_int_equal(root_mkdirs(&r, parent, 0755, NULL), 0);
		fd = root_openat(&r, f->path, O_WRONLY | O_CREAT | O_TRUNC, f->mode, NULL);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, strbuf_str(&f->text), f->text.len), f->text.len);
		close(fd);
	}
}

static inline const char *file_text(const struct net_output *o, const char *path)
{
	unsigned i;

	for (i = 0; i < o->file_count; i++)
		if (strcmp(o->files[i].path, path) == 0)
			return strbuf_str(&o->files[i].text);
	fail_msg("%s is not written", path);
	return "";
}

static inline bool list_says(const struct strlist *l, const char *part)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strstr(l->items[i], part))
			return true;
	return false;
}
