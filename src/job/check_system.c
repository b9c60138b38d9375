/* SPDX-License-Identifier: MIT */
/* What must hold once the kernel has started: mounts, network, login, names, room. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "job/check_priv.h"
#include "rewrite/fstab.h"
#include "rewrite/net.h"
#include "rewrite/net_fit.h"

#define TEXT_MAX (1 << 20)

/* ---- fstab ---- */

static bool has_option(const struct fstab_entry *entry, const char *option)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;

	return strlist_split(&words, entry->options ? entry->options : "", ",") == 0 &&
	       strlist_has(&words, option);
}

static bool needs_a_device(const struct fstab_entry *entry)
{
	static const char *const heads[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=",
					     "/dev/" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (strncasecmp(entry->spec, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

static void check_line(struct check *c, const struct fstab_entry *entry)
{
	bool may_miss = has_option(entry, "nofail") || has_option(entry, "noauto");
	bool is_swap = strcmp(entry->vfstype, "swap") == 0;
	const struct volume *v;

	if (!needs_a_device(entry))
		return;
	v = disk_find(&c->t->scan, entry->spec);
	if (v) {
		if (strcmp(entry->file, "/") == 0 && v != c->t->fs[0].volume)
			check_add(c, FINDING_BLOCKER, "fstab",
				  "/etc/fstab names %s as the root, it is %s", entry->spec,
				  c->t->fs[0].volume->path);
		else if (str_starts(entry->spec, "/dev/") && !str_starts(entry->spec, "/dev/disk/"))
			check_add(c, FINDING_WARNING, "fstab",
				  "/etc/fstab names %s; kernel names may change", entry->spec);
		return;
	}
	if (may_miss)
		check_add(c, FINDING_WARNING, "fstab",
			  "/etc/fstab names %s for %s, which this machine does not have; the boot "
			  "goes on without it",
			  entry->spec, entry->file);
	else if (is_swap)
		check_add(
			c, FINDING_WARNING, "fstab",
			"/etc/fstab names the swap %s, which this machine does not have; the boot "
			"waits for it for 90 s",
			entry->spec);
	else
		check_add(c, FINDING_BLOCKER, "fstab",
			  "/etc/fstab names %s for %s, which this machine does not have: the boot "
			  "would stop",
			  entry->spec, entry->file);
}

int check_fstab(struct check *c, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct fstab t;
	size_t i;

	if (root_read(c->view, "/etc/fstab", &text, TEXT_MAX, NULL) < 0) {
		check_add(c, FINDING_BLOCKER, "fstab", "/etc/fstab cannot be read");
		return 0;
	}
	if (fstab_parse(&t, strbuf_str(&text), text.len, e) < 0)
		return -1;
	if (!fstab_find(&t, "/"))
		check_add(c, FINDING_BLOCKER, "fstab", "/etc/fstab has no line for /");
	for (i = 0; i < c->t->fs_count; i++)
		if (!fstab_find(&t, c->t->fs[i].mount))
			check_add(c, i ? FINDING_BLOCKER : FINDING_WARNING, "fstab",
				  "/etc/fstab has no line for %s, part of the clone is on it",
				  c->t->fs[i].mount);
	for (i = 0; i < t.entry_count; i++)
		check_line(c, &t.entries[i]);
	fstab_done(&t);
	return 0;
}

/* ---- network ---- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_set(const struct strlist *a, const struct strlist *b)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (!strlist_has(b, a->items[i]))
			return false;
	for (i = 0; i < b->count; i++)
		if (!strlist_has(a, b->items[i]))
			return false;
	return true;
}

/* The link of the clone that is the same: by the card's address, else by name. */
static const struct net_link *find_link(const struct net_model *m, const struct net_link *want)
{
	unsigned i;

	for (i = 0; want->mac && i < m->link_count; i++)
		if (m->links[i].mac && strcasecmp(m->links[i].mac, want->mac) == 0)
			return &m->links[i];
	return net_find(m, want->name);
}

/* other: the clone's stack is another one, and says of IPv6 what it can. */
static void check_link(struct check *c, const struct net_link *want, const struct net_link *have,
		       bool other)
{
	if (have->v4 != want->v4 || (have->v6 != want->v6 && !other))
		check_add(c, FINDING_BLOCKER, "network",
			  "%s gets its addresses in another way than on this machine", want->name);
	else if (have->v6 != want->v6 && !(net_has_addresses(want, true) && have->v6 == NET_AUTO))
		check_add(c, FINDING_WARNING, "network",
			  "%s gets its IPv6 addresses in another way than on this machine",
			  want->name);
	if (!same_set(&have->addresses, &want->addresses))
		check_add(c, FINDING_BLOCKER, "network",
			  "%s would have other addresses than this machine's (%s)", want->name,
			  have->addresses.count ? have->addresses.items[0] : "none");
	if (!same_text(have->gateway4, want->gateway4) ||
	    !same_text(have->gateway6, want->gateway6))
		check_add(c, FINDING_BLOCKER, "network",
			  "%s would have another gateway than this machine's", want->name);
	if (have->kind != want->kind || have->vlan_id != want->vlan_id ||
	    (want->kind != NET_CARD && !want->ports.count != !have->ports.count))
		check_add(c, FINDING_BLOCKER, "network",
			  "%s would not be made of the same links as on this machine", want->name);
	if (have->mtu != want->mtu)
		check_add(c, FINDING_WARNING, "network", "%s would have the MTU %u instead of %u",
			  want->name, have->mtu, want->mtu);
	if (have->route_count < want->route_count || have->rule_count < want->rule_count)
		check_add(c, FINDING_WARNING, "network",
			  "%s would have fewer routes or rules than on this machine", want->name);
	if (want->at_boot && !have->at_boot)
		check_add(c, FINDING_BLOCKER, "network", "%s would not come up at boot",
			  want->name);
}

/* A file that ties the card's address to the name the network files use. */
static bool is_pinned_in(const struct check *c, const char *folder, const char *mac,
			 const char *name)
{
	struct strlist files cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(c->view, folder) || root_list(c->view, folder, &files, NULL) < 0)
		return false;
	for (i = 0; i < files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		char path[512];

		snprintf(path, sizeof(path), "%.100s/%.255s", folder, files.items[i]);
		if (root_read(c->view, path, &text, TEXT_MAX, NULL) == 0 &&
		    strcasestr(strbuf_str(&text), mac) && strstr(strbuf_str(&text), name))
			return true;
	}
	return false;
}

static void check_pinning(struct check *c)
{
	unsigned i;

	for (i = 0; i < c->facts->link_count; i++) {
		const struct fact_link *l = &c->facts->links[i];

		if (!l->target_name)
			continue;
		if (!is_pinned_in(c, "/etc/systemd/network", l->mac, l->target_name) &&
		    !is_pinned_in(c, "/etc/udev/rules.d", l->mac, l->target_name))
			check_add(
				c, FINDING_WARNING, "network-name",
				"nothing ties the card %s to its name %s; another name would leave "
				"the machine without network",
				l->mac, l->target_name);
	}
}

/* Both models; want in the names the clone uses. */
static int read_both(struct check *c, struct net_model *want, struct net_model *have,
		     bool *ret_other, struct err *e)
{
	*have = (struct net_model){ 0 };
	if (net_read_target(want, c->facts, e) < 0)
		return err_ctx(e, "reading this machine's own network files");
	if (net_read(have, c->view, e) < 0)
		return err_ctx(e, "reading the clone's network files");
	*ret_other = want->stack && have->stack && strcmp(want->stack, have->stack) != 0;
	return *ret_other ? net_fit(want, c->facts, !net_is_by_name(have->stack), e) : 0;
}

static void compare_networks(struct check *c, const struct net_model *want,
			     const struct net_model *have, bool other)
{
	unsigned i;

	if (!have->stack)
		check_add(c, FINDING_BLOCKER, "network", "the clone has no network configuration");
	if (!want->link_count)
		check_add(c, FINDING_WARNING, "network",
			  "this machine's own network files name no interface: nothing to compare");
	for (i = 0; i < want->link_count && have->stack; i++) {
		const struct net_link *link = find_link(have, &want->links[i]);

		if (link)
			check_link(c, &want->links[i], link, other);
		else if (want->links[i].kind == NET_OTHER)
			check_add(c, FINDING_WARNING, "network", "the clone does not configure %s",
				  want->links[i].name);
		else
			check_add(c, want->links[i].at_boot ? FINDING_BLOCKER : FINDING_WARNING,
				  "network", "the clone does not configure %s",
				  want->links[i].name);
	}
}

int check_network(struct check *c, struct err *e)
{
	struct net_model want = { 0 }, have = { 0 };
	bool other = false;
	int rc;

	if (!c->facts->target_files)
		return err_set(e, ERR_INTERNAL, 0, "no files of the target");
	rc = read_both(c, &want, &have, &other, e);
	if (rc == 0) {
		compare_networks(c, &want, &have, other);
		check_pinning(c);
	}
	net_done(&want);
	net_done(&have);
	return rc;
}

/* ---- names and room ---- */

static void check_machine_id(struct check *c)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;
	size_t len;

	if (root_read(c->view, "/etc/machine-id", &text, 4096, NULL) < 0) {
		check_add(c, FINDING_WARNING, "machine-id",
			  "/etc/machine-id is missing: systemd would treat the boot as the very "
			  "first and reset which services are on");
		return;
	}
	s = strbuf_str(&text);
	len = strspn(s, "0123456789abcdef");
	if (*s && (len != 32 || (s[32] && s[32] != '\n')))
		check_add(c, FINDING_WARNING, "machine-id", "/etc/machine-id is not a machine id");
}

static void check_hostname(struct check *c)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;

	if (root_read(c->view, "/etc/hostname", &text, 4096, NULL) < 0) {
		check_add(c, FINDING_WARNING, "hostname", "/etc/hostname is missing");
		return;
	}
	s = strbuf_str(&text);
	if (!s[strspn(s, " \t\n")])
		check_add(c, FINDING_WARNING, "hostname", "/etc/hostname is empty");
}

#define ROOM_PERCENT 2

static void check_room(struct check *c)
{
	unsigned i;

	for (i = 0; i < c->t->fs_count; i++) {
		char text[24];
		struct statvfs v;

		if (fstatvfs(c->t->fs[i].root.fd, &v) < 0)
			continue;
		format_bytes(text, sizeof(text), (uint64_t)v.f_bavail * v.f_frsize);
		if (!v.f_bavail)
			check_add(c, FINDING_BLOCKER, "space", "%s is full", c->t->fs[i].mount);
		else if (v.f_bavail < v.f_blocks / 100 * ROOM_PERCENT)
			check_add(c, FINDING_WARNING, "space",
				  "only %s are free on %s until the old system is released", text,
				  c->t->fs[i].mount);
	}
}

int check_machine(struct check *c, struct err *e)
{
	(void)e;
	check_hostname(c);
	check_machine_id(c);
	check_room(c);
	return 0;
}
