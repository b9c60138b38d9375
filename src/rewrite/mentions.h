/* SPDX-License-Identifier: MIT */
/*
 * Places that name an address of the machine: listeners, virtual hosts, zones, grants, firewalls, and whatever else lies in
 * the folders of configuration. Text files are searched by tokens that are addresses, so "2001:db8::1" is found as
 * "2001:DB8:0::1" too, and no file is parsed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"

#define MENTIONS_MAX 1000	  /* hits in all */
#define MENTIONS_OF_FILE_MAX 50	  /* hits in one file */
#define MENTIONS_FILES_MAX 30000  /* files looked at */
#define MENTIONS_FILE_MAX 1048576 /* bytes of one file */
#define MENTIONS_BYTES_MAX (64 * 1048576ull)
#define MENTIONS_DEPTH_MAX 16

struct mention_address {
	unsigned char bytes[16]; /* network order; IPv4 in the first four */
	bool is_v6;
};

struct mention {
	char *file;
	size_t line;
	char *address; /* as written */
	char *service; /* a name of the table in mentions.c: "sshd", "firewall"; "other" */
	bool binds;    /* the line binds something to it */
	bool is_own; /* one of the addresses looked for; else what a listener or virtual host is bound to */
};

struct mentions {
	struct mention_address *own; /* looked for */
	size_t own_count;
	struct mention *items; /* in the order they were found */
	size_t count;
	unsigned long files;   /* read */
	unsigned long skipped; /* too large, no text, or not readable */
	uint64_t bytes;
	bool is_cut; /* a limit was reached: there may be more */
};

/* Adds an address to look for, a prefix length is left off. Loopback, wildcards and what is no address are left out. */
int mentions_add_own(struct mentions *m, const char *address) must_check;

/* Searches one text; path decides the service. */
int mentions_scan_text(struct mentions *m, const char *path, const char *text, size_t len,
		       struct err *e) must_check;
/* Searches the tree's folders of configuration; links are not followed, files of the list left out. */
int mentions_find(struct mentions *m, const struct root *root, const struct strlist *but,
		  struct err *e) must_check;
void mentions_done(struct mentions *m);
