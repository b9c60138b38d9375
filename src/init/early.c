/* SPDX-License-Identifier: MIT */
#include "init/early.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "init/cmdline.h"
#include "init/modload.h"
#include "init/watchdog.h"

#define SENTINEL "/etc/rehost/complete"
#define TERM_WAIT_MS 5000
#define REBOOT_WAIT_S 30
#define FAREWELL_MS 1500
#define SYNC_WAIT_S 300 /* all of the RAM may have to go to a slow disk */
#define RANDOM_WAITERS 4

void early_stdio(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void early_wait_for_random(void)
{
	char byte;

	for (int i = 0; i < RANDOM_WAITERS; i++) {
		if (getrandom(&byte, 1, GRND_NONBLOCK) == 1)
			return;
		if (fork() == 0) {
			if (nice(5) < 0 || getrandom(&byte, 1, 0) < 0)
				_exit(1);
			_exit(0);
		}
	}
}

void early_mounts(void)
{
	static const struct {
		const char *type, *where, *options;
		unsigned long flags;
		mode_t mode;
	} mounts[] = {
		{ "proc", "/proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0555 },
		{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0555 },
		{ "devtmpfs", "/dev", "mode=0755", MS_NOSUID, 0755 },
		{ "devpts", "/dev/pts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC,
		  0755 },
		{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, 01777 },
		{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, 0755 },
		{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, 01777 },
		{ "securityfs", "/sys/kernel/security", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0 },
		{ "pstore", "/sys/fs/pstore", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (mounts[i].mode)
			mkdir(mounts[i].where, mounts[i].mode);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0)
			log_debug("mount %s: %s", mounts[i].where, strerror(errno));
	}
	mkdir(RUN_DIR_INIT, 0700);
	/* Static glibc and programs expect these. */
	if (symlink("/proc/self/fd", "/dev/fd") < 0 ||
	    symlink("/proc/self/fd/0", "/dev/stdin") < 0 ||
	    symlink("/proc/self/fd/1", "/dev/stdout") < 0 ||
	    symlink("/proc/self/fd/2", "/dev/stderr") < 0)
		log_debug("/dev links: %s", strerror(errno));
}

static unsigned counted;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)path;
	/* "/" itself is no entry of the archive. */
	counted += ftw->level > 0;
	return 0;
}

bool early_image_is_complete(void)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	uint32_t want;

	if (file_slurp(SENTINEL, &text, 64, NULL) < 0)
		return false;
	text.data[strcspn(text.data, "\n")] = 0;
	counted = 0;
	return parse_u32(text.data, &want) == 0 && nftw("/", count_entry, 16, FTW_PHYS) == 0 &&
	       counted >= want;
}

static void write_setting(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write_all(fd, text, strlen(text)) < 0)
		log_debug("%s: %s", path, strerror(errno));
}

void early_sysctls(const struct strlist *words)
{
	struct sysinfo si;

	if (!cmdline_value(words, "panic"))
		write_setting("/proc/sys/kernel/panic", "30");
	if (!cmdline_value(words, "loglevel") && !cmdline_value(words, "debug"))
		write_setting("/proc/sys/kernel/printk", "4");
	write_setting("/proc/sys/kernel/sysrq", "1");
	write_setting("/proc/sys/vm/panic_on_oom", "0");
	/* Neighbours learn about a new address at once. */
	write_setting("/proc/sys/net/ipv4/conf/all/arp_notify", "1");
	write_setting("/proc/sys/net/ipv4/conf/default/arp_notify", "1");
	/* A little dirty memory on small machines: the disk starts early and RAM stays free. */
	if (sysinfo(&si) == 0) {
		uint64_t ram = (uint64_t)si.totalram * si.mem_unit;
		char text[32];

		if (ram < (1ULL << 30)) {
			snprintf(text, sizeof(text), "%llu", (unsigned long long)(ram / 8));
			write_setting("/proc/sys/vm/dirty_bytes", text);
			snprintf(text, sizeof(text), "%llu", (unsigned long long)(ram / 16));
			write_setting("/proc/sys/vm/dirty_background_bytes", text);
		}
	}
}

/* modules.devname: "MODULE NODE c10:237"; opening the node makes the kernel ask for the module. */
void early_module_nodes(void)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist lines = STRLIST_INIT;
	struct utsname u;
	char path[160];

	if (uname(&u) < 0)
		return;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.devname", u.release);
	if (file_slurp(path, &text, 65536, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return;
	for (size_t i = 0; i < lines.count; i++) {
		char module[64], node[64], type;
		unsigned major_nr, minor_nr;

		if (sscanf(lines.items[i], "%63s %63s %c%u:%u", module, node, &type, &major_nr,
			   &minor_nr) != 5 ||
		    module[0] == '#' || strstr(node, ".."))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", node);
		char *slash = strrchr(path, '/');

		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
		if (mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600,
			  makedev(major_nr, minor_nr)) < 0 &&
		    errno != EEXIST)
			log_debug("%s: %s", path, strerror(errno));
	}
}

void early_names(void)
{
	static const char name[] = "rescue";

	if (sethostname(name, sizeof(name) - 1) < 0)
		log_debug("sethostname: %s", strerror(errno));
}

/* Waits until there is no child left or the time is over. */
static void reap_all(uint64_t until)
{
	while (now_ms() < until) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid == 0)
			usleep(20000);
	}
}

static void unmount_all(void)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist lines = STRLIST_INIT;

	if (file_slurp("/proc/mounts", &text, 1 << 20, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return;
	for (size_t i = lines.count; i > 0; i--) {
		char device[512], where[512], type[64];

		if (sscanf(lines.items[i - 1], "%511s %511s %63s", device, where, type) != 3)
			continue;
		if (!str_starts(where, RUN_DIR_INIT "/") && device[0] != '/')
			continue;
		if (umount2(where, 0) < 0 &&
		    mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
			log_warn("%s stays mounted: %s", where, strerror(errno));
	}
}

/* A disk that no longer answers holds up sync(2) for ever, and with it process 1. */
static void start_deadline(bool power_off)
{
	if (fork() != 0)
		return;
	watchdog_in_child();
	sleep(SYNC_WAIT_S);
	write_setting("/proc/sysrq-trigger", power_off ? "o" : "b");
	_exit(0);
}

void early_shutdown(bool power_off)
{
	watchdog_extend();
	/* The command 'reboot' has an answer on its way through SSH: cut off it would look like a failure. */
	usleep(FAREWELL_MS * 1000);
	kill(-1, SIGTERM);
	reap_all(now_ms() + TERM_WAIT_MS);
	kill(-1, SIGKILL);
	reap_all(now_ms() + 2000);
	start_deadline(power_off);
	sync();
	unmount_all();
	sync();
	watchdog_stop();
	reboot(power_off ? RB_POWER_OFF : RB_AUTOBOOT);
	/* The kernel did not do it: the hard way. */
	sleep(REBOOT_WAIT_S);
	write_setting("/proc/sysrq-trigger", power_off ? "o" : "b");
	for (;;)
		pause();
}
