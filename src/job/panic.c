/* SPDX-License-Identifier: MIT */
#include "job/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "job/trial.h"

#define PART_MAX (64u * 1024u)
#define KNOWN_MAX (16u * 1024u)

/* A record begins with "Panic#1 Part2": the parts count back from the end of what was said. */
struct part {
	unsigned long number, part;
	char *text; /* owned; behind the first line */
};

static void free_parts(struct part *parts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(parts[i].text);
}

static int compare_parts(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->part > y->part ? -1 : x->part < y->part;
}

/* Records of the kernel's messages that are not on the list of old ones. */
static int list_new(const struct root *store, const struct root *fs0, struct strlist *ret,
		    struct err *e)
{
	struct strlist all cleanup_strlist = STRLIST_INIT, old cleanup_strlist = STRLIST_INIT;
	struct strbuf known cleanup_strbuf = STRBUF_INIT;
	size_t i, k;

	if (root_list(store, "/", &all, e) < 0)
		return -1;
	if (root_is_file(fs0, TRIAL_PANICS) &&
	    (root_read(fs0, TRIAL_PANICS, &known, KNOWN_MAX, e) < 0 ||
	     strlist_split(&old, strbuf_str(&known), "\n") < 0))
		return -1;
	for (i = 0; i < all.count && ret->count < PANIC_FILES_MAX; i++) {
		if (!str_starts(all.items[i], "dmesg-") || str_ends(all.items[i], ".enc.z"))
			continue;
		for (k = 0; k < old.count && strcmp(old.items[k], all.items[i]) != 0; k++)
			;
		if (k == old.count && strlist_add(ret, all.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "the kernel's last words");
	}
	return 0;
}

/* 1: read, 0: it cannot be read, which is no reason to stop. */
static int read_part(const struct root *store, const char *name, struct part *ret)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s, *part;

	if (root_read(store, name, &text, PART_MAX, NULL) < 0)
		return 0;
	s = strbuf_str(&text);
	part = strstr(s, " Part");
	*ret = (struct part){ 0 };
	if (part && part < s + strcspn(s, "\n")) {
		const char *number = s + strcspn(s, "#\n");

		ret->number = *number == '#' ? strtoul(number + 1, NULL, 10) : 0;
		ret->part = strtoul(part + strlen(" Part"), NULL, 10);
		s += strcspn(s, "\n");
	}
	ret->text = strdup(s + (*s == '\n'));
	return ret->text != NULL;
}

/* What was said last counts: it begins at a line. */
static void add_end(struct strbuf *log, const struct strbuf *said)
{
	const char *s = strbuf_str(said);

	if (said->len > PANIC_TEXT_MAX) {
		s += said->len - PANIC_TEXT_MAX;
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
	strbuf_adds(log, s);
	if (log->len && log->data[log->len - 1] != '\n')
		strbuf_addc(log, '\n');
}

static int add_to_log(const struct root *fs0, const struct strbuf *said, struct err *e)
{
	static const struct root_meta meta = { .mode = 0600 };
	struct strbuf log cleanup_strbuf = STRBUF_INIT;

	if (root_is_file(fs0, TRIAL_LOG) && root_read(fs0, TRIAL_LOG, &log, TRIAL_LOG_MAX, e) < 0)
		return -1;
	/* the sum of it all stays readable: both parts have their limit */
	if (log.len + PANIC_TEXT_MAX + 128 > TRIAL_LOG_MAX)
		strbuf_done(&log);
	if (log.len && log.data[log.len - 1] != '\n')
		strbuf_addc(&log, '\n');
	strbuf_adds(&log, "== the kernel's last words (pstore)\n");
	add_end(&log, said);
	if (log.failed || said->failed)
		return err_set(e, ERR_NOMEM, 0, "the kernel's last words");
	return root_replace(fs0, TRIAL_LOG, strbuf_str(&log), log.len, &meta, e);
}

int panic_note_old(const struct root *store, const struct root *fs0, struct err *e)
{
	static const struct root_meta meta = { .mode = 0600 };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (root_list(store, "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count && text.len + strlen(names.items[i]) + 1 < KNOWN_MAX; i++)
		strbuf_addf(&text, "%s\n", names.items[i]);
	return text.failed ? err_set(e, ERR_NOMEM, 0, "what pstore holds")
			   : root_replace(fs0, TRIAL_PANICS, strbuf_str(&text), text.len, &meta, e);
}

bool panic_is_there(const struct root *store, const struct root *fs0)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;

	return list_new(store, fs0, &names, NULL) == 0 && names.count > 0;
}

int panic_keep(const struct root *store, const struct root *fs0, unsigned *ret_lines, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct strbuf said cleanup_strbuf = STRBUF_INIT;
	struct part parts[PANIC_FILES_MAX];
	size_t count = 0, i;
	const char *s;

	*ret_lines = 0;
	if (list_new(store, fs0, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		count += (size_t)read_part(store, names.items[i], &parts[count]);
	if (count == 0)
		return 0;
	qsort(parts, count, sizeof(parts[0]), compare_parts);
	for (i = 0; i < count; i++) {
		strbuf_adds(&said, parts[i].text);
		if (said.len && said.data[said.len - 1] != '\n')
			strbuf_addc(&said, '\n');
	}
	free_parts(parts, count);
	if (add_to_log(fs0, &said, e) < 0)
		return err_ctx(e, "keeping the kernel's last words");
	for (s = strbuf_str(&said); (s = strchr(s, '\n')); s++)
		++*ret_lines;
	/* only now that they are on the disk; a store that does not let go of them is no failure */
	for (i = 0; i < names.count; i++)
		(void)!root_remove(store, names.items[i], NULL);
	return 0;
}
