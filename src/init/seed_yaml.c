/* SPDX-License-Identifier: MIT */
/* The one door to libyaml. */
#include <string.h>
#include <yaml.h>

#include "init/seed.h"

#define DEPTH_MAX 16
#define NODES_MAX 20000

struct reader {
	yaml_parser_t parser;
	unsigned nodes;
};

static json_t *read_node(struct reader *r, const yaml_event_t *event, unsigned depth);

static json_t *read_scalar(const yaml_event_t *e)
{
	return json_stringn((const char *)e->data.scalar.value, e->data.scalar.length);
}

/* Puts what follows into container until its end. False when it is not well-formed, or too much. */
static bool read_items(struct reader *r, json_t *container, unsigned depth)
{
	bool is_map = json_is_object(container);

	for (;;) {
		yaml_event_t event;
		json_t *key = NULL, *value = NULL;
		bool end, good = false;

		if (!yaml_parser_parse(&r->parser, &event))
			return false;
		end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		/* A key is a scalar; its value comes next. */
		if (is_map && event.type == YAML_SCALAR_EVENT) {
			key = read_scalar(&event);
			yaml_event_delete(&event);
			if (!key || !yaml_parser_parse(&r->parser, &event)) {
				json_decref(key);
				return false;
			}
		}
		if (!end && (key || !is_map))
			value = read_node(r, &event, depth);
		yaml_event_delete(&event);
		if (value && is_map)
			good = json_object_set_new(container, json_string_value(key), value) == 0;
		else if (value)
			good = json_array_append_new(container, value) == 0;
		json_decref(key);
		if (end || !good)
			return end;
	}
}

/* Aliases are refused: a few lines of them stand for gigabytes. */
static json_t *read_node(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	json_t *container;

	if (++r->nodes > NODES_MAX || depth > DEPTH_MAX)
		return NULL;
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(event);
	if (event->type == YAML_MAPPING_START_EVENT)
		container = json_object();
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		container = json_array();
	else
		return NULL;
	if (container && !read_items(r, container, depth + 1)) {
		json_decref(container);
		return NULL;
	}
	return container;
}

static json_t *read_document(struct reader *r)
{
	for (;;) {
		yaml_event_t event;
		json_t *node;

		if (!yaml_parser_parse(&r->parser, &event))
			return NULL;
		if (event.type == YAML_STREAM_START_EVENT ||
		    event.type == YAML_DOCUMENT_START_EVENT) {
			yaml_event_delete(&event);
			continue;
		}
		node = read_node(r, &event, 0);
		yaml_event_delete(&event);
		return node;
	}
}

json_t *seed_yaml(const char *text)
{
	struct reader r = { 0 };
	size_t len = strlen(text);
	json_t *doc = NULL;

	if (len > SEED_FILE_MAX || !yaml_parser_initialize(&r.parser))
		return NULL;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	doc = read_document(&r);
	yaml_parser_delete(&r.parser);
	return doc;
}
