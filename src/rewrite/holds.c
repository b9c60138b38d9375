/* SPDX-License-Identifier: MIT */
#include "rewrite/holds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "rewrite/services.h"

#define HOLDS_MAX (256 * 1024)

void holds_done(struct holds *h)
{
	strlist_done(&h->units);
	strlist_done(&h->scripts);
	strlist_done(&h->links);
}

/* The file lies in the clone, where others write too: a name is one word and no path. */
static bool is_name(const char *s)
{
	return *s && *s != '-' && !strpbrk(s, "/ \t") && strlen(s) < 250;
}

/* "PATH TEXT" of a folder that starts scripts. */
static bool is_link(const char *s)
{
	const char *blank = strchr(s, ' ');

	return blank && blank[1] && strlen(s) < PATH_MAX &&
	       !memmem(s, (size_t)(blank - s), "/../", 4) &&
	       (str_starts(s, "/etc/rc") || str_starts(s, "/etc/runlevels/"));
}

static int add_line(struct holds *h, const char *line)
{
	if (str_starts(line, "unit ") && is_name(line + 5))
		return strlist_add(&h->units, line + 5);
	if (str_starts(line, "script ") && is_name(line + 7))
		return strlist_add(&h->scripts, line + 7);
	if (str_starts(line, "link ") && is_link(line + 5))
		return strlist_add(&h->links, line + 5);
	return 0;
}

int holds_parse(struct holds *ret, const char *text, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	*ret = (struct holds){ 0 };
	if (strlist_split(&lines, text, "\n") < 0)
		return err_set(e, ERR_NOMEM, 0, HOLDS_FILE);
	for (i = 0; i < lines.count; i++)
		if (add_line(ret, lines.items[i]) < 0) {
			holds_done(ret);
			return err_set(e, ERR_NOMEM, 0, HOLDS_FILE);
		}
	return 0;
}

int holds_read(struct holds *ret, const struct root *holder, const char *path, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct stat st;

	*ret = (struct holds){ 0 };
	if (root_lstat(holder, path, &st) < 0)
		return 0;
	if (root_read(holder, path, &text, HOLDS_MAX, e) < 0)
		return -1;
	return holds_parse(ret, strbuf_str(&text), e);
}

/* The folder of drop-ins goes with the last of them. */
static int remove_dropin(const struct root *clone, const char *unit, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	const char *name;
	int dir;

	snprintf(path, sizeof(path), UNIT_DIR "/%s.d/" HOLDS_DROPIN, unit);
	if (root_lstat(clone, path, &st) < 0)
		return 0;
	if (root_remove(clone, path, e) < 0)
		return -1;
	snprintf(path, sizeof(path), UNIT_DIR "/%s.d", unit);
	dir = root_parent(clone, path, false, &name, NULL);
	if (dir >= 0) {
		unlinkat(dir, name, AT_REMOVEDIR);
		close(dir);
	}
	return 0;
}

static int restore_link(const struct root *clone, const char *line, struct err *e)
{
	size_t len = strcspn(line, " ");
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%.*s", (int)len, line);
	if (root_lstat(clone, path, &st) == 0)
		return 0;
	return root_symlink(clone, path, line + len + 1, e);
}

int holds_release(struct holds *ret, const struct root *clone, const struct root *holder,
		  const char *path, struct err *e)
{
	size_t i;
	int rc = 0;

	if (holds_read(ret, holder, path, e) < 0)
		return -1;
	for (i = 0; rc == 0 && i < ret->units.count; i++)
		rc = remove_dropin(clone, ret->units.items[i], e);
	for (i = 0; rc == 0 && i < ret->links.count; i++)
		rc = restore_link(clone, ret->links.items[i], e);
	if (rc == 0)
		rc = root_remove(holder, path, e);
	if (rc == 0)
		return 0;
	holds_done(ret);
	return -1;
}
