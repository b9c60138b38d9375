/* SPDX-License-Identifier: MIT */
/* fstab: each line is kept, given what this machine has in its place, or commented out; nothing may stop the boot. */
#include <string.h>

#include "rewrite/plan_fstab_priv.h"

/* Replaces one column of *line, which is owned. */
static int set_column(struct fstab_plan *fp, char **line, enum fstab_column column,
		      const char *value)
{
	char *changed = fstab_line_set(*line, column, value);

	if (!changed)
		return plan_nomem(fp->p);
	free(*line);
	*line = changed;
	return 0;
}

static int add_mapped(struct fstab_plan *fp, const struct fstab_entry *f, const struct fact_fs *fs)
{
	char *line cleanup_free = strdup(fp->source.lines.items[f->line]);
	struct strbuf spec cleanup_strbuf = STRBUF_INIT, options cleanup_strbuf = STRBUF_INIT;

	if (!line)
		return plan_nomem(fp->p);
	fstab_fit_options(f->options, f->vfstype, fs->type, strcmp(fs->mount, "/") == 0, &options);
	/* btrfs: which subvolume is the root is the target's affair */
	if (strcmp(fs->type, "btrfs") == 0 && fs->options)
		fstab_add_subvolume(fs->options, &options);
	strbuf_addf(&spec, "UUID=%s", fs->uuid);
	if (spec.failed || options.failed)
		return plan_nomem(fp->p);
	if (!fstab_names_fact(f, fs) && set_column(fp, &line, FSTAB_SPEC, strbuf_str(&spec)) < 0)
		return -1;
	if (strcmp(f->vfstype, fs->type) != 0 && set_column(fp, &line, FSTAB_TYPE, fs->type) < 0)
		return -1;
	if (strcmp(f->options, strbuf_str(&options)) != 0 &&
	    set_column(fp, &line, FSTAB_OPTIONS, strbuf_str(&options)) < 0)
		return -1;
	strbuf_adds(&fp->out, line);
	strbuf_addc(&fp->out, '\n');
	return 0;
}

static bool is_harmless(const struct fstab_entry *f)
{
	static const char *const words[] = { "nofail", "noauto", "x-systemd.automount" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (fstab_has_option(f->options, words[i]))
			return true;
	return false;
}

/* Words for systemd alone; mount(8) passes them over. */
static const char *time_limit(const struct fstab_plan *fp, const struct fstab_entry *f)
{
	enum fstab_kind k = fstab_kind_of(f);
	bool network = k == FSTAB_NETWORK;

	if ((!network && k != FSTAB_NETWORK_DISK) || !fp->p->tree.init ||
	    strcmp(fp->p->tree.init, "systemd") != 0 ||
	    fstab_has_option(f->options,
			     network ? "x-systemd.mount-timeout=" : "x-systemd.device-timeout="))
		return NULL;
	return network ? "x-systemd.mount-timeout=30" : "x-systemd.device-timeout=10s";
}

static int note_network(struct fstab_plan *fp, const struct fstab_entry *f)
{
	enum fstab_kind k = fstab_kind_of(f);

	if ((k != FSTAB_NETWORK && k != FSTAB_NETWORK_DISK) ||
	    fstab_has_option(f->options, "noauto"))
		return 0;
	return plan_note(fp->p,
			 "%s is mounted over the network from %s: look whether this machine "
			 "reaches it",
			 f->file, f->spec);
}

/* Kept; a boot without it goes on. */
static int add_softened(struct fstab_plan *fp, const struct fstab_entry *f, const char *why)
{
	char *line cleanup_free = strdup(fp->source.lines.items[f->line]);
	struct strbuf options cleanup_strbuf = STRBUF_INIT;
	const char *limit = time_limit(fp, f);

	if (!line)
		return plan_nomem(fp->p);
	if (!is_harmless(f)) {
		strbuf_adds(&options, f->options);
		fstab_add_option(&options, "nofail");
		if (limit)
			fstab_add_option(&options, limit);
		if (options.failed)
			return plan_nomem(fp->p);
		if (set_column(fp, &line, FSTAB_OPTIONS, strbuf_str(&options)) < 0 ||
		    plan_note(fp->p,
			      "/etc/fstab line %zu (%s on %s): the boot goes on without it%s%s",
			      f->line + 1, f->spec, f->file, why ? ": " : "", why ? why : "") < 0)
			return -1;
	}
	strbuf_adds(&fp->out, line);
	strbuf_addc(&fp->out, '\n');
	return note_network(fp, f);
}

/* A line for a file system the source's table does not have, as the target's own table had it. */
static void add_line(struct fstab_plan *fp, const struct fact_fs *fs)
{
	const struct fstab_entry *own = NULL;
	int passno = strcmp(fs->mount, "/") == 0 ? 1 : 2;

	if (!fstab_fact_is_swap(fs))
		own = fstab_find(&fp->target, fs->mount);
	if (fstab_fact_is_swap(fs) || strcmp(fs->type, "xfs") == 0 ||
	    strcmp(fs->type, "btrfs") == 0)
		passno = 0;
	if (own)
		passno = own->passno;
	strbuf_addf(&fp->out, "UUID=%s ", fs->uuid);
	fstab_escape(&fp->out, fs->mount);
	strbuf_addf(&fp->out, " %s ", fs->type);
	fstab_escape(&fp->out, own			? own->options
			       : fs->options		? fs->options
			       : fstab_fact_is_swap(fs) ? "sw"
							: "defaults");
	strbuf_addf(&fp->out, " %d %d\n", own ? own->freq : 0, passno);
}

/* Adds what was not seen: file systems sorted so that a parent comes first, or swap. */
static void add_missing(struct fstab_plan *fp, bool swap)
{
	const struct rewrite_facts *facts = fp->p->facts;
	bool first = true;

	for (;;) {
		const struct fact_fs *next = NULL;
		unsigned i, at = 0;

		for (i = 0; i < facts->fs_count; i++) {
			const struct fact_fs *fs = &facts->filesystems[i];

			if (!fp->fs_seen[i] && fstab_fact_is_swap(fs) == swap &&
			    (!next || strcmp(fs->mount, next->mount) < 0)) {
				next = fs;
				at = i;
			}
		}
		if (!next)
			return;
		fp->fs_seen[at] = true;
		if (first)
			strbuf_adds(&fp->out, swap ? "# rehost: this machine's swap\n"
						   : "# rehost: file systems of this machine\n");
		first = false;
		add_line(fp, next);
	}
}

static int add_comment(struct fstab_plan *fp, const struct fstab_entry *f, const char *why)
{
	strbuf_addf(&fp->out, "# rehost: %s\n# %s\n", why, fp->source.lines.items[f->line]);
	return plan_note(fp->p, "/etc/fstab line %zu (%s on %s) was commented out: %s", f->line + 1,
			 f->spec, f->file, why);
}

static int add_entry(struct fstab_plan *fp, size_t n)
{
	const struct fstab_entry *f = &fp->source.entries[n];
	const struct decision *d = &fp->decisions[n];

	switch (d->verdict) {
	case COMMENT:
		return add_comment(fp, f, d->why);
	case MAP:
		return add_mapped(fp, f, d->fs);
	case SOFTEN:
		return add_softened(fp, f, d->why);
	default:
		break;
	}
	strbuf_adds(&fp->out, fp->source.lines.items[f->line]);
	strbuf_addc(&fp->out, '\n');
	return 0;
}

static int rewrite_table(struct fstab_plan *fp)
{
	const struct fstab_entry *root = fstab_find(&fp->source, "/");
	size_t i, next = 0;

	if (fstab_decide_all(fp) < 0)
		return -1;
	if (!root)
		add_missing(fp, false);
	for (i = 0; i < fp->source.lines.count; i++) {
		const struct fstab_entry *f = next < fp->source.entry_count
						      ? &fp->source.entries[next]
						      : NULL;

		if (f && f->line == i) {
			if (add_entry(fp, next++) < 0)
				return -1;
			if (f == root)
				add_missing(fp, false);
			continue;
		}
		strbuf_adds(&fp->out, fp->source.lines.items[i]);
		strbuf_addc(&fp->out, '\n');
	}
	add_missing(fp, true);
	/* A table without a final newline whose last line stayed what it was keeps that. */
	if (!fp->source.ends_with_newline && fp->source.lines.count) {
		const char *last = fp->source.lines.items[fp->source.lines.count - 1];
		size_t len = strlen(last);

		if (fp->out.len > len &&
		    memcmp(fp->out.data + fp->out.len - 1 - len, last, len) == 0)
			fp->out.data[--fp->out.len] = '\0';
	}
	return 0;
}

/* 1: there is nothing to work on, a blocker says why. */
static int read_tables(struct fstab_plan *fp)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, own cleanup_strbuf = STRBUF_INIT;
	struct err local = ERR_INIT;

	if (plan_read(fp->p, "/etc/fstab", &text) < 0 ||
	    plan_read_target(fp->p, "/etc/fstab", &own) < 0)
		return -1;
	if (fstab_parse(&fp->source, strbuf_str(&text), text.len, &local) < 0) {
		if (local.code == ERR_NOMEM)
			return plan_nomem(fp->p);
		return plan_block(fp->p, "/etc/fstab cannot be understood: %s", local.ctx[0]) < 0
			       ? -1
			       : 1;
	}
	if (fstab_parse(&fp->target, strbuf_str(&own), own.len, NULL) < 0)
		fp->target = (struct fstab){ 0 };
	return 0;
}

int plan_fstab(struct planner *p)
{
	struct fstab_plan fp = { .p = p };
	int rc = read_tables(&fp);

	if (rc == 0)
		rc = rewrite_table(&fp);
	if (rc == 0)
		rc = plan_rewrite(p, "/etc/fstab", &fp.out,
				  "mounts what this machine has, by UUID");
	fstab_done(&fp.source);
	fstab_done(&fp.target);
	strbuf_done(&fp.out);
	free(fp.decisions);
	free(fp.fs_seen);
	return rc < 0 ? -1 : 0;
}
