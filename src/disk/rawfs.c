/* SPDX-License-Identifier: MIT */
#include "disk/rawfs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/rawfs_priv.h"

#define LINKS_MAX 8 /* GRUB 2.06 grub-core/fs/fshelp.c: more is "too deep nesting of symlinks" */
#define DEPTH_MAX 64
#define PATH_LIMIT 8192

/* ---- opening ---- */

int rawfs_open(struct rawfs **ret, const struct rawdisk *d, const struct raw_part *p, struct err *e)
{
	static const struct {
		enum rawfs_kind kind;
		const struct rawfs_ops *ops;
	} kinds[] = { { RAWFS_EXT, &rawfs_ext_ops }, { RAWFS_FAT, &rawfs_fat_ops } };
	struct rawfs *fs = calloc(1, sizeof(*fs));
	struct err first = ERR_INIT;
	size_t i;

	if (!fs)
		return err_set(e, ERR_NOMEM, 0, "file system");
	fs->disk = d;
	fs->start_bytes = p->start_bytes;
	fs->size_bytes = p->size_bytes;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err local = ERR_INIT;

		fs->kind = kinds[i].kind;
		fs->ops = kinds[i].ops;
		if (fs->ops->open(fs, &local) == 0) {
			*ret = fs;
			return 0;
		}
		/* "None of mine" carries no context; anything else says what is wrong with it. */
		if (local.nctx && !first.nctx)
			first = local;
	}
	free(fs);
	if (!first.nctx)
		return err_set(e, ERR_RAWFS, 0, "partition %u holds neither ext2/3/4 nor FAT",
			       p->number);
	if (e)
		*e = first;
	return err_ctx(e, "partition %u", p->number);
}

void rawfs_close(struct rawfs *fs)
{
	if (!fs)
		return;
	fs->ops->close(fs);
	free(fs);
}

enum rawfs_kind rawfs_kind(const struct rawfs *fs)
{
	return fs->kind;
}

const char *rawfs_uuid(const struct rawfs *fs)
{
	return fs->uuid;
}

const char *rawfs_label(const struct rawfs *fs)
{
	return fs->label;
}

bool rawfs_needs_recovery(const struct rawfs *fs)
{
	return fs->needs_recovery;
}

/* ---- paths ---- */

struct walk {
	struct rawfs *fs;
	struct rawfs_node stack[DEPTH_MAX]; /* from the root to where we are */
	unsigned depth;			    /* of the last one; 0: the root */
	unsigned links;
	struct strbuf rest; /* what is still to be walked */
	struct strbuf link; /* scratch */
};

/* Puts the link's text before what is left of the path. */
static int take_link(struct walk *w, const struct rawfs_node *n, const char *tail, struct err *e)
{
	struct strbuf next = STRBUF_INIT;

	if (!w->fs->ops->readlink || ++w->links > LINKS_MAX)
		return err_set(e, ERR_FILE, ELOOP, "too many links");
	w->link.len = 0;
	if (w->fs->ops->readlink(w->fs, n, &w->link, e) < 0)
		return -1;
	strbuf_add(&next, strbuf_str(&w->link), strlen(strbuf_str(&w->link)));
	strbuf_addc(&next, '/');
	strbuf_adds(&next, tail);
	if (next.failed || next.len > PATH_LIMIT) {
		strbuf_done(&next);
		return err_set(e, ERR_FILE, ENAMETOOLONG, "a link's text");
	}
	if (w->link.len && w->link.data[0] == '/')
		w->depth = 0;
	strbuf_done(&w->rest);
	w->rest = next;
	return 0;
}

static int step(struct walk *w, const char *name, size_t len, const char *tail, bool follow,
		struct err *e)
{
	struct rawfs_node *here = &w->stack[w->depth], next;

	if (!S_ISDIR(here->mode))
		return err_set(e, ERR_FILE, ENOTDIR, "%.*s", (int)len, name);
	if (len == 1 && name[0] == '.')
		return 1;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		if (w->depth)
			w->depth--;
		return 1;
	}
	if (w->fs->ops->find(w->fs, here, name, len, &next, e) < 0)
		return -1;
	if (S_ISLNK(next.mode) && (follow || tail[strspn(tail, "/")]))
		return take_link(w, &next, tail, e);
	if (w->depth + 1 == DEPTH_MAX)
		return err_set(e, ERR_FILE, ENAMETOOLONG, "too many folders in each other");
	w->stack[++w->depth] = next;
	return 1;
}

static int walk_path(struct walk *w, bool follow, struct rawfs_node *ret, struct err *e)
{
	size_t at = 0;

	if (w->rest.failed)
		return err_set(e, ERR_NOMEM, 0, "path");
	if (w->fs->ops->root(w->fs, &w->stack[0], e) < 0)
		return -1;
	for (;;) {
		const char *p = strbuf_str(&w->rest) + at;
		size_t blanks = strspn(p, "/"), len = strcspn(p + blanks, "/");
		int rc;

		p += blanks;
		if (!len)
			break;
		rc = step(w, p, len, p + len, follow, e);
		if (rc < 0)
			return -1;
		at = rc ? at + blanks + len : 0; /* 0: the rest was replaced by a link's text */
	}
	*ret = w->stack[w->depth];
	return 0;
}

int rawfs_lookup(struct rawfs *fs, const char *path, bool follow, struct rawfs_node *ret,
		 struct err *e)
{
	struct walk *w;
	int rc;

	if (strlen(path) > PATH_LIMIT)
		return err_set(e, ERR_FILE, ENAMETOOLONG, "a path of %zu bytes", strlen(path));
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, ERR_NOMEM, 0, "%s", path);
	w->fs = fs;
	strbuf_adds(&w->rest, path);
	rc = walk_path(w, follow, ret, e);
	strbuf_done(&w->rest);
	strbuf_done(&w->link);
	free(w);
	return rc < 0 ? err_ctx(e, "%s", path) : 0;
}

bool rawfs_is_file(struct rawfs *fs, const char *path)
{
	struct rawfs_node n;

	return rawfs_lookup(fs, path, true, &n, NULL) == 0 && S_ISREG(n.mode) && n.size_bytes > 0;
}

bool rawfs_is_dir(struct rawfs *fs, const char *path)
{
	struct rawfs_node n;

	return rawfs_lookup(fs, path, true, &n, NULL) == 0 && S_ISDIR(n.mode);
}

/* ---- content ---- */

int rawfs_map_add(struct rawfs *fs, struct rawfs_map *m, struct rawfs_run run, struct err *e)
{
	struct rawfs_run *last = m->count ? &m->runs[m->count - 1] : NULL;
	bool zeros = run.is_hole || run.is_unwritten;

	if (!run.bytes)
		return 0;
	if (!zeros && (run.at_bytes > fs->size_bytes || run.bytes > fs->size_bytes - run.at_bytes))
		return err_set(e, ERR_RAWFS, 0, "a block lies outside the file system");
	if (!zeros)
		run.at_bytes += fs->start_bytes;
	m->mapped_bytes += run.bytes;
	if (last && last->is_hole == run.is_hole && last->is_unwritten == run.is_unwritten &&
	    (zeros || last->at_bytes + last->bytes == run.at_bytes)) {
		last->bytes += run.bytes;
		return 0;
	}
	if (m->count == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct rawfs_run *grown = cap <= RAWFS_RUNS_MAX
						  ? realloc(m->runs, cap * sizeof(*grown))
						  : NULL;

		if (!grown)
			return err_set(e, cap > RAWFS_RUNS_MAX ? ERR_LIMIT : ERR_NOMEM, 0,
				       "a file in %zu pieces", m->count);
		m->runs = grown;
		m->cap = cap;
	}
	m->runs[m->count++] = run;
	return 0;
}

/* The node of a regular file and its map, whose runs the caller frees. */
static int map_path(struct rawfs *fs, const char *path, struct rawfs_node *node,
		    struct rawfs_map *map, struct err *e)
{
	if (rawfs_lookup(fs, path, true, node, e) < 0)
		return -1;
	if (!S_ISREG(node->mode))
		return err_set(e, ERR_FILE, S_ISDIR(node->mode) ? EISDIR : EINVAL, "%s", path);
	if (fs->ops->map(fs, node, map, e) < 0)
		return err_ctx(e, "%s", path);
	return 0;
}

/* The first len bytes along the map into buf, which is zeroed. */
static int copy_runs(struct rawfs *fs, const struct rawfs_map *m, uint8_t *buf, size_t len,
		     struct err *e)
{
	size_t done = 0, i;

	for (i = 0; i < m->count && done < len; i++) {
		const struct rawfs_run *r = &m->runs[i];
		size_t n = r->bytes < len - done ? (size_t)r->bytes : len - done;

		if (!r->is_hole && !r->is_unwritten &&
		    rawdisk_read(fs->disk, r->at_bytes, buf + done, n, e) < 0)
			return -1;
		done += n;
	}
	return 0;
}

int rawfs_read(struct rawfs *fs, const char *path, struct strbuf *ret, size_t limit, struct err *e)
{
	struct rawfs_map map = { 0 };
	struct rawfs_node node;
	char *buf = NULL;
	int rc = map_path(fs, path, &node, &map, e);

	if (rc == 0 && node.size_bytes > limit)
		rc = err_set(e, ERR_LIMIT, 0, "%s has %llu bytes", path,
			     (unsigned long long)node.size_bytes);
	if (rc == 0 && !(buf = calloc(1, (size_t)node.size_bytes + 1)))
		rc = err_set(e, ERR_NOMEM, 0, "%s", path);
	if (rc == 0)
		rc = copy_runs(fs, &map, (uint8_t *)buf, (size_t)node.size_bytes, e);
	free(map.runs);
	if (rc < 0) {
		free(buf);
		return -1;
	}
	strbuf_done(ret);
	*ret = (struct strbuf){ .data = buf,
				.len = (size_t)node.size_bytes,
				.cap = (size_t)node.size_bytes + 1 };
	return 0;
}

int rawfs_read_head(struct rawfs *fs, const char *path, void *buf, size_t len, size_t *ret_len,
		    struct err *e)
{
	struct rawfs_map map = { 0 };
	struct rawfs_node node;
	int rc = map_path(fs, path, &node, &map, e);

	memset(buf, 0, len);
	if (rc == 0) {
		if (node.size_bytes < len)
			len = (size_t)node.size_bytes;
		rc = copy_runs(fs, &map, buf, len, e);
		*ret_len = len;
	}
	free(map.runs);
	return rc;
}

int rawfs_map_file(struct rawfs *fs, const char *path, struct rawfs_node *node,
		   struct rawfs_extent *ret, struct err *e)
{
	struct rawfs_extent sum = { 0 };
	struct rawfs_map map = { 0 };
	struct rawfs_node n;
	int rc = map_path(fs, path, &n, &map, e);
	size_t i;

	for (i = 0; i < map.count; i++) {
		if (map.runs[i].is_unwritten)
			sum.unwritten_bytes += map.runs[i].bytes;
		else if (map.runs[i].is_hole)
			sum.hole_bytes += map.runs[i].bytes;
	}
	free(map.runs);
	if (rc < 0)
		return -1;
	if (node)
		*node = n;
	if (ret)
		*ret = sum;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int rawfs_list(struct rawfs *fs, const char *path, struct strlist *ret, struct err *e)
{
	struct rawfs_node n;

	if (rawfs_lookup(fs, path, true, &n, e) < 0)
		return -1;
	if (!S_ISDIR(n.mode))
		return err_set(e, ERR_FILE, ENOTDIR, "%s", path);
	if (fs->ops->list(fs, &n, ret, e) < 0)
		return err_ctx(e, "%s", path);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
	return 0;
}
