/* SPDX-License-Identifier: MIT */
/* Debian's ifupdown: /etc/network/interfaces and what it sources, into the model. */
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_ifupdown.h"

#define INCLUDE_DEPTH 8
#define INCLUDE_FILES 256
#define LINKS_MAX 1024

struct reader {
	struct net_model *m;
	const struct root *root;
	struct strlist boot; /* names and patterns of auto and allow-hotplug */
	struct err *e;
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading %s", INTERFACES);
}

/* ---- one iface stanza ------------------------------------------------------------------------------------- */

/* Stanzas of one link add up: addresses beside DHCP are DHCP with addresses. */
static void raise_method(enum net_method *method, enum net_method m)
{
	if (m == NET_DHCP || (m == NET_AUTO && *method != NET_DHCP) || *method == NET_OFF)
		*method = m;
}

static int read_method(struct reader *r, struct net_link *l, const struct stanza *s, bool *ret_v6)
{
	const char *family = s->words.count > 1 ? s->words.items[1] : "inet";
	const char *method = s->words.count > 2 ? s->words.items[2] : "manual";
	enum net_method m = NET_OFF;

	*ret_v6 = strcmp(family, "inet6") == 0;
	if (strcmp(method, "static") == 0)
		m = NET_STATIC;
	else if (strcmp(method, "dhcp") == 0)
		m = NET_DHCP;
	else if (strcmp(method, "auto") == 0)
		m = NET_AUTO;
	else if (strcmp(method, "manual") != 0 && strcmp(method, "loopback") != 0 &&
		 strlist_addf(&r->m->notes, "%s uses the method %s %s, which rehost does not know",
			      l->name, family, method) < 0)
		return nomem(r);
	raise_method(*ret_v6 ? &l->v6 : &l->v4, m);
	return 0;
}

/* ifupdown-ng, "iface eth0": the family is the value's, addresses are static, "use dhcp" asks for them. */
static int take_short_option(struct net_link *l, const struct stanza *s,
			     const struct iface_option *o)
{
	bool v6 = net_is_v6(o->value) &&
		  (strcmp(o->name, "address") == 0 || strcmp(o->name, "gateway") == 0);

	if (strcmp(o->name, "use") == 0 && strcmp(o->value, "dhcp") == 0) {
		raise_method(&l->v4, NET_DHCP);
		return 0;
	}
	if (strcmp(o->name, "address") == 0)
		raise_method(v6 ? &l->v6 : &l->v4, NET_STATIC);
	return ifupdown_take_option(l, s, o, v6);
}

static int read_iface(struct reader *r, const struct stanza *s)
{
	struct net_link *l;
	char *name;
	size_t i;
	bool v6;

	if (s->words.count == 0)
		return 0;
	/* "eth0:1" is the old way to give eth0 a second address */
	name = strndup(s->words.items[0], strcspn(s->words.items[0], ":"));
	if (!name)
		return nomem(r);
	if (strcmp(name, "lo") == 0 || !*name) {
		free(name);
		return 0;
	}
	l = r->m->link_count < LINKS_MAX ? net_link_get(r->m, name)
					 : (struct net_link *)net_find(r->m, name);
	free(name);
	if (!l)
		return r->m->link_count < LINKS_MAX
			       ? nomem(r)
			       : err_set(r->e, ERR_LIMIT, 0, "%s has more than %d links",
					 INTERFACES, LINKS_MAX);
	if (read_method(r, l, s, &v6) < 0)
		return -1;
	for (i = 0; i < s->option_count; i++) {
		const struct iface_option *o = &s->options[i];

		if (s->words.count < 2 ? take_short_option(l, s, o) < 0
				       : ifupdown_take_option(l, s, o, v6) < 0)
			return nomem(r);
	}
	return 0;
}

/* ---- files that source one another ------------------------------------------------------------------------- */

static int read_file(struct reader *r, const char *path, unsigned depth);

/* interfaces(5): only such names are taken by source-directory. */
static bool is_plain_name(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_-")] == '\0';
}

static int read_each_in(struct reader *r, const char *dir, const char *pattern, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(r->root, dir))
		return 0;
	if (root_list(r->root, dir, &names, r->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (pattern ? fnmatch(pattern, names.items[i], FNM_PERIOD) != 0
			    : !is_plain_name(names.items[i]))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >= (int)sizeof(path))
			continue;
		if (root_is_file(r->root, path) && read_file(r, path, depth + 1) < 0)
			return -1;
	}
	return 0;
}

/* One word of a source line. Patterns are followed in the last component, which is where people put them. */
static int read_sourced(struct reader *r, const char *from, const char *word, bool directory,
			unsigned depth)
{
	char path[PATH_MAX], *slash;
	int dir_len = (int)(strrchr(from, '/') - from);

	if (word[0] == '/' ? snprintf(path, sizeof(path), "%s", word) >= (int)sizeof(path)
			   : snprintf(path, sizeof(path), "%.*s/%s", dir_len, from, word) >=
				     (int)sizeof(path))
		return 0;
	slash = strrchr(path, '/');
	if (strpbrk(word, "$`~(){}\"'\\") ||
	    (strpbrk(path, "*?[") && strpbrk(path, "*?[") < slash) ||
	    (directory && strpbrk(path, "*?[")))
		return strlist_addf(&r->m->notes, "%s sources %s, which rehost cannot follow", from,
				    word) < 0
			       ? nomem(r)
			       : 0;
	if (directory)
		return read_each_in(r, path, NULL, depth);
	if (strpbrk(slash, "*?[")) {
		*slash = '\0';
		return read_each_in(r, path, slash + 1, depth);
	}
	if (root_is_file(r->root, path))
		return read_file(r, path, depth + 1);
	return strlist_addf(&r->m->notes, "%s sources %s, which is not there", from, word) < 0
		       ? nomem(r)
		       : 0;
}

static int read_stanza(struct reader *r, const char *path, const struct stanza *s, unsigned depth)
{
	size_t i;

	switch (s->kind) {
	case STANZA_IFACE:
		return read_iface(r, s);
	case STANZA_AUTO:
		for (i = 0; i < s->words.count; i++)
			if (strlist_add(&r->boot, s->words.items[i]) < 0)
				return nomem(r);
		return 0;
	case STANZA_SOURCE:
	case STANZA_SOURCE_DIRECTORY:
		for (i = 0; i < s->words.count; i++)
			if (read_sourced(r, path, s->words.items[i],
					 s->kind == STANZA_SOURCE_DIRECTORY, depth) < 0)
				return -1;
		return 0;
	case STANZA_OTHER:
		break;
	}
	if ((strcmp(s->keyword, "mapping") == 0 || strcmp(s->keyword, "rename") == 0 ||
	     strcmp(s->keyword, "template") == 0) &&
	    strlist_addf(&r->m->notes, "%s line %zu: '%s' is kept but not understood", path,
			 s->line + 1, s->keyword) < 0)
		return nomem(r);
	return 0;
}

static int read_file(struct reader *r, const char *path, unsigned depth)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct interfaces_file f;
	size_t i;
	int rc = 0;

	if (strlist_has(&r->m->files, path))
		return 0; /* two patterns may name one file; it counts once, and circles end here */
	if (depth > INCLUDE_DEPTH || r->m->files.count >= INCLUDE_FILES)
		return err_set(r->e, ERR_LIMIT, 0, "%s sources too many files", INTERFACES);
	if (root_read(r->root, path, &text, INTERFACES_MAX_BYTES, r->e) < 0 ||
	    interfaces_parse(&f, strbuf_str(&text), text.len, r->e) < 0)
		return err_ctx(r->e, "%s", path);
	if (strlist_add(&r->m->files, path) < 0)
		rc = nomem(r);
	if (f.stray_line != SIZE_MAX &&
	    strlist_addf(&r->m->notes, "%s line %zu belongs to no stanza: ifup refuses the file",
			 path, f.stray_line + 1) < 0)
		rc = nomem(r);
	for (i = 0; rc == 0 && i < f.stanza_count; i++)
		rc = read_stanza(r, path, &f.stanzas[i], depth);
	interfaces_done(&f);
	return rc;
}

static void mark_boot_links(struct reader *r)
{
	unsigned i;
	size_t n;

	for (i = 0; i < r->m->link_count; i++)
		for (n = 0; n < r->boot.count; n++) {
			const char *pattern = r->boot.items[n];

			/* "/en*" is a pattern (0.8.20), "eth0:1" and "eth0=home" are about eth0 */
			if (pattern[0] == '/'
				    ? fnmatch(pattern + 1, r->m->links[i].name, 0) == 0
				    : strncmp(pattern, r->m->links[i].name,
					      strlen(r->m->links[i].name)) == 0 &&
					      strchr(":=", pattern[strlen(r->m->links[i].name)]))
				r->m->links[i].at_boot = true;
		}
}

static int ifupdown_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct reader r = { .m = m, .root = root, .e = e };
	int rc = read_file(&r, INTERFACES, 0);

	if (rc == 0 && ifupdown_finish(m) < 0)
		rc = nomem(&r);
	if (rc == 0)
		mark_boot_links(&r);
	strlist_done(&r.boot);
	return rc;
}

/* Whether its files configure anything but the loopback. */
static bool has_links(const struct root *root)
{
	struct net_model m = { 0 };
	bool any = root_is_file(root, INTERFACES) &&
		   (ifupdown_read(&m, root, NULL) < 0 || m.link_count > 0);

	net_done(&m);
	return any;
}

static bool ifupdown_is_active(const struct root *root, bool whole)
{
	static const char *const programs[] = { "/sbin/ifup", "/usr/sbin/ifup", NULL };
	static const char *const enabled[] = {
		"/etc/systemd/system/multi-user.target.wants/networking.service",
		"/etc/systemd/system/network-online.target.wants/networking.service",
		/* OpenRC: Alpine's setup adds it to boot */
		"/etc/runlevels/boot/networking", "/etc/runlevels/default/networking",
		"/etc/runlevels/sysinit/networking", NULL
	};
	struct strlist links cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!has_links(root))
		return false;
	if (!whole)
		return true;
	if (!net_any_exists(root, programs))
		return false;
	if (net_any_exists(root, enabled))
		return true;
	if (root_is_dir(root, "/etc/rcS.d") && root_list(root, "/etc/rcS.d", &links, NULL) == 0)
		for (i = 0; i < links.count; i++)
			if (links.items[i][0] == 'S' && str_ends(links.items[i], "networking"))
				return true;
	return false;
}

const struct net_backend net_ifupdown = { "ifupdown", ifupdown_is_active, ifupdown_read,
					  ifupdown_write };
