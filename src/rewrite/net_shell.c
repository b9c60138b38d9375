/* SPDX-License-Identifier: MIT */
#include "rewrite/net_shell_priv.h"

#include <limits.h>
#include <string.h>

/* ---- options of bridges ---------------------------------------------------------------------------------------- */

enum bridge_value { VALUE_YES_NO, VALUE_CENTISECONDS, VALUE_TEXT };

/* ip-link(8), "Bridge Type Support"; linux, net/bridge/br_sysfs_br.c */
static const struct {
	const char *model, *names[2];
	enum bridge_value value;
} bridge_options[] = {
	{ "stp", { "stp_state", "stp_state" }, VALUE_YES_NO },
	{ "forward_delay", { "forward_delay", "forward_delay" }, VALUE_CENTISECONDS },
	{ "hello_time", { "hello_time", "hello_time" }, VALUE_CENTISECONDS },
	{ "max_age", { "max_age", "max_age" }, VALUE_CENTISECONDS },
	{ "ageing_time", { "ageing_time", "ageing_time" }, VALUE_CENTISECONDS },
	{ "priority", { "priority", "priority" }, VALUE_TEXT },
	{ "vlan_filtering", { "vlan_filtering", "vlan_filtering" }, VALUE_YES_NO },
	{ "vlan_default_pvid", { "default_pvid", "vlan_default_pvid" }, VALUE_TEXT },
	{ "multicast_snooping", { "multicast_snooping", "mcast_snooping" }, VALUE_YES_NO },
};

int net_take_bridge_option(struct net_link *l, enum bridge_names names, const char *name,
			   const char *value)
{
	uint32_t n;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(bridge_options); i++)
		if (strcmp(bridge_options[i].names[names], name) == 0)
			break;
	if (i == ARRAY_SIZE(bridge_options) || parse_u32(value, &n) < 0)
		return 0;
	if (bridge_options[i].value == VALUE_YES_NO)
		rc = strlist_addf(&l->options, "%s=%s", bridge_options[i].model, n ? "yes" : "no");
	else if (bridge_options[i].value == VALUE_TEXT)
		rc = strlist_addf(&l->options, "%s=%u", bridge_options[i].model, n);
	else if (n % 100 == 0)
		rc = strlist_addf(&l->options, "%s=%u", bridge_options[i].model, n / 100);
	else
		return 0;
	return rc < 0 ? -1 : 1;
}

static bool say_bridge_option(struct net_said_option *ret, size_t row, enum bridge_names names)
{
	uint32_t n;

	snprintf(ret->name, sizeof(ret->name), "%s", bridge_options[row].names[names]);
	if (bridge_options[row].value == VALUE_YES_NO) {
		n = net_bool(ret->value) > 0;
		if (net_bool(ret->value) < 0)
			return false;
	} else if (parse_u32(ret->value, &n) < 0 || n > 1000000) {
		return false;
	} else if (bridge_options[row].value == VALUE_CENTISECONDS) {
		n *= 100;
	}
	snprintf(ret->number, sizeof(ret->number), "%u", (unsigned)n);
	ret->value = ret->number;
	return true;
}

bool net_say_option(struct net_said_option *ret, const struct net_link *l, size_t i,
		    enum bridge_names names)
{
	const char *option = l->options.items[i];
	size_t len = strcspn(option, "="), row;

	if (len == 0 || len >= sizeof(ret->name) || !option[len])
		return false;
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)len, option);
	ret->value = option + len + 1;
	if (!net_is_shell_word(ret->value))
		return false;
	if (l->kind != NET_BRIDGE)
		return strcmp(ret->name, "primary") == 0 ||
		       net_option_find(l->kind, ret->name, len) != NULL;
	for (row = 0; row < ARRAY_SIZE(bridge_options); row++)
		if (strcmp(bridge_options[row].model, ret->name) == 0)
			return say_bridge_option(ret, row, names);
	return false;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

int net_list_files(const struct root *root, const char *dir, struct strlist *ret, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(root, dir))
		return 0;
	if (root_list(root, dir, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count && ret->count < NET_FILES_MAX; i++) {
		const char *name = names.items[i];
		struct stat st;

		if (name[0] == '.' || str_ends(name, "~") || strchr(name, '\n') ||
		    snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
		    root_lstat(root, path, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (strlist_add(ret, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "%s", dir);
	}
	return 0;
}

int net_parse_script(struct net_model *m, const char *path, const struct strbuf *text,
		     struct shell_script *ret, struct err *e)
{
	bool failed = false;
	size_t i;

	if (shell_script_parse(ret, strbuf_str(text), text->len, e) < 0)
		return err_ctx(e, "%s", path);
	for (i = 0; i < ret->code.count; i++)
		failed |= strlist_addf(&m->notes,
				       "%s line %s: it would be run, rehost does not understand it",
				       path, ret->code.items[i]) < 0;
	for (i = 0; i < ret->count; i++)
		if (ret->settings[i].needs_shell)
			failed |= strlist_addf(&m->notes,
					       "%s line %zu: only a shell can tell the value of %s",
					       path, ret->settings[i].line,
					       ret->settings[i].name) < 0;
	if (!failed && strlist_add(&m->files, path) == 0)
		return 0;
	shell_script_done(ret);
	return err_set(e, ERR_NOMEM, 0, "%s", path);
}

int net_read_script(struct net_model *m, const struct root *root, const char *path,
		    struct shell_script *ret, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (root_read(root, path, &text, SHELL_SCRIPT_MAX_BYTES, e) < 0)
		return err_ctx(e, "%s", path);
	return net_parse_script(m, path, &text, ret, e);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

bool net_take_prefix(struct net_link *l, const char *text, bool *failed)
{
	char *prefix = strcmp(text, "default") == 0 ? NULL : net_prefix_of(text, false);

	if (!prefix)
		return false;
	*failed |= strlist_add(&l->addresses, prefix) < 0;
	free(prefix);
	return true;
}

bool net_is_shell_word(const char *text)
{
	return *text && *text != '-' &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._:@%+,/=-")];
}

bool net_print_gateway(struct strbuf *out, const char *gateway, bool is_onlink)
{
	if (!gateway || !net_is_address(gateway))
		return false;
	strbuf_addf(out, "default via %s%s", gateway, is_onlink ? " onlink" : "");
	return true;
}
