/* SPDX-License-Identifier: MIT */
/* For test_target.py: one call into disk or job a run, where no command of rehost does just that. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/report.h"
#include "disk/bootarea.h"
#include "job/common.h"
#include "job/identity.h"
#include "job/job.h"
#include "job/view.h"

static int fail(struct err *e)
{
	json_print(stdout, report_error_json(e));
	return 1;
}

static int show_target(enum target_access access)
{
	struct err e = ERR_INIT;
	struct target t;
	unsigned i;

	if (target_open(&t, access, &e) < 0)
		return fail(&e);
	for (i = 0; i < t.fs_count; i++)
		printf("fs %s %s %s %s\n", t.fs[i].mount, t.fs[i].volume->path, t.fs[i].options,
		       t.fs[i].is_writable ? "writable" : "read-only");
	for (i = 0; i < t.other_count; i++)
		printf("other %s %s\n", t.others[i].mount, t.others[i].volume->path);
	for (i = 0; i < t.swap_count; i++)
		printf("swap %s\n", t.swaps[i]->path);
	for (i = 0; i < t.notes.count; i++)
		printf("note %s\n", t.notes.items[i]);
	printf("token %s\nprovisional %d\n", t.token, t.is_provisional);
	target_close(&t);
	return 0;
}

static int touch_path(void *arg, struct err *e)
{
	struct root r cleanup_root = ROOT_INIT;

	if (root_open(&r, VIEW_DIR, e) < 0)
		return -1;
	return root_replace(&r, arg, "new\n", 4, NULL, e);
}

static int write_in_view(enum view_kind kind, char *path)
{
	struct err e = ERR_INIT;
	struct target t;
	int rc;

	if (target_open(&t, TARGET_WRITE, &e) < 0)
		return fail(&e);
	rc = view_run(&t, kind, touch_path, path, &e);
	target_close(&t);
	return rc < 0 ? fail(&e) : rc;
}

static int begin(const char *command, unsigned seconds)
{
	struct err e = ERR_INIT;
	struct target t;
	struct record r;

	if (job_begin(&t, &r, command, &e) < 0)
		return fail(&e);
	puts("begun");
	fflush(stdout);
	sleep(seconds);
	record_done(&r);
	target_close(&t);
	return 0;
}

/* What J holds while a switch is under way, as far as opening the target is concerned. */
/* A switch of two folders of the root, with nothing done yet. */
static int record_switching(void)
{
	static struct switch_fs fs[TARGET_FS_MAX];
	static const char *const names[] = { "bin", "etc" };
	struct stat st;
	struct err e = ERR_INIT;
	struct target t;
	struct record r;
	unsigned i;

	if (job_begin(&t, &r, "switch", &e) < 0)
		return fail(&e);
	for (i = 0; i < t.fs_count; i++)
		fs[i] = (struct switch_fs){ .uuid = t.fs[i].volume->uuid, .mount = t.fs[i].mount };
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct switch_entry *entry = switch_fs_add(&fs[0], names[i]);

		if (!entry || root_lstat(&t.fs[0].root, names[i], &st) < 0)
			return 1;
		entry->old_ino = st.st_ino;
	}
	r.filesystems = fs;
	r.fs_count = t.fs_count;
	r.state = JOB_SWITCHING;
	if (record_store(&r, &t.fs[0].root, &e) < 0)
		return fail(&e);
	target_close(&t);
	return 0;
}

static int show_facts(void)
{
	struct identity_facts f;
	struct err e = ERR_INIT;
	struct target t;
	unsigned i;

	if (target_open(&t, TARGET_LOOK, &e) < 0 || identity_ensure(&t, &e) < 0 ||
	    identity_facts_make(&f, &t, &e) < 0)
		return fail(&e);
	for (i = 0; i < f.facts.fs_count; i++)
		printf("fs %s %s %s %s\n", f.fs[i].mount, f.fs[i].type, f.fs[i].uuid,
		       f.fs[i].options ? f.fs[i].options : "-");
	for (i = 0; f.facts.consoles[i]; i++)
		printf("console %s\n", f.facts.consoles[i]);
	printf("hostname %s\nboot %s\n", f.facts.target_hostname, f.facts.boot_disk);
	identity_facts_done(&f);
	target_close(&t);
	return 0;
}

static int embed(const char *disk, const char *boot_path, const char *core_path)
{
	struct strbuf boot cleanup_strbuf = STRBUF_INIT;
	struct strbuf core cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = open(disk, O_RDONLY | O_CLOEXEC);
	struct err e = ERR_INIT;
	struct bootarea a;

	if (bootarea_read(&a, fd, NULL, 0, &e) < 0 ||
	    file_slurp(boot_path, &boot, 1 << 20, &e) < 0 ||
	    file_slurp(core_path, &core, 1 << 20, &e) < 0 ||
	    bootarea_embed_grub(&a, boot.data, boot.len, core.data, core.len, &e) < 0 ||
	    bootarea_write(&a, disk, &e) < 0)
		return fail(&e);
	bootarea_done(&a);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	const char *word = argc > 1 ? argv[1] : "";

	if (strcmp(word, "look") == 0)
		return show_target(TARGET_LOOK);
	if (strcmp(word, "write") == 0)
		return show_target(TARGET_WRITE);
	if (strcmp(word, "unmount") == 0)
		return target_unmount_all(&e) < 0 ? fail(&e) : 0;
	if (strcmp(word, "write-old") == 0 && argc == 3)
		return write_in_view(VIEW_OLD, argv[2]);
	if (strcmp(word, "write-stage") == 0 && argc == 3)
		return write_in_view(VIEW_STAGE, argv[2]);
	if (strcmp(word, "write-clone") == 0 && argc == 3)
		return write_in_view(VIEW_CLONE, argv[2]);
	if (strcmp(word, "begin") == 0 && argc == 3)
		return begin(argv[2], 0);
	if (strcmp(word, "hold") == 0 && argc == 3)
		return begin(argv[2], 20);
	if (strcmp(word, "record-switching") == 0)
		return record_switching();
	if (strcmp(word, "facts") == 0)
		return show_facts();
	if (strcmp(word, "plan") == 0)
		return job_plan(stdout, argc > 2, &e) < 0 ? fail(&e) : 0;
	if (strcmp(word, "identity") == 0)
		return job_identity(stdout, argc > 2, &e) < 0 ? fail(&e) : 0;
	if (strcmp(word, "embed") == 0 && argc == 5)
		return embed(argv[2], argv[3], argv[4]);
	return 2;
}
