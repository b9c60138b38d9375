/* SPDX-License-Identifier: MIT */
/*
 * The payload: from RAM or a stream into LOADER_DIR/new, proved against its own list by reading it back past the cache, then
 * renamed to its place, the list last. A list in LOADER_DIR therefore says that all it names is there.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "job/loader_priv.h"
#include "transfer/unpack.h"

#define LIST_MAGIC "rehost-loader 1"
#define LIST_MAX 8192
#define NEW_DIR LOADER_DIR "/new"
#define BLOCK (256 * 1024)

/* ---- the list ---- */

static bool is_name(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (!isalnum((unsigned char)s[i]) && !(i && strchr(".-_", s[i])))
			return false;
	}
	return i > 0 && i < sizeof(((struct loader_file *)NULL)->name) &&
	       isalpha((unsigned char)s[0]);
}

static int parse_line(struct loader_list *l, const char *line, struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct loader_file *f = &l->files[l->count];

	if (strlist_split(&words, line, " ") < 0)
		return err_set(e, ERR_NOMEM, 0, "list of the loader files");
	if (words.count != 3 || l->count == LOADER_FILES_MAX ||
	    strlen(words.items[0]) != SHA256_HEX_LEN ||
	    strspn(words.items[0], "0123456789abcdef") != SHA256_HEX_LEN ||
	    parse_u64(words.items[1], &f->bytes) < 0 || f->bytes == 0 ||
	    f->bytes > LOADER_FILE_MAX || !is_name(words.items[2]) ||
	    strcmp(words.items[2], LOADER_LIST) == 0 || loader_list_find(l, words.items[2]))
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "line %u of the list", l->count + 2);
	snprintf(f->sha256, sizeof(f->sha256), "%s", words.items[0]);
	snprintf(f->name, sizeof(f->name), "%s", words.items[2]);
	l->bytes += f->bytes;
	l->count++;
	return 0;
}

int loader_list_parse(struct loader_list *ret, const char *text, size_t len, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	struct loader_list l = { 0 };
	size_t i;

	if (len == 0 || len > LIST_MAX || strlen(text) != len || text[len - 1] != '\n')
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "the list of its files");
	if (strlist_split(&lines, text, "\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "list of the loader files");
	if (lines.count < 2 || strcmp(lines.items[0], LIST_MAGIC) != 0)
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "the list of its files");
	for (i = 1; i < lines.count; i++) {
		if (parse_line(&l, lines.items[i], e) < 0)
			return -1;
	}
	if (!loader_list_find(&l, "vmlinuz") || !loader_list_find(&l, "initrd"))
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "the list lacks vmlinuz or initrd");
	*ret = l;
	return 0;
}

const struct loader_file *loader_list_find(const struct loader_list *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->count; i++) {
		if (strcmp(l->files[i].name, name) == 0)
			return &l->files[i];
	}
	return NULL;
}

static int read_list(struct loader_list *ret, const struct root *dir, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (root_read(dir, LOADER_LIST, &text, LIST_MAX, NULL) < 0)
		return err_set(e, ERR_LOADER_PAYLOAD, errno, "the list of its files");
	return loader_list_parse(ret, strbuf_str(&text), text.len, e);
}

static int check_sizes(const struct loader_list *l, const struct root *dir, struct err *e)
{
	struct stat st;
	unsigned i;

	for (i = 0; i < l->count; i++) {
		const struct loader_file *f = &l->files[i];

		if (root_lstat(dir, f->name, &st) < 0 || !S_ISREG(st.st_mode) ||
		    (uint64_t)st.st_size != f->bytes)
			return err_set(e, ERR_LOADER_PAYLOAD, 0, "%s", f->name);
	}
	return 0;
}

int loader_list_read(struct loader_list *ret, const struct root *r, const char *dir, struct err *e)
{
	struct root folder cleanup_root = ROOT_INIT;

	if (root_open_below(&folder, r, dir, NULL) < 0)
		return err_set(e, ERR_LOADER_PAYLOAD, errno, "%s", dir);
	if (read_list(ret, &folder, e) < 0)
		return -1;
	return check_sizes(ret, &folder, e);
}

/* ---- writing and proving ---- */

static int copy_file(const struct root *from, const struct root *into, const char *name,
		     struct err *e)
{
	int in cleanup_fd = root_openat(from, name, O_RDONLY | O_NOFOLLOW, 0, e);
	int out cleanup_fd = -1;
	char buf[65536];
	ssize_t n;

	if (in < 0)
		return -1;
	out = root_openat(into, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, e);
	if (out < 0)
		return -1;
	while ((n = read_full(in, buf, sizeof(buf))) > 0) {
		if (write_all(out, buf, (size_t)n) < 0)
			return err_set(e, ERR_FILE, errno, "writing %s", name);
	}
	return n < 0 ? err_set(e, ERR_FILE, errno, "reading %s", name) : 0;
}

/* What the disk holds, not the cache: by O_DIRECT, where the file system has that. */
static int hash_from_disk(const struct root *dir, const struct loader_file *f, struct err *e)
{
	int fd cleanup_fd = root_openat(dir, f->name, O_RDONLY | O_NOFOLLOW | O_DIRECT, 0, NULL);
	struct sha256 *s = sha256_new();
	uint8_t digest[SHA256_LEN] = { 0 };
	char hex[SHA256_HEX_LEN + 1];
	char *buf = NULL;
	ssize_t n = -1;

	if (fd < 0)
		fd = root_openat(dir, f->name, O_RDONLY | O_NOFOLLOW, 0, NULL);
	if (fd >= 0 && s && posix_memalign((void **)&buf, 4096, BLOCK) == 0) {
		while ((n = read(fd, buf, BLOCK)) > 0)
			sha256_add(s, buf, (size_t)n);
	}
	if (s)
		sha256_finish(s, digest);
	free(buf);
	if (n < 0)
		return err_set(e, ERR_DISK_READ, errno, "reading back %s", f->name);
	hex_of(digest, sizeof(digest), hex);
	if (strcmp(hex, f->sha256) != 0)
		return err_set(e, ERR_LOADER_PAYLOAD, 0, "%s has another checksum", f->name);
	return 0;
}

static int sync_and_prove(const struct root *dir, const struct loader_list *l, struct err *e)
{
	unsigned i;

	if (check_sizes(l, dir, e) < 0)
		return -1;
	for (i = 0; i < l->count; i++) {
		int fd cleanup_fd = root_openat(dir, l->files[i].name, O_RDONLY | O_NOFOLLOW, 0, e);

		if (fd < 0)
			return -1;
		if (fsync(fd) < 0)
			return err_set(e, ERR_FILE, errno, "writing %s", l->files[i].name);
		if (hash_from_disk(dir, &l->files[i], e) < 0)
			return -1;
	}
	return 0;
}

/* From new/ to their place: the old list goes first, the new one comes last. boot: LOADER_DIR. */
static int move_in(int boot, const struct loader_list *l, struct err *e)
{
	char from[64];
	unsigned i;

	if (unlinkat(boot, LOADER_LIST, 0) < 0 && errno != ENOENT)
		return err_set(e, ERR_FILE, errno, "/%s/%s", LOADER_DIR, LOADER_LIST);
	for (i = 0; i <= l->count; i++) {
		const char *name = i < l->count ? l->files[i].name : LOADER_LIST;

		if (fsync(boot) < 0)
			return err_set(e, ERR_FILE, errno, "/%s", LOADER_DIR);
		snprintf(from, sizeof(from), "new/%s", name);
		if (renameat(boot, from, boot, name) < 0)
			return err_set(e, ERR_FILE, errno, "/%s/%s", LOADER_DIR, name);
	}
	if (syncfs(boot) < 0)
		return err_set(e, ERR_FILE, errno, "/%s", LOADER_DIR);
	return 0;
}

/* ---- where it comes from ---- */

static int copy_from_ram(const struct root *ram, const struct root *into, struct err *e)
{
	struct loader_list l;
	unsigned i;

	if (read_list(&l, ram, e) < 0 || check_sizes(&l, ram, e) < 0)
		return err_ctx(e, "looking at the loader files in RAM");
	for (i = 0; i < l.count; i++) {
		if (copy_file(ram, into, l.files[i].name, e) < 0)
			return -1;
	}
	return copy_file(ram, into, LOADER_LIST, e);
}

/* Only what the list names: the folder may be somebody's. */
static void free_ram(const struct root *ram)
{
	struct loader_list l;
	unsigned i;

	if (read_list(&l, ram, NULL) < 0)
		return;
	for (i = 0; i < l.count; i++)
		(void)!root_remove(ram, l.files[i].name, NULL);
	(void)!root_remove(ram, LOADER_LIST, NULL);
	if (rmdir(LOADER_PAYLOAD_DIR) < 0)
		log_debug("%s: %s", LOADER_PAYLOAD_DIR, strerror(errno));
	else
		log_info("loader: %llu bytes of RAM are free again", (unsigned long long)l.bytes);
}

static int fill_new(const struct root *fs, int fd, const struct root *ram, struct err *e)
{
	static const struct unpack_limits limits = { .files = LOADER_FILES_MAX + 1,
						     .file_bytes = LOADER_FILE_MAX,
						     .total_bytes = 2 * LOADER_FILE_MAX };
	struct root into cleanup_root = ROOT_INIT;
	int boot cleanup_fd = -1;
	struct loader_list l;

	if (root_remove_tree(fs, NEW_DIR, e) < 0 || root_mkdirs(fs, NEW_DIR, 0700, e) < 0 ||
	    root_open_below(&into, fs, NEW_DIR, e) < 0)
		return -1;
	boot = root_openat(fs, LOADER_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (boot < 0)
		return -1;
	if (fchmod(boot, 0700) < 0)
		return err_set(e, ERR_FILE, errno, "/%s", LOADER_DIR);
	if ((fd < 0 ? copy_from_ram(ram, &into, e)
		    : unpack_flat(fd, &into, &LOADER_PAYLOAD_DIR[1], &limits, e)) < 0 ||
	    read_list(&l, &into, e) < 0 || sync_and_prove(&into, &l, e) < 0)
		return -1;
	return move_in(boot, &l, e);
}

/* The sender would see a broken pipe. */
static void drain(int fd)
{
	char buf[4096];

	while (fd >= 0 && read_full(fd, buf, sizeof(buf)) > 0)
		;
}

int loader_store(const struct target *t, int fd, struct err *e)
{
	const struct root *fs = loader_fs(t);
	struct root ram cleanup_root = ROOT_INIT;
	struct loader_list stored;
	bool in_ram = root_open(&ram, LOADER_PAYLOAD_DIR, NULL) == 0 &&
		      root_is_file(&ram, LOADER_LIST);
	bool is_stored = loader_list_read(&stored, fs, LOADER_DIR, NULL) == 0;
	int rc = 0;

	/* A planted loader starts what is stored: it is not exchanged below it. */
	if (is_stored && (fd < 0 || root_exists(fs, LOADER_S))) {
		drain(fd);
	} else if (fd < 0 && !in_ram) {
		return err_set(e, ERR_LOADER_MISSING, 0, "there is no %s", LOADER_PAYLOAD_DIR);
	} else {
		rc = fill_new(fs, fd, &ram, e);
		if (rc == 0)
			log_info("loader: its files are stored");
		(void)!root_remove_tree(fs, NEW_DIR, NULL);
	}
	if (rc < 0)
		return err_ctx(e, "storing the private loader's files");
	if (in_ram)
		free_ram(&ram);
	return 0;
}

bool loader_is_stored(const struct target *t)
{
	struct loader_list l;

	return loader_list_read(&l, loader_fs(t), LOADER_DIR, NULL) == 0 || !loader_layout_fits(t);
}
