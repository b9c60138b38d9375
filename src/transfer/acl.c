/* SPDX-License-Identifier: MIT */
#include "transfer/acl_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stddef.h>
#include <string.h>

#define NAMES_FILE_MAX ((size_t)16 << 20)
#define NO_ID UINT32_MAX

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* "name:password:id:..." as in passwd(5) and group(5). */
static int add_line(struct name_list *list, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *second, *third;
	char number[16];
	uint32_t id;
	struct name *slot;

	if (!colon || colon == line)
		return 0;
	second = memchr(colon + 1, ':', len - (size_t)(colon + 1 - line));
	if (!second)
		return 0;
	third = memchr(second + 1, ':', len - (size_t)(second + 1 - line));
	if (!third || (size_t)(third - second) > sizeof(number))
		return 0;
	memcpy(number, second + 1, (size_t)(third - second - 1));
	number[third - second - 1] = '\0';
	if (parse_u32(number, &id) < 0 || id == NO_ID)
		return 0;
	if (list->count == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;

		slot = realloc(list->items, cap * sizeof(*slot));
		if (!slot)
			return -1;
		list->items = slot;
		list->cap = cap;
	}
	slot = &list->items[list->count];
	slot->text = strndup(line, (size_t)(colon - line));
	slot->id = id;
	if (!slot->text)
		return -1;
	list->count++;
	return 0;
}

int names_parse(struct name_list *list, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (add_line(list, text, len) < 0)
			return -1;
		text += len + (text[len] == '\n');
	}
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_names);
	return 0;
}

static int load_list(struct name_list *list, const struct root *r, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (root_read(r, path, &text, NAMES_FILE_MAX, NULL) < 0)
		return 0;
	return names_parse(list, strbuf_str(&text));
}

int names_load(struct names *ret, const struct root *r)
{
	memset(ret, 0, sizeof(*ret));
	return load_list(&ret->users, r, "etc/passwd") < 0 ||
			       load_list(&ret->groups, r, "etc/group") < 0
		       ? -1
		       : 0;
}

void names_done(struct names *n)
{
	struct name_list *lists[] = { &n->users, &n->groups };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (k = 0; k < lists[i]->count; k++)
			free(lists[i]->items[k].text);
		free(lists[i]->items);
	}
	memset(n, 0, sizeof(*n));
}

static uint32_t name_id(const struct name_list *list, const char *text)
{
	struct name key = { .text = (char *)(uintptr_t)text };
	const struct name *found = list->count ? bsearch(&key, list->items, list->count,
							 sizeof(*list->items), compare_names)
					       : NULL;

	return found ? found->id : NO_ID;
}

/* ---- items: tag, permissions, id, then a name when there is no id ---- */

struct item {
	uint16_t tag, perm;
	uint32_t id;
	uint32_t name_len; /* with its NUL; 0: no name */
};

static uint16_t kernel_tag(int tag)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return ACL_USER_OBJ;
	case ARCHIVE_ENTRY_ACL_USER:
		return ACL_USER;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return ACL_GROUP_OBJ;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return ACL_GROUP;
	case ARCHIVE_ENTRY_ACL_MASK:
		return ACL_MASK;
	case ARCHIVE_ENTRY_ACL_OTHER:
		return ACL_OTHER;
	default:
		return 0;
	}
}

static uint16_t kernel_perm(int permset)
{
	return (uint16_t)((permset & ARCHIVE_ENTRY_ACL_READ ? ACL_READ : 0) |
			  (permset & ARCHIVE_ENTRY_ACL_WRITE ? ACL_WRITE : 0) |
			  (permset & ARCHIVE_ENTRY_ACL_EXECUTE ? ACL_EXECUTE : 0));
}

/* What ls shows: with a mask the group bits are the mask. */
static void imply_mode(const struct item *item, uint32_t *mode)
{
	if (item->tag == ACL_MASK)
		*mode = (*mode & ~070u) | (uint32_t)item->perm << 3;
}

void acl_from_entry(struct archive_entry *entry, int type, struct strbuf *ret, bool *ret_named,
		    uint32_t *mode)
{
	int found_type, permset, tag, qualifier;
	const char *name;

	if (!(archive_entry_acl_types(entry) & type) || archive_entry_acl_reset(entry, type) == 0)
		return;
	while (archive_entry_acl_next(entry, type, &found_type, &permset, &tag, &qualifier,
				      &name) == ARCHIVE_OK) {
		struct item item = { .tag = kernel_tag(tag), .perm = kernel_perm(permset) };

		if (!item.tag)
			continue;
		item.id = NO_ID;
		if (item.tag == ACL_USER || item.tag == ACL_GROUP) {
			/* libarchive keeps ids as int; those above 2^31 come as negative numbers. */
			if (qualifier != -1)
				item.id = (uint32_t)qualifier;
			else if (!str_is_empty(name))
				item.name_len = (uint32_t)strlen(name) + 1;
			else
				continue;
		}
		strbuf_add(ret, &item, sizeof(item));
		if (item.name_len) {
			strbuf_add(ret, name, item.name_len);
			*ret_named = true;
		}
		if (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS)
			imply_mode(&item, mode);
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a, *y = b;

	if (x->e_tag != y->e_tag) /* the tags' values are in the order the kernel asks for */
		return x->e_tag < y->e_tag ? -1 : 1;
	return x->e_id < y->e_id ? -1 : x->e_id > y->e_id;
}

/* A mask is required beside named entries; acl(5) calculates it as their union with the group's. */
static void add_missing_mask(struct strbuf *ret)
{
	struct posix_acl_xattr_entry mask = { .e_tag = ACL_MASK, .e_id = NO_ID };
	size_t at;
	bool named = false;

	for (at = sizeof(struct posix_acl_xattr_header); at < ret->len; at += sizeof(mask)) {
		struct posix_acl_xattr_entry entry;

		memcpy(&entry, ret->data + at, sizeof(entry));
		if (entry.e_tag == ACL_MASK)
			return;
		if (entry.e_tag == ACL_USER || entry.e_tag == ACL_GROUP)
			named = true;
		if (entry.e_tag & (ACL_USER | ACL_GROUP | ACL_GROUP_OBJ))
			mask.e_perm |= entry.e_perm;
	}
	if (named)
		strbuf_add(ret, &mask, sizeof(mask));
}

unsigned acl_encode(const struct strbuf *items, const struct names *names, struct strbuf *ret,
		    const char **ret_unknown)
{
	struct posix_acl_xattr_header header = { .a_version = POSIX_ACL_XATTR_VERSION };
	size_t at = 0, n;
	unsigned unknown = 0;

	strbuf_add(ret, &header, sizeof(header));
	while (at < items->len) {
		struct posix_acl_xattr_entry entry;
		struct item item;
		const char *name;

		memcpy(&item, items->data + at, sizeof(item));
		name = items->data + at + sizeof(item);
		at += sizeof(item) + item.name_len;
		if (item.name_len && names)
			item.id = name_id(item.tag == ACL_USER ? &names->users : &names->groups,
					  name);
		if (item.name_len && item.id == NO_ID) {
			unknown++;
			*ret_unknown = name;
			continue;
		}
		entry = (struct posix_acl_xattr_entry){ item.tag, item.perm, item.id };
		strbuf_add(ret, &entry, sizeof(entry));
	}
	add_missing_mask(ret);
	if (ret->failed)
		return unknown;
	n = (ret->len - sizeof(header)) / sizeof(struct posix_acl_xattr_entry);
	qsort(ret->data + sizeof(header), n, sizeof(struct posix_acl_xattr_entry), compare_entries);
	return unknown;
}
