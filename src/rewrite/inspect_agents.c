/* SPDX-License-Identifier: MIT */
/* Programs of clouds and providers: what of the table is installed, and what starts it. */
#include <limits.h>
#include <string.h>

#include "rewrite/agents.h"
#include "rewrite/inspect_priv.h"

static json_t *changes_json(unsigned changes)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ AGENT_NETWORK, "network" },
		{ AGENT_KEYS, "keys" },
		{ AGENT_NAME, "hostname" },
		{ AGENT_DISKS, "disks" },
	};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (changes & words[i].bit)
			json_array_append_new(list, json_text(words[i].word));
	return list;
}

static const char *find_agent(const struct inspect_look *l, const struct agent_row *a, char *buf,
			      size_t size)
{
	const char *file = inspect_first(l->root, a->files);

	if (file || !a->package)
		return file;
	/* a package that was removed keeps its list, for its configuration files, but not this */
	snprintf(buf, size, "/var/lib/dpkg/info/%s.md5sums", a->package);
	return root_is_file(l->root, buf) ? buf : NULL;
}

json_t *inspect_agents(struct inspect_look *l)
{
	json_t *list = json_array();
	char buf[PATH_MAX];
	size_t i;

	for (i = 0; i < agent_count; i++) {
		const struct agent_row *a = &agent_rows[i];
		const char *file = find_agent(l, a, buf, sizeof(buf)),
			   *start = inspect_started(l, a->patterns);
		json_t *o;

		if (!file && !start)
			continue;
		o = json_object();
		json_object_set_new(o, "name", json_text(a->name));
		json_object_set_new(o, "provider", json_text(a->provider));
		json_object_set_new(o, "file", json_text(file));
		json_object_set_new(o, "started_by", json_text(start));
		json_object_set_new(o, "changes", changes_json(a->changes));
		json_array_append_new(list, o);
	}
	return list;
}

/* The line of a key in cloud-init's files, the last file wins: they are merged in the order of their names. */
json_t *inspect_cloud_init(struct inspect_look *l)
{
	static const char off[] = "/etc/cloud/cloud-init.disabled";
	struct strlist files cleanup_strlist = STRLIST_INIT;
	char sources[256] = "", sources_at[PATH_MAX] = "", network_at[PATH_MAX] = "";
	json_t *o;
	size_t i;

	if (!root_is_dir(l->root, "/etc/cloud"))
		return json_null();
	inspect_glob(l->root, "/etc/cloud", "cloud.cfg", &files);
	inspect_glob(l->root, "/etc/cloud/cloud.cfg.d", "*.cfg", &files);
	for (i = 0; i < files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		struct inspect_lines s;

		if (!inspect_read(l, files.items[i], &text))
			continue;
		inspect_lines_begin(&s, &text);
		while (inspect_lines_entry(&s)) {
			if (str_starts(s.line, "datasource_list:")) {
				const char *value = s.line + strlen("datasource_list:");

				snprintf(sources, sizeof(sources), "%s",
					 value + strspn(value, " "));
				snprintf(sources_at, sizeof(sources_at), "%s", files.items[i]);
			}
			if (strcmp(s.line, "network: {config: disabled}") == 0)
				snprintf(network_at, sizeof(network_at), "%s", files.items[i]);
		}
	}
	o = json_object();
	json_object_set_new(o, "disabled_by", json_text(root_exists(l->root, off) ? off : NULL));
	json_object_set_new(o, "datasource_list", json_text(*sources ? sources : NULL));
	json_object_set_new(o, "datasource_list_in", json_text(*sources_at ? sources_at : NULL));
	json_object_set_new(o, "network_disabled_in", json_text(*network_at ? network_at : NULL));
	return o;
}
