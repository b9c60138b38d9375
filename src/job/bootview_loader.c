/* SPDX-License-Identifier: MIT */
/* Through our own loader: its script, S, and what each word of S would start. */
#include <string.h>
#include <strings.h>

#include "job/bootview_priv.h"
#include "job/grub_menu.h"
#include "job/loader.h"

#define CHAIN_MAX 3 /* loaders after another: ours, then one of the systems' */
#define S_BYTES 512u
#define SCRIPT_MAX 65536u

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

/* ---- BIOS ---- */

static enum boot_outcome follow_old_sector0(struct view *v)
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
	return view_follow_sector0(v, sector);
}

/* The core.img that grub-install made in the live tree, wherever its /boot is. */
static enum boot_outcome follow_clone_core(struct view *v)
{
	static const char *const folders[] = { "/grub", "/boot/grub", "/grub2", "/boot/grub2" };
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	struct grub_core core = { 0 };
	struct err e = ERR_INIT;
	enum boot_outcome end;
	char path[64] = "", menu[64], module[64];
	size_t i;

	/* The script asks for these two before it tries the core. */
	for (i = 0; i < ARRAY_SIZE(folders) && !path[0]; i++) {
		snprintf(menu, sizeof(menu), "%s/grub.cfg", folders[i]);
		snprintf(module, sizeof(module), "%s/i386-pc/normal.mod", folders[i]);
		if (rawfs_is_file(v->loader_fs->fs, menu) &&
		    rawfs_is_file(v->loader_fs->fs, module))
			snprintf(path, sizeof(path), "%s/i386-pc/core.img", folders[i]);
	}
	if (!path[0] || rawfs_read(v->loader_fs->fs, path, &image, GRUB_CORE_MAX_BYTES, &e) < 0 ||
	    grub_core_parse(&core, strbuf_str(&image), image.len, &e) < 0) {
		view_step(v, false, "the clone's core.img cannot be read");
		return follow_rescue(v);
	}
	view_step(v, true, "the clone's loader, %s", path);
	end = view_follow_core_file(v, &core, path + 1);
	grub_core_done(&core);
	return end;
}

/* ---- UEFI ---- */

/*
 * The EFI program that the script chain loads for a word: the first one after the line that asks for the word. NULL when
 * there is none.
 */
static char *script_program(const char *script, const char *word)
{
	char asks[64];
	const char *p, *line;
	size_t n;

	snprintf(asks, sizeof(asks), "\"$rehost_go\" = %s ]", word);
	p = strstr(script, asks);
	line = p ? strstr(p, "chainloader") : NULL;
	/* Before the block ends: a line that is only "fi". */
	if (!line || (strstr(p, "\nfi\n") && strstr(p, "\nfi\n") < line))
		return NULL;
	n = strcspn(line, "\n;");
	for (p = line; p + 5 < line + n; p++)
		if (strncasecmp(p, "/EFI/", 5) == 0)
			return strndup(p, strcspn(p, " \t\"'\n;"));
	return NULL;
}

static enum boot_outcome follow_program(struct view *v, const char *script, const char *word)
{
	char *program cleanup_free = script_program(script, word);

	if (!program) {
		view_step(v, false, "the script has no EFI program for %s", word);
		return follow_rescue(v);
	}
	return view_follow_efi_program(v, program);
}

/* ---- S ---- */

static enum boot_outcome follow_s(struct view *v, const char *s, const char *script)
{
	if (strcmp(s, "old") == 0)
		return v->is_uefi ? follow_program(v, script, "old") : follow_old_sector0(v);
	if (strcmp(s, "clone") == 0 || strcmp(s, "clone-once") == 0)
		return v->is_uefi ? follow_program(v, script, "clone") : follow_clone_core(v);
	return follow_rescue(v);
}

/* What each word would start, without a trace in the report. */
static void ask_all(struct view *v, const char *script)
{
	static const char *const words[] = { "old", "rescue", "clone" };
	struct bootview kept = *v->out;
	json_t *choices = json_object();
	unsigned chained = v->chained;
	size_t i;

	v->is_asking = true;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		enum boot_outcome end;

		v->out->core = v->out->tree = NULL;
		v->chained = chained;
		end = follow_s(v, words[i], script);
		json_object_set_new(choices, words[i], json_string(boot_outcome_name(end)));
		if (strcmp(words[i], "rescue") == 0)
			v->then = end; /* of a trial: by then S says rescue */
		json_decref(v->out->core);
		json_decref(v->out->tree);
	}
	v->is_asking = false;
	v->chained = chained;
	*v->out = kept;
	v->out->choices = choices;
}

enum boot_outcome view_follow_private(struct view *v)
{
	static const char *const words[] = { "old", "rescue", "clone-once", "clone" };
	struct strbuf script cleanup_strbuf = STRBUF_INIT;
	char *s cleanup_free = NULL;
	size_t i;

	if (++v->chained > CHAIN_MAX)
		return view_end(v, BOOT_NOTHING, "the private loader starts itself");
	strcpy(v->out->via, "private-loader");
	if (!v->loader_fs || !view_check_file(v, v->loader_fs, LOADER_DIR "/grub.cfg", FILE_ANY) ||
	    rawfs_read(v->loader_fs->fs, LOADER_DIR "/grub.cfg", &script, SCRIPT_MAX, NULL) < 0)
		return view_end(v, BOOT_NOTHING, "the private loader finds no script");
	s = read_s(v);
	for (i = 0; s && i < ARRAY_SIZE(words) && strcmp(words[i], s) != 0; i++)
		;
	snprintf(v->out->s, sizeof(v->out->s), "%s", s && i < ARRAY_SIZE(words) ? s : "damaged");
	view_step(v, strcmp(v->out->s, "damaged") != 0, "S says %s", v->out->s);
	if (!v->is_asking && !v->out->choices)
		ask_all(v, strbuf_str(&script));
	v->has_then = strcmp(v->out->s, "clone-once") == 0;
	return follow_s(v, v->out->s, strbuf_str(&script));
}
