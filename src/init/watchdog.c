/* SPDX-License-Identifier: MIT */
#include "init/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "init/early.h"

#define LOOK_EVERY_MS 3000
#define LOOK_SELDOM_MS 60000
#define LOOK_OFTEN_FOR_MS 120000
/* Longer than a shutdown may take (early.c: five minutes for the disk and a bit). */
#define SHUTDOWN_S 600

static struct {
	int fd; /* -1: none open */
	unsigned wanted_s, timeout_s;
	uint64_t next_ms;
	struct heart heart;
	bool is_hungry; /* not fed because of the service; told once */
} dog = { .fd = -1 };

unsigned watchdog_seconds(const char *option)
{
	static const char *const off[] = { "off", "0", "no", "false" };
	uint32_t n;

	if (!option)
		return WATCHDOG_DEFAULT_S;
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		if (strcmp(option, off[i]) == 0)
			return 0;
	if (parse_u32(option, &n) < 0 || n < WATCHDOG_MIN_S || n > WATCHDOG_MAX_S)
		return WATCHDOG_DEFAULT_S;
	return n;
}

bool heart_is_fresh(struct heart *h, int64_t stamp, uint64_t now_ms, unsigned timeout_s)
{
	if (stamp && stamp != h->stamp) {
		h->stamp = stamp;
		h->beat_ms = now_ms;
		h->ever = true;
	}
	if (!h->ever)
		return now_ms - h->began_ms <= WATCHDOG_GRACE_MS;
	return now_ms - h->beat_ms <= timeout_s * 500ULL;
}

void watchdog_setup(const char *option, uint64_t now_ms)
{
	dog.wanted_s = watchdog_seconds(option);
	dog.heart.began_ms = now_ms;
}

static void tell(const char *identity)
{
	char path[256], text[160];
	int n = snprintf(text, sizeof(text),
			 "%.40s resets this machine when the rescue hangs for %u s\n", identity,
			 dog.timeout_s);

	log_info("watchdog: %.*s", n - 1, text);
	if (file_replace(run_path(path, sizeof(path), "watchdog"), text, (size_t)n, 0600, NULL) < 0)
		log_warn("watchdog: %s could not be written", path);
}

/* Opening starts it. */
static void try_open(void)
{
	struct watchdog_info info = { .identity = "a watchdog" };
	int seconds = (int)dog.wanted_s;

	dog.fd = open("/dev/watchdog0", O_WRONLY | O_CLOEXEC);
	if (dog.fd < 0)
		return;
	if (ioctl(dog.fd, WDIOC_GETSUPPORT, &info) < 0)
		log_debug("watchdog: %s", strerror(errno));
	/* Some know a few lengths only and keep theirs. */
	if (ioctl(dog.fd, WDIOC_SETTIMEOUT, &seconds) < 0 &&
	    (ioctl(dog.fd, WDIOC_GETTIMEOUT, &seconds) < 0 || seconds < 2))
		seconds = 2;
	dog.timeout_s = (unsigned)seconds;
	info.identity[sizeof(info.identity) - 1] = 0;
	tell((char *)info.identity);
}

static int64_t heartbeat(void)
{
	char path[256];
	struct stat st;

	if (stat(run_path(path, sizeof(path), HEARTBEAT_FILE), &st) < 0)
		return 0;
	return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

static void feed(uint64_t now)
{
	bool fresh = heart_is_fresh(&dog.heart, heartbeat(), now,
				    dog.timeout_s < WATCHDOG_MIN_S ? WATCHDOG_MIN_S
								   : dog.timeout_s);

	if (fresh && ioctl(dog.fd, WDIOC_KEEPALIVE, 0) < 0)
		log_warn("watchdog: %s", strerror(errno));
	if (fresh == dog.is_hungry)
		log_warn("watchdog: the service %s",
			 fresh ? "answers again" : "does not answer, a reset will follow");
	dog.is_hungry = !fresh;
}

int watchdog_tick(uint64_t now_ms)
{
	if (!dog.wanted_s)
		return -1;
	if (now_ms < dog.next_ms)
		return (int)(dog.next_ms - now_ms);
	if (dog.fd < 0)
		try_open();
	if (dog.fd < 0) {
		bool early = now_ms - dog.heart.began_ms < LOOK_OFTEN_FOR_MS;

		dog.next_ms = now_ms + (early ? LOOK_EVERY_MS : LOOK_SELDOM_MS);
	} else {
		feed(now_ms);
		dog.next_ms = now_ms + dog.timeout_s * 1000ULL / 6;
	}
	return (int)(dog.next_ms - now_ms);
}

void watchdog_in_child(void)
{
	if (dog.fd >= 0)
		close(dog.fd);
	dog.fd = -1;
}

void watchdog_extend(void)
{
	int seconds = SHUTDOWN_S;

	if (dog.fd < 0)
		return;
	if (ioctl(dog.fd, WDIOC_SETTIMEOUT, &seconds) < 0 || seconds < SHUTDOWN_S)
		watchdog_stop();
	else
		ioctl(dog.fd, WDIOC_KEEPALIVE, 0);
}

void watchdog_stop(void)
{
	int off = WDIOS_DISABLECARD;

	if (dog.fd < 0)
		return;
	/* Either way works with most drivers, one of them with the rest. */
	if (ioctl(dog.fd, WDIOC_SETOPTIONS, &off) < 0)
		log_debug("watchdog: %s", strerror(errno));
	if (write(dog.fd, "V", 1) < 0)
		log_debug("watchdog: %s", strerror(errno));
	close(dog.fd);
	dog.fd = -1;
}
