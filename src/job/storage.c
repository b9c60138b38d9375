/* SPDX-License-Identifier: MIT */
#include "job/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/root.h"
#include "base/spawn.h"
#include "base/str.h"

#define MARK "/etc/rehost/storage"
#define TOOL_TIMEOUT_S 60
#define KEEP_RAM_BYTES \
	(512ull << 20) /* with more than this the tools stay for whoever wants them */
#define PASSPHRASE_MAX 4096

bool storage_is_there(void)
{
	return access(MARK, F_OK) == 0;
}

static bool has_type(const struct volume *v, const char *type)
{
	return v->type && strcmp(v->type, type) == 0;
}

struct storage_needs storage_needs_of(const struct disk_scan *scan)
{
	struct storage_needs n = { 0 };
	unsigned i;

	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];

		n.raid |= has_type(v, "linux_raid_member");
		n.lvm |= has_type(v, "LVM2_member");
		n.any |= n.raid || n.lvm || has_type(v, "crypto_LUKS");
	}
	return n;
}

/* 0, or the tool's exit status; -1 when it could not be run. What it says is in the log. */
static int run_tool(const char *const *argv, struct strbuf *output)
{
	struct spawn s = {
		.argv = argv, .stdin_fd = -1, .timeout_s = TOOL_TIMEOUT_S, .output = output
	};
	struct err e = ERR_INIT;
	int rc = spawn_wait(&s, &e);

	if (rc < 0)
		log_warn("storage: %s: %s", argv[0], e.nctx ? e.ctx[0] : "cannot be run");
	else if (rc > 0)
		log_warn("storage: %s ended with %d", argv[0], rc);
	return rc;
}

/* Arrays that start now write nothing before the first write to them. */
static void assemble_arrays(void)
{
	static const char *const modprobe[] = { "/sbin/modprobe", "md_mod", NULL };
	static const char *const mdadm[] = {
		"/usr/sbin/mdadm", "--assemble", "--scan", "--run", "--config=/etc/mdadm.conf", NULL
	};
	int fd cleanup_fd = -1;

	run_tool(modprobe, NULL);
	fd = open("/sys/module/md_mod/parameters/start_ro", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write_all(fd, "1", 1) < 0) {
		log_warn("storage: arrays cannot be started read-only and so are not: %s",
			 strerror(errno));
		return;
	}
	run_tool(mdadm, NULL);
}

/* Mirrors, snapshots, caches and thin pools write when they are activated. */
static void activate_groups(void)
{
	static const char *const modprobe[] = { "/sbin/modprobe", "dm_mod", NULL };
	static const char *const lvm[] = { "/usr/sbin/lvm",
					   "lvchange",
					   "--activate",
					   "y",
					   "--ignoreactivationskip",
					   "--select",
					   "segtype=linear || segtype=striped",
					   NULL };

	run_tool(modprobe, NULL);
	run_tool(lvm, NULL);
}

static int remove_tools(struct err *e)
{
	static const char *const paths[] = { "usr/sbin", "usr/lib", "lib64", "etc/rehost/storage" };
	struct root r cleanup_root = ROOT_INIT;
	size_t i;

	if (root_open(&r, "/", e) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (root_exists(&r, paths[i]) && root_remove_tree(&r, paths[i], e) < 0)
			return -1;
	}
	log_info("storage: no disk here needs the tools, their memory is free again");
	return 0;
}

static bool is_ram_short(void)
{
	struct sysinfo si;

	return sysinfo(&si) == 0 && (unsigned long long)si.totalram * si.mem_unit < KEEP_RAM_BYTES;
}

static int look(struct storage_needs *ret, struct err *e)
{
	struct disk_scan scan;

	if (disk_scan_all(&scan, false, e) < 0)
		return -1;
	*ret = storage_needs_of(&scan);
	disk_scan_done(&scan);
	return 0;
}

int job_storage(struct err *e)
{
	struct storage_needs n;

	if (!storage_is_there())
		return 0;
	if (look(&n, e) < 0)
		return -1;
	if (!n.any)
		return is_ram_short() ? remove_tools(e) : 0;
	if (n.raid) {
		assemble_arrays();
		if (look(&n, e) < 0)
			return -1;
	}
	if (n.lvm)
		activate_groups();
	return 0;
}

/* ---- unlock ---- */

/* The passphrase ends where a program would stop reading it: at a newline, or the end. */
static int read_passphrase(int fd, struct strbuf *ret, struct err *e)
{
	char c;
	ssize_t n;

	while ((n = read(fd, &c, 1)) > 0 && c != '\n') {
		if (ret->len >= PASSPHRASE_MAX)
			return err_set(e, ERR_USAGE, 0, "the passphrase is longer than %d bytes",
				       PASSPHRASE_MAX);
		strbuf_addc(ret, c);
	}
	if (n < 0)
		return err_set(e, ERR_FILE, errno, "reading the passphrase");
	if (ret->len == 0)
		return err_set(e, ERR_USAGE, 0, "no passphrase came on the standard input");
	return ret->failed ? err_set(e, ERR_NOMEM, 0, "passphrase") : 0;
}

static int open_luks(const struct volume *v, const struct strbuf *passphrase, struct err *e)
{
	struct strbuf name cleanup_strbuf = STRBUF_INIT, output cleanup_strbuf = STRBUF_INIT;
	const char *argv[] = { "/usr/sbin/cryptsetup", "open", "--type", "luks", "--batch-mode",
			       "--key-file",	       "-",    v->path,	 NULL,	 NULL };
	struct spawn s = { .argv = argv, .timeout_s = 2 * TOOL_TIMEOUT_S, .output = &output };
	int ends[2], rc;

	strbuf_addf(&name, "luks-%s", v->uuid ? v->uuid : "none");
	argv[8] = strbuf_str(&name);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_INTERNAL, errno, "pipe");
	/* A pipe takes this much at once. */
	rc = write_all(ends[1], passphrase->data, passphrase->len);
	close(ends[1]);
	s.stdin_fd = ends[0];
	rc = rc < 0 ? err_set(e, ERR_INTERNAL, errno, "pipe") : spawn_wait(&s, e);
	close(ends[0]);
	if (rc > 0)
		return err_set(e, ERR_ENCRYPTED, 0, "%s: %.120s", v->path,
			       output.len ? strbuf_str(&output) : "cryptsetup refused");
	return rc;
}

int job_unlock(const char *device, int fd, FILE *out, struct err *e)
{
	struct strbuf passphrase cleanup_strbuf = STRBUF_INIT;
	struct disk_scan scan;
	const struct volume *v;
	int rc = -1;

	if (!storage_is_there())
		return err_set(e, ERR_ENCRYPTED, 0, "this rescue has no storage tools");
	if (disk_scan_all(&scan, false, e) < 0)
		return -1;
	v = disk_find(&scan, device);
	if (!v || !has_type(v, "crypto_LUKS"))
		err_set(e, ERR_ENCRYPTED, 0, "%s is no LUKS device here", device);
	else if (read_passphrase(fd, &passphrase, e) == 0)
		rc = open_luks(v, &passphrase, e);
	if (rc == 0)
		fprintf(out, "%s is open; type plan\n", v->path);
	if (passphrase.data)
		explicit_bzero(passphrase.data, passphrase.len);
	disk_scan_done(&scan);
	return rc == 0 ? job_storage(e) : -1;
}
