/* SPDX-License-Identifier: MIT */
/* Between the files of inspect: one look at a tree, its limits, and the sections of the report. */
#pragma once

#include "rewrite/inspect.h"
#include "rewrite/mentions.h"
#include "rewrite/net.h"

/* Trees may be hostile: nothing below is larger, and no folder is listed beyond it. */
#define INSPECT_FILE_MAX (1024 * 1024) /* bytes of one configuration file */
#define INSPECT_ITEMS_MAX 512	       /* entries of one list of the report */
#define INSPECT_NOTES_MAX 100

struct inspect_look {
	const struct root *root;
	struct inspection tree;
	struct net_model net; /* stack NULL: none, or unreadable */
	struct strlist
		started; /* what init starts, by name without ".service": "sshd", "netctl@home" */
	struct strlist links; /* the link that says so, one for each of started */
	json_t *notes;
};

int inspect_note(struct inspect_look *l, const char *fmt, ...) printf_like(2, 3);

/* A regular text file of at most INSPECT_FILE_MAX. False: there is none; what is too large or no text is noted. */
bool inspect_read(struct inspect_look *l, const char *path, struct strbuf *ret);

/* Paths below dir whose names match (fnmatch(3)), sorted, at most INSPECT_ITEMS_MAX. A missing dir gives none. */
void inspect_glob(const struct root *root, const char *dir, const char *pattern,
		  struct strlist *ret);

/* The link that makes init start the first of the services that match (services_match), or NULL. */
const char *inspect_started(const struct inspect_look *l, const char *patterns);
/* Fills in started and links; needs tree.init. */
int inspect_list_started(struct inspect_look *l);

/* The first of the NULL-terminated paths that exists (links are followed), or NULL. */
const char *inspect_first(const struct root *root, const char *const *paths);
bool inspect_has_program(const struct root *root, const char *name);

/* The distribution: inspect_os.c. */
int inspect_os(struct inspection *ret, const struct root *root, struct err *e) must_check;
/* Fills in id, id_like, version_id and pretty_name; a damaged file leaves them NULL. */
int inspect_os_release(struct inspection *ret, const char *text, size_t len,
		       struct err *e) must_check;
/* The version in the text of a release file: "CentOS release 5.11 (Final)". NULL: none; the caller frees. */
char *inspect_release_version(const char *text);

/* The name of the program that makes initramfs images, static; NULL: none. */
const char *inspect_initramfs_tool(const struct root *root);

/* Fills in the kernels of ret. */
int inspect_find_kernels(struct inspection *ret, const struct root *root, struct err *e) must_check;

/* The sections, each a new reference; NULL: no memory. */
json_t *inspect_kernels(struct inspect_look *l);
json_t *inspect_initramfs(struct inspect_look *l);
json_t *inspect_boot(struct inspect_look *l);
json_t *inspect_mounts(struct inspect_look *l);
json_t *inspect_storage(struct inspect_look *l);
json_t *inspect_selinux(struct inspect_look *l);
json_t *inspect_network(struct inspect_look *l);
json_t *inspect_agents(struct inspect_look *l);
json_t *inspect_cloud_init(struct inspect_look *l);
json_t *inspect_mentions(struct inspect_look *l);

/* One line of a text after the other; number counts from 1. */
struct inspect_lines {
	const char *at, *end;
	size_t number;
	char line[1024]; /* without blanks at both ends, cut when longer */
};

void inspect_lines_begin(struct inspect_lines *s, const struct strbuf *text);
bool inspect_lines_next(struct inspect_lines *s);
/* The same without empty lines and those that begin with '#'. */
bool inspect_lines_entry(struct inspect_lines *s);
