/* SPDX-License-Identifier: MIT */
#include "job/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/spawn.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/running.h"
#include "job/trial.h"

#define POLL_S 3
#define TIMES_EVERY_S 60
#define ORDERLY_GRACE_S 120 /* systemd gives a service 90 to stop */
#define SYNC_WAIT_S 20
#define HARD_LIMIT_S 480

/* ---- judging ---- */

enum guard_verdict guard_judge(const struct guard_look *l)
{
	uint32_t minutes = l->minutes ? l->minutes : TRIAL_MINUTES_DEFAULT;
	uint64_t limit_s;

	if (l->state != JOB_TRIAL)
		return GUARD_END;
	if (minutes > TRIAL_MINUTES_MAX)
		minutes = TRIAL_MINUTES_MAX;
	limit_s = (uint64_t)minutes * 60;
	if (l->uptime_s < limit_s || l->watched_s < GUARD_WATCH_MIN_S)
		return GUARD_WAIT;
	if (l->is_repairing && l->uptime_s < limit_s + GUARD_REPAIR_MAX_S)
		return GUARD_WAIT;
	return GUARD_EXPIRED;
}

bool guard_is_repair(const char *comm)
{
	static const char *const names[] = { "e2fsck",	 "xfs_repair", "quotacheck",
					     "fixfiles", "restorecon", "setfiles" };
	size_t i;

	if (str_starts(comm, "fsck") && (!comm[4] || comm[4] == '.'))
		return true;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(comm, names[i]) == 0)
			return true;
	return false;
}

static bool is_repairing(void)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d))) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		char path[300];
		uint32_t pid;

		if (parse_u32(entry->d_name, &pid) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/comm", pid);
		if (file_slurp(path, &text, 256, NULL) < 0 || text.len == 0)
			continue;
		text.data[strcspn(text.data, "\n")] = '\0';
		found = guard_is_repair(text.data);
	}
	if (d)
		closedir(d);
	return found;
}

/* Counts through a sleep of the machine, and no change of the clock touches it. */
static uint64_t uptime_s(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

/* ---- watching ---- */

struct watch {
	struct root running;
	struct record r; /* the newest J that could be read */
	uint64_t started_s, noted_s;
	bool is_s_settled;
};

/* J again; what cannot be read now leaves the state as it was. A record that is gone was released. */
static void look_again(struct watch *w)
{
	struct record now = { 0 };

	if (!running_has_job()) {
		w->r.state = JOB_NONE;
		return;
	}
	if (record_load(&now, &w->running, NULL) < 0)
		return;
	record_done(&w->r);
	w->r = now;
}

/*
 * The loader has done it, where it can write. Done again because a trial must end in the rescue also where it cannot. Tried
 * until the file system is mounted.
 */
static void settle_s(struct watch *w)
{
	struct root loader cleanup_root = ROOT_INIT;
	enum loader_choice c;

	if (w->is_s_settled || running_open_loader_fs(&w->r, &loader, NULL) < 0)
		return;
	if (loader_selected(&loader, &c, NULL) < 0 || c != LOADER_RESCUE) {
		if (loader_select(&loader, LOADER_RESCUE, NULL) < 0)
			return;
		look_again(w); /* a confirm in this very moment counts */
		if (w->r.state == JOB_CONFIRMED && loader_select(&loader, LOADER_CLONE, NULL) < 0)
			return;
	}
	w->is_s_settled = true;
}

static void note_times(struct watch *w, uint64_t up)
{
	static const struct root_meta meta = { .mode = 0600 };
	time_t now = time(NULL);
	char text[96];
	int len;

	if (w->noted_s && up - w->noted_s < TIMES_EVERY_S)
		return;
	w->noted_s = up;
	len = snprintf(text, sizeof(text), "started=%lld\nseen=%lld\n",
		       (long long)now - (long long)up, (long long)now);
	/* read-only in the first seconds: next time */
	if (root_replace(&w->running, TRIAL_TIMES, text, (size_t)len, &meta, NULL) < 0)
		w->noted_s = 0;
}

static enum guard_verdict watch_once(struct watch *w)
{
	struct guard_look l = { .uptime_s = uptime_s() };

	look_again(w);
	if (w->r.state == JOB_TRIAL)
		settle_s(w);
	l.state = w->r.state;
	l.minutes = w->r.trial_minutes;
	l.watched_s = l.uptime_s - w->started_s;
	if (guard_judge(&l) == GUARD_EXPIRED)
		l.is_repairing = is_repairing();
	if (l.state == JOB_TRIAL)
		note_times(w, l.uptime_s);
	return guard_judge(&l);
}

/* ---- the end ---- */

static void run_first(const char *const *const *candidates, unsigned timeout_s)
{
	for (; *candidates; candidates++) {
		struct spawn s = { .argv = *candidates, .stdin_fd = -1, .timeout_s = timeout_s };

		if (access((*candidates)[0], X_OK) == 0 && spawn_wait(&s, NULL) == 0)
			return;
	}
}

/* A disk that no longer answers holds sync(2) up for ever: in a child, with a limit. */
static void sync_or_give_up(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		sync();
		_exit(0);
	}
	if (pid > 0)
		sleep(SYNC_WAIT_S);
}

static void restart_hard(void)
{
	int fd;

	reboot(RB_AUTOBOOT);
	fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "b", 1);
}

/* Whatever hangs in between, a program on a dead disk for instance: this does not. */
static void set_deadline(void)
{
	if (fork() != 0)
		return;
	sleep(HARD_LIMIT_S);
	restart_hard();
	_exit(0);
}

static _Noreturn void restart(void)
{
	static const char *const systemctl[] = { "/usr/bin/systemctl", "reboot", NULL };
	static const char *const systemctl_old[] = { "/bin/systemctl", "reboot", NULL };
	static const char *const shutdown_now[] = { "/sbin/shutdown", "-r", "now", NULL };
	static const char *const plain[] = { "/sbin/reboot", NULL };
	static const char *const *const candidates[] = { systemctl, systemctl_old, shutdown_now,
							 plain, NULL };

	run_first(candidates, 30);
	sleep(ORDERLY_GRACE_S);
	sync_or_give_up();
	restart_hard();
	for (;;)
		pause();
}

static void expire(struct watch *w, FILE *out)
{
	struct err e = ERR_INIT;

	fprintf(out, "rehost: nobody confirmed this system; back to the rescue\n");
	fflush(out);
	set_deadline();
	w->noted_s = 0; /* now, not at the next minute */
	note_times(w, uptime_s());
	if (guard_save_log(&w->running, &w->r, uptime_s(), &e) < 0) {
		/* a root that was set read-only by an error, or never was writable */
		if (mount(NULL, "/", NULL, MS_REMOUNT, NULL) < 0 ||
		    guard_save_log(&w->running, &w->r, uptime_s(), &e) < 0)
			fprintf(out, "rehost: the log could not be saved: %s\n", e.ctx[0]);
	}
	fflush(out);
	restart();
}

int job_guard(FILE *out, struct err *e)
{
	struct watch w = { .running = ROOT_INIT, .started_s = uptime_s() };
	enum guard_verdict v;

	if (!running_has_job())
		return 0;
	if (running_load(&w.running, &w.r, e) < 0)
		return -1; /* a damaged record decides nothing */
	if (w.r.state != JOB_TRIAL || !running_is_clone(&w.running, &w.r)) {
		record_done(&w.r);
		root_close(&w.running);
		return 0;
	}
	/* with a dead disk under it this program must still end the trial */
	(void)!mlockall(MCL_CURRENT);
	fprintf(out, "rehost: on trial; confirm within %u minutes of the start\n",
		w.r.trial_minutes ? w.r.trial_minutes : TRIAL_MINUTES_DEFAULT);
	fflush(out);
	while ((v = watch_once(&w)) == GUARD_WAIT)
		sleep(POLL_S);
	if (v == GUARD_EXPIRED)
		expire(&w, out);
	fprintf(out, "rehost: the trial is over, this system stays\n");
	record_done(&w.r);
	root_close(&w.running);
	return 0;
}
