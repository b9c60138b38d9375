/* SPDX-License-Identifier: MIT */
/*
 * PID 1: starts the few processes of the rescue, starts them again when they end, reaps, and shuts
 * down in order. It reads nothing that comes from a network.
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/report.h"
#include "init/cmdline.h"
#include "init/console.h"
#include "init/early.h"
#include "init/hotplug.h"
#include "init/netd.h"
#include "init/seed.h"
#include "init/settings.h"
#include "init/watchdog.h"

#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 30000
#define STEADY_MS 60000 /* a process that lived so long starts again without waiting */

struct boot {
	struct strlist words;
	struct strbuf options;
};

struct child {
	const char *name;
	int (*run)(const struct boot *b);
	const char *oom_score;
	bool once; /* not started again after it ended */
	bool enabled;
	pid_t pid;
	uint64_t started_ms, start_ms; /* last start, next start */
	unsigned backoff_ms;
};

static int run_hotplug(const struct boot *b)
{
	(void)b;
	return hotplug_run();
}

static int run_net(const struct boot *b)
{
	return netd_run(&b->words);
}

/* Value of an option, or NULL; borrowed until the next call. */
static const char *option_value(const struct boot *b, const char *key)
{
	static char value[64];
	size_t n = strlen(key);

	for (const char *line = strbuf_str(&b->options); *line;) {
		size_t len = strcspn(line, "\n");

		if (len > n && strncmp(line, key, n) == 0 && line[n] == '=') {
			snprintf(value, sizeof(value), "%.*s", (int)(len - n - 1), line + n + 1);
			return value;
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

static bool option_is_set(const struct boot *b, const char *key)
{
	const char *v = option_value(b, key);

	return v && (strcmp(v, "1") == 0 || strcmp(v, "yes") == 0 || strcmp(v, "on") == 0 ||
		     strcmp(v, "true") == 0);
}

static bool option_is_off(const struct boot *b, const char *key)
{
	const char *v = option_value(b, key);

	return v && (strcmp(v, "0") == 0 || strcmp(v, "no") == 0 || strcmp(v, "off") == 0 ||
		     strcmp(v, "false") == 0);
}

/* The boot line's own network counts more than a seed's; keys of a seed must be asked for. */
static int run_seed(const struct boot *b)
{
	struct net_conf conf;
	bool take_network, take_keys = option_is_set(b, "seed");

	if (netconf_parse(&conf, &b->words) < 0)
		return EXIT_UNTOUCHED;
	take_network = conf.nwants == 0 && conf.nlayers == 0;
	return take_network || take_keys ? seed_run(take_network, take_keys) : 0;
}

/* Media whose GRUB can go on to the disk (image/grub.cfg). */
static bool is_medium(const struct boot *b)
{
	const char *medium = option_value(b, "medium");

	return medium && (strcmp(medium, "iso") == 0 || strcmp(medium, "disk") == 0);
}

static int run_console(const struct boot *b)
{
	return console_run(!option_is_set(b, "shell"));
}

/* The worker is this program anew: nothing of PID 1's memory goes with it. */
static int run_serve(const struct boot *b)
{
	static const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
					    NULL };
	const char *port = option_value(b, "listen");
	const char *argv[5] = { "rehost", "serve", NULL };
	int fd = open(RUN_DIR_INIT "/log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	/* Not to the console: a serial line that takes nothing would stop the worker. */
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	/* A service on another port than the one meant can be found, the console says where; none cannot. */
	if (port && !settings_is_port(port)) {
		log_warn("serve: listen=%s is no port from 1 to 65535, using 22", port);
		port = NULL;
	}
	if (port) {
		argv[2] = "--listen";
		argv[3] = port;
	}
	execve("/proc/self/exe", (char *const *)argv, (char *const *)envp);
	log_error("serve: %s", strerror(errno));
	return EXIT_INTERNAL;
}

/*
 * Started by the loader on the disk: what was cut goes on by itself. By a medium: a confirmed clone. By the running system: the old
 * one again when nobody comes (job/recover.c).
 */
static int run_recover(const struct boot *b)
{
	const char *argv[] = { "rehost", "recover", NULL, NULL };
	static const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
					    NULL };
	int fd = open(RUN_DIR_INIT "/log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (!option_is_set(b, "planted"))
		argv[2] = is_medium(b) ? "--medium" : "--entered";
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	execve("/proc/self/exe", (char *const *)argv, (char *const *)envp);
	log_error("recover: %s", strerror(errno));
	return EXIT_INTERNAL;
}

/* The last active console is where /dev/console goes; a screen needs a real terminal number. */
static void shell_device(char *ret, size_t size)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist names = STRLIST_INIT;
	const char *name = "console";

	if (file_slurp("/sys/class/tty/console/active", &text, 4096, NULL) == 0 &&
	    strlist_split(&names, strbuf_str(&text), " \n") == 0 && names.count)
		name = names.items[names.count - 1];
	snprintf(ret, size, "/dev/%s", strcmp(name, "tty0") == 0 ? "tty1" : name);
}

static int run_shell(const struct boot *b)
{
	static const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
					    "TERM=linux", NULL };
	static const char *const argv[] = { "sh", NULL };
	char device[64];
	int fd;

	(void)b;
	shell_device(device, sizeof(device));
	fd = open(device, O_RDWR);
	if (fd < 0)
		return EXIT_UNTOUCHED;
	ioctl(fd, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	if (chdir("/root") < 0)
		log_debug("/root: %s", strerror(errno));
	execve("/bin/busybox", (char *const *)argv, (char *const *)envp);
	return EXIT_UNTOUCHED;
}

static struct child children[] = {
	{ .name = "rehost-modules", .run = run_hotplug, .oom_score = "-900", .enabled = true },
	{ .name = "rehost-net", .run = run_net, .oom_score = "-900", .enabled = true },
	{ .name = "rehost-serve", .run = run_serve, .oom_score = "0" },
	{ .name = "rehost-seed", .run = run_seed, .oom_score = "0", .once = true },
	{ .name = "rehost-console", .run = run_console, .oom_score = "-500" },
	{ .name = "rehost-recover", .run = run_recover, .oom_score = "-500", .once = true },
	{ .name = "rehost-shell", .run = run_shell, .oom_score = "0" },
};

static void set_oom_score(const char *score)
{
	cleanup_fd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write_all(fd, score, strlen(score)) < 0)
		log_debug("oom_score_adj: %s", strerror(errno));
}

static void start_child(struct child *c, const struct boot *b, uint64_t now)
{
	c->started_ms = now;
	c->pid = fork();
	if (c->pid == 0) {
		sigset_t none;

		watchdog_in_child();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		prctl(PR_SET_NAME, c->name, 0, 0, 0);
		set_oom_score(c->oom_score);
		_exit(c->run(b));
	}
	if (c->pid < 0) {
		log_error("%s: fork: %s", c->name, strerror(errno));
		c->pid = 0;
		c->start_ms = now + 1000;
	}
}

static void child_ended(struct child *c, int status, uint64_t now)
{
	if (now - c->started_ms >= STEADY_MS || !c->backoff_ms)
		c->backoff_ms = BACKOFF_MIN_MS;
	else if (c->backoff_ms < BACKOFF_MAX_MS)
		c->backoff_ms *= 2;
	c->pid = 0;
	c->start_ms = now + c->backoff_ms;
	c->enabled = c->enabled && !c->once;
	if (c->once && status == 0)
		return;
	if (WIFSIGNALED(status))
		log_warn("%s was ended by signal %d", c->name, WTERMSIG(status));
	else
		log_warn("%s ended with %d", c->name, WEXITSTATUS(status));
}

static void reap(uint64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < ARRAY_SIZE(children); i++)
			if (children[i].pid == pid)
				child_ended(&children[i], status, now);
}

/* Starts what is due; returns for how long to wait, -1: until a signal comes. */
static int start_due(const struct boot *b)
{
	uint64_t now = now_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		struct child *c = &children[i];

		if (!c->enabled || c->pid > 0)
			continue;
		if (c->start_ms <= now)
			start_child(c, b, now);
		if (c->pid <= 0 && c->start_ms < next)
			next = c->start_ms;
	}
	return next == UINT64_MAX ? -1 : (int)(next > now ? next - now : 0);
}

static int open_signals(void)
{
	sigset_t set;

	/* All of them: nothing may end PID 1, and only these mean something. */
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR2);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signals(int fd)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			continue;
		log_info("init: signal %u: %s", s.ssi_signo,
			 s.ssi_signo == SIGUSR2 ? "power off" : "reboot");
		console_say(s.ssi_signo == SIGUSR2 ? "rehost: powering off\n"
						   : "rehost: rebooting\n");
		early_shutdown(s.ssi_signo == SIGUSR2);
	}
}

static void supervise(const struct boot *b, int signals)
{
	for (;;) {
		struct pollfd fd = { signals, POLLIN, 0 };
		int wait = start_due(b), feed = watchdog_tick(now_ms());

		if (feed >= 0 && (wait < 0 || feed < wait))
			wait = feed;
		if (signals < 0) { /* no memory for a descriptor: look now and then */
			usleep(100000);
		} else if (poll(&fd, 1, wait) > 0) {
			take_signals(signals);
		}
		reap(now_ms());
	}
}

/* Nothing of the image can be trusted to be there: say so for ever, and obey signals. */
static void stay_incomplete(int signals)
{
	char text[2048] = "";
	struct err e = ERR_INIT;
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	err_set(&e, ERR_INIT_RAM, 0, "files of the image are missing after unpacking");
	e.extent = EXTENT_NOTHING;
	if (f) {
		report_error(f, &e);
		fclose(f);
	}
	for (;;) {
		struct pollfd fd = { signals, POLLIN, 0 };

		console_say(text[0] ? text : "rehost: too little RAM to unpack the rescue\n");
		if (poll(&fd, 1, 20000) > 0)
			take_signals(signals);
		reap(now_ms());
	}
}

static struct child *child_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		if (strcmp(children[i].name, name) == 0)
			return &children[i];
	return NULL;
}

/* What needs the operator's settings, when drivers and network are on their way already. */
static void apply_settings(struct boot *b)
{
	struct err e = ERR_INIT;
	int keys = 0;

	if (settings_write(&b->words, &keys, &e) < 0) {
		char text[1024] = "";
		FILE *f = fmemopen(text, sizeof(text) - 1, "w");

		if (f) {
			report_error(f, &e);
			fclose(f);
		}
		console_say(text);
	}
	if (file_slurp(RUN_DIR_INIT "/options", &b->options, 1 << 20, NULL) < 0)
		log_warn("init: no options");
	log_info("init: %d SSH keys", keys);
	watchdog_setup(option_value(b, "watchdog"), now_ms());
	child_named("rehost-serve")->enabled = true;
	child_named("rehost-console")->enabled = true;
	child_named("rehost-seed")->enabled = !option_is_off(b, "seed");
	child_named("rehost-recover")->enabled = option_is_set(b, "planted") || is_medium(b) ||
						 option_is_set(b, "entered");
	child_named("rehost-shell")->enabled = option_is_set(b, "shell") &&
					       access("/bin/busybox", X_OK) == 0;
}

int init_main(int argc, char **argv)
{
	static struct boot boot;
	bool complete;
	int signals;

	(void)argc;
	(void)argv;
	if (getpid() != 1) {
		fprintf(stderr, "rehost init is PID 1 of the rescue and is not started by hand.\n");
		return EXIT_USAGE;
	}
	early_stdio();
	early_wait_for_random();
	complete = early_image_is_complete();
	early_mounts();
	signals = open_signals();
	reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT */
	log_open(RUN_DIR_INIT "/log");
	set_oom_score("-1000");
	if (settings_read(&boot.words, NULL) < 0)
		log_error("init: no memory for the command line");
	early_sysctls(&boot.words);
	early_names();
	if (!complete)
		stay_incomplete(signals);
	hotplug_announce();
	start_due(&boot);
	early_module_nodes();
	apply_settings(&boot);
	supervise(&boot, signals);
	return EXIT_INTERNAL;
}
