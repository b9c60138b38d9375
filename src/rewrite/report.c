/* SPDX-License-Identifier: MIT */
#include "rewrite/report.h"

#include <string.h>
#include <strings.h>

#include "rewrite/plan_priv.h"

#define FINDINGS_LEFT_MAX 50

/* ---- made while planning ---- */

static unsigned subject_rank(const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "subject"));
	unsigned i;

	for (i = 0; name && i < SUBJECT_COUNT; i++)
		if (strcmp(edit_subject_name(i), name) == 0)
			return i;
	return SUBJECT_COUNT;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key));
	const char *y = json_string_value(json_object_get(b, key));

	return x && y && strcmp(x, y) == 0;
}

/* Behind the last with its subject and reason, else behind its subject. One of the same path goes. Takes the reference. */
static void add_file(json_t *files, json_t *file)
{
	size_t at = 0, i = 0;

	while (i < json_array_size(files))
		if (same_text(json_array_get(files, i), file, "path"))
			json_array_remove(files, i);
		else
			i++;
	for (i = 0; i < json_array_size(files); i++) {
		const json_t *x = json_array_get(files, i);

		if (subject_rank(x) <= subject_rank(file))
			at = i + 1;
	}
	for (i = 0; i < json_array_size(files); i++) {
		const json_t *x = json_array_get(files, i);

		if (same_text(x, file, "subject") && same_text(x, file, "why"))
			at = i + 1;
	}
	json_array_insert_new(files, at, file);
}

static void add_new_text(json_t *list, const char *s)
{
	json_t *text = json_text(s);
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), text))
			break;
	if (i < json_array_size(list))
		json_decref(text);
	else
		json_array_append_new(list, text);
}

/* The list of that name, made when it is not there. Borrowed. */
static json_t *list_of(json_t *o, const char *key)
{
	json_t *list = json_object_get(o, key);

	if (json_is_array(list))
		return list;
	list = json_array();
	json_object_set_new(o, key, list);
	return list;
}

static void add_addresses(json_t *o, const struct net_model *m, const struct planner *lost_of)
{
	json_t *list = list_of(o, "addresses");
	unsigned i;
	size_t n;

	for (i = 0; i < m->link_count; i++)
		for (n = 0; n < m->links[i].addresses.count; n++) {
			const char *a = m->links[i].addresses.items[n];
			char alone[64];

			snprintf(alone, sizeof(alone), "%.*s", (int)strcspn(a, "/"), a);
			if (!lost_of || plan_is_lost_address(lost_of, alone, strlen(alone)))
				add_new_text(list, alone);
		}
}

static bool is_own_mac(const struct planner *p, const char *mac)
{
	unsigned i;

	for (i = 0; i < p->facts->link_count; i++)
		if (p->facts->links[i].mac && strcasecmp(p->facts->links[i].mac, mac) == 0)
			return true;
	for (i = 0; i < p->target_net.link_count; i++)
		if (p->target_net.links[i].set_mac &&
		    strcasecmp(p->target_net.links[i].set_mac, mac) == 0)
			return true;
	return false;
}

/* Every "xx:xx:xx:xx:xx:xx" of the text that is no card of this machine. */
static void add_macs_of(const struct planner *p, json_t *list, const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF:";
	char mac[18];

	while (*s) {
		size_t n = strspn(s, hex), i;

		if (n == 17) {
			memcpy(mac, s, n);
			mac[n] = '\0';
			for (i = 0; i < n; i++)
				if ((mac[i] == ':') != (i % 3 == 2))
					break;
			if (i == n && strcmp(mac, "00:00:00:00:00:00") != 0 &&
			    strcasecmp(mac, "ff:ff:ff:ff:ff:ff") != 0 && !is_own_mac(p, mac))
				add_new_text(list, mac);
		}
		s += n + (s[n] != '\0');
	}
}

static int add_macs(struct planner *p, json_t *source)
{
	static const char *const files[] = { "/etc/udev/rules.d/70-persistent-net.rules",
					     "/etc/iftab", "/etc/mactab" };
	json_t *list = list_of(source, "macs");
	unsigned i;

	for (i = 0; i < p->source_net.link_count; i++) {
		const struct net_link *l = &p->source_net.links[i];

		if (l->mac)
			add_macs_of(p, list, l->mac);
		if (l->set_mac)
			add_macs_of(p, list, l->set_mac);
	}
	for (i = 0; i < ARRAY_SIZE(files) + p->source_net.files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *path = i < ARRAY_SIZE(files)
					   ? files[i]
					   : p->source_net.files.items[i - ARRAY_SIZE(files)];

		if (root_read(p->clone, path, &text, CONFIG_MAX, NULL) == 0)
			add_macs_of(p, list, strbuf_str(&text));
	}
	return 0;
}

static json_t *make_source(struct planner *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "hostname", json_text(p->old_hostname));
	json_object_set_new(o, "stack", json_text(p->source_net.stack));
	json_object_set_new(o, "root_uuid", json_text(p->old_root_uuid));
	add_addresses(o, &p->source_net, p);
	if (add_macs(p, o) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

int plan_report(struct planner *p)
{
	json_t *o = NULL, *clone, *files;
	size_t i;

	/* of a tree that was rewritten before for this machine: what is new comes to what was done */
	if (p->is_ours && report_load(&o, p->clone, REPORT_JSON, NULL) == 0)
		p->plan->has_report = true;
	if (!o) {
		json_t *source = make_source(p);

		if (!source)
			return -1;
		o = json_object();
		json_object_set_new(o, "version", json_integer(1));
		json_object_set_new(o, "rehost", json_text(REHOST_VERSION));
		json_object_set_new(o, "source", source);
	}
	p->plan->report = o;
	json_object_set_new(o, "intent",
			    json_text(p->options->intent == INTENT_COPY ? "copy" : "move"));
	clone = json_object();
	json_object_set_new(clone, "hostname", json_text(p->new_hostname));
	json_object_set_new(clone, "stack", json_text(p->source_net.stack));
	add_addresses(clone, &p->target_net, NULL);
	json_object_set_new(o, "clone", clone);
	files = list_of(o, "files");
	for (i = 0; i < p->plan->edit_count; i++)
		if (p->plan->edits[i].subject != SUBJECT_KEPT)
			add_file(files, rewrite_edit_json(p->plan, &p->plan->edits[i], p->clone));
	return 0;
}

/* ---- written when all is done ---- */

static void add_program(json_t *programs, json_t *program)
{
	size_t i;

	for (i = 0; i < json_array_size(programs); i++)
		if (same_text(json_array_get(programs, i), program, "name")) {
			json_array_set_new(programs, i, program);
			return;
		}
	json_array_append_new(programs, program);
}

int rewrite_report_write(const struct rewrite_plan *p, const struct root *clone,
			 report_written_fn *written, void *arg, struct err *e)
{
	json_t *programs, *notes;
	size_t i;

	if (!p->report || (p->has_report && !p->edit_count))
		return 0;
	programs = list_of(p->report, "programs");
	for (i = 0; i < p->step_count; i++) {
		json_t *program = rewrite_step_json(&p->steps[i]);
		json_t *wrote = written ? written(arg, p->steps[i].name) : NULL;

		if (wrote)
			json_object_set_new(program, "wrote", wrote);
		add_program(programs, program);
	}
	notes = list_of(p->report, "notes");
	for (i = 0; i < p->notes.count; i++)
		add_new_text(notes, p->notes.items[i]);
	report_set_findings(p->report, NULL);
	return report_store(p->report, clone, REPORT_JSON, REPORT_TEXT, e);
}

/* ---- files ---- */

int report_parse(json_t **ret, const char *text, size_t len, struct err *e)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(o) || json_integer_value(json_object_get(o, "version")) != 1) {
		json_decref(o);
		return err_set(e, ERR_NO_REPORT, 0, "it is none that this rehost understands");
	}
	*ret = o;
	return 0;
}

int report_load(json_t **ret, const struct root *root, const char *path, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (root_read(root, path, &text, REPORT_MAX, NULL) < 0)
		return err_set(e, ERR_NO_REPORT, 0, "%s is not there", path);
	return report_parse(ret, strbuf_str(&text), text.len, e) < 0 ? err_ctx(e, "%s", path) : 0;
}

int report_store(const json_t *report, const struct root *root, const char *path_json,
		 const char *path_text, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	const struct root_meta *m = geteuid() == 0 ? &meta : NULL; /* a fixture folder */
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char *json cleanup_free = json_dumps(report, JSON_INDENT(1));
	struct strbuf whole cleanup_strbuf = STRBUF_INIT;

	if (json)
		strbuf_addf(&whole, "%s\n", json);
	report_text(report, &text);
	if (!json || whole.failed || text.failed)
		return err_set(e, ERR_NOMEM, 0, "writing the report");
	if (root_replace(root, path_json, whole.data, whole.len, m, e) < 0 ||
	    root_replace(root, path_text, strbuf_str(&text), text.len, m, e) < 0)
		return err_ctx(e, "writing the report");
	return 0;
}

/* ---- what is left ---- */

static void list_words(struct strbuf *b, const json_t *list)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		char safe[128];

		str_escape(safe, sizeof(safe), s ? s : "");
		strbuf_addf(b, "%s%s", i ? ", " : "", safe);
	}
}

/* Who comes by name has to find the clone. */
static void add_dns(json_t *left, const json_t *report)
{
	const json_t *was = json_object_get(json_object_get(report, "source"), "addresses");
	const json_t *is = json_object_get(json_object_get(report, "clone"), "addresses");
	const char *intent = json_string_value(json_object_get(report, "intent"));
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	if (!json_array_size(was) || (intent && strcmp(intent, "copy") == 0))
		return;
	strbuf_adds(&b, "names (DNS) and allow-lists of others that say ");
	list_words(&b, was);
	strbuf_adds(&b, " must say ");
	if (json_array_size(is))
		list_words(&b, is);
	else
		strbuf_adds(&b, "this machine's address");
	add_new_text(left, strbuf_str(&b));
}

void report_set_findings(json_t *report, json_t *findings)
{
	json_t *left = json_array();
	size_t i, told = 0;

	if (findings)
		json_object_set(report, "findings", findings);
	findings = list_of(report, "findings");
	add_dns(left, report);
	for (i = 0; i < json_array_size(findings); i++) {
		const json_t *f = json_array_get(findings, i);
		const char *text = json_string_value(json_object_get(f, "text"));

		if (text && told++ < FINDINGS_LEFT_MAX)
			add_new_text(left, text);
	}
	if (told > FINDINGS_LEFT_MAX)
		add_new_text(left, "and what check found besides");
	json_object_set_new(report, "left", left);
}
