/* SPDX-License-Identifier: MIT */
/*
 * conf.cpio: what makes the planted rescue the same as this one for its operator. It is unpacked over the initrd; the files are those that
 * an operator bakes into an image (docs/architecture.md section 2).
 */
#include <errno.h>
#include <string.h>

#include "base/cpio.h"
#include "base/io.h"
#include "base/json.h"
#include "job/loader_priv.h"

#define FILE_LIMIT 262144

/* The first of two files that is there; none is no error. */
static int add_file(struct strbuf *b, const char *name, const char *baked, const char *run_name,
		    struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	char path[256];

	if (!baked || file_slurp(baked, &data, FILE_LIMIT, NULL) < 0) {
		strbuf_done(&data);
		if (file_slurp(run_path(path, sizeof(path), run_name), &data, FILE_LIMIT, NULL) < 0)
			return errno == ENOENT ? 0 : err_set(e, ERR_FILE, errno, "%s", path);
	}
	if (data.len)
		cpio_add(b, name, 0100600, data.data, data.len);
	return 0;
}

/* The options of this start, without what was about this start alone (as in loader_sort_words()). */
static int add_options(struct strbuf *b, struct err *e)
{
	static const char *const own[] = { "planted=", "wanted=", "medium=", "entered=" };
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	struct strbuf kept cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[256];
	size_t i, k;

	if (file_slurp(run_path(path, sizeof(path), "options"), &data, FILE_LIMIT, NULL) < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_FILE, errno, "%s", path);
	if (strlist_split(&lines, strbuf_str(&data), "\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "conf.cpio");
	for (i = 0; i < lines.count; i++) {
		for (k = 0; k < ARRAY_SIZE(own) && !str_starts(lines.items[i], own[k]); k++)
			;
		if (k == ARRAY_SIZE(own))
			strbuf_addf(&kept, "%s\n", lines.items[i]);
	}
	if (kept.failed)
		return err_set(e, ERR_NOMEM, 0, "conf.cpio");
	if (kept.len)
		cpio_add(b, "etc/rehost/options", 0100600, kept.data, kept.len);
	return 0;
}

/* ---- the network ---- */

static bool has_word(const struct strlist *words, const char *name)
{
	size_t i;

	for (i = 0; i < words->count; i++) {
		if (str_starts(words->items[i], name))
			return true;
	}
	return false;
}

static void add_ip_word(struct strbuf *b, const char *cidr, const char *gateway, const char *mac)
{
	const char *slash = strchr(cidr, '/');
	const char *open = strchr(cidr, ':') ? "[" : "", *close = *open ? "]" : "";
	bool has_gateway = gateway && !strchr(gateway, ':') == !*open;

	if (!slash)
		return;
	strbuf_addf(b, "ip=%s%.*s%s::%s%s%s:%s::%s:none\n", open, (int)(slash - cidr), cidr, close,
		    has_gateway ? open : "", has_gateway ? gateway : "", has_gateway ? close : "",
		    slash + 1, mac);
}

/*
 * How this rescue's network is, in words. Only when nobody gave words and something beside DHCP made it (a seed, which may
 * be detached by then): what DHCP gives is asked for again.
 */
static void add_network(struct strbuf *b, const json_t *net)
{
	const json_t *links = json_object_get(net, "links"), *link, *item;
	bool is_static = false;
	size_t i, k;

	json_array_foreach(links, i, link)
	{
		const char *method = json_string_value(json_object_get(link, "method"));

		is_static |= method && strcmp(method, "static") == 0;
	}
	json_array_foreach(is_static ? links : NULL, i, link)
	{
		const char *method = json_string_value(json_object_get(link, "method"));
		const char *mac = json_string_value(json_object_get(link, "mac"));
		const char *gateway = json_string_value(json_object_get(link, "gateway"));
		char dashed[18] = "";

		if (!mac || !method || strlen(mac) != 17)
			continue;
		for (k = 0; k < 17; k++)
			dashed[k] = mac[k] == ':' ? '-' : mac[k];
		if (strcmp(method, "dhcp") == 0)
			strbuf_addf(b, "ip=%s:dhcp\n", dashed);
		if (strcmp(method, "static") != 0)
			continue;
		json_array_foreach(json_object_get(link, "addresses"), k, item)
		{
			if (json_is_string(item))
				add_ip_word(b, json_string_value(item), gateway, dashed);
		}
	}
	json_array_foreach(is_static ? json_object_get(net, "dns") : NULL, i, item)
	{
		if (json_is_string(item))
			strbuf_addf(b, "nameserver=%s\n", json_string_value(item));
	}
}

/* ---- the archive ---- */

/* Words of /etc/rehost/cmdline: this rescue's own, those of its boot line, else what the network is. */
static int add_words(struct strbuf *b, const struct strlist *own, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strbuf baked cleanup_strbuf = STRBUF_INIT;
	struct strbuf net cleanup_strbuf = STRBUF_INIT;
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct strlist other cleanup_strlist = STRLIST_INIT;
	char path[256];
	size_t i;

	for (i = 0; i < own->count; i++) {
		if (strlist_add(&words, own->items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "conf.cpio");
	}
	if (file_slurp("/etc/rehost/cmdline", &baked, 65536, NULL) == 0 &&
	    loader_sort_words(strbuf_str(&baked), &other, &words, e) < 0)
		return -1;
	for (i = 0; i < words.count; i++)
		strbuf_addf(&text, "\"%s\"\n", words.items[i]);
	if (!has_word(&words, "ip=") && !has_word(&words, "vlan=") && !has_word(&words, "bond=") &&
	    file_slurp(run_path(path, sizeof(path), "net.json"), &net, FILE_LIMIT, NULL) == 0) {
		json_t *state = json_loads(strbuf_str(&net), 0, NULL);

		add_network(&text, state);
		json_decref(state);
	}
	if (text.failed)
		return err_set(e, ERR_NOMEM, 0, "conf.cpio");
	if (text.len)
		cpio_add(b, "etc/rehost/cmdline", 0100600, text.data, text.len);
	return 0;
}

int loader_conf_make(struct strbuf *ret, const struct strlist *own, struct err *e)
{
	cpio_add(ret, "etc", 040755, NULL, 0);
	cpio_add(ret, "etc/rehost", 040755, NULL, 0);
	if (add_words(ret, own, e) < 0 ||
	    add_file(ret, "etc/rehost/authorized_keys", NULL, "authorized_keys", e) < 0 ||
	    add_file(ret, "etc/rehost/observer_keys", NULL, "observer_keys", e) < 0 ||
	    add_options(ret, e) < 0 ||
	    add_file(ret, "etc/rehost/password", NULL, "password", e) < 0 ||
	    add_file(ret, "etc/rehost/ssh_host_ed25519_key", "/etc/rehost/ssh_host_ed25519_key",
		     "host_key", e) < 0 ||
	    add_file(ret, "etc/rehost/ssh_host_rsa_key", "/etc/rehost/ssh_host_rsa_key",
		     "host_key_rsa", e) < 0)
		return err_ctx(e, "collecting what the planted rescue needs");
	cpio_add(ret, CPIO_TRAILER, 0, NULL, 0);
	while (ret->len % 512)
		strbuf_addc(ret, '\0');
	return ret->failed ? err_set(e, ERR_NOMEM, 0, "conf.cpio") : 0;
}
