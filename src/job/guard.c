/* SPDX-License-Identifier: MIT */
#include "job/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
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
#define LOG_FIRST_S 45 /* a clone takes so long until its services are up */
#define LOG_EVERY_S 300
#define LOG_LIMIT_S 60	    /* the last one: it must leave time for an orderly end */
#define ORDERLY_GRACE_S 120 /* systemd gives a service 90 to stop */
#define SYNC_WAIT_S 20
#define AUTORELABEL "/.autorelabel"

_Static_assert(GUARD_HARD_S < TRIAL_END_S, "the rescue is back as early as is told");

/* ---- judging ---- */

enum guard_verdict guard_judge(const struct guard_look *l)
{
	uint32_t minutes = l->minutes ? l->minutes : TRIAL_MINUTES_DEFAULT;
	uint64_t repair_s = l->repair_s < GUARD_REPAIR_MAX_S ? l->repair_s : GUARD_REPAIR_MAX_S;

	if (l->state != JOB_TRIAL)
		return GUARD_END;
	if (minutes > TRIAL_MINUTES_MAX)
		minutes = TRIAL_MINUTES_MAX;
	if (l->uptime_s < (uint64_t)minutes * 60 + repair_s || l->watched_s < GUARD_WATCH_MIN_S)
		return GUARD_WAIT;
	if (l->is_repairing && l->repair_s < GUARD_REPAIR_MAX_S)
		return GUARD_WAIT;
	return GUARD_EXPIRED;
}

enum guard_repair guard_repair_of(const char *comm)
{
	static const struct {
		const char *name;
		enum guard_repair what;
	} names[] = {
		{ "e2fsck", REPAIR_CHECK },	 { "xfs_repair", REPAIR_CHECK },
		{ "quotacheck", REPAIR_CHECK },	 { "fixfiles", REPAIR_LABELS },
		{ "restorecon", REPAIR_LABELS }, { "setfiles", REPAIR_LABELS },
	};
	size_t i;

	if (str_starts(comm, "fsck") && (!comm[4] || comm[4] == '.'))
		return REPAIR_CHECK;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(comm, names[i].name) == 0)
			return names[i].what;
	return REPAIR_NONE;
}

static enum guard_repair look_for_repair(void)
{
	DIR *d = opendir("/proc");
	enum guard_repair found = REPAIR_NONE;
	struct dirent *entry;

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
		found = guard_repair_of(text.data);
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
	uint64_t looked_s, repair_s; /* the last look; what counts as repair until then */
	uint64_t log_due_s;	     /* uptime */
	pid_t logger;		     /* 0: none at work */
	bool is_s_settled;
	struct guard_dog dog;
	FILE *out;
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
	char text[128];
	int len;

	if (w->noted_s && up - w->noted_s < TIMES_EVERY_S)
		return;
	w->noted_s = up;
	len = snprintf(text, sizeof(text), "started=%lld\nseen=%lld\nrepair=%llu\n",
		       (long long)now - (long long)up, (long long)now,
		       (unsigned long long)w->repair_s);
	/* read-only in the first seconds: next time */
	if (root_replace(&w->running, TRIAL_TIMES, text, (size_t)len, &meta, NULL) < 0)
		w->noted_s = 0;
}

/* In a child: a program that hangs on a dead disk must not hold up the watch. */
static void note_log(struct watch *w, uint64_t up)
{
	if (w->logger && waitpid(w->logger, NULL, WNOHANG) != 0)
		w->logger = 0;
	if (w->logger || up < w->log_due_s)
		return;
	w->log_due_s = up + LOG_EVERY_S;
	w->logger = fork();
	if (w->logger < 0)
		w->logger = 0;
	if (w->logger)
		return;
	guard_dog_in_child(&w->dog);
	_exit(guard_save_log(&w->running, &w->r, up, false, NULL) < 0);
}

/*
 * Relabelling ends with a restart, and that would be the end of the trial. So the start after it is the clone's once more;
 * only once, or a clone that never gets through with it would never give way.
 */
static void allow_restart(struct watch *w)
{
	struct root loader cleanup_root = ROOT_INIT;
	struct trial_fs fs = { &w->running, &loader };

	if (!w->is_s_settled || !root_exists(&w->running, AUTORELABEL) ||
	    root_exists(&w->running, TRIAL_AGAIN) ||
	    running_open_loader_fs(&w->r, &loader, NULL) < 0 ||
	    trial_again(&fs, &w->r, &trial_real_ops, NULL) < 0)
		return;
	fprintf(w->out, "rehost: relabelling; the restart after it is on trial, too\n");
	fflush(w->out);
}

static enum guard_verdict watch_once(struct watch *w)
{
	struct guard_look l = { .uptime_s = uptime_s() };
	enum guard_repair repair = look_for_repair();
	unsigned bites_s;

	look_again(w);
	if (repair)
		w->repair_s += l.uptime_s - w->looked_s;
	w->looked_s = l.uptime_s;
	l.state = w->r.state;
	l.minutes = w->r.trial_minutes;
	l.watched_s = l.uptime_s - w->started_s;
	l.repair_s = w->repair_s;
	l.is_repairing = repair != REPAIR_NONE;
	if (l.state != JOB_TRIAL)
		return guard_judge(&l);
	settle_s(w);
	if (repair == REPAIR_LABELS)
		allow_restart(w);
	if (guard_dog_feed(&w->dog, &bites_s)) {
		fprintf(w->out, "rehost: a hang of %u seconds is ended by the watchdog\n", bites_s);
		fflush(w->out);
	}
	note_times(w, l.uptime_s);
	note_log(w, l.uptime_s);
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

/* Whatever hangs in between, a program on a dead disk for instance: this does not. It feeds the watchdog from now on. */
static void set_deadline(struct watch *w)
{
	uint64_t end_s = uptime_s() + GUARD_HARD_S;
	unsigned bites_s;

	if (fork() != 0)
		return;
	while (uptime_s() < end_s) {
		guard_dog_feed(&w->dog, &bites_s);
		sleep(POLL_S);
	}
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

/* The last log, in a child and not for longer than leaves time to stop in order. */
static void save_last_log(struct watch *w)
{
	struct err e = ERR_INIT;
	unsigned i;

	if (w->logger) {
		kill(w->logger, SIGKILL);
		waitpid(w->logger, NULL, 0);
	}
	w->logger = fork();
	if (w->logger == 0) {
		guard_dog_in_child(&w->dog);
		if (guard_save_log(&w->running, &w->r, uptime_s(), true, &e) == 0)
			_exit(0);
		/* a root that was set read-only by an error, or never was writable */
		if (mount(NULL, "/", NULL, MS_REMOUNT, NULL) == 0 &&
		    guard_save_log(&w->running, &w->r, uptime_s(), true, &e) == 0)
			_exit(0);
		fprintf(w->out, "rehost: the log could not be saved: %s\n", e.ctx[0]);
		fflush(w->out);
		_exit(1);
	}
	for (i = 0; w->logger > 0 && i < LOG_LIMIT_S; i++) {
		if (waitpid(w->logger, NULL, WNOHANG) != 0)
			return;
		sleep(1);
	}
}

static void expire(struct watch *w)
{
	fprintf(w->out, "rehost: nobody confirmed this system; back to the rescue\n");
	fflush(w->out);
	set_deadline(w);
	w->is_s_settled = false; /* a relabelling may have asked for another start of the clone */
	settle_s(w);
	w->noted_s = 0; /* now, not at the next minute */
	note_times(w, uptime_s());
	save_last_log(w);
	restart();
}

int job_guard(FILE *out, struct err *e)
{
	struct watch w = {
		.running = ROOT_INIT, .started_s = uptime_s(), .dog = { .fd = -1 }, .out = out
	};
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
	w.looked_s = w.started_s;
	w.repair_s = w.started_s > GUARD_START_S ? w.started_s - GUARD_START_S : 0;
	w.log_due_s = w.started_s + LOG_FIRST_S;
	/* with a dead disk under it this program must still end the trial */
	(void)!mlockall(MCL_CURRENT);
	fprintf(out, "rehost: on trial; confirm within %u minutes of the start\n",
		w.r.trial_minutes ? w.r.trial_minutes : TRIAL_MINUTES_DEFAULT);
	fflush(out);
	while ((v = watch_once(&w)) == GUARD_WAIT)
		sleep(POLL_S);
	if (v == GUARD_EXPIRED)
		expire(&w);
	guard_dog_stop(&w.dog);
	fprintf(out, "rehost: the trial is over, this system stays\n");
	record_done(&w.r);
	root_close(&w.running);
	return 0;
}
