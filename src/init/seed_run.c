/* SPDX-License-Identifier: MIT */
/* The process that looks for seeds, and the one without rights that reads each of them. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/root.h"
#include "base/run.h"
#include "init/cmdline.h"
#include "init/early.h"
#include "init/seed.h"

#define MOUNT_POINT SEED_DIR "/mnt"
#define NOBODY 65534
#define SCAN_EVERY_MS 300
#define LOOK_FOR_MS 60000 /* drivers that never settle */
#define READ_WAIT_MS 20000
#define ANSWER_MAX (128 << 10)
#define MEMORY_MAX (256UL << 20)

struct search {
	bool take_network, take_keys, found;
	struct strlist seen; /* block devices that were looked at */
};

static const char *const file_names[][3] = {
	[SEED_NOCLOUD] = { "meta-data", "user-data", "network-config" },
	[SEED_OPENSTACK] = { "openstack/latest/meta_data.json", "openstack/latest/user_data",
			     "openstack/latest/network_data.json" },
};

/* ---- the reader: one device, in a process of its own ---- */

static int mount_seed(const char *device, const char *type)
{
	/* Files of anybody are read before the rights go, so owner and mode do not matter. */
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mkdir(MOUNT_POINT, 0700) < 0 && errno != EEXIST)
		return -1;
	return mount(device, MOUNT_POINT, type, flags, NULL);
}

static int drop_rights(void)
{
	struct rlimit memory = { MEMORY_MAX, MEMORY_MAX }, none = { 0, 0 };

	if (setrlimit(RLIMIT_AS, &memory) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    setrlimit(RLIMIT_NPROC, &none) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void answer(int out, const char *tag, const struct strlist *lines)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < lines->count; i++)
		strbuf_addf(&text, "%s %s\n", tag, lines->items[i]);
	if (text.failed || write_all(out, strbuf_str(&text), text.len) < 0)
		_exit(1);
}

/* "kind N", then "word ..." and "key ..." lines. Nothing when it is no seed. */
static int read_seed(const char *device, int out)
{
	static unsigned char head[SEED_HEAD_SIZE];
	static const char *const kinds[] = {
		[SEED_NOCLOUD] = "NoCloud", [SEED_OPENSTACK] = "config drive"
	};
	struct strbuf text[3] = { STRBUF_INIT, STRBUF_INIT, STRBUF_INIT };
	struct strlist kind = STRLIST_INIT;
	struct seed seed = { 0 };
	struct root root = ROOT_INIT;
	const char *type = NULL, *content[3];
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread_full(fd, head, sizeof(head), 0);
	enum seed_kind k = n <= 0 ? SEED_NONE : seed_probe(head, (size_t)n, &type);

	if (k == SEED_NONE)
		return 0;
	close(fd);
	if (mount_seed(device, type) < 0) {
		log_warn("seed: %s: %s", device, strerror(errno));
		return 1;
	}
	if (root_open(&root, MOUNT_POINT, NULL) < 0)
		return 1;
	for (int i = 0; i < 3; i++)
		content[i] = root_read(&root, file_names[k][i], &text[i], SEED_FILE_MAX, NULL) == 0
				     ? strbuf_str(&text[i])
				     : NULL;
	root_close(&root);
	if (drop_rights() < 0 || strlist_add(&kind, kinds[k]) < 0 ||
	    seed_parse(&seed, k, content[0], content[1], content[2]) < 0)
		return 1;
	answer(out, "kind", &kind);
	answer(out, "word", &seed.words);
	answer(out, "key", &seed.keys);
	return 0;
}

/* ---- the search: keeps its rights, believes nothing the reader says ---- */

static pid_t start_reader(const char *device, int *ret_fd)
{
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		close(pipes[0]);
		_exit(read_seed(device, pipes[1]));
	}
	close(pipes[1]);
	*ret_fd = pipes[0];
	if (pid < 0)
		close(pipes[0]);
	return pid;
}

/* What the reader writes until it ends; a drive that does not answer is given up. */
static void collect_answer(int fd, struct strbuf *ret)
{
	uint64_t end = now_ms() + READ_WAIT_MS;
	char part[4096];

	while (ret->len < ANSWER_MAX) {
		struct pollfd p = { fd, POLLIN, 0 };
		uint64_t now = now_ms();

		if (now >= end || poll(&p, 1, (int)(end - now)) <= 0)
			return;
		ssize_t n = read(fd, part, sizeof(part));

		if (n <= 0)
			return;
		strbuf_add(ret, part, (size_t)n);
	}
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int write_network(const struct strlist *words)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < words->count; i++)
		strbuf_addf(&text, "%s\n", words->items[i]);
	return text.failed ? -1 : file_replace(SEED_NETWORK, text.data, text.len, 0600, NULL);
}

/* Returns how many of the keys are some. */
static int write_keys(const struct strlist *keys)
{
	cleanup_strbuf struct strbuf old = STRBUF_INIT, fresh = STRBUF_INIT;
	struct strlist words = STRLIST_INIT;
	unsigned skipped;
	int count;

	if (file_slurp(RUN_DIR_INIT "/authorized_keys", &old, 1 << 20, NULL) < 0)
		return -1;
	for (size_t i = 0; i < keys->count; i++)
		strbuf_addf(&old, "%s\n", keys->items[i]);
	count = cmdline_keys(&fresh, &words, "key", strbuf_str(&old), &skipped);
	if (count <= 0 ||
	    file_replace(RUN_DIR_INIT "/authorized_keys", fresh.data, fresh.len, 0600, NULL) < 0)
		return -1;
	/* The one-time password was for want of a key. */
	if (unlink(RUN_DIR_INIT "/password") == 0)
		log_info("seed: the one-time password holds no more");
	return count;
}

/* For the consoles: what was found and what became of it. */
static void note(const char *name, const char *kind, const char *network, const char *keys)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%.32s on %.40s: %s, %s\n", kind, name, network, keys);

	log_info("seed: %.*s", n - 1, text);
	if (file_replace(RUN_DIR_INIT "/seed_note", text, (size_t)n, 0600, NULL) < 0)
		log_warn("seed: the note could not be written");
}

static void use_answer(struct search *s, const char *name, const char *text)
{
	cleanup_strlist struct strlist lines = STRLIST_INIT, words = STRLIST_INIT,
				       keys = STRLIST_INIT;
	char keys_text[64] = "no keys";
	const char *network = "no network data", *kind = "";

	if (strlist_split(&lines, text, "\n") < 0)
		return;
	for (size_t i = 0; i < lines.count; i++) {
		const char *line = lines.items[i];
		int rc = 0;

		if (!is_printable(line))
			continue;
		if (str_starts(line, "kind "))
			kind = line + 5;
		else if (str_starts(line, "word ") && words.count < SEED_WORDS_MAX)
			rc = strlist_add(&words, line + 5);
		else if (str_starts(line, "key ") && keys.count < SEED_KEYS_MAX)
			rc = strlist_add(&keys, line + 4);
		if (rc < 0)
			return;
	}
	if (!*kind)
		return;
	s->found = true;
	if (words.count && !s->take_network)
		network = "network not used (the boot line has one)";
	else if (words.count)
		network = write_network(&words) < 0 ? "network not used" : "network used";
	if (keys.count && !s->take_keys)
		snprintf(keys_text, sizeof(keys_text), "%zu key%s not taken (rehost.seed=1 does)",
			 keys.count, keys.count == 1 ? "" : "s");
	else if (keys.count)
		snprintf(keys_text, sizeof(keys_text), "%s",
			 write_keys(&keys) < 0 ? "no usable keys" : "keys taken");
	note(name, kind, network, keys_text);
}

static void try_device(struct search *s, const char *name)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	char device[64];
	int fd, status = 0;
	pid_t pid;

	snprintf(device, sizeof(device), "/dev/%.40s", name);
	pid = start_reader(device, &fd);
	if (pid < 0)
		return;
	collect_answer(fd, &text);
	close(fd);
	kill(pid, SIGKILL);
	/* One that hangs in the kernel cannot be waited for. */
	for (int i = 0; i < 20 && waitpid(pid, &status, WNOHANG) == 0; i++)
		usleep(50000);
	if (text.len && !text.failed)
		use_answer(s, name, strbuf_str(&text));
}

/* Once for each device: what has a partition table has no seed at its own beginning. */
static void scan(struct search *s)
{
	cleanup_dir DIR *d = opendir("/sys/class/block");
	struct dirent *entry;

	while (d && !s->found && (entry = readdir(d))) {
		const char *name = entry->d_name;

		if (name[0] == '.' || str_starts(name, "loop") || str_starts(name, "ram") ||
		    str_starts(name, "zram") || str_starts(name, "dm-") || str_starts(name, "md") ||
		    strlist_has(&s->seen, name))
			continue;
		if (strlist_add(&s->seen, name) < 0)
			return;
		try_device(s, name);
	}
}

int seed_run(bool take_network, bool take_keys)
{
	struct search s = { .take_network = take_network, .take_keys = take_keys };
	uint64_t end = now_ms() + LOOK_FOR_MS;
	char mark[256];

	run_path(mark, sizeof(mark), COLDPLUG_MARK);
	if (mkdir(SEED_DIR, 0700) < 0 && errno != EEXIST)
		return EXIT_UNTOUCHED;
	for (;;) {
		bool settled = access(mark, F_OK) < 0;

		scan(&s);
		if (s.found || settled || now_ms() >= end)
			break;
		usleep(SCAN_EVERY_MS * 1000);
	}
	strlist_done(&s.seen);
	return 0;
}
