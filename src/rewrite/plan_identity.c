/* SPDX-License-Identifier: MIT */
/* Who the clone is: hostname, host keys, machine-id, seeds. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "rewrite/plan_priv.h"
#include "rewrite/shellfile.h"

/* ---- names ---- */

static enum identity_choice choose(const struct planner *p, enum identity_choice asked)
{
	if (asked != CHOICE_DEFAULT)
		return asked;
	return p->options->intent == INTENT_COPY ? CHOICE_TARGET : CHOICE_SOURCE;
}

static int choose_hostname(struct planner *p)
{
	const char *name = p->tree.hostname;

	if (p->options->hostname_text)
		name = p->options->hostname_text;
	else if (choose(p, p->options->hostname) == CHOICE_TARGET) {
		name = p->facts->target_hostname;
		if (!name &&
		    plan_note(p, "this machine's own hostname is not known: the clone keeps "
				 "the source's") < 0)
			return -1;
	}
	if (!name)
		name = p->tree.hostname;
	if (p->tree.hostname && !(p->old_hostname = strdup(p->tree.hostname)))
		return plan_nomem(p);
	if (name && !(p->new_hostname = strdup(name)))
		return plan_nomem(p);
	return 0;
}

static int write_name(struct planner *p, const char *path)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&b, "%s\n", p->new_hostname);
	return plan_rewrite(p, path, &b, "the clone's name");
}

/* The text with its last such assignment changed, or one added. Returns 1; 0: its value is computed; -1: no memory. */
static int change_assignment(struct planner *p, const struct strbuf *text, const char *variable,
			     struct strbuf *ret)
{
	struct shell_file f;
	struct shell_var *v;
	int rc = 1;

	if (shell_file_parse(&f, strbuf_str(text), text->len, NULL) < 0)
		return 0;
	v = shell_file_find(&f, variable);
	if (v && (!v->is_simple || v->is_append || strpbrk(v->raw, "$`")))
		rc = 0;
	else if (v && shell_file_set(&f, v, p->new_hostname) < 0)
		rc = plan_nomem(p);
	if (rc > 0)
		shell_file_print(&f, ret);
	if (rc > 0 && !v) {
		if (ret->len && ret->data[ret->len - 1] != '\n')
			strbuf_addc(ret, '\n');
		strbuf_addf(ret, "%s=%s\n", variable, p->new_hostname);
	}
	shell_file_done(&f);
	return rc;
}

/* The network's planner may have changed the file too: it is gone on from there. */
static int assign_name(struct planner *p, const char *path, const char *variable)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read_planned(p, path, &text);

	if (rc <= 0)
		return rc;
	rc = change_assignment(p, &text, variable, &out);
	if (rc < 0)
		return -1;
	if (!rc)
		return plan_note(p, "%s: %s is computed there and was left: the clone's name is %s",
				 path, variable, p->new_hostname);
	return plan_rewrite(p, path, &out, "the clone's name");
}

/* A file of its own; a link leads to one of the others. */
static bool is_own_file(const struct planner *p, const char *path)
{
	struct stat st;

	return root_lstat(p->clone, path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Without systemd nobody on RHEL reads /etc/hostname. */
static bool is_old_rhel(const struct planner *p)
{
	return is_own_file(p, "/etc/sysconfig/network") &&
	       !root_is_dir(p->clone, "/usr/lib/systemd/system") &&
	       !root_is_dir(p->clone, "/lib/systemd/system");
}

/*
 * Every file that the source's family keeps the name in (inspect.c, find_hostname): OpenRC reads two of them, one after the
 * other, so all that are there say the same afterwards.
 */
static int plan_hostname(struct planner *p)
{
	static const char *const files[] = { "/etc/hostname", "/etc/HOSTNAME" };
	bool is_written = false;
	size_t i;

	if (choose_hostname(p) < 0)
		return -1;
	if (!p->new_hostname || (p->old_hostname && strcmp(p->old_hostname, p->new_hostname) == 0))
		return 0;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (!is_own_file(p, files[i]))
			continue;
		if (write_name(p, files[i]) < 0)
			return -1;
		is_written = true;
	}
	if (is_own_file(p, "/etc/conf.d/hostname")) {
		if (assign_name(p, "/etc/conf.d/hostname", "hostname") < 0)
			return -1;
		is_written = true;
	}
	if (is_old_rhel(p)) {
		if (assign_name(p, "/etc/sysconfig/network", "HOSTNAME") < 0)
			return -1;
		is_written = true;
	}
	return is_written ? 0 : write_name(p, "/etc/hostname");
}

/* The target's first static address of the same family, without its prefix length. */
static char *target_address(const struct planner *p, bool v6)
{
	unsigned i;
	size_t n;

	for (i = 0; i < p->target_net.link_count; i++)
		for (n = 0; n < p->target_net.links[i].addresses.count; n++) {
			const char *a = p->target_net.links[i].addresses.items[n];

			if (!strchr(a, ':') == !v6)
				return strndup(a, strcspn(a, "/"));
		}
	return NULL;
}

static bool has_full_name(const struct planner *p, const char *s, size_t len)
{
	char full[256];

	snprintf(full, sizeof(full), "%s.", p->old_hostname ? p->old_hostname : "");
	return full[1] && memmem(s, len, full, strlen(full));
}

/*
 * Copies the words of a hosts line. The old name becomes the new one, also in front of a domain ("web.example.org"). Blanks
 * stay as they are.
 */
static void add_names(const struct planner *p, const char *s, size_t len, struct strbuf *out)
{
	size_t old = p->old_hostname ? strlen(p->old_hostname) : 0;
	const char *end = s + len;
	bool full = has_full_name(p, s, len);

	while (s < end) {
		size_t n = strcspn(s, " \t\n#");

		if (s + n > end)
			n = (size_t)(end - s);
		if (n == 0) {
			if (*s == '#') {
				strbuf_add(out, s, (size_t)(end - s));
				return;
			}
			strbuf_addc(out, *s++);
			continue;
		}
		if (old && p->new_hostname && n >= old && strncmp(s, p->old_hostname, old) == 0 &&
		    (n == old || s[old] == '.')) {
			/* "shop.example.org" beside its short name gives "shop" for the latter */
			size_t short_len = full && n == old ? strcspn(p->new_hostname, ".")
							    : strlen(p->new_hostname);

			strbuf_add(out, p->new_hostname, short_len);
			/* a full name that was given replaces the domain as well */
			if (!strchr(p->new_hostname, '.') || strchr(p->old_hostname, '.'))
				strbuf_add(out, s + old, n - old);
		} else {
			strbuf_add(out, s, n);
		}
		s += n;
	}
}

static int add_hosts_line(struct planner *p, const char *line, size_t len, struct strbuf *out)
{
	const char *s = line + strspn(line, " \t");
	size_t n = strcspn(s, " \t\n#");
	char *address cleanup_free = NULL;
	bool renamed = p->old_hostname && p->new_hostname &&
		       strcmp(p->old_hostname, p->new_hostname) != 0;

	if ((size_t)(s - line) + n > len || n == 0) {
		strbuf_add(out, line, len);
		return 0;
	}
	if (plan_is_lost_address(p, s, n)) {
		address = target_address(p, memchr(s, ':', n) != NULL);
		if (!address) {
			if (plan_note(p, "/etc/hosts names the source's address %.*s", (int)n, s) <
			    0)
				return -1;
			strbuf_add(out, line, len);
			return 0;
		}
		if (plan_note(p, "/etc/hosts: %.*s became %s", (int)n, s, address) < 0)
			return -1;
		strbuf_add(out, line, (size_t)(s - line));
		strbuf_adds(out, address);
	} else {
		strbuf_add(out, line, (size_t)(s - line) + n);
		renamed = renamed && (n == 9 ? strncmp(s, "127.0.1.1", 9) == 0 ||
						       strncmp(s, "127.0.0.1", 9) == 0
					     : n == 3 && strncmp(s, "::1", 3) == 0);
	}
	s += n;
	len -= (size_t)(s - line);
	if (renamed)
		add_names(p, s, len, out);
	else
		strbuf_add(out, s, len);
	return 0;
}

static int plan_hosts(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	const char *s;
	int rc = plan_read(p, "/etc/hosts", &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s;) {
		size_t len = strcspn(s, "\n");

		len += s[len] == '\n';
		if (add_hosts_line(p, s, len, &out) < 0)
			return -1;
		s += len;
	}
	return plan_rewrite(p, "/etc/hosts", &out, "the clone's name and address");
}

static int plan_mailname(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, "/etc/mailname", &text);

	if (rc <= 0)
		return rc;
	if (!p->old_hostname || !p->new_hostname || strcmp(p->old_hostname, p->new_hostname) == 0)
		return 0;
	add_names(p, strbuf_str(&text), text.len, &out);
	return plan_rewrite(p, "/etc/mailname", &out, "the clone's name");
}

/* ---- SSH host keys ---- */

static bool is_host_key(const char *name)
{
	return str_starts(name, "ssh_host_") &&
	       (str_ends(name, "_key") || str_ends(name, "_key.pub"));
}

static int list_host_keys(struct planner *p, const struct root *root, struct strlist *ret)
{
	struct strlist all cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root || !root_is_dir(root, "/etc/ssh"))
		return 0;
	if (root_list(root, "/etc/ssh", &all, p->e) < 0)
		return -1;
	for (i = 0; i < all.count; i++)
		if (is_host_key(all.items[i]) && strlist_add(ret, all.items[i]) < 0)
			return plan_nomem(p);
	return 0;
}

static int set_done_keys(struct planner *p, const char *what)
{
	free(p->done_host_keys);
	p->done_host_keys = strdup(what);
	return p->done_host_keys ? 0 : plan_nomem(p);
}

static int remove_host_keys(struct planner *p, const struct strlist *present,
			    const struct strlist *except)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < present->count; i++) {
		if (except && strlist_has(except, present->items[i]))
			continue;
		snprintf(path, sizeof(path), "/etc/ssh/%s", present->items[i]);
		if (plan_remove_secret(p, path, "the source's SSH host key stays with the source") <
		    0)
			return -1;
	}
	return 0;
}

static int make_new_keys(struct planner *p, const struct strlist *present)
{
	static const char *const argv[] = { "/usr/bin/ssh-keygen", "-A", NULL };
	struct tool_step *step;

	if (!root_is_file(p->clone, argv[0]))
		return plan_block(p, "new SSH host keys were asked for, but the source has no "
				     "/usr/bin/ssh-keygen");
	if (!p->done_host_keys || strcmp(p->done_host_keys, "new") != 0)
		if (remove_host_keys(p, present, NULL) < 0)
			return -1;
	step = plan_step(p, "SSH host keys", 120, "a copy needs host keys of its own");
	if (!step || plan_words(p, &step->argv, argv) < 0 ||
	    plan_words(p, &step->inputs, (const char *const[]){ RW_STATE, NULL }) < 0 ||
	    plan_words(p, &step->outputs,
		       (const char *const[]){ "/etc/ssh/ssh_host_ed25519_key", NULL }) < 0)
		return -1;
	return set_done_keys(p, "new");
}

static int copy_target_keys(struct planner *p, const struct strlist *present)
{
	struct strlist own cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (list_host_keys(p, p->facts->target_files, &own) < 0)
		return -1;
	if (!own.count)
		return plan_block(p, "this machine's own SSH host keys were not found: choose "
				     "--host-keys source or --host-keys new");
	for (i = 0; i < own.count; i++) {
		struct strbuf key cleanup_strbuf = STRBUF_INIT;

		snprintf(path, sizeof(path), "/etc/ssh/%s", own.items[i]);
		if (plan_read_target(p, path, &key) <= 0)
			return err_is_set(p->e)
				       ? -1
				       : plan_block(p, "this machine's %s cannot be read", path);
		if (plan_write_secret(p, path, strbuf_str(&key), key.len,
				      str_ends(path, ".pub") ? 0644 : 0600,
				      "this machine's own SSH host key") < 0)
			return -1;
	}
	return remove_host_keys(p, present, &own) < 0 ? -1 : set_done_keys(p, "target");
}

static int plan_host_keys(struct planner *p)
{
	struct strlist present cleanup_strlist = STRLIST_INIT;

	if (!root_is_dir(p->clone, "/etc/ssh"))
		return 0;
	if (list_host_keys(p, p->clone, &present) < 0)
		return -1;
	switch (choose(p, p->options->host_keys)) {
	case CHOICE_NEW:
		return make_new_keys(p, &present);
	case CHOICE_TARGET:
		return copy_target_keys(p, &present);
	default:
		break;
	}
	if (p->done_host_keys)
		return plan_block(p,
				  "the source's SSH host keys were already replaced in the clone: "
				  "'rollback --discard' and send it again to keep them");
	if (!present.count)
		return plan_note(p,
				 "the source brought no SSH host keys: sshd makes none by itself");
	return 0;
}

/* ---- machine-id, seeds ---- */

int rewrite_draw_machine_id(char *ret, struct err *e)
{
	uint8_t raw[16];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return err_set(e, ERR_INTERNAL, errno, "random numbers");
	raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40); /* as machine-id(5): a version 4 UUID */
	raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
	hex_of(raw, sizeof(raw), ret);
	return 0;
}

static int new_machine_id(struct planner *p)
{
	char hex[33];

	if (!p->options->machine_id && rewrite_draw_machine_id(hex, p->e) < 0)
		return -1;
	p->done_machine_id = strdup(p->options->machine_id ? p->options->machine_id : hex);
	return p->done_machine_id ? 0 : plan_nomem(p);
}

static int plan_machine_id(struct planner *p)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct stat st;

	if (p->options->intent != INTENT_COPY || !p->tree.machine_id)
		return 0;
	if (!p->done_machine_id && new_machine_id(p) < 0)
		return -1;
	strbuf_addf(&b, "%s\n", p->done_machine_id);
	if (b.failed)
		return plan_nomem(p);
	if (strcmp(p->done_machine_id, p->tree.machine_id) != 0) {
		char journal[PATH_MAX];

		snprintf(journal, sizeof(journal), "/var/log/journal/%.64s", p->tree.machine_id);
		if (root_is_dir(p->clone, journal) &&
		    plan_note(p, "the source's journal is read with: journalctl -D %s", journal) <
			    0)
			return -1;
	}
	if (plan_write(p, "/etc/machine-id", strbuf_str(&b), b.len, -1,
		       "a copy must not have the source's machine id") < 0)
		return -1;
	if (root_lstat(p->clone, "/var/lib/dbus/machine-id", &st) == 0 && S_ISREG(st.st_mode))
		return plan_write(p, "/var/lib/dbus/machine-id", strbuf_str(&b), b.len, -1,
				  "the same id for D-Bus");
	return 0;
}

static int remove_seeds(struct planner *p)
{
	static const char *const seeds[] = {
		"/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
		"/var/lib/misc/random-seed",	"/var/lib/random-seed",
		"/var/lib/seedrng/seed.credit", "/var/lib/seedrng/seed.no-credit"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(seeds); i++)
		if (plan_remove_secret(p, seeds[i], "two machines must not share a random seed") <
		    0)
			return -1;
	return 0;
}

int plan_identity(struct planner *p)
{
	if (plan_hostname(p) < 0 || plan_hosts(p) < 0 || plan_mailname(p) < 0)
		return -1;
	return plan_host_keys(p) < 0 || plan_machine_id(p) < 0 || remove_seeds(p) < 0 ? -1 : 0;
}
