/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/str.h"

json_t *json_text(const char *s)
{
	struct strbuf b = STRBUF_INIT;
	json_t *v;

	if (!s)
		return json_null();
	v = json_string(s);
	if (v)
		return v;
	for (; *s; s++) {
		if ((unsigned char)*s < 0x80)
			strbuf_addc(&b, *s);
		else
			strbuf_addf(&b, "\\x%02x", (unsigned char)*s);
	}
	v = json_string(strbuf_str(&b));
	strbuf_done(&b);
	return v;
}

json_t *json_text_list(const struct strlist *l)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < l->count; i++)
		json_array_append_new(a, json_text(l->items[i]));
	return a;
}

int json_print(FILE *out, json_t *v)
{
	int rc = json_dumpf(v, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	json_decref(v);
	if (rc == 0)
		fputc('\n', out);
	return rc;
}
