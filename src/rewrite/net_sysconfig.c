/* SPDX-License-Identifier: MIT */
/* Reading the files below /etc/sysconfig: what RHEL's and SUSE's have in common. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_sysconfig_priv.h"
#include "rewrite/shellfile.h"

int sysconfig_nomem(struct sysconfig_reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading the network configuration");
}

int sysconfig_note(struct sysconfig_reader *r, const char *path, const char *what)
{
	return strlist_addf(&r->m->notes, "%s %s", path, what) < 0 ? sysconfig_nomem(r) : 0;
}

/* ---- assignments --------------------------------------------------------------------------------------------- */

/* Whether the shell would make another text of it, or goes on with it on the next line. */
static bool is_computed(const struct shell_var *v)
{
	size_t len = strlen(v->raw);
	char quote = v->is_simple ? v->quote : 0;

	if (v->is_append || (quote != '\'' && strpbrk(v->raw, "$`")))
		return true;
	/* quotes that stay open, or pieces of several kinds with variables in them */
	return !v->is_simple && len > 0 && strchr("\"'", v->raw[0]) &&
	       (len == 1 || v->raw[len - 1] != v->raw[0]);
}

static int add_var(struct sysconfig *s, struct sysconfig_reader *r, const struct shell_var *v)
{
	struct sysconfig_var *to = &s->vars[s->count];

	if (is_computed(v))
		return strlist_addf(&r->m->notes, "%s line %zu: %s is computed by the shell",
				    s->path, v->line + 1, v->name) < 0
			       ? -1
			       : 0;
	to->name = strdup(v->name);
	to->value = shell_var_decode(v);
	s->count++;
	return to->name && to->value ? 0 : -1;
}

static bool is_empty_line(const char *line)
{
	line += strspn(line, " \t\r");
	return !*line || *line == '#';
}

/* Lines between two assignments that are none; the rest of a value that spans lines is not told apart. */
static int note_strays(struct sysconfig *s, struct sysconfig_reader *r, const struct shell_file *f)
{
	size_t i, next = 0;

	for (i = 0; i < f->lines.count; i++) {
		while (next < f->count && f->vars[next].line < i)
			next++;
		if ((next < f->count && f->vars[next].line == i) ||
		    is_empty_line(f->lines.items[i]))
			continue;
		return strlist_addf(&r->m->notes, "%s line %zu is no assignment", s->path, i + 1);
	}
	return 0;
}

/* 1: read; 0: not there, or a note says why not. */
static int read_text(struct strbuf *text, struct sysconfig_reader *r, const char *path)
{
	struct err local = ERR_INIT;

	if (!root_is_file(r->root, path))
		return 0;
	if (r->m->files.count >= NET_FILES_MAX)
		return err_set(r->e, ERR_LIMIT, 0, "more than %d network files", NET_FILES_MAX);
	if (root_read(r->root, path, text, SYSCONFIG_MAX_BYTES, &local) < 0 ||
	    memchr(strbuf_str(text), '\0', text->len))
		return local.code == ERR_NOMEM ? sysconfig_nomem(r)
					       : sysconfig_note(r, path, "cannot be read");
	return strlist_add(&r->m->files, path) < 0 ? sysconfig_nomem(r) : 1;
}

int sysconfig_load(struct sysconfig *ret, struct sysconfig_reader *r, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct shell_file f;
	int rc = read_text(&text, r, path);
	size_t i;

	*ret = (struct sysconfig){ 0 };
	if (rc <= 0)
		return rc;
	if (shell_file_parse(&f, strbuf_str(&text), text.len, r->e) < 0)
		return err_ctx(r->e, "%s", path);
	ret->path = strdup(path);
	ret->vars = calloc(f.count + 1, sizeof(*ret->vars));
	rc = ret->path && ret->vars ? note_strays(ret, r, &f) : -1;
	for (i = 0; rc == 0 && i < f.count; i++)
		rc = add_var(ret, r, &f.vars[i]);
	shell_file_done(&f);
	return rc < 0 ? sysconfig_nomem(r) : 1;
}

void sysconfig_done(struct sysconfig *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->vars[i].name);
		free(s->vars[i].value);
	}
	free(s->vars);
	free(s->path);
	*s = (struct sysconfig){ 0 };
}

const char *sysconfig_get(struct sysconfig *s, const char *name)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (strcmp(s->vars[i].name, name) != 0)
			continue;
		s->vars[i].is_taken = true;
		found = s->vars[i].value;
	}
	return str_is_empty(found) ? NULL : found;
}

const char *sysconfig_get_n(struct sysconfig *s, const char *name, const char *suffix)
{
	char full[80];

	return snprintf(full, sizeof(full), "%s%s", name, suffix) < (int)sizeof(full)
		       ? sysconfig_get(s, full)
		       : NULL;
}

int sysconfig_bool(struct sysconfig *s, const char *name, int otherwise)
{
	const char *value = sysconfig_get(s, name);
	int yes = value ? net_bool(value) : -1;

	return yes < 0 ? otherwise : yes;
}

int sysconfig_rest(struct sysconfig *s, struct strlist *extra)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (!s->vars[i].is_taken && *s->vars[i].value &&
		    strlist_addf(extra, "%s=%s", s->vars[i].name, s->vars[i].value) < 0)
			return -1;
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

/* ifcfg(5) of wicked, functions of initscripts, ifcfg-rh: all together, nobody means such a file. */
static bool is_left_over(const char *name)
{
	static const char *const ends[] = { "~",       ".old",	  ".bak",	".orig",
					    ".rej",    ".rpmnew", ".rpmorig",	".rpmsave",
					    ".augnew", ".augtmp", ".scpmbackup" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(name, ends[i]))
			return true;
	return false;
}

static bool is_wanted(const char *name, const char *prefix)
{
	return str_starts(name, prefix) && name[strlen(prefix)] && !is_left_over(name) &&
	       strcmp(name + strlen(prefix), "lo") != 0;
}

int sysconfig_list(struct strlist *ret, struct sysconfig_reader *r, const char *dir,
		   const char *prefix)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(r->root, dir))
		return 0;
	if (root_list(r->root, dir, &names, r->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		if (is_wanted(names.items[i], prefix) && strlist_add(ret, names.items[i]) < 0)
			return sysconfig_nomem(r);
	return ret->count > NET_LINKS_MAX
		       ? err_set(r->e, ERR_LIMIT, 0, "%s holds too many files", dir)
		       : 0;
}

bool sysconfig_any(const struct root *root, const char *dir, const char *prefix)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++)
		if (is_wanted(names.items[i], prefix) &&
		    snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) <
			    (int)sizeof(path) &&
		    root_is_file(root, path))
			return true;
	return false;
}

bool sysconfig_rc_starts(const struct root *root, const char *service)
{
	static const char *const dirs[] = { "/etc/rc.d/rc3.d", "/etc/rc3.d", "/etc/init.d/rc3.d",
					    "/etc/rc.d/rc5.d", "/etc/rc5.d", "/etc/init.d/rc5.d" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(root, dirs[i]) || root_list(root, dirs[i], &names, NULL) < 0)
			continue;
		for (n = 0; n < names.count; n++) {
			const char *s = names.items[n];

			if (s[0] == 'S' && isdigit((unsigned char)s[1]) &&
			    isdigit((unsigned char)s[2]) && strcmp(s + 3, service) == 0)
				return true;
		}
	}
	return false;
}

int sysconfig_lines(struct strlist *ret, struct sysconfig_reader *r, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, line cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	int rc = read_text(&text, r, path);
	size_t i;

	if (rc <= 0)
		return rc;
	if (strlist_split(&lines, strbuf_str(&text), "\n\r") < 0)
		return sysconfig_nomem(r);
	for (i = 0; i < lines.count; i++) {
		size_t len = strlen(lines.items[i]);
		bool more = len && lines.items[i][len - 1] == '\\';

		if (!line.len && is_empty_line(lines.items[i]))
			continue;
		strbuf_add(&line, lines.items[i], len - more);
		if (more && i + 1 < lines.count) {
			strbuf_addc(&line, ' ');
			continue;
		}
		if (line.failed || strlist_add(ret, strbuf_str(&line)) < 0)
			return sysconfig_nomem(r);
		strbuf_done(&line);
	}
	return 1;
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

int sysconfig_bond_options(struct net_link *l, const char *text)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&words, text, " \t") < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		char *value = strchr(words.items[i], '=');

		if (!value) {
			if (strlist_addf(&l->extra, "bonding option %s", words.items[i]) < 0)
				return -1;
			continue;
		}
		*value++ = '\0';
		if (strlist_addf(&l->options, "%s=%s", words.items[i],
				 net_bond_word(words.items[i], value)) < 0)
			return -1;
	}
	return 0;
}

unsigned sysconfig_vlan_of(const char *name)
{
	size_t len = strlen(name), at = len;
	uint32_t id;

	while (at > 0 && isdigit((unsigned char)name[at - 1]))
		at--;
	return at > 0 && parse_u32(name + at, &id) == 0 && id >= 1 && id <= 4094 ? id : 0;
}

int sysconfig_add_port(struct net_model *m, const char *owner, enum net_kind kind, const char *port)
{
	struct net_link *l = (struct net_link *)net_find(m, owner);

	if (!l) {
		l = net_link_get(m, owner);
		if (!l)
			return -1;
		l->at_boot = true;
	}
	if (l->kind == NET_CARD)
		l->kind = kind;
	return strlist_has(&l->ports, port) ? 0 : strlist_add(&l->ports, port);
}

int sysconfig_take_rule(struct net_link *l, const char *text, bool v6, const char *what)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct net_rule rule, *to;

	if (strlist_split(&words, text, " \t") < 0)
		return -1;
	if (net_parse_rule(&rule, &words, 0, v6) <= 0)
		return strlist_addf(&l->extra, "%s %s", what, text);
	/* a prefix of no bits means all */
	if (rule.from && str_ends(rule.from, "/0")) {
		free(rule.from);
		rule.from = NULL;
	}
	if (rule.to && str_ends(rule.to, "/0")) {
		free(rule.to);
		rule.to = NULL;
	}
	to = net_rule_add(l);
	if (to)
		*to = rule;
	else
		net_rule_done(&rule);
	return to ? 0 : -1;
}

void sysconfig_finish(struct net_link *l)
{
	unsigned i;

	for (i = 0; i < l->route_count; i++)
		l->routes[i].is_onlink |= l->routes[i].via && net_needs_onlink(l, l->routes[i].via);
	net_settle_gateways(l);
}
