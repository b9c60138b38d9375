/* SPDX-License-Identifier: MIT */
/* The texts of the prepared chroot's /proc: the target as it will be mounted. proc(5) has the formats. */
#include <string.h>

#include "job/chroot.h"
#include "job/esp.h"
#include "rewrite/facts.h"

struct pseudo {
	const char *mount, *type, *options;
	unsigned minor;
};

static const struct pseudo pseudos[] = {
	{ "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime", 21 },
	{ "/proc", "proc", "rw,nosuid,nodev,noexec,relatime", 22 },
	{ "/dev", "devtmpfs", "rw,nosuid,relatime", 5 },
	{ "/dev/pts", "devpts", "rw,nosuid,noexec,relatime", 23 },
	{ "/run", "tmpfs", "rw,nosuid,nodev,noexec,relatime", 24 },
};

/* Blank, tab, newline and backslash as octal, as the kernel does. */
static void add_path(struct strbuf *out, const char *path)
{
	for (; *path; path++) {
		if (strchr(" \t\n\\#", *path))
			strbuf_addf(out, "\\%03o", (unsigned char)*path);
		else
			strbuf_addc(out, *path);
	}
}

/* The mount whose folder holds path: the longest one that is a prefix. */
static unsigned parent_of(const struct target *t, const char *path)
{
	unsigned i, best = 0;
	size_t best_len = 0;

	for (i = 0; i < t->fs_count; i++) {
		const char *m = t->fs[i].mount;
		size_t len = strlen(m);

		if (len > best_len && len < strlen(path) && strncmp(m, path, len) == 0 &&
		    path[len] == '/') {
			best = i;
			best_len = len;
		}
	}
	return best;
}

#define ID_ROOT 20 /* any number: it only has to be consistent */

/* grub-install wants to see a FAT file system where it writes, and gets a plain folder of the clone. */
static const struct volume *shown_esp(const struct target *t)
{
	return t->is_uefi ? esp_find(t) : NULL;
}

void chroot_mountinfo(const struct target *t, struct strbuf *out)
{
	const struct volume *esp = shown_esp(t);
	unsigned i, id = ID_ROOT + t->fs_count;

	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *fs = &t->fs[i];

		strbuf_addf(out, "%u %u %u:%u / ", ID_ROOT + i,
			    i ? ID_ROOT + parent_of(t, fs->mount) : 1, fs->volume->major,
			    fs->volume->minor);
		add_path(out, fs->mount);
		strbuf_addf(out, " rw,relatime shared:%u - %s ", i + 1, fs->volume->type);
		add_path(out, fs->volume->path);
		strbuf_adds(out, " rw\n");
	}
	if (esp) {
		strbuf_addf(out, "%u %u %u:%u / %s rw,relatime shared:99 - vfat ", id++,
			    ID_ROOT + parent_of(t, REWRITE_ESP_DIR), esp->major, esp->minor,
			    REWRITE_ESP_DIR);
		add_path(out, esp->path);
		strbuf_adds(out, " rw\n");
	}
	for (i = 0; i < ARRAY_SIZE(pseudos); i++, id++)
		strbuf_addf(out, "%u %u 0:%u / %s %s - %s %s rw\n", id, ID_ROOT, pseudos[i].minor,
			    pseudos[i].mount, pseudos[i].options, pseudos[i].type, pseudos[i].type);
}

void chroot_mounts(const struct target *t, struct strbuf *out)
{
	const struct volume *esp = shown_esp(t);
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		add_path(out, t->fs[i].volume->path);
		strbuf_addc(out, ' ');
		add_path(out, t->fs[i].mount);
		strbuf_addf(out, " %s rw,relatime 0 0\n", t->fs[i].volume->type);
	}
	if (esp) {
		add_path(out, esp->path);
		strbuf_adds(out, " " REWRITE_ESP_DIR " vfat rw,relatime 0 0\n");
	}
	for (i = 0; i < ARRAY_SIZE(pseudos); i++)
		strbuf_addf(out, "%s %s %s %s 0 0\n", pseudos[i].type, pseudos[i].mount,
			    pseudos[i].type, pseudos[i].options);
}

void chroot_swaps(const struct target *t, struct strbuf *out)
{
	unsigned i;

	strbuf_adds(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (i = 0; i < t->swap_count; i++)
		strbuf_addf(out, "%-40spartition\t%llu\t\t0\t\t%d\n", t->swaps[i]->path,
			    (unsigned long long)t->swaps[i]->size_bytes / 1024, -2 - (int)i);
}

void chroot_cmdline(const struct target *t, struct strbuf *out)
{
	strbuf_addf(out, "root=UUID=%s ro\n", t->fs[0].volume->uuid);
}

void chroot_link_name(const char *text, struct strbuf *out)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "#+-.:=@_";
	const char *p;

	for (p = text; *p; p++) {
		if (strchr(safe, *p) || (unsigned char)*p >= 0x80)
			strbuf_addc(out, *p);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)*p);
	}
}
