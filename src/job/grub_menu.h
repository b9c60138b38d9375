/* SPDX-License-Identifier: MIT */
/*
 * grub.cfg read far enough to know what would be started: menu entries with what they search for and load. The
 * language is grub-mkconfig's output, which is regular; anything else in it is passed over.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct grub_entry {
	char *title, *id;  /* id: of $menuentry_id_option or --id; NULL: none */
	char *search_uuid; /* the last "search --fs-uuid" inside it; NULL: none */
	char *linux_path;  /* as written: "/boot/vmlinuz-6.1.0"; NULL: none */
	char *linux_args;  /* the rest of the line */
	struct strlist initrds;
	unsigned depth; /* 0: on the first page, 1: in a submenu */
};

struct grub_menu {
	struct grub_entry *entries;
	size_t count;
	char *default_text;	 /* of the last literal "set default="; NULL: none */
	bool default_is_saved;	 /* set default="${saved_entry}" occurs */
	struct strlist searches; /* UUIDs searched for outside entries */
};

/* Never fails on content; memory and 4,000 entries are the limits. */
int grub_menu_parse(struct grub_menu *ret, const char *text, size_t len, struct err *e) must_check;
void grub_menu_done(struct grub_menu *m);

/*
 * The entry started without anybody at the console: saved (from grubenv, may be NULL) when the menu asks for it, else
 * the default. "A>B" means entry B of submenu A. NULL: not to be told.
 */
const struct grub_entry *grub_menu_default(const struct grub_menu *m, const char *saved);

/* The value of a name in a grubenv block, to be freed; NULL: none. */
char *grubenv_get(const char *text, size_t len, const char *name);
/* That of "saved_entry". */
char *grubenv_saved(const char *text, size_t len);

/* The value of "root=" in kernel arguments ("UUID=..."), to be freed; NULL: none. */
char *kernel_arg(const char *args, const char *name);
