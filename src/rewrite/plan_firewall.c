/* SPDX-License-Identifier: MIT */
/*
 * Firewalls of the source are left as they are and told by file and line: a rule that names the source's card or address may
 * let nobody in here, or everybody. Nothing is changed: what a rule was meant for, its author knows alone.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/leftovers.h"
#include "rewrite/plan_priv.h"

#define SHOWN_MAX 20

static const char *const files[] = {
	"/etc/nftables.conf",	     "/etc/iptables/rules.v4",	 "/etc/iptables/rules.v6",
	"/etc/sysconfig/iptables",   "/etc/sysconfig/ip6tables", "/etc/sysconfig/nftables.conf",
	"/etc/firewalld/direct.xml", "/etc/iptables.up.rules",	 "/etc/ferm/ferm.conf",
};

static const struct {
	const char *dir, *suffix;
} folders[] = {
	{ "/etc/nftables.d", "" },	    { "/etc/nftables", ".nft" }, { "/etc/ufw", ".rules" },
	{ "/etc/firewalld/zones", ".xml" }, { "/etc/shorewall", "" },	 { "/etc/shorewall6", "" },
};

struct needles {
	struct strlist cards, addresses;
};

static int collect(struct planner *p, struct needles *n)
{
	unsigned i;
	size_t k;

	for (i = 0; i < p->source_net.link_count; i++) {
		const struct net_link *l = &p->source_net.links[i];

		if (!net_find(&p->target_net, l->name) && !plan_find_link(p, l->name) &&
		    strlist_add(&n->cards, l->name) < 0)
			return plan_nomem(p);
		for (k = 0; k < l->addresses.count; k++) {
			const char *a = l->addresses.items[k];
			size_t len = strcspn(a, "/");

			if (plan_is_lost_address(p, a, len) &&
			    strlist_addn(&n->addresses, a, len) < 0)
				return plan_nomem(p);
		}
	}
	return 0;
}

bool plan_is_firewall(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(path, files[i]) == 0)
			return true;
	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t n = strlen(folders[i].dir);

		if (strncmp(path, folders[i].dir, n) == 0 && path[n] == '/' &&
		    str_ends(path, folders[i].suffix))
			return true;
	}
	return false;
}

static int scan_file(struct planner *p, const char *path, const struct needles *n,
		     struct strlist *cards, struct strlist *addresses)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;

	if (!root_is_file(p->clone, path) || root_read(p->clone, path, &text, CONFIG_MAX, NULL) < 0)
		return 0;
	s = strbuf_str(&text);
	if (leftovers_scan_text(path, s, text.len, &n->cards, cards, p->e) < 0)
		return -1;
	return leftovers_scan_text(path, s, text.len, &n->addresses, addresses, p->e);
}

static int scan_all(struct planner *p, const struct needles *n, struct strlist *cards,
		    struct strlist *addresses)
{
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (scan_file(p, files[i], n, cards, addresses) < 0)
			return -1;
	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;
		char path[PATH_MAX];

		if (!root_is_dir(p->clone, folders[i].dir))
			continue;
		if (root_list(p->clone, folders[i].dir, &names, p->e) < 0)
			return -1;
		for (k = 0; k < names.count; k++) {
			snprintf(path, sizeof(path), "%s/%s", folders[i].dir, names.items[k]);
			if (plan_is_firewall(path) && scan_file(p, path, n, cards, addresses) < 0)
				return -1;
		}
	}
	return 0;
}

static int note_hits(struct planner *p, const struct strlist *hits, const char *what)
{
	size_t i;

	for (i = 0; i < hits->count && i < SHOWN_MAX; i++)
		if (plan_note(p, "the firewall names the source's %s in %s", what, hits->items[i]) <
		    0)
			return -1;
	if (i < hits->count)
		return plan_note(p, "and in %zu more lines of its firewall", hits->count - i);
	return 0;
}

static int note_all(struct planner *p, const struct strlist *cards, const struct strlist *addresses)
{
	struct strbuf names cleanup_strbuf = STRBUF_INIT;
	unsigned i;

	if (note_hits(p, cards, "card") < 0 || note_hits(p, addresses, "address") < 0)
		return -1;
	if (!cards->count && !addresses->count)
		return 0;
	for (i = 0; i < p->target_net.link_count; i++)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", p->target_net.links[i].name);
	return plan_note(
		p,
		"firewall rules are left as they are; this machine's cards are called %s: "
		"see that they let SSH in here, before 'switch' (the source, then 'receive "
		"tar --update') or with the provider's console at hand",
		names.len ? strbuf_str(&names) : "otherwise");
}

int plan_firewall(struct planner *p)
{
	struct strlist cards cleanup_strlist = STRLIST_INIT;
	struct strlist addresses cleanup_strlist = STRLIST_INIT;
	struct needles n = { 0 };
	int rc = collect(p, &n);

	if (rc == 0 && (n.cards.count || n.addresses.count))
		rc = scan_all(p, &n, &cards, &addresses);
	if (rc == 0)
		rc = note_all(p, &cards, &addresses);
	strlist_done(&n.cards);
	strlist_done(&n.addresses);
	return rc;
}
