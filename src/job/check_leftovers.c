/* SPDX-License-Identifier: MIT */
/* Names of the source's file systems and of the staging that are left in the clone. The search is rewrite/leftovers. */
#include <string.h>

#include "job/check_priv.h"
#include "rewrite/leftovers.h"
#include "rewrite/report.h"
#include "rewrite/sweep.h"

#define WARNINGS_MAX 20 /* the operator looks further with grep */

int check_find_needles(struct check *c, struct err *e)
{
	struct strlist ids cleanup_strlist = STRLIST_INIT;
	struct strlist foreign cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (leftovers_old_ids(c->source, c->facts, &ids, e) < 0)
		return -1;
	for (i = 0; i < ids.count; i++) {
		char uuid[80], part[80];

		snprintf(uuid, sizeof(uuid), "UUID=%.64s", ids.items[i]);
		snprintf(part, sizeof(part), "PARTUUID=%.64s", ids.items[i]);
		/* a disk that moved along, or is no part of the clone's tree */
		if (disk_find(&c->t->scan, uuid) || disk_find(&c->t->scan, part))
			continue;
		if (strlist_add(&foreign, ids.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "collecting the source's names");
	}
	return leftovers_needles(&foreign, &c->needles, e);
}

/* hit: "PLACE: NEEDLE" */
static void add_hit(struct check *c, enum finding_severity severity, const char *hit)
{
	const char *needle = hit, *s;

	for (s = hit; (s = strstr(s, ": ")); s += 2)
		needle = s + 2;
	if (needle[0] == '/')
		check_add(c, severity, "staging-path",
			  "%.*s names \"%s\", a place that exists only while rehost works",
			  (int)(needle - hit - 2), hit, needle);
	else
		check_add(c, severity, "source-uuid", "%.*s names the source's file system %s",
			  (int)(needle - hit - 2), hit, needle);
}

int check_text(struct check *c, const char *path, const char *text, size_t len, struct err *e)
{
	struct strlist hits cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (leftovers_scan_text(path, text, len, &c->needles, &hits, e) < 0)
		return -1;
	for (i = 0; i < hits.count; i++)
		add_hit(c, FINDING_BLOCKER, hits.items[i]);
	return 0;
}

/* Whether what is named in the file decides over the start or the network. */
static bool is_needed_to_start(const char *path)
{
	static const char *const places[] = {
		"/boot/grub/",
		"/boot/grub2/",
		"/boot/loader/",
		"/etc/fstab:",
		"/etc/default/grub:",
		"/etc/default/grub.d/",
		"/etc/crypttab:",
		"/etc/initramfs-tools/",
		"/etc/dracut.conf.d/",
		"/etc/mkinitcpio",
		"/etc/mkinitfs/",
		"/etc/sysconfig/network",
		"/etc/NetworkManager/system-connections/",
		"/etc/mdadm/",
		"/etc/network/",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (str_starts(path, places[i]))
			return true;
	return false;
}

static int tell(void *arg, enum sweep_weight weight, const char *id, const char *text)
{
	check_add(arg, weight == SWEEP_WARNING ? FINDING_WARNING : FINDING_NOTE, id, "%s", text);
	return 0;
}

/* What the rewriting knew of the source's network is in its report. */
static int sweep(struct check *c, unsigned filesystems, struct err *e)
{
	struct sweep s = { .tell = tell, .arg = c };
	json_t *report;
	int rc;

	if (report_load(&report, c->view, REPORT_JSON, NULL) < 0)
		return 0;
	rc = sweep_find(&s, c->view, json_object_get(report, "source"), e);
	json_decref(report);
	if (rc == 0 && filesystems + s.cards + s.addresses)
		check_add(c, FINDING_NOTE, "sweep",
			  "what is left of the source by name: %u places with a file system, %u "
			  "with a card, %u with an address",
			  filesystems, s.cards, s.addresses);
	return rc;
}

int check_leftovers(struct check *c, struct err *e)
{
	static const char *const dirs[] = { "/etc", "/boot", NULL };
	struct strlist hits cleanup_strlist = STRLIST_INIT;
	unsigned told = 0;
	size_t i;

	if (leftovers_scan(c->view, dirs, &c->needles, &hits, e) < 0)
		return err_ctx(e, "searching for the source's names");
	for (i = 0; i < hits.count; i++) {
		if (is_needed_to_start(hits.items[i]))
			add_hit(c, FINDING_BLOCKER, hits.items[i]);
		else if (told++ < WARNINGS_MAX)
			add_hit(c, FINDING_WARNING, hits.items[i]);
	}
	if (told > WARNINGS_MAX)
		check_add(c, FINDING_WARNING, "source-uuid",
			  "%u more places in /etc and /boot name the source", told - WARNINGS_MAX);
	return sweep(c, (unsigned)hits.count, e);
}
