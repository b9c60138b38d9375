/* SPDX-License-Identifier: MIT */
#include "job/rsync_room.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/run.h"
#include "job/chroot_disks.h"
#include "transfer/unpack.h"

#define ROOM "rsync" /* in the run folder */
#define LOADER "/ld-linux-x86-64.so.2"

static const struct unpack_limits limits = { .files = 32,
					     .file_bytes = 16 << 20,
					     .total_bytes = 32 << 20 };

/* Restoring owners, modes, device nodes, capabilities, trusted.* attributes and foreign labels; see capabilities(7). */
static const int kept[] = { CAP_CHOWN,	 CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
			    CAP_FOWNER,	 CAP_FSETID,	   CAP_MKNOD,
			    CAP_SETFCAP, CAP_SYS_ADMIN,	   CAP_MAC_ADMIN };

int rsync_room_bundle(struct err *e)
{
	char path[256];
	int fd = open(RSYNC_BUNDLE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open(run_path(path, sizeof(path), "rsync.cpio.xz"), O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(e, ERR_RSYNC_MISSING, errno, "%s", RSYNC_BUNDLE) : fd;
}

static int fail(struct err *e, const char *what)
{
	return err_set(e, ERR_VIEW, errno, "%s for rsync", what);
}

static int make_executable(struct err *e)
{
	DIR *d cleanup_dir = opendir(".");
	struct dirent *entry;

	if (!d)
		return fail(e, "reading the room");
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && fchmodat(dirfd(d), entry->d_name, 0755, 0) < 0)
			return fail(e, "preparing the room");
	return 0;
}

static int hang_up_stage(bool read_only, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID |
			    (read_only ? MOUNT_ATTR_RDONLY : 0),
	};

	if (mkdir("stage", 0755) < 0 || mkdir("proc", 0555) < 0 || mkdir("dev", 0755) < 0 ||
	    mkdir("tmp", 01777) < 0)
		return fail(e, "preparing the room");
	if (mount(VIEW_DIR, "stage", NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    syscall(SYS_mount_setattr, AT_FDCWD, "stage", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail(e, "hanging up the stage");
	return 0;
}

int rsync_room_make(int bundle, bool read_only, struct err *e)
{
	struct root room cleanup_root = ROOT_INIT;
	char path[256];

	run_path(path, sizeof(path), ROOM);
	if (mkdirs(path, 0700, e) < 0)
		return -1;
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=40m") < 0 ||
	    chdir(path) < 0)
		return fail(e, "making a room");
	if (root_open(&room, path, e) < 0 || unpack_flat(bundle, &room, "rsync", &limits, e) < 0)
		return err_ctx(e, "unpacking rsync");
	if (make_executable(e) < 0)
		return -1;
	return hang_up_stage(read_only, e);
}

static bool is_kept(int capability)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == capability)
			return true;
	return false;
}

/* Of the bounding set; what is not in it does not survive the exec of root's program. */
static int drop_capabilities(void)
{
	int c;

	for (c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++)
		if (!is_kept(c) && prctl(PR_CAPBSET_DROP, c) < 0)
			return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Process 1 of its PID namespace. */
static _Noreturn void be_rsync(char **argv)
{
	static char *const env[] = { (char *)"PATH=/", (char *)"LC_ALL=C", (char *)"HOME=/", NULL };
	const char *what = "its namespaces";
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	umask(022);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		goto fail;
	/* As job/chroot: pivot_root does not work from an initramfs. */
	what = "its root";
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		goto fail;
	what = "its bounds";
	if (drop_capabilities() < 0 || chroot_protect_disks() < 0)
		goto fail;
	execve(LOADER, argv, env);
	what = "the program";
fail:
	dprintf(STDERR_FILENO, "rehost: rsync was not started, %s: %s\n", what, strerror(errno));
	_exit(126);
}

pid_t rsync_room_start(const struct strlist *words, struct err *e)
{
	static const char *const start[] = { LOADER, "--library-path", "/", "/rsync" };
	char **argv cleanup_free = calloc(ARRAY_SIZE(start) + words->count + 1, sizeof(*argv));
	size_t i;
	pid_t pid;

	if (!argv)
		return err_set(e, ERR_NOMEM, 0, "rsync");
	for (i = 0; i < ARRAY_SIZE(start); i++)
		argv[i] = (char *)start[i];
	for (i = 0; i < words->count; i++)
		argv[ARRAY_SIZE(start) + i] = words->items[i];
	if (unshare(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS) < 0)
		return fail(e, "making namespaces");
	pid = fork();
	if (pid < 0)
		return fail(e, "starting a process");
	if (pid == 0)
		be_rsync(argv);
	return pid;
}
