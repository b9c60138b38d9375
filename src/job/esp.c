/* SPDX-License-Identifier: MIT */
#include "job/esp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "disk/mount.h"

/* ---- which one ---- */

static bool is_vfat(const struct volume *v)
{
	return v->type && strcmp(v->type, "vfat") == 0 && !v->is_ambivalent;
}

static bool is_esp(const struct volume *v)
{
	return is_vfat(v) && v->part_type && strcasecmp(v->part_type, ESP_TYPE) == 0;
}

static const struct volume *only_one(const struct target *t, bool boot_disk)
{
	const struct volume *found = NULL;
	unsigned i;

	for (i = 0; i < t->scan.volume_count; i++) {
		const struct volume *v = &t->scan.volumes[i];

		if (!is_esp(v) || (boot_disk && v->disk != t->boot_disk))
			continue;
		if (found)
			return NULL;
		found = v;
	}
	return found;
}

const struct volume *esp_find(const struct target *t)
{
	static const char *const mounts[] = { "/boot/efi", "/efi", "/boot" };
	const struct volume *v;
	unsigned i, m;

	for (m = 0; m < ARRAY_SIZE(mounts); m++)
		for (i = 0; i < t->other_count; i++)
			if (strcmp(t->others[i].mount, mounts[m]) == 0 &&
			    is_vfat(t->others[i].volume) && t->others[i].volume->partuuid)
				return t->others[i].volume;
	v = only_one(t, true);
	v = v ? v : only_one(t, false);
	return v && v->partuuid ? v : NULL;
}

const struct volume *esp_find_partuuid(const struct disk_scan *scan, const char *partuuid)
{
	const struct volume *found = NULL;
	unsigned i;

	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];

		if (!v->partuuid || strcasecmp(v->partuuid, partuuid) != 0 || !is_vfat(v))
			continue;
		if (found)
			return NULL;
		found = v;
	}
	return found;
}

/* ---- mounting ---- */

/* Where the running system has the device mounted with its own top; false: nowhere. */
static bool find_mounted(const struct volume *v, char *buf, size_t size)
{
	FILE *f cleanup_file = fopen("/proc/self/mountinfo", "re");
	char *line cleanup_free = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		unsigned major, minor;
		char top[8], point[200];

		if (sscanf(line, "%*u %*u %u:%u %7s %199s", &major, &minor, top, point) != 4 ||
		    major != v->major || minor != v->minor || strcmp(top, "/") != 0 ||
		    strchr(point, '\\'))
			continue;
		snprintf(buf, size, "%s", point);
		return true;
	}
	return false;
}

int esp_open(struct esp *ret, const struct volume *v, bool writable, struct err *e)
{
	char own[256];

	*ret = ESP_INIT;
	run_path(own, sizeof(own), "esp");
	/* left by a command that was killed */
	if (volume_mount_state(own) != MOUNT_NONE && volume_unmount(own, e) < 0)
		return -1;
	if (find_mounted(v, ret->at, sizeof(ret->at))) {
		if (writable && volume_mount_state(ret->at) != MOUNT_WRITABLE)
			return err_set(e, ERR_ESP, EROFS, "%s is mounted read-only at %s", v->path,
				       ret->at);
		return root_open(&ret->root, ret->at, e);
	}
	snprintf(ret->at, sizeof(ret->at), "%s", own);
	if (mkdirs(own, 0700, e) < 0)
		return -1;
	if (volume_mount(v, own, writable, e) < 0)
		return err_ctx(e, "mounting the EFI system partition");
	ret->is_ours = true;
	if (root_open(&ret->root, own, e) == 0)
		return 0;
	esp_drop(ret);
	return -1;
}

/* vfat has no sync_fs of its own: syncfs(2) writes all, but leaves it in the disk's cache, which fsync(2) of any file empties. */
int esp_close(struct esp *esp, struct err *e)
{
	int fd = esp->root.fd < 0 ? -1
				  : root_openat(&esp->root, "/", O_RDONLY | O_DIRECTORY, 0, NULL);
	bool failed = fd >= 0 && (syncfs(fd) < 0 || fsync(fd) < 0);
	int sys = errno, rc = 0;

	if (fd >= 0)
		close(fd);
	root_close(&esp->root);
	if (esp->is_ours)
		rc = volume_unmount(esp->at, e);
	esp->is_ours = false;
	if (failed)
		return err_set(e, ERR_ESP, sys, "writing out %s", esp->at);
	return rc;
}

void esp_drop(struct esp *esp)
{
	struct err e = ERR_INIT;

	if ((esp->is_ours || esp->root.fd >= 0) && esp_close(esp, &e) < 0)
		log_warn("esp: %s", e.ctx[0]);
}

/* ---- files ---- */

/*
 * A rename over a file of vfat frees the old one's clusters at once, but where the name leads is written with the inode of the new one
 * (fs/fat/namei_vfat.c, vfat_rename), which fsync(2) of the folder does not touch.
 */
static int sync_name(const struct root *r, const char *path, struct err *e)
{
	int fd cleanup_fd = root_openat(r, path, O_RDONLY | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return -1;
	return fsync(fd) < 0 ? err_set(e, ERR_ESP, errno, "%s", path) : 0;
}

int esp_write_file(const struct root *r, const char *path, const void *data, size_t len,
		   struct err *e)
{
	/* what vfat shows under umask 0077: another mode would be refused */
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0700 };
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	if (root_is_file(r, path) && root_read(r, path, &now, ESP_FILE_MAX, NULL) == 0 &&
	    now.len == len && (len == 0 || memcmp(now.data, data, len) == 0))
		return 0;
	if (root_replace(r, path, data, len, &meta, e) < 0 || sync_name(r, path, e) < 0)
		return err_ctx(e, "writing to the EFI system partition");
	return 0;
}

static int list_files(const struct root *r, const char *dir, struct strlist *ret, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(r, dir, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (!root_is_file(r, path))
			continue;
		if (ret->count == ESP_FILES_MAX)
			return err_set(e, ERR_ESP, 0, "more than %d files in %s", ESP_FILES_MAX,
				       dir);
		if (strlist_add(ret, names.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "listing %s", dir);
	}
	return 0;
}

/* fn for the name and content of every file. */
static int each_file(const struct root *r, const char *dir,
		     int (*fn)(void *arg, const char *name, const struct strbuf *content,
			       struct err *e),
		     void *arg, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (list_files(r, dir, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct strbuf content cleanup_strbuf = STRBUF_INIT;
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (root_read(r, path, &content, ESP_FILE_MAX, e) < 0 ||
		    fn(arg, names.items[i], &content, e) < 0)
			return -1;
	}
	return 0;
}

struct destination {
	const struct root *root;
	const char *dir;
};

static int copy_one(void *arg, const char *name, const struct strbuf *content, struct err *e)
{
	const struct destination *to = arg;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", to->dir, name);
	return esp_write_file(to->root, path, strbuf_str(content), content->len, e);
}

int esp_copy_folder(const struct root *from, const char *from_dir, const struct root *to,
		    const char *to_dir, struct err *e)
{
	struct destination d = { to, to_dir };

	if (root_mkdirs(to, to_dir, 0700, e) < 0)
		return -1;
	return each_file(from, from_dir, copy_one, &d, e);
}

static int compare_one(void *arg, const char *name, const struct strbuf *content, struct err *e)
{
	const struct destination *to = arg;
	struct strbuf there cleanup_strbuf = STRBUF_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", to->dir, name);
	if (root_read(to->root, path, &there, ESP_FILE_MAX, e) < 0)
		return -1;
	if (there.len != content->len ||
	    memcmp(strbuf_str(&there), strbuf_str(content), there.len) != 0)
		return err_set(e, ERR_ESP, 0, "%s does not read back as it was written", path);
	return 0;
}

int esp_compare_folder(const struct root *from, const char *from_dir, const struct root *to,
		       const char *to_dir, struct err *e)
{
	struct destination d = { to, to_dir };

	return each_file(from, from_dir, compare_one, &d, e);
}

struct hashing {
	struct sha256 *sha;
	uint64_t bytes;
};

static int hash_one(void *arg, const char *name, const struct strbuf *content, struct err *e)
{
	struct hashing *h = arg;
	char size[32];

	(void)e;
	snprintf(size, sizeof(size), "%zu", content->len);
	sha256_add(h->sha, name, strlen(name) + 1);
	sha256_add(h->sha, size, strlen(size) + 1);
	sha256_add(h->sha, strbuf_str(content), content->len);
	h->bytes += content->len;
	return 0;
}

int esp_hash_folder(const struct root *r, const char *dir, char *ret_hex, uint64_t *ret_bytes,
		    struct err *e)
{
	struct hashing h = { .sha = sha256_new() };
	uint8_t digest[SHA256_LEN];
	int rc;

	if (!h.sha)
		return err_set(e, ERR_NOMEM, 0, "%s", dir);
	rc = each_file(r, dir, hash_one, &h, e);
	sha256_finish(h.sha, digest);
	hex_of(digest, sizeof(digest), ret_hex);
	*ret_bytes = h.bytes;
	return rc;
}

int esp_hash_file(const struct root *r, const char *path, char *ret_hex, struct err *e)
{
	struct strbuf content cleanup_strbuf = STRBUF_INIT;
	uint8_t digest[SHA256_LEN];

	ret_hex[0] = '\0';
	if (!root_is_file(r, path))
		return 0;
	if (root_read(r, path, &content, ESP_FILE_MAX, e) < 0)
		return -1;
	sha256_of(strbuf_str(&content), content.len, digest);
	hex_of(digest, sizeof(digest), ret_hex);
	return 0;
}
