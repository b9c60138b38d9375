/* SPDX-License-Identifier: MIT */
/* That somebody can get in over the network: sshd runs, listens on an address of this machine, accepts a login. */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "job/check_priv.h"
#include "rewrite/net.h"

#define TEXT_MAX (1 << 20)

struct sshd {
	struct strlist listen; /* ListenAddress values */
	char permit_root[32];  /* "": the default */
	bool no_password, no_pubkey;
};

static void take_option(struct sshd *s, const char *key, const char *value)
{
	/* The first value of a keyword counts (sshd_config(5)); ListenAddress adds up. */
	if (strcasecmp(key, "ListenAddress") == 0) {
		if (strlist_add(&s->listen, value) < 0)
			return;
	} else if (strcasecmp(key, "PermitRootLogin") == 0 && !s->permit_root[0]) {
		snprintf(s->permit_root, sizeof(s->permit_root), "%.31s", value);
	} else if (strcasecmp(key, "PasswordAuthentication") == 0 && strcasecmp(value, "no") == 0) {
		s->no_password = true;
	} else if (strcasecmp(key, "PubkeyAuthentication") == 0 && strcasecmp(value, "no") == 0) {
		s->no_pubkey = true;
	}
}

static void read_config(const struct root *view, const char *path, struct sshd *s, unsigned depth);

static void include_config(const struct root *view, const char *pattern, struct sshd *s,
			   unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char folder[256];
	const char *slash;
	size_t i;

	if (pattern[0] == '/')
		snprintf(folder, sizeof(folder), "%.255s", pattern);
	else
		snprintf(folder, sizeof(folder), "/etc/ssh/%.200s", pattern);
	slash = strrchr(folder, '/');
	pattern = strrchr(pattern, '/') ? strrchr(pattern, '/') + 1 : pattern;
	folder[slash - folder] = '\0';
	if (root_list(view, folder, &names, NULL) < 0)
		return;
	for (i = 0; i < names.count; i++) {
		char path[600];

		snprintf(path, sizeof(path), "%s/%.255s", folder, names.items[i]);
		if (fnmatch(pattern, names.items[i], FNM_PERIOD) == 0)
			read_config(view, path, s, depth + 1);
	}
}

static void read_config(const struct root *view, const char *path, struct sshd *s, unsigned depth)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > 8 || root_read(view, path, &text, TEXT_MAX, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return;
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;

		if (strlist_split(&words, lines.items[i], " \t=\"") < 0 || words.count < 2 ||
		    words.items[0][0] == '#')
			continue;
		if (strcasecmp(words.items[0], "Match") == 0)
			return; /* only for some connections: not what decides here */
		if (strcasecmp(words.items[0], "Include") == 0)
			include_config(view, words.items[1], s, depth);
		else
			take_option(s, words.items[0], words.items[1]);
	}
}

/* "192.0.2.10:22", "[2001:db8::1]:22", "0.0.0.0" against "192.0.2.10/24". */
static bool is_wildcard(const char *value)
{
	return str_starts(value, "0.0.0.0") || strcmp(value, "::") == 0 ||
	       str_starts(value, "[::]") || strcmp(value, "*") == 0;
}

static bool fits_address(const char *value, const char *address)
{
	size_t len = strcspn(address, "/");
	const char *v = value[0] == '[' ? value + 1 : value;

	return strncmp(v, address, len) == 0 && (!v[len] || v[len] == ':' || v[len] == ']');
}

static void check_listen(struct check *c, const struct sshd *s, const struct net_model *net)
{
	bool has_dhcp = false, any = false;
	unsigned l;
	size_t i, a;

	for (i = 0; i < s->listen.count; i++) {
		bool fits = is_wildcard(s->listen.items[i]);

		for (l = 0; l < net->link_count; l++) {
			has_dhcp |= net->links[l].v4 == NET_DHCP || net->links[l].v6 == NET_DHCP ||
				    net->links[l].v6 == NET_AUTO;
			for (a = 0; a < net->links[l].addresses.count; a++)
				fits |= fits_address(s->listen.items[i],
						     net->links[l].addresses.items[a]);
		}
		any |= fits;
		if (!fits)
			check_add(c, FINDING_WARNING, "sshd",
				  "sshd_config says ListenAddress %s, which is not an address of "
				  "this "
				  "machine",
				  s->listen.items[i]);
	}
	if (s->listen.count && !any && !has_dhcp)
		check_add(c, FINDING_BLOCKER, "sshd",
			  "sshd would listen on no address of this machine");
}

static void check_host_keys(struct check *c)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(c->view, "/etc/ssh", &names, NULL) == 0)
		for (i = 0; i < names.count; i++) {
			char path[512];
			struct stat st;

			snprintf(path, sizeof(path), "/etc/ssh/%.255s", names.items[i]);
			if (fnmatch("ssh_host_*_key", names.items[i], 0) == 0 &&
			    root_stat(c->view, path, &st) == 0 && st.st_size > 0)
				return;
		}
	check_add(c, FINDING_BLOCKER, "host-keys",
		  "there is no SSH host key in /etc/ssh: sshd would not start");
}

static bool is_enabled(const struct root *view)
{
	static const char *const links[] = {
		"/etc/systemd/system/multi-user.target.wants/ssh.service",
		"/etc/systemd/system/multi-user.target.wants/sshd.service",
		"/etc/systemd/system/sockets.target.wants/ssh.socket",
		"/etc/systemd/system/ssh.service.requires/ssh.socket",
	};
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (root_lstat(view, links[i], &st) == 0)
			return true;
	if (root_list(view, "/etc/rc2.d", &names, NULL) == 0)
		for (i = 0; i < names.count; i++)
			if (fnmatch("S[0-9][0-9]ssh*", names.items[i], 0) == 0)
				return true;
	return false;
}

static bool has_keys(const struct root *view, const char *home)
{
	static const char *const files[] = { "authorized_keys", "authorized_keys2" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%.400s/.ssh/%s", home, files[i]);
		if (root_stat(view, path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			return true;
	}
	return false;
}

/* Accounts of /etc/passwd with a home, and whether /etc/shadow has a password for them. */
static void find_logins(const struct root *view, bool *ret_root_key, bool *ret_other_key,
			bool *ret_root_password, bool *ret_other_password)
{
	struct strbuf passwd cleanup_strbuf = STRBUF_INIT, shadow cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char *line, *save = NULL;
	char *text;

	if (root_read(view, "/etc/shadow", &shadow, TEXT_MAX, NULL) == 0 && shadow.len) {
		for (line = strtok_r(shadow.data, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *hash = strchr(line, ':');

			/* A hash begins with '$' (or is 13 bytes of old crypt); '!' and '*' lock. */
			if (!hash || (hash[1] != '$' && strcspn(hash + 1, ":") != 13))
				continue;
			*(strncmp(line, "root:", 5) == 0 ? ret_root_password
							 : ret_other_password) = true;
		}
	}
	if (root_read(view, "/etc/passwd", &passwd, TEXT_MAX, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&passwd), "\n") < 0)
		return;
	for (size_t i = 0; i < lines.count; i++) {
		char *field[7] = { 0 };
		unsigned n = 0;

		for (text = lines.items[i]; text && n < 7; n++) {
			field[n] = strsep(&text, ":");
		}
		if (n < 7 || field[5][0] != '/' || strstr(field[6], "nologin") ||
		    strstr(field[6], "/false"))
			continue;
		if (has_keys(view, field[5]))
			*(strcmp(field[0], "root") == 0 ? ret_root_key : ret_other_key) = true;
	}
}

static void check_accounts(struct check *c, const struct sshd *s)
{
	bool root_key = false, other_key = false, root_password = false, other_password = false;
	bool root_out = strcasecmp(s->permit_root, "no") == 0;
	bool root_with_password = strcasecmp(s->permit_root, "yes") == 0;

	find_logins(c->view, &root_key, &other_key, &root_password, &other_password);
	if (!s->no_pubkey && (other_key || (root_key && !root_out)))
		return;
	if (!s->no_password && (other_password || (root_password && root_with_password)))
		return;
	if (root_password || other_password)
		check_add(
			c, FINDING_WARNING, "login",
			"nobody can log in over SSH (no key, or sshd_config forbids it); passwords "
			"work on the console only");
	else
		check_add(c, FINDING_BLOCKER, "login",
			  "nobody could log in: no authorized_keys and no password in the clone");
}

int check_login(struct check *c, struct err *e)
{
	struct sshd s = { 0 };
	struct net_model net = { 0 };

	if (!root_is_file(c->view, "/usr/sbin/sshd")) {
		check_add(c, FINDING_WARNING, "sshd",
			  "the clone has no SSH server: it can be reached by its console only");
		return 0;
	}
	if (!is_enabled(c->view))
		check_add(c, FINDING_WARNING, "sshd", "the SSH server is not started at boot");
	check_host_keys(c);
	read_config(c->view, "/etc/ssh/sshd_config", &s, 0);
	if (net_read(&net, c->view, e) < 0) {
		strlist_done(&s.listen);
		return err_ctx(e, "reading the clone's network files");
	}
	check_listen(c, &s, &net);
	check_accounts(c, &s);
	net_done(&net);
	strlist_done(&s.listen);
	return 0;
}
