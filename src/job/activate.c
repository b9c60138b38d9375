/* SPDX-License-Identifier: MIT */
#include "job/activate.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "disk/bootarea.h"
#include "job/activate_uefi.h"

#define MAGIC "REHOSTB1"
#define HEADER_BYTES 32
#define SECTOR_BYTES 512
#define EMBED_MAX (1024 * 1024)
#define IMAGE_MAX (1024 * 1024)
#define CODE_BYTES 0x1b8 /* of sector 0; behind it disk signature and partition table */

#define cleanup_bootarea __attribute__((cleanup(bootarea_done)))

/* ---- the disk ---- */

int activate_check_disk(const struct disk *disk, const struct record *r, struct err *e)
{
	const char *id = disk->table_id ? disk->table_id : "";

	if (*r->boot_table_id && strcmp(r->boot_table_id, id) != 0)
		return err_set(e, ERR_BOOT_AREA, 0,
			       "%s has the partition table id \"%s\", not \"%s\"", disk->path, id,
			       r->boot_table_id);
	return 0;
}

/* The target's boot disk, when it is still the one J knows. */
static const struct disk *find_disk(const struct target *t, const struct record *r, struct err *e)
{
	const struct disk *disk = &t->scan.disks[t->boot_disk];

	return activate_check_disk(disk, r, e) < 0 ? NULL : disk;
}

static int read_area(struct bootarea *ret, const struct target *t, const struct disk *disk,
		     struct err *e)
{
	int fd cleanup_fd = open(disk->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_BOOT_AREA, errno, "%s", disk->path);
	if (bootarea_read(ret, fd, &t->scan, t->boot_disk, e) < 0)
		return err_ctx(e, "reading the boot area of %s", disk->path);
	if (ret->sector0.len != SECTOR_BYTES || ret->embed.len > EMBED_MAX)
		return err_set(e, ERR_BOOT_AREA, 0, "%s has a boot area of %zu bytes", disk->path,
			       ret->embed.len);
	return 0;
}

/* ---- the clone's images ---- */

/* Of GRUB's two names; a clone has one of them (rewrite/family.h). */
static const char *const grub_folders[] = { "/boot/grub/i386-pc", "/boot/grub2/i386-pc" };

static int open_folder(const struct target *t, bool staged, const char *folder, struct root *ret,
		       struct err *e)
{
	struct root top cleanup_root = ROOT_INIT;
	const char *rest = folder;
	unsigned i, best = 0;
	size_t best_len = 0;

	for (i = 1; i < t->fs_count; i++) {
		size_t len = strlen(t->fs[i].mount);

		if (len > best_len && strncmp(folder, t->fs[i].mount, len) == 0 &&
		    (folder[len] == '/' || folder[len] == '\0')) {
			best = i;
			best_len = len;
		}
	}
	rest += best_len;
	if (root_open_below(&top, &t->fs[best].root, staged ? TREE_DIR : "/", e) < 0)
		return -1;
	return root_open_below(ret, &top, *rest ? rest : "/", e);
}

/* Opens, on the file system that holds it, the clone's GRUB folder: in the stage or in the live root. */
static int open_images(const struct target *t, bool staged, struct root *ret, struct err *e)
{
	struct err local = ERR_INIT;

	if (open_folder(t, staged, grub_folders[1], ret, &local) == 0) {
		struct root other cleanup_root = ROOT_INIT;

		/* as GRUB's script does: the first that is there */
		if (open_folder(t, staged, grub_folders[0], &other, &local) < 0)
			return 0;
		root_close(ret);
	}
	return open_folder(t, staged, grub_folders[0], ret, e) < 0
		       ? err_ctx(e, "looking for GRUB's images in the clone's %s", grub_folders[0])
		       : 0;
}

/* Puts the clone's GRUB into the area. */
static int embed_clone(const struct target *t, bool staged, struct bootarea *area, struct err *e)
{
	struct root images cleanup_root = ROOT_INIT;
	struct strbuf boot cleanup_strbuf = STRBUF_INIT;
	struct strbuf core cleanup_strbuf = STRBUF_INIT;

	if (open_images(t, staged, &images, e) < 0)
		return -1;
	if (root_read(&images, "boot.img", &boot, IMAGE_MAX, e) < 0 ||
	    root_read(&images, "core.img", &core, IMAGE_MAX, e) < 0)
		return err_ctx(e, "reading GRUB's images in the clone's /boot");
	return bootarea_embed_grub(area, boot.data, boot.len, core.data, core.len, e);
}

static void hash_area(const struct bootarea *area, char *ret)
{
	uint8_t digest[SHA256_LEN] = { 0 };
	struct sha256 *s = sha256_new();

	if (s) {
		sha256_add(s, area->sector0.data, CODE_BYTES);
		sha256_add(s, area->embed.data, area->embed.len);
		sha256_finish(s, digest);
	}
	hex_of(digest, sizeof(digest), ret);
}

/* ---- the saved area ---- */

static int save_area(const struct root *fs0, const struct bootarea *area, struct record *r,
		     struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	uint64_t fields[3] = { htole64(area->embed_lba), htole64(area->embed_sectors),
			       htole64(area->embed.len) };
	uint8_t digest[SHA256_LEN];

	strbuf_add(&b, MAGIC, 8);
	strbuf_add(&b, fields, sizeof(fields));
	strbuf_add(&b, area->sector0.data, SECTOR_BYTES);
	strbuf_add(&b, area->embed.data, area->embed.len);
	if (b.failed)
		return err_set(e, ERR_NOMEM, 0, "saving the boot area");
	if (root_replace(fs0, SAVED_BOOT_AREA, b.data, b.len, &meta, e) < 0)
		return err_ctx(e, "saving the boot area");
	sha256_of(b.data, b.len, digest);
	hex_of(digest, sizeof(digest), r->boot_saved_sha256);
	r->boot_saved_bytes = b.len;
	return 0;
}

/* The saved area as J knows it; any difference is an error. */
static int load_area(const struct root *fs0, const struct record *r, struct bootarea *ret,
		     struct err *e)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	const size_t head = HEADER_BYTES + SECTOR_BYTES;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];
	uint64_t fields[3];

	if (root_read(fs0, SAVED_BOOT_AREA, &b, head + EMBED_MAX, e) < 0)
		return err_ctx(e, "reading the saved boot area");
	sha256_of(strbuf_str(&b), b.len, digest);
	hex_of(digest, sizeof(digest), hex);
	if (b.len != r->boot_saved_bytes || strcmp(hex, r->boot_saved_sha256) != 0 ||
	    b.len < head || memcmp(b.data, MAGIC, 8) != 0)
		return err_set(e, ERR_BOOT_AREA, 0, "/%s is damaged", SAVED_BOOT_AREA);
	memcpy(fields, b.data + 8, sizeof(fields));
	ret->embed_lba = le64toh(fields[0]);
	ret->embed_sectors = le64toh(fields[1]);
	if (le64toh(fields[2]) != b.len - head)
		return err_set(e, ERR_BOOT_AREA, 0, "/%s is damaged", SAVED_BOOT_AREA);
	strbuf_add(&ret->sector0, b.data + HEADER_BYTES, SECTOR_BYTES);
	strbuf_add(&ret->embed, b.data + head, b.len - head);
	if (ret->sector0.failed || ret->embed.failed)
		return err_set(e, ERR_NOMEM, 0, "reading the saved boot area");
	return 0;
}

/* ---- the three steps ---- */

int activate_prepare(const struct target *t, struct record *r, struct err *e)
{
	struct bootarea area cleanup_bootarea = { 0 };
	const struct disk *disk;

	r->boot_table_id[0] = '\0';
	if (t->is_uefi)
		return activate_uefi_prepare(t, r, e);
	disk = find_disk(t, r, e);
	if (!disk || read_area(&area, t, disk, e) < 0 || save_area(&t->fs[0].root, &area, r, e) < 0)
		return -1;
	if (embed_clone(t, true, &area, e) < 0)
		return err_ctx(e, "preparing the boot area of %s", disk->path);
	hash_area(&area, r->boot_new_sha256);
	snprintf(r->boot_disk, sizeof(r->boot_disk), "%s", disk->path);
	snprintf(r->boot_table_id, sizeof(r->boot_table_id), "%s",
		 disk->table_id ? disk->table_id : "");
	return 0;
}

int activate_write(const struct target *t, const struct record *r, struct err *e)
{
	struct bootarea area cleanup_bootarea = { 0 };
	const struct disk *disk;
	char hex[SHA256_HEX_LEN + 1];

	if (t->is_uefi)
		return activate_uefi_write(t, r, e);
	disk = find_disk(t, r, e);
	if (!disk || read_area(&area, t, disk, e) < 0)
		return -1;
	if (embed_clone(t, false, &area, e) < 0)
		return err_ctx(e, "preparing the boot area of %s", disk->path);
	hash_area(&area, hex);
	if (strcmp(hex, r->boot_new_sha256) != 0)
		return err_set(
			e, ERR_BOOT_AREA, 0,
			"GRUB's images in /boot, or what is on %s, changed since the switch began",
			disk->path);
	if (bootarea_write(&area, disk->path, e) < 0)
		return err_ctx(e, "writing the boot area of %s", disk->path);
	log_info("switch: the boot area of %s is the clone's", disk->path);
	return 0;
}

int activate_restore(const struct target *t, const struct record *r, struct err *e)
{
	struct bootarea saved cleanup_bootarea = { 0 };
	struct bootarea now cleanup_bootarea = { 0 };
	const struct disk *disk;

	if (t->is_uefi)
		return activate_uefi_restore(t, r, e);
	if (!*r->boot_saved_sha256)
		return 0;
	disk = find_disk(t, r, e);
	if (!disk || load_area(&t->fs[0].root, r, &saved, e) < 0 || read_area(&now, t, disk, e) < 0)
		return -1;
	if (now.embed_lba != saved.embed_lba || now.embed.len != saved.embed.len)
		return err_set(e, ERR_BOOT_AREA, 0, "%s has another partition table than before",
			       disk->path);
	memcpy(saved.sector0.data + CODE_BYTES, now.sector0.data + CODE_BYTES,
	       SECTOR_BYTES - CODE_BYTES);
	if (bootarea_write(&saved, disk->path, e) < 0)
		return err_ctx(e, "writing the old boot area of %s back", disk->path);
	log_info("rollback: the boot area of %s is the old system's", disk->path);
	return 0;
}
