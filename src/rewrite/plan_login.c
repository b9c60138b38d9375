/* SPDX-License-Identifier: MIT */
/* Ways into the clone: root's keys, sshd's addresses; places that name the source. */
#include <limits.h>
#include <string.h>

#include "rewrite/leftovers.h"
#include "rewrite/plan_priv.h"

static bool has_address(const struct net_model *m, const char *address, size_t len)
{
	unsigned i;
	size_t n;

	for (i = 0; i < m->link_count; i++)
		for (n = 0; n < m->links[i].addresses.count; n++) {
			const char *a = m->links[i].addresses.items[n];

			if (strncmp(a, address, len) == 0 && (!a[len] || a[len] == '/'))
				return true;
		}
	return false;
}

bool plan_is_lost_address(const struct planner *p, const char *address, size_t len)
{
	return len && has_address(&p->source_net, address, len) &&
	       !has_address(&p->target_net, address, len);
}

/* ---- logging in ---- */

/* The part of an authorized_keys line that is the key: "AAAA...". */
static const char *key_blob(const char *line, size_t len, size_t *ret_len)
{
	const char *s = line, *end = line + len;

	while (s < end) {
		size_t n = strcspn(s, " \t\r\n");

		if (s + n > end)
			n = (size_t)(end - s);
		if (n > 16 && strncmp(s, "AAAA", 4) == 0) {
			*ret_len = n;
			return s;
		}
		s += n ? n : 1;
	}
	return NULL;
}

static int plan_authorized_keys(struct planner *p)
{
	static const char path[] = "/root/.ssh/authorized_keys";
	struct strbuf own cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	unsigned added = 0;
	const char *s;

	if (plan_read_target(p, path, &own) < 0 || plan_read(p, path, &out) < 0)
		return -1;
	for (s = strbuf_str(&own); *s;) {
		size_t len = strcspn(s, "\n"), n;
		const char *blob = *s == '#' ? NULL : key_blob(s, len, &n);

		if (blob && !memmem(strbuf_str(&out), out.len, blob, n)) {
			if (out.len && out.data[out.len - 1] != '\n')
				strbuf_addc(&out, '\n');
			strbuf_add(&out, s, len);
			strbuf_addc(&out, '\n');
			added++;
		}
		s += len + (s[len] == '\n');
	}
	if (!added)
		return 0;
	if (out.failed)
		return plan_nomem(p);
	if (plan_note(p, "%u keys that could log in here as root can log in to the clone as root",
		      added) < 0)
		return -1;
	return plan_write(p, path, strbuf_str(&out), out.len, 0600,
			  "the keys of this machine's root keep working");
}

/* ---- places that name the source's address ---- */

/* sshd does not start when it is to listen only on an address that is not here. */
static int plan_listen(struct planner *p, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	bool changed = false;
	const char *s;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s;) {
		size_t len = strcspn(s, "\n"), n;
		const char *v = s + strspn(s, " \t");

		if (strncasecmp(v, "ListenAddress", 13) == 0) {
			v += 13;
			v += strspn(v, " \t=[");
			n = strcspn(v, " \t\r\n]");
			if (memchr(v, '.', n) && memchr(v, ':', n)) /* 192.0.2.1:22 */
				n = strcspn(v, ":");
			if (plan_is_lost_address(p, v, n)) {
				strbuf_adds(&out, "# rehost: ");
				changed = true;
				if (plan_note(p, "%s: sshd no longer listens on %.*s only", path,
					      (int)n, v) < 0)
					return -1;
			}
		}
		len += s[len] == '\n';
		strbuf_add(&out, s, len);
		s += len;
	}
	if (!changed)
		return 0;
	return plan_rewrite(p, path, &out,
			    "an address of the source, which sshd could not bind here");
}

static int plan_sshd(struct planner *p)
{
	return plan_each_file(p, "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", ".conf",
			      plan_listen);
}

/* Tells which files name an address that the clone will not have. Files that this plan changes are left out. */
static int note_addresses(struct planner *p)
{
	static const char *const dirs[] = { "/etc", NULL };
	struct strlist needles cleanup_strlist = STRLIST_INIT, hits cleanup_strlist = STRLIST_INIT;
	unsigned i, shown = 0;
	size_t n;

	for (i = 0; i < p->source_net.link_count; i++)
		for (n = 0; n < p->source_net.links[i].addresses.count; n++) {
			const char *a = p->source_net.links[i].addresses.items[n];
			size_t len = strcspn(a, "/");

			if (plan_is_lost_address(p, a, len) && strlist_addn(&needles, a, len) < 0)
				return plan_nomem(p);
		}
	if (!needles.count)
		return 0;
	if (leftovers_scan(p->clone, dirs, &needles, &hits, p->e) < 0)
		return -1;
	for (n = 0; n < hits.count; n++) {
		char path[PATH_MAX];
		size_t k;
		bool changed;

		snprintf(path, sizeof(path), "%.*s", (int)strcspn(hits.items[n], ":"),
			 hits.items[n]);
		changed = plan_is_firewall(path);
		for (k = 0; k < p->plan->edit_count; k++)
			changed = changed || strcmp(p->plan->edits[k].path, path) == 0;
		if (changed)
			continue;
		if (shown++ == 20)
			return plan_note(p, "more files name the source's address: look with grep");
		if (plan_note(p, "the source's address is named in %s", hits.items[n]) < 0)
			return -1;
	}
	return 0;
}

int plan_login(struct planner *p)
{
	if (plan_authorized_keys(p) < 0 || plan_sshd(p) < 0)
		return -1;
	if (plan_note(p,
		      "the root password is the source's; this machine's old one stops working") <
	    0)
		return -1;
	return plan_firewall(p) < 0 ? -1 : note_addresses(p);
}
