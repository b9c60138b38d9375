/* SPDX-License-Identifier: MIT */
#include "job/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "job/target_rules.h"

/* fs n in the view: what is bound or overlaid at its mount point. */
static int make_source(const struct target *t, unsigned n, enum view_kind kind, char *buf,
		       size_t size, struct err *e)
{
	const char *at = t->fs[n].at;
	int len = kind == VIEW_OLD ? snprintf(buf, size, "%s", at)
				   : snprintf(buf, size, "%s/%s", at, TREE_DIR);

	return len < (int)size ? 0 : err_set(e, ERR_VIEW, ENAMETOOLONG, "%s", at);
}

/*
 * Mounts at an open folder: its name could be a link that leads elsewhere by now, the descriptor cannot. A mount over
 * the path of a descriptor does not move the descriptor: look it up again to see what was mounted.
 */
static int bind_at(const char *source, int dir, const char *what, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (mount(source, path, NULL, MS_BIND, NULL) < 0)
		return err_set(e, ERR_VIEW, errno, "%s at %s", source, what);
	return 0;
}

/* What the operator keeps safe stays safe: looking at the old system cannot change it, however it is mounted. */
static int bind_read_only(const char *source, int dir, const char *what, struct err *e)
{
	char path[64];

	/* Set on a bind of its own first: /proc/self/fd/N would name the folder below. */
	if (mount(source, source, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, source, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL) < 0)
		return err_set(e, ERR_VIEW, errno, "%s read-only", source);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (mount(source, path, NULL, MS_BIND, NULL) < 0)
		return err_set(e, ERR_VIEW, errno, "%s at %s", source, what);
	return 0;
}

static int overlay_at(const struct target *t, unsigned n, enum view_kind kind, int dir,
		      struct err *e)
{
	struct strbuf options cleanup_strbuf = STRBUF_INIT;
	const char *at = t->fs[n].at;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	/* Upper folders must merge by plain renames: none of the features that point elsewhere. */
	if (kind == VIEW_CLONE_READ)
		strbuf_addf(&options, "lowerdir=%s/" UPPER_DIR ":%s/" TREE_DIR ",redirect_dir=off",
			    at, at);
	else
		strbuf_addf(&options,
			    "lowerdir=%s/" TREE_DIR ",upperdir=%s/" UPPER_DIR
			    ",workdir=%s/" WORK_DIR
			    ",redirect_dir=off,metacopy=off,index=off,xino=off",
			    at, at, at);
	if (mount("rehost", path, "overlay", MS_NODEV | (kind == VIEW_CLONE_READ ? MS_RDONLY : 0),
		  strbuf_str(&options)) < 0)
		return err_set(e, ERR_VIEW, errno, "edits of %s", t->fs[n].volume->path);
	return 0;
}

/* The file system that holds fs n's mount point: the nearest above it. */
static unsigned parent_of(const struct target *t, unsigned n)
{
	unsigned best = 0, i;

	for (i = 0; i < n; i++) {
		if (target_path_is_below(t->fs[n].mount, t->fs[i].mount) &&
		    strlen(t->fs[i].mount) >= strlen(t->fs[best].mount))
			best = i;
	}
	return best;
}

/* Mount points that the source did not have: made in the stage itself, below any edits. */
static int make_mount_point(const struct target *t, unsigned n, struct err *e)
{
	unsigned parent = parent_of(t, n);
	struct root tree cleanup_root = ROOT_INIT;
	const char *path = t->fs[n].mount;

	if (strcmp(t->fs[parent].mount, "/") != 0)
		path += strlen(t->fs[parent].mount);
	if (root_open_below(&tree, &t->fs[parent].root, TREE_DIR, e) < 0)
		return -1;
	if (!root_is_dir(&tree, path) && root_mkdirs(&tree, path, 0755, e) < 0)
		return err_ctx(e, "making the mount point %s in the stage", t->fs[n].mount);
	return 0;
}

static int assemble(const struct target *t, enum view_kind kind, struct err *e)
{
	char source[PATH_MAX];
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		struct root view cleanup_root = ROOT_INIT;
		int dir cleanup_fd = -1;
		int rc;

		if (make_source(t, i, kind, source, sizeof(source), e) < 0)
			return -1;
		if (i > 0 && (kind == VIEW_STAGE || kind == VIEW_CLONE) &&
		    make_mount_point(t, i, e) < 0)
			return -1;
		if (root_open(&view, VIEW_DIR, e) < 0)
			return -1;
		dir = root_openat(&view, i ? t->fs[i].mount : "/", O_PATH | O_DIRECTORY, 0, e);
		if (dir < 0)
			return err_ctx(e, "finding the mount point %s", t->fs[i].mount);
		if (kind == VIEW_CLONE || kind == VIEW_CLONE_READ)
			rc = overlay_at(t, i, kind, dir, e);
		else if (kind == VIEW_OLD)
			rc = bind_read_only(source, dir, t->fs[i].mount, e);
		else
			rc = bind_at(source, dir, t->fs[i].mount, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int be_private(struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, ERR_VIEW, errno, "private mount namespace");
	return 0;
}

int view_enter(const struct target *t, enum view_kind kind, struct err *e)
{
	static const char *const words[] = { "the old system", "the stage", "the clone",
					     "the clone" };

	if (t->fs_count == 0)
		return err_set(e, ERR_INTERNAL, 0, "view without a target");
	if (kind == VIEW_CLONE && !t->fs[0].is_writable)
		return err_set(e, ERR_INTERNAL, 0, "clone view of a target that is not writable");
	if (mkdirs(VIEW_DIR, 0700, e) < 0)
		return -1;
	if (be_private(e) < 0)
		return -1;
	if (assemble(t, kind, e) < 0)
		return err_ctx(e, "assembling the tree of %s", words[kind]);
	return 0;
}

static _Noreturn void run_child(int (*fn)(void *arg, struct err *e), void *arg, int report)
{
	struct err own = ERR_INIT;
	int rc = fn(arg, &own);

	fflush(NULL);
	if (rc < 0 && write_all(report, &own, sizeof(own)) < 0)
		_exit(127);
	_exit(rc < 0 ? 126 : rc > 125 ? 125 : rc);
}

static int run_in_child(int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct err theirs = ERR_INIT;
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, ERR_VIEW, errno, "pipe");
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_set(e, ERR_VIEW, errno, "fork");
	}
	if (pid == 0) {
		close(fds[0]);
		run_child(fn, arg, fds[1]);
	}
	close(fds[1]);
	n = read_full(fds[0], &theirs, sizeof(theirs));
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 125)
		return WEXITSTATUS(status);
	if (n == (ssize_t)sizeof(theirs) && err_is_set(&theirs)) {
		if (e)
			*e = theirs;
		return -1;
	}
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INTERNAL, 0, "a process in the view was killed by signal %d",
			       WTERMSIG(status));
	return err_set(e, ERR_INTERNAL, 0, "a process in the view ended without a word");
}

/* What a child is to run, and where. */
struct inside {
	const struct target *t; /* NULL: no view */
	enum view_kind kind;
	int (*fn)(void *arg, struct err *e);
	void *arg;
};

static int go_inside(void *arg, struct err *e)
{
	const struct inside *i = arg;

	if ((i->t ? view_enter(i->t, i->kind, e) : be_private(e)) < 0)
		return -1;
	return i->fn(i->arg, e);
}

int view_run(const struct target *t, enum view_kind kind, int (*fn)(void *arg, struct err *e),
	     void *arg, struct err *e)
{
	struct inside i = { .t = t, .kind = kind, .fn = fn, .arg = arg };

	return run_in_child(go_inside, &i, e);
}

int view_run_private(int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct inside i = { .fn = fn, .arg = arg };

	return run_in_child(go_inside, &i, e);
}
