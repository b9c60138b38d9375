/* SPDX-License-Identifier: MIT */
#include "transfer/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/str.h"

#define BLOCK 65536

struct unpack {
	struct archive *a;
	const struct root *dest;
	const struct unpack_limits *limits;
	struct strlist names;
	uint64_t total;
};

static int damaged(struct unpack *u, struct err *e, const char *what)
{
	const char *why = archive_error_string(u->a);

	return err_set(e, ERR_LOADER_PAYLOAD, 0, "%s%s%s", what, why ? ": " : "", why ? why : "");
}

static int copy_data(struct unpack *u, int out, const char *name, struct err *e)
{
	char buf[BLOCK];
	uint64_t size = 0;
	la_ssize_t n;

	while ((n = archive_read_data(u->a, buf, sizeof(buf))) > 0) {
		size += (uint64_t)n;
		u->total += (uint64_t)n;
		if (size > u->limits->file_bytes || u->total > u->limits->total_bytes)
			return err_set(e, ERR_LOADER_PAYLOAD, 0, "%s is too large", name);
		if (write_all(out, buf, (size_t)n) < 0)
			return err_set(e, ERR_FILE, errno, "writing %s", name);
	}
	return n < 0 ? damaged(u, e, name) : 0;
}

/* The name below the folder, or NULL: not one of ours. */
static const char *name_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	path += strspn(path, "./");
	if (strncmp(path, prefix, len) != 0 || path[len] != '/')
		return NULL;
	path += len + 1;
	return *path && !strchr(path, '/') && *path != '.' ? path : NULL;
}

static int take_entry(struct unpack *u, struct archive_entry *entry, const char *prefix,
		      struct err *e)
{
	const char *path = archive_entry_pathname(entry);
	const char *name = path ? name_below(path, prefix) : NULL;
	int out cleanup_fd = -1;
	char shown[200];

	str_escape(shown, sizeof(shown), path ? path : "");
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	if (!name || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "\"%s\" does not belong there", shown);
	if (u->names.count == u->limits->files || strlist_has(&u->names, name))
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "\"%s\" is one too many", shown);
	if (strlist_add(&u->names, name) < 0)
		return err_set(e, ERR_NOMEM, 0, "unpacking");
	if (root_remove(u->dest, name, e) < 0)
		return -1;
	out = root_openat(u->dest, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, e);
	return out < 0 ? -1 : copy_data(u, out, shown, e);
}

static int read_all(struct unpack *u, int fd, const char *prefix, struct err *e)
{
	struct archive_entry *entry;
	char rest[4096];
	ssize_t n;
	int rc;

	archive_read_support_filter_all(u->a);
	archive_read_support_format_cpio(u->a);
	if (archive_read_open_fd(u->a, fd, BLOCK) != ARCHIVE_OK)
		return damaged(u, e, "the stream is not a loader archive");
	while ((rc = archive_read_next_header(u->a, &entry)) == ARCHIVE_OK) {
		if (take_entry(u, entry, prefix, e) < 0)
			return -1;
	}
	if (rc != ARCHIVE_EOF)
		return damaged(u, e, "the loader archive");
	while ((n = read_full(fd, rest, sizeof(rest))) > 0)
		;
	if (n < 0)
		return err_set(e, ERR_FILE, errno, "reading the loader archive");
	return 0;
}

int unpack_flat(int fd, const struct root *dest, const char *prefix,
		const struct unpack_limits *limits, struct err *e)
{
	struct unpack u = { .a = archive_read_new(), .dest = dest, .limits = limits };
	int rc;

	if (!u.a)
		return err_set(e, ERR_NOMEM, 0, "unpacking");
	rc = read_all(&u, fd, prefix, e);
	archive_read_free(u.a);
	strlist_done(&u.names);
	return rc;
}
