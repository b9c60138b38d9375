/* SPDX-License-Identifier: MIT */
/*
 * The private loader on BIOS: our GRUB core at the end of the gap (or of the BIOS boot partition), reached from sector 0. Writing sector 0
 * is the flip. The old loader stays where it is and is chain loaded from the copy of its sector 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "disk/bootarea.h"
#include "job/activate.h"
#include "job/loader_priv.h"
#include "job/switch.h"

#define SECTOR 512u
#define IMAGE_MAX (1024 * 1024)
#define CODE_BYTES 0x1b8 /* of sector 0; behind it disk signature and partition table */
/* Our core as it was written into the gap: where it is, and which sectors are ours. */
#define CORE_PLACED LOADER_DIR "/core.placed"
#define OLD_SECTOR0 LOADER_DIR "/old-sector0"
/* The rest of the boot area as it was. */
#define OLD_AREA LOADER_DIR "/old-area"
#define PLATFORM "i386-pc"

#define cleanup_bootarea __attribute__((cleanup(bootarea_done)))

/* Everything the steps below look at, read once. */
struct bios {
	const struct disk_scan *scan;
	unsigned disk;
	const char *path;
	struct bootarea area;
	struct strbuf boot_img, core_img; /* ours */
	struct strbuf placed;		  /* empty: nothing was ever placed */
	struct strbuf old_sector0;	  /* empty: not saved */
};

#define cleanup_bios __attribute__((cleanup(bios_done)))

static void bios_done(struct bios *b)
{
	bootarea_done(&b->area);
	strbuf_done(&b->boot_img);
	strbuf_done(&b->core_img);
	strbuf_done(&b->placed);
	strbuf_done(&b->old_sector0);
}

/* An optional file of ours. */
static int read_own(const struct root *fs, const char *path, struct strbuf *ret, struct err *e)
{
	struct stat st;

	if (root_lstat(fs, path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_FILE, errno, "/%s", path);
	return root_read(fs, path, ret, IMAGE_MAX, e);
}

static int read_area(struct bios *b, struct err *e)
{
	int fd cleanup_fd = open(b->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", b->path);
	if (bootarea_read(&b->area, fd, b->scan, b->disk, e) < 0)
		return err_ctx(e, "reading the boot area of %s", b->path);
	return 0;
}

static int bios_open(struct bios *b, const struct root *fs, const struct disk_scan *scan,
		     unsigned disk, struct err *e)
{
	*b = (struct bios){ .scan = scan, .disk = disk, .path = scan->disks[disk].path };
	if (read_area(b, e) < 0 || read_own(fs, LOADER_DIR "/boot.img", &b->boot_img, e) < 0 ||
	    read_own(fs, LOADER_DIR "/core.img", &b->core_img, e) < 0 ||
	    read_own(fs, CORE_PLACED, &b->placed, e) < 0 ||
	    read_own(fs, OLD_SECTOR0, &b->old_sector0, e) < 0)
		return -1;
	if (b->old_sector0.len != SECTOR)
		strbuf_done(&b->old_sector0);
	if (bootarea_core_lba(&b->placed) == 0)
		strbuf_done(&b->placed);
	return 0;
}

/* ---- what is there ---- */

static const char *area_at(const struct bootarea *a, uint64_t lba, size_t len)
{
	if (lba < a->embed_lba || lba - a->embed_lba > a->embed_sectors ||
	    len > (a->embed_sectors - (lba - a->embed_lba)) * SECTOR)
		return NULL;
	return a->embed.data + (lba - a->embed_lba) * SECTOR;
}

/* The placed core lies on the disk as it should. */
static bool core_is_there(const struct bios *b)
{
	const char *now = b->placed.len
				  ? area_at(&b->area, bootarea_core_lba(&b->placed), b->placed.len)
				  : NULL;

	return now && memcmp(now, b->placed.data, b->placed.len) == 0;
}

/* Sector 0 is the one we wrote: the flip has happened. */
static bool is_flipped(const struct bios *b)
{
	uint64_t lba = b->placed.len ? bootarea_core_lba(&b->placed) : 0;

	return lba && bootarea_sector0_lba(b->area.sector0.data) == lba;
}

/*
 * Sector 0 starts our core, and what was saved is gone (somebody deleted /.rehost): taken for the old system's, it would
 * chain load itself for ever. Told from the core past its block list and the numbers of its second sector.
 */
static bool is_orphan(const struct bios *b)
{
	uint64_t lba = bootarea_sector0_lba(b->area.sector0.data);
	const char *now = b->core_img.len > 2 * SECTOR ? area_at(&b->area, lba, b->core_img.len)
						       : NULL;

	return now && !is_flipped(b) &&
	       memcmp(now + 2 * SECTOR, b->core_img.data + 2 * SECTOR,
		      b->core_img.len - 2 * SECTOR) == 0;
}

/* ---- assess ---- */

static int assess_gap(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	struct bios b cleanup_bios = { 0 };
	struct root ram cleanup_root = ROOT_INIT;
	struct err why = ERR_INIT;
	uint64_t lba;

	if (bios_open(&b, loader_fs(t), &t->scan, t->boot_disk, &why) < 0) {
		if (why.code != ERR_NO_EMBED && why.code != ERR_TABLE) {
			*e = why;
			return -1;
		}
		return loader_say_no(ret, "%s: %s", t->scan.disks[t->boot_disk].path, why.ctx[0]);
	}
	if (b.core_img.len == 0 && root_open(&ram, LOADER_PAYLOAD_DIR, NULL) == 0 &&
	    read_own(&ram, "core.img", &b.core_img, e) < 0)
		return -1;
	/* How large it will be is not known before there is one; that it is missing is said elsewhere. */
	if (b.core_img.len == 0 || core_is_there(&b))
		return 0;
	if (is_orphan(&b))
		return loader_say_no(
			ret,
			"sector 0 of %s starts a loader of rehost whose files are gone; run "
			"the old system's grub-install first",
			b.path);
	if (bootarea_find_room(&b.area, (b.core_img.len + SECTOR - 1) / SECTOR, &b.placed, &lba,
			       &why) < 0)
		return loader_say_no(ret, "%s: %s", b.path, why.ctx[0]);
	return 0;
}

static int bios_assess(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	if (loader_assess_fs(t, ret, e) < 0)
		return -1;
	return ret->kind == LOADER_NONE ? 0 : assess_gap(t, ret, e);
}

/* ---- plant ---- */

/* The two names of GRUB's folder; a clone has one of them (rewrite/family.h). */
static const char *const grub_folders[] = { "grub", "grub2" };

/* The clone's GRUB folder on the file system of LOADER_DIR, as GRUB names it. */
static const char *clone_folder(const char *mount)
{
	return strcmp(mount, "/boot") == 0 ? "/" : "/boot/";
}

static void make_script(const char *folder, struct strbuf *ret_old, struct strbuf *ret_clone)
{
	size_t i;

	strbuf_adds(ret_old, "\tset root=$rehost_drive\n"
			     "\tif chainloader $rehost_dir/old-sector0; then\n"
			     "\t\tboot\n"
			     "\tfi\n");
	for (i = 0; i < ARRAY_SIZE(grub_folders); i++)
		strbuf_addf(ret_clone,
			    "\tset rehost_grub=($root)%s%s\n"
			    "\tif [ -f $rehost_grub/grub.cfg -a -f "
			    "$rehost_grub/" PLATFORM "/normal.mod ]; then\n"
			    "\t\tif multiboot $rehost_grub/" PLATFORM "/core.img; then\n"
			    "\t\t\tboot\n"
			    "\t\tfi\n"
			    "\tfi\n",
			    folder, grub_folders[i]);
}

/* Prepares our core for its place: what is there already, else the room that is found. */
static int place_core(struct bios *b, const struct root *fs, struct err *e)
{
	struct strbuf core cleanup_strbuf = STRBUF_INIT;
	uint64_t lba = 0;

	if (bootarea_find_room(&b->area, (b->core_img.len + SECTOR - 1) / SECTOR, &b->placed, &lba,
			       e) < 0 ||
	    bootarea_make_core(&core, b->boot_img.data, b->boot_img.len, b->core_img.data,
			       b->core_img.len, lba, e) < 0)
		return err_ctx(e, "finding a place for the loader on %s", b->path);
	strbuf_done(&b->placed);
	b->placed = core;
	core = STRBUF_INIT;
	return loader_put(fs, CORE_PLACED, &b->placed, e);
}

/*
 * The clone's own core goes before ours in the end: known now, while nothing is done, from the edits or the stage. A clone
 * without one is for the boot proof to find.
 */
static int check_clone_fits(const struct bios *b, const struct target *t, struct err *e)
{
	static const char *const layers[] = { UPPER_DIR, TREE_DIR };
	uint64_t room = bootarea_core_lba(&b->placed) - b->area.embed_lba;
	char path[128];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layers) * ARRAY_SIZE(grub_folders); i++) {
		snprintf(path, sizeof(path), "%s%s%s/" PLATFORM "/core.img",
			 layers[i / ARRAY_SIZE(grub_folders)],
			 clone_folder(loader_target_fs(t)->mount),
			 grub_folders[i % ARRAY_SIZE(grub_folders)]);
		if (root_lstat(loader_fs(t), path, &st) < 0)
			continue;
		if ((uint64_t)st.st_size > room * SECTOR)
			return err_set(e, ERR_CORE_TOO_LARGE, 0,
				       "the clone's core.img has %llu bytes, before the loader of "
				       "rehost there is room for %llu",
				       (unsigned long long)st.st_size,
				       (unsigned long long)room * SECTOR);
		break;
	}
	return 0;
}

/* What the flip will overwrite, and what the clone's own tools might. */
static int save_old(struct bios *b, const struct root *fs, struct err *e)
{
	if (loader_put(fs, OLD_AREA, &b->area.embed, e) < 0)
		return -1;
	return loader_put(fs, OLD_SECTOR0, &b->area.sector0, e);
}

static void fill_record(const struct bios *b, const struct target *t, struct record *r)
{
	const struct disk *disk = &t->scan.disks[b->disk];

	r->loader = LOADER_BIOS;
	snprintf(r->loader_fs_uuid, sizeof(r->loader_fs_uuid), "%s",
		 loader_target_fs(t)->volume->uuid ? loader_target_fs(t)->volume->uuid : "");
	r->loader_lba = bootarea_core_lba(&b->placed);
	r->loader_sectors = (uint32_t)(b->placed.len / SECTOR);
	snprintf(r->boot_disk, sizeof(r->boot_disk), "%s", disk->path);
	snprintf(r->boot_table_id, sizeof(r->boot_table_id), "%s",
		 disk->table_id ? disk->table_id : "");
}

/* Writes all that the flip will count on. */
static int prepare(struct bios *b, const struct target *t, struct err *e)
{
	const struct root *fs = loader_fs(t);
	struct strbuf old cleanup_strbuf = STRBUF_INIT;
	struct strbuf clone cleanup_strbuf = STRBUF_INIT;
	struct loader_script script;

	make_script(clone_folder(loader_target_fs(t)->mount), &old, &clone);
	script = (struct loader_script){ strbuf_str(&old), strbuf_str(&clone) };
	if (place_core(b, fs, e) < 0 || check_clone_fits(b, t, e) < 0 || save_old(b, fs, e) < 0 ||
	    loader_s_make(fs, LOADER_OLD, e) < 0 || loader_write_config(t, &script, e) < 0)
		return -1;
	/* GRUB reads no journal: all of it must be in its place. */
	if (switch_settle(t, e) < 0)
		return -1;
	return bootarea_write_part(&b->area, b->path, bootarea_core_lba(&b->placed), &b->placed, e);
}

static int bios_plant(const struct target *t, struct record *r, struct err *e)
{
	const struct root *fs = loader_fs(t);
	struct bios b cleanup_bios = { 0 };
	enum loader_choice now;

	if (bios_open(&b, fs, &t->scan, t->boot_disk, e) < 0)
		return -1;
	if (is_flipped(&b)) {
		/* Saving sector 0 again would save our own. */
		if (!core_is_there(&b) || b.old_sector0.len == 0 || !root_exists(fs, LOADER_CFG))
			return err_set(e, ERR_LOADER_PLACE, 0,
				       "%s starts a loader of ours, whose files are damaged",
				       b.path);
		if (loader_selected(fs, &now, e) < 0)
			return -1;
		fill_record(&b, t, r);
		return record_store(r, &t->fs[0].root, e);
	}
	if (prepare(&b, t, e) < 0)
		return -1;
	fill_record(&b, t, r);
	if (record_store(r, &t->fs[0].root, e) < 0)
		return -1;
	bootarea_point_sector0(&b.area, b.boot_img.data, r->loader_lba);
	if (bootarea_write_sector0(&b.area, b.path, e) < 0)
		return err_ctx(e, "writing sector 0 of %s", b.path);
	log_info("loader: planted at sector %llu of %s", (unsigned long long)r->loader_lba, b.path);
	return 0;
}

/* ---- taking it away ---- */

/* Our own sectors to zeros; those that are somebody else's by now stay. */
static int wipe_core(struct bios *b, struct err *e)
{
	uint64_t lba = b->placed.len ? bootarea_core_lba(&b->placed) : 0, first, i;
	const char *now = lba ? area_at(&b->area, lba, b->placed.len) : NULL;
	size_t sectors = b->placed.len / SECTOR;

	for (i = 0; now && i < sectors; i = first + 1) {
		struct strbuf zeros cleanup_strbuf = STRBUF_INIT;

		for (first = i;
		     first < sectors &&
		     memcmp(now + first * SECTOR, b->placed.data + first * SECTOR, SECTOR) == 0;
		     first++)
			strbuf_add(&zeros, (const char[SECTOR]){ 0 }, SECTOR);
		if (zeros.failed)
			return err_set(e, ERR_NOMEM, 0, "wiping the loader");
		if (zeros.len && bootarea_write_part(&b->area, b->path, lba + i, &zeros, e) < 0)
			return err_ctx(e, "wiping the loader from %s", b->path);
	}
	return 0;
}

/* What lay in the area before, where something wrote over it since (a boot of the clone can). */
static int restore_area(struct bios *b, const struct root *fs, struct err *e)
{
	struct strbuf old cleanup_strbuf = STRBUF_INIT;
	uint64_t end = bootarea_core_lba(&b->placed);
	size_t len;

	if (read_own(fs, OLD_AREA, &old, e) < 0)
		return -1;
	if (old.len != b->area.embed.len || end <= b->area.embed_lba)
		return 0; /* another partition table than then: not ours to decide */
	len = (size_t)(end - b->area.embed_lba) * SECTOR;
	if (memcmp(old.data, b->area.embed.data, len) == 0)
		return 0;
	old.len = len;
	return bootarea_write_part(&b->area, b->path, b->area.embed_lba, &old, e);
}

static int find_disk(const struct disk_scan *scan, const char *uuid, const struct record *r,
		     unsigned *ret, struct err *e)
{
	unsigned i, found = 0;

	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];

		if (!v->uuid || strcmp(v->uuid, uuid) != 0)
			continue;
		*ret = v->disk;
		found++;
	}
	if (found != 1)
		return err_set(e, ERR_BOOT_AREA, 0, "%u file systems have the UUID %s", found,
			       uuid);
	return activate_check_disk(&scan->disks[*ret], r, e);
}

static int bios_restore(const struct target *t, const struct record *r, struct err *e)
{
	const struct root *fs = loader_fs(t);
	struct bios b cleanup_bios = { 0 };
	unsigned disk;

	if (find_disk(&t->scan, r->loader_fs_uuid, r, &disk, e) < 0 ||
	    bios_open(&b, fs, &t->scan, disk, e) < 0)
		return -1;
	if (is_flipped(&b)) {
		if (b.old_sector0.len == 0)
			return err_set(e, ERR_BOOT_AREA, 0, "/%s is damaged", OLD_SECTOR0);
		if (restore_area(&b, fs, e) < 0)
			return err_ctx(e, "writing the old boot area of %s back", b.path);
		memcpy(b.area.sector0.data, b.old_sector0.data, CODE_BYTES);
		if (bootarea_write_sector0(&b.area, b.path, e) < 0)
			return err_ctx(e, "writing sector 0 of %s back", b.path);
		log_info("loader: sector 0 of %s is the old system's again", b.path);
	}
	return wipe_core(&b, e);
}

/* ---- release ---- */

/* The mount point that LOADER_DIR's file system has in the clone. */
static const char *mount_of(const struct record *r)
{
	unsigned i;

	for (i = 0; i < r->fs_count; i++) {
		if (strcmp(r->filesystems[i].uuid, r->loader_fs_uuid) == 0)
			return r->filesystems[i].mount;
	}
	return "/";
}

int loader_bios_finish_on(const struct disk_scan *scan, unsigned disk, const struct root *fs,
			  const struct record *r, struct err *e)
{
	struct strbuf boot cleanup_strbuf = STRBUF_INIT;
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	struct strbuf core cleanup_strbuf = STRBUF_INIT;
	struct root images cleanup_root = ROOT_INIT;
	struct bios b cleanup_bios = { 0 };
	char folder[64];
	size_t i;

	if (bios_open(&b, fs, scan, disk, e) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(grub_folders); i++) {
		snprintf(folder, sizeof(folder), "%s%s/" PLATFORM, clone_folder(mount_of(r)),
			 grub_folders[i]);
		if (root_is_dir(fs, folder))
			break;
	}
	if (root_open_below(&images, fs, folder, e) < 0 ||
	    root_read(&images, "boot.img", &boot, IMAGE_MAX, e) < 0 ||
	    root_read(&images, "core.img", &image, IMAGE_MAX, e) < 0)
		return err_ctx(e, "reading GRUB's images in the clone's %s", folder);
	if (bootarea_make_core(&core, boot.data, boot.len, image.data, image.len, b.area.embed_lba,
			       e) < 0)
		return -1;
	/* Ours must stay whole until sector 0 no longer needs it. */
	if (b.area.embed_lba + core.len / SECTOR >
	    (b.placed.len ? bootarea_core_lba(&b.placed) : b.area.embed_lba + b.area.embed_sectors))
		return err_set(e, ERR_CORE_TOO_LARGE, 0,
			       "core.img needs %zu sectors, the loader of rehost is behind them",
			       core.len / SECTOR);
	if (bootarea_write_part(&b.area, b.path, b.area.embed_lba, &core, e) < 0)
		return err_ctx(e, "writing the clone's boot area of %s", b.path);
	bootarea_point_sector0(&b.area, boot.data, b.area.embed_lba);
	if (bootarea_write_sector0(&b.area, b.path, e) < 0)
		return err_ctx(e, "writing sector 0 of %s", b.path);
	log_info("loader: the boot area of %s is the clone's", b.path);
	return wipe_core(&b, e);
}

static int bios_finish(const struct root *fs, const struct record *r, struct strlist *notes,
		       struct err *e)
{
	struct disk_scan scan = { 0 };
	unsigned disk = 0;
	int rc;

	(void)notes;
	/* As in target_open(): tests name the disks. */
	rc = getenv("REHOST_DISKS") ? disk_scan_named(&scan, getenv("REHOST_DISKS"), e)
				    : disk_scan_all(&scan, getenv("REHOST_SCAN_LOOP") != NULL, e);
	if (rc < 0)
		return -1;
	rc = find_disk(&scan, r->loader_fs_uuid, r, &disk, e);
	if (rc == 0)
		rc = loader_bios_finish_on(&scan, disk, fs, r, e);
	disk_scan_done(&scan);
	return rc;
}

static const char *const needs[] = { "core.img", "boot.img", NULL };

const struct loader_ops loader_bios_ops = {
	.kind = LOADER_BIOS,
	.assess = bios_assess,
	.plant = bios_plant,
	.finish = bios_finish,
	.restore = bios_restore,
	.needs = needs,
};
