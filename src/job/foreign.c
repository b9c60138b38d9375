/* SPDX-License-Identifier: MIT */
#include "job/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "base/str.h"
#include "disk/claim.h"
#include "job/target.h"

#define RUN_FOREIGN "foreign"
#define OPTIONS_MAX 65536

/* What every command needs: better told now than in the middle. */
static int check_system(struct err *e)
{
	struct strbuf kinds cleanup_strbuf = STRBUF_INIT;

	if (geteuid() != 0)
		return err_set(e, ERR_NOT_ROOT, 0, "the user is not root");
	if (syscall(SYS_openat2, -1, "", NULL, 0) < 0 && errno == ENOSYS)
		return err_set(e, ERR_NOT_ROOT, 0, "this kernel is older than 5.6");
	if (file_slurp("/proc/filesystems", &kinds, OPTIONS_MAX, e) < 0)
		return -1;
	/* As a module it comes by itself when it is first mounted. */
	if (!strstr(strbuf_str(&kinds), "\toverlay\n"))
		log_warn("serve: the kernel has not loaded overlayfs; 'rewrite' will need it "
			 "(modprobe overlay)");
	return 0;
}

static int check_unused(const char *name, struct err *e)
{
	struct strbuf swap cleanup_strbuf = STRBUF_INIT;
	char path[256];

	(void)!file_slurp(run_path(path, sizeof(path), RUN_SWAP), &swap, 4096, NULL);
	return claim_check_unused(name, run_dir(), strbuf_str(&swap), e);
}

static int take_disk(const char *given, struct strlist *names, struct err *e)
{
	char name[CLAIM_NAME_MAX];

	if (claim_find(given, name, e) < 0 || check_unused(name, e) < 0)
		return -1;
	if (!strlist_has(names, name) && strlist_add(names, name) < 0)
		return err_set(e, ERR_NOMEM, 0, "list of disks");
	return 0;
}

/* The other lines of the options are the operator's. */
static int write_options(const struct strlist *names, struct err *e)
{
	struct strbuf before cleanup_strbuf = STRBUF_INIT, after cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[512];
	size_t i;

	run_path(path, sizeof(path), "options");
	if (file_slurp(path, &before, OPTIONS_MAX, e) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
	}
	if (strlist_split(&lines, strbuf_str(&before), "\r\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "options");
	for (i = 0; i < lines.count; i++)
		if (!str_starts(lines.items[i], "disk=") &&
		    !str_starts(lines.items[i], RUN_FOREIGN "="))
			strbuf_addf(&after, "%s\n", lines.items[i]);
	strbuf_adds(&after, "disk=");
	for (i = 0; i < names->count; i++)
		strbuf_addf(&after, "%s%s", i ? "," : "", names->items[i]);
	strbuf_adds(&after, "\n" RUN_FOREIGN "=1\n");
	if (after.failed)
		return err_set(e, ERR_NOMEM, 0, "options");
	return file_replace(path, strbuf_str(&after), after.len, 0600, e);
}

int foreign_begin(const char *disks, struct err *e)
{
	struct strlist given cleanup_strlist = STRLIST_INIT, names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (check_system(e) < 0)
		return -1;
	if (strlist_split(&given, disks, ",") < 0)
		return err_set(e, ERR_NOMEM, 0, "list of disks");
	if (given.count == 0)
		return err_set(e, ERR_DISK_NAME, 0, "--disk names none");
	for (i = 0; i < given.count; i++)
		if (take_disk(given.items[i], &names, e) < 0)
			return err_ctx(e, "taking %s as the target's disk", given.items[i]);
	if (write_options(&names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		log_info("serve: beside the system that runs here, for /dev/%s alone",
			 names.items[i]);
	return 0;
}

void foreign_end(void)
{
	struct err e = ERR_INIT;

	if (target_unmount_all(&e) < 0)
		log_warn("serve: the target's file systems stay mounted: %s",
			 e.nctx ? e.ctx[0] : "");
}

bool foreign_is_set(void)
{
	char *value cleanup_free = run_option(RUN_FOREIGN);

	return value != NULL;
}

int foreign_check(const struct disk_scan *scan, struct err *e)
{
	unsigned i;

	for (i = 0; foreign_is_set() && i < scan->disk_count; i++)
		if (check_unused(scan->disks[i].path + strlen("/dev/"), e) < 0)
			return -1;
	return 0;
}
