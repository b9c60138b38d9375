/* SPDX-License-Identifier: MIT */
#include "rewrite/mentions.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

/* Where configuration lies that names addresses. */
static const char *const folders[] = { "/etc",		 "/usr/local/etc",	"/var/named",
				       "/var/lib/bind",	 "/var/lib/named",	"/var/bind",
				       "/var/lib/pgsql", "/var/lib/postgresql", "/var/spool/cron",
				       "/root/.ssh" };

/*
 * Whose file it is, by patterns in which '*' crosses folders; the first that fits counts. words: the first word of lines that bind to
 * an address, which is the machine's then even where its own are not known. docs/adding.md
 */
static const struct service {
	const char *name;
	const char *paths[6];
	const char *words[8];
} services[] = {
	{ "sshd", { "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*" }, { "ListenAddress" } },
	{ "postfix",
	  { "/etc/postfix/*" },
	  { "inet_interfaces", "smtp_bind_address", "smtp_bind_address6", "proxy_interfaces" } },
	{ "exim",
	  { "/etc/exim4/*", "/etc/exim/*" },
	  { "dc_local_interfaces", "local_interfaces" } },
	{ "dovecot", { "/etc/dovecot/*" }, { "listen", "address" } },
	{ "apache",
	  { "/etc/apache2/*", "/etc/httpd/*" },
	  { "Listen", "VirtualHost", "NameVirtualHost" } },
	{ "nginx", { "/etc/nginx/*" }, { "listen" } },
	{ "lighttpd", { "/etc/lighttpd/*" }, { "server.bind" } },
	{ "haproxy", { "/etc/haproxy/*" }, { "bind" } },
	{ "varnish", { "/etc/varnish/*", "/etc/default/varnish" }, { NULL } },
	{ "squid", { "/etc/squid*" }, { "http_port", "https_port", "tcp_outgoing_address" } },
	{ "grants", { "*/pg_hba.conf" }, { NULL } },
	{ "postgresql", { "*/postgresql*.conf" }, { "listen_addresses" } },
	{ "mysql",
	  { "/etc/mysql/*", "/etc/my.cnf", "/etc/my.cnf.d/*" },
	  { "bind-address", "bind_address", "report-host", "report_host" } },
	{ "mongodb", { "/etc/mongo*" }, { "bindIp", "bind_ip" } },
	{ "redis", { "/etc/redis*", "/etc/valkey*" }, { "bind" } },
	{ "memcached", { "/etc/memcached.conf", "/etc/sysconfig/memcached" }, { "-l", "OPTIONS" } },
	{ "zones",
	  { "/etc/bind/*", "/etc/named*", "/var/named/*", "/var/lib/bind/*", "/var/lib/named/*",
	    "/var/bind/*" },
	  { "listen-on", "listen-on-v6", "query-source", "notify-source", "transfer-source" } },
	{ "unbound", { "/etc/unbound/*" }, { "interface", "outgoing-interface" } },
	{ "nsd", { "/etc/nsd/*" }, { "ip-address" } },
	{ "powerdns",
	  { "/etc/powerdns/*", "/etc/pdns*" },
	  { "local-address", "query-local-address" } },
	{ "dnsmasq", { "/etc/dnsmasq*" }, { "listen-address" } },
	{ "ftp",
	  { "/etc/vsftpd*", "/etc/proftpd*", "/etc/pure-ftpd/*" },
	  { "listen_address", "listen_address6", "pasv_address", "DefaultAddress",
	    "MasqueradeAddress", "VirtualHost" } },
	{ "samba", { "/etc/samba/*" }, { "interfaces" } },
	{ "snmp", { "/etc/snmp/*" }, { "agentaddress", "agentAddress" } },
	{ "ntp", { "/etc/chrony*", "/etc/ntp*" }, { "bindaddress", "interface" } },
	{ "vpn",
	  { "/etc/wireguard/*", "/etc/openvpn/*", "/etc/ipsec*", "/etc/swanctl/*",
	    "/etc/strongswan*" },
	  { "local", "left", "leftsourceip", "local_addrs" } },
	{ "cluster",
	  { "/etc/keepalived/*", "/etc/corosync/*", "/etc/ha.d/*", "/etc/etcd/*",
	    "/etc/kubernetes/*" },
	  { "bindnetaddr", "ring0_addr", "ring1_addr", "mcast_src_ip", "unicast_src_ip" } },
	{ "docker", { "/etc/docker/*" }, { NULL } },
	{ "firewall",
	  { "/etc/nftables*", "/etc/iptables*", "/etc/sysconfig/*tables*", "/etc/ufw/*",
	    "/etc/firewalld/*", "/etc/shorewall*" },
	  { NULL } },
	{ "firewall", { "/etc/ferm/*", "/etc/csf/*", "/etc/fail2ban/*" }, { NULL } },
	{ "access",
	  { "/etc/hosts.allow", "/etc/hosts.deny", "/etc/security/access.conf" },
	  { NULL } },
	{ "nfs", { "/etc/exports", "/etc/exports.d/*" }, { NULL } },
	{ "hosts", { "/etc/hosts", "/etc/cloud/templates/*" }, { NULL } },
	{ "network",
	  { "/etc/network/*", "/etc/netplan/*", "/etc/systemd/network/*", "/etc/NetworkManager/*",
	    "/etc/sysconfig/network*", "/etc/resolv*" },
	  { NULL } },
	{ "network",
	  { "/etc/conf.d/net*", "/etc/netctl/*", "/etc/dhcp*", "/etc/udev/*" },
	  { NULL } },
	{ "cron", { "/etc/cron*", "/var/spool/cron/*" }, { NULL } },
	{ "ssh keys", { "/root/.ssh/*", "/etc/ssh/*" }, { NULL } },
};
static const struct service other = { "other", { NULL }, { NULL } };

static const struct service *find_service(const char *path)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(services); i++)
		for (n = 0; n < ARRAY_SIZE(services[i].paths) && services[i].paths[n]; n++)
			if (fnmatch(services[i].paths[n], path, 0) == 0)
				return &services[i];
	return &other;
}

/* ---- addresses ---- */

static bool parse_address(const char *text, struct mention_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->is_v6 = strchr(text, ':') != NULL;
	return inet_pton(ret->is_v6 ? AF_INET6 : AF_INET, text, ret->bytes) == 1;
}

/* Loopback, wildcards, netmasks, multicast, link-local IPv6: no address that a machine is known by. */
static bool is_common(const struct mention_address *a)
{
	static const unsigned char zero[16];
	const unsigned char *b = a->bytes;

	if (!a->is_v6)
		return b[0] == 0 || b[0] == 127 || b[0] >= 224;
	return memcmp(b, zero, 15) == 0 || b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static bool is_own(const struct mentions *m, const struct mention_address *a)
{
	size_t i;

	for (i = 0; i < m->own_count; i++)
		if (memcmp(&m->own[i], a, sizeof(*a)) == 0)
			return true;
	return false;
}

int mentions_add_own(struct mentions *m, const char *address)
{
	struct mention_address a, *grown;
	char text[INET6_ADDRSTRLEN];
	size_t len = strcspn(address, "/");

	if (len >= sizeof(text))
		return 0;
	memcpy(text, address, len);
	text[len] = '\0';
	if (!parse_address(text, &a) || is_common(&a) || is_own(m, &a) || m->own_count >= 256)
		return 0;
	grown = reallocarray(m->own, m->own_count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	m->own = grown;
	m->own[m->own_count++] = a;
	return 0;
}

/* ---- one text ---- */

static int add(struct mentions *m, const char *file, size_t line, const char *address,
	       const char *service, bool binds, bool own, struct err *e)
{
	struct mention *grown = NULL;

	if (m->count >= MENTIONS_MAX) {
		m->is_cut = true;
		return 0;
	}
	if (m->count % 64 == 0) {
		grown = reallocarray(m->items, m->count + 64, sizeof(*grown));
		if (!grown)
			return err_set(e, ERR_NOMEM, 0, "searching %s", file);
		m->items = grown;
	}
	grown = &m->items[m->count];
	*grown = (struct mention){ .file = strdup(file),
				   .line = line,
				   .address = strdup(address),
				   .service = strdup(service),
				   .binds = binds,
				   .is_own = own };
	m->count++;
	return grown->file && grown->address && grown->service
		       ? 0
		       : err_set(e, ERR_NOMEM, 0, "searching %s", file);
}

static bool is_token(int c)
{
	return isxdigit(c) || c == '.' || c == ':';
}

/* The piece of a line from s, len bytes, when it is an address that is not part of a longer name or number. */
static bool take_address(const char *line, const char *s, size_t len, char text[INET6_ADDRSTRLEN],
			 struct mention_address *ret)
{
	if (s > line && (isalnum((unsigned char)s[-1]) || s[-1] == '_' || s[-1] == '-'))
		return false; /* "v1.2.3.4", "host-10.1.2.3" */
	/* a full stop that ends a sentence, a colon that is not of the address */
	while (len && (s[len - 1] == '.' || (s[len - 1] == ':' && (len < 2 || s[len - 2] != ':'))))
		len--;
	if (len < 2 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return parse_address(text, ret);
}

/* The next address of the line, or NULL. "192.0.2.1:80" and "server:192.0.2.1" have one as well. */
static const char *next_address(const char *s, const char *end, const char *line,
				char text[INET6_ADDRSTRLEN], struct mention_address *ret)
{
	while (s < end) {
		const char *start, *colon, *last;

		while (s < end && !is_token((unsigned char)*s))
			s++;
		start = s;
		while (s < end && is_token((unsigned char)*s))
			s++;
		if (s == start || (s < end && (isalnum((unsigned char)*s) || *s == '_')))
			continue;
		colon = memchr(start, ':', (size_t)(s - start));
		last = memrchr(start, ':', (size_t)(s - start));
		if (take_address(line, start, (size_t)(s - start), text, ret) ||
		    (colon && take_address(line, start, (size_t)(colon - start), text, ret)) ||
		    (last && take_address(line, last + 1, (size_t)(s - last - 1), text, ret)))
			return s;
	}
	return NULL;
}

/* Whether the line's first word is one of those that bind to an address: "<VirtualHost ", "listen_addresses =". */
static bool binds(const struct service *s, const char *line, const char *end)
{
	size_t i, len;

	while (line < end && strchr(" \t<-\"'", *line) && *line)
		line++;
	for (len = 0; line + len < end && !strchr(" \t=:>{\"'", line[len]); len++)
		;
	for (i = 0; i < ARRAY_SIZE(s->words) && s->words[i]; i++) {
		const char *word = s->words[i] + (s->words[i][0] == '-');

		if (strlen(word) == len && strncasecmp(word, line, len) == 0)
			return true;
	}
	return false;
}

struct text_scan {
	struct mentions *m;
	const char *path;
	const struct service *service;
	size_t number, hits;
	struct err *e;
};

static bool is_comment(const char *line, const char *end)
{
	while (line < end && isspace((unsigned char)*line))
		line++;
	if (line == end || *line == '#')
		return true;
	return *line == ';' || (end - line > 1 && memcmp(line, "//", 2) == 0);
}

static int scan_line(struct text_scan *t, const char *line, const char *end)
{
	bool listens = binds(t->service, line, end);
	char address[INET6_ADDRSTRLEN];
	struct mention_address a;
	const char *s = line;

	while (t->hits < MENTIONS_OF_FILE_MAX && (s = next_address(s, end, line, address, &a))) {
		bool own = is_own(t->m, &a);

		if (!own && (!listens || is_common(&a)))
			continue;
		t->hits++;
		if (add(t->m, t->path, t->number, address, t->service->name, listens, own, t->e) <
		    0)
			return -1;
	}
	return 0;
}

int mentions_scan_text(struct mentions *m, const char *path, const char *text, size_t len,
		       struct err *e)
{
	struct text_scan t = { .m = m, .path = path, .service = find_service(path), .e = e };
	const char *end = text + len;

	while (text < end && t.hits < MENTIONS_OF_FILE_MAX) {
		const char *nl = memchr(text, '\n', (size_t)(end - text)), *stop = nl ? nl : end;

		t.number++;
		if (!is_comment(text, stop) && scan_line(&t, text, stop) < 0)
			return -1;
		text = stop + 1;
	}
	m->is_cut |= t.hits >= MENTIONS_OF_FILE_MAX;
	return 0;
}

/* ---- the tree ---- */

struct walk {
	struct mentions *m;
	const struct root *root;
	const struct strlist *but;
	struct err *e;
};

static bool is_full(const struct mentions *m)
{
	return m->count >= MENTIONS_MAX || m->files + m->skipped >= MENTIONS_FILES_MAX ||
	       m->bytes >= MENTIONS_BYTES_MAX;
}

static int scan_file(struct walk *w, const char *path, const struct stat *st)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct mentions *m = w->m;

	if (w->but && strlist_has(w->but, path))
		return 0;
	if (st->st_size > MENTIONS_FILE_MAX ||
	    root_read(w->root, path, &text, MENTIONS_FILE_MAX, NULL) < 0) {
		m->skipped++;
		return 0;
	}
	m->bytes += text.len;
	if (text.len && memchr(text.data, '\0', text.len)) {
		m->skipped++;
		return 0;
	}
	m->files++;
	return mentions_scan_text(m, path, strbuf_str(&text), text.len, w->e);
}

static int scan_dir(struct walk *w, const char *dir, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	if (depth > MENTIONS_DEPTH_MAX) {
		w->m->is_cut = true;
		return 0;
	}
	if (root_list(w->root, dir, &names, NULL) < 0) {
		w->m->skipped++;
		return 0;
	}
	for (i = 0; i < names.count; i++) {
		if (is_full(w->m)) {
			w->m->is_cut = true;
			return 0;
		}
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >=
			    (int)sizeof(path) ||
		    root_lstat(w->root, path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) ? scan_dir(w, path, depth + 1) < 0
					: S_ISREG(st.st_mode) && scan_file(w, path, &st) < 0)
			return -1;
	}
	return 0;
}

int mentions_find(struct mentions *m, const struct root *root, const struct strlist *but,
		  struct err *e)
{
	struct walk w = { .m = m, .root = root, .but = but, .e = e };
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		if (root_lstat(root, folders[i], &st) == 0 && S_ISDIR(st.st_mode) &&
		    scan_dir(&w, folders[i], 0) < 0)
			return -1;
	return 0;
}

void mentions_done(struct mentions *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->items[i].file);
		free(m->items[i].address);
		free(m->items[i].service);
	}
	free(m->items);
	free(m->own);
	*m = (struct mentions){ 0 };
}
