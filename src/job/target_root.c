/* SPDX-License-Identifier: MIT */
/* Choosing the target's root file system among what is on the disks. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/log.h"
#include "disk/mount.h"
#include "job/record.h"
#include "job/target_priv.h"
#include "job/target_rules.h"

struct candidate {
	const struct volume *volume;
	bool has_record;
	char hostname[72];
};

static bool can_be_root(const struct target *t, const struct volume *v)
{
	enum err_code code = t->is_partial ? volume_judge_look(v) : volume_judge(v);

	return v->type && strcmp(v->type, "vfat") != 0 &&
	       (code == ERR_NONE || (code == ERR_AMBIVALENT && strcmp(v->type, "swap") != 0));
}

static void read_hostname(const struct root *r, struct candidate *c)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char line[65];

	if (root_read(r, "/etc/hostname", &text, 4096, NULL) < 0)
		return;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(strbuf_str(&text), "\n"),
		 strbuf_str(&text));
	str_escape(c->hostname, sizeof(c->hostname), line);
}

/*
 * What installers call the subvolume of the root: openSUSE and Ubuntu, Fedora, Debian. A real folder: what is mounted from
 * there is named by its path.
 */
const char *target_root_subvolume(const struct volume *v, const struct root *top)
{
	static const char *const names[] = { "@", "root", "@rootfs" };
	size_t i;

	if (!v->type || strcmp(v->type, "btrfs") != 0 || target_is_linux_root(top))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct root below cleanup_root = ROOT_INIT;
		struct stat st;

		if (root_lstat(top, names[i], &st) == 0 && S_ISDIR(st.st_mode) &&
		    root_open_below(&below, top, names[i], NULL) == 0 &&
		    target_is_linux_root(&below))
			return names[i];
	}
	return NULL;
}

/* Looks into one volume. 1: a root (described in c); 0: none; -1: could not look. */
static int probe(const struct volume *v, struct candidate *c, struct err *e)
{
	struct root r cleanup_root = ROOT_INIT;
	char at[256];
	int rc = -1;

	run_path(at, sizeof(at), "probe");
	if (mkdirs(at, 0700, e) < 0 || volume_unmount(at, e) < 0 ||
	    volume_mount(v, at, false, e) < 0)
		return -1;
	if (root_open(&r, at, e) == 0) {
		*c = (struct candidate){ .volume = v, .has_record = root_exists(&r, RECORD_PATH) };
		/* halfway through a switch the record tells it, whatever is at the top */
		rc = c->has_record || target_is_linux_root(&r) ||
		     target_root_subvolume(v, &r) != NULL;
		if (rc)
			read_hostname(&r, c);
		root_close(&r);
	}
	if (volume_unmount(at, e) < 0)
		return -1;
	return rc;
}

/* Nothing found: say what is there instead. first: why the first volume could not be looked at. */
static int explain_none(const struct target *t, const struct err *first, struct err *e)
{
	static const enum err_code order[] = { ERR_ENCRYPTED, ERR_LVM, ERR_RAID };
	struct strbuf seen cleanup_strbuf = STRBUF_INIT;
	unsigned i, k;

	for (k = 0; k < ARRAY_SIZE(order); k++) {
		for (i = 0; i < t->scan.volume_count; i++) {
			const struct volume *v = &t->scan.volumes[i];

			if (volume_judge(v) == order[k])
				return err_set(e, order[k], 0,
					       "no root file system is readable; %s holds %s",
					       v->path, v->type);
		}
	}
	if (err_is_set(first)) {
		if (e)
			*e = *first;
		return -1;
	}
	for (i = 0; i < t->scan.volume_count && seen.len < 160; i++)
		strbuf_addf(&seen, "%s%s %s", seen.len ? ", " : "", t->scan.volumes[i].path,
			    t->scan.volumes[i].type ? t->scan.volumes[i].type : "unknown content");
	if (!seen.len)
		strbuf_adds(&seen, "the disks are empty");
	return err_set(e, ERR_NO_ROOT, 0, "seen: %s", strbuf_str(&seen));
}

static int explain_two(const struct candidate *c, unsigned count, unsigned records, struct err *e)
{
	struct strbuf list cleanup_strbuf = STRBUF_INIT;
	unsigned i;

	for (i = 0; i < count; i++)
		strbuf_addf(&list, "%s%s UUID %s (%s)", i ? "; " : "", c[i].volume->path,
			    c[i].volume->uuid ? c[i].volume->uuid : "none",
			    c[i].hostname[0] ? c[i].hostname : "no host name");
	err_set(e, ERR_TWO_ROOTS, 0, "%s", strbuf_str(&list));
	if (e && !records) /* two: copies of one disk; how far that migration is, nobody can say */
		e->extent = EXTENT_NOTHING;
	return -1;
}

/* All candidates are looked into, one after the other. */
static int probe_all(const struct target *t, const struct volume **ret, struct err *e)
{
	struct candidate found[8];
	struct err first = ERR_INIT;
	unsigned count = 0, records = 0, i, with_record = 0;

	for (i = 0; i < t->scan.volume_count && count < ARRAY_SIZE(found); i++) {
		struct err own = ERR_INIT;
		int rc;

		if (!can_be_root(t, &t->scan.volumes[i]))
			continue;
		rc = probe(&t->scan.volumes[i], &found[count], &own);
		if (rc < 0) {
			log_warn("target: %s: %s", t->scan.volumes[i].path, own.ctx[0]);
			if (!err_is_set(&first))
				first = own;
		} else if (rc == 1) {
			if (found[count].has_record) {
				with_record = count;
				records++;
			}
			count++;
		}
	}
	if (count == 0)
		return explain_none(t, &first, e);
	if (count > 1 && records != 1) /* a migration under way settles it */
		return explain_two(found, count, records, e);
	*ret = found[count > 1 ? with_record : 0].volume;
	return 0;
}

/* A volume of the scan by UUID; the words are for an operator's typing error. */
static int find_chosen(const struct target *t, const char *uuid, const struct volume **ret,
		       struct err *e)
{
	unsigned i;

	if (strncasecmp(uuid, "UUID=", 5) == 0)
		uuid += 5;
	*ret = NULL;
	for (i = 0; i < t->scan.volume_count; i++) {
		const struct volume *v = &t->scan.volumes[i];

		if (!v->uuid || strcasecmp(v->uuid, uuid) != 0)
			continue;
		if (*ret)
			return err_set(e, ERR_TWO_ROOTS, 0, "%s and %s both have UUID %s",
				       (*ret)->path, v->path, uuid);
		*ret = v;
	}
	if (!*ret)
		return err_set(e, ERR_NO_ROOT, 0, "the option root=%s names no file system here",
			       uuid);
	if (!can_be_root(t, *ret))
		return err_set(e, volume_judge(*ret) ? volume_judge(*ret) : ERR_NO_ROOT, 0,
			       "the option root=%s names %s (%s)", uuid, (*ret)->path,
			       (*ret)->type ? (*ret)->type : "unknown content");
	return 0;
}

int target_find_root(struct target *t, const struct opening *o, const struct volume **ret,
		     struct err *e)
{
	char *chosen cleanup_free = run_option("root");
	char at[256];
	struct stat st;
	unsigned i;

	if (chosen && *chosen)
		return find_chosen(t, chosen, ret, e);
	if (volume_mount_state(run_path(at, sizeof(at), "fs/0")) != MOUNT_NONE &&
	    stat(at, &st) == 0) {
		for (i = 0; i < t->scan.volume_count; i++) {
			*ret = &t->scan.volumes[i];
			if (makedev((*ret)->major, (*ret)->minor) == st.st_dev)
				return 0;
		}
	}
	return o->may_mount ? probe_all(t, ret, e) : NEED_MOUNT;
}
