/* SPDX-License-Identifier: MIT */
/* The one door to libyaml: a bounded read of one document into a tree that remembers its lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define YAML_BYTES_MAX (1 << 20)
#define YAML_NODES_MAX 20000
#define YAML_DEPTH_MAX 32

enum ynode_kind { YNODE_TEXT, YNODE_LIST, YNODE_MAP };

/* Owned by its parent; the root by the caller. */
struct ynode {
	enum ynode_kind kind;
	char *key;	  /* of an item of a map, else NULL */
	bool is_repeated; /* an earlier item of the map has the same key */
	char *text;	  /* YNODE_TEXT, without quotes and escapes; never with a zero byte in it */
	bool is_plain; /* YNODE_TEXT: written without quotes, so it may be a number, a truth value or null */
	unsigned line;		    /* 1 is the first */
	const char *file;	    /* as given to ynode_parse, borrowed */
	struct ynode *first, *next; /* items, in order */
};

/* Why a text is not taken. */
struct ynode_fault {
	unsigned line; /* 0: not about a line, memory ran out */
	char why[120];
};

/*
 * The only document of text; an empty one is an empty map. Aliases become copies of what they name, as far as all nodes
 * together stay below YAML_NODES_MAX and their texts below four times YAML_BYTES_MAX. Merge keys ("<<") are plain keys.
 * NULL: *fault says why. ynode_free takes NULL.
 */
struct ynode *ynode_parse(const char *text, size_t len, const char *file,
			  struct ynode_fault *fault) must_check;
void ynode_free(struct ynode *n);
#define cleanup_ynode __attribute__((cleanup(ynode_free_ptr)))
void ynode_free_ptr(struct ynode **n);

/* The item of a map; of several with one key the last. NULL: none, no map, or n is NULL. */
struct ynode *ynode_get(const struct ynode *n, const char *key);
/* The text of that item; NULL: none, or no text. */
const char *ynode_text(const struct ynode *n, const char *key);
/* An empty plain scalar, "~" or "null". */
bool ynode_is_null(const struct ynode *n);
/* YAML 1.1's words for it, without quotes or with. 1, 0, or -1: neither. */
int ynode_truth(const struct ynode *n);

/*
 * Adds the items of from (a map) to a map: maps are merged, lists appended, texts replaced. What is of another kind than
 * before is left out, with a line in notes (NULL: not wanted) unless it is null. Takes from. -1: no memory for a note.
 */
int ynode_merge(struct ynode *to, struct ynode *from, struct strlist *notes) must_check;

/* The value on one line, in flow style: "{a: 1, b: [x, \"y: z\"]}". */
void ynode_print(struct strbuf *out, const struct ynode *n);
/* A text as a scalar: as it is where that is read as a text or number again, else in double quotes. */
void yaml_quote(struct strbuf *out, const char *text);
