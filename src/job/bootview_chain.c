/* SPDX-License-Identifier: MIT */
/* From sector 0 to a loader's core. */
#include <string.h>
#include <strings.h>

#include "disk/grubcore.h"
#include "job/bootview_priv.h"
#include "job/loader.h"

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
	"boot/grub2/i386-pc/core.img",
	"grub2/i386-pc/core.img",
	REHOST_DIR "/tree/boot/grub/i386-pc/core.img",
	REHOST_DIR "/tree/grub/i386-pc/core.img",
	REHOST_DIR "/tree/boot/grub2/i386-pc/core.img",
	REHOST_DIR "/tree/grub2/i386-pc/core.img",
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

enum boot_outcome view_follow_core_file(struct view *v, const struct grub_core *core,
					const char *file)
{
	describe_core(v, core, file);
	return view_follow_core(v, core);
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
	if (file == 0)
		return view_follow_private(v);
	if (planned)
		return view_end(v, BOOT_NOTHING,
				"the private loader's core differs from its file on the disk");
	return view_follow_core(v, core);
}

/* A sector 0, from the disk or from a file that was made of one. */
enum boot_outcome view_follow_sector0(struct view *v, const uint8_t *sector)
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
	return view_follow_sector0(v, sector);
}
