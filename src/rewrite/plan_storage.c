/* SPDX-License-Identifier: MIT */
/* Tables that name disks: crypttab, mdadm.conf, LVM's filters and lists, multipath, ZFS, caches of blkid. */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_priv.h"
#include "rewrite/tables.h"

/* ---- lines that are commented out ---- */

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#';
}

static int comment_lines(struct planner *p, const char *path, table_test wanted, bool continues,
			 const char *why)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	rc = table_comment(strbuf_str(&text), continues, wanted, p, &out);
	if (rc <= 0)
		return rc < 0 ? plan_nomem(p) : 0;
	if (plan_note(p, "%s: %d lines were commented out: %s", path, rc, why) < 0)
		return -1;
	return plan_rewrite(p, path, &out, why);
}

/* The word at s, to be freed, and s behind it and the blanks that follow. */
static char *take_word(const char **s)
{
	size_t len;
	char *word;

	*s += strspn(*s, " \t");
	len = strcspn(*s, " \t\r");
	word = strndup(*s, len);
	*s += len;
	return word;
}

/* ---- crypttab ---- */

/* A source device of the form /dev/... or TAG=..., or a container that did not come along; swap with a random key too. */
static bool is_foreign_crypt(void *arg, const char *line)
{
	struct planner *p = arg;
	char *name cleanup_free = take_word(&line);
	char *device cleanup_free = take_word(&line);

	if (!name || !device)
		return true;
	if (str_starts(device, "/dev/") || (*device != '/' && strchr(device, '=')))
		return true;
	return *device == '/' && !root_exists(p->clone, device);
}

/* Said, because nobody would look for it: what lay encrypted on the source lies open here. */
static int note_lost_encryption(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;
	unsigned i;
	int rc = plan_read(p, "/etc/crypttab", &text);

	if (rc <= 0)
		return rc;
	for (i = 0; i < p->facts->fs_count; i++)
		if (p->facts->filesystems[i].stack &&
		    strcmp(p->facts->filesystems[i].stack, "crypt") == 0)
			return 0;
	for (s = strbuf_str(&text); *s; s += *s == '\n') {
		size_t len = strcspn(s, "\n");
		char *line cleanup_free = strndup(s, len);

		s += len;
		if (!line)
			return plan_nomem(p);
		if (!is_comment(line) && is_foreign_crypt(p, line))
			return plan_note(p, "the source kept data on encrypted devices; on this "
					    "machine they are not encrypted");
	}
	return 0;
}

/* ---- mdadm ---- */

/* ARRAY lines, and DEVICE lines that name anything but what the kernel knows anyway. */
static bool is_foreign_array(void *arg, const char *line)
{
	char *key cleanup_free = take_word(&line);

	(void)arg;
	if (!key)
		return true;
	/* mdadm takes a keyword's first three letters */
	if (strncasecmp(key, "array", strlen(key)) == 0 && strlen(key) >= 3)
		return true;
	if (strncasecmp(key, "device", strlen(key)) != 0 || strlen(key) < 3)
		return false;
	return strstr(line, "/dev/") != NULL;
}

static int plan_mdadm_file(struct planner *p, const char *path)
{
	return comment_lines(p, path, is_foreign_array, true,
			     "disk arrays of the source are not on this machine");
}

static int plan_mdadm(struct planner *p)
{
	return plan_each_file(p, "/etc/mdadm/mdadm.conf", "/etc/mdadm/mdadm.conf.d", ".conf",
			      plan_mdadm_file) < 0 ||
			       plan_each_file(p, "/etc/mdadm.conf", "/etc/mdadm.conf.d", ".conf",
					      plan_mdadm_file) < 0
		       ? -1
		       : 0;
}

/* ---- LVM ---- */

static int plan_lvm_file(struct planner *p, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	rc = table_fit_lvm(strbuf_str(&text), &out);
	if (rc < 0)
		return plan_block(
			p, "%s: a filter has no end: repair it on the source and send it again",
			path);
	if (rc == 0)
		return 0;
	if (plan_note(p, "%s: a filter that lets LVM see the source's disks only was commented out",
		      path) < 0)
		return -1;
	return plan_rewrite(p, path, &out, "LVM has to see this machine's disks");
}

static int drop_device_list(struct planner *p, const char *path)
{
	return plan_move_aside(p, path, "names the source's disks by their serial numbers");
}

static int plan_lvm(struct planner *p)
{
	static const char *const files[] = { "/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (plan_lvm_file(p, files[i]) < 0)
			return -1;
	if (plan_each_file(p, NULL, "/etc/lvm/devices", ".devices", drop_device_list) < 0)
		return -1;
	return plan_remove(p, "/etc/lvm/cache/.cache", "LVM's list of the source's disks");
}

/* ---- lists and caches ---- */

static int drop_lists(struct planner *p)
{
	static const struct {
		const char *path, *why;
	} lists[] = {
		{ "/etc/multipath/wwids", "names the source's disks by their serial numbers" },
		{ "/etc/multipath/bindings", "names the source's disks by their serial numbers" },
		{ "/etc/multipath/prkeys", "names the source's disks by their serial numbers" },
		{ "/etc/zfs/zpool.cache", "lists the source's ZFS pools" },
		{ "/etc/blkid.tab", "a cache of the source's disks" },
		{ "/etc/blkid/blkid.tab", "a cache of the source's disks" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		if (plan_move_aside(p, lists[i].path, lists[i].why) < 0)
			return -1;
	return 0;
}

int plan_storage(struct planner *p)
{
	if (note_lost_encryption(p) < 0 ||
	    comment_lines(p, "/etc/crypttab", is_foreign_crypt, false,
			  "encrypted devices of the source are not on this machine") < 0)
		return -1;
	return plan_mdadm(p) < 0 || plan_lvm(p) < 0 ? -1 : drop_lists(p);
}
