/* SPDX-License-Identifier: MIT */
/* From sector 0 to a loader's core, and through our own loader by S. */
#include <string.h>
#include <strings.h>

#include "disk/grubcore.h"
#include "job/bootview_priv.h"
#include "job/grub_menu.h"
#include "job/loader.h"

#define CHAIN_MAX 3 /* loaders after another: ours, then one of the systems' */
#define S_BYTES 512u

/* ---- which core is it ---- */

static bool equals_file(struct view_fs *f, const char *path, const struct grub_core *core)
{
	struct strbuf image cleanup_strbuf = STRBUF_INIT;

	return rawfs_read(f->fs, path, &image, GRUB_CORE_MAX_BYTES, NULL) == 0 &&
	       grub_core_equals(core, strbuf_str(&image), image.len);
}

/* The files a core may have been made from, ours first. */
static const char *const core_files[] = {
	LOADER_DIR "/core.img",
	"boot/grub/i386-pc/core.img",
	"grub/i386-pc/core.img",
	REHOST_DIR "/tree/boot/grub/i386-pc/core.img",
	REHOST_DIR "/tree/grub/i386-pc/core.img",
};

/* Index into core_files; -1: none has it. */
static int find_core_file(struct view *v, const struct grub_core *core, struct view_fs **ret)
{
	unsigned i, n;

	for (i = 0; i < ARRAY_SIZE(core_files); i++)
		for (n = 0; n < v->fs_count; n++)
			if (rawfs_kind(v->fs[n].fs) == RAWFS_EXT &&
			    equals_file(&v->fs[n], core_files[i], core)) {
				*ret = &v->fs[n];
				return (int)i;
			}
	return -1;
}

static void describe_core(struct view *v, const struct grub_core *core, const char *file)
{
	json_t *o = json_object();

	json_object_set_new(o, "lba", json_integer((json_int_t)core->lba));
	json_object_set_new(o, "sectors", json_integer((json_int_t)core->sectors));
	json_object_set_new(o, "decoded", json_boolean(core->is_decoded));
	json_object_set_new(o, "prefix", json_text(core->prefix));
	json_object_set_new(o, "equals", json_text(file));
	json_decref(v->out->core);
	v->out->core = o;
}

static enum boot_outcome follow_core_at(struct view *v, const struct grub_core *core)
{
	struct view_fs *owner = NULL;
	int file = find_core_file(v, core, &owner);
	bool planned = v->j.loader == LOADER_BIOS && core->lba && v->j.loader_lba == core->lba;

	describe_core(v, core, file < 0 ? NULL : core_files[file]);
	view_step(v, core->is_decoded, "core of %zu sectors at sector %llu%s%s", core->sectors,
		  (unsigned long long)core->lba, file < 0 ? "" : ", the same as /",
		  file < 0 ? "" : core_files[file]);
	if (file == 0) {
		v->loader_fs = owner;
		return view_follow_private(v);
	}
	if (planned)
		return view_end(v, BOOT_NOTHING,
				"the private loader's core differs from its file on the disk");
	return view_follow_core(v, core);
}

/* A sector 0, from the disk or from a file that was made of one. */
static enum boot_outcome follow_sector0(struct view *v, const uint8_t *sector)
{
	struct grub_core core = { 0 };
	struct err e = ERR_INIT;
	enum boot_outcome end;
	uint64_t lba;

	if (grub_core_locate(sector, &lba, &e) < 0 || grub_core_read(&core, &v->disk, lba, &e) < 0)
		return view_end(v, BOOT_NOTHING, "%s", e.nctx ? e.ctx[0] : err_info(e.code)->title);
	end = follow_core_at(v, &core);
	grub_core_done(&core);
	return end;
}

enum boot_outcome view_follow_bios(struct view *v)
{
	uint8_t sector[RAW_SECTOR];

	if (rawdisk_read(&v->disk, 0, sector, sizeof(sector), NULL) < 0)
		return view_end(v, BOOT_NOTHING, "sector 0 cannot be read");
	return follow_sector0(v, sector);
}

/* ---- our own loader ---- */

/* Exactly what load_env takes: the mark, then lines, and 512 bytes in all. */
static char *read_s(struct view *v)
{
	static const char mark[] = "# GRUB Environment Block\n";
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (rawfs_read(v->loader_fs->fs, LOADER_S, &text, S_BYTES, NULL) < 0 ||
	    text.len != S_BYTES || memcmp(text.data, mark, strlen(mark)) != 0)
		return NULL;
	return grubenv_get(text.data, text.len, "rehost");
}

static enum boot_outcome follow_rescue(struct view *v)
{
	bool ok = view_check_file(v, v->loader_fs, LOADER_DIR "/vmlinuz", FILE_KERNEL);

	ok = view_check_file(v, v->loader_fs, LOADER_DIR "/initrd", FILE_INITRD) && ok;
	ok = view_check_file(v, v->loader_fs, LOADER_DIR "/conf.cpio", FILE_INITRD) && ok;
	return ok ? view_end(v, BOOT_RESCUE, "the planted rescue starts")
		  : view_end(v, BOOT_NOTHING, "the planted rescue cannot be read");
}

static enum boot_outcome follow_old(struct view *v)
{
	uint8_t sector[RAW_SECTOR];
	size_t len = 0;

	if (rawfs_read_head(v->loader_fs->fs, LOADER_DIR "/old-sector0", sector, sizeof(sector),
			    &len, NULL) < 0 ||
	    len != sizeof(sector) || sector[510] != 0x55 || sector[511] != 0xaa) {
		view_step(v, false, "the old system's boot sector cannot be read");
		return follow_rescue(v);
	}
	view_step(v, true, "the old system's boot sector");
	return follow_sector0(v, sector);
}

/* The core.img that grub-install made in the live tree, wherever its /boot is. */
static enum boot_outcome follow_clone(struct view *v)
{
	static const char *const paths[] = { "/grub/i386-pc/core.img",
					     "/boot/grub/i386-pc/core.img" };
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	struct grub_core core = { 0 };
	struct err e = ERR_INIT;
	enum boot_outcome end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (rawfs_is_file(v->loader_fs->fs, paths[i]))
			break;
	if (i == ARRAY_SIZE(paths) ||
	    rawfs_read(v->loader_fs->fs, paths[i], &image, GRUB_CORE_MAX_BYTES, &e) < 0 ||
	    grub_core_parse(&core, strbuf_str(&image), image.len, &e) < 0) {
		view_step(v, false, "the clone's core.img cannot be read");
		return follow_rescue(v);
	}
	view_step(v, true, "the clone's loader, %s", paths[i]);
	describe_core(v, &core, paths[i] + 1);
	end = view_follow_core(v, &core);
	grub_core_done(&core);
	return end;
}

/* The start after a trial: by then S says rescue. */
static void look_behind_trial(struct view *v)
{
	char why[sizeof(v->out->why)];
	json_t *tree = v->out->tree ? json_incref(v->out->tree) : NULL;

	memcpy(why, v->out->why, sizeof(why));
	v->then = follow_rescue(v);
	v->has_then = true;
	memcpy(v->out->why, why, sizeof(why));
	json_decref(v->out->tree);
	v->out->tree = tree;
}

enum boot_outcome view_follow_private(struct view *v)
{
	char *s cleanup_free = NULL;
	enum boot_outcome end;

	if (++v->chained > CHAIN_MAX)
		return view_end(v, BOOT_NOTHING, "the private loader starts itself");
	strcpy(v->out->via, "private-loader");
	if (!view_check_file(v, v->loader_fs, LOADER_DIR "/grub.cfg", FILE_ANY))
		return view_end(v, BOOT_NOTHING, "the private loader has no configuration");
	s = read_s(v);
	snprintf(v->out->s, sizeof(v->out->s), "%s", s ? s : "damaged");
	view_step(v, s != NULL, "S says %s", v->out->s);
	if (s && strcmp(s, "old") == 0)
		return follow_old(v);
	if (s && strcmp(s, "clone") == 0)
		return follow_clone(v);
	if (s && strcmp(s, "clone-once") == 0) {
		end = follow_clone(v);
		look_behind_trial(v);
		return end;
	}
	if (!s || strcmp(s, "rescue") != 0)
		strcpy(v->out->s, "damaged");
	return follow_rescue(v);
}
