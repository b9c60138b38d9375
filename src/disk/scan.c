/* SPDX-License-Identifier: MIT */
#include "disk/scan.h"

#include <blkid/blkid.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"
#include "disk/scan_priv.h"

/* More than any machine this is meant for; a limit against a hostile or broken bus. */
#define DISKS_MAX 256
#define VOLUMES_MAX 1024

/* One line of a sysfs attribute, blanks trimmed at both ends; NULL when absent or empty. */
char *scan_attr(const char *dir, const char *name)
{
	struct strbuf path cleanup_strbuf = STRBUF_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char *start, *end;

	strbuf_addf(&path, "%s/%s", dir, name);
	if (file_slurp(strbuf_str(&path), &text, 4096, NULL) < 0 || !text.data)
		return NULL;
	text.data[strcspn(text.data, "\n")] = '\0';
	for (start = text.data; isspace((unsigned char)*start); start++)
		;
	for (end = start + strlen(start); end > start && isspace((unsigned char)end[-1]); end--)
		;
	*end = '\0';
	return *start ? strdup(start) : NULL;
}

uint64_t scan_number(const char *dir, const char *name)
{
	char *text cleanup_free = scan_attr(dir, name);
	uint64_t v = 0;

	return text && parse_u64(text, &v) == 0 ? v : 0;
}

/* SCSI keeps the unit serial number in VPD page 0x80: 4 bytes of header, then ASCII. */
static char *read_vpd_serial(const char *dir)
{
	struct strbuf path cleanup_strbuf = STRBUF_INIT;
	struct strbuf page cleanup_strbuf = STRBUF_INIT;
	struct strbuf serial = STRBUF_INIT;
	size_t i;

	strbuf_addf(&path, "%s/device/vpd_pg80", dir);
	if (file_slurp(strbuf_str(&path), &page, 4096, NULL) < 0)
		return NULL;
	for (i = 4; i < page.len; i++) {
		if (isgraph((unsigned char)page.data[i]))
			strbuf_addc(&serial, page.data[i]);
	}
	if (serial.len)
		return strbuf_take(&serial);
	strbuf_done(&serial);
	return NULL;
}

static char *first_of(char *a, char *b)
{
	if (!a)
		return b;
	free(b);
	return a;
}

static char *copy_value(blkid_probe pr, const char *name)
{
	const char *data;
	size_t len;

	if (blkid_probe_lookup_value(pr, name, &data, &len) < 0 || len == 0 || !*data)
		return NULL;
	return strndup(data, len);
}

/* The journal needs replaying: read from the superblock, without a mount. Doubt counts as dirty. */
static bool ext_is_dirty(const char *path)
{
	ext2_filsys fs = NULL;
	bool dirty;

	if (ext2fs_open(path,
			EXT2_FLAG_64BITS | EXT2_FLAG_SUPER_ONLY | EXT2_FLAG_SOFTSUPP_FEATURES |
				EXT2_FLAG_FORCE,
			0, 0, unix_io_manager, &fs) != 0)
		return true;
	dirty = ext2fs_has_feature_journal_needs_recovery(fs->super);
	ext2fs_close_free(&fs);
	return dirty;
}

static bool is_ext(const char *type)
{
	return type && (strcmp(type, "ext2") == 0 || strcmp(type, "ext3") == 0 ||
			strcmp(type, "ext4") == 0);
}

/* What is on the volume, by its superblocks. Unreadable or unknown content leaves the type NULL. */
void scan_content(struct volume *v)
{
	blkid_probe pr = blkid_new_probe_from_filename(v->path);
	int rc;

	if (!pr) {
		log_warn("disk: %s cannot be opened: %s", v->path, strerror(errno));
		return;
	}
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
	rc = blkid_do_safeprobe(pr);
	if (rc == -2) {
		v->is_ambivalent = true;
		blkid_reset_probe(pr);
		rc = blkid_do_probe(pr);
	}
	if (rc == 0) {
		v->type = copy_value(pr, "TYPE");
		v->usage = copy_value(pr, "USAGE");
		v->uuid = copy_value(pr, "UUID");
		v->label = copy_value(pr, "LABEL");
	} else if (rc < 0) {
		log_warn("disk: %s cannot be probed: %s", v->path, strerror(errno));
	}
	blkid_free_probe(pr);
	v->is_journal_dirty = is_ext(v->type) && ext_is_dirty(v->path);
}

struct volume *scan_add_volume(struct disk_scan *scan, struct err *e)
{
	struct volume *grown;

	if (scan->volume_count >= VOLUMES_MAX) {
		err_set(e, ERR_LIMIT, 0, "more than %d partitions", VOLUMES_MAX);
		return NULL;
	}
	grown = realloc(scan->volumes, (scan->volume_count + 1) * sizeof(*grown));
	if (!grown) {
		err_set(e, ERR_NOMEM, 0, "list of partitions");
		return NULL;
	}
	scan->volumes = grown;
	memset(&grown[scan->volume_count], 0, sizeof(*grown));
	return &grown[scan->volume_count++];
}

static void free_volume(struct volume *v)
{
	free(v->path);
	free(v->type);
	free(v->usage);
	free(v->uuid);
	free(v->label);
	free(v->partuuid);
	free(v->partlabel);
	free(v->part_type);
	free(v->stack);
	free(v->stack_module);
}

void scan_devno(const char *dir, struct volume *v)
{
	char *text cleanup_free = scan_attr(dir, "dev");

	if (text && sscanf(text, "%u:%u", &v->major, &v->minor) != 2)
		v->major = v->minor = 0;
}

/* Ids of the partition from the table itself; the kernel knows only where it is. */
static void describe_partition(struct volume *v, blkid_partlist list, const char *table)
{
	blkid_partition part = list ? blkid_partlist_get_partition_by_partno(list, (int)v->partno)
				    : NULL;
	const char *text;

	if (!part || (uint64_t)blkid_partition_get_start(part) * 512 != v->start_bytes)
		return; /* the kernel's view is older than the table: trust neither's ids */
	text = blkid_partition_get_uuid(part);
	v->partuuid = text ? strdup(text) : NULL;
	text = blkid_partition_get_name(part);
	v->partlabel = text && *text ? strdup(text) : NULL;
	text = blkid_partition_get_type_string(part);
	if (text && *text) {
		v->part_type = strdup(text);
	} else if (table) {
		struct strbuf b = STRBUF_INIT;

		strbuf_addf(&b, "0x%02x", (unsigned)blkid_partition_get_type(part) & 0xff);
		v->part_type = strbuf_take(&b);
	}
}

static int scan_partitions(struct disk_scan *scan, unsigned disk, const char *dir, const char *name,
			   blkid_partlist list, struct err *e)
{
	DIR *d cleanup_dir = opendir(dir);
	struct dirent *entry;

	if (!d)
		return err_set(e, ERR_DISK_READ, errno, "%s", dir);
	while ((entry = readdir(d))) {
		struct strbuf sub cleanup_strbuf = STRBUF_INIT;
		struct strbuf path = STRBUF_INIT;
		struct volume *v;
		uint64_t partno;

		if (!str_starts(entry->d_name, name))
			continue;
		strbuf_addf(&sub, "%s/%s", dir, entry->d_name);
		partno = scan_number(strbuf_str(&sub), "partition");
		if (partno == 0)
			continue;
		v = scan_add_volume(scan, e);
		if (!v)
			return -1;
		strbuf_addf(&path, "/dev/%s", entry->d_name);
		v->path = strbuf_take(&path);
		if (!v->path)
			return err_set(e, ERR_NOMEM, 0, "list of partitions");
		v->disk = disk;
		v->partno = (unsigned)partno;
		v->size_bytes = scan_number(strbuf_str(&sub), "size") * 512;
		v->start_bytes = scan_number(strbuf_str(&sub), "start") * 512;
		scan_devno(strbuf_str(&sub), v);
		describe_partition(v, list, scan->disks[disk].table);
		scan_content(v);
	}
	return 0;
}

/* A disk without partitions is a volume itself; so is one whose whole carries a stale mark. */
static int scan_whole(struct disk_scan *scan, unsigned disk, const char *dir, bool has_partitions,
		      struct err *e)
{
	struct volume *v = scan_add_volume(scan, e);

	if (!v)
		return -1;
	v->disk = disk;
	v->size_bytes = scan->disks[disk].size_bytes;
	v->path = strdup(scan->disks[disk].path);
	if (!v->path)
		return err_set(e, ERR_NOMEM, 0, "list of partitions");
	scan_devno(dir, v);
	scan_content(v);
	if (!has_partitions)
		return 0;
	if (!v->type) {
		free_volume(v);
		scan->volume_count--;
	} else if (strcmp(v->type, "iso9660") != 0) { /* hybrid images carry both on purpose */
		v->is_ambivalent = true;
	}
	return 0;
}

static int scan_contents(struct disk_scan *scan, unsigned disk, const char *dir, const char *name,
			 struct err *e)
{
	struct disk *d = &scan->disks[disk];
	unsigned before = scan->volume_count;
	blkid_probe pr = blkid_new_probe_from_filename(d->path);
	blkid_partlist list = NULL;
	int rc;

	if (!pr) {
		log_warn("disk: %s cannot be opened: %s", d->path, strerror(errno));
		return 0;
	}
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_fullprobe(pr) == 0) {
		d->table = copy_value(pr, "PTTYPE");
		d->table_id = copy_value(pr, "PTUUID");
		blkid_reset_probe(pr);
		list = d->table ? blkid_probe_get_partitions(pr) : NULL;
	}
	rc = scan_partitions(scan, disk, dir, name, list, e);
	blkid_free_probe(pr);
	if (rc < 0)
		return -1;
	return scan_whole(scan, disk, dir, scan->volume_count > before || d->table, e);
}

static int scan_disk(struct disk_scan *scan, const char *name, struct err *e)
{
	struct strbuf dir cleanup_strbuf = STRBUF_INIT;
	struct strbuf path = STRBUF_INIT;
	struct disk *d;

	strbuf_addf(&dir, "/sys/block/%s", name);
	if (scan_number(strbuf_str(&dir), "size") == 0)
		return 0; /* no medium, or a loop device without a file */
	if (scan->disk_count >= DISKS_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d disks", DISKS_MAX);
	d = realloc(scan->disks, (scan->disk_count + 1) * sizeof(*d));
	if (!d)
		return err_set(e, ERR_NOMEM, 0, "list of disks");
	scan->disks = d;
	d += scan->disk_count++;
	memset(d, 0, sizeof(*d));
	strbuf_addf(&path, "/dev/%s", name);
	d->path = strbuf_take(&path);
	if (!d->path)
		return err_set(e, ERR_NOMEM, 0, "list of disks");
	for (char *p = d->path; *p; p++) {
		if (*p == '!') /* sysfs writes the slash of cciss/c0d0 so */
			*p = '/';
	}
	d->size_bytes = scan_number(strbuf_str(&dir), "size") * 512;
	d->sector_bytes = (uint32_t)scan_number(strbuf_str(&dir), "queue/logical_block_size");
	d->is_read_only = scan_number(strbuf_str(&dir), "ro") != 0;
	d->is_removable = scan_number(strbuf_str(&dir), "removable") != 0;
	d->model = scan_attr(strbuf_str(&dir), "device/model");
	d->serial = first_of(scan_attr(strbuf_str(&dir), "serial"),
			     first_of(scan_attr(strbuf_str(&dir), "device/serial"),
				      read_vpd_serial(strbuf_str(&dir))));
	d->wwid = first_of(scan_attr(strbuf_str(&dir), "wwid"),
			   scan_attr(strbuf_str(&dir), "device/wwid"));
	return scan_contents(scan, scan->disk_count - 1, strbuf_str(&dir), name, e);
}

static bool is_left_out(const char *name, bool with_loop)
{
	static const char *const kinds[] = { "ram", "zram", "sr", "fd", "dm-", "md" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (str_starts(name, kinds[i]))
			return true;
	}
	/* eMMC's boot and replay-protected areas are no place for a system. */
	if (str_starts(name, "mmcblk") && (strstr(name, "boot") || strstr(name, "rpmb")))
		return true;
	return str_starts(name, "loop") && !with_loop;
}

/* vda before vdb, sda9 before sda10: the order people expect. */
static int compare_volumes(const void *a, const void *b)
{
	const struct volume *x = a, *y = b;

	if (x->disk != y->disk)
		return x->disk < y->disk ? -1 : 1;
	if (!x->stack != !y->stack)
		return x->stack ? 1 : -1;
	if (x->partno != y->partno)
		return x->partno < y->partno ? -1 : 1;
	return x->stack ? strcmp(x->path, y->path) : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int scan_list(struct disk_scan *ret, struct strlist *names, struct err *e)
{
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
	for (i = 0; i < names->count; i++) {
		if (scan_disk(ret, names->items[i], e) < 0) {
			disk_scan_done(ret);
			return err_ctx(e, "looking at disk %s", names->items[i]);
		}
	}
	if (scan_stacked(ret, e) < 0) {
		disk_scan_done(ret);
		return -1;
	}
	if (ret->volume_count > 1)
		qsort(ret->volumes, ret->volume_count, sizeof(*ret->volumes), compare_volumes);
	return 0;
}

int disk_scan_all(struct disk_scan *ret, bool with_loop, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	DIR *d cleanup_dir = opendir("/sys/block");
	struct dirent *entry;

	memset(ret, 0, sizeof(*ret));
	if (!d)
		return err_set(e, ERR_DISK_READ, errno, "/sys/block");
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || is_left_out(entry->d_name, with_loop))
			continue;
		if (strlist_add(&names, entry->d_name) < 0)
			return err_set(e, ERR_NOMEM, 0, "list of disks");
	}
	return scan_list(ret, &names, e);
}

int disk_scan_named(struct disk_scan *ret, const char *list, struct err *e)
{
	struct strlist given cleanup_strlist = STRLIST_INIT;
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (strlist_split(&given, list, ", ") < 0)
		return err_set(e, ERR_NOMEM, 0, "list of disks");
	for (i = 0; i < given.count; i++) {
		const char *name = given.items[i];

		if (str_starts(name, "/dev/"))
			name += 5;
		if (strchr(name, '/') || name[0] == '.' || strlist_has(&names, name))
			continue;
		if (strlist_add(&names, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "list of disks");
	}
	return scan_list(ret, &names, e);
}

void disk_scan_done(struct disk_scan *scan)
{
	unsigned i;

	for (i = 0; i < scan->disk_count; i++) {
		struct disk *d = &scan->disks[i];

		free(d->path);
		free(d->model);
		free(d->serial);
		free(d->wwid);
		free(d->table);
		free(d->table_id);
	}
	for (i = 0; i < scan->volume_count; i++)
		free_volume(&scan->volumes[i]);
	free(scan->disks);
	free(scan->volumes);
	memset(scan, 0, sizeof(*scan));
}
