/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/yaml.h"
#include "init/seed.h"

static json_t *as_json(const struct ynode *n)
{
	json_t *o;
	const struct ynode *item;
	int rc = 0;

	if (n->kind == YNODE_TEXT)
		return json_string(n->text);
	o = n->kind == YNODE_MAP ? json_object() : json_array();
	for (item = n->first; o && rc == 0 && item; item = item->next)
		rc = item->key ? json_object_set_new(o, item->key, as_json(item))
			       : json_array_append_new(o, as_json(item));
	if (rc == 0)
		return o;
	json_decref(o);
	return NULL;
}

json_t *seed_yaml(const char *text)
{
	struct ynode *doc cleanup_ynode = NULL;
	struct ynode_fault fault;
	size_t len = strlen(text);

	if (len > SEED_FILE_MAX)
		return NULL;
	doc = ynode_parse(text, len, NULL, &fault);
	return doc ? as_json(doc) : NULL;
}
