/* SPDX-License-Identifier: MIT */
/* dhcpcd that configures links by itself: /etc/dhcpcd.conf, and which links it is started for. */
#include <fnmatch.h>
#include <string.h>

#include "rewrite/net_dhcpcd_priv.h"

#define WANTS "/etc/systemd/system/multi-user.target.wants"
#define FILE_MAX (1024 * 1024)

struct reader {
	struct net_model *m;
	const struct root *root;
	struct dhcpcd_file f;
	struct strlist allow, deny; /* patterns; allow empty: all */
	struct strlist units;	    /* links that a unit of their own is for */
	bool is_for_all;	    /* dhcpcd without a link's name is started */
	struct err *e;
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading " DHCPCD_CONF);
}

/* ---- syntax ---------------------------------------------------------------------------------------------------- */

void dhcpcd_file_done(struct dhcpcd_file *f)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		free(f->lines[i].option);
		free(f->lines[i].value);
	}
	free(f->lines);
	*f = (struct dhcpcd_file){ 0 };
}

/* "Comments can be prefixed with the # character": at the beginning, or behind a blank outside quotes. */
static size_t without_comment(const char *s, size_t len)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len)
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (s[i] == '#' && !quoted && (i == 0 || strchr(" \t", s[i - 1])))
			break;
	}
	while (i && strchr(" \t\r", s[i - 1]))
		i--;
	return i;
}

static int add_line(struct dhcpcd_file *f, const char *s, size_t len, size_t number)
{
	struct dhcpcd_line *grown, line = { .number = number };
	size_t n = 0;

	while (n < len && !strchr(" \t", s[n]))
		n++;
	line.option = strndup(s, n);
	while (n < len && strchr(" \t", s[n]))
		n++;
	line.value = strndup(s + n, len - n);
	grown = reallocarray(f->lines, f->count + 1, sizeof(*grown));
	if (grown)
		f->lines = grown;
	if (!grown || !line.option || !line.value) {
		free(line.option);
		free(line.value);
		return -1;
	}
	f->lines[f->count++] = line;
	return 0;
}

int dhcpcd_parse(struct dhcpcd_file *ret, const char *text, struct err *e)
{
	size_t number = 1;

	*ret = (struct dhcpcd_file){ 0 };
	for (; *text; number++) {
		size_t whole = strcspn(text, "\n"), skip = strspn(text, " \t"), len;

		len = skip < whole && text[skip] != ';' ? without_comment(text + skip, whole - skip)
							: 0;
		if (len && (ret->count >= DHCPCD_LINES_MAX ||
			    add_line(ret, text + skip, len, number) < 0)) {
			bool full = ret->count >= DHCPCD_LINES_MAX;

			dhcpcd_file_done(ret);
			return full ? err_set(e, ERR_LIMIT, 0, "more than %d lines",
					      DHCPCD_LINES_MAX)
				    : err_set(e, ERR_NOMEM, 0, "%zu lines", number);
		}
		text += whole + (text[whole] == '\n');
	}
	return 0;
}

/* ---- which links --------------------------------------------------------------------------------------------------- */

static bool matches(const struct strlist *patterns, const char *name)
{
	size_t i;

	for (i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->items[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* "If the same interface is matched in denyinterfaces then it is still denied." */
static bool is_started(const struct reader *r, const char *name)
{
	if (strlist_has(&r->units, name))
		return true;
	return r->is_for_all && (!r->allow.count || matches(&r->allow, name)) &&
	       !matches(&r->deny, name);
}

/* Units: "dhcpcd.service" for all links, "dhcpcd@eth0.service" for one. Nothing known: it is for all. */
static int find_units(struct reader *r)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	bool all = false;
	size_t i;

	if (root_is_dir(r->root, WANTS) && root_list(r->root, WANTS, &names, r->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		const char *name = names.items[i];

		all |= strcmp(name, "dhcpcd.service") == 0;
		if (str_starts(name, "dhcpcd@") && str_ends(name, ".service") &&
		    strlen(name) > strlen("dhcpcd@.service") &&
		    (strlist_add(&r->m->units, name) < 0 ||
		     strlist_addn(&r->units, name + 7, strlen(name) - 15) < 0))
			return nomem(r);
	}
	r->is_for_all = all || !r->units.count;
	return r->is_for_all && strlist_add(&r->m->units, "dhcpcd.service") < 0 ? nomem(r) : 0;
}

static int find_patterns(struct reader *r)
{
	size_t i;

	for (i = 0; i < r->f.count; i++) {
		struct strlist *to = strcmp(r->f.lines[i].option, "allowinterfaces") == 0
					     ? &r->allow
				     : strcmp(r->f.lines[i].option, "denyinterfaces") == 0
					     ? &r->deny
					     : NULL;

		if (to && strlist_split(to, r->f.lines[i].value, " ,\t") < 0)
			return nomem(r);
	}
	return 0;
}

static int add_link(struct reader *r, const char *name)
{
	struct net_link *l;

	if (!*name || strcmp(name, "lo") == 0 || net_find(r->m, name) ||
	    r->m->link_count >= NET_LINKS_MAX)
		return 0;
	l = net_link_get(r->m, name);
	if (!l)
		return nomem(r);
	l->at_boot = is_started(r, name);
	return dhcpcd_read_options(l, &r->f) < 0 ? nomem(r) : 0;
}

/* Cards that no line names, as far as dhcpcd takes them too. */
static int add_patterns(struct reader *r)
{
	size_t i;
	int rc = 0;

	if (!r->is_for_all || matches(&r->deny, "*"))
		return 0;
	for (i = 0; rc == 0 && i < r->allow.count; i++)
		if (is_pattern(r->allow.items[i]))
			rc = add_link(r, r->allow.items[i]);
	if (rc == 0 && !r->allow.count && !r->m->link_count)
		rc = add_link(r, "*");
	if (rc < 0)
		return -1;
	for (i = 0; i < r->m->link_count; i++)
		if (is_pattern(r->m->links[i].name) &&
		    strlist_addf(&r->m->notes, DHCPCD_CONF " is for every card that \"%s\" matches",
				 r->m->links[i].name) < 0)
			return nomem(r);
	if (!r->allow.count && r->m->link_count && !is_pattern(r->m->links[0].name) &&
	    strlist_addf(&r->m->notes, "dhcpcd asks for addresses on every other card too") < 0)
		return nomem(r);
	return 0;
}

static int add_links(struct reader *r)
{
	size_t i;

	for (i = 0; i < r->f.count; i++) {
		const struct dhcpcd_line *line = &r->f.lines[i];

		if ((strcmp(line->option, "profile") == 0 || strcmp(line->option, "arping") == 0 ||
		     strcmp(line->option, "ssid") == 0) &&
		    strlist_addf(&r->m->notes,
				 DHCPCD_CONF " line %zu: '%s' is decided while the system runs",
				 line->number, line->option) < 0)
			return nomem(r);
		if (strcmp(line->option, "interface") == 0 && add_link(r, line->value) < 0)
			return -1;
	}
	for (i = 0; i < r->allow.count; i++)
		if (!is_pattern(r->allow.items[i]) && add_link(r, r->allow.items[i]) < 0)
			return -1;
	for (i = 0; i < r->units.count; i++)
		if (add_link(r, r->units.items[i]) < 0)
			return -1;
	return add_patterns(r);
}

static int dhcpcd_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct reader r = { .m = m, .root = root, .e = e };
	int rc = 0;

	if (root_is_file(root, DHCPCD_CONF)) {
		if (root_read(root, DHCPCD_CONF, &text, FILE_MAX, e) < 0 ||
		    dhcpcd_parse(&r.f, strbuf_str(&text), e) < 0)
			return err_ctx(e, DHCPCD_CONF);
		if (strlist_add(&m->files, DHCPCD_CONF) < 0)
			rc = nomem(&r);
	}
	if (rc == 0 && (find_units(&r) < 0 || find_patterns(&r) < 0 || add_links(&r) < 0))
		rc = -1;
	dhcpcd_file_done(&r.f);
	strlist_done(&r.allow);
	strlist_done(&r.deny);
	strlist_done(&r.units);
	return rc;
}

/* ---- active ---------------------------------------------------------------------------------------------------------- */

/* A file that other stacks' DHCP client has too says something of a link when it has a block. */
static bool has_block(const struct root *root)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct dhcpcd_file f;
	bool has = false;
	size_t i;

	if (!root_is_file(root, DHCPCD_CONF) ||
	    root_read(root, DHCPCD_CONF, &text, FILE_MAX, NULL) < 0 ||
	    dhcpcd_parse(&f, strbuf_str(&text), NULL) < 0)
		return false;
	for (i = 0; i < f.count; i++)
		has |= strcmp(f.lines[i].option, "interface") == 0;
	dhcpcd_file_done(&f);
	return has;
}

static bool dhcpcd_is_active(const struct root *root, bool whole)
{
	static const char *const programs[] = { "/sbin/dhcpcd",	     "/usr/sbin/dhcpcd",
						"/usr/bin/dhcpcd",   "/sbin/dhcpcd5",
						"/usr/sbin/dhcpcd5", NULL };
	static const char *const enabled[] = { WANTS "/dhcpcd.service", WANTS "/dhcpcd5.service",
					       "/etc/runlevels/default/dhcpcd",
					       "/etc/runlevels/boot/dhcpcd", NULL };
	static const char *const dirs[] = { WANTS, "/etc/rc2.d" };
	size_t i, k;

	if (!whole)
		return has_block(root);
	if (!net_any_exists(root, programs))
		return false;
	if (net_any_exists(root, enabled))
		return true;
	for (k = 0; k < ARRAY_SIZE(dirs); k++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(root, dirs[k]) || root_list(root, dirs[k], &names, NULL) < 0)
			continue;
		for (i = 0; i < names.count; i++)
			if (str_starts(names.items[i], "dhcpcd@") ||
			    (names.items[i][0] == 'S' && str_ends(names.items[i], "dhcpcd")))
				return true;
	}
	return false;
}

const struct net_backend net_dhcpcd = { "dhcpcd", dhcpcd_is_active, dhcpcd_read, dhcpcd_write };
