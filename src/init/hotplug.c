/* SPDX-License-Identifier: MIT */
#include "init/hotplug.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "base/spawn.h"
#include "init/modload.h"

#define DEPTH_MAX 24
#define UEVENT_BUFFER (8 << 20)
#define STORAGE_MARK "/etc/rehost/storage" /* as in job/storage.c */
#define STORAGE_TIMEOUT_S 180
#define PASSES_MAX 16
#define QUIET_MS 400	/* disks are announced in the background after their driver was loaded */
#define SETTLE_MS 20000 /* something may announce itself for ever */

struct walk {
	struct modload modules;
	struct strlist done;	/* module files tried */
	struct strlist asked;	/* modalias strings tried */
	struct strlist unknown; /* devices this image has no driver for */
	enum hotplug_stage stage;
	int loaded;
};

static bool is_urgent(const char *modalias)
{
	/* virtio device ids 1 network, 4 entropy; PCI class 02 network; virtio PCI ids are buses. */
	static const char *const begins[] = {
		"virtio:d00000001",
		"virtio:d00000004",
		"xen:vif",
		"vmbus:635161f83edfc546913ff2d2f965ed0e",
	};

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (str_starts(modalias, begins[i]))
			return true;
	return str_starts(modalias, "pci:") && strstr(modalias, "bc02");
}

/* The processor's own are ciphers and checksums, which test themselves for seconds on a slow machine. */
enum hotplug_stage hotplug_stage(const char *modalias)
{
	if (is_urgent(modalias))
		return STAGE_NETWORK;
	return str_starts(modalias, "cpu:") ? STAGE_ALL : STAGE_DEVICES;
}

bool hotplug_is_telling(const char *modalias)
{
	static const char *const buses[] = { "virtio:", "vmbus:", "xen:", "usb:", "scsi:" };
	const char *class = strstr(modalias, "bc");

	for (size_t i = 0; i < ARRAY_SIZE(buses); i++)
		if (str_starts(modalias, buses[i]))
			return true;
	/* Virtio's own PCI driver is built in; of the rest storage (01) and network (02) matter. */
	return str_starts(modalias, "pci:") && !str_starts(modalias, "pci:v00001AF4") && class &&
	       (str_starts(class, "bc01") || str_starts(class, "bc02"));
}

/* Failures of one driver must not stop the others: they are in the log. */
static void ask_for(struct walk *w, const char *modalias)
{
	struct err e = ERR_INIT;
	int n;

	if (hotplug_stage(modalias) > w->stage)
		return;
	if (strlist_has(&w->asked, modalias) || strlist_add(&w->asked, modalias) < 0)
		return;
	n = modload_request(&w->modules, modalias, &w->done, &e);
	if (n > 0)
		w->loaded += n;
	else if (n < 0 && e.sys == ENOENT && strlist_add(&w->unknown, modalias) < 0)
		log_warn("out of memory noting a device without driver");
}

static void read_modalias(struct walk *w, int dir)
{
	char text[1024];
	cleanup_fd int fd = openat(dir, "modalias", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	if (text[0])
		ask_for(w, text);
}

/* Devices vanish while we walk: whatever cannot be opened is passed over. */
static void walk_dir(struct walk *w, int fd, int depth)
{
	cleanup_dir DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		close(fd);
		return;
	}
	while ((entry = readdir(d))) {
		int sub;

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_REG && strcmp(entry->d_name, "modalias") == 0)
			read_modalias(w, dirfd(d));
		if (entry->d_type != DT_DIR || depth >= DEPTH_MAX)
			continue;
		sub = openat(dirfd(d), entry->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			walk_dir(w, sub, depth + 1);
	}
}

/* A bus driver makes new devices, so walk until nothing new is loaded. */
static void coldplug(struct walk *w, enum hotplug_stage stage)
{
	w->stage = stage;
	for (int i = 0; i < PASSES_MAX; i++) {
		int fd = open("/sys/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		w->loaded = 0;
		if (fd < 0)
			return;
		walk_dir(w, fd, 0);
		if (w->loaded == 0)
			return;
	}
}

static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = UEVENT_BUFFER;
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		log_warn("uevents: the receive buffer stays small");
	return fd_take(&fd);
}

const char *uevent_value(const char *message, size_t len, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < len;) {
		size_t word = strnlen(message + i, len - i);

		if (i + word == len)
			return NULL; /* not terminated */
		if (word > n && memcmp(message + i, key, n) == 0 && message[i + n] == '=')
			return message + i + n + 1;
		i += word + 1;
	}
	return NULL;
}

/* One message; true when messages were lost and everything has to be looked at again. */
static bool take_uevent(struct walk *w, int fd)
{
	char text[8192];
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &from_len);

	if (n < 0)
		return errno == ENOBUFS;
	if (n == 0 || from.nl_pid != 0)
		return false; /* not from the kernel */
	const char *action = uevent_value(text, (size_t)n, "ACTION");
	const char *modalias = uevent_value(text, (size_t)n, "MODALIAS");

	if (action && modalias && strcmp(action, "add") == 0)
		ask_for(w, modalias);
	return false;
}

void hotplug_announce(void)
{
	char path[256];
	struct err e = ERR_INIT;

	if (file_replace(run_path(path, sizeof(path), COLDPLUG_MARK), "", 0, 0600, &e) < 0)
		log_warn("%s: %s", path, strerror(e.sys));
}

/* Until the kernel has announced nothing for a while. */
static void settle(struct walk *w, int fd)
{
	uint64_t end = now_ms() + SETTLE_MS;
	struct pollfd p = { fd, POLLIN, 0 };

	while (fd >= 0 && now_ms() < end && poll(&p, 1, QUIET_MS) > 0)
		if (take_uevent(w, fd))
			coldplug(w, STAGE_DEVICES);
}

/* Arrays and volume groups, by a process of this program that knows disks; only with the archive of their tools. */
static void assemble_storage(void)
{
	static const char *const argv[] = { "/proc/self/exe", "storage", NULL };
	struct spawn s = { .argv = argv, .stdin_fd = -1, .timeout_s = STORAGE_TIMEOUT_S };
	struct err e = ERR_INIT;
	int rc;

	if (access(STORAGE_MARK, F_OK) < 0)
		return;
	rc = spawn_wait(&s, &e);
	if (rc != 0)
		log_warn("storage: ended with %d %s", rc, e.nctx ? e.ctx[0] : "");
}

static void forget_coldplug(void)
{
	char path[256];

	unlink(run_path(path, sizeof(path), COLDPLUG_MARK));
	log_info("modules: devices have settled");
}

/*
 * Watchdogs that no bus announces: a management controller's, once its own driver has found it, and the kernel's timer as
 * the last.
 */
static void find_watchdog(struct walk *w)
{
	static const struct {
		const char *module, *when;
	} known[] = { { "ipmi_watchdog", "/dev/ipmi0" }, { "softdog", NULL } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (access("/dev/watchdog0", F_OK) == 0)
			return;
		if (!known[i].when || access(known[i].when, F_OK) == 0)
			ask_for(w, known[i].module);
	}
}

int hotplug_run(void)
{
	struct walk w = { 0 };
	struct err e = ERR_INIT;
	cleanup_fd int fd = open_uevents();

	if (modload_open(&w.modules, &e) < 0) {
		log_error("modules: %s", e.nctx ? e.ctx[0] : "not readable");
		return EXIT_UNTOUCHED;
	}
	log_debug("modules: tables read");
	coldplug(&w, STAGE_NETWORK);
	coldplug(&w, STAGE_DEVICES);
	settle(&w, fd);
	assemble_storage();
	forget_coldplug();
	coldplug(&w, STAGE_ALL);
	find_watchdog(&w);
	log_info("modules: %zu files tried, %zu devices without a driver here", w.done.count,
		 w.unknown.count);
	for (size_t i = 0; i < w.unknown.count; i++)
		if (hotplug_is_telling(w.unknown.items[i]))
			log_info("no driver here for %s", w.unknown.items[i]);
	while (fd >= 0)
		if (take_uevent(&w, fd))
			coldplug(&w, STAGE_ALL);
	return EXIT_UNTOUCHED;
}
