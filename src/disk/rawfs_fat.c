/* SPDX-License-Identifier: MIT */
/*
 * FAT12, FAT16 and FAT32 with long names, for reading the EFI system partition. Layout: Microsoft's "FAT: General
 * Overview of On-Disk Format" 1.03. The kind follows from the number of clusters and from nothing else.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "disk/rawfs_priv.h"

#define ENTRY 32u
#define DIR_MAX_BYTES (65536u * ENTRY) /* the format's own limit */
#define WINDOW 65536u

#define ATTR_VOLUME 0x08
#define ATTR_DIRECTORY 0x10
#define ATTR_LONG 0x0f /* all of the low four: part of a long name */

struct fat {
	unsigned bits; /* 12, 16, 32 */
	uint32_t cluster_bytes, clusters, root_cluster;
	uint64_t fat_at, fat_bytes, root_at, root_bytes, data_at; /* from the partition's start */
	uint8_t window[WINDOW];					  /* of the table */
	uint64_t window_at, window_len;
};

static int read_at(struct rawfs *fs, uint64_t at, void *buf, size_t len, struct err *e)
{
	if (at > fs->size_bytes || len > fs->size_bytes - at)
		return err_set(e, ERR_RAWFS, 0, "FAT: something lies outside the partition");
	return rawdisk_read(fs->disk, fs->start_bytes + at, buf, len, e);
}

/* Numbers of the first sector. 0: it is no FAT. */
static int parse_boot_sector(struct fat *f, const uint8_t *s, uint64_t partition_bytes)
{
	uint32_t sector = get_le16(s + 11), per_cluster = s[13], reserved = get_le16(s + 14);
	uint32_t copies = s[16], root_entries = get_le16(s + 17), fat_sectors = get_le16(s + 22);
	uint64_t total = get_le16(s + 19), data, clusters;

	if (s[510] != 0x55 || s[511] != 0xaa || (s[0] != 0xeb && s[0] != 0xe9))
		return 0;
	if (sector < 512 || sector > 4096 || (sector & (sector - 1)) || !per_cluster ||
	    (per_cluster & (per_cluster - 1)) || !reserved || !copies || copies > 2)
		return 0;
	if (!total)
		total = get_le32(s + 32);
	if (!fat_sectors)
		fat_sectors = get_le32(s + 36);
	f->fat_at = (uint64_t)reserved * sector;
	f->fat_bytes = (uint64_t)fat_sectors * sector;
	f->root_at = f->fat_at + copies * f->fat_bytes;
	f->root_bytes = ((uint64_t)root_entries * ENTRY + sector - 1) / sector * sector;
	f->data_at = f->root_at + f->root_bytes;
	data = f->data_at / sector;
	if (!fat_sectors || total * sector > partition_bytes || data >= total)
		return 0;
	clusters = (total - data) / per_cluster;
	f->bits = clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32;
	/* FAT32 has its root in clusters and the other two do not. */
	if (!clusters || clusters > 0x0ffffff4 || (f->bits == 32) != (root_entries == 0) ||
	    (clusters + 2) * f->bits / 8 > f->fat_bytes)
		return 0;
	f->clusters = (uint32_t)clusters;
	f->cluster_bytes = sector * per_cluster;
	f->root_cluster = f->bits == 32 ? get_le32(s + 44) : 0;
	return 1;
}

static int fat_open(struct rawfs *fs, struct err *e)
{
	struct fat *f = calloc(1, sizeof(*f));
	uint8_t s[RAW_SECTOR];
	const uint8_t *id;

	if (!f)
		return err_set(e, ERR_NOMEM, 0, "FAT");
	if (fs->size_bytes < sizeof(s) ||
	    rawdisk_read(fs->disk, fs->start_bytes, s, sizeof(s), e) < 0 ||
	    !parse_boot_sector(f, s, fs->size_bytes)) {
		free(f);
		if (e)
			*e = (struct err){ .code = ERR_RAWFS };
		return -1;
	}
	id = s + (f->bits == 32 ? 67 : 39);
	snprintf(fs->uuid, sizeof(fs->uuid), "%02X%02X-%02X%02X", id[3], id[2], id[1], id[0]);
	fs->needs_recovery = false;
	fs->own = f;
	return 0;
}

static void fat_close(struct rawfs *fs)
{
	free(fs->own);
}

/* ---- the table ---- */

static int load_window(struct rawfs *fs, uint64_t at, struct err *e)
{
	struct fat *f = fs->own;
	uint64_t from = at / 4096 * 4096, len = f->fat_bytes - from;

	if (f->window_len && at >= f->window_at && at + 4 <= f->window_at + f->window_len)
		return 0;
	f->window_len = 0;
	if (len > WINDOW)
		len = WINDOW;
	if (read_at(fs, f->fat_at + from, f->window, (size_t)len, e) < 0)
		return -1;
	f->window_at = from;
	f->window_len = len;
	return 0;
}

/* The cluster after one; 0: the chain ends there. */
static int next_cluster(struct rawfs *fs, uint32_t cluster, uint32_t *ret, struct err *e)
{
	struct fat *f = fs->own;
	uint64_t at = (uint64_t)cluster * f->bits / 8, width = f->bits == 32 ? 4 : 2;
	uint32_t mask = f->bits == 32 ? 0x0fffffff : (1u << f->bits) - 1, v;
	const uint8_t *p;

	if (at + width > f->fat_bytes || load_window(fs, at, e) < 0)
		return err_set(e, ERR_RAWFS, 0, "FAT: cluster %u is not in the table", cluster);
	/* At the end of the table the window may hold fewer than four bytes more. */
	if (at + width > f->window_at + f->window_len)
		return err_set(e, ERR_RAWFS, 0, "FAT: cluster %u is not in the table", cluster);
	p = f->window + (at - f->window_at);
	v = f->bits == 32 ? get_le32(p) : get_le16(p);
	if (f->bits == 12 && cluster & 1)
		v >>= 4;
	v &= mask;
	if (v >= (mask & ~7u)) { /* end of chain */
		*ret = 0;
		return 0;
	}
	if (v < 2 || v - 2 >= f->clusters)
		return err_set(e, ERR_RAWFS, 0, "FAT: a chain leads to cluster %u", v);
	*ret = v;
	return 0;
}

/* The chain from first, at most limit bytes. exact: a shorter chain is an error. */
static int map_chain(struct rawfs *fs, uint32_t first, uint64_t limit, bool exact,
		     struct rawfs_map *ret, struct err *e)
{
	struct fat *f = fs->own;
	uint32_t cluster = first;
	uint64_t left = limit;

	if (first < 2 || first - 2 >= f->clusters)
		return err_set(e, ERR_RAWFS, 0, "FAT: a file begins at cluster %u", first);
	while (cluster && left) {
		uint64_t n = left < f->cluster_bytes ? left : f->cluster_bytes;
		struct rawfs_run run = { .at_bytes = f->data_at +
						     (uint64_t)(cluster - 2) * f->cluster_bytes,
					 .bytes = n };

		if (rawfs_map_add(fs, ret, run, e) < 0)
			return -1;
		left -= n;
		if (left && next_cluster(fs, cluster, &cluster, e) < 0)
			return -1;
	}
	if (exact && left)
		return err_set(e, ERR_RAWFS, 0, "FAT: a file is shorter than its size");
	return 0;
}

static int fat_map(struct rawfs *fs, const struct rawfs_node *n, struct rawfs_map *ret,
		   struct err *e)
{
	if (!n->size_bytes)
		return 0;
	return map_chain(fs, (uint32_t)n->ino, n->size_bytes, true, ret, e);
}

/* ---- directories ---- */

/* map.runs belongs to the caller, also after a failure. */
static int map_directory(struct rawfs *fs, const struct rawfs_node *dir, struct rawfs_map *ret,
			 struct err *e)
{
	struct fat *f = fs->own;

	if (dir->ino)
		return map_chain(fs, (uint32_t)dir->ino, DIR_MAX_BYTES, false, ret, e);
	ret->mapped_bytes = f->root_bytes;
	ret->runs = calloc(1, sizeof(*ret->runs));
	if (!ret->runs)
		return err_set(e, ERR_NOMEM, 0, "directory");
	ret->count = 1;
	ret->runs[0] = (struct rawfs_run){ .at_bytes = fs->start_bytes + f->root_at,
					   .bytes = f->root_bytes };
	return 0;
}

static int read_directory(struct rawfs *fs, const struct rawfs_node *dir, struct strbuf *ret,
			  struct err *e)
{
	struct rawfs_map map = { 0 };
	int rc = map_directory(fs, dir, &map, e);
	size_t i;

	for (i = 0; rc == 0 && i < map.count; i++) {
		size_t n = (size_t)map.runs[i].bytes;
		char *buf = malloc(n);

		if (!buf)
			rc = err_set(e, ERR_NOMEM, 0, "directory");
		else
			rc = rawdisk_read(fs->disk, map.runs[i].at_bytes, buf, n, e);
		if (rc == 0)
			strbuf_add(ret, buf, n);
		free(buf);
	}
	free(map.runs);
	if (rc == 0 && ret->failed)
		return err_set(e, ERR_NOMEM, 0, "directory");
	return rc;
}

struct long_name {
	uint16_t units[20 * 13];
	unsigned parts;	   /* how many entries it has; 0: none is being read */
	unsigned expected; /* number of the entry that must come next */
	uint8_t checksum;
};

static uint8_t short_checksum(const uint8_t *name)
{
	unsigned sum = 0, i;

	for (i = 0; i < 11; i++)
		sum = ((sum & 1 ? 0x80u : 0) + (sum >> 1) + name[i]) & 0xff;
	return (uint8_t)sum;
}

static void take_long_entry(struct long_name *l, const uint8_t *p)
{
	static const uint8_t at[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	unsigned number = p[0] & 0x1f, i;

	if (p[0] & 0x40) {
		*l = (struct long_name){ .parts = number, .expected = number, .checksum = p[13] };
	}
	if (!l->parts || number != l->expected || number == 0 || number > 20 ||
	    p[13] != l->checksum) {
		l->parts = 0;
		return;
	}
	for (i = 0; i < 13; i++)
		l->units[(number - 1) * 13 + i] = get_le16(p + at[i]);
	l->expected = number - 1;
}

/* UCS-2 as UTF-8; a surrogate or a NUL in the middle ends it. */
static void print_long(const struct long_name *l, char *buf, size_t size)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < l->parts * 13 && n + 4 < size; i++) {
		uint16_t u = l->units[i];

		if (!u || (u & 0xf800) == 0xd800)
			break;
		if (u < 0x80) {
			buf[n++] = (char)u;
		} else if (u < 0x800) {
			buf[n++] = (char)(0xc0 | u >> 6);
			buf[n++] = (char)(0x80 | (u & 0x3f));
		} else {
			buf[n++] = (char)(0xe0 | u >> 12);
			buf[n++] = (char)(0x80 | (u >> 6 & 0x3f));
			buf[n++] = (char)(0x80 | (u & 0x3f));
		}
	}
	buf[n] = '\0';
}

static void print_short(const uint8_t *p, char *buf)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < 8 && p[i] != ' '; i++)
		buf[n++] = (char)(p[12] & 0x08 ? tolower(p[i]) : p[i]);
	if (p[8] != ' ')
		buf[n++] = '.';
	for (i = 8; i < 11 && p[i] != ' '; i++)
		buf[n++] = (char)(p[12] & 0x10 ? tolower(p[i]) : p[i]);
	buf[n] = '\0';
}

/* Calls take for each name, at: of its entry in dir, until it returns not 0, which is returned. */
static int each_entry(struct rawfs *fs, const struct strbuf *dir,
		      int (*take)(void *arg, const char *name, const char *short_name,
				  const struct rawfs_node *n, size_t at),
		      void *arg)
{
	struct fat *f = fs->own;
	struct long_name l = { .parts = 0 };
	size_t at;

	for (at = 0; at + ENTRY <= dir->len; at += ENTRY) {
		const uint8_t *p = (const uint8_t *)dir->data + at;
		char name[20 * 13 * 3 + 8], short_name[16];
		uint32_t cluster = get_le16(p + 26);
		struct rawfs_node n;
		int rc;

		if (p[0] == 0)
			break;
		if (p[0] == 0xe5 || ((p[11] & ATTR_LONG) != ATTR_LONG && p[11] & ATTR_VOLUME)) {
			l.parts = 0;
			continue;
		}
		if ((p[11] & ATTR_LONG) == ATTR_LONG) {
			take_long_entry(&l, p);
			continue;
		}
		if (f->bits == 32)
			cluster |= (uint32_t)get_le16(p + 20) << 16;
		n = (struct rawfs_node){
			.ino = cluster,
			.mode = p[11] & ATTR_DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0755,
			.size_bytes = p[11] & ATTR_DIRECTORY ? 0 : get_le32(p + 28),
		};
		if (!cluster && S_ISDIR(n.mode)) /* ".." of a folder in the root */
			n.ino = f->root_cluster;
		print_short(p, short_name);
		if (l.parts && l.expected == 0 && l.checksum == short_checksum(p))
			print_long(&l, name, sizeof(name));
		else
			strcpy(name, short_name);
		l.parts = 0;
		rc = take(arg, name, short_name, &n, at);
		if (rc)
			return rc;
	}
	return 0;
}

static int fat_root(struct rawfs *fs, struct rawfs_node *ret, struct err *e)
{
	const struct fat *f = fs->own;

	(void)e;
	*ret = (struct rawfs_node){ .ino = f->root_cluster, .mode = S_IFDIR | 0755 };
	return 0;
}

struct wanted {
	const char *name;
	size_t len;
	struct rawfs_node *ret;
	size_t at; /* of its entry */
};

static bool same_name(const struct wanted *w, const char *name)
{
	return strlen(name) == w->len && strncasecmp(name, w->name, w->len) == 0;
}

static int compare_entry(void *arg, const char *name, const char *short_name,
			 const struct rawfs_node *n, size_t at)
{
	struct wanted *w = arg;

	if (!same_name(w, name) && !same_name(w, short_name))
		return 0;
	*w->ret = *n;
	w->at = at;
	return 1;
}

static int fat_find(struct rawfs *fs, const struct rawfs_node *dir, const char *name, size_t len,
		    struct rawfs_node *ret, struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	struct wanted w = { .name = name, .len = len, .ret = ret };

	if (read_directory(fs, dir, &data, e) < 0)
		return -1;
	if (!each_entry(fs, &data, compare_entry, &w))
		return err_set(e, ERR_FILE, ENOENT, "%.*s", (int)len, name);
	return 0;
}

static int take_name(void *arg, const char *name, const char *short_name,
		     const struct rawfs_node *n, size_t at)
{
	struct strlist *to = arg;

	(void)short_name, (void)n, (void)at;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	return to->count >= RAWFS_NAMES_MAX || strlist_add(to, name) < 0 ? -1 : 0;
}

static int fat_list(struct rawfs *fs, const struct rawfs_node *dir, struct strlist *ret,
		    struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;

	if (read_directory(fs, dir, &data, e) < 0)
		return -1;
	if (each_entry(fs, &data, take_name, ret) < 0)
		return err_set(e, ERR_LIMIT, 0, "more than %u names", RAWFS_NAMES_MAX);
	return 0;
}

int rawfs_fat_entry_at(struct rawfs *fs, const struct rawfs_node *dir, const char *name,
		       struct rawfs_node *ret, uint64_t *ret_at, struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	struct wanted w = { .name = name, .len = strlen(name), .ret = ret };
	struct rawfs_map map = { 0 };
	size_t i, left;
	int rc = -1;

	if (read_directory(fs, dir, &data, e) < 0)
		return -1;
	if (!each_entry(fs, &data, compare_entry, &w))
		return err_set(e, ERR_FILE, ENOENT, "%s", name);
	if (map_directory(fs, dir, &map, e) == 0) {
		for (i = 0, left = w.at; i < map.count && left >= map.runs[i].bytes; i++)
			left -= (size_t)map.runs[i].bytes;
		if (i < map.count) {
			*ret_at = map.runs[i].at_bytes + left;
			rc = 0;
		} else {
			err_set(e, ERR_RAWFS, 0, "FAT: a directory changed while it was read");
		}
	}
	free(map.runs);
	return rc;
}

const struct rawfs_ops rawfs_fat_ops = {
	.open = fat_open,
	.close = fat_close,
	.root = fat_root,
	.find = fat_find,
	.map = fat_map,
	.list = fat_list,
};
