/* SPDX-License-Identifier: MIT */
/* Which file systems belong to the target's tree: by its fstab, or by the job record once that counts. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "disk/mount.h"
#include "job/record.h"
#include "job/target_priv.h"
#include "job/target_rules.h"

#define FSTAB_MAX (1024 * 1024)

static int explain_missing(const struct target *t, const struct fstab_entry *entry, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->scan.volume_count; i++) {
		const struct volume *v = &t->scan.volumes[i];
		enum err_code code = volume_judge(v);

		/* Behind such a container the missing one may well be. */
		if ((code == ERR_ENCRYPTED || code == ERR_LVM || code == ERR_RAID) &&
		    (str_starts(entry->spec, "/dev/m") || str_starts(entry->spec, "UUID=") ||
		     str_starts(entry->spec, "/dev/disk/")))
			return err_set(e, code, 0, "%s for %s was not found; %s holds %s",
				       entry->spec, entry->file, v->path, v->type);
	}
	return err_set(e, ERR_FS_MISSING, 0, "%s for %s", entry->spec, entry->file);
}

static int add_other(struct target *t, const struct volume *v, char *mount, char *options,
		     struct err *e)
{
	if (t->other_count == ARRAY_SIZE(t->others) || !mount || !options) {
		free(mount);
		free(options);
		return mount && options ? 0 : err_set(e, ERR_NOMEM, 0, "list of file systems");
	}
	t->others[t->other_count++] =
		(struct target_other){ .volume = v, .mount = mount, .options = options };
	return 0;
}

static void add_swap(struct target *t, const struct volume *v)
{
	if (v && v->type && strcmp(v->type, "swap") == 0 && t->swap_count < ARRAY_SIZE(t->swaps))
		t->swaps[t->swap_count++] = v;
}

int target_note(struct target *t, struct err *e, const char *fmt, ...)
{
	char text[512], safe[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), text);
	return strlist_add(&t->notes, safe) < 0 ? err_set(e, ERR_NOMEM, 0, "notes") : 0;
}

/* One local line: found[] gets it, or it is left alone, noted, or refused. */
static int take_local(struct target *t, const struct fstab_entry *entry, struct target_found *found,
		      unsigned *count, struct err *e)
{
	bool guessed, optional = target_entry_is_optional(entry);
	const struct volume *v = target_resolve(&t->scan, entry->spec, t->fs[0].volume->disk,
						&guessed);
	char *mount = target_mount_path(entry->file);
	enum err_code code;
	unsigned i;

	/* Not part of the running tree, but Gentoo's /boot is. */
	if (!mount || (target_has_option(entry->options, "noauto") &&
		       !target_path_is_below(mount, "/boot"))) {
		free(mount);
		return 0;
	}
	if (!v || v == t->fs[0].volume) {
		free(mount);
		if (v)
			return target_note(t, e,
					   "fstab names the root file system for %s too: left out",
					   entry->file);
		if (!optional && !t->is_partial)
			return explain_missing(t, entry, e);
		return target_note(t, e, "%s for %s is not there%s: left out", entry->spec,
				   entry->file, optional ? " and may be absent" : "");
	}
	if (guessed && target_note(t, e, "fstab says %s for %s: taken to be %s", entry->spec,
				   entry->file, v->path) < 0) {
		free(mount);
		return -1;
	}
	if (v->type && strcmp(v->type, "vfat") == 0)
		return add_other(t, v, mount, strdup(entry->options), e);
	code = t->is_partial ? volume_judge_look(v) : volume_judge(v);
	if (code != ERR_NONE && !(code == ERR_AMBIVALENT && v->type)) {
		free(mount);
		if (optional || t->is_partial)
			return target_note(t, e, "%s for %s cannot be used here%s: left out",
					   v->path, entry->file,
					   optional ? " and may be absent" : "");
		return err_set(e, code, 0, "%s (%s) for %s", v->path,
			       v->type ? v->type : "unknown content", entry->file);
	}
	for (i = 0; i < *count; i++) { /* a later line hides an earlier one */
		if (strcmp(found[i].mount, mount) == 0 || found[i].volume == v) {
			free(mount);
			return target_note(t, e,
					   "fstab mentions %s or %s twice: the first line counts",
					   v->path, entry->file);
		}
	}
	if (*count == TARGET_FS_MAX - 1) {
		free(mount);
		return err_set(e, ERR_LIMIT, 0, "more than %d file systems", TARGET_FS_MAX);
	}
	found[(*count)++] = (struct target_found){ v, mount, strdup(entry->options), optional };
	return 0;
}

/* Reads the fstab and sorts its lines; also the options of / itself. */
int target_read_fstab(struct target *t, struct target_found *found, unsigned *count, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct fstab table;
	size_t i;
	int rc = 0;

	if (!root_exists(&t->fs[0].root, "/etc/fstab"))
		return target_note(t, e, "the target has no /etc/fstab: only / is used");
	if (root_read(&t->fs[0].root, "/etc/fstab", &text, FSTAB_MAX, e) < 0 ||
	    fstab_parse(&table, strbuf_str(&text), text.len, e) < 0)
		return -1;
	for (i = 0; i < table.entry_count && rc == 0; i++) {
		const struct fstab_entry *entry = &table.entries[i];
		bool guessed;

		switch (target_entry_role(entry)) {
		case ROLE_ROOT:
			free(t->fs[0].options);
			t->fs[0].options = strdup(entry->options);
			if (target_resolve(&t->scan, entry->spec, t->fs[0].volume->disk,
					   &guessed) != t->fs[0].volume)
				rc = target_note(t, e,
						 "fstab names %s for /, but the system is on %s",
						 entry->spec, t->fs[0].volume->path);
			break;
		case ROLE_SWAP:
			add_swap(t, target_resolve(&t->scan, entry->spec, t->fs[0].volume->disk,
						   &guessed));
			break;
		case ROLE_LOCAL:
			rc = take_local(t, entry, found, count, e);
			break;
		case ROLE_IGNORE:
			break;
		}
	}
	fstab_done(&table);
	if (rc == 0 && !t->fs[0].options)
		return err_set(e, ERR_NOMEM, 0, "list of file systems");
	return rc;
}

/*
 * Once the switch has begun, the fstab at / may be the old system's, the clone's or absent; the record knows what
 * belongs together. 1: found[] is filled in; 0: no such record, the fstab counts.
 */
int target_read_recorded(struct target *t, struct target_found *found, unsigned *count,
			 struct err *e)
{
	struct err ignored = ERR_INIT;
	struct record r;
	unsigned i;
	int rc = 0;

	record_init(&r);
	if (record_load(&r, &t->fs[0].root, &ignored) < 0) /* whoever needs it reports it */
		return 0;
	for (i = 0; i < r.fs_count && r.state >= JOB_SWITCHING && rc >= 0; i++) {
		const struct switch_fs *f = &r.filesystems[i];
		struct strbuf reference cleanup_strbuf = STRBUF_INIT;
		const struct volume *v;
		char *mount = target_mount_path(f->mount);

		rc = 1;
		strbuf_addf(&reference, "UUID=%s", f->uuid);
		v = disk_find(&t->scan, strbuf_str(&reference));
		if (!v || !mount || *count == TARGET_FS_MAX - 1)
			rc = err_set(e, ERR_FS_MISSING, 0, "%s for %s, of the job record",
				     strbuf_str(&reference), f->mount);
		if (rc < 0 || strcmp(mount, "/") == 0) {
			free(mount);
			continue;
		}
		found[(*count)++] = (struct target_found){ v, mount, strdup("defaults"), false };
	}
	record_done(&r);
	return rc;
}
