/* SPDX-License-Identifier: MIT */
#include "rewrite/facts_json.h"

#include <string.h>

#define FACTS_MAX (1024 * 1024)
#define ITEMS_MAX 1024

int facts_parse_intent(const char *word, enum intent *ret)
{
	if (strcmp(word, "move") != 0 && strcmp(word, "copy") != 0)
		return -1;
	*ret = strcmp(word, "copy") == 0 ? INTENT_COPY : INTENT_MOVE;
	return 0;
}

/* The place of word in the list, or -1. */
static int find_word(const char *const *words, size_t count, const char *word)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (words[i] && strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

int facts_parse_choice(const char *word, enum identity_choice *ret)
{
	static const char *const words[] = {
		[CHOICE_SOURCE] = "source", [CHOICE_TARGET] = "target", [CHOICE_NEW] = "new"
	};
	int i = find_word(words, ARRAY_SIZE(words), word);

	if (i >= 0)
		*ret = (enum identity_choice)i;
	return i < 0 ? -1 : 0;
}

int facts_parse_cloud(const char *word, enum cloud_choice *ret)
{
	static const char *const words[] = {
		[CLOUD_OFF] = "off", [CLOUD_PIN] = "pin", [CLOUD_KEEP] = "keep"
	};
	int i = find_word(words, ARRAY_SIZE(words), word);

	if (i >= 0)
		*ret = (enum cloud_choice)i;
	return i < 0 ? -1 : 0;
}

int facts_parse_cluster(const char *word, enum cluster_choice *ret)
{
	static const char *const words[] = { [CLUSTER_HOLD] = "hold", [CLUSTER_START] = "start" };
	int i = find_word(words, ARRAY_SIZE(words), word);

	if (i >= 0)
		*ret = (enum cluster_choice)i;
	return i < 0 ? -1 : 0;
}

static int refuse(struct err *e, const char *key)
{
	return err_set(e, ERR_RW_FACTS, 0, "\"%s\" has another kind of value than it should", key);
}

/* A string or nothing (absent or null). */
static int get_text(const json_t *o, const char *key, const char **ret, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return refuse(e, key);
	*ret = json_string_value(v);
	return 0;
}

/* An array of objects or nothing. */
static int get_items(const json_t *o, const char *key, const json_t **ret, size_t *ret_count,
		     struct err *e)
{
	*ret = json_object_get(o, key);
	if (*ret && (!json_is_array(*ret) || json_array_size(*ret) > ITEMS_MAX))
		return refuse(e, key);
	*ret_count = json_array_size(*ret);
	return 0;
}

static int load_filesystems(struct facts_file *f, struct err *e)
{
	const json_t *items;
	size_t count, i;

	if (get_items(f->json, "filesystems", &items, &count, e) < 0)
		return -1;
	f->fs = calloc(count + 1, sizeof(*f->fs));
	if (!f->fs)
		return err_set(e, ERR_NOMEM, 0, "reading facts");
	for (i = 0; i < count; i++) {
		const json_t *o = json_array_get(items, i);

		if (!json_is_object(o))
			return refuse(e, "filesystems");
		if (get_text(o, "mount", &f->fs[i].mount, e) < 0 ||
		    get_text(o, "device", &f->fs[i].device, e) < 0 ||
		    get_text(o, "type", &f->fs[i].type, e) < 0 ||
		    get_text(o, "uuid", &f->fs[i].uuid, e) < 0 ||
		    get_text(o, "options", &f->fs[i].options, e) < 0 ||
		    get_text(o, "stack", &f->fs[i].stack, e) < 0)
			return -1;
	}
	f->facts.filesystems = f->fs;
	f->facts.fs_count = (unsigned)count;
	return 0;
}

static int load_links(struct facts_file *f, struct err *e)
{
	const json_t *items;
	size_t count, i;

	if (get_items(f->json, "links", &items, &count, e) < 0)
		return -1;
	f->links = calloc(count + 1, sizeof(*f->links));
	if (!f->links)
		return err_set(e, ERR_NOMEM, 0, "reading facts");
	for (i = 0; i < count; i++) {
		const json_t *o = json_array_get(items, i);

		if (!json_is_object(o))
			return refuse(e, "links");
		if (get_text(o, "mac", &f->links[i].mac, e) < 0 ||
		    get_text(o, "target_name", &f->links[i].target_name, e) < 0 ||
		    get_text(o, "rescue_name", &f->links[i].rescue_name, e) < 0 ||
		    get_text(o, "driver", &f->links[i].driver, e) < 0)
			return -1;
	}
	f->facts.links = f->links;
	f->facts.link_count = (unsigned)count;
	return 0;
}

/* A NULL-terminated array of borrowed strings. */
static int load_words(const json_t *o, const char *key, const char ***ret, struct err *e)
{
	const json_t *items;
	size_t count, i;

	if (get_items(o, key, &items, &count, e) < 0)
		return -1;
	*ret = calloc(count + 1, sizeof(**ret));
	if (!*ret)
		return err_set(e, ERR_NOMEM, 0, "reading facts");
	for (i = 0; i < count; i++) {
		if (!json_is_string(json_array_get(items, i)))
			return refuse(e, key);
		(*ret)[i] = json_string_value(json_array_get(items, i));
	}
	return 0;
}

static int load_options(struct facts_file *f, struct err *e)
{
	const json_t *o = json_object_get(f->json, "options");
	const char *as = "move", *hostname = NULL, *keys = NULL, *cloud = NULL, *cluster = NULL;

	if (!o)
		return 0;
	if (!json_is_object(o))
		return refuse(e, "options");
	if (get_text(o, "as", &as, e) < 0 || get_text(o, "hostname", &hostname, e) < 0 ||
	    get_text(o, "host_keys", &keys, e) < 0 || get_text(o, "cloud_init", &cloud, e) < 0 ||
	    get_text(o, "cluster", &cluster, e) < 0 ||
	    get_text(o, "machine_id", &f->options.machine_id, e) < 0)
		return -1;
	if (facts_parse_intent(as, &f->options.intent) < 0)
		return refuse(e, "as");
	if (keys && facts_parse_choice(keys, &f->options.host_keys) < 0)
		return refuse(e, "host_keys");
	if (cloud && facts_parse_cloud(cloud, &f->options.cloud_init) < 0)
		return refuse(e, "cloud_init");
	if (cluster && facts_parse_cluster(cluster, &f->options.cluster) < 0)
		return refuse(e, "cluster");
	/* "new" is no choice for a name: it is a name */
	if (hostname && (facts_parse_choice(hostname, &f->options.hostname) < 0 ||
			 f->options.hostname == CHOICE_NEW)) {
		f->options.hostname = CHOICE_DEFAULT;
		f->options.hostname_text = hostname;
	}
	return 0;
}

static int load_all(struct facts_file *f, struct err *e)
{
	const json_t *uefi = json_object_get(f->json, "uefi");
	const json_t *secure = json_object_get(f->json, "secure_boot");

	if (!json_is_object(f->json))
		return err_set(e, ERR_RW_FACTS, 0, "the facts are no JSON object");
	if (uefi && !json_is_boolean(uefi))
		return refuse(e, "uefi");
	if (secure && !json_is_boolean(secure))
		return refuse(e, "secure_boot");
	f->facts.uefi = json_is_true(uefi);
	f->facts.secure_boot = json_is_true(secure);
	if (load_filesystems(f, e) < 0 || load_links(f, e) < 0 || load_options(f, e) < 0 ||
	    load_words(f->json, "consoles", &f->consoles, e) < 0 ||
	    load_words(f->json, "drivers", &f->drivers, e) < 0 ||
	    get_text(f->json, "hostname", &f->facts.target_hostname, e) < 0 ||
	    get_text(f->json, "network_stack", &f->facts.target_stack, e) < 0 ||
	    get_text(f->json, "vendor", &f->facts.vendor, e) < 0 ||
	    get_text(f->json, "boot_disk", &f->facts.boot_disk, e) < 0 ||
	    get_text(f->json, "boot_disk_by_id", &f->facts.boot_disk_by_id, e) < 0)
		return -1;
	f->facts.consoles = f->consoles;
	f->facts.drivers = f->drivers;
	return rewrite_facts_check(&f->facts, &f->options, e);
}

int facts_file_load(struct facts_file *ret, const char *text, size_t len, struct err *e)
{
	json_error_t why;

	*ret = (struct facts_file){ 0 };
	if (len > FACTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "the facts have %zu bytes", len);
	ret->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!ret->json)
		return err_set(e, ERR_RW_FACTS, 0, "line %d: %s", why.line, why.text);
	if (load_all(ret, e) == 0)
		return 0;
	facts_file_done(ret);
	return -1;
}

void facts_file_done(struct facts_file *f)
{
	free(f->fs);
	free(f->links);
	free(f->consoles);
	free(f->drivers);
	json_decref(f->json);
	*f = (struct facts_file){ 0 };
}
