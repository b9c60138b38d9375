/* SPDX-License-Identifier: MIT */
/*
 * Finding disks and what is on them, without writing and without mounting. The disk module owns
 * libblkid and libext2fs and never knows about migrations.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A whole disk. Strings are owned by the scan; NULL when unknown. */
struct disk {
	char *path;	/* /dev/vda */
	char *model;	/* sysfs device/model, trimmed */
	char *serial;	/* sysfs serial, device/serial or VPD page 0x80 */
	char *wwid;	/* sysfs wwid / device/wwid */
	char *table;	/* "dos", "gpt" or NULL */
	char *table_id; /* blkid PTUUID */
	uint64_t size_bytes;
	uint32_t sector_bytes; /* logical */
	bool is_read_only;
	bool is_removable;
};

/* Anything a file system can be on: a partition, or a whole disk without a table. */
struct volume {
	char *path; /* /dev/vda1 */
	char *type; /* blkid TYPE: "ext4", "swap", "crypto_LUKS", "LVM2_member"; NULL: nothing known */
	char *usage; /* blkid USAGE: "filesystem", "crypto", "raid", "other" */
	char *uuid;
	char *label;
	char *partuuid;
	char *partlabel;
	char *part_type; /* partition type: GPT GUID or MBR byte as "0x83" */
	uint64_t size_bytes;
	uint64_t start_bytes; /* on its disk */
	unsigned partno;      /* 0: the whole disk */
	unsigned disk;	      /* index into disks */
	unsigned major, minor;
	bool is_journal_dirty; /* ext2/3/4: needs_recovery is set (read offline) */
	bool is_ambivalent;    /* several signatures: never written to */
	/*
	 * NULL: lies plainly on its disk. Else "lvm", "crypt" or "raid": a device of device-mapper or md, partno 0, and disk
	 * the one below its first part. stack_module: the driver it needs ("dm_mod", "raid1").
	 */
	char *stack, *stack_module;
	bool is_degraded; /* an array of which a part is missing */
};

struct disk_scan {
	struct disk *disks;
	unsigned disk_count;
	struct volume *volumes;
	unsigned volume_count;
};

/*
 * Probes every block device of /sys/block except loop (unless with_loop), ram, zram, sr and fd; those of device-mapper and
 * md are volumes, not disks, and there when what they lie on is. No disk at all is success with zero counts.
 */
int disk_scan_all(struct disk_scan *ret, bool with_loop, struct err *e) must_check;
/* Only the named disks ("vda,vdb", with or without /dev/), of whatever kind. Names not there are left out. */
int disk_scan_named(struct disk_scan *ret, const char *names, struct err *e) must_check;
void disk_scan_done(struct disk_scan *scan);

/*
 * The volume a reference names: UUID=, LABEL=, PARTUUID=, PARTLABEL= (quotes allowed),
 * /dev/disk/by-{uuid,label,partuuid,partlabel}/X, or the path itself. NULL when none or several.
 */
const struct volume *disk_find(const struct disk_scan *scan, const char *reference);

/* How a reference names a volume, and what it says about it. */
enum ref_kind { REF_NONE, REF_UUID, REF_LABEL, REF_PARTUUID, REF_PARTLABEL, REF_PATH };

/*
 * Splits a reference; quotes are taken off and udev's \xNN in /dev/disk/by-* names decoded. REF_NONE for what
 * is neither a tag nor a path below /dev, or does not fit into value.
 */
enum ref_kind disk_parse_reference(const char *reference, char *value, size_t size);

/*
 * The name udev would give the disk under /dev/disk/by-id, or NULL when that cannot be told: virtio-SERIAL,
 * nvme-MODEL_SERIAL, scsi-WWN style names are made from what sysfs says (systemd's 60-persistent-storage.rules).
 * Owned by the caller.
 */
char *disk_by_id(const struct disk *d);

/*
 * The erase token: eight letters and digits (base32 of SHA-256) bound to the disk's size, table id,
 * serial and the ids of all its file systems. Same disk, same content of tables: same token. ret
 * holds at least 16 bytes.
 */
void disk_token(const struct disk_scan *scan, unsigned disk, char *ret);
