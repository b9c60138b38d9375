/* SPDX-License-Identifier: MIT */
/* rescue: the target's running system sends its machine into the rescue, once. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/authkeys.h"
#include "base/io.h"
#include "base/json.h"
#include "base/spawn.h"
#include "cli/commands.h"
#include "cli/image_network.h"
#include "enter/enter.h"
#include "enter/live_net.h"
#include "image/customize.h"

struct request {
	struct strlist keys, options, ip;
	const char *image;
	bool here, cancel, dry_run, reboot, json;
};

/* What will be planted. */
struct entry {
	struct enter_place place;
	struct image_content content;
	struct strlist words, notes, from; /* network; said to the operator; where keys came from */
	char kernel[4096], initrd[4096];
	char fingerprint[IMAGE_FINGERPRINT_MAX];
	size_t keys;
};

static void request_done(struct request *r)
{
	strlist_done(&r->keys);
	strlist_done(&r->options);
	strlist_done(&r->ip);
}

static void entry_done(struct entry *n)
{
	image_content_done(&n->content);
	strlist_done(&n->words);
	strlist_done(&n->notes);
	strlist_done(&n->from);
}

/* -1 to go on, or the exit code to end with. */
static int read_words(struct request *r, const struct command *c, int argc, char **argv)
{
	static const struct option table[] = {
		{ "here", no_argument, NULL, 'H' },
		{ "cancel", no_argument, NULL, 'C' },
		{ "key", required_argument, NULL, 'k' },
		{ "option", required_argument, NULL, 'o' },
		{ "ip", required_argument, NULL, 'i' },
		{ "image", required_argument, NULL, 'I' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "reboot", no_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int got;

	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		struct strlist *list = got == 'k'   ? &r->keys
				       : got == 'o' ? &r->options
				       : got == 'i' ? &r->ip
						    : NULL;
		char shown[128];

		if (list && strlist_add(list, optarg) < 0)
			return EXIT_INTERNAL;
		if (got == 'I')
			r->image = optarg;
		r->here |= got == 'H';
		r->cancel |= got == 'C';
		r->dry_run |= got == 'n';
		r->reboot |= got == 'r';
		r->json |= got == 'j';
		if (got == 'h')
			return command_help(c);
		if (got != '?' && got != ':')
			continue;
		str_escape(shown, sizeof(shown), argv[optind - 1]);
		return command_usage(c, got == ':' ? "%s needs a value" : "unknown option: %s",
				     shown);
	}
	if (argc != optind || r->here == r->cancel)
		return command_usage(c, "either --here or --cancel");
	if (r->reboot && r->dry_run)
		return command_usage(c, "--reboot and --dry-run exclude one another");
	return -1;
}

/* ---- the image ---- */

/* The folder of this program, where it was copied together with the image. */
static int own_folder(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	char *slash;

	if (n <= 0)
		return -1;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash || slash == ret)
		return -1;
	*slash = '\0';
	return 0;
}

static int find_image(const struct request *r, struct entry *n, struct err *e)
{
	char folder[2048];
	struct stat kernel, initrd;

	if (r->image)
		snprintf(folder, sizeof(folder), "%s", r->image);
	else if (own_folder(folder, sizeof(folder)) < 0)
		return err_set(e, ERR_ENTER_IMAGE, 0, "--image was not given");
	snprintf(n->kernel, sizeof(n->kernel), "%s/vmlinuz", folder);
	snprintf(n->initrd, sizeof(n->initrd), "%s/initrd-full", folder);
	if (access(n->initrd, F_OK) < 0) {
		snprintf(n->initrd, sizeof(n->initrd), "%s/initrd", folder);
		if (strlist_addf(&n->notes, "the image has no loader archive (initrd-full): before "
					    "'switch' it wants 'receive loader'") < 0)
			return err_set(e, ERR_NOMEM, 0, "notes");
	}
	if (stat(n->kernel, &kernel) < 0 || !S_ISREG(kernel.st_mode))
		return err_set(e, ERR_ENTER_IMAGE, errno, "%s", n->kernel);
	if (stat(n->initrd, &initrd) < 0 || !S_ISREG(initrd.st_mode))
		return err_set(e, ERR_ENTER_IMAGE, errno, "%s", n->initrd);
	return enter_room((uint64_t)kernel.st_size + (uint64_t)initrd.st_size, e);
}

/* ---- who may log in ---- */

/* The keys of a file that was made for sshd: what the rescue does not take is passed over. */
static int add_login_keys(struct entry *n, const char *path, bool is_given, struct err *e)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT, taken = STRBUF_INIT;
	struct authkeys keys = AUTHKEYS_INIT;
	const char *line;
	unsigned number = 0;
	int rc = 0;

	if (file_slurp(path, &text, AUTHKEYS_FILE_MAX, e) < 0) {
		if (is_given)
			return -1;
		err_clear(e);
		return 0;
	}
	if (authkeys_parse(&keys, strbuf_str(&text), text.len, e) < 0)
		return -1;
	line = strbuf_str(&text);
	for (size_t i = 0; i < keys.count; line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (++number == keys.items[i].line) {
			strbuf_add(&taken, line, len);
			strbuf_addc(&taken, '\n');
			i++;
		}
		line += len;
		if (!*line)
			break;
	}
	if (keys.count)
		rc = image_add_keys(&n->content, strbuf_str(&taken), taken.len, path, e);
	else if (is_given)
		rc = err_set(e, ERR_ENTER_KEY, 0, "%s has none", path);
	if (rc == 0 && keys.count && strlist_add(&n->from, path) < 0)
		rc = err_set(e, ERR_NOMEM, 0, "keys");
	n->keys += keys.count;
	authkeys_done(&keys);
	return rc;
}

/* Who may log in here may log in there: root, and who became root by sudo. */
static int collect_keys(const struct request *r, struct entry *n, struct err *e)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user = sudo && strcmp(sudo, "root") != 0 ? getpwnam(sudo) : NULL;
	char path[4096];

	for (size_t i = 0; i < r->keys.count; i++)
		if (add_login_keys(n, r->keys.items[i], true, e) < 0)
			return -1;
	if (add_login_keys(n, "/root/.ssh/authorized_keys", false, e) < 0)
		return -1;
	if (user) {
		snprintf(path, sizeof(path), "%s/.ssh/authorized_keys", user->pw_dir);
		if (add_login_keys(n, path, false, e) < 0)
			return -1;
	}
	return n->keys ? 0 : err_set(e, ERR_ENTER_KEY, 0, "/root/.ssh/authorized_keys has none");
}

/* The machine's own: whoever has logged in before is not asked, and may be sure. */
static int collect_host_keys(struct entry *n, struct err *e)
{
	static const char *const files[] = { "/etc/ssh/ssh_host_ed25519_key",
					     "/etc/ssh/ssh_host_rsa_key" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_strbuf struct strbuf text = STRBUF_INIT;
		char type[32], fingerprint[IMAGE_FINGERPRINT_MAX];
		int rc = 0;

		if (file_slurp(files[i], &text, IMAGE_FILE_MAX, NULL) < 0)
			continue;
		/* an RSA key in the old PEM form, or one with a passphrase: the rescue makes its own */
		if (image_host_key_read(strbuf_str(&text), text.len, type, fingerprint) == 0) {
			rc = image_add_host_key(&n->content, text.data, text.len, files[i], e);
			if (!n->fingerprint[0])
				memcpy(n->fingerprint, fingerprint, sizeof(fingerprint));
		}
		explicit_bzero(text.data, text.cap);
		if (rc < 0)
			return -1;
	}
	if (n->content.host_ed25519.len || n->content.host_rsa.len)
		return 0;
	return strlist_add(
		       &n->notes,
		       "no host key of this machine can be taken along: the rescue's will be new") <
			       0
		       ? err_set(e, ERR_NOMEM, 0, "notes")
		       : 0;
}

/* ---- the network ---- */

/* The address of this very session must be there afterwards, too. */
static int note_session(const struct live_net *net, struct entry *n, struct err *e)
{
	cleanup_strlist struct strlist words = STRLIST_INIT;
	const char *session = getenv("SSH_CONNECTION"); /* client, port, server, port */
	struct net_ip ip;

	if (!session)
		return 0;
	if (strlist_split(&words, session, " ") < 0)
		return err_set(e, ERR_NOMEM, 0, "SSH_CONNECTION");
	if (words.count < 3 || net_ip_parse(&ip, words.items[2]) < 0)
		return 0;
	for (size_t i = 0; i < net->naddrs; i++)
		if (net_ip_equal(&net->addrs[i].ip, &ip))
			return 0;
	return strlist_addf(&n->notes, "this session reached the machine at %s, which no card has",
			    words.items[2]) < 0
		       ? err_set(e, ERR_NOMEM, 0, "notes")
		       : 0;
}

static int collect_network(const struct request *r, struct entry *n, struct err *e)
{
	static struct live_net net;

	for (size_t i = 0; i < r->ip.count; i++)
		if (strlist_add(&n->words, r->ip.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "network");
	if (!r->ip.count &&
	    (live_net_read(&net, e) < 0 || live_net_words(&net, &n->words, &n->notes, e) < 0 ||
	     note_session(&net, n, e) < 0))
		return -1;
	for (size_t i = 0; i < n->words.count; i++)
		if (image_add_network(&n->content, n->words.items[i], e) < 0)
			return -1;
	return 0;
}

/* ---- all ---- */

static int collect(const struct request *r, struct entry *n, struct err *e)
{
	if (enter_look(&n->place, e) < 0 || find_image(r, n, e) < 0 || collect_keys(r, n, e) < 0 ||
	    collect_host_keys(n, e) < 0 || collect_network(r, n, e) < 0)
		return -1;
	for (size_t i = 0; i < r->options.count; i++)
		if (image_add_option(&n->content, r->options.items[i], e) < 0)
			return -1;
	return 0;
}

static int plant(struct entry *n, struct err *e)
{
	struct image image cleanup_image = IMAGE_INIT;
	struct err ignored = ERR_INIT;
	bool was;

	if (image_open(&image, n->initrd, e) < 0)
		return -1;
	if (mkdir(ENTER_DIR, 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_FILE, errno, ENTER_DIR);
	if (image_write(&image, &n->content, ENTER_INITRD, e) == 0 &&
	    enter_plant(&n->place, n->kernel, e) == 0)
		return 0;
	if (enter_cancel(&was, &ignored) < 0)
		err_ctx(e, "and " ENTER_DIR " could not be removed");
	return -1;
}

static void print_text(const struct request *r, const struct entry *n)
{
	printf("%s\n",
	       r->dry_run ? "Nothing was written. This would make the next start the rescue:"
			  : "The next start of this machine, and only that one, is the rescue.");
	printf("  image     %s\n", n->initrd);
	printf("  entry     %s/custom.cfg, files in " ENTER_DIR "\n", n->place.folder);
	for (size_t i = 0; i < n->words.count; i++)
		printf("  %-10s%s\n", i ? "" : "network", n->words.items[i]);
	for (size_t i = 0; i < n->from.count; i++)
		printf("  %-10s%s\n", i ? "" : "SSH keys", n->from.items[i]);
	if (n->fingerprint[0])
		printf("  %-10sthis machine's own, %s\n", "host key", n->fingerprint);
	for (size_t i = 0; i < n->notes.count; i++)
		printf("  %-10s%s\n", "note", n->notes.items[i]);
	printf("When nobody logs in there for ten minutes, this system starts again. It does so, "
	       "too, "
	       "after any other restart.\n");
	if (!r->reboot && !r->dry_run)
		printf("Now type:  reboot\nTo take it back:  rehost rescue --cancel\n");
}

static int print_json(const struct request *r, const struct entry *n)
{
	json_t *words = json_array(), *notes = json_array();

	for (size_t i = 0; i < n->words.count; i++)
		json_array_append_new(words, json_string(n->words.items[i]));
	for (size_t i = 0; i < n->notes.count; i++)
		json_array_append_new(notes, json_string(n->notes.items[i]));
	return json_print(stdout, json_pack("{s:b, s:s, s:s, s:o, s:i, s:s, s:o}", "planted",
					    (int)!r->dry_run, "image", n->initrd, "menu",
					    n->place.folder, "network", words, "keys", (int)n->keys,
					    "host_key", n->fingerprint, "notes", notes));
}

static int restart(struct err *e)
{
	static const char *const systemctl[] = { "/usr/bin/systemctl", "reboot", NULL };
	static const char *const old_systemctl[] = { "/bin/systemctl", "reboot", NULL };
	static const char *const plain[] = { "/sbin/reboot", NULL };
	static const char *const *const candidates[] = { systemctl, old_systemctl, plain };

	fflush(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		struct spawn s = { .argv = candidates[i], .stdin_fd = -1, .timeout_s = 60 };

		if (access(candidates[i][0], X_OK) == 0 && spawn_wait(&s, e) == 0)
			return 0;
	}
	return err_set(e, ERR_SPAWN, 0, "no program restarted this machine: type 'reboot'");
}

static int enter(const struct request *r, struct err *e)
{
	struct entry n = { 0 };
	int rc = collect(r, &n, e);

	if (rc == 0 && !r->dry_run)
		rc = plant(&n, e);
	if (rc == 0) {
		if (!r->json)
			print_text(r, &n);
		else if (print_json(r, &n) < 0)
			rc = err_set(e, ERR_NOMEM, 0, "JSON");
		if (rc == 0 && r->reboot)
			rc = restart(e);
		else if (rc == 0 && n.notes.count)
			rc = EXIT_NOTES;
	}
	entry_done(&n);
	return rc;
}

static int cancel(const struct request *r, struct err *e)
{
	bool was = false;

	if (geteuid() != 0)
		return err_set(e, ERR_ENTER_HERE, 0, "only root can do this");
	if (enter_cancel(&was, e) < 0)
		return -1;
	if (r->json)
		printf("{\"planted\": false, \"removed\": %s}\n", was ? "true" : "false");
	else
		printf("%s\n",
		       was ? "The rescue's entry and files are gone; the next start is this system."
			   : "Nothing was planted here.");
	return 0;
}

int cmd_rescue(const struct command *c, int argc, char **argv)
{
	struct request r = { 0 };
	struct err e = ERR_INIT;
	int rc = read_words(&r, c, argc, argv);

	if (rc < 0)
		rc = command_end_offline(r.json, r.cancel ? cancel(&r, &e) : enter(&r, &e), &e);
	request_done(&r);
	return rc;
}
