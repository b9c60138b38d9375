/* SPDX-License-Identifier: MIT */
#include "job/initrd_fit.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "transfer/initrd.h"

#define LIST_MAX (8 * 1024 * 1024)

/* The name of a module's file as the kernel knows it; false when the path is none. */
static bool module_name(const char *path, char *buf, size_t size)
{
	const char *base = strrchr(path, '/');
	const char *dot;
	char *p;

	base = base ? base + 1 : path;
	dot = strstr(base, ".ko");
	if (!dot || (dot[3] && dot[3] != '.') || (size_t)(dot - base) >= size)
		return false;
	memcpy(buf, base, (size_t)(dot - base));
	buf[dot - base] = '\0';
	for (p = buf; *p; p++)
		if (*p == '-')
			*p = '_';
	return true;
}

static int want_conf(void *arg, const char *path)
{
	static const char *const heads[] = { "conf/",	   "etc/fstab",	 "etc/crypttab",
					     "cryptroot/", "etc/mdadm/", "etc/cmdline.d/",
					     "etc/lvm/" };
	size_t i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (str_starts(path, heads[i]))
			return 1;
	return 0;
}

static int take_file(void *arg, const struct initrd_file *f)
{
	struct initrd_content *c = arg;
	char name[128];

	c->entry_count++;
	if (strcmp(f->path, "init") == 0)
		c->has_init = true;
	if (module_name(f->path, name, sizeof(name)) && strlist_add(&c->modules, name) < 0)
		return -1;
	if (f->data && want_conf(NULL, f->path) &&
	    (strlist_add(&c->conf_paths, f->path) < 0 ||
	     strlist_addn(&c->conf_texts, f->data, f->len) < 0))
		return -1;
	return 0;
}

int initrd_content_read(struct initrd_content *ret, const struct root *view, const char *path,
			struct err *e)
{
	struct initrd_content c = { 0 };
	int fd cleanup_fd = root_openat(view, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	int rc;

	if (fd < 0)
		return -1;
	rc = initrd_walk(fd, want_conf, take_file, &c, e);
	if (rc != 0) {
		initrd_content_done(&c);
		if (!err_is_set(e))
			err_set(e, ERR_NOMEM, 0, "reading an initramfs");
		return err_ctx(e, "looking into %s", path);
	}
	*ret = c;
	return 0;
}

void initrd_content_done(struct initrd_content *c)
{
	strlist_done(&c->modules);
	strlist_done(&c->conf_paths);
	strlist_done(&c->conf_texts);
	*c = (struct initrd_content){ 0 };
}

/* The first word of every line of a list of modules. */
static int read_names(struct strlist *ret, const struct root *view, const char *version,
		      const char *file, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[300], name[128];
	size_t i;

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", version, file);
	if (!root_is_file(view, path))
		return 0;
	if (root_read(view, path, &text, LIST_MAX, e) < 0)
		return -1;
	if (strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "reading %s", path);
	for (i = 0; i < lines.count; i++) {
		lines.items[i][strcspn(lines.items[i], ": ")] = '\0';
		if (module_name(lines.items[i], name, sizeof(name)) && strlist_add(ret, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "reading %s", path);
	}
	return 0;
}

int initrd_builtin_read(struct strlist *ret, const struct root *view, const char *version,
			struct err *e)
{
	return read_names(ret, view, version, "modules.builtin", e);
}

int initrd_available_read(struct strlist *ret, const struct root *view, const char *version,
			  struct err *e)
{
	return read_names(ret, view, version, "modules.dep", e);
}

static bool is_nic_driver(const struct rewrite_facts *facts, const char *name)
{
	unsigned i;

	for (i = 0; i < facts->link_count; i++)
		if (facts->links[i].driver && strcmp(facts->links[i].driver, name) == 0)
			return true;
	return false;
}

static int need(struct strlist *ret, const struct initrd_content *c, const struct strlist *builtin,
		const char *driver, struct err *e)
{
	char name[128];
	char *p;

	snprintf(name, sizeof(name), "%s", driver);
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	if (strlist_has(&c->modules, name) || strlist_has(builtin, name) || strlist_has(ret, name))
		return 0;
	return strlist_add(ret, name) < 0 ? err_set(e, ERR_NOMEM, 0, "drivers of an initramfs") : 0;
}

int initrd_missing(struct strlist *ret, const struct initrd_content *c,
		   const struct strlist *builtin, const struct rewrite_facts *facts, struct err *e)
{
	const char *const *d;
	unsigned i;

	/* The network comes up after the root is mounted: its drivers are read from there. */
	for (d = facts->drivers; d && *d; d++)
		if (!is_nic_driver(facts, *d) && need(ret, c, builtin, *d, e) < 0)
			return -1;
	for (i = 0; i < facts->fs_count; i++)
		if (strcmp(facts->filesystems[i].mount, "/") == 0 &&
		    need(ret, c, builtin, facts->filesystems[i].type, e) < 0)
			return -1;
	return 0;
}

#define UUID_LEN 36

static bool is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]) || !s[i])
			return false;
	}
	return true;
}

static bool is_known(const struct rewrite_facts *facts, const char *uuid)
{
	unsigned i;

	for (i = 0; i < facts->fs_count; i++)
		if (facts->filesystems[i].uuid && strcasecmp(facts->filesystems[i].uuid, uuid) == 0)
			return true;
	return false;
}

int initrd_foreign_uuids(struct strlist *ret, const struct initrd_content *c,
			 const struct rewrite_facts *facts, struct err *e)
{
	size_t i;

	for (i = 0; i < c->conf_texts.count; i++) {
		const char *p;

		for (p = c->conf_texts.items[i]; *p; p++) {
			char uuid[UUID_LEN + 1];

			if (!is_uuid(p))
				continue;
			memcpy(uuid, p, UUID_LEN);
			uuid[UUID_LEN] = '\0';
			p += UUID_LEN - 1;
			if (!is_known(facts, uuid) && !strlist_has(ret, uuid) &&
			    strlist_add(ret, uuid) < 0)
				return err_set(e, ERR_NOMEM, 0, "configuration of an initramfs");
		}
	}
	return 0;
}
