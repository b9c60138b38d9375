/* SPDX-License-Identifier: MIT */
#include "job/target_rules.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

bool target_has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	while (options && *options) {
		size_t n = strcspn(options, ",");

		if (n == len && memcmp(options, word, len) == 0)
			return true;
		options += n + (options[n] == ',');
	}
	return false;
}

bool target_entry_is_optional(const struct fstab_entry *entry)
{
	return target_has_option(entry->options, "noauto") ||
	       target_has_option(entry->options, "nofail");
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

static bool is_foreign_type(const char *type)
{
	static const char *const types[] = {
		"proc",	     "sysfs",	  "tmpfs",	"devtmpfs", "devpts", "ramfs",
		"cgroup",    "cgroup2",	  "securityfs", "debugfs",  "bpf",    "tracefs",
		"hugetlbfs", "mqueue",	  "configfs",	"fusectl",  "none",   "rpc_pipefs",
		"usbfs",     "efivarfs",  "overlay",	"aufs",	    "nfs",    "nfs4",
		"cifs",	     "smbfs",	  "smb3",	"ncpfs",    "9p",     "virtiofs",
		"ceph",	     "glusterfs", "afs",	"davfs",    "lustre", "gfs2",
		"ocfs2",     "iso9660",	  "udf",	"autofs",   "ignore", "binfmt_misc",
		"selinuxfs", "squashfs",  "curlftpfs",	"vboxsf",
	};

	return is_one_of(type, types, ARRAY_SIZE(types)) || str_starts(type, "fuse");
}

/* Drives whose medium comes and goes. */
static bool is_removable_node(const char *spec)
{
	return str_starts(spec, "/dev/fd") || str_starts(spec, "/dev/sr") ||
	       str_starts(spec, "/dev/cdrom") || str_starts(spec, "/dev/dvd") ||
	       str_starts(spec, "/dev/loop") || str_starts(spec, "/dev/scd");
}

enum entry_role target_entry_role(const struct fstab_entry *entry)
{
	char value[512];
	bool is_device = disk_parse_reference(entry->spec, value, sizeof(value)) != REF_NONE;

	if (strcmp(entry->vfstype, "swap") == 0)
		return is_device ? ROLE_SWAP : ROLE_IGNORE;
	if (entry->file[0] != '/' || is_foreign_type(entry->vfstype) || !is_device ||
	    is_removable_node(entry->spec))
		return ROLE_IGNORE;
	if (target_has_option(entry->options, "bind") ||
	    target_has_option(entry->options, "rbind") ||
	    target_has_option(entry->options, "_netdev"))
		return ROLE_IGNORE;
	return entry->file[strspn(entry->file, "/")] ? ROLE_LOCAL : ROLE_ROOT;
}

char *target_mount_path(const char *file)
{
	struct strbuf b = STRBUF_INIT;

	if (*file != '/')
		return NULL;
	while (*file) {
		size_t len;

		file += strspn(file, "/");
		len = strcspn(file, "/");
		if (len == 2 && file[0] == '.' && file[1] == '.') {
			strbuf_done(&b);
			return NULL;
		}
		if (len && !(len == 1 && file[0] == '.')) {
			strbuf_addc(&b, '/');
			strbuf_add(&b, file, len);
		}
		file += len;
	}
	if (b.len == 0)
		strbuf_addc(&b, '/');
	return strbuf_take(&b);
}

bool target_path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The partition number in the kernel name of a machine's first disk; 0 when it is not such a name. */
static unsigned first_disk_partno(const char *path)
{
	static const char *const firsts[] = { "/dev/sda", "/dev/vda",	   "/dev/xvda",
					      "/dev/hda", "/dev/nvme0n1p", "/dev/mmcblk0p" };
	uint32_t n;

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		if (str_starts(path, firsts[i]) && parse_u32(path + strlen(firsts[i]), &n) == 0 &&
		    n > 0 && n < 256)
			return n;
	}
	return 0;
}

const struct volume *target_resolve(const struct disk_scan *scan, const char *spec,
				    unsigned root_disk, bool *ret_guessed)
{
	const struct volume *v = disk_find(scan, spec);
	unsigned fixed = 0, partno, i;

	*ret_guessed = false;
	if (v)
		return v;
	for (i = 0; i < scan->disk_count; i++)
		fixed += !scan->disks[i].is_removable;
	partno = first_disk_partno(spec);
	for (i = 0; i < scan->volume_count && fixed == 1 && partno; i++) {
		if (scan->volumes[i].disk == root_disk && scan->volumes[i].partno == partno) {
			*ret_guessed = true;
			return &scan->volumes[i];
		}
	}
	return NULL;
}

bool target_is_linux_root(const struct root *r)
{
	static const char *const marks[] = { "etc/os-release", "usr/lib/os-release",
					     "etc/debian_version", "etc/redhat-release",
					     "etc/fstab" };
	bool has_mark = false;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		has_mark |= root_is_file(r, marks[i]);
	/* bin and sbin may be links to usr; the link is enough, /usr may be elsewhere */
	return has_mark && root_is_dir(r, "etc") && root_lstat(r, "bin", &st) == 0 &&
	       root_lstat(r, "sbin", &st) == 0;
}
