/* SPDX-License-Identifier: MIT */
/* The manifest as a file: docs/architecture.md section 7. */
#include "transfer/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "transfer/manifest_priv.h"

#define FIRST_LINE "rehost-manifest 1\n"
/* Longest line: numbers, and a path of which every byte is escaped. */
#define LINE_MAX_LEN (128 + 3 * MANIFEST_PATH_MAX)
#define KINDS "fdlcbph"

/* ---- writing ---- */

struct writer {
	int fd;
	struct sha256 *sha;
	struct strbuf buf;
	uint64_t bytes;
	int sys; /* errno of a failed write */
};

static int flush(struct writer *w)
{
	if (w->buf.failed) {
		w->sys = ENOMEM;
		return -1;
	}
	sha256_add(w->sha, w->buf.data, w->buf.len);
	if (write_all(w->fd, w->buf.data, w->buf.len) < 0) {
		w->sys = errno;
		return -1;
	}
	w->buf.len = 0;
	return 0;
}

static int write_entry(void *arg, const struct manifest_entry *entry)
{
	struct writer *w = arg;
	const unsigned char *p;

	strbuf_addf(&w->buf, "%c %o %u %u %" PRIu64 " %" PRId64 ".%09u ", entry->kind, entry->mode,
		    entry->uid, entry->gid, entry->size, entry->mtime_sec, entry->mtime_nsec);
	for (p = (const unsigned char *)entry->path; *p; p++) {
		if (*p < 0x21 || *p > 0x7e || *p == '%')
			strbuf_addf(&w->buf, "%%%02X", *p);
		else
			strbuf_addc(&w->buf, (char)*p);
	}
	strbuf_addc(&w->buf, '\n');
	if (entry->kind == 'f')
		w->bytes += entry->size;
	return w->buf.len >= 65536 || w->buf.failed ? flush(w) : 0;
}

static int write_all_lines(const struct manifest *m, struct writer *w)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];

	strbuf_adds(&w->buf, FIRST_LINE);
	if (manifest_each(m, write_entry, w) < 0 || flush(w) < 0)
		return -1;
	sha256_finish(ptr_take(w->sha), digest);
	hex_of(digest, sizeof(digest), hex);
	strbuf_addf(&w->buf, "end %" PRIu64 " %" PRIu64 " %s\n", manifest_count(m), w->bytes, hex);
	if (w->buf.failed || write_all(w->fd, w->buf.data, w->buf.len) < 0 ||
	    fdatasync(w->fd) < 0) {
		w->sys = w->buf.failed ? ENOMEM : errno;
		return -1;
	}
	return 0;
}

int manifest_store(const struct manifest *m, const struct root *r, const char *path, struct err *e)
{
	const char *name;
	char tmp[NAME_MAX + 1];
	int dir cleanup_fd = root_parent(r, path, true, &name, e);
	int fd cleanup_fd = -1, dir_fd cleanup_fd = -1;
	struct writer w = { .sha = sha256_new() };
	int rc = -1;

	if (dir < 0)
		goto out;
	if (!w.sha) {
		err_set(e, ERR_NOMEM, 0, "writing %s", path);
		goto out;
	}
	snprintf(tmp, sizeof(tmp), ".%.200s.new", name);
	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	w.fd = fd;
	if (fd < 0 || write_all_lines(m, &w) < 0 || renameat(dir, tmp, dir, name) < 0) {
		err_set(e, ERR_FILE, w.sys ? w.sys : errno, "writing %s", path);
		unlinkat(dir, tmp, 0);
		goto out;
	}
	dir_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || fsync(dir_fd) < 0) {
		err_set(e, ERR_FILE, errno, "writing %s", path);
		goto out;
	}
	rc = 0;
out:
	sha256_free(w.sha);
	strbuf_done(&w.buf);
	return rc;
}

/* ---- reading ---- */

/* Parses digits in base at *p up to the byte stop, which is skipped. No sign, no overflow, at least one digit. */
static int take_number(const char **p, unsigned base, uint64_t max, char stop, uint64_t *ret)
{
	uint64_t v = 0;
	const char *s = *p;

	for (; *s >= '0' && (unsigned)(*s - '0') < base; s++) {
		if (v > (UINT64_MAX - 9) / base)
			return -1;
		v = v * base + (unsigned)(*s - '0');
	}
	if (s == *p || *s != stop || v > max)
		return -1;
	*p = s + 1;
	*ret = v;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Unescapes a path; refuses what the writer would not have written and what leads out of a tree. */
static int take_path(const char *s, char *ret, size_t size)
{
	size_t n = 0;
	const char *part;

	for (; *s; s++) {
		int c = (unsigned char)*s;

		if (c == '%') {
			int hi = hex_digit(s[1]), lo = hi < 0 ? -1 : hex_digit(s[2]);

			if (lo < 0)
				return -1;
			c = hi * 16 + lo;
			s += 2;
		} else if (c < 0x21 || c > 0x7e) {
			return -1;
		}
		if (!c || n + 1 >= size)
			return -1;
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	if (!n)
		return -1;
	if (strcmp(ret, ".") == 0) /* the root of the tree itself */
		return 0;
	for (part = ret; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t len = strcspn(part, "/");

		if (!len || len > NAME_MAX || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return -1;
	}
	return 0;
}

static int parse_entry(const char *line, struct manifest_entry *ret, char *path, size_t size)
{
	uint64_t mode, uid, gid, sec, nsec;
	bool negative;

	if (!strchr(KINDS, line[0]) || !line[0] || line[1] != ' ')
		return -1;
	ret->kind = line[0];
	line += 2;
	if (take_number(&line, 8, 07777, ' ', &mode) < 0 ||
	    take_number(&line, 10, UINT32_MAX, ' ', &uid) < 0 ||
	    take_number(&line, 10, UINT32_MAX, ' ', &gid) < 0 ||
	    take_number(&line, 10, INT64_MAX, ' ', &ret->size) < 0)
		return -1;
	negative = *line == '-';
	line += negative;
	if (take_number(&line, 10, INT64_MAX, '.', &sec) < 0 ||
	    take_number(&line, 10, 999999999, ' ', &nsec) < 0 || take_path(line, path, size) < 0)
		return -1;
	ret->mode = (uint32_t)mode;
	ret->uid = (uint32_t)uid;
	ret->gid = (uint32_t)gid;
	ret->mtime_sec = negative ? -(int64_t)sec : (int64_t)sec;
	ret->mtime_nsec = (uint32_t)nsec;
	ret->path = path;
	return 0;
}

struct loader {
	struct manifest *m;
	struct sha256 *sha;
	uint64_t lines, bytes;
	bool ended;
};

static int check_end(struct loader *l, const char *line)
{
	uint64_t entries, bytes;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];

	if (take_number(&line, 10, UINT64_MAX, ' ', &entries) < 0 ||
	    take_number(&line, 10, UINT64_MAX, ' ', &bytes) < 0)
		return -1;
	sha256_finish(ptr_take(l->sha), digest);
	hex_of(digest, sizeof(digest), hex);
	if (strcmp(hex, line) != 0 || entries != manifest_count(l->m) || bytes != l->bytes)
		return -1;
	l->ended = true;
	return 0;
}

/* line is terminated in place of its newline; len does not count it. */
static int load_line(struct loader *l, char *line, size_t len, struct err *e)
{
	char path[MANIFEST_PATH_MAX + 1];
	struct manifest_entry entry;

	l->lines++;
	if (l->ended || strlen(line) != len)
		goto bad;
	if (l->lines > 1 && str_starts(line, "end ")) {
		if (check_end(l, line + 4) < 0)
			goto bad;
		return 0;
	}
	sha256_add(l->sha, line, len);
	sha256_add(l->sha, "\n", 1);
	if (l->lines == 1) {
		if (strncmp(line, FIRST_LINE, sizeof(FIRST_LINE) - 2) != 0 ||
		    len != sizeof(FIRST_LINE) - 2)
			goto bad;
		return 0;
	}
	if (parse_entry(line, &entry, path, sizeof(path)) < 0)
		goto bad;
	if (entry.kind == 'f')
		l->bytes += entry.size;
	return manifest_add(l->m, &entry, e);
bad:
	return err_set(e, ERR_MANIFEST, 0, "line %" PRIu64, l->lines);
}

static int load_lines(struct loader *l, int fd, struct err *e)
{
	size_t have = 0, cap = 4 * LINE_MAX_LEN;
	char *buf cleanup_free = malloc(cap);

	if (!buf)
		return err_set(e, ERR_NOMEM, 0, "reading");
	for (;;) {
		ssize_t n = read_full(fd, buf + have, cap - have);
		char *line = buf, *end;

		if (n < 0)
			return err_set(e, ERR_FILE, errno, "reading");
		have += (size_t)n;
		while ((end = memchr(line, '\n', have - (size_t)(line - buf)))) {
			*end = '\0';
			if (load_line(l, line, (size_t)(end - line), e) < 0)
				return -1;
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		if (have > LINE_MAX_LEN || (n == 0 && (have || !l->ended)))
			return err_set(e, ERR_MANIFEST, 0, "after line %" PRIu64, l->lines);
		if (n == 0)
			return 0;
		memmove(buf, line, have);
	}
}

int manifest_load(struct manifest **ret, const struct root *r, const char *path, struct err *e)
{
	int fd cleanup_fd = root_openat(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	struct loader l = { 0 };
	struct stat st;
	int rc;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_MANIFEST, 0, "%s: not a regular file", path);
	l.m = manifest_new();
	l.sha = sha256_new();
	rc = l.m && l.sha ? load_lines(&l, fd, e) : err_set(e, ERR_NOMEM, 0, "reading");
	sha256_free(l.sha);
	if (rc < 0) {
		manifest_free(l.m);
		return err_ctx(e, "reading %s", path);
	}
	*ret = l.m;
	return 0;
}
