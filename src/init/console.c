/* SPDX-License-Identifier: MIT */
#include "init/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "init/early.h"

#define CONSOLES_MAX 8
#define WIDTH 79
#define FILE_LIMIT 65536
/* Not more often than this; on a serial line progress even less often. */
#define PAGE_EVERY_MS 500
#define SERIAL_PROGRESS_EVERY_MS 15000

struct console {
	char name[32];
	bool screen;
	struct strlist shown;
	uint64_t progress_ms; /* when a progress line was last appended */
};

struct painter {
	struct console consoles[CONSOLES_MAX];
	size_t count;
	bool pages;
};

/* Names in /sys/class/tty/console/active; tty0 to tty63 are screens. */
static size_t find_consoles(struct console ret[CONSOLES_MAX])
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist names = STRLIST_INIT;
	size_t count = 0;

	if (file_slurp("/sys/class/tty/console/active", &text, 4096, NULL) < 0 ||
	    strlist_split(&names, strbuf_str(&text), " \n") < 0)
		return 0;
	for (size_t i = 0; i < names.count && count < CONSOLES_MAX; i++) {
		const char *n = names.items[i];

		memset(&ret[count], 0, sizeof(ret[count]));
		snprintf(ret[count].name, sizeof(ret[count].name), "%s", n);
		ret[count].screen = str_starts(n, "tty") && n[3] >= '0' && n[3] <= '9';
		count++;
	}
	return count;
}

static int open_console(const char *name)
{
	char path[64];
	struct termios t;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	/* A port without hardware behind it opens but has no line settings. */
	if (fd >= 0 && tcgetattr(fd, &t) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* As much as it takes within a second; a stuck port is left alone. */
static void write_some(int fd, const char *text, size_t len)
{
	for (int waits = 0; len && waits < 20;) {
		ssize_t n = write(fd, text, len);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			return;
		} else {
			struct pollfd p = { fd, POLLOUT, 0 };

			poll(&p, 1, 50);
			waits++;
		}
	}
}

void console_say(const char *text)
{
	struct console consoles[CONSOLES_MAX];
	size_t count = find_consoles(consoles);

	for (size_t i = 0; i < count; i++) {
		cleanup_fd int fd = open_console(consoles[i].name);

		if (fd >= 0)
			write_some(fd, text, strlen(text));
	}
}

static void read_text(struct strbuf *ret, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), RUN_DIR_INIT "/%s", name);
	if (file_slurp(path, ret, FILE_LIMIT, NULL) < 0)
		return;
	while (ret->len && ret->data[ret->len - 1] == '\n')
		ret->data[--ret->len] = 0;
}

static const char *waits_for(const char *method)
{
	if (strcmp(method, "dhcp") == 0)
		return ", asking DHCP";
	return str_ends(method, "6") && strcmp(method, "link6") != 0 ? ", asking routers" : "";
}

/* Addresses of a link from net.json to the facts. */
static int add_link(struct console_facts *f, json_t *link)
{
	cleanup_strbuf struct strbuf line = STRBUF_INIT;
	const char *name = json_string_value(json_object_get(link, "name"));
	const char *mac = json_string_value(json_object_get(link, "mac"));
	const char *driver = json_string_value(json_object_get(link, "driver"));
	const char *method = json_string_value(json_object_get(link, "method"));
	const char *master = json_string_value(json_object_get(link, "master"));
	json_t *list = json_object_get(link, "addresses"), *a;
	size_t i;

	strbuf_addf(&line, "%s %s %s", name ? name : "?", mac ? mac : "", driver ? driver : "");
	if (!json_is_true(json_object_get(link, "carrier")))
		strbuf_adds(&line, " no link");
	else if (master)
		strbuf_addf(&line, " in %s", master);
	else if (json_array_size(list) == 0)
		strbuf_addf(&line, " no address%s", waits_for(method ? method : ""));
	json_array_foreach(list, i, a)
	{
		const char *text = json_string_value(a);
		size_t n = text ? strcspn(text, "/") : 0;

		if (!text)
			continue;
		strbuf_addf(&line, " %s", text);
		/* IPv4 first: the copied command should work for most. */
		if (strlist_addn(&f->addresses, text, n) < 0)
			return -1;
		if (!memchr(text, ':', n)) {
			char *fresh = f->addresses.items[f->addresses.count - 1];

			for (size_t k = f->addresses.count - 1; k > 0; k--) {
				if (!strchr(f->addresses.items[k - 1], ':'))
					break;
				f->addresses.items[k] = f->addresses.items[k - 1];
				f->addresses.items[k - 1] = fresh;
			}
		}
	}
	return strlist_add(&f->links, strbuf_str(&line));
}

static void read_net(struct console_facts *f)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	json_t *all, *link;
	size_t i;

	read_text(&text, "net.json");
	all = text.len ? json_loadb(text.data, text.len, 0, NULL) : NULL;
	json_array_foreach(json_object_get(all, "links"), i, link) if (add_link(f, link) < 0) break;
	json_decref(all);
}

static unsigned count_lines(const char *text)
{
	unsigned n = *text != 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int collect(struct strlist *lines, struct strbuf *progress_line)
{
	static const char *const error_files[] = { "key_error", "net_error", "serve_error",
						   "last_error" };
	cleanup_strbuf struct strbuf fingerprint = STRBUF_INIT, password = STRBUF_INIT;
	cleanup_strbuf struct strbuf state = STRBUF_INIT, progress = STRBUF_INIT;
	cleanup_strbuf struct strbuf keys = STRBUF_INIT, errors = STRBUF_INIT;
	cleanup_strbuf struct strbuf port = STRBUF_INIT, seed = STRBUF_INIT;
	cleanup_strbuf struct strbuf watchdog = STRBUF_INIT;
	struct console_facts f = { .version = REHOST_VERSION };
	struct utsname u;

	f.kernel = uname(&u) == 0 ? u.release : "";
	read_net(&f);
	read_text(&fingerprint, "fingerprint");
	read_text(&password, "password");
	read_text(&state, "state");
	read_text(&progress, "progress");
	read_text(&keys, "authorized_keys");
	read_text(&port, "port");
	read_text(&seed, "seed_note");
	read_text(&watchdog, "watchdog");
	for (size_t i = 0; i < ARRAY_SIZE(error_files); i++) {
		if (errors.len && errors.data[errors.len - 1] != '\n')
			strbuf_addc(&errors, '\n');
		cleanup_strbuf struct strbuf one = STRBUF_INIT;

		read_text(&one, error_files[i]);
		strbuf_add(&errors, strbuf_str(&one), one.len);
	}
	console_progress(progress_line, strbuf_str(&progress));
	f.fingerprint = strbuf_str(&fingerprint);
	f.password = strbuf_str(&password);
	f.state = strbuf_str(&state);
	f.progress = strbuf_str(progress_line);
	f.errors = strbuf_str(&errors);
	f.seed = strbuf_str(&seed);
	f.watchdog = strbuf_str(&watchdog);
	f.keys = count_lines(strbuf_str(&keys));
	if (parse_u32(strbuf_str(&port), &f.port) < 0)
		f.port = 22;
	int rc = console_render(lines, &f, WIDTH);

	strlist_done(&f.links);
	strlist_done(&f.addresses);
	return rc;
}

static void paint_page(struct console *c, const struct strlist *lines)
{
	cleanup_strbuf struct strbuf out = STRBUF_INIT;
	cleanup_fd int fd = open_console(c->name);

	/* Home, then each line with the rest of it cleared, then the rest of the screen. */
	strbuf_adds(&out, "\033[H");
	for (size_t i = 0; i < lines->count; i++)
		strbuf_addf(&out, "%s\033[K\n", lines->items[i]);
	strbuf_adds(&out, "\033[J");
	if (fd >= 0 && !out.failed)
		write_some(fd, out.data, out.len);
}

static bool is_progress(const char *line)
{
	return str_starts(line, "Now: ");
}

static void append_news(struct console *c, const struct strlist *lines)
{
	cleanup_strlist struct strlist news = STRLIST_INIT;
	cleanup_strbuf struct strbuf out = STRBUF_INIT;
	cleanup_fd int fd = -1;

	if (console_news(&news, &c->shown, lines) < 0)
		return;
	for (size_t i = 0; i < news.count; i++) {
		if (is_progress(news.items[i])) {
			if (now_ms() - c->progress_ms < SERIAL_PROGRESS_EVERY_MS)
				continue;
			c->progress_ms = now_ms();
		}
		strbuf_addf(&out, "%s\n", news.items[i]);
	}
	if (!out.len)
		return;
	fd = open_console(c->name);
	if (fd >= 0 && !out.failed)
		write_some(fd, out.data, out.len);
}

static bool same_lines(const struct strlist *a, const struct strlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void paint(struct painter *p)
{
	cleanup_strlist struct strlist lines = STRLIST_INIT;
	cleanup_strbuf struct strbuf progress = STRBUF_INIT;

	if (collect(&lines, &progress) < 0)
		return;
	for (size_t i = 0; i < p->count; i++) {
		struct console *c = &p->consoles[i];

		if (same_lines(&c->shown, &lines))
			continue;
		if (c->screen && p->pages)
			paint_page(c, &lines);
		else
			append_news(c, &lines);
		strlist_done(&c->shown);
		for (size_t k = 0; k < lines.count; k++)
			if (strlist_add(&c->shown, lines.items[k]) < 0)
				return;
	}
}

int console_run(bool pages)
{
	static struct painter p;
	cleanup_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char scrap[4096];

	p.pages = pages;
	p.count = find_consoles(p.consoles);
	if (watch >= 0 &&
	    inotify_add_watch(watch, RUN_DIR_INIT, IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE) < 0)
		return EXIT_UNTOUCHED;
	for (;;) {
		struct pollfd fd = { watch, POLLIN, 0 };

		paint(&p);
		poll(&fd, 1, -1);
		/* Several files change together: one page for all of them. */
		usleep(PAGE_EVERY_MS * 1000);
		while (read(watch, scrap, sizeof(scrap)) > 0)
			;
	}
}
