/* SPDX-License-Identifier: MIT */
/* Tables that name disks: crypttab, mdadm.conf, LVM's filters and lists, multipath, ZFS, caches of blkid. */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_priv.h"

/* ---- lines that are commented out ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#';
}

/* What decides on one line, given without its newline. */
typedef bool (*line_test)(struct planner *p, const char *line);

/*
 * Comments out the lines that wanted() takes. continues: a line that begins with a blank belongs to the one before it, as in
 * mdadm.conf(5).
 */
static int comment_lines(struct planner *p, const char *path, line_test wanted, bool continues,
			 const char *why)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	bool commenting = false;
	unsigned changed = 0;
	const char *s;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s;) {
		size_t len = strcspn(s, "\n");
		char *line cleanup_free = strndup(s, len);

		if (!line)
			return plan_nomem(p);
		if (is_comment(line))
			commenting = commenting && continues && *line == '#';
		else if (!continues || !commenting || !is_blank(*line))
			commenting = wanted(p, line);
		if (commenting && !is_comment(line)) {
			strbuf_adds(&out, "# rehost: ");
			changed++;
		}
		len += s[len] == '\n';
		strbuf_add(&out, s, len);
		s += len;
	}
	if (!changed)
		return 0;
	if (plan_note(p, "%s: %u lines were commented out: %s", path, changed, why) < 0)
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
static bool is_foreign_crypt(struct planner *p, const char *line)
{
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
static bool is_foreign_array(struct planner *p, const char *line)
{
	char *key cleanup_free = take_word(&line);

	(void)p;
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

/* Whether s begins a setting of that name; ret_value: behind its '='. */
static bool is_setting(const char *s, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	s += strspn(s, " \t");
	if (str_starts(s, "devices/"))
		s += strlen("devices/");
	if (strncmp(s, name, n) != 0)
		return false;
	s += n;
	s += strspn(s, " \t");
	if (*s != '=')
		return false;
	*ret_value = s + 1;
	return true;
}

/*
 * The end of a value, an array over several lines as well. NULL: it has none. accepts: whether one of its strings takes in
 * certain devices only ("a|^/dev/sda2$|"); what only rejects (Proxmox, ceph) hides no disk of this machine.
 */
static const char *scan_filter(const char *s, bool *accepts)
{
	bool array = false;

	for (; *s; s++) {
		if (*s == '#') {
			s += strcspn(s, "\n");
			s -= *s == '\0';
		} else if (*s == '"') {
			const char *end = strchr(s + 1, '"');

			if (!end)
				return NULL;
			if (s[1] == 'a' && memmem(s, (size_t)(end - s), "/dev/", 5))
				*accepts = true;
			s = end;
		} else if (*s == '[') {
			array = true;
		} else if (*s == ']' || (*s == '\n' && !array)) {
			return s + strcspn(s, "\n");
		}
	}
	return array ? NULL : s;
}

/* The setting that begins in the line at s, as a comment. */
static void add_commented(struct strbuf *out, const char *s, const char *end)
{
	while (s < end) {
		size_t len = strcspn(s, "\n");

		if (s + len > end)
			len = (size_t)(end - s);
		strbuf_adds(out, "# rehost: ");
		strbuf_add(out, s, len);
		s += len;
		if (s < end) {
			strbuf_addc(out, '\n');
			s++;
		}
	}
}

static int plan_lvm_file(struct planner *p, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	bool changed = false;
	const char *s;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s;) {
		const char *value, *end = s + strcspn(s, "\n");
		bool accepts = false;

		if (is_setting(s, "filter", &value) || is_setting(s, "global_filter", &value)) {
			const char *behind = scan_filter(value, &accepts);

			if (!behind)
				return plan_block(p,
						  "%s: a filter has no end: repair it on the "
						  "source and send it again",
						  path);
			end = behind;
		}
		if (accepts)
			add_commented(&out, s, end);
		else
			strbuf_add(&out, s, (size_t)(end - s));
		changed = changed || accepts;
		s = end;
		if (*s == '\n')
			strbuf_addc(&out, *s++);
	}
	if (!changed)
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
