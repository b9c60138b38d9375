/* SPDX-License-Identifier: MIT */
/* Where a tree keeps cloud-init's network-config, when no stack has files of its own yet. */
#include <string.h>

#include "rewrite/net_cloudinit.h"
#include "rewrite/net_priv.h"

#define CFG "/etc/cloud/cloud.cfg"
#define CFG_DIR "/etc/cloud/cloud.cfg.d"

/* Lowest precedence first: a seed gives way to the system's own configuration, and there the last file counts. */
static int list_files(const struct root *root, struct strlist *ret)
{
	static const char *const fixed[] = { "/var/lib/cloud/seed/nocloud/network-config",
					     "/var/lib/cloud/seed/nocloud-net/network-config",
					     CFG };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (root_is_file(root, fixed[i]))
			rc |= strlist_add(ret, fixed[i]);
	if (root_is_dir(root, CFG_DIR) && root_list(root, CFG_DIR, &names, NULL) == 0)
		for (i = 0; i < names.count; i++)
			if (str_ends(names.items[i], ".cfg"))
				rc |= strlist_addf(ret, "%s/%s", CFG_DIR, names.items[i]);
	return rc;
}

/* The document of one file into m in the place of what was there, when it speaks of the network. */
static int read_one(struct net_model *m, const struct root *root, const char *path, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct ynode *doc cleanup_ynode = NULL;
	struct ynode_fault fault = { .why = "it cannot be read" };
	struct net_model found = { 0 };
	bool any = false, is_seed = !str_starts(path, "/etc/");
	int rc;

	if (root_read(root, path, &text, YAML_BYTES_MAX, NULL) == 0)
		doc = ynode_parse(strbuf_str(&text), text.len, path, &fault);
	if (!doc)
		return strlist_addf(&m->notes, "%s line %u: %s", path, fault.line, fault.why) < 0
			       ? err_set(e, ERR_NOMEM, 0, "%s", path)
			       : 0;
	if (!is_seed && !ynode_get(doc, "network"))
		return 0;
	rc = net_cloudinit_links(&found, doc, &any, e);
	if (rc == 0 && any && strlist_add(&found.files, path) < 0)
		rc = err_set(e, ERR_NOMEM, 0, "%s", path);
	if (rc < 0) {
		net_done(&found);
		return -1;
	}
	found.stack = ptr_take(m->stack);
	net_done(m);
	*m = found;
	return 0;
}

static int cloudinit_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct strlist paths cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (list_files(root, &paths) < 0)
		return err_set(e, ERR_NOMEM, 0, CFG_DIR);
	for (i = 0; i < paths.count; i++)
		if (read_one(m, root, paths.items[i], e) < 0)
			return -1;
	return 0;
}

/* Only where it configures a link, and is not switched off. */
static bool cloudinit_is_active(const struct root *root, bool whole)
{
	static const char *const program[] = { "/usr/bin/cloud-init", "/bin/cloud-init", NULL };
	static const char *const disabled[] = { "/etc/cloud/cloud-init.disabled", NULL };
	struct net_model m = { 0 };
	bool ret;

	if (net_any_exists(root, disabled) || (whole && !net_any_exists(root, program)))
		return false;
	ret = cloudinit_read(&m, root, NULL) == 0 && m.link_count > 0;
	net_done(&m);
	return ret;
}

const struct net_backend net_cloudinit = { "cloud-init", cloudinit_is_active, cloudinit_read,
					   NULL };
