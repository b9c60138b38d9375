/* SPDX-License-Identifier: MIT */
/*
 * ext2/3/4 through libext2fs, which never replays a journal. Checksums are not asked for, because GRUB does not know
 * them either; features that GRUB cannot read are refused (tried with grub-fstest 2.06-13+deb12u2).
 */
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <string.h>
#include <sys/stat.h>
#include <uuid/uuid.h>

#include "base/bytes.h"
#include "disk/extfs.h"
#include "disk/rawfs_priv.h"

#define GROUPS_MAX (4u * 1024 * 1024) /* 512 TiB of the usual size */

static int damaged(struct err *e, errcode_t rc, const char *what)
{
	if (rc == EXT2_ET_NO_MEMORY)
		return err_set(e, ERR_NOMEM, 0, "%s", what);
	return err_set(e, ERR_RAWFS, 0, "%s (%s)", what, error_message(rc));
}

/* The superblock's own numbers, before libext2fs allocates by them. Not ext at all: ERR_RAWFS without words. */
static int check_super(const struct rawfs *fs, struct err *e)
{
	uint8_t s[EXTFS_SUPER_BYTES];
	uint64_t blocks, block_bytes;
	uint32_t per_group;
	const char *why;

	if (fs->size_bytes < EXTFS_SUPER_AT + sizeof(s) ||
	    rawdisk_read(fs->disk, fs->start_bytes + EXTFS_SUPER_AT, s, sizeof(s), e) < 0 ||
	    get_le16(s + 0x38) != EXT2_SUPER_MAGIC) {
		if (e)
			*e = (struct err){ .code = ERR_RAWFS };
		return -1;
	}
	per_group = get_le32(s + 0x20);
	if (get_le32(s + 0x18) > 6 || per_group < 8)
		return err_set(e, ERR_RAWFS, 0, "the superblock has impossible numbers");
	block_bytes = 1024u << get_le32(s + 0x18);
	blocks = get_le32(s + 0x04);
	if (get_le32(s + 0x60) & EXT4_FEATURE_INCOMPAT_64BIT)
		blocks |= (uint64_t)get_le32(s + 0x150) << 32;
	if (blocks > fs->size_bytes / block_bytes || blocks / per_group > GROUPS_MAX)
		return err_set(e, ERR_RAWFS, 0, "it is larger than the partition it lies on");
	why = extfs_why_unreadable(s);
	return why ? err_set(e, ERR_RAWFS, 0, "%s", why) : 0;
}

static int ext_open(struct rawfs *fs, struct err *e)
{
	ext2_filsys x = NULL;
	char options[64];
	errcode_t rc;

	if (check_super(fs, e) < 0)
		return -1;
	snprintf(options, sizeof(options), "offset=%llu", (unsigned long long)fs->start_bytes);
	rc = ext2fs_open2(fs->disk->path, options,
			  EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES |
				  EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SKIP_MMP,
			  0, 0, unix_io_manager, &x);
	if (rc) {
		if (x)
			ext2fs_free(x);
		return damaged(e, rc, "it cannot be opened");
	}
	fs->own = x;
	fs->needs_recovery = ext2fs_has_feature_journal_needs_recovery(x->super);
	uuid_unparse_lower(x->super->s_uuid, fs->uuid);
	snprintf(fs->label, sizeof(fs->label), "%.16s", (const char *)x->super->s_volume_name);
	return 0;
}

static void ext_close(struct rawfs *fs)
{
	ext2fs_free(fs->own); /* opened for reading: there is nothing to flush */
}

static int load_inode(struct rawfs *fs, ext2_ino_t ino, struct ext2_inode *inode, struct err *e)
{
	errcode_t rc = ext2fs_read_inode(fs->own, ino, inode);

	if (rc)
		return damaged(e, rc, "an inode cannot be read");
	if (!inode->i_mode || !inode->i_links_count)
		return err_set(e, ERR_RAWFS, 0, "inode %u is named and not in use", ino);
	if (inode->i_flags & EXT4_INLINE_DATA_FL || inode->i_flags & EXT4_ENCRYPT_FL)
		return err_set(e, ERR_RAWFS, 0, "inode %u is of a kind GRUB cannot read", ino);
	return 0;
}

static int load_node(struct rawfs *fs, ext2_ino_t ino, struct rawfs_node *ret, struct err *e)
{
	struct ext2_inode inode;

	if (load_inode(fs, ino, &inode, e) < 0)
		return -1;
	*ret = (struct rawfs_node){ .ino = ino,
				    .mode = inode.i_mode,
				    .size_bytes = EXT2_I_SIZE(&inode) };
	return 0;
}

static int ext_root(struct rawfs *fs, struct rawfs_node *ret, struct err *e)
{
	return load_node(fs, EXT2_ROOT_INO, ret, e);
}

static int ext_find(struct rawfs *fs, const struct rawfs_node *dir, const char *name, size_t len,
		    struct rawfs_node *ret, struct err *e)
{
	ext2_ino_t ino;
	errcode_t rc;

	if (len > EXT2_NAME_LEN)
		return err_set(e, ERR_FILE, ENAMETOOLONG, "%.40s...", name);
	rc = ext2fs_lookup(fs->own, (ext2_ino_t)dir->ino, name, (int)len, NULL, &ino);
	if (rc == EXT2_ET_FILE_NOT_FOUND)
		return err_set(e, ERR_FILE, ENOENT, "%.*s", (int)len, name);
	if (rc)
		return damaged(e, rc, "a directory cannot be read");
	return load_node(fs, ino, ret, e);
}

/* ---- where a file lies ---- */

struct mapping {
	struct rawfs *fs;
	struct rawfs_map *map;
	uint64_t block_bytes, blocks; /* of the file */
	uint64_t next;		      /* first block of the file not yet mapped */
	struct err *e;
	int rc;
};

/* Blocks first to first+count of the file lie at disk block at. What is left out before them is a hole. */
static int map_blocks(struct mapping *m, uint64_t first, uint64_t at, uint64_t count,
		      bool is_unwritten)
{
	uint64_t fs_blocks = m->fs->size_bytes / m->block_bytes;
	struct rawfs_run run = { .is_unwritten = is_unwritten };

	if (first < m->next)
		return err_set(m->e, ERR_RAWFS, 0, "a block of the file is mapped twice");
	if (first >= m->blocks)
		return 0; /* reserved behind the end */
	if (count > m->blocks - first)
		count = m->blocks - first;
	if (at >= fs_blocks || count > fs_blocks - at)
		return err_set(m->e, ERR_RAWFS, 0, "a block lies outside the file system");
	if (first > m->next &&
	    rawfs_map_add(m->fs, m->map,
			  (struct rawfs_run){ .bytes = (first - m->next) * m->block_bytes,
					      .is_hole = true },
			  m->e) < 0)
		return -1;
	run.at_bytes = at * m->block_bytes;
	run.bytes = count * m->block_bytes;
	m->next = first + count;
	return rawfs_map_add(m->fs, m->map, run, m->e);
}

static int map_extents(struct mapping *m, ext2_ino_t ino, struct ext2_inode *inode)
{
	ext2_extent_handle_t handle;
	struct ext2fs_extent x;
	errcode_t rc = ext2fs_extent_open2(m->fs->own, ino, inode, &handle);
	unsigned seen = 0;
	int done = 0;

	if (rc)
		return damaged(m->e, rc, "the list of a file's blocks cannot be read");
	rc = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &x);
	while (rc == 0 && done == 0) {
		/* The root of an inode without tree is its first leaf. */
		if (x.e_flags & EXT2_EXTENT_FLAGS_LEAF)
			done = map_blocks(m, x.e_lblk, x.e_pblk, x.e_len,
					  x.e_flags & EXT2_EXTENT_FLAGS_UNINIT);
		if (done == 0 && (m->next >= m->blocks || ++seen > RAWFS_RUNS_MAX))
			break;
		rc = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT_LEAF, &x);
	}
	ext2fs_extent_free(handle);
	if (done < 0)
		return -1;
	if (rc && rc != EXT2_ET_EXTENT_NO_NEXT && rc != EXT2_ET_NO_CURRENT_NODE)
		return damaged(m->e, rc, "the list of a file's blocks cannot be read");
	return 0;
}

static int take_block(ext2_filsys x, blk64_t *at, e2_blkcnt_t index, blk64_t ref, int offset,
		      void *arg)
{
	struct mapping *m = arg;

	(void)x, (void)ref, (void)offset;
	m->rc = map_blocks(m, (uint64_t)index, *at, 1, false);
	return m->rc < 0 || m->next >= m->blocks ? BLOCK_ABORT : 0;
}

static int ext_map(struct rawfs *fs, const struct rawfs_node *n, struct rawfs_map *ret,
		   struct err *e)
{
	ext2_filsys x = fs->own;
	struct mapping m = { .fs = fs, .map = ret, .block_bytes = x->blocksize, .e = e };
	struct ext2_inode inode;
	errcode_t rc;

	if (load_inode(fs, (ext2_ino_t)n->ino, &inode, e) < 0)
		return -1;
	m.blocks = n->size_bytes / m.block_bytes + (n->size_bytes % m.block_bytes != 0);
	if (!m.blocks)
		return 0;
	if (inode.i_flags & EXT4_EXTENTS_FL) {
		if (map_extents(&m, (ext2_ino_t)n->ino, &inode) < 0)
			return -1;
	} else {
		rc = ext2fs_block_iterate3(x, (ext2_ino_t)n->ino,
					   BLOCK_FLAG_DATA_ONLY | BLOCK_FLAG_READ_ONLY, NULL,
					   take_block, &m);
		if (m.rc < 0)
			return -1;
		if (rc)
			return damaged(e, rc, "the list of a file's blocks cannot be read");
	}
	if (m.next < m.blocks)
		return rawfs_map_add(fs, ret,
				     (struct rawfs_run){ .bytes = (m.blocks - m.next) *
								  m.block_bytes,
							 .is_hole = true },
				     e);
	return 0;
}

static int ext_readlink(struct rawfs *fs, const struct rawfs_node *n, struct strbuf *ret,
			struct err *e)
{
	struct ext2_inode inode;
	struct rawfs_map map = { 0 };
	char text[4096];
	int rc = 0;

	if (load_inode(fs, (ext2_ino_t)n->ino, &inode, e) < 0)
		return -1;
	if (n->size_bytes >= sizeof(text))
		return err_set(e, ERR_FILE, ENAMETOOLONG, "a link's text");
	memset(text, 0, sizeof(text));
	if (ext2fs_is_fast_symlink(&inode)) {
		memcpy(text, inode.i_block,
		       n->size_bytes < sizeof(inode.i_block) ? (size_t)n->size_bytes
							     : sizeof(inode.i_block));
	} else {
		rc = ext_map(fs, n, &map, e);
		if (rc == 0 && map.count && !map.runs[0].is_hole && !map.runs[0].is_unwritten)
			rc = rawdisk_read(fs->disk, map.runs[0].at_bytes, text,
					  map.runs[0].bytes < n->size_bytes
						  ? (size_t)map.runs[0].bytes
						  : (size_t)n->size_bytes,
					  e);
		free(map.runs);
	}
	strbuf_adds(ret, text);
	return rc < 0 || ret->failed ? -1 : 0;
}

/* ---- names of a directory ---- */

struct listing {
	struct strlist *to;
	bool failed;
};

static int take_name(ext2_ino_t dir, int entry, struct ext2_dir_entry *d, int offset,
		     int block_bytes, char *buf, void *arg)
{
	struct listing *l = arg;
	const char *name = d->name;
	size_t len = (size_t)ext2fs_dirent_name_len(d);

	(void)dir, (void)entry, (void)offset, (void)block_bytes, (void)buf;
	if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
		return 0;
	l->failed = l->to->count >= RAWFS_NAMES_MAX || strlist_addn(l->to, name, len) < 0;
	return l->failed ? DIRENT_ABORT : 0;
}

static int ext_list(struct rawfs *fs, const struct rawfs_node *dir, struct strlist *ret,
		    struct err *e)
{
	struct listing l = { .to = ret };
	errcode_t rc = ext2fs_dir_iterate2(fs->own, (ext2_ino_t)dir->ino, 0, NULL, take_name, &l);

	if (rc)
		return damaged(e, rc, "a directory cannot be read");
	return l.failed ? err_set(e, ERR_LIMIT, 0, "more than %u names", RAWFS_NAMES_MAX) : 0;
}

const struct rawfs_ops rawfs_ext_ops = {
	.open = ext_open,
	.close = ext_close,
	.root = ext_root,
	.find = ext_find,
	.map = ext_map,
	.readlink = ext_readlink,
	.list = ext_list,
};
