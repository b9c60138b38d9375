/* SPDX-License-Identifier: MIT */
/* grub.cfg: the script that starts what S says. Both firmwares run it; the backend brings its lines for old and clone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/identity.h"
#include "job/loader_priv.h"
#include "job/machine.h"

#define OUR_IMAGE "/etc/rehost/complete"
#define CMDLINE_MAX 1800 /* the kernel takes 2047 bytes, the loader adds some words itself */

/* ---- words ---- */

/* The kernel's own rule: blanks separate, a double quote begins and ends a stretch in which they do not. */
int loader_split_words(struct strlist *ret, const char *text, struct err *e)
{
	struct strbuf word cleanup_strbuf = STRBUF_INIT;
	bool quoted = false, odd = false;

	for (;; text++) {
		bool blank = strchr(" \t\r\n", *text) != NULL; /* the NUL too */

		if (*text && (quoted || !blank)) {
			if (*text == '"')
				quoted = !quoted;
			else
				strbuf_addc(&word, blank ? ' ' : *text);
			odd |= (unsigned char)*text < 0x20 && !blank;
			continue;
		}
		if (word.failed || (word.len && !odd && strlist_add(ret, strbuf_str(&word)) < 0))
			return err_set(e, ERR_NOMEM, 0, "kernel command line");
		strbuf_done(&word);
		odd = false;
		if (!*text)
			return 0;
	}
}

static bool is_one_of(const char *word, const char *const *names)
{
	for (; *names; names++) {
		size_t len = strlen(*names);

		if (strncmp(word, *names, len) == 0 &&
		    ((*names)[len - 1] == '.' || word[len] == '=' || !word[len]))
			return true;
	}
	return false;
}

/* What a rescue reads for itself; it goes into conf.cpio. The keys are there as a file. */
static const char *const own_words[] = { "rehost.", "rd.",  "ip",     "nameserver", "ifname",
					 "vlan",    "bond", "bridge", "team",	    "bootdev",
					 "BOOTIF",  "ds",   NULL };
/* What this start alone was about, and what the planted entry says anew. */
static const char *const dropped_words[] = { "initrd",
					     "BOOT_IMAGE",
					     "rehost.planted",
					     "rehost.medium",
					     "rehost.entered",
					     "rehost.wanted",
					     "rehost.key",
					     "rehost.observer_key",
					     "panic",
					     "root",
					     "rootfstype",
					     "rootflags",
					     "ro",
					     "rw",
					     "init",
					     "rdinit",
					     "resume",
					     "resume_offset",
					     NULL };

int loader_sort_words(const char *cmdline, struct strlist *ret_kernel, struct strlist *ret_own,
		      struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (loader_split_words(&words, cmdline, e) < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		const char *w = words.items[i];

		if (strcmp(w, "--") == 0) /* arguments of an init that is not ours follow */
			break;
		if (is_one_of(w, dropped_words))
			continue;
		if (strlist_add(is_one_of(w, own_words) ? ret_own : ret_kernel, w) < 0)
			return err_set(e, ERR_NOMEM, 0, "kernel command line");
	}
	return 0;
}

/* ---- the script ---- */

/* The first serial console: what the loader says can be read there too. */
static void add_serial(struct strbuf *b, const struct strlist *consoles)
{
	static const char *const none = "";
	size_t i;

	for (i = 0; i < consoles->count; i++) {
		const char *c = consoles->items[i];
		const char *speed = strchr(c, ',');
		unsigned long baud = strtoul(speed ? speed + 1 : none, NULL, 10);

		if (!str_starts(c, "ttyS") || c[4] < '0' || c[4] > '3' || (c[5] && c[5] != ','))
			continue;
		if (baud < 1200 || baud > 115200)
			baud = speed ? 115200 : 9600; /* the kernel's own default */
		strbuf_addf(b,
			    "if serial --unit=%c --speed=%lu; then\n"
			    "\tterminal_output --append serial\nfi\n",
			    c[4], baud);
		return;
	}
}

/* Words in single quotes, in which GRUB's script knows no special character. */
static void add_kernel_words(struct strbuf *b, const struct strlist *words,
			     const struct strlist *consoles)
{
	size_t start = b->len, i;

	for (i = 0; i < consoles->count; i++) {
		if (!strchr(consoles->items[i], '\''))
			strbuf_addf(b, " 'console=%s'", consoles->items[i]);
	}
	for (i = 0; i < words->count; i++) {
		const char *w = words->items[i];

		if (consoles->count && str_starts(w, "console="))
			continue;
		if (strchr(w, '\'') || b->len - start + strlen(w) > CMDLINE_MAX)
			log_warn("loader: not carried to the planted rescue: %s", w);
		else
			strbuf_addf(b, " '%s'", w);
	}
}

void loader_cfg_text(struct strbuf *ret, const struct strlist *words,
		     const struct strlist *consoles, const struct loader_script *s)
{
	strbuf_adds(ret, "# Written by rehost: starts what the word in the file s says.\n"
			 "set rehost_home=$root\n"
			 "set rehost_dir=($root)/" LOADER_DIR "\n"
			 "set gfxpayload=text\n");
	add_serial(ret, consoles);
	strbuf_adds(ret,
		    "set rehost=\n"
		    "load_env --file $rehost_dir/s rehost\n"
		    "set rehost_go=$rehost\n"
		    "if [ \"$rehost\" = clone-once ]; then\n"
		    "\t# A trial ends by itself: the disk says rescue before the clone starts.\n"
		    "\tset rehost_go=rescue\n"
		    "\tset rehost=rescue\n"
		    "\tif save_env --file $rehost_dir/s rehost; then\n"
		    "\t\tset rehost=\n"
		    "\t\tload_env --file $rehost_dir/s rehost\n"
		    "\t\tif [ \"$rehost\" = rescue ]; then\n"
		    "\t\t\tset rehost_go=clone\n"
		    "\t\tfi\n"
		    "\tfi\n"
		    "fi\n"
		    "echo \"rehost: starting: $rehost_go\"\n"
		    "if [ \"$rehost_go\" = old ]; then\n");
	strbuf_adds(ret, s->start_old);
	strbuf_adds(ret, "fi\nif [ \"$rehost_go\" = clone ]; then\n");
	strbuf_adds(ret, s->start_clone);
	strbuf_adds(ret, "fi\n"
			 "set root=$rehost_home\n"
			 "if [ \"$rehost_go\" != rescue ]; then\n"
			 "\techo \"rehost: that cannot be started, the rescue is\"\n"
			 "fi\n"
			 "if linux $rehost_dir/vmlinuz");
	add_kernel_words(ret, words, consoles);
	strbuf_adds(ret, " panic=30 rehost.planted=1 \"rehost.wanted=$rehost_go\"; then\n"
			 "\tif initrd $rehost_dir/initrd $rehost_dir/conf.cpio; then\n"
			 "\t\tboot\n"
			 "\tfi\n"
			 "fi\n");
}

/* ---- what is known here ---- */

/* Those of the old system; none when they are not known. */
static int old_consoles(struct strlist *ret, struct err *e)
{
	json_t *identity = NULL;
	const json_t *item;
	size_t i;
	int rc = 0;

	if (identity_load(&identity, NULL) < 0)
		return 0;
	json_array_foreach(json_object_get(identity, "consoles"), i, item)
	{
		if (json_is_string(item) && rc == 0 && !strpbrk(json_string_value(item), " \t\"") &&
		    strlist_add(ret, json_string_value(item)) < 0)
			rc = err_set(e, ERR_NOMEM, 0, "consoles");
	}
	json_decref(identity);
	return rc;
}

int loader_put(const struct root *fs, const char *path, const struct strbuf *data, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	int fd cleanup_fd = -1;
	char *buf = NULL;
	ssize_t n = -1;
	size_t room = (data->len + 8191) / 4096 * 4096;
	bool same;

	if (data->failed)
		return err_set(e, ERR_NOMEM, 0, "/%s", path);
	if (root_replace(fs, path, strbuf_str(data), data->len, &meta, e) < 0)
		return -1;
	fd = root_openat(fs, path, O_RDONLY | O_NOFOLLOW | O_DIRECT, 0, NULL);
	if (fd < 0)
		fd = root_openat(fs, path, O_RDONLY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return -1;
	if (posix_memalign((void **)&buf, 4096, room) == 0)
		n = read(fd, buf, room);
	same = n == (ssize_t)data->len && memcmp(buf, strbuf_str(data), data->len) == 0;
	free(buf);
	return same ? 0 : err_set(e, ERR_BOOTAREA_VERIFY, n < 0 ? errno : 0, "/%s", path);
}

int loader_write_config(const struct target *t, const struct loader_script *s, struct err *e)
{
	const struct root *fs = loader_fs(t);
	struct strlist consoles cleanup_strlist = STRLIST_INIT;
	struct strlist kernel cleanup_strlist = STRLIST_INIT;
	struct strlist own cleanup_strlist = STRLIST_INIT;
	struct strbuf cmdline cleanup_strbuf = STRBUF_INIT;
	struct strbuf cfg cleanup_strbuf = STRBUF_INIT;
	struct strbuf conf cleanup_strbuf = STRBUF_INIT;

	/* In somebody else's rescue system the words are those of its kernel, and of its init. */
	if (access(OUR_IMAGE, F_OK) == 0) {
		if (file_slurp("/proc/cmdline", &cmdline, 65536, e) < 0)
			return -1;
	} else {
		strbuf_adds(&cmdline, "vsyscall=emulate");
	}
	if (old_consoles(&consoles, e) < 0 ||
	    loader_sort_words(strbuf_str(&cmdline), &kernel, &own, e) < 0)
		return -1;
	if (consoles.count == 0 && cmdline_consoles(strbuf_str(&cmdline), &consoles, e) < 0)
		return -1;
	loader_cfg_text(&cfg, &kernel, &consoles, s);
	if (loader_conf_make(&conf, &own, e) < 0)
		return -1;
	/* The script last: without it the core finds nothing to start. */
	if (loader_put(fs, LOADER_CONF, &conf, e) < 0 || loader_put(fs, LOADER_CFG, &cfg, e) < 0)
		return -1;
	return 0;
}
