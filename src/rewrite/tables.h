/* SPDX-License-Identifier: MIT */
/* Texts in which lines or words that name the source's disks lose their effect; every other byte stays. No tree is looked at. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define TABLE_MARK "# rehost: " /* in front of a line that was commented out */

/* Decides on one line, given without its newline. */
typedef bool (*table_test)(void *arg, const char *line);

/*
 * Appends text with the lines that wanted() takes as comments; empty lines and comments are not asked about. continues: a line
 * that begins with a blank belongs to the one before it, as in mdadm.conf(5). Returns their number, or -1: no memory.
 */
int table_comment(const char *text, bool continues, table_test wanted, void *arg,
		  struct strbuf *out);

/*
 * lvm.conf(5): filter and global_filter that let LVM see certain devices only become comments; those that only keep devices
 * away stay. Returns 1: changed, 0: nothing to change, -1: a filter has no end (out is of no use).
 */
int table_fit_lvm(const char *text, struct strbuf *out);

/*
 * A kernel command line kept in a file (/etc/kernel/cmdline): root= becomes the new one, words for which is_foreign() holds go,
 * each with the blank before it. Lines that are comments stay. Dropped words are appended to dropped. -1: no memory.
 */
int table_fit_cmdline(const char *text, const char *root_uuid, bool (*is_foreign)(const char *word),
		      struct strbuf *out, struct strlist *dropped) must_check;
