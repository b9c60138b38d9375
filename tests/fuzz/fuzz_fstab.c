/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an fstab: what is accepted prints as it was read, a changed column reads back as it was set, and options that
 * were fitted once stay as they are.
 */
#include <stdint.h>
#include <string.h>

#include "rewrite/fstab_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char value[] = "a b\t\\#\n";

static const char *column_of(const struct fstab_entry *entry, enum fstab_column column)
{
	switch (column) {
	case FSTAB_SPEC:
		return entry->spec;
	case FSTAB_FILE:
		return entry->file;
	case FSTAB_TYPE:
		return entry->vfstype;
	default:
		return entry->options;
	}
}

static void set_columns(const char *line)
{
	enum fstab_column c;

	for (c = FSTAB_SPEC; c <= FSTAB_OPTIONS; c++) {
		char *changed = fstab_line_set(line, c, value);
		struct fstab t;

		if (!changed || fstab_parse(&t, changed, strlen(changed), NULL) < 0)
			abort();
		if (t.lines.count != 1 || t.entry_count != 1 ||
		    strcmp(column_of(&t.entries[0], c), value) != 0)
			abort();
		fstab_done(&t);
		free(changed);
	}
}

static void fit_options(const struct fstab_entry *entry)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;

	free(fstab_uuid_of(entry->spec));
	if (fstab_is_lasting_spec(entry->spec) && fstab_kind_of(entry) == FSTAB_SWAP_FILE)
		abort();
	fstab_fit_options(entry->options, entry->vfstype, "ext4", true, &once);
	fstab_fit_options(strbuf_str(&once), "ext4", "ext4", true, &twice);
	if (!once.len || strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0)
		abort();
	fstab_add_subvolume(entry->options, &once);
	strbuf_done(&once);
	strbuf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf out = STRBUF_INIT;
	struct fstab t;
	size_t i;

	if (fstab_parse(&t, (const char *)data, size, NULL) < 0)
		return 0;
	fstab_print(&t, &out);
	if (out.len != size || (size && memcmp(out.data, data, size) != 0))
		abort();
	for (i = 0; i < t.entry_count; i++) {
		if (!fstab_find(&t, t.entries[i].file))
			abort();
		fstab_has_option(t.entries[i].options, "subvol=");
		free(fstab_tag_value(t.entries[i].spec, "UUID"));
		fit_options(&t.entries[i]);
		set_columns(t.lines.items[t.entries[i].line]);
	}
	fstab_done(&t);
	strbuf_done(&out);
	return 0;
}
