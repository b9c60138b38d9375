/* SPDX-License-Identifier: MIT */
/* POSIX ACLs between libarchive's list, a form that can wait for names, and the kernel's xattr. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/root.h"
#include "base/str.h"

struct archive_entry;

#define ACL_XATTR_ACCESS "system.posix_acl_access"
#define ACL_XATTR_DEFAULT "system.posix_acl_default"

/* Users and groups of the incoming system, by name. */
struct names {
	struct name_list {
		struct name {
			char *text;
			uint32_t id;
		} * items;
		size_t count, cap;
	} users, groups;
};

/* Reads etc/passwd and etc/group of the tree; missing or unreadable ones are empty. -1: out of memory. */
int names_load(struct names *ret, const struct root *r) must_check;
/* One file's text, added to list. For tests. */
int names_parse(struct name_list *list, const char *text) must_check;
void names_done(struct names *n);

/*
 * Items of an entry's access or default ACL (type: ARCHIVE_ENTRY_ACL_TYPE_*), appended to ret; ret stays empty when
 * there is none beyond the mode. *ret_named: some have a name and no id. *mode gets the bits the ACL implies.
 */
void acl_from_entry(struct archive_entry *entry, int type, struct strbuf *ret, bool *ret_named,
		    uint32_t *mode);

/*
 * The kernel's form (linux/posix_acl_xattr.h, version 2), in its order. Names are looked up in names, which may be
 * NULL when there are none; those not found are left out and counted. *ret_unknown gets the last of them.
 */
unsigned acl_encode(const struct strbuf *items, const struct names *names, struct strbuf *ret,
		    const char **ret_unknown);
