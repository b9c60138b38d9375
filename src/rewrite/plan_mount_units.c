/* SPDX-License-Identifier: MIT */
/* Mounts and swaps that systemd has as units of its own: decided like a line of fstab, switched off where that is commented out. */
#include <limits.h>
#include <string.h>

#include "rewrite/fstab_kind.h"
#include "rewrite/inifile.h"
#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

/* The unit's device as a line of fstab has it; strings are borrowed from f. false: it mounts nothing by a name. */
static bool as_entry(const struct ini_file *f, bool swap, struct fstab_entry *ret)
{
	const char *section = swap ? "Swap" : "Mount";
	const char *what = ini_get(f, section, "What"), *where = ini_get(f, section, "Where"),
		   *type = ini_get(f, section, "Type"), *options = ini_get(f, section, "Options");

	*ret = (struct fstab_entry){ .spec = (char *)what,
				     .file = (char *)(where ? where : "none"),
				     .vfstype = (char *)(swap	? "swap"
							 : type ? type
								: "auto"),
				     .options = (char *)(options ? options : "defaults") };
	return !str_is_empty(what);
}

static bool is_here(const struct planner *p, const struct fstab_entry *f)
{
	char *uuid cleanup_free = fstab_uuid_of(f->spec);
	unsigned i;

	for (i = 0; uuid && i < p->facts->fs_count; i++)
		if (strcasecmp(uuid, p->facts->filesystems[i].uuid) == 0)
			return true;
	return false;
}

static bool needs_a_disk(const struct fstab_entry *f)
{
	enum fstab_kind k = fstab_kind_of(f);

	return k == FSTAB_DISK || k == FSTAB_SWAP_DISK || k == FSTAB_POOL;
}

static int plan_unit(struct planner *p, const char *name)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct fstab_entry entry;
	char path[PATH_MAX];
	struct ini_file f;
	int rc;

	snprintf(path, sizeof(path), UNIT_DIR "/%s", name);
	/* those of packages name what the kernel makes, and a link elsewhere is an alias */
	rc = root_is_file(p->clone, path) ? plan_read(p, path, &text) : 0;
	if (rc <= 0)
		return rc;
	if (ini_parse(&f, INI_SYSTEMD, strbuf_str(&text), text.len, NULL) < 0)
		return plan_note(p, "%s cannot be understood: look at it before the clone starts",
				 path);
	if (as_entry(&f, str_ends(name, ".swap"), &entry) && needs_a_disk(&entry) &&
	    !is_here(p, &entry)) {
		rc = plan_note(p, "%s (%s on %s) is switched off: a device of the source", name,
			       entry.spec, entry.file);
		if (rc == 0)
			rc = plan_disable_service(p, name, "a device of the source");
	} else {
		rc = 0;
	}
	ini_done(&f);
	return rc;
}

int plan_mount_units(struct planner *p)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!p->tree.init || strcmp(p->tree.init, "systemd") != 0)
		return 0;
	if (services_list(&names, p->clone, p->tree.init, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		if ((str_ends(names.items[i], ".mount") || str_ends(names.items[i], ".swap")) &&
		    plan_unit(p, names.items[i]) < 0)
			return -1;
	return 0;
}
