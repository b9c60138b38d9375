/* SPDX-License-Identifier: MIT */
/* fstab, and the other tables that name disks: crypttab, mdadm.conf, LVM's devices file. */
#include <string.h>

#include "rewrite/fstab.h"
#include "rewrite/plan_priv.h"

/* What happens to one line. */
enum verdict {
	KEEP,
	MAP,	 /* gets the target's UUID and type */
	COMMENT, /* names what this machine does not have */
};

struct decision {
	enum verdict verdict;
	const struct fact_fs *fs; /* MAP */
	const char *why;	  /* COMMENT */
};

struct fstab_plan {
	struct planner *p;
	struct fstab source, target; /* target: empty when it has none */
	struct strbuf out;
	bool *fs_seen; /* one for each fact */
};

static bool is_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static bool is_pseudo(const struct fstab_entry *f)
{
	static const char *const types[] = {
		"tmpfs",      "ramfs",	  "proc",	 "sysfs",    "devpts",	  "devtmpfs",
		"debugfs",    "tracefs",  "cgroup",	 "cgroup2",  "mqueue",	  "hugetlbfs",
		"securityfs", "efivarfs", "configfs",	 "usbfs",    "bpf",	  "rpc_pipefs",
		"overlay",    "aufs",	  "binfmt_misc", "pstore",   "selinuxfs", "nfsd",
		"fusectl",    "none",	  "9p",		 "virtiofs", NULL
	};

	return is_in(f->vfstype, types) || fstab_has_option(f->options, "bind") ||
	       fstab_has_option(f->options, "rbind");
}

static bool is_network(const struct fstab_entry *f)
{
	static const char *const types[] = {
		"nfs",	     "nfs4",	   "cifs",	     "smb3",	  "smbfs",
		"ceph",	     "glusterfs",  "lustre",	     "afs",	  "ncpfs",
		"davfs",     "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone",
		"fuse.s3fs", "ocfs2",	   "gfs2",	     NULL
	};

	return is_in(f->vfstype, types) || str_starts(f->spec, "//") ||
	       (f->spec[0] != '/' && strstr(f->spec, ":/"));
}

static bool is_removable(const struct fstab_entry *f)
{
	static const char *const types[] = { "iso9660", "udf", "udf,iso9660", "iso9660,udf", NULL };

	return is_in(f->vfstype, types) || str_starts(f->spec, "/dev/sr") ||
	       str_starts(f->spec, "/dev/cdrom") || str_starts(f->spec, "/dev/dvd") ||
	       str_starts(f->spec, "/dev/fd") || str_starts(f->spec, "/dev/floppy");
}

/* A plain file of the tree: an image, or a swap file. */
static bool is_file_spec(const struct fstab_entry *f)
{
	return f->spec[0] == '/' && !str_starts(f->spec, "/dev/");
}

/* Names that may mean another disk here (kernel order, serial numbers), as against UUID and LABEL. */
static bool is_device_spec(const struct fstab_entry *f)
{
	return str_starts(f->spec, "/dev/");
}

static bool spec_is(const struct fstab_entry *f, const struct fact_fs *fs)
{
	char *uuid cleanup_free = fstab_tag_value(f->spec, "UUID");

	return uuid && strcasecmp(uuid, fs->uuid) == 0;
}

static bool is_swap(const struct fact_fs *fs)
{
	return strcmp(fs->type, "swap") == 0;
}

static struct decision decide_swap(struct fstab_plan *fp, const struct fstab_entry *f)
{
	unsigned i;

	if (str_starts(f->spec, "/dev/zram"))
		return (struct decision){ .verdict = KEEP };
	if (is_file_spec(f))
		return (struct decision){
			COMMENT, NULL, "a swap file cannot be copied, make it anew with mkswap"
		};
	for (i = 0; i < fp->p->facts->fs_count; i++)
		if (is_swap(&fp->p->facts->filesystems[i]) &&
		    spec_is(f, &fp->p->facts->filesystems[i])) {
			fp->fs_seen[i] = true;
			return (struct decision){ .verdict = KEEP };
		}
	return (struct decision){ COMMENT, NULL, "a swap device of the source" };
}

/* The fact for a mount point, or NULL; trailing slashes do not count. */
static const struct fact_fs *find_fs(const struct fstab_plan *fp, const struct fstab_entry *f,
				     unsigned *ret_index)
{
	const struct rewrite_facts *facts = fp->p->facts;
	size_t len = strlen(f->file);
	unsigned i;

	while (len > 1 && f->file[len - 1] == '/')
		len--;
	for (i = 0; i < facts->fs_count; i++)
		if (strncmp(facts->filesystems[i].mount, f->file, len) == 0 &&
		    !facts->filesystems[i].mount[len]) {
			*ret_index = i;
			return &facts->filesystems[i];
		}
	return NULL;
}

static struct decision decide(struct fstab_plan *fp, const struct fstab_entry *f)
{
	const struct fact_fs *fs;
	unsigned i = 0;

	if (strcmp(f->vfstype, "swap") == 0)
		return decide_swap(fp, f);
	fs = find_fs(fp, f, &i);
	if (fs && strcmp(fs->mount, "/") != 0 && (is_pseudo(f) || is_network(f))) {
		fp->fs_seen[i] = true; /* the source wants something else there: tmpfs on /tmp */
		return (struct decision){ .verdict = KEEP };
	}
	if (fs) {
		if (fstab_find(&fp->source, f->file) != f)
			return (struct decision){ COMMENT, NULL, "mounted by a later line" };
		fp->fs_seen[i] = true;
		return (struct decision){ .verdict = MAP, .fs = fs };
	}
	if (is_pseudo(f) || is_network(f) || is_removable(f) || is_file_spec(f))
		return (struct decision){ .verdict = KEEP };
	if (fstab_has_option(f->options, "noauto") && !is_device_spec(f))
		return (struct decision){ .verdict = KEEP };
	return (struct decision){ COMMENT, NULL,
				  "a file system of the source, not of this machine" };
}

/* Options that speak about the source's device or format, not about how the tree is to be mounted. */
static bool option_fits(const char *option, size_t len, bool same_type)
{
	static const char *const device[] = {
		"journal_dev=", "journal_path=", "device=",	     "devid=", "logdev=", "rtdev=",
		"subvol=",	"subvolid=",	 "x-systemd.makefs", "loop",   NULL
	};
	static const char *const generic[] = {
		"defaults", "rw",	  "ro",	     "exec",	    "noexec", "suid",	 "nosuid",
		"dev",	    "nodev",	  "auto",    "noauto",	    "atime",  "noatime", "relatime",
		"diratime", "nodiratime", "sync",    "async",	    "nofail", "user",	 "nouser",
		"users",    "lazytime",	  "discard", "strictatime", NULL
	};
	char text[128];
	const char *const *word;

	if (len >= sizeof(text))
		return same_type;
	memcpy(text, option, len);
	text[len] = '\0';
	for (word = device; *word; word++)
		if (str_ends(*word, "=") ? str_starts(text, *word) : strcmp(text, *word) == 0)
			return false;
	return same_type || is_in(text, generic) || str_starts(text, "x-") ||
	       str_starts(text, "comment=");
}

/* The source's options as far as they fit the target's file system. */
static void fit_options(const char *options, bool same_type, struct strbuf *out)
{
	while (*options) {
		size_t len = strcspn(options, ",");

		if (len && option_fits(options, len, same_type)) {
			if (out->len)
				strbuf_addc(out, ',');
			strbuf_add(out, options, len);
		}
		options += len + (options[len] == ',');
	}
	if (!out->len)
		strbuf_adds(out, "defaults");
}

static bool has_type(const struct fstab_entry *f, const char *type)
{
	static const char *const ext[] = { "ext2", "ext3", "ext4", NULL };

	return strcmp(f->vfstype, type) == 0 || (is_in(f->vfstype, ext) && is_in(type, ext));
}

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
	/* btrfs: which subvolume is the root is the target's affair */
	if (strcmp(fs->type, "btrfs") == 0 && fs->options)
		strbuf_adds(&options, fs->options);
	else
		fit_options(f->options, has_type(f, fs->type) || strcmp(f->vfstype, "auto") == 0,
			    &options);
	strbuf_addf(&spec, "UUID=%s", fs->uuid);
	if (spec.failed || options.failed)
		return plan_nomem(fp->p);
	if (!spec_is(f, fs) && set_column(fp, &line, FSTAB_SPEC, strbuf_str(&spec)) < 0)
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

/* A line for a file system the source's table does not have, as the target's own table had it. */
static void add_line(struct fstab_plan *fp, const struct fact_fs *fs)
{
	const struct fstab_entry *own = NULL;
	int passno = strcmp(fs->mount, "/") == 0 ? 1 : 2;

	if (!is_swap(fs))
		own = fstab_find(&fp->target, fs->mount);
	if (is_swap(fs) || strcmp(fs->type, "xfs") == 0 || strcmp(fs->type, "btrfs") == 0)
		passno = 0;
	if (own)
		passno = own->passno;
	strbuf_addf(&fp->out, "UUID=%s ", fs->uuid);
	fstab_escape(&fp->out, fs->mount);
	strbuf_addf(&fp->out, " %s ", fs->type);
	fstab_escape(&fp->out, own	     ? own->options
			       : fs->options ? fs->options
			       : is_swap(fs) ? "sw"
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

			if (!fp->fs_seen[i] && is_swap(fs) == swap &&
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

static int add_entry(struct fstab_plan *fp, const struct fstab_entry *f)
{
	struct decision d = decide(fp, f);

	if (d.verdict == COMMENT)
		return add_comment(fp, f, d.why);
	if (d.verdict == MAP) {
		if (add_mapped(fp, f, d.fs) < 0)
			return -1;
	} else {
		strbuf_adds(&fp->out, fp->source.lines.items[f->line]);
		strbuf_addc(&fp->out, '\n');
	}
	if (d.verdict == KEEP && is_network(f) && !fstab_has_option(f->options, "noauto"))
		return plan_note(fp->p,
				 "%s is mounted over the network from %s: look whether this "
				 "machine reaches it",
				 f->file, f->spec);
	return 0;
}

/* Marks what a line of the source mounts, so that the additions can follow the root line. */
static void see_all(struct fstab_plan *fp)
{
	size_t i;

	for (i = 0; i < fp->source.entry_count; i++)
		(void)decide(fp, &fp->source.entries[i]);
}

static int rewrite_table(struct fstab_plan *fp)
{
	const struct fstab_entry *root = fstab_find(&fp->source, "/");
	size_t i, next = 0;

	see_all(fp);
	if (!root)
		add_missing(fp, false);
	for (i = 0; i < fp->source.lines.count; i++) {
		const struct fstab_entry *f = next < fp->source.entry_count
						      ? &fp->source.entries[next]
						      : NULL;

		if (f && f->line == i) {
			next++;
			if (add_entry(fp, f) < 0)
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

/* ---- other tables: every active line is commented out, because none of their devices is here ---- */

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#';
}

static int comment_lines(struct planner *p, const char *path, bool (*wanted)(const char *line),
			 const char *why)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	const char *s, *nl;
	unsigned changed = 0;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s; s = nl) {
		char line[256];
		size_t len;

		nl = strchr(s, '\n');
		nl = nl ? nl + 1 : s + strlen(s);
		len = (size_t)(nl - s);
		snprintf(line, sizeof(line), "%.*s", (int)(len < 255 ? len : 255), s);
		if (!is_comment(line) && wanted(line)) {
			strbuf_adds(&out, "# rehost: ");
			changed++;
		}
		strbuf_add(&out, s, len);
	}
	if (!changed)
		return 0;
	if (plan_note(p, "%s: %u lines were commented out: %s", path, changed, why) < 0)
		return -1;
	return plan_rewrite(p, path, &out, why);
}

/* crypttab: a source device of the form /dev/... or TAG=...; containers in plain files stay. */
static bool is_crypt_device(const char *line)
{
	line += strspn(line, " \t");
	line += strcspn(line, " \t");
	line += strspn(line, " \t");
	return str_starts(line, "/dev/") || (*line != '/' && strchr(line, '='));
}

static bool is_array(const char *line)
{
	line += strspn(line, " \t");
	return strncasecmp(line, "array", 5) == 0;
}

static int plan_other_tables(struct planner *p)
{
	if (comment_lines(p, "/etc/crypttab", is_crypt_device,
			  "encrypted devices of the source are not on this machine") < 0 ||
	    comment_lines(p, "/etc/mdadm/mdadm.conf", is_array,
			  "disk arrays of the source are not on this machine") < 0)
		return -1;
	/* The list of known devices would hide every LVM disk of this machine. */
	return plan_move_aside(p, "/etc/lvm/devices/system.devices",
			       "names the source's disks by their serial numbers");
}

int plan_fstab(struct planner *p)
{
	struct fstab_plan fp = { .p = p };
	int rc;

	fp.fs_seen = calloc(p->facts->fs_count + 1, sizeof(*fp.fs_seen));
	if (!fp.fs_seen)
		return plan_nomem(p);
	rc = read_tables(&fp);
	if (rc == 0)
		rc = rewrite_table(&fp);
	if (rc == 0)
		rc = plan_rewrite(p, "/etc/fstab", &fp.out,
				  "mounts what this machine has, by UUID");
	fstab_done(&fp.source);
	fstab_done(&fp.target);
	strbuf_done(&fp.out);
	free(fp.fs_seen);
	return rc < 0 ? -1 : plan_other_tables(p);
}
