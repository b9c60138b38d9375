/* SPDX-License-Identifier: MIT */
/* The hardware watchdog while the clone is on trial. */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/str.h"
#include "job/guard.h"

#define DEVICE "/dev/watchdog0"
#define NOWAYOUT "/sys/class/watchdog/watchdog0/nowayout"

/* The clone feeds it itself, later: it would find it taken. systemd has it open already when it does. */
static bool is_claimed(void)
{
	return access("/usr/sbin/watchdog", X_OK) == 0 || access("/sbin/watchdog", X_OK) == 0;
}

/* One that cannot be turned off again would reset a clone that was confirmed. */
static bool can_be_stopped(void)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	return file_slurp(NOWAYOUT, &text, 64, NULL) == 0 && strbuf_str(&text)[0] == '0';
}

static void stop(int fd)
{
	int off = WDIOS_DISABLECARD;

	/* either way works with most drivers, one of them with the rest */
	(void)!ioctl(fd, WDIOC_SETOPTIONS, &off);
	(void)!write(fd, "V", 1);
	close(fd);
}

bool guard_dog_feed(struct guard_dog *d, unsigned *ret_s)
{
	int seconds = GUARD_DOG_S;

	if (d->fd >= 0) {
		(void)!ioctl(d->fd, WDIOC_KEEPALIVE, 0);
		return false;
	}
	if (access(DEVICE, F_OK) < 0 || is_claimed() || !can_be_stopped())
		return false;
	d->fd = open(DEVICE, O_WRONLY | O_CLOEXEC); /* this starts it */
	if (d->fd < 0)
		return false;
	/* some know a few lengths only and keep theirs */
	if ((ioctl(d->fd, WDIOC_SETTIMEOUT, &seconds) < 0 &&
	     ioctl(d->fd, WDIOC_GETTIMEOUT, &seconds) < 0) ||
	    seconds < GUARD_DOG_MIN_S) {
		guard_dog_stop(d);
		return false;
	}
	*ret_s = (unsigned)seconds;
	return true;
}

void guard_dog_stop(struct guard_dog *d)
{
	if (d->fd >= 0)
		stop(d->fd);
	d->fd = -1;
}

void guard_dog_in_child(struct guard_dog *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
