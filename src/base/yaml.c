/* SPDX-License-Identifier: MIT */
#include "base/yaml.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

#define ANCHORS_MAX 256

struct anchor {
	char *name;
	const struct ynode *node;
};

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct ynode_fault *fault;
	unsigned nodes;
	size_t bytes;
	struct anchor anchors[ANCHORS_MAX];
	unsigned anchor_count;
};

static struct ynode *fail(struct reader *r, size_t line, const char *why)
{
	if (!r->fault->why[0]) {
		r->fault->line = (unsigned)line;
		(void)snprintf(r->fault->why, sizeof(r->fault->why), "%s", why);
	}
	return NULL;
}

static struct ynode *nomem(struct reader *r)
{
	return fail(r, 0, "no memory");
}

void ynode_free(struct ynode *n)
{
	struct ynode *next;

	/* Depth is limited, so it may call itself. */
	for (; n; n = next) {
		next = n->next;
		ynode_free(n->first);
		free(n->key);
		free(n->text);
		free(n);
	}
}

void ynode_free_ptr(struct ynode **n)
{
	ynode_free(*n);
}

static struct ynode *node_new(struct reader *r, enum ynode_kind kind, size_t line, unsigned depth)
{
	struct ynode *n;

	if (++r->nodes > YAML_NODES_MAX || depth > YAML_DEPTH_MAX)
		return fail(r, line, "too much of it, or too deep");
	n = calloc(1, sizeof(*n));
	if (!n)
		return nomem(r);
	n->kind = kind;
	n->line = (unsigned)line;
	n->file = r->file;
	return n;
}

static char *take_text(struct reader *r, const char *text, size_t len, size_t line)
{
	char *ret;

	r->bytes += len;
	if (r->bytes > 4 * (size_t)YAML_BYTES_MAX || memchr(text, 0, len)) {
		fail(r, line, "a text that is too long, or with a zero byte");
		return NULL;
	}
	ret = strndup(text, len);
	if (!ret)
		nomem(r);
	return ret;
}

static struct ynode *copy(struct reader *r, const struct ynode *from, unsigned depth)
{
	struct ynode *n = node_new(r, from->kind, from->line, depth), **end;
	const struct ynode *item;

	if (!n)
		return NULL;
	n->is_plain = from->is_plain;
	n->is_repeated = from->is_repeated;
	if (from->text) {
		n->text = take_text(r, from->text, strlen(from->text), from->line);
		if (!n->text)
			goto broken;
	}
	for (item = from->first, end = &n->first; item; item = item->next, end = &(*end)->next) {
		*end = copy(r, item, depth + 1);
		if (!*end)
			goto broken;
		(*end)->key = item->key ? take_text(r, item->key, strlen(item->key), item->line)
					: NULL;
		if (item->key && !(*end)->key)
			goto broken;
	}
	return n;
broken:
	ynode_free(n);
	return NULL;
}

/* Known only once it is complete, so that nothing holds itself. */
static bool anchor_add(struct reader *r, const char *name, const struct ynode *n)
{
	struct anchor *a = &r->anchors[r->anchor_count];

	if (r->anchor_count == ANCHORS_MAX) {
		fail(r, n->line, "too many anchors");
		return false;
	}
	a->name = strdup(name);
	a->node = n;
	if (!a->name) {
		nomem(r);
		return false;
	}
	r->anchor_count++;
	return true;
}

static struct ynode *read_alias(struct reader *r, const yaml_event_t *e, unsigned depth)
{
	unsigned i = r->anchor_count;

	while (i-- > 0)
		if (strcmp(r->anchors[i].name, (const char *)e->data.alias.anchor) == 0)
			return copy(r, r->anchors[i].node, depth);
	return fail(r, e->start_mark.line + 1, "an alias of nothing that stands before it");
}

static bool next_event(struct reader *r, yaml_event_t *ret)
{
	if (yaml_parser_parse(&r->parser, ret))
		return true;
	if (r->parser.error == YAML_MEMORY_ERROR)
		nomem(r);
	else
		fail(r, r->parser.problem_mark.line + 1,
		     r->parser.problem ? r->parser.problem : "no YAML");
	return false;
}

static struct ynode *read_node(struct reader *r, const yaml_event_t *e, unsigned depth);

/* True when an earlier item has the key. Maps are small; the limit of nodes bounds the work. */
static bool has_key(const struct ynode *first, const char *key)
{
	for (; first; first = first->next)
		if (first->key && strcmp(first->key, key) == 0)
			return true;
	return false;
}

/* One item, whose event is e: of a map that is its key. */
static struct ynode *read_item(struct reader *r, const struct ynode *in, yaml_event_t *e,
			       unsigned depth)
{
	char *key = NULL;
	size_t line = e->start_mark.line + 1;
	struct ynode *n;
	bool more;

	if (in->kind == YNODE_MAP) {
		if (e->type != YAML_SCALAR_EVENT)
			return fail(r, line, "a key that is no text");
		key = take_text(r, (const char *)e->data.scalar.value, e->data.scalar.length, line);
		if (!key)
			return NULL;
		yaml_event_delete(e);
		*e = (yaml_event_t){ 0 };
		more = next_event(r, e);
		n = more ? read_node(r, e, depth) : NULL;
		if (!n) {
			free(key);
			return NULL;
		}
		n->key = key;
		n->line = (unsigned)line;
		n->is_repeated = has_key(in->first, key);
		return n;
	}
	return read_node(r, e, depth);
}

static bool read_items(struct reader *r, struct ynode *in, unsigned depth)
{
	struct ynode **end = &in->first;

	for (;;) {
		yaml_event_t event = { 0 };
		bool is_end;

		if (!next_event(r, &event))
			return false;
		is_end = event.type == YAML_SEQUENCE_END_EVENT ||
			 event.type == YAML_MAPPING_END_EVENT;
		if (!is_end)
			*end = read_item(r, in, &event, depth);
		yaml_event_delete(&event);
		if (is_end || !*end)
			return is_end;
		end = &(*end)->next;
	}
}

static struct ynode *read_node(struct reader *r, const yaml_event_t *e, unsigned depth)
{
	size_t line = e->start_mark.line + 1;
	const yaml_char_t *anchor = NULL;
	char *name;
	struct ynode *n;
	bool good = true;

	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, e, depth);
	case YAML_SCALAR_EVENT:
		n = node_new(r, YNODE_TEXT, line, depth);
		anchor = e->data.scalar.anchor;
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = node_new(r, YNODE_LIST, line, depth);
		anchor = e->data.sequence_start.anchor;
		break;
	case YAML_MAPPING_START_EVENT:
		n = node_new(r, YNODE_MAP, line, depth);
		anchor = e->data.mapping_start.anchor;
		break;
	default:
		return fail(r, line, "no value where one belongs");
	}
	if (!n)
		return NULL;
	if (n->kind == YNODE_TEXT) {
		n->is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		n->text = take_text(r, (const char *)e->data.scalar.value, e->data.scalar.length,
				    line);
		good = n->text != NULL;
	} else {
		good = read_items(r, n, depth + 1);
	}
	name = (char *)anchor;
	if (good && (!name || anchor_add(r, name, n)))
		return n;
	ynode_free(n);
	return NULL;
}

static struct ynode *read_document(struct reader *r)
{
	struct ynode *root = NULL;

	for (;;) {
		yaml_event_t event;
		bool is_end, failed = false;

		if (!next_event(r, &event))
			break;
		is_end = event.type == YAML_STREAM_END_EVENT;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
		case YAML_STREAM_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root)
				failed = !fail(r, event.start_mark.line + 1, "a second document");
			break;
		default:
			root = read_node(r, &event, 0);
			failed = !root;
		}
		yaml_event_delete(&event);
		if (failed)
			break;
		if (is_end)
			return root ? root : node_new(r, YNODE_MAP, 1, 0);
	}
	ynode_free(root);
	return NULL;
}

struct ynode *ynode_parse(const char *text, size_t len, const char *file, struct ynode_fault *fault)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct ynode *root = NULL;
	unsigned i;

	*fault = (struct ynode_fault){ 0 };
	if (!r || !yaml_parser_initialize(&r->parser)) {
		(void)snprintf(fault->why, sizeof(fault->why), "no memory");
		free(r);
		return NULL;
	}
	r->file = file;
	r->fault = fault;
	if (len > YAML_BYTES_MAX) {
		fail(r, 1, "more than a megabyte");
	} else {
		yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
		root = read_document(r);
	}
	yaml_parser_delete(&r->parser);
	for (i = 0; i < r->anchor_count; i++)
		free(r->anchors[i].name);
	free(r);
	return root;
}

struct ynode *ynode_get(const struct ynode *n, const char *key)
{
	struct ynode *item, *found = NULL;

	if (!n || n->kind != YNODE_MAP)
		return NULL;
	for (item = n->first; item; item = item->next)
		if (strcmp(item->key, key) == 0)
			found = item;
	return found;
}

const char *ynode_text(const struct ynode *n, const char *key)
{
	const struct ynode *item = ynode_get(n, key);

	return item && item->kind == YNODE_TEXT ? item->text : NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

static const char *const words_true[] = { "true", "on", "yes", "y", NULL };
static const char *const words_false[] = { "false", "off", "no", "n", NULL };
static const char *const words_null[] = { "", "~", "null", NULL };

bool ynode_is_null(const struct ynode *n)
{
	return n->kind == YNODE_TEXT && n->is_plain && is_one_of(n->text, words_null);
}

int ynode_truth(const struct ynode *n)
{
	if (!n || n->kind != YNODE_TEXT)
		return -1;
	return is_one_of(n->text, words_true) ? 1 : is_one_of(n->text, words_false) ? 0 : -1;
}

/* ---- merging ------------------------------------------------------------------------------------------------ */

static struct ynode **last_of(struct ynode **first)
{
	while (*first)
		first = &(*first)->next;
	return first;
}

static void replace(struct ynode *old, struct ynode *with)
{
	struct ynode *next = old->next, *items = old->first;
	char *key = old->key, *text = old->text;

	*old = *with;
	old->next = next;
	with->first = items;
	with->key = key;
	with->text = text;
	with->next = NULL;
	ynode_free(with);
}

/* Two of different kinds: what is null gives way. */
static int settle(struct ynode *old, struct ynode *item, struct strlist *notes)
{
	int rc = 0;

	if (ynode_is_null(old)) {
		replace(old, item);
		return 0;
	}
	if (notes && !ynode_is_null(item))
		rc = strlist_addf(notes, "%s line %u: '%s' is of another kind than in %s; left out",
				  item->file, item->line, item->key, old->file);
	ynode_free(item);
	return rc;
}

int ynode_merge(struct ynode *to, struct ynode *from, struct strlist *notes)
{
	struct ynode *item, *next, *old;
	int rc = 0;

	for (item = from->first; item; item = next) {
		next = item->next;
		item->next = NULL;
		old = ynode_get(to, item->key);
		if (!old) {
			*last_of(&to->first) = item;
		} else if (old->kind != item->kind) {
			rc |= settle(old, item, notes);
		} else if (item->kind == YNODE_MAP) {
			rc |= ynode_merge(old, item, notes);
		} else if (item->kind == YNODE_LIST) {
			*last_of(&old->first) = item->first;
			item->first = NULL;
			ynode_free(item);
		} else {
			replace(old, item);
		}
	}
	from->first = NULL;
	ynode_free(from);
	return rc;
}

/* ---- printing ----------------------------------------------------------------------------------------------- */

/* Read again as the text it is, in a block and in brackets. */
static bool is_safe(const char *text)
{
	return text[0] && !strchr("-.", text[0]) &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_-./+")] == '\0' &&
	       text[0] != '+' && !is_one_of(text, words_true) && !is_one_of(text, words_false) &&
	       !is_one_of(text, words_null);
}

/* The character at *p, which moves on; a byte that starts none stands for itself. */
static unsigned next_char(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;
	unsigned n = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc2 ? 1 : 0, c = *s, i;

	if (n) {
		c = *s & (0x3fU >> n);
		for (i = 1; i <= n && (s[i] & 0xc0) == 0x80; i++)
			c = c << 6 | (s[i] & 0x3fU);
		if (i <= n || c > 0x10ffff) {
			n = 0;
			c = *s;
		}
	}
	*p += n + 1;
	return c;
}

void yaml_quote(struct strbuf *out, const char *text)
{
	if (is_safe(text)) {
		strbuf_adds(out, text);
		return;
	}
	strbuf_addc(out, '"');
	while (*text) {
		unsigned c = next_char(&text);

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", (char)c);
		else if (c >= 0x20 && c < 0x7f)
			strbuf_addc(out, (char)c);
		else
			strbuf_addf(out,
				    c < 0x100	  ? "\\x%02x"
				    : c < 0x10000 ? "\\u%04x"
						  : "\\U%08x",
				    c);
	}
	strbuf_addc(out, '"');
}

void ynode_print(struct strbuf *out, const struct ynode *n)
{
	const struct ynode *item;

	if (n->kind == YNODE_TEXT) {
		if (n->is_plain && (ynode_truth(n) >= 0 || ynode_is_null(n)))
			strbuf_adds(out, *n->text ? n->text : "~");
		else if (!n->is_plain && ynode_truth(n) >= 0)
			strbuf_addf(out, "\"%s\"", n->text);
		else
			yaml_quote(out, n->text);
		return;
	}
	strbuf_addc(out, n->kind == YNODE_MAP ? '{' : '[');
	for (item = n->first; item; item = item->next) {
		if (item->key) {
			yaml_quote(out, item->key);
			strbuf_adds(out, ": ");
		}
		ynode_print(out, item);
		if (item->next)
			strbuf_adds(out, ", ");
	}
	strbuf_addc(out, n->kind == YNODE_MAP ? '}' : ']');
}
