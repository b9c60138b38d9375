/* SPDX-License-Identifier: MIT */
/* What becomes of each line of the source's fstab. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rewrite/plan_fstab_priv.h"

bool fstab_names_fact(const struct fstab_entry *f, const struct fact_fs *fs)
{
	char *uuid cleanup_free = fstab_uuid_of(f->spec);

	return uuid && strcasecmp(uuid, fs->uuid) == 0;
}

bool fstab_fact_is_swap(const struct fact_fs *fs)
{
	return strcmp(fs->type, "swap") == 0;
}

static bool is_esp_place(const char *mount)
{
	return strcmp(mount, "/boot/efi") == 0 || strcmp(mount, "/efi") == 0;
}

/* A file with a swap signature and without holes, as it came: swapon takes it. */
static bool is_usable_swap_file(const struct fstab_plan *fp, const char *path)
{
	const struct fact_fs *root = rewrite_facts_fs(fp->p->facts, "/");
	int fd cleanup_fd = root_openat(fp->p->clone, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	char mark[10];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 10 * 4096 ||
	    (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size || strcmp(root->type, "btrfs") == 0)
		return false;
	return pread(fd, mark, sizeof(mark), 4096 - (off_t)sizeof(mark)) == (ssize_t)sizeof(mark) &&
	       memcmp(mark, "SWAPSPACE2", sizeof(mark)) == 0;
}

static bool has_swap(const struct fstab_plan *fp)
{
	unsigned i;

	for (i = 0; i < fp->p->facts->fs_count; i++)
		if (fstab_fact_is_swap(&fp->p->facts->filesystems[i]))
			return true;
	return false;
}

static struct decision decide_swap(struct fstab_plan *fp, const struct fstab_entry *f)
{
	const struct rewrite_facts *facts = fp->p->facts;
	unsigned i;

	if (fstab_kind_of(f) == FSTAB_PSEUDO) /* zram */
		return (struct decision){ .verdict = KEEP };
	if (fstab_kind_of(f) == FSTAB_SWAP_FILE) {
		if (has_swap(fp))
			return (struct decision){
				COMMENT, NULL, "a swap file; this machine has a swap of its own"
			};
		if (is_usable_swap_file(fp, f->spec))
			return (struct decision){ SOFTEN, NULL, NULL };
		return (struct decision){
			COMMENT, NULL, "a swap file cannot be copied, make it anew with mkswap"
		};
	}
	for (i = 0; i < facts->fs_count; i++)
		if (fstab_fact_is_swap(&facts->filesystems[i]) &&
		    fstab_names_fact(f, &facts->filesystems[i]))
			return (struct decision){ .verdict = KEEP };
	for (i = 0; i < facts->fs_count; i++)
		if (fstab_fact_is_swap(&facts->filesystems[i]) && !fp->fs_seen[i]) {
			fp->fs_seen[i] = true;
			return (struct decision){ MAP, &facts->filesystems[i], NULL };
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

/* The EFI system partition keeps the place where the source has it: its tools know no other. */
static const struct fact_fs *find_esp(const struct fstab_plan *fp, const struct fstab_entry *f,
				      unsigned *ret_index)
{
	const struct rewrite_facts *facts = fp->p->facts;
	unsigned i;

	if (!facts->uefi || !is_esp_place(f->file))
		return NULL;
	for (i = 0; i < facts->fs_count; i++)
		if (is_esp_place(facts->filesystems[i].mount) &&
		    strcmp(facts->filesystems[i].type, "vfat") == 0 &&
		    !fstab_find(&fp->source, facts->filesystems[i].mount)) {
			*ret_index = i;
			return &facts->filesystems[i];
		}
	return NULL;
}

/* Whether files of the source lie where it had a file system of its own: they came along, into the one around it. */
static bool has_files(const struct fstab_plan *fp, const char *folder)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(fp->p->clone, folder) || root_list(fp->p->clone, folder, &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++)
		if (strcmp(names.items[i], "lost+found") != 0)
			return true;
	return false;
}

static const char *why_not_here(const struct fstab_plan *fp, const struct fstab_entry *f)
{
	if (is_esp_place(f->file) && !fp->p->facts->uefi)
		return "the source's EFI system partition; this machine starts by BIOS";
	return has_files(fp, f->file)
		       ? "a file system of the source; its files lie in this folder now"
		       : "a file system of the source, not of this machine";
}

/* A line that no file system of this machine takes the place of. */
static struct decision decide_kind(const struct fstab_plan *fp, const struct fstab_entry *f)
{
	switch (fstab_kind_of(f)) {
	case FSTAB_BIND:
	case FSTAB_IMAGE:
		if (!root_exists(fp->p->clone, f->spec))
			return (struct decision){ SOFTEN, NULL, "what it shows is not there yet" };
		return (struct decision){ .verdict = KEEP };
	case FSTAB_HOST_SHARE:
		return (struct decision){ SOFTEN, NULL, "a share of the source's host" };
	case FSTAB_FUSE:
	case FSTAB_REMOVABLE:
	case FSTAB_NETWORK:
	case FSTAB_NETWORK_DISK:
		return (struct decision){ SOFTEN, NULL, NULL };
	case FSTAB_POOL:
		if (fstab_has_option(f->options, "noauto"))
			return (struct decision){ .verdict = KEEP };
		return (struct decision){ COMMENT, NULL, "a ZFS pool of the source" };
	case FSTAB_DISK:
		if (fstab_has_option(f->options, "noauto") && fstab_is_lasting_spec(f->spec))
			return (struct decision){ .verdict = KEEP };
		return (struct decision){ COMMENT, NULL, why_not_here(fp, f) };
	default:
		return (struct decision){ .verdict = KEEP };
	}
}

/* Whether the source wants something else than a disk there: tmpfs on /tmp, /home by NFS. */
static bool needs_no_disk(const struct fstab_entry *f)
{
	enum fstab_kind k = fstab_kind_of(f);

	return k == FSTAB_PSEUDO || k == FSTAB_BIND || k == FSTAB_NETWORK || k == FSTAB_HOST_SHARE;
}

static struct decision decide(struct fstab_plan *fp, const struct fstab_entry *f)
{
	const struct fact_fs *fs;
	unsigned i = 0;

	if (strcmp(f->vfstype, "swap") == 0)
		return decide_swap(fp, f);
	fs = find_fs(fp, f, &i);
	if (!fs)
		fs = find_esp(fp, f, &i);
	if (!fs)
		return decide_kind(fp, f);
	if (strcmp(fs->mount, "/") != 0 && needs_no_disk(f)) {
		fp->fs_seen[i] = true;
		return decide_kind(fp, f);
	}
	if (fstab_find(&fp->source, f->file) != f)
		return (struct decision){ COMMENT, NULL, "mounted by a later line" };
	fp->fs_seen[i] = true;
	return (struct decision){ MAP, fs, NULL };
}

int fstab_decide_all(struct fstab_plan *fp)
{
	const struct rewrite_facts *facts = fp->p->facts;
	size_t n;
	unsigned i;

	fp->decisions = calloc(fp->source.entry_count + 1, sizeof(*fp->decisions));
	fp->fs_seen = calloc(facts->fs_count + 1, sizeof(*fp->fs_seen));
	if (!fp->decisions || !fp->fs_seen)
		return plan_nomem(fp->p);
	for (n = 0; n < fp->source.entry_count; n++)
		for (i = 0; i < facts->fs_count; i++)
			if (fstab_fact_is_swap(&facts->filesystems[i]) &&
			    strcmp(fp->source.entries[n].vfstype, "swap") == 0 &&
			    fstab_names_fact(&fp->source.entries[n], &facts->filesystems[i]))
				fp->fs_seen[i] = true;
	for (n = 0; n < fp->source.entry_count; n++)
		fp->decisions[n] = decide(fp, &fp->source.entries[n]);
	return 0;
}
