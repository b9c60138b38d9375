/* SPDX-License-Identifier: MIT */
/* Whether the running system's boot loader can start the rescue once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "enter/enter_priv.h"

#define MENU_LIMIT (4u << 20)
#define FILE_LIMIT 65536
#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ROOM_SPARE (8u << 20)

/* ---- programs of GRUB ---- */

static const char *const tool_folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

const char *enter_tool(const struct enter_place *p, const char *name, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(tool_folders); i++) {
		snprintf(buf, size, "%s/%s-%s", tool_folders[i], p->tools, name);
		if (access(buf, X_OK) == 0)
			return buf;
	}
	return NULL;
}

int enter_run(const struct enter_place *p, const char *name, const char *const *arguments,
	      struct strbuf *output, struct err *e)
{
	char path[64];
	const char *argv[8] = { enter_tool(p, name, path, sizeof(path)) };
	struct spawn s = { .argv = argv, .stdin_fd = -1, .output = output, .timeout_s = 60 };
	int rc;

	if (!argv[0])
		return err_set(e, ERR_ENTER_LOADER, 0, "%s-%s is not installed", p->tools, name);
	for (size_t i = 0; arguments[i] && i + 2 < ARRAY_SIZE(argv); i++)
		argv[i + 1] = arguments[i];
	rc = spawn_wait(&s, e);
	if (rc > 0)
		err_set(e, ERR_ENTER_LOADER, 0, "%s ended with %d: %.120s", path, rc,
			output ? strbuf_str(output) : "");
	return rc == 0 ? 0 : -1;
}

/* One line of an answer of grub-probe or grub-mkrelpath. */
static int ask(const struct enter_place *p, const char *tool, const char *const *arguments,
	       char *ret, size_t size, struct err *e)
{
	cleanup_strbuf struct strbuf output = STRBUF_INIT;

	if (enter_run(p, tool, arguments, &output, e) < 0)
		return -1;
	snprintf(ret, size, "%.*s", (int)strcspn(strbuf_str(&output), "\n"), strbuf_str(&output));
	if (strlen(ret) + 1 >= size)
		return err_set(e, ERR_ENTER_LOADER, 0, "%s says too much", tool);
	return 0;
}

/* ---- what is looked at ---- */

static int find_menu(struct enter_place *ret, struct err *e)
{
	static const char *const tools[] = { "grub", "grub2" };

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		cleanup_strbuf struct strbuf menu = STRBUF_INIT;
		char path[64];

		snprintf(ret->tools, sizeof(ret->tools), "%s", tools[i]);
		snprintf(ret->folder, sizeof(ret->folder), "/boot/%s", tools[i]);
		snprintf(path, sizeof(path), "%s/grub.cfg", ret->folder);
		if (file_slurp(path, &menu, MENU_LIMIT, NULL) < 0 || !menu.len)
			continue;
		if (!enter_menu_fits(strbuf_str(&menu)))
			return err_set(e, ERR_ENTER_LOADER, 0,
				       "%s does not use next_entry, or does not read custom.cfg",
				       path);
		/* The distribution may have either name for its programs. */
		for (size_t k = 0; k < ARRAY_SIZE(tools); k++) {
			snprintf(ret->tools, sizeof(ret->tools), "%s", tools[k]);
			if (enter_tool(ret, "editenv", path, sizeof(path)))
				return 0;
		}
		return err_set(e, ERR_ENTER_LOADER, 0, "grub-editenv is not installed");
	}
	return err_set(e, ERR_ENTER_LOADER, 0, "no grub.cfg in /boot/grub or /boot/grub2");
}

/* GRUB writes next_entry away when it has read it. Where it cannot, each start would be the rescue. */
static int look_at_fs(struct enter_place *p, struct err *e)
{
	static const char *const writable[] = { "ext2", "xfs", "fat", NULL };
	const char *const abstraction[] = { "--target=abstraction", p->folder, NULL };
	const char *const fs[] = { "--target=fs", p->folder, NULL };
	const char *const uuid[] = { "--target=fs_uuid", "/boot", NULL };
	const char *const relative[] = { "/boot", NULL };
	char said[128];
	size_t i;

	if (ask(p, "probe", abstraction, said, sizeof(said), e) < 0)
		return -1;
	if (said[0])
		return err_set(e, ERR_ENTER_LOADER, 0, "%s lies on %s, where GRUB cannot write",
			       p->folder, said);
	if (ask(p, "probe", fs, said, sizeof(said), e) < 0)
		return -1;
	for (i = 0; writable[i] && strcmp(said, writable[i]) != 0; i++)
		;
	if (!writable[i])
		return err_set(e, ERR_ENTER_LOADER, 0, "%s lies on %s, which GRUB cannot write",
			       p->folder, said);
	if (ask(p, "probe", uuid, p->uuid, sizeof(p->uuid), e) < 0 ||
	    ask(p, "mkrelpath", relative, said, sizeof(said), e) < 0)
		return -1;
	if (!p->uuid[0] || strspn(p->uuid, "0123456789abcdefABCDEF-") != strlen(p->uuid))
		return err_set(e, ERR_ENTER_LOADER, 0, "no UUID for /boot: %s", p->uuid);
	snprintf(p->dir, sizeof(p->dir), "%s%s", strcmp(said, "/") == 0 ? "" : said,
		 strrchr(ENTER_DIR, '/'));
	return 0;
}

/* A machine may have a GRUB that nothing starts: a provider's own kernel, another loader. */
static int look_at_start(struct err *e)
{
	cleanup_strbuf struct strbuf cmdline = STRBUF_INIT;
	cleanup_strlist struct strlist words = STRLIST_INIT;
	const char *image = NULL, *name;
	char path[300];

	if (file_slurp("/proc/cmdline", &cmdline, FILE_LIMIT, e) < 0)
		return -1;
	if (strlist_split(&words, strbuf_str(&cmdline), " \n") < 0)
		return err_set(e, ERR_NOMEM, 0, "/proc/cmdline");
	for (size_t i = 0; i < words.count; i++)
		if (str_starts(words.items[i], "BOOT_IMAGE="))
			image = strchr(words.items[i], '=') + 1;
	if (!image)
		return err_set(
			e, ERR_ENTER_LOADER, 0,
			"this system was not started by GRUB: no BOOT_IMAGE in /proc/cmdline");
	name = strrchr(image, '/') ? strrchr(image, '/') + 1 : image;
	snprintf(path, sizeof(path), "/boot/%s", name);
	if (access(path, R_OK) < 0)
		return err_set(e, ERR_ENTER_LOADER, errno, "%s, which this system was started from",
			       path);
	return 0;
}

/* Shim takes what is signed by its own distribution; ours is Debian's kernel. */
static int look_at_secure_boot(struct err *e)
{
	cleanup_strbuf struct strbuf variable = STRBUF_INIT, os = STRBUF_INIT;

	if (file_slurp(SECURE_BOOT, &variable, 64, NULL) < 0 || variable.len < 5 ||
	    variable.data[4] != 1)
		return 0;
	if (file_slurp("/etc/os-release", &os, FILE_LIMIT, NULL) == 0 && os.len &&
	    (str_starts(os.data, "ID=debian\n") || strstr(os.data, "\nID=debian\n")))
		return 0;
	return err_set(
		e, ERR_ENTER_LOADER, 0,
		"Secure Boot is on, and this distribution's shim does not take Debian's kernel");
}

static int look_at_machine(struct err *e)
{
	cleanup_strbuf struct strbuf memory = STRBUF_INIT;
	unsigned long long kib = 0;

	if (geteuid() != 0)
		return err_set(e, ERR_ENTER_HERE, 0, "only root can do this");
	if (access("/etc/rehost/complete", F_OK) == 0)
		return err_set(e, ERR_ENTER_HERE, 0, "this is the rescue already");
	if (access("/var/lib/rehost/rehost", F_OK) == 0 && access("/.rehost", F_OK) == 0)
		return err_set(e, ERR_ENTER_HERE, 0,
			       "this is a clone that was not released: "
			       "'/var/lib/rehost/rehost rollback' starts its rescue");
	if (access("/run/systemd/container", F_OK) == 0 ||
	    (access("/proc/vz", F_OK) == 0 && access("/proc/bc", F_OK) != 0))
		return err_set(e, ERR_ENTER_HERE, 0, "a container has no boot loader of its own");
	if (file_slurp("/proc/meminfo", &memory, FILE_LIMIT, NULL) == 0 &&
	    sscanf(strbuf_str(&memory), "MemTotal: %llu", &kib) == 1 && kib << 10 < ENTER_RAM_MIN)
		return err_set(e, ERR_ENTER_HERE, 0,
			       "the rescue needs %llu MiB of memory, this machine has %llu",
			       ENTER_RAM_MIN >> 20, kib >> 10);
	return 0;
}

int enter_look(struct enter_place *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	if (look_at_machine(e) < 0 || find_menu(ret, e) < 0 || look_at_start(e) < 0 ||
	    look_at_secure_boot(e) < 0 || look_at_fs(ret, e) < 0)
		return -1;
	return 0;
}

/* ---- room ---- */

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

int enter_room(uint64_t bytes, struct err *e)
{
	uint64_t have, need = bytes + ROOM_SPARE;
	struct statvfs fs;
	char a[32], b[32];

	if (statvfs("/boot", &fs) < 0)
		return err_set(e, ERR_FILE, errno, "/boot");
	have = (uint64_t)fs.f_bavail * fs.f_frsize + size_of(ENTER_KERNEL) + size_of(ENTER_INITRD);
	if (have < need)
		return err_set(e, ERR_ENTER_ROOM, 0, "/boot has %s free, %s are needed",
			       format_bytes(a, sizeof(a), have), format_bytes(b, sizeof(b), need));
	return 0;
}
