/* SPDX-License-Identifier: MIT */
/* Parts of the boot planner. */
#pragma once

#include "rewrite/family.h"
#include "rewrite/plan_priv.h"
#include "rewrite/shellfile.h"

/* Names of modules with '-' and '_' taken as one. */
bool boot_same_module(const char *a, size_t a_len, const char *b);
/* Whether a list of module paths, one a line, as modules.dep and modules.builtin are, has the module. */
bool boot_list_has_module(const char *list, const char *module);
/* The module that reads a file system: ext2 and ext3 are read by ext4. */
const char *boot_fs_module(const char *type);

/* A word of a kernel command line that names disks, images or the network of the source. */
bool boot_is_foreign_word(const char *word);
/* Says which words were taken off. */
int boot_note_dropped(struct planner *p, const char *path,
		      const struct strlist *dropped) must_check;
/* Calls fit for every assignment of a shell file, which changes what it has to, and plans the file anew. */
int boot_edit_shell_file(struct planner *p, const char *path,
			 int (*fit)(struct planner *p, const char *path, struct shell_file *f,
				    struct shell_var *v),
			 const char *why) must_check;
/* /etc/default/grub and grub.d: kernel command line, consoles, settings that name the source's disk. */
int boot_edit_grub_defaults(struct planner *p) must_check;
/* grubenv in GRUB's folder: what remembers an entry by the source's root file system, and kernelopts of RHEL 8. */
int boot_edit_grubenv(struct planner *p, const char *dir) must_check;
/*
 * The words for the kernel of an entry, for this machine: root= becomes its own, words that name the source's disks or network
 * go, its consoles stand at the end. Dropped words are appended to dropped.
 */
int boot_fit_words(struct planner *p, const char *words, struct strbuf *out,
		   struct strlist *dropped) must_check;
/* Entries of the Boot Loader Specification in /boot/loader/entries. */
int plan_bls(struct planner *p) must_check;
/* debconf's memory of the disks that GRUB is installed on. */
int boot_edit_debconf(struct planner *p) must_check;

/* UEFI: what must be there, and the step that makes the loader's files. */
int boot_check_efi(struct planner *p, const struct grub_names *g) must_check;
int boot_add_efi_step(struct planner *p, const struct grub_names *g) must_check;
