/* SPDX-License-Identifier: MIT */
#include "job/chroot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/spawn.h"
#include "job/chroot_disks.h"

/* What the child needs, made before the fork: it must not fail for lack of memory half way. */
struct setup {
	const struct chroot *c;
	char scratch[128];
	struct strbuf mountinfo, mounts, swaps, cmdline;
};

/* Nothing of the shell's: tools must behave the same from every rescue. */
static const char *const tool_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"LC_ALL=C",
	"TERM=dumb",
	"TMPDIR=/var/tmp", /* on disk: an initramfs being made is larger than our RAM */
	"SYSTEMD_OFFLINE=1",
	"SYSTEMD_IN_CHROOT=1",
	"DEBIAN_FRONTEND=noninteractive",
	"GRUB_DISABLE_OS_PROBER=true", /* it would list the old system */
	NULL,
};

/* In the child stderr is the tool's output, which the caller shows. Returns -1. */
static int complain(const char *what, const char *path)
{
	dprintf(STDERR_FILENO, "rehost: %s %s: %s\n", what, path, strerror(errno));
	return -1;
}

static int write_file(const char *path, const struct strbuf *text)
{
	int fd cleanup_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);

	if (fd < 0 || write_all(fd, strbuf_str(text), text->len) < 0)
		return complain("writing", path);
	return 0;
}

/* Links to every entry of the real folder, except those that exist already. */
static int link_entries(const char *real, const char *here, bool pids)
{
	DIR *d cleanup_dir = opendir(real);
	struct dirent *entry;

	if (!d)
		return complain("reading", real);
	while ((entry = readdir(d))) {
		char from[300], to[600];

		if (entry->d_name[0] == '.' ||
		    (!pids && entry->d_name[0] >= '0' && entry->d_name[0] <= '9'))
			continue;
		snprintf(from, sizeof(from), "%s/%s", here, entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", real, entry->d_name);
		if (symlink(to, from) < 0 && errno != EEXIST)
			return complain("linking", from);
	}
	return 0;
}

static int make_proc(const struct setup *s)
{
	if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0555,size=1m") < 0)
		return complain("mounting", "/proc");
	if (mkdir("/proc/.real", 0555) < 0 || mkdir("/proc/self", 0555) < 0)
		return complain("making", "/proc/self");
	/* Read-only: /proc/sys is the rescue's own */
	if (mount("proc", "/proc/.real", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  NULL) < 0)
		return complain("mounting", "/proc/.real");
	if (write_file("/proc/self/mountinfo", &s->mountinfo) < 0 ||
	    write_file("/proc/self/mounts", &s->mounts) < 0 ||
	    write_file("/proc/swaps", &s->swaps) < 0 ||
	    write_file("/proc/cmdline", &s->cmdline) < 0)
		return -1;
	if (symlink("self/mounts", "/proc/mounts") < 0 ||
	    symlink("self", "/proc/thread-self") < 0 || symlink(".real/1", "/proc/1") < 0)
		return complain("linking", "/proc/mounts");
	if (link_entries("/proc/.real", "/proc", false) < 0)
		return -1;
	return link_entries("/proc/.real/self", "/proc/self", true);
}

/* ---- /dev ---- */

static int make_node(const char *path, mode_t type, dev_t dev, mode_t mode)
{
	if (mknod(path, type | mode, dev) < 0 && errno != EEXIST)
		return complain("making", path);
	return chmod(path, mode);
}

static int make_standard_nodes(void)
{
	static const struct {
		const char *path;
		unsigned minor;
	} nodes[] = { { "/dev/null", 3 },
		      { "/dev/zero", 5 },
		      { "/dev/full", 7 },
		      { "/dev/random", 8 },
		      { "/dev/urandom", 9 } };
	static const struct {
		const char *path, *text;
	} links[] = { { "/dev/fd", "/proc/self/fd" },
		      { "/dev/stdin", "fd/0" },
		      { "/dev/stdout", "fd/1" },
		      { "/dev/stderr", "fd/2" },
		      { "/dev/ptmx", "pts/ptmx" } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		if (make_node(nodes[i].path, S_IFCHR, makedev(1, nodes[i].minor), 0666) < 0)
			return -1;
	if (make_node("/dev/tty", S_IFCHR, makedev(5, 0), 0666) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i].text, links[i].path) < 0)
			return complain("linking", links[i].path);
	if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0 ||
	    chmod("/dev/shm", 01777) < 0)
		return complain("making", "/dev/pts");
	if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,mode=0620,ptmxmode=0666") < 0)
		return complain("mounting", "/dev/pts");
	return 0;
}

/* Directories between /dev and the node of a name like "cciss/c0d0p1" or "mapper/x". */
static int make_parents(const char *path)
{
	char copy[256];
	char *p;

	snprintf(copy, sizeof(copy), "%s", path);
	for (p = strchr(copy + 5, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return complain("making", copy);
		*p = '/';
	}
	return 0;
}

static int make_link(const char *kind, const char *name, const char *device)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, path cleanup_strbuf = STRBUF_INIT;

	if (str_is_empty(name))
		return 0;
	strbuf_addf(&path, "/dev/disk/%s/", kind);
	chroot_link_name(name, &path);
	strbuf_addf(&text, "../../%s", device + strlen("/dev/"));
	if (path.failed || text.failed)
		return complain("linking", kind);
	/* Two devices with one label: the first keeps the link, as good as udev's choice. */
	if (symlink(text.data, path.data) < 0 && errno != EEXIST)
		return complain("linking", path.data);
	return 0;
}

static bool is_device_path(const char *path)
{
	return path && str_starts(path, "/dev/") && !strstr(path, "..") && strlen(path) < 200;
}

static int make_volume(const struct volume *v)
{
	if (!is_device_path(v->path))
		return 0;
	if (make_parents(v->path) < 0 ||
	    make_node(v->path, S_IFBLK, makedev(v->major, v->minor), 0660) < 0)
		return -1;
	if (v->is_ambivalent)
		return 0;
	if (make_link("by-uuid", v->uuid, v->path) < 0 ||
	    make_link("by-label", v->label, v->path) < 0 ||
	    make_link("by-partuuid", v->partuuid, v->path) < 0)
		return -1;
	return make_link("by-partlabel", v->partlabel, v->path);
}

/* The boot disk's stable name, and its partitions' ("-part1"). */
static int make_id_links(const struct chroot *c)
{
	static const char prefix[] = "/dev/disk/by-id/";
	const struct disk_scan *scan = &c->t->scan;
	const char *name;
	unsigned i;

	if (!c->by_id || !str_starts(c->by_id, prefix))
		return 0;
	name = c->by_id + strlen(prefix);
	if (make_link("by-id", name, scan->disks[c->t->boot_disk].path) < 0)
		return -1;
	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];
		char part[300];

		if (v->disk != c->t->boot_disk || !v->partno)
			continue;
		snprintf(part, sizeof(part), "%s-part%u", name, v->partno);
		if (is_device_path(v->path) && make_link("by-id", part, v->path) < 0)
			return -1;
	}
	return 0;
}

/* disk_rdev: numbers of the whole disks, looked up outside. */
static int make_dev(const struct chroot *c, const dev_t *disk_rdev)
{
	static const char *const folders[] = {
		"/dev/disk",
		"/dev/disk/by-uuid",
		"/dev/disk/by-label",
		"/dev/disk/by-partuuid",
		"/dev/disk/by-partlabel",
		"/dev/disk/by-id",
		"/dev/mapper",
	};
	const struct disk_scan *scan = &c->t->scan;
	size_t i;

	if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=4m") < 0)
		return complain("mounting", "/dev");
	if (make_standard_nodes() < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i], 0755) < 0)
			return complain("making", folders[i]);
	for (i = 0; i < scan->disk_count; i++)
		if (disk_rdev[i] && is_device_path(scan->disks[i].path) &&
		    (make_parents(scan->disks[i].path) < 0 ||
		     make_node(scan->disks[i].path, S_IFBLK, disk_rdev[i], 0660) < 0))
			return -1;
	for (i = 0; i < scan->volume_count; i++)
		if (make_volume(&scan->volumes[i]) < 0)
			return -1;
	return make_id_links(c);
}

/* ---- entering ---- */

static int attach(int tree, const char *path)
{
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return complain("mounting", path);
	return 0;
}

static int attach_scratch(int var_tree, int tmp_tree)
{
	struct stat st;

	if (stat("/var/tmp", &st) == 0 && attach(var_tree, "/var/tmp") < 0)
		return -1;
	return stat("/tmp", &st) == 0 ? attach(tmp_tree, "/tmp") : 0;
}

/* Becomes the root of everything: "mount --move . /" works from an initramfs, where pivot_root does not. */
static int change_root(const char *view)
{
	if (chdir(view) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return complain("entering", view);
	return 0;
}

static int build_room(const struct setup *s)
{
	const struct disk_scan *scan = &s->c->t->scan;
	const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	dev_t *rdev cleanup_free = calloc(scan->disk_count + 1, sizeof(*rdev));
	int sys_tree cleanup_fd = -1, tmp_tree cleanup_fd = -1, var_tree cleanup_fd = -1;
	unsigned i;

	if (!rdev || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return complain("preparing", "the namespace");
	for (i = 0; i < scan->disk_count; i++) {
		struct stat st;

		if (stat(scan->disks[i].path, &st) == 0 && S_ISBLK(st.st_mode))
			rdev[i] = st.st_rdev;
	}
	/* Taken before the root changes, hung up after: inside, no path of the rescue is left. */
	sys_tree = open_tree(AT_FDCWD, "/sys", flags);
	tmp_tree = open_tree(AT_FDCWD, s->scratch, flags);
	var_tree = open_tree(AT_FDCWD, s->scratch, flags);
	if (sys_tree < 0 || tmp_tree < 0 || var_tree < 0)
		return complain("taking", sys_tree < 0 ? "/sys" : s->scratch);
	if (change_root(s->c->view) < 0 || attach(sys_tree, "/sys") < 0)
		return -1;
	if (mount(NULL, "/sys", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return complain("protecting", "/sys");
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=32m") < 0 ||
	    mkdir("/run/lock", 01777) < 0 || chmod("/run/lock", 01777) < 0)
		return complain("mounting", "/run");
	if (attach_scratch(var_tree, tmp_tree) < 0 || make_dev(s->c, rdev) < 0)
		return -1;
	return make_proc(s);
}

/* What the clone's tools never need, and the rescue must be safe from. */
static int drop_capabilities(void)
{
	static const int dropped[] = { CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT,
				       CAP_SYS_TIME,  CAP_NET_ADMIN,  CAP_SYSLOG };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dropped); i++)
		if (prctl(PR_CAPBSET_DROP, dropped[i]) < 0)
			return complain("dropping", "a capability");
	return 0;
}

static _Noreturn void exit_as(int status)
{
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The first process of the PID namespace: reaps until the tool ends; with it everything in there ends. */
static _Noreturn void be_first(pid_t tool)
{
	int status;

	for (;;) {
		pid_t pid = wait(&status);

		if (pid == tool)
			exit_as(status);
		if (pid < 0 && errno == ECHILD)
			_exit(125);
	}
}

/* Between fork and exec of the tool. Only the tool's own process returns. */
static int enter(void *arg)
{
	const struct setup *s = arg;
	int status;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS) < 0)
		return complain("making", "namespaces");
	pid = fork();
	if (pid < 0)
		return complain("starting", "a process");
	if (pid > 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		exit_as(status);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	if (build_room(s) < 0)
		_exit(126);
	pid = fork();
	if (pid < 0)
		_exit(126);
	if (pid > 0)
		be_first(pid);
	if (chroot_protect_disks() < 0) {
		complain("protecting", "the disks");
		_exit(126);
	}
	return drop_capabilities();
}

static int make_scratch(const struct target *t, struct setup *s, struct err *e)
{
	if (chroot_clean(t, e) < 0 || root_mkdirs(&t->fs[0].root, SCRATCH_DIR, 01777, e) < 0)
		return -1;
	snprintf(s->scratch, sizeof(s->scratch), "%s/" SCRATCH_DIR, t->fs[0].at);
	if (chmod(s->scratch, 01777) < 0)
		return err_set(e, ERR_CHROOT, errno, "%s", s->scratch);
	return 0;
}

int chroot_clean(const struct target *t, struct err *e)
{
	return root_remove_tree(&t->fs[0].root, SCRATCH_DIR, e);
}

/* ReaR's experience: a missing program shows as a hang or as a riddle; look first. */
static int check_program(const struct chroot *c, const char *path, struct err *e)
{
	struct root view cleanup_root = ROOT_INIT;

	if (root_open(&view, c->view, e) < 0)
		return -1;
	if (!root_is_file(&view, path))
		return err_set(e, ERR_CHROOT, ENOENT, "%s is not in the copy", path);
	return 0;
}

int chroot_run(const struct chroot *c, const char *const *argv, unsigned timeout_s,
	       struct strbuf *output, struct err *e)
{
	struct strbuf own cleanup_strbuf = STRBUF_INIT;
	struct strbuf *out = output ? output : &own;
	struct setup s = { .c = c };
	struct spawn run = {
		.argv = argv,
		.envp = tool_env,
		.stdin_fd = -1,
		.output = out,
		.timeout_s = timeout_s,
		.in_child = enter,
		.arg = &s,
	};
	int rc = -1;

	if (check_program(c, argv[0], e) < 0 || make_scratch(c->t, &s, e) < 0)
		return -1;
	chroot_mountinfo(c->t, &s.mountinfo);
	chroot_mounts(c->t, &s.mounts);
	chroot_swaps(c->t, &s.swaps);
	chroot_cmdline(c->t, &s.cmdline);
	if (s.mountinfo.failed || s.mounts.failed || s.swaps.failed || s.cmdline.failed)
		err_set(e, ERR_NOMEM, 0, "preparing the chroot");
	else
		rc = spawn_wait(&run, e);
	strbuf_done(&s.mountinfo);
	strbuf_done(&s.mounts);
	strbuf_done(&s.swaps);
	strbuf_done(&s.cmdline);
	if (rc == 126) {
		const char *said = strstr(strbuf_str(out), "rehost: ");

		return err_set(e, ERR_CHROOT, 0, "%.200s", said ? said : "unknown");
	}
	if (rc >= 0 && chroot_clean(c->t, e) < 0)
		return -1;
	return rc;
}
