/* SPDX-License-Identifier: MIT */
#include "transfer/rsync_args.h"

#include <stdlib.h>
#include <string.h>

/* Short letters of the server's side: rsync's options.c, server_options(). openrsync sends each as a word of its own. */
static const char accepted[] = "vqundOJWHogDtNUpAXrcSxzlmyi";

static const struct {
	char letter;
	const char *why;
} refused_letters[] = {
	{ 'L', "links would become copies of what they point to" },
	{ 'k', "links would become copies of what they point to" },
	{ 'K', "folders would be written through links" },
	{ 'R', "only a whole root is received, from / to /" },
	{ 'C', "files of the source would be left out" },
	{ 'b', "backups would become part of the copy" },
	{ 'I', "it is not needed: use -c to compare everything" },
};

enum value { VALUE_NONE, VALUE_WORD, VALUE_NUMBER };

static const struct {
	const char *name;
	enum value value;
} long_options[] = {
	{ "--delete", VALUE_NONE },
	{ "--delete-before", VALUE_NONE },
	{ "--delete-during", VALUE_NONE },
	{ "--delete-delay", VALUE_NONE },
	{ "--delete-after", VALUE_NONE },
	{ "--delete-excluded", VALUE_NONE },
	{ "--force", VALUE_NONE },
	{ "--ignore-errors", VALUE_NONE },
	{ "--partial", VALUE_NONE },
	{ "--numeric-ids", VALUE_NONE },
	{ "--inplace", VALUE_NONE },
	{ "--no-W", VALUE_NONE },
	{ "--no-whole-file", VALUE_NONE },
	{ "--stats", VALUE_NONE },
	{ "--fsync", VALUE_NONE },
	{ "--preallocate", VALUE_NONE },
	{ "--super", VALUE_NONE },
	{ "--size-only", VALUE_NONE },
	{ "--msgs2stderr", VALUE_NONE },
	{ "--no-msgs2stderr", VALUE_NONE },
	{ "--new-compress", VALUE_NONE },
	{ "--old-compress", VALUE_NONE },
	{ "--no-r", VALUE_NONE },
	{ "--one-file-system", VALUE_NONE },
	{ "--log-format", VALUE_WORD },
	{ "--info", VALUE_WORD },
	{ "--compress-choice", VALUE_WORD },
	{ "--checksum-choice", VALUE_WORD },
	{ "--compress-level", VALUE_NUMBER },
	{ "--timeout", VALUE_NUMBER },
	{ "--bwlimit", VALUE_WORD },
	{ "--checksum-seed", VALUE_NUMBER },
	{ "--modify-window", VALUE_NUMBER },
	{ "--block-size", VALUE_NUMBER },
	{ "--max-delete", VALUE_NUMBER },
};

/* Said with the refusal, where there is something better to type. */
static const struct {
	const char *name, *why;
} refused_options[] = {
	{ "--sender", "this end only receives" },
	{ "--daemon", "address it as root@TARGET:/ with one colon" },
	{ "--partial-dir", "--partial does it without a folder" },
	{ "--backup-dir", "backups would become part of the copy" },
	{ "--temp-dir", "files are made beside the ones they replace" },
	{ "--append", "it trusts what an earlier transfer left; leave it out" },
	{ "--append-verify", "leave it out" },
	{ "--files-from", "only a whole root is received" },
	{ "--existing", "the copy would not be whole" },
	{ "--ignore-existing", "the copy would not follow the source" },
	{ "--ignore-non-existing", "the copy would not be whole" },
	{ "--remove-source-files", "a source is never changed" },
	{ "--write-devices", "devices are copied as devices" },
	{ "--copy-devices", "devices are copied as devices" },
	{ "--fake-super", "owners are written as they are" },
	{ "--iconv", "names are copied byte for byte" },
	{ "--usermap", "owners are copied as numbers" },
	{ "--groupmap", "owners are copied as numbers" },
	{ "--link-dest", "" },
	{ "--copy-dest", "" },
	{ "--compare-dest", "" },
};

static int refuse(struct err *e, const char *word, const char *why)
{
	char shown[100];

	str_escape(shown, sizeof(shown), word);
	return err_set(e, ERR_RSYNC_ARGS, 0, "%s is not accepted%s%s", shown,
		       str_is_empty(why) ? "" : ": ", why);
}

static void note_letter(struct rsync_args *a, char letter)
{
	a->is_dry_run |= letter == 'n';
	a->one_file_system |= letter == 'x';
	a->hard_links |= letter == 'H';
	a->acls |= letter == 'A';
	a->xattrs |= letter == 'X';
}

/*
 * "-vlHogDtpAXrxe.iLsfxCIvu", behind e the protocol's version and what the client is capable of; or "-B1000". The s that asks for secluded words
 * goes, because the program gets them as plain ones.
 */
static int take_letters(struct rsync_args *a, const char *word, struct err *e)
{
	struct strbuf kept cleanup_strbuf = STRBUF_INIT;
	const char *p = word + 1;
	size_t i;

	if (*p == 'B' || (*p == 'M' && p[1])) {
		uint64_t n;

		if (*p == 'M' || parse_u64(p + 1, &n) < 0)
			return refuse(e, word, "");
		return strlist_add(&a->options, word) < 0 ? err_set(e, ERR_NOMEM, 0, "rsync") : 0;
	}
	strbuf_addc(&kept, '-');
	for (; *p && *p != 'e'; p++) {
		char one[3] = { '-', *p, 0 };

		for (i = 0; i < ARRAY_SIZE(refused_letters); i++)
			if (*p == refused_letters[i].letter)
				return refuse(e, one, refused_letters[i].why);
		if (*p == 's') {
			a->is_secluded = true;
			continue;
		}
		if (!strchr(accepted, *p))
			return refuse(e, one, "");
		note_letter(a, *p);
		strbuf_addc(&kept, *p);
	}
	if (*p &&
	    p[1 + strspn(p + 1, "0123456789.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return refuse(e, word, "");
	strbuf_adds(&kept, p);
	if (kept.len == 1)
		return a->is_secluded ? 0 : refuse(e, word, "");
	if (kept.failed || strlist_add(&a->options, strbuf_str(&kept)) < 0)
		return err_set(e, ERR_NOMEM, 0, "rsync");
	return 0;
}

static int take_value(struct rsync_args *a, const char *word, enum value kind, const char *value,
		      struct err *e)
{
	uint64_t n;

	if (kind == VALUE_NUMBER &&
	    (value[0] == '-' ? parse_u64(value + 1, &n) : parse_u64(value, &n)) < 0)
		return refuse(e, word, "it wants a number");
	if (value[strspn(value,
			 "0123456789.,%+-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return refuse(e, word, "");
	if (str_starts(word, "--max-delete=") && value[0] != '-' && n < a->max_delete)
		a->max_delete = n;
	return 0;
}

static int take_long(struct rsync_args *a, const char *word, struct err *e)
{
	size_t len = strcspn(word, "="), i;

	for (i = 0; i < ARRAY_SIZE(refused_options); i++)
		if (strlen(refused_options[i].name) == len &&
		    strncmp(word, refused_options[i].name, len) == 0)
			return refuse(e, word, refused_options[i].why);
	for (i = 0; i < ARRAY_SIZE(long_options); i++)
		if (strlen(long_options[i].name) == len &&
		    strncmp(word, long_options[i].name, len) == 0)
			break;
	if (i == ARRAY_SIZE(long_options) ||
	    (long_options[i].value == VALUE_NONE) != (word[len] == '\0'))
		return refuse(e, word, "");
	if (long_options[i].value != VALUE_NONE &&
	    take_value(a, word, long_options[i].value, word + len + 1, e) < 0)
		return -1;
	a->numeric_ids |= strcmp(word, "--numeric-ids") == 0;
	a->one_file_system |= strcmp(word, "--one-file-system") == 0;
	a->deletes |= str_starts(word, "--delete");
	return strlist_add(&a->options, word) < 0 ? err_set(e, ERR_NOMEM, 0, "rsync") : 0;
}

static int take_path(struct rsync_args *a, const char *word, struct err *e)
{
	char shown[200];

	if (a->path)
		return err_set(e, ERR_RSYNC_ARGS, 0, "more than one destination");
	str_escape(shown, sizeof(shown), word);
	if (word[strspn(word, "/.")] || strstr(word, ".."))
		return err_set(
			e, ERR_RSYNC_ARGS, 0,
			"the destination is %s; only a whole root is received, to root@TARGET:/",
			shown);
	a->path = strdup(word);
	return a->path ? 0 : err_set(e, ERR_NOMEM, 0, "rsync");
}

static int take_word(struct rsync_args *a, const char *word, struct err *e)
{
	if (a->has_dot)
		return take_path(a, word, e);
	if (strcmp(word, ".") == 0) {
		a->has_dot = true;
		return 0;
	}
	if (word[0] != '-' || !word[1])
		return refuse(e, word, "");
	return word[1] == '-' ? take_long(a, word, e) : take_letters(a, word, e);
}

static int check_whole(const struct rsync_args *a, struct err *e)
{
	if (!a->path)
		return err_set(e, ERR_RSYNC_ARGS, 0, "no destination was given");
	if (!a->one_file_system)
		return err_set(e, ERR_RSYNC_ARGS, 0,
			       "without -x (--one-file-system) /proc, /sys and everything mounted "
			       "would be copied");
	return 0;
}

int rsync_args_parse(struct rsync_args *ret, const char *const *words, size_t count, struct err *e)
{
	size_t i = 0;

	*ret = (struct rsync_args){ .max_delete = UINT64_MAX };
	if (count > RSYNC_WORDS_MAX)
		return err_set(e, ERR_RSYNC_ARGS, 0, "more than %d words", RSYNC_WORDS_MAX);
	if (count && strcmp(words[0], "--delete-ok") == 0) {
		ret->delete_ok = true;
		i++;
	}
	if (i == count || strcmp(words[i], "--server") != 0)
		return err_set(e, ERR_RSYNC_ARGS, 0, "it is started by an rsync at the other end");
	if (strlist_add(&ret->options, words[i++]) < 0)
		return err_set(e, ERR_NOMEM, 0, "rsync");
	for (; i < count; i++)
		if (take_word(ret, words[i], e) < 0)
			return -1;
	return ret->is_secluded && !ret->has_dot ? 0 : check_whole(ret, e);
}

int rsync_args_more(struct rsync_args *a, const char *data, size_t len, struct err *e)
{
	const char *end = data + len;
	size_t n;

	if (!len || data[len - 1])
		return err_set(e, ERR_RSYNC_ARGS, 0, "the secluded words end early");
	for (n = 0; data < end && *data; n++, data += strlen(data) + 1) {
		if (n == RSYNC_WORDS_MAX)
			return err_set(e, ERR_RSYNC_ARGS, 0, "more than %d words", RSYNC_WORDS_MAX);
		if (n == 0 && strcmp(data, "rsync") != 0)
			return refuse(e, data, "the secluded words begin with it");
		if (n > 0 && take_word(a, data, e) < 0)
			return -1;
	}
	return check_whole(a, e);
}

int rsync_args_notes(const struct rsync_args *a, struct strlist *ret)
{
	const struct {
		bool has;
		const char *text;
	} notes[] = {
		{ a->hard_links, "without -H hard links become files of their own" },
		{ a->acls, "without -A access control lists are lost" },
		{ a->xattrs, "without -X file capabilities and security labels are lost" },
		{ a->numeric_ids,
		  "without --numeric-ids owners without a name at both ends may differ" },
		{ a->deletes, "without --delete what the source no longer has stays in the copy" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(notes); i++)
		if (!notes[i].has && strlist_add(ret, notes[i].text) < 0)
			return -1;
	return 0;
}

void rsync_args_done(struct rsync_args *a)
{
	strlist_done(&a->options);
	free(a->path);
	*a = (struct rsync_args){ 0 };
}
