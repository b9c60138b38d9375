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
	/* blscfg stands outside the entries: those of loader/entries come in here (grub_menu_add_bls). */
	bool has_blscfg;
	size_t bls_at; /* how many entries stand before it */
	char *boot_uuid; /* what "search --set=boot" looks for: their file system; NULL: that of root */
	char *kernelopts; /* of a literal "set kernelopts="; NULL: none */
};

/* Never fails on content; memory and 4,000 entries are the limits. */
int grub_menu_parse(struct grub_menu *ret, const char *text, size_t len, struct err *e) must_check;
void grub_menu_done(struct grub_menu *m);

/* Places of the entries on the file system that holds the kernels, in GRUB's order. */
#define BLS_DIRS \
	{ \
		"/loader/entries", "/boot/loader/entries" \
	}

/*
 * Adds one entry of the Boot Loader Specification; file is its name ("ID-VERSION.conf"), which is also its id. env: the text of grubenv,
 * for $kernelopts and other variables; what is not set is empty. -1: no memory, or too many. Files that say no kernel
 * are passed over.
 */
int grub_menu_add_bls(struct grub_menu *m, const char *file, const char *text, size_t len,
		      const char *env, size_t env_len) must_check;
/* Sorts names of such files as blscfg shows them, newest first, and takes out what is none. */
void grub_bls_sort(struct strlist *names);

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
