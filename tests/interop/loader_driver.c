/* SPDX-License-Identifier: MIT */
/*
 * For tests/vm/test_loader.py: one step of the private loader a run, on the disks that REHOST_DISKS names.
 *   loader_driver assess | entry FILE | store | store-own | plant | select WORD | selected | finish | restore
 * store reads the loader archive from standard input. And for test_extfs.py, what an image's file system is for GRUB:
 *   loader_driver extfs IMAGE
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "disk/extfs.h"
#include "job/efi_flip.h"
#include "job/loader.h"

static int fail(struct err *e)
{
	report_error(stderr, e);
	return 1;
}

static int show_verdict(const struct target *t, struct err *e)
{
	struct loader_verdict v;

	if (loader_assess(t, &v, e) < 0)
		return -1;
	printf("%s %s\n",
	       v.kind == LOADER_BIOS   ? "bios"
	       : v.kind == LOADER_UEFI ? "uefi"
				       : "none",
	       v.why);
	return 0;
}

static int select_word(const struct target *t, const char *word, struct err *e)
{
	unsigned c;

	for (c = 0; c < LOADER_CHOICES; c++) {
		if (word && strcmp(loader_choice_name((enum loader_choice)c), word) == 0)
			return loader_select(loader_fs(t), (enum loader_choice)c, e);
	}
	return err_set(e, ERR_USAGE, 0, "%s", word ? word : "no word");
}

static int show_selected(const struct target *t, struct err *e)
{
	enum loader_choice c;

	if (loader_selected(loader_fs(t), &c, e) < 0)
		return -1;
	printf("%s\n", loader_choice_name(c));
	return 0;
}

/* The record as the switch would have it: finishing looks at the file systems of the plan. */
static int finish(const struct target *t, struct record *r, struct err *e)
{
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		if (!record_add_fs(r, t->fs[i].volume->uuid, t->fs[i].mount))
			return err_set(e, ERR_NOMEM, 0, "plan");
	}
	return loader_finish(loader_fs(t), r, &notes, e);
}

static int plant(const struct target *t, struct record *r, struct err *e)
{
	if (r->state == JOB_NONE)
		r->state = JOB_CHECKED;
	if (loader_plant(t, r, e) < 0)
		return -1;
	printf("%llu %u\n", (unsigned long long)r->loader_lba, r->loader_sectors);
	return 0;
}

static int run(const struct target *t, struct record *r, int argc, char **argv, struct err *e)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "assess") == 0)
		return show_verdict(t, e);
	if (strcmp(what, "entry") == 0 && argc > 2) /* as a distribution's installer makes one */
		return esp_find(t) ? efi_flip_to(&t->scan, esp_find(t), "test", argv[2], e) : -1;
	if (strcmp(what, "store") == 0)
		return loader_store(t, 0, e);
	if (strcmp(what, "store-own") == 0) /* in a rescue that carries it */
		return loader_store(t, -1, e);
	if (strcmp(what, "select") == 0)
		return select_word(t, argv[2], e);
	if (strcmp(what, "selected") == 0)
		return show_selected(t, e);
	if (strcmp(what, "plant") == 0)
		return plant(t, r, e);
	if (strcmp(what, "finish") == 0)
		return finish(t, r, e);
	if (strcmp(what, "restore") == 0)
		return loader_restore(t, r, e);
	return err_set(e, ERR_USAGE, 0, "%s", what);
}

static int show_extfs(const char *image, struct err *e)
{
	int fd cleanup_fd = open(image, O_RDONLY | O_CLOEXEC);
	const char *why = NULL;

	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", image);
	if (extfs_why_not_grub(fd, &why, e) < 0)
		return -1;
	printf("%s\n", why ? why : "can be used");
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct target t = { 0 };
	struct record r = { 0 };
	int rc;

	if (argc > 2 && strcmp(argv[1], "extfs") == 0)
		return show_extfs(argv[2], &e) < 0 ? fail(&e) : 0;
	if (target_open(&t, TARGET_WRITE, &e) < 0)
		return fail(&e);
	rc = record_load(&r, &t.fs[0].root, &e);
	if (rc == 0) {
		rc = run(&t, &r, argc, argv, &e);
		record_done(&r);
	}
	target_close(&t);
	return rc < 0 ? fail(&e) : 0;
}
