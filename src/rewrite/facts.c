/* SPDX-License-Identifier: MIT */
#include "rewrite/facts.h"

#include <string.h>

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool only(const char *s, const char *allowed, size_t max)
{
	size_t len = strspn(s, allowed);

	return len > 0 && !s[len] && len <= max;
}

static int refuse(struct err *e, const char *what, const char *value)
{
	return err_set(e, ERR_RW_FACTS, 0, "%s \"%s\"", what, value ? value : "(none)");
}

/* Optional values may be NULL. */
static int check_text(struct err *e, const char *what, const char *value, const char *allowed,
		      size_t max)
{
	return !value || only(value, allowed, max) ? 0 : refuse(e, what, value);
}

static int check_path(struct err *e, const char *what, const char *value)
{
	const char *s;

	if (!value)
		return 0;
	if (value[0] != '/' || strlen(value) > 1024 || strstr(value, "/../") ||
	    str_ends(value, "/.."))
		return refuse(e, what, value);
	for (s = value; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return refuse(e, what, value);
	return 0;
}

/* A word of a table: printable, no blanks. */
static int check_word(struct err *e, const char *what, const char *value)
{
	const char *s;

	for (s = value; s && *s; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return refuse(e, what, value);
	return value && (!*value || strlen(value) > 1024) ? refuse(e, what, value) : 0;
}

bool rewrite_is_vendor(const char *s)
{
	return only(s, ALNUM " .,-_()&/+", 128);
}

/* Shown in notes and compared, never written into a file. */
static int check_vendor(struct err *e, const char *value)
{
	return !value || rewrite_is_vendor(value) ? 0 : refuse(e, "the vendor", value);
}

static int check_fs(const struct fact_fs *fs, struct err *e)
{
	if (!fs->mount || !fs->type || !fs->uuid)
		return refuse(e, "an incomplete file system", fs->device);
	if (strcmp(fs->mount, "none") != 0 && check_path(e, "the mount point", fs->mount) < 0)
		return -1;
	if (check_path(e, "the device", fs->device) < 0 ||
	    check_text(e, "the file system type", fs->type, ALNUM "._-", 32) < 0 ||
	    check_text(e, "the UUID", fs->uuid, ALNUM "-", 64) < 0 ||
	    check_word(e, "the mount options", fs->options) < 0)
		return -1;
	return 0;
}

static int check_link(const struct fact_link *l, struct err *e)
{
	const char *mac = l->mac;
	size_t i;

	if (!mac || strlen(mac) != 17)
		return refuse(e, "the hardware address", mac);
	for (i = 0; i < 17; i++)
		if (i % 3 == 2 ? mac[i] != ':' : !strchr("0123456789abcdef", mac[i]))
			return refuse(e, "the hardware address", mac);
	if (check_text(e, "the interface name", l->target_name, ALNUM "._-@", 15) < 0 ||
	    check_text(e, "the driver", l->driver, ALNUM "_-", 64) < 0)
		return -1;
	return 0;
}

static int check_lists(const struct rewrite_facts *facts, struct err *e)
{
	size_t i;

	for (i = 0; facts->consoles && facts->consoles[i]; i++)
		if (check_text(e, "the console", facts->consoles[i], ALNUM ",.-_:", 64) < 0)
			return -1;
	for (i = 0; facts->drivers && facts->drivers[i]; i++)
		if (check_text(e, "the driver", facts->drivers[i], ALNUM "_-", 64) < 0)
			return -1;
	return 0;
}

int rewrite_facts_check(const struct rewrite_facts *facts, const struct rewrite_options *options,
			struct err *e)
{
	unsigned i;

	for (i = 0; i < facts->fs_count; i++)
		if (check_fs(&facts->filesystems[i], e) < 0)
			return -1;
	for (i = 0; i < facts->link_count; i++)
		if (check_link(&facts->links[i], e) < 0)
			return -1;
	if (!rewrite_facts_fs(facts, "/"))
		return refuse(e, "the root file system", NULL);
	if (check_text(e, "the hostname", facts->target_hostname, ALNUM ".-", 253) < 0 ||
	    check_text(e, "the network stack", facts->target_stack, ALNUM "-", 32) < 0 ||
	    check_text(e, "the hostname", options->hostname_text, ALNUM ".-", 253) < 0 ||
	    check_text(e, "the machine id", options->machine_id, "0123456789abcdef", 32) < 0 ||
	    check_vendor(e, facts->vendor) < 0 || check_path(e, "the disk", facts->boot_disk) < 0 ||
	    check_word(e, "the disk", facts->boot_disk) < 0 ||
	    check_path(e, "the disk's id", facts->boot_disk_by_id) < 0 ||
	    check_word(e, "the disk's id", facts->boot_disk_by_id) < 0)
		return -1;
	if (options->machine_id && strlen(options->machine_id) != 32)
		return refuse(e, "the machine id", options->machine_id);
	return check_lists(facts, e);
}

const struct fact_fs *rewrite_facts_fs(const struct rewrite_facts *facts, const char *mount)
{
	unsigned i;

	for (i = 0; i < facts->fs_count; i++)
		if (strcmp(facts->filesystems[i].mount, mount) == 0)
			return &facts->filesystems[i];
	return NULL;
}
