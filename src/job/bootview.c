/* SPDX-License-Identifier: MIT */
#include "job/bootview.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "disk/rawfs.h"
#include "job/bootview_priv.h"
#include "job/loader.h"

#define HASH_MAX ((size_t)512 * 1024 * 1024)

const char *boot_outcome_name(enum boot_outcome o)
{
	static const char *const names[] = {
		[BOOT_NOTHING] = "nothing", [BOOT_OLD] = "old",		[BOOT_RESCUE] = "rescue",
		[BOOT_CLONE] = "clone",	    [BOOT_UNKNOWN] = "unknown",
	};

	return names[o];
}

/* ---- steps ---- */

static void add_step(struct view *v, bool ok, const char *text, const char *sha256)
{
	json_t *o;

	if (v->is_asking)
		return;
	o = json_object();
	json_object_set_new(o, "ok", json_boolean(ok));
	json_object_set_new(o, "text", json_text(text));
	if (sha256)
		json_object_set_new(o, "sha256", json_string(sha256));
	json_array_append_new(v->out->steps, o);
}

bool view_step(struct view *v, bool ok, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_step(v, ok, text, NULL);
	return ok;
}

enum boot_outcome view_end(struct view *v, enum boot_outcome o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->out->why, sizeof(v->out->why), fmt, ap);
	va_end(ap);
	add_step(v, o != BOOT_NOTHING && o != BOOT_UNKNOWN, v->out->why, NULL);
	return o;
}

/* ---- file systems ---- */

struct view_fs *view_find_uuid(struct view *v, const char *uuid)
{
	unsigned i;

	for (i = 0; i < v->fs_count; i++)
		if (strcasecmp(rawfs_uuid(v->fs[i].fs), uuid) == 0)
			return &v->fs[i];
	return NULL;
}

struct view_fs *view_find_part(struct view *v, unsigned number)
{
	unsigned i;

	for (i = 0; i < v->fs_count; i++)
		if (v->fs[i].part->number == number)
			return &v->fs[i];
	return NULL;
}

static void open_filesystems(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->disk.part_count && v->fs_count < VIEW_FS_MAX; i++) {
		struct view_fs *f = &v->fs[v->fs_count];

		f->part = &v->disk.parts[i];
		if (rawfs_open(&f->fs, &v->disk, f->part, NULL) == 0)
			v->fs_count++;
	}
	/* The script in the private core takes the first partition that has it. */
	for (i = 0; i < v->fs_count && !v->loader_fs; i++)
		if (rawfs_kind(v->fs[i].fs) == RAWFS_EXT &&
		    rawfs_is_file(v->fs[i].fs, LOADER_DIR "/grub.cfg"))
			v->loader_fs = &v->fs[i];
}

/* ---- J, and which tree is live ---- */

static void load_j(struct view *v)
{
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	unsigned i;

	strcpy(v->out->j_state, "none");
	for (i = 0; i < v->fs_count; i++) {
		struct rawfs_node n;

		if (rawfs_lookup(v->fs[i].fs, "/" RECORD_PATH, false, &n, &e) == 0)
			break;
		err_clear(&e);
	}
	if (i == v->fs_count)
		return;
	if (rawfs_read(v->fs[i].fs, "/" RECORD_PATH, &image, 2 * RECORD_SLOT_BYTES, &e) < 0 ||
	    record_decode(&v->j, strbuf_str(&image), image.len, &e) < 0) {
		v->is_j_damaged = true;
		strcpy(v->out->j_state, "damaged");
		view_step(v, false, "J on partition %u cannot be read: %s", v->fs[i].part->number,
			  e.nctx ? e.ctx[0] : err_info(e.code)->title);
		return;
	}
	snprintf(v->out->j_state, sizeof(v->out->j_state), "%s", job_state_name(v->j.state));
}

static const struct switch_fs *find_plan(const struct view *v, const char *uuid)
{
	unsigned i;

	for (i = 0; i < v->j.fs_count; i++)
		if (strcasecmp(v->j.filesystems[i].uuid, uuid) == 0)
			return &v->j.filesystems[i];
	return NULL;
}

/* By inode: what the name is in the live root. A name that is neither is the running system's own doing. */
static enum tree_kind tell_tree(const struct view_fs *f, const struct switch_fs *plan)
{
	unsigned i, old = 0, clone = 0;

	for (i = 0; i < plan->entry_count; i++) {
		const struct switch_entry *x = &plan->entries[i];
		char path[NAME_MAX + 2];
		struct rawfs_node n;
		uint64_t ino = 0;

		snprintf(path, sizeof(path), "/%s", x->name);
		if (rawfs_lookup(f->fs, path, false, &n, NULL) == 0)
			ino = n.ino;
		if (x->old_ino == x->new_ino)
			continue;
		if (ino == x->old_ino)
			old++;
		else if (ino == x->new_ino)
			clone++;
	}
	if (old && clone)
		return TREE_MIXED;
	return old ? TREE_OLD : clone ? TREE_CLONE : TREE_UNTOLD;
}

/* Before the switch there is no plan, and the old system is live. */
static enum tree_kind tell_by_state(enum job_state s)
{
	switch (s) {
	case JOB_SWITCHED:
	case JOB_TRIAL:
	case JOB_CONFIRMED:
	case JOB_RELEASING:
		return TREE_CLONE;
	case JOB_SWITCHING:
	case JOB_UNDOING:
		return TREE_UNTOLD;
	default:
		return TREE_OLD;
	}
}

static void tell_trees(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->fs_count; i++) {
		const struct switch_fs *plan = find_plan(v, rawfs_uuid(v->fs[i].fs));

		v->fs[i].kind = v->is_j_damaged ? TREE_UNTOLD
				: plan		? tell_tree(&v->fs[i], plan)
						: tell_by_state(v->j.state);
	}
}

/* ---- files ---- */

static bool has_initrd_head(const uint8_t *p, size_t len)
{
	static const struct {
		size_t len;
		const char *magic;
	} heads[] = {
		{ 6, "070701" },	   { 6, "070702" },
		{ 2, "\x1f\x8b" },	   { 6, "\xfd\x37zXZ\0" },
		{ 4, "\x28\xb5\x2f\xfd" }, { 4, "\x02\x21\x4c\x18" },
		{ 4, "\x04\x22\x4d\x18" }, { 3, "BZh" },
		{ 4, "\x89LZO" },	   { 3, "\x5d\0\0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (len >= heads[i].len && memcmp(p, heads[i].magic, heads[i].len) == 0)
			return true;
	return false;
}

/* Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, syssize (16 bytes each) at 0x1f4, "HdrS" at 0x202. */
static const char *kernel_flaw(const uint8_t *p, size_t len, uint64_t size)
{
	uint64_t setup, rest;

	if (len < 0x206 || memcmp(p + 0x202, "HdrS", 4) != 0)
		return "is not a Linux kernel";
	setup = ((p[0x1f1] ? p[0x1f1] : 4) + 1u) * (uint64_t)512;
	rest = (uint64_t)get_le32(p + 0x1f4) * 16;
	return setup + rest > size ? "is shorter than its header says" : NULL;
}

static bool hash_file(struct view_fs *f, const char *path, char ret[SHA256_HEX_LEN + 1])
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	uint8_t digest[SHA256_LEN];

	if (rawfs_read(f->fs, path, &data, HASH_MAX, NULL) < 0)
		return false;
	sha256_of(strbuf_str(&data), data.len, digest);
	hex_of(digest, sizeof(digest), ret);
	return true;
}

bool view_check_file(struct view *v, struct view_fs *f, const char *path, enum file_kind kind)
{
	char hex[SHA256_HEX_LEN + 1], text[600];
	struct rawfs_extent gaps = { 0 };
	struct err e = ERR_INIT;
	struct rawfs_node n;
	uint8_t head[0x210];
	const char *flaw = NULL;
	size_t len = 0;

	if (rawfs_map_file(f->fs, path, &n, &gaps, &e) < 0 ||
	    rawfs_read_head(f->fs, path, head, sizeof(head), &len, &e) < 0)
		return view_step(v, false, "partition %u: %s cannot be read: %s%s%s",
				 f->part->number, path, e.nctx ? e.ctx[0] : err_info(e.code)->title,
				 e.sys ? ": " : "", e.sys ? strerror(e.sys) : "");
	if (!n.size_bytes)
		flaw = "is empty";
	else if (gaps.unwritten_bytes)
		flaw = "has parts that were never written";
	else if (kind == FILE_KERNEL)
		flaw = kernel_flaw(head, len, n.size_bytes);
	else if (kind == FILE_INITRD && !has_initrd_head(head, len))
		flaw = "is not an initramfs";
	else if (kind == FILE_EFI && (len < 64 || memcmp(head, "MZ", 2) != 0))
		flaw = "is not an EFI program";
	if (flaw)
		return view_step(v, false, "partition %u: %s %s", f->part->number, path, flaw);
	if (v->options->hash && !hash_file(f, path, hex))
		return view_step(v, false, "partition %u: %s cannot be read", f->part->number,
				 path);
	snprintf(text, sizeof(text), "partition %u: %s, %llu bytes", f->part->number, path,
		 (unsigned long long)n.size_bytes);
	add_step(v, true, text, v->options->hash ? hex : NULL);
	return true;
}

/* ---- the whole ---- */

static void describe_filesystems(struct view *v)
{
	static const char *const kinds[] = { [TREE_UNTOLD] = "untold",
					     [TREE_OLD] = "old",
					     [TREE_CLONE] = "clone",
					     [TREE_MIXED] = "mixed" };
	unsigned i;

	for (i = 0; i < v->fs_count; i++) {
		const struct view_fs *f = &v->fs[i];
		json_t *o = json_object();

		json_object_set_new(o, "partition", json_integer(f->part->number));
		json_object_set_new(o, "type",
				    json_string(rawfs_kind(f->fs) == RAWFS_FAT ? "fat" : "ext"));
		json_object_set_new(o, "uuid", json_text(rawfs_uuid(f->fs)));
		json_object_set_new(o, "needs_recovery", json_boolean(rawfs_needs_recovery(f->fs)));
		if (rawfs_kind(f->fs) != RAWFS_FAT)
			json_object_set_new(o, "live", json_string(kinds[f->kind]));
		json_array_append_new(v->out->filesystems, o);
	}
}

static void close_view(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->fs_count; i++)
		rawfs_close(v->fs[i].fs);
	record_done(&v->j);
	rawdisk_close(&v->disk);
}

int bootview_look(struct bootview *ret, const char *disk_path, const struct bootview_options *o,
		  struct err *e)
{
	struct bootview out = { .starts = BOOT_NOTHING, .then = BOOT_NOTHING };
	struct view v = { .disk = RAWDISK_INIT, .options = o, .out = &out };

	if (rawdisk_open(&v.disk, disk_path, e) < 0)
		return -1;
	out.steps = json_array();
	out.filesystems = json_array();
	open_filesystems(&v);
	load_j(&v);
	tell_trees(&v);
	describe_filesystems(&v);
	out.starts = o->uefi || o->efi_path ? view_follow_uefi(&v) : view_follow_bios(&v);
	out.then = v.has_then ? v.then : out.starts;
	close_view(&v);
	*ret = out;
	return 0;
}

void bootview_done(struct bootview *b)
{
	json_decref(b->core);
	json_decref(b->tree);
	json_decref(b->choices);
	json_decref(b->filesystems);
	json_decref(b->steps);
	*b = (struct bootview){ 0 };
}

static const char *choice(const struct bootview *b, const char *word)
{
	const char *end = json_string_value(json_object_get(b->choices, word));

	return end ? end : "nothing";
}

int bootview_prove_planted(const char *disk_path, const char *efi_path, struct err *e)
{
	const struct bootview_options o = { .uefi = efi_path != NULL, .efi_path = efi_path };
	struct bootview b;
	int rc = 0;

	if (bootview_look(&b, disk_path, &o, e) < 0)
		return -1;
	if (!b.choices || (strcmp(b.s, "old") != 0 && strcmp(b.s, "rescue") != 0))
		rc = err_set(e, ERR_LOADER_PROOF, 0, "%s starts %s: %s", disk_path,
			     boot_outcome_name(b.starts), b.why);
	else if (strcmp(choice(&b, "rescue"), "rescue") != 0)
		rc = err_set(e, ERR_LOADER_PROOF, 0,
			     "the rescue's kernel or initramfs on %s cannot be read by GRUB",
			     disk_path);
	else if (strcmp(choice(&b, "old"), "old") != 0)
		log_warn("loader: that S=old starts the old system cannot be told: %s", b.why);
	bootview_done(&b);
	return rc;
}

static json_t *text_or_null(const char *s)
{
	return *s ? json_text(s) : json_null();
}

json_t *bootview_json(const struct bootview *b)
{
	json_t *o = json_object();

	json_object_set_new(o, "starts", json_string(boot_outcome_name(b->starts)));
	json_object_set_new(o, "then", json_string(boot_outcome_name(b->then)));
	json_object_set_new(o, "via", text_or_null(b->via));
	json_object_set_new(o, "why", json_text(b->why));
	json_object_set_new(o, "s", text_or_null(b->s));
	json_object_set_new(o, "j_state", json_string(b->j_state));
	json_object_set(o, "core", b->core ? b->core : json_null());
	json_object_set(o, "tree", b->tree ? b->tree : json_null());
	json_object_set(o, "choices", b->choices ? b->choices : json_null());
	json_object_set(o, "filesystems", b->filesystems);
	json_object_set(o, "steps", b->steps);
	return o;
}
