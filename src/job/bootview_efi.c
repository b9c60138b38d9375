/* SPDX-License-Identifier: MIT */
/*
 * From the EFI system partition on: the program that BootOrder or the removable path names, the GRUB that shim starts, and
 * the short configuration beside it. The programs' own content is not judged, only that they can be read; a GRUB that
 * carries its configuration inside itself is BOOT_UNKNOWN.
 */
#include <string.h>
#include <strings.h>

#include "job/activate_uefi.h"
#include "job/bootview_priv.h"
#include "job/loader.h"

#define REMOVABLE "/EFI/BOOT/BOOTX64.EFI"
#define STUB_MAX 65536u
#define PATH_LEN 300u
#define CHAIN_MAX 3

static struct view_fs *find_esp(struct view *v)
{
	struct view_fs *any = NULL;
	unsigned i;

	for (i = 0; i < v->fs_count; i++) {
		if (rawfs_kind(v->fs[i].fs) != RAWFS_FAT)
			continue;
		if (raw_part_is_esp(v->fs[i].part))
			return &v->fs[i];
		if (!any)
			any = &v->fs[i];
	}
	return any;
}

/* "\EFI\debian\shimx64.efi" -> "/EFI/debian/shimx64.efi" */
static bool to_slashes(const char *path, char *buf)
{
	size_t i, len = strlen(path);

	if (len >= PATH_LEN)
		return false;
	for (i = 0; i <= len; i++)
		buf[i] = path[i] == '\\' ? '/' : path[i];
	return true;
}

static void beside(const char *path, const char *name, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(buf, size, "%.*s/%s", slash ? (int)(slash - path) : 0, path, name);
}

/* Debian's signed GRUB looks into its own vendor folder, the one for media (gcdx64) beside itself at last. */
static bool read_stub_text(struct view *v, struct view_fs *esp, const char *program,
			   struct strbuf *ret, char *path, size_t size)
{
	beside(program, "grub.cfg", path, size);
	if (rawfs_read(esp->fs, path, ret, STUB_MAX, NULL) == 0)
		return view_step(v, true, "ESP: %s", path);
	snprintf(path, size, "/EFI/debian/grub.cfg");
	if (rawfs_read(esp->fs, path, ret, STUB_MAX, NULL) == 0)
		return view_step(v, true, "ESP: %s", path);
	return false;
}

/* The private loader at the removable path: the GRUB of our folder, which reads what lies in its prefix. */
static bool is_our_grub(struct view_fs *esp, const char *program)
{
	struct strbuf here cleanup_strbuf = STRBUF_INIT, ours cleanup_strbuf = STRBUF_INIT;

	if (strcasecmp(program, REMOVABLE) != 0 || !rawfs_is_file(esp->fs, "/" ESP_GRUB_CFG) ||
	    rawfs_read(esp->fs, program, &here, ESP_FILE_MAX, NULL) < 0 ||
	    rawfs_read(esp->fs, "/" ESP_LOADER_DIR "/grubx64.efi", &ours, ESP_FILE_MAX, NULL) < 0)
		return false;
	return here.len == ours.len && memcmp(here.data, ours.data, here.len) == 0;
}

static bool is_ours(const char *program, const char *stub)
{
	return strncasecmp(program, "/EFI/rehost/", 12) == 0 || strstr(stub, "/" LOADER_DIR "/");
}

static enum boot_outcome follow_our_stub(struct view *v, struct view_fs *esp)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (rawfs_read(esp->fs, "/" ESP_GRUB_CFG, &text, STUB_MAX, NULL) < 0 ||
	    !is_ours("", strbuf_str(&text)))
		return view_end(v, BOOT_NOTHING, "/" ESP_GRUB_CFG " does not lead to our script");
	view_step(v, true, "ESP: /" ESP_GRUB_CFG);
	return view_follow_private(v);
}

enum boot_outcome view_follow_efi_program(struct view *v, const char *path)
{
	struct view_fs *esp = find_esp(v);
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char program[PATH_LEN], grub[PATH_LEN + 16], stub_path[PATH_LEN + 16];
	struct stub s = { 0 };

	if (++v->chained > CHAIN_MAX)
		return view_end(v, BOOT_NOTHING, "the loaders start one another");
	if (!esp)
		return view_end(v, BOOT_NOTHING, "there is no EFI system partition");
	if (!to_slashes(path, program) || !view_check_file(v, esp, program, FILE_EFI))
		return view_end(v, BOOT_NOTHING, "the firmware cannot read %.150s", path);
	if (is_our_grub(esp, program))
		return follow_our_stub(v, esp);
	beside(program, "grubx64.efi", grub, sizeof(grub));
	if (strcasecmp(grub, program) != 0 && rawfs_is_file(esp->fs, grub) &&
	    !view_check_file(v, esp, grub, FILE_EFI))
		return view_end(v, BOOT_NOTHING, "shim cannot read %.150s", grub);
	if (!read_stub_text(v, esp, program, &text, stub_path, sizeof(stub_path)))
		return view_end(v, BOOT_UNKNOWN, "%.150s has no configuration beside it", program);
	if (is_ours(program, strbuf_str(&text)))
		return view_follow_private(v);
	if (!view_read_stub(v, strbuf_str(&text), &s) || !s.dir[0])
		return view_end(v, BOOT_NOTHING,
				"%.150s names no file system of this disk and folder in it",
				stub_path);
	if (!v->out->via[0])
		strcpy(v->out->via, "grub");
	return view_follow_config(v, s.fs, s.dir, NULL);
}

enum boot_outcome view_follow_uefi(struct view *v)
{
	v->is_uefi = true;
	return view_follow_efi_program(v, v->options->efi_path ? v->options->efi_path : REMOVABLE);
}
