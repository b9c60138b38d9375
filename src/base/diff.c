/* SPDX-License-Identifier: MIT */
#include "base/diff.h"

#include <stdint.h>
#include <string.h>

#define MAX_LINES 20000
#define CONTEXT 3

struct line {
	const char *text;
	size_t len; /* with its newline, if it has one */
};

struct lines {
	struct line *items;
	size_t count;
};

enum step { KEEP, DROP, ADD };

static int split(struct lines *l, const char *text, size_t len)
{
	const char *end = text + len;
	size_t n = 0;
	const char *p;

	for (p = text; p < end; n++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	l->items = calloc(n ? n : 1, sizeof(*l->items));
	l->count = n;
	if (!l->items)
		return -1;
	for (p = text, n = 0; p < end; n++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *next = nl ? nl + 1 : end;

		l->items[n] = (struct line){ p, (size_t)(next - p) };
		p = next;
	}
	return 0;
}

static int same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/*
 * The script of steps from a to b: common head and tail, and between them the longest common
 * subsequence by dynamic programming while the table is small; else all dropped, then all added.
 */
static size_t script(const struct lines *a, const struct lines *b, uint8_t *steps)
{
	size_t head = 0, tail = 0, n = 0, i, j, w, h;
	uint32_t *t = NULL;

	while (head < a->count && head < b->count && same(&a->items[head], &b->items[head]))
		head++;
	while (tail < a->count - head && tail < b->count - head &&
	       same(&a->items[a->count - 1 - tail], &b->items[b->count - 1 - tail]))
		tail++;
	h = a->count - head - tail;
	w = b->count - head - tail;
	for (i = 0; i < head; i++)
		steps[n++] = KEEP;
	if (h && w && h < 4000000 / w)
		t = calloc((h + 1) * (w + 1), sizeof(*t));
	if (t) {
		for (i = h; i-- > 0;)
			for (j = w; j-- > 0;) {
				uint32_t down = t[(i + 1) * (w + 1) + j];
				uint32_t right = t[i * (w + 1) + j + 1];

				t[i * (w + 1) + j] = same(&a->items[head + i], &b->items[head + j])
							     ? t[(i + 1) * (w + 1) + j + 1] + 1
							     : (down > right ? down : right);
			}
	}
	for (i = j = 0; i < h || j < w;) {
		if (t && i < h && j < w && same(&a->items[head + i], &b->items[head + j])) {
			steps[n++] = KEEP;
			i++;
			j++;
		} else if (i < h &&
			   (j == w || !t || t[(i + 1) * (w + 1) + j] >= t[i * (w + 1) + j + 1])) {
			steps[n++] = DROP;
			i++;
		} else {
			steps[n++] = ADD;
			j++;
		}
	}
	free(t);
	for (i = 0; i < tail; i++)
		steps[n++] = KEEP;
	return n;
}

static void print_line(struct strbuf *out, char mark, const struct line *l)
{
	strbuf_addc(out, mark);
	strbuf_add(out, l->text, l->len);
	if (!l->len || l->text[l->len - 1] != '\n')
		strbuf_adds(out, "\n\\ No newline at end of file\n");
}

/* POSIX: an empty range names the line before it, 0 at the top. */
static void print_range(struct strbuf *out, char mark, size_t at, size_t count)
{
	strbuf_addf(out, "%c%zu", mark, count ? at + 1 : at);
	if (count != 1)
		strbuf_addf(out, ",%zu", count);
}

static void print_hunk(struct strbuf *out, const struct lines *a, const struct lines *b,
		       const uint8_t *steps, size_t from, size_t to, size_t ai, size_t bi)
{
	size_t k, na = 0, nb = 0;

	for (k = from; k < to; k++) {
		na += steps[k] != ADD;
		nb += steps[k] != DROP;
	}
	strbuf_adds(out, "@@ ");
	print_range(out, '-', ai, na);
	strbuf_addc(out, ' ');
	print_range(out, '+', bi, nb);
	strbuf_adds(out, " @@\n");
	for (k = from; k < to; k++) {
		switch (steps[k]) {
		case KEEP:
			print_line(out, ' ', &a->items[ai++]);
			bi++;
			break;
		case DROP:
			print_line(out, '-', &a->items[ai++]);
			break;
		default:
			print_line(out, '+', &b->items[bi++]);
		}
	}
}

static void print_hunks(struct strbuf *out, const struct lines *a, const struct lines *b,
			const uint8_t *steps, size_t n)
{
	size_t k = 0, ai = 0, bi = 0;

	while (k < n) {
		size_t from, to, quiet = 0, back;

		if (steps[k] == KEEP) {
			k++, ai++, bi++;
			continue;
		}
		back = k < CONTEXT ? k : CONTEXT;
		for (from = k; back > 0 && steps[from - 1] == KEEP; back--)
			from--, ai--, bi--;
		for (to = k; to < n && quiet <= 2 * CONTEXT; to++)
			quiet = steps[to] == KEEP ? quiet + 1 : 0;
		to -= quiet > CONTEXT ? quiet - CONTEXT : 0;
		print_hunk(out, a, b, steps, from, to, ai, bi);
		for (k = from; k < to; k++) {
			ai += steps[k] != ADD;
			bi += steps[k] != DROP;
		}
	}
}

void diff_unified(struct strbuf *out, const char *old_name, const char *old_text, size_t old_len,
		  const char *new_name, const char *new_text, size_t new_len)
{
	struct lines a = { 0 }, b = { 0 };
	uint8_t *steps = NULL;

	if (old_len == new_len && (!old_len || memcmp(old_text, new_text, old_len) == 0))
		return;
	strbuf_addf(out, "--- %s\n+++ %s\n", old_name, new_name);
	if (split(&a, old_text, old_len) == 0 && split(&b, new_text, new_len) == 0 &&
	    a.count <= MAX_LINES && b.count <= MAX_LINES)
		steps = malloc(a.count + b.count + 1);
	if (steps)
		print_hunks(out, &a, &b, steps, script(&a, &b, steps));
	else
		strbuf_adds(out, "(too long to compare line by line)\n");
	free(steps);
	free(a.items);
	free(b.items);
}
