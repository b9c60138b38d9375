/* SPDX-License-Identifier: MIT */
#include "rewrite/fstab_kind.h"

#include <string.h>

static bool is_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static bool starts_with_any(const char *s, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (str_starts(s, *prefixes))
			return true;
	return false;
}

static bool is_pseudo(const struct fstab_entry *f)
{
	static const char *const types[] = {
		"tmpfs",      "ramfs",	  "proc",	 "sysfs",   "devpts", "devtmpfs",
		"debugfs",    "tracefs",  "cgroup",	 "cgroup2", "mqueue", "hugetlbfs",
		"securityfs", "efivarfs", "configfs",	 "usbfs",   "bpf",    "rpc_pipefs",
		"overlay",    "aufs",	  "binfmt_misc", "pstore",  "nfsd",   "selinuxfs",
		"fusectl",    "none",	  "autofs",	 "nsfs",    NULL
	};

	return is_in(f->vfstype, types);
}

static bool is_network(const struct fstab_entry *f)
{
	static const char *const types[] = { "nfs",	     "nfs4",	    "cifs",
					     "smb3",	     "smbfs",	    "ceph",
					     "glusterfs",    "lustre",	    "afs",
					     "ncpfs",	     "davfs",	    "fuse.sshfs",
					     "fuse.ceph",    "fuse.s3fs",   "beegfs",
					     "orangefs",     "fuse.rclone", "fuse.glusterfs",
					     "fuse.davfs",   "rclone",	    "curlftpfs",
					     "fuse.moosefs", NULL };

	return is_in(f->vfstype, types) || str_starts(f->spec, "//") ||
	       (f->spec[0] != '/' && strstr(f->spec, ":/"));
}

static bool is_host_share(const struct fstab_entry *f)
{
	static const char *const types[] = { "9p",     "virtiofs",	   "vboxsf", "vmhgfs",
					     "prl_fs", "fuse.vmhgfs-fuse", NULL };

	return is_in(f->vfstype, types);
}

static bool is_removable(const struct fstab_entry *f)
{
	static const char *const types[] = { "udf", "udf,iso9660", "iso9660,udf", NULL };
	static const char *const drives[] = { "/dev/sr", "/dev/cdrom",	"/dev/dvd", "/dev/scd",
					      "/dev/fd", "/dev/floppy", NULL };

	return is_in(f->vfstype, types) || starts_with_any(f->spec, drives) ||
	       (strcmp(f->vfstype, "iso9660") == 0 && !str_starts(f->spec, "/"));
}

/* A plain file of the tree: an image, or a swap file. */
static bool is_file(const char *spec)
{
	return spec[0] == '/' && !str_starts(spec, "/dev/");
}

enum fstab_kind fstab_kind_of(const struct fstab_entry *f)
{
	if (strcmp(f->vfstype, "swap") == 0)
		return str_starts(f->spec, "/dev/zram") ? FSTAB_PSEUDO
		       : is_file(f->spec)		? FSTAB_SWAP_FILE
							: FSTAB_SWAP_DISK;
	if (fstab_has_option(f->options, "bind") || fstab_has_option(f->options, "rbind"))
		return FSTAB_BIND;
	if (is_pseudo(f))
		return FSTAB_PSEUDO;
	if (is_host_share(f))
		return FSTAB_HOST_SHARE;
	if (is_network(f))
		return FSTAB_NETWORK;
	if (strcmp(f->vfstype, "zfs") == 0)
		return FSTAB_POOL;
	if (is_removable(f))
		return FSTAB_REMOVABLE;
	if (strcmp(f->vfstype, "fuse") == 0 || str_starts(f->vfstype, "fuse."))
		return FSTAB_FUSE;
	if (is_file(f->spec))
		return FSTAB_IMAGE;
	if (fstab_has_option(f->options, "_netdev") || strcmp(f->vfstype, "ocfs2") == 0 ||
	    strcmp(f->vfstype, "gfs2") == 0)
		return FSTAB_NETWORK_DISK;
	return FSTAB_DISK;
}

bool fstab_is_lasting_spec(const char *spec)
{
	static const char *const forms[] = { "UUID=",
					     "LABEL=",
					     "PARTUUID=",
					     "PARTLABEL=",
					     "ID=",
					     "/dev/disk/by-uuid/",
					     "/dev/disk/by-label/",
					     "/dev/disk/by-partuuid/",
					     "/dev/disk/by-partlabel/",
					     "/dev/disk/by-id/",
					     NULL };

	return starts_with_any(spec, forms);
}

char *fstab_uuid_of(const char *spec)
{
	static const char link[] = "/dev/disk/by-uuid/";

	if (str_starts(spec, link))
		return strdup(spec + strlen(link));
	return fstab_tag_value(spec, "UUID");
}

/* ---- options ---- */

static bool same_family(const char *a, const char *b)
{
	static const char *const ext[] = { "ext2", "ext3", "ext4", NULL };

	return strcmp(a, b) == 0 || strcmp(a, "auto") == 0 || (is_in(a, ext) && is_in(b, ext));
}

/* Words that name the source's devices, or say how its disk was laid out. */
static bool names_a_device(const char *option)
{
	static const char *const words[] = { "loop",	 "_netdev", "x-systemd.makefs",
					     "prjquota", "pquota",  NULL };
	static const char *const values[] = {
		"journal_dev=", "journal_path=", "device=", "devid=",  "logdev=", "rtdev=",
		"subvol=",	"subvolid=",	 "loop=",   "offset=", "stripe=", "sunit=",
		"swidth=",	"sb=",		 "jdev=",   NULL
	};

	return is_in(option, words) || starts_with_any(option, values);
}

/* A unit that is there only with a device of the source would keep the mount from being tried. */
static bool wants_a_unit(const char *option)
{
	static const char *const orders[] = { "x-systemd.requires=", "x-systemd.after=",
					      "x-systemd.before=", NULL };

	return starts_with_any(option, orders) &&
	       (str_ends(option, ".device") || strstr(option, "=/dev/") ||
		strstr(option, "cryptsetup@") || strstr(option, "zfs-"));
}

static bool option_holds(const char *option, bool same_type, bool is_root)
{
	static const char *const generic[] = {
		"defaults", "rw",	  "ro",	     "exec",	    "noexec", "suid",	 "nosuid",
		"dev",	    "nodev",	  "auto",    "noauto",	    "atime",  "noatime", "relatime",
		"diratime", "nodiratime", "sync",    "async",	    "nofail", "user",	 "nouser",
		"users",    "lazytime",	  "discard", "strictatime", "sw",     NULL
	};

	if (names_a_device(option) || wants_a_unit(option))
		return false;
	/* ext4 refuses another journal mode for what is mounted already, and rootflags= of the source are gone */
	if (is_root && str_starts(option, "data="))
		return false;
	return same_type || is_in(option, generic) || str_starts(option, "x-") ||
	       str_starts(option, "comment=");
}

/* Calls for each word: those that keep() accepts are appended. */
static void add_matching(const char *options, struct strbuf *out,
			 bool (*accept)(const char *word, void *arg), void *arg)
{
	while (*options) {
		size_t len = strcspn(options, ",");
		char *word cleanup_free = strndup(options, len);

		if (!word)
			out->failed = true;
		else if (len && accept(word, arg))
			strbuf_addf(out, "%s%s", out->len ? "," : "", word);
		options += len + (options[len] == ',');
	}
}

struct fitting {
	bool same_type, is_root;
};

static bool accept_holding(const char *word, void *arg)
{
	const struct fitting *f = arg;

	return option_holds(word, f->same_type, f->is_root);
}

void fstab_fit_options(const char *options, const char *old_type, const char *new_type,
		       bool is_root, struct strbuf *out)
{
	struct fitting f = { same_family(old_type, new_type), is_root };

	add_matching(options, out, accept_holding, &f);
	if (!out->len)
		strbuf_adds(out, "defaults");
}

static bool accept_subvolume(const char *word, void *arg)
{
	(void)arg;
	return str_starts(word, "subvol=") || str_starts(word, "subvolid=");
}

void fstab_add_subvolume(const char *options, struct strbuf *out)
{
	struct strbuf found cleanup_strbuf = STRBUF_INIT;

	add_matching(options, &found, accept_subvolume, NULL);
	if (found.failed)
		out->failed = true;
	else if (found.len)
		fstab_add_option(out, strbuf_str(&found));
}

void fstab_add_option(struct strbuf *options, const char *word)
{
	if (strcmp(strbuf_str(options), "defaults") == 0)
		strbuf_done(options);
	strbuf_addf(options, "%s%s", options->len ? "," : "", word);
}
