/* SPDX-License-Identifier: MIT */
#include "transfer/tar_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "transfer/attrs_priv.h"

#define BLOCK_BYTES (1u << 20)
#define HOLE_BYTES (1u << 30) /* address space only */
#define ACL_VERSION 2	      /* POSIX_ACL_XATTR_VERSION of linux/posix_acl_xattr.h */

struct tar_writer {
	struct archive *archive;
	struct archive_entry *entry;
	uint64_t left; /* of the file that was begun */
	uint64_t bytes;
	const void *zeros; /* HOLE_BYTES that read as zeros and take no memory */
	int fd, sys;
};

void tar_member_xattr(struct strbuf *set, const char *name, const void *value, size_t len)
{
	xattrs_add(set, name, value, len);
}

/*
 * libarchive leaks its buffers once a write has failed. So it is told that all went well, and whoever called it looks at sys.
 */
static la_ssize_t write_out(struct archive *a, void *arg, const void *data, size_t len)
{
	struct tar_writer *w = arg;

	(void)a;
	if (!w->sys && write_all(w->fd, data, len) < 0)
		w->sys = errno;
	if (!w->sys)
		w->bytes += len;
	return (la_ssize_t)len;
}

static int fail(struct tar_writer *w, const char *path, struct err *e)
{
	if (w->sys)
		return err_set(e, ERR_SEND_WRITE, w->sys, "%s", path);
	return err_set(e, ERR_INTERNAL, archive_errno(w->archive), "%s: %s", path,
		       archive_error_string(w->archive));
}

int tar_writer_open(struct tar_writer **ret, int fd, struct err *e)
{
	struct tar_writer *w = calloc(1, sizeof(*w));

	*ret = NULL;
	if (!w)
		return err_set(e, ERR_NOMEM, 0, "tar writer");
	w->fd = fd;
	w->archive = archive_write_new();
	w->entry = archive_entry_new();
	w->zeros = mmap(NULL, HOLE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	if (w->zeros == MAP_FAILED)
		w->zeros = NULL;
	if (!w->archive || !w->entry || !w->zeros) {
		tar_writer_drop(w);
		return err_set(e, ERR_NOMEM, 0, "tar writer");
	}
	if (archive_write_set_format_pax(w->archive) != ARCHIVE_OK ||
	    /* names are bytes: no character set is assumed, and none converted */
	    archive_write_set_format_option(w->archive, "pax", "hdrcharset", "BINARY") !=
		    ARCHIVE_OK ||
	    archive_write_set_format_option(w->archive, "pax", "xattrheader", "SCHILY") !=
		    ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(w->archive, BLOCK_BYTES) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w->archive, 512) != ARCHIVE_OK ||
	    archive_write_open(w->archive, w, NULL, write_out, NULL) != ARCHIVE_OK) {
		fail(w, "tar writer", e);
		tar_writer_drop(w);
		return -1;
	}
	*ret = w;
	return 0;
}

/* ---- headers ---- */

/*
 * What lies in system.posix_acl_access and _default: a version, then entries of tag, rights and id, little-endian; the tags have the
 * kernel's own numbers (linux/posix_acl.h).
 */
static int add_acl(struct archive_entry *entry, int type, const uint8_t *p, size_t len)
{
	static const struct {
		uint16_t kernel;
		int tag;
	} tags[] = {
		{ 0x01, ARCHIVE_ENTRY_ACL_USER_OBJ },  { 0x02, ARCHIVE_ENTRY_ACL_USER },
		{ 0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ }, { 0x08, ARCHIVE_ENTRY_ACL_GROUP },
		{ 0x10, ARCHIVE_ENTRY_ACL_MASK },      { 0x20, ARCHIVE_ENTRY_ACL_OTHER },
	};

	if (len < 4 || (len - 4) % 8 || p[0] != ACL_VERSION)
		return -1;
	for (p += 4, len -= 4; len; p += 8, len -= 8) {
		uint16_t tag, rights;
		uint32_t id;
		size_t i;

		memcpy(&tag, p, 2);
		memcpy(&rights, p + 2, 2);
		memcpy(&id, p + 4, 4);
		for (i = 0; i < ARRAY_SIZE(tags) && tags[i].kernel != le16toh(tag); i++)
			;
		if (i == ARRAY_SIZE(tags) ||
		    archive_entry_acl_add_entry(entry, type, le16toh(rights) & 7, tags[i].tag,
						(int)le32toh(id), NULL) != ARCHIVE_OK)
			return -1;
	}
	return 0;
}

static void add_xattrs(struct archive_entry *entry, const struct strbuf *set)
{
	const char *name;
	const void *value;
	size_t at = 0, len;

	while (set && xattrs_next(set, &at, &name, &value, &len)) {
		if (strcmp(name, "system.posix_acl_access") == 0 &&
		    add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, value, len) == 0)
			continue;
		if (strcmp(name, "system.posix_acl_default") == 0 &&
		    add_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, value, len) == 0)
			continue;
		archive_entry_xattr_add_entry(entry, name, value, len);
	}
}

/*
 * Before 1970 with a fraction: other tars write one negative decimal number, libarchive the floor and the fraction, with the same look. So that
 * all read the same, the parts are those of the number; between -1 and 0 there is no such pair, and the fraction goes.
 */
static void set_time(struct archive_entry *entry, const struct timespec *t)
{
	time_t sec = t->tv_sec;
	long nsec = t->tv_nsec;

	if (sec < 0 && nsec > 0) {
		nsec = sec == -1 ? 0 : 1000000000 - nsec;
		sec = sec == -1 ? -1 : sec + 1;
	}
	archive_entry_set_mtime(entry, sec, nsec);
}

static void fill(struct archive_entry *entry, const struct tar_member *m)
{
	const struct stat *st = m->st;

	archive_entry_set_pathname(entry, m->path);
	archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
	archive_entry_set_perm(entry, st->st_mode & 07777);
	archive_entry_set_uid(entry, st->st_uid);
	archive_entry_set_gid(entry, st->st_gid);
	set_time(entry, &st->st_mtim);
	archive_entry_set_size(entry, S_ISREG(st->st_mode) && !m->is_hard_link ? st->st_size : 0);
	if (m->is_hard_link)
		archive_entry_set_hardlink(entry, m->link);
	else if (S_ISLNK(st->st_mode))
		archive_entry_set_symlink(entry, m->link);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(entry, st->st_rdev);
	if (m->flags)
		archive_entry_set_fflags(entry, m->flags, 0);
	for (size_t i = 0; i < m->nextents; i++)
		archive_entry_sparse_add_entry(entry, (la_int64_t)m->extents[i].offset,
					       (la_int64_t)m->extents[i].bytes);
	add_xattrs(entry, m->xattrs);
}

int tar_writer_begin(struct tar_writer *w, const struct tar_member *m, struct err *e)
{
	int rc;

	archive_entry_clear(w->entry);
	fill(w->entry, m);
	rc = archive_write_header(w->archive, w->entry);
	if (rc != ARCHIVE_OK || w->sys)
		return fail(w, m->path, e);
	w->left = (uint64_t)archive_entry_size(w->entry);
	return 0;
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	if (len > w->left)
		return err_set(e, ERR_INTERNAL, 0, "more bytes than were announced");
	w->left -= len;
	while (len) {
		size_t n = !data && len > HOLE_BYTES ? HOLE_BYTES : len;
		la_ssize_t done = archive_write_data(w->archive, data ? p : w->zeros, n);

		if (done <= 0 || w->sys)
			return fail(w, "file", e);
		len -= (size_t)done;
		p += data ? done : 0;
	}
	return 0;
}

/* ---- the end ---- */

void tar_writer_drop(struct tar_writer *w)
{
	if (!w)
		return;
	if (!w->sys)
		w->sys = ECANCELED; /* what closing writes goes nowhere */
	archive_write_free(w->archive);
	archive_entry_free(w->entry);
	if (w->zeros)
		munmap((void *)(uintptr_t)w->zeros, HOLE_BYTES);
	free(w);
}

int tar_writer_end(struct tar_writer *w, uint64_t *ret_bytes, struct err *e)
{
	int rc = 0;

	if (w->left)
		rc = err_set(e, ERR_INTERNAL, 0, "a file is shorter than was announced");
	else if (archive_write_close(w->archive) != ARCHIVE_OK || w->sys)
		rc = fail(w, "the end", e);
	*ret_bytes = w->bytes;
	tar_writer_drop(w);
	return rc;
}
