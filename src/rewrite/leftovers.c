/* SPDX-License-Identifier: MIT */
#include "rewrite/leftovers.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/fstab.h"

#define FILE_MAX (4 * 1024 * 1024)
#define HITS_MAX 1000
#define DEPTH_MAX 24

struct scan {
	const struct root *root;
	const struct strlist *needles;
	struct strlist *ret;
	struct err *e;
};

static bool continues(int c)
{
	return isalnum(c) || c == '.' || c == ':';
}

/* Whether the needle at s stands alone: "192.0.2.1" is not in "192.0.2.10", "/run/rehost" is in "/run/rehost/x". */
static bool stands_alone(const char *text, size_t len, const char *s, const char *needle)
{
	size_t n = strlen(needle);

	if (!isalnum((unsigned char)needle[0]))
		return true;
	if (s > text && continues((unsigned char)s[-1]) && s[-1] != ':')
		return false;
	if ((size_t)(s - text) + n < len && continues((unsigned char)s[n]) && s[n] != ':')
		/* a full stop that ends a sentence, as against one that goes on */
		return s[n] == '.' &&
		       ((size_t)(s - text) + n + 1 >= len || !isalnum((unsigned char)s[n + 1]));
	return true;
}

static const char *find_needle(const char *text, size_t len, const char *needle)
{
	const char *s = text, *end = text + len;

	while ((s = memmem(s, (size_t)(end - s), needle, strlen(needle)))) {
		if (stands_alone(text, len, s, needle))
			return s;
		s++;
	}
	return NULL;
}

static int add_hit(struct scan *s, const char *path, size_t line, const char *needle)
{
	int rc;

	if (s->ret->count >= HITS_MAX)
		return 0;
	rc = line ? strlist_addf(s->ret, "%s:%zu: %s", path, line, needle)
		  : strlist_addf(s->ret, "%s: %s", path, needle);
	return rc < 0 ? err_set(s->e, ERR_NOMEM, 0, "searching %s", path) : 0;
}

static int scan_text(struct scan *s, const char *path, const char *text, size_t len)
{
	const char *end = text + len;
	size_t line = 0, i;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text), blank = strspn(text, " \t");

		line++;
		for (i = 0; i < s->needles->count && (blank >= n || text[blank] != '#'); i++)
			if (find_needle(text, n, s->needles->items[i]) &&
			    add_hit(s, path, line, s->needles->items[i]) < 0)
				return -1;
		text += n + 1;
	}
	return 0;
}

static int scan_file(struct scan *s, const char *path)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (root_read(s->root, path, &b, FILE_MAX, NULL) < 0)
		return 0; /* larger than any configuration */
	if (!b.len || !memchr(b.data, '\0', b.len))
		return scan_text(s, path, strbuf_str(&b), b.len);
	for (i = 0; i < s->needles->count; i++)
		if (memmem(b.data, b.len, s->needles->items[i], strlen(s->needles->items[i])) &&
		    add_hit(s, path, 0, s->needles->items[i]) < 0)
			return -1;
	return 0;
}

/* Kernels and initramfs images are looked into by others; here they would only cost time. */
static bool is_image(const char *path)
{
	return str_starts(path, "/boot/vmlinuz") || str_starts(path, "/boot/initrd") ||
	       str_starts(path, "/boot/System.map");
}

static int scan_dir(struct scan *s, const char *dir, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	if (depth > DEPTH_MAX || s->ret->count >= HITS_MAX)
		return 0;
	if (root_list(s->root, dir, &names, s->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >=
			    (int)sizeof(path) ||
		    root_lstat(s->root, path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)
			    ? scan_dir(s, path, depth + 1) < 0
			    : S_ISREG(st.st_mode) && !is_image(path) && scan_file(s, path) < 0)
			return -1;
	}
	return 0;
}

int leftovers_scan(const struct root *root, const char *const *dirs, const struct strlist *needles,
		   struct strlist *ret, struct err *e)
{
	struct scan s = { .root = root, .needles = needles, .ret = ret, .e = e };

	for (; *dirs; dirs++)
		if (root_is_dir(root, *dirs) && scan_dir(&s, *dirs, 0) < 0)
			return -1;
	return 0;
}

int leftovers_scan_text(const char *path, const char *text, size_t len,
			const struct strlist *needles, struct strlist *ret, struct err *e)
{
	struct scan s = { .needles = needles, .ret = ret, .e = e };

	return scan_text(&s, path, text, len);
}

int leftovers_needles(const struct strlist *old_ids, struct strlist *ret, struct err *e)
{
	size_t i;

	for (i = 0; i < old_ids->count; i++)
		if (strlist_add(ret, old_ids->items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "searching for old names");
	if (strlist_add(ret, "/run/rehost") < 0 || strlist_add(ret, "/.rehost") < 0)
		return err_set(e, ERR_NOMEM, 0, "searching for old names");
	return 0;
}

int leftovers_find(const struct root *root, const struct strlist *old_ids, struct strlist *ret,
		   struct err *e)
{
	static const char *const dirs[] = { "/etc", "/boot", NULL };
	struct strlist needles cleanup_strlist = STRLIST_INIT;

	if (leftovers_needles(old_ids, &needles, e) < 0)
		return -1;
	return leftovers_scan(root, dirs, &needles, ret, e);
}

/* Adds an id that is long enough to mean something and does not belong to the clone. */
static int add_id(const struct rewrite_facts *facts, const char *id, size_t len,
		  struct strlist *ret, struct err *e)
{
	char text[64];
	unsigned i;

	if (len < 9 || len >= sizeof(text))
		return 0;
	memcpy(text, id, len);
	text[len] = '\0';
	for (i = 0; i < facts->fs_count; i++)
		if (strcasecmp(facts->filesystems[i].uuid, text) == 0)
			return 0;
	if (strlist_has(ret, text))
		return 0;
	return strlist_add(ret, text) < 0 ? err_set(e, ERR_NOMEM, 0, "collecting old names") : 0;
}

static int ids_of_fstab(const struct root *stage, const struct rewrite_facts *facts,
			struct strlist *ret, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct fstab t;
	size_t i;
	int rc = 0;

	if (root_read(stage, "/etc/fstab", &text, FSTAB_MAX_BYTES, NULL) < 0 ||
	    fstab_parse(&t, strbuf_str(&text), text.len, NULL) < 0)
		return 0;
	for (i = 0; rc == 0 && i < t.entry_count; i++) {
		char *uuid cleanup_free = fstab_tag_value(t.entries[i].spec, "UUID");
		char *part cleanup_free = fstab_tag_value(t.entries[i].spec, "PARTUUID");

		/* noauto lines of disks that people plug in stay in the clone's table */
		if (fstab_has_option(t.entries[i].options, "noauto"))
			continue;
		if (uuid)
			rc = add_id(facts, uuid, strlen(uuid), ret, e);
		if (rc == 0 && part)
			rc = add_id(facts, part, strlen(part), ret, e);
	}
	fstab_done(&t);
	return rc;
}

int leftovers_old_ids(const struct root *stage, const struct rewrite_facts *facts,
		      struct strlist *ret, struct err *e)
{
	static const char hex[] = "0123456789abcdefABCDEF-";
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;

	if (ids_of_fstab(stage, facts, ret, e) < 0)
		return -1;
	if (root_read(stage, "/boot/grub/grub.cfg", &text, FILE_MAX, NULL) < 0) {
		strbuf_done(&text);
		if (root_read(stage, "/boot/grub2/grub.cfg", &text, FILE_MAX, NULL) < 0)
			return 0;
	}
	for (s = strbuf_str(&text); (s = strstr(s, "root=")); s += 5) {
		const char *id = s + 5;

		id += str_starts(id, "UUID=") ? 5 : str_starts(id, "PARTUUID=") ? 9 : 0;
		if (add_id(facts, id, strspn(id, hex), ret, e) < 0)
			return -1;
	}
	for (s = strbuf_str(&text); (s = strstr(s, "--fs-uuid")); s += 9) {
		const char *line_end = s + strcspn(s, "\n"), *id = line_end;

		while (id > s && id[-1] != ' ')
			id--;
		if (add_id(facts, id, strspn(id, hex), ret, e) < 0)
			return -1;
	}
	return 0;
}
