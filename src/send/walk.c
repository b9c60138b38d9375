/* SPDX-License-Identifier: MIT */
/* The reader: a folder at a time, its names sorted, each opened relative to it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/io.h"
#include "send/send_priv.h"

#define SMALL_MAX (1u << 20) /* read at once by the walker; larger ones by the writer */
#define LINK_TEXT_MAX 65536
#define DEPTH_MAX 2048

/* ---- files that have several names ---- */

struct name {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct names {
	struct name *slots;
	size_t size, used;
};

static size_t slot_of(const struct names *n, dev_t dev, ino_t ino)
{
	uint64_t hash = ((uint64_t)ino * 0x9e3779b97f4a7c15ull) ^ (uint64_t)dev;
	size_t at = (size_t)(hash % n->size);

	while (n->slots[at].path && (n->slots[at].ino != ino || n->slots[at].dev != dev))
		at = (at + 1) % n->size;
	return at;
}

static int names_grow(struct names *n)
{
	struct names bigger = { .size = n->size ? n->size * 2 : 1024 };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < n->size; i++)
		if (n->slots[i].path)
			bigger.slots[slot_of(&bigger, n->slots[i].dev, n->slots[i].ino)] =
				n->slots[i];
	bigger.used = n->used;
	free(n->slots);
	*n = bigger;
	return 0;
}

/* The earlier name of that file, NULL when this is the first, which is remembered. -1 in *ret_failed when out of memory. */
static const char *names_first(struct names *n, const struct stat *st, const char *path,
			       bool *ret_failed)
{
	struct name *slot;

	if (n->used * 2 >= n->size && names_grow(n) < 0) {
		*ret_failed = true;
		return NULL;
	}
	slot = &n->slots[slot_of(n, st->st_dev, st->st_ino)];
	if (slot->path)
		return slot->path;
	*slot = (struct name){ st->st_dev, st->st_ino, strdup(path) };
	*ret_failed = !slot->path;
	n->used++;
	return NULL;
}

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->size; i++)
		free(n->slots[i].path);
	free(n->slots);
}

/* ---- what is left out ---- */

struct walk {
	const struct send_options *o;
	struct queue *q;
	struct notes *notes;
	struct strlist swapped; /* paths of swap files */
	struct names names;
	dev_t dev;
	bool is_system; /* root is "/": the kernel's folders are its */
	struct err *e;
};

/* Lines of /proc/swaps, proc_pid_mounts(5)'s escapes in the names. */
static void read_swaps(struct walk *w)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;

	if (!w->is_system || file_slurp("/proc/swaps", &text, 65536, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return;
	for (size_t i = 1; i < lines.count; i++) {
		size_t len = strcspn(lines.items[i], " \t");

		if (strstr(lines.items[i] + len, "file") &&
		    strlist_addn(&w->swapped, lines.items[i], len) < 0)
			return; /* a swap file more is no harm */
	}
}

/* path: "/etc/passwd". Folders are sent although what is in them is not: the clone mounts there. */
static bool is_left_out(const struct walk *w, const char *path)
{
	static const char *const kernels[] = { "/proc/", "/sys/", "/dev/", "/run/" };

	for (size_t i = 0; w->is_system && i < ARRAY_SIZE(kernels); i++)
		if (str_starts(path, kernels[i]))
			return true;
	if (strcmp(path, "/.rehost") == 0 || strlist_has(&w->swapped, path))
		return true;
	for (size_t i = 0; w->o->excludes && i < w->o->excludes->count; i++)
		if (fnmatch(w->o->excludes->items[i], path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static bool is_entered(const struct walk *w, const struct stat *st, const char *path)
{
	return st->st_dev == w->dev || (w->o->mounts && strlist_has(w->o->mounts, path));
}

/* ---- one entry ---- */

static struct item *item_new(const char *path, const struct stat *st)
{
	struct item *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->fd = -1;
	i->st = *st;
	i->path = malloc(strlen(path) + 2);
	if (!i->path) {
		item_free(i);
		return NULL;
	}
	i->path[0] = '.';
	strcpy(i->path + 1, path);
	return i;
}

/* The owner and root may leave the time of access alone; nobody else can be asked to. */
static int open_quietly(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? openat(dirfd, name, flags) : fd;
}

static int read_link(struct item *i, int dirfd, const char *name)
{
	size_t size = i->st.st_size > 0 && i->st.st_size < LINK_TEXT_MAX ? (size_t)i->st.st_size + 1
									 : LINK_TEXT_MAX;
	ssize_t n;

	i->link = malloc(size);
	n = i->link ? readlinkat(dirfd, name, i->link, size) : -1;
	if (n < 0 || (size_t)n >= size)
		return -1;
	i->link[n] = '\0';
	return 0;
}

static void read_small(struct walk *w, struct item *i, int fd)
{
	size_t size = (size_t)i->st.st_size;
	ssize_t n;

	i->data = malloc(size ? size : 1);
	if (!i->data) {
		i->fd = fd; /* the writer needs no such memory */
		return;
	}
	n = read_full(fd, i->data, size);
	i->have = n > 0 ? (size_t)n : 0;
	if (n < 0)
		note_add(w->notes, true, i->path + 1, "could not be read: %s; zeros are sent",
			 strerror(errno));
	close(fd);
}

/* False: it is not sent, and that was said. */
static bool read_file(struct walk *w, struct item *i, int dirfd, const char *name)
{
	int fd = open_quietly(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		bool is_gone = errno == ENOENT;

		note_add(w->notes, !is_gone, i->path + 1, "%s",
			 is_gone ? "vanished" : strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		note_add(w->notes, false, i->path + 1, "became something else");
		close(fd);
		return false;
	}
	i->st = st; /* another one may have taken its place by rename: this one is read */
	read_attributes(i, fd);
	if (st.st_blocks < (st.st_size + 511) / 512)
		read_extents(i, fd);
	if (st.st_size <= SMALL_MAX && !i->extents)
		read_small(w, i, fd);
	else
		i->fd = fd;
	return true;
}

/* 0, also when it is not sent; -1 to stop. */
static int send_entry(struct walk *w, int dirfd, const char *name, const char *path,
		      const struct stat *st)
{
	struct item *i = item_new(path, st);
	const char *first = NULL;
	bool failed = false, is_sent = true;

	if (!i)
		return err_set(w->e, ERR_NOMEM, 0, "%s", path);
	if (st->st_nlink > 1)
		first = names_first(&w->names, st, i->path, &failed);
	if (first) {
		i->is_hard_link = true;
		i->link = strdup(first);
		failed |= !i->link;
	} else if (S_ISREG(st->st_mode)) {
		is_sent = read_file(w, i, dirfd, name);
	} else {
		read_attributes_at(i, dirfd, name);
		if (S_ISLNK(st->st_mode) && read_link(i, dirfd, name) < 0) {
			note_add(w->notes, false, path, "vanished");
			is_sent = false;
		}
	}
	if (failed || i->xattrs.failed) {
		item_free(i);
		return err_set(w->e, ERR_NOMEM, 0, "%s", path);
	}
	if (!is_sent) {
		item_free(i);
		return 0;
	}
	return queue_put(w->q, i);
}

/* ---- folders ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes dirfd over. */
static int read_names(int dirfd, struct strlist *ret)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *entry;
	int rc = 0;

	if (!d) {
		close(dirfd);
		return -1;
	}
	errno = 0;
	while (rc == 0 && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = strlist_add(ret, entry->d_name);
	rc = rc || errno ? -1 : 0;
	closedir(d);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare);
	return rc;
}

static int walk_folder(struct walk *w, int dirfd, struct strbuf *path, unsigned depth);

static int enter_folder(struct walk *w, int parent, const char *name, struct strbuf *path,
			const struct stat *seen, unsigned depth)
{
	int fd cleanup_fd = open_quietly(parent, name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *shown = path->len ? path->data : "/";
	struct stat st;
	struct item *i;

	if (fd < 0 || fstat(fd, &st) < 0) {
		bool is_gone = errno == ENOENT || errno == ENOTDIR;

		note_add(w->notes, !is_gone, shown, "%s", is_gone ? "vanished" : strerror(errno));
		return 0;
	}
	i = item_new(path->len ? path->data : "/", &st);
	if (!i)
		return err_set(w->e, ERR_NOMEM, 0, "%s", shown);
	read_attributes(i, fd);
	if (queue_put(w->q, i) < 0)
		return -1;
	if (seen && !is_entered(w, &st, path->data))
		return 0;
	if (depth == DEPTH_MAX)
		return err_set(w->e, ERR_SEND_READ, ELOOP, "%s", shown);
	return walk_folder(w, fd, path, depth);
}

static int walk_name(struct walk *w, int dirfd, const char *name, struct strbuf *path,
		     unsigned depth)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		note_add(w->notes, errno != ENOENT, path->data, "%s",
			 errno == ENOENT ? "vanished" : strerror(errno));
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return enter_folder(w, dirfd, name, path, &st, depth + 1);
	if (S_ISSOCK(st.st_mode)) /* its program makes it anew */
		return 0;
	return send_entry(w, dirfd, name, path->data, &st);
}

static int walk_folder(struct walk *w, int dirfd, struct strbuf *path, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t len = path->len;
	int rc = 0;

	if (read_names(dup(dirfd), &names) < 0)
		note_add(w->notes, true, len ? path->data : "/", "could not be read whole");
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		strbuf_addf(path, "/%s", names.items[i]);
		if (path->failed)
			return err_set(w->e, ERR_NOMEM, 0, "walking");
		if (!is_left_out(w, path->data))
			rc = walk_name(w, dirfd, names.items[i], path, depth);
		path->len = len;
		path->data[len] = '\0';
	}
	return rc;
}

/* A descriptor for each level, and one for each large file in the queue. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* without it very deep trees are noted as unread */
}

int walk_tree(const struct send_options *o, struct queue *q, struct notes *notes, struct err *e)
{
	struct walk w = { .o = o, .q = q, .notes = notes, .e = e };
	struct strbuf path cleanup_strbuf = STRBUF_INIT;
	struct stat st, system;
	int rc;

	raise_limit();
	if (stat(o->root, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_SEND_READ, errno ? errno : ENOTDIR, "%s", o->root);
	w.dev = st.st_dev;
	w.is_system = stat("/", &system) == 0 && system.st_dev == st.st_dev &&
		      system.st_ino == st.st_ino;
	read_swaps(&w);
	rc = enter_folder(&w, AT_FDCWD, o->root, &path, NULL, 0);
	names_done(&w.names);
	strlist_done(&w.swapped);
	return rc;
}
