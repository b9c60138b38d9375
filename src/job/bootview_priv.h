/* SPDX-License-Identifier: MIT */
/* What the parts of the boot view share. Each part follows one stretch of the chain and returns where it ends. */
#pragma once

#include "disk/grubcore.h"
#include "disk/rawfs.h"
#include "job/bootview.h"
#include "job/record.h"

#define VIEW_FS_MAX 32

enum tree_kind {
	TREE_UNTOLD, /* nothing of the plan is on this file system */
	TREE_OLD,
	TREE_CLONE,
	TREE_MIXED, /* an exchange is under way */
};

struct view_fs {
	struct rawfs *fs;
	const struct raw_part *part;
	enum tree_kind kind;
};

struct view {
	struct rawdisk disk;
	struct view_fs fs[VIEW_FS_MAX];
	unsigned fs_count;
	struct record j;
	bool is_j_damaged;
	struct view_fs
		*loader_fs; /* whose LOADER_DIR the private loader uses; NULL: none has one */
	const struct bootview_options *options;
	struct bootview *out;
	bool is_uefi;
	bool is_asking;		/* what if: steps and findings are not kept */
	unsigned chained;	/* loaders passed on the way */
	enum boot_outcome then; /* of the start after this one, where it is another */
	bool has_then;
};

/* One line of the way. Returns ok. */
bool view_step(struct view *v, bool ok, const char *fmt, ...) printf_like(3, 4);
/* A step that ends the chain; why is taken from it. Returns o. */
enum boot_outcome view_end(struct view *v, enum boot_outcome o, const char *fmt, ...)
	printf_like(3, 4);

struct view_fs *view_find_uuid(struct view *v, const char *uuid);
struct view_fs *view_find_part(struct view *v, unsigned number);

/* A file that a loader will read: complete, and with the head of its kind. Adds a step. */
enum file_kind { FILE_ANY, FILE_KERNEL, FILE_INITRD, FILE_EFI };
bool view_check_file(struct view *v, struct view_fs *f, const char *path, enum file_kind kind);

/* bootview_grub.c: from a core, or from a configuration file, to the root file system. */
enum boot_outcome view_follow_core(struct view *v, const struct grub_core *core);
enum boot_outcome view_follow_config(struct view *v, struct view_fs *f, const char *dir,
				     const char *platform);
/* A short script that only finds the real one: the embedded configuration, or a stub on the ESP. */
struct stub {
	struct view_fs *fs;
	char dir[512];
};
bool view_read_stub(struct view *v, const char *text, struct stub *ret);

/* bootview_chain.c: from sector 0 on. */
enum boot_outcome view_follow_bios(struct view *v);
enum boot_outcome view_follow_sector0(struct view *v, const uint8_t *sector);
/* By its file; adds the core to the report. */
enum boot_outcome view_follow_core_file(struct view *v, const struct grub_core *core,
					const char *file);
/* bootview_efi.c: from the ESP on; path with slashes or backslashes. */
enum boot_outcome view_follow_uefi(struct view *v);
enum boot_outcome view_follow_efi_program(struct view *v, const char *path);
/* bootview_loader.c: from our own loader on, by either firmware. */
enum boot_outcome view_follow_private(struct view *v);
