/* SPDX-License-Identifier: MIT */
/* What a seed is and what its files say. Pure. */
#include "init/seed.h"

#include <string.h>
#include <strings.h>

#include "init/seed_priv.h"

/* ECMA-119 8.4: the primary volume descriptor is sector 16, the volume identifier at its byte 40. */
#define ISO_AT 32768
#define ISO_LABEL_AT 40
#define ISO_LABEL_LEN 32
/* FAT specification, boot sector: label and type text of FAT12/16 and of FAT32. */
#define FAT_LABEL_LEN 11

void seed_done(struct seed *s)
{
	strlist_done(&s->words);
	strlist_done(&s->keys);
}

/* Labels are padded with blanks; their case depends on who wrote them. */
static enum seed_kind kind_of(const unsigned char *label, size_t len)
{
	static const struct {
		const char *label;
		enum seed_kind kind;
	} kinds[] = { { "cidata", SEED_NOCLOUD }, { "config-2", SEED_OPENSTACK } };

	while (len > 0 && (label[len - 1] == ' ' || label[len - 1] == 0))
		len--;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].label) == len &&
		    strncasecmp((const char *)label, kinds[i].label, len) == 0)
			return kinds[i].kind;
	return SEED_NONE;
}

enum seed_kind seed_probe(const unsigned char *head, size_t len, const char **ret_type)
{
	static const struct {
		size_t label, type;
		const char *text;
	} fats[] = { { 43, 54, "FAT1" }, { 71, 82, "FAT32" } };

	if (len >= ISO_AT + 2048 && head[ISO_AT] == 1 &&
	    memcmp(head + ISO_AT + 1, "CD001", 5) == 0) {
		*ret_type = "iso9660";
		return kind_of(head + ISO_AT + ISO_LABEL_AT, ISO_LABEL_LEN);
	}
	if (len < 512 || head[510] != 0x55 || head[511] != 0xaa)
		return SEED_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(fats); i++)
		if (memcmp(head + fats[i].type, fats[i].text, strlen(fats[i].text)) == 0) {
			*ret_type = "vfat";
			return kind_of(head + fats[i].label, FAT_LABEL_LEN);
		}
	return SEED_NONE;
}

/* One key a line; whether it is one is decided by who writes authorized_keys. */
static int take_key(struct seed *s, const char *text)
{
	size_t n = strcspn(text, "\r\n");

	if (!text[strspn(text, " \t\r\n")] || s->keys.count >= SEED_KEYS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return 0;
	return strlist_addn(&s->keys, text, n);
}

/* A key, a list of keys, or a mapping of names to either. */
static int take_keys(struct seed *s, json_t *v, unsigned depth)
{
	json_t *one;
	const char *name;
	size_t i;
	int rc = 0;

	if (json_is_string(v))
		return take_key(s, json_string_value(v));
	if (depth == 0)
		return 0;
	json_array_foreach(v, i, one)
	{
		rc |= take_keys(s, one, depth - 1);
	}
	json_object_foreach(v, name, one)
	{
		rc |= take_keys(s, one, depth - 1);
	}
	return rc;
}

/* The rescue has one user: keys for whomever are for it. */
static int take_user_data(struct seed *s, const char *text)
{
	static const char *const names[] = { "ssh_authorized_keys", "ssh-authorized-keys" };
	json_t *doc, *user;
	size_t i;
	int rc = 0;

	if (!text || !str_starts(text, "#cloud-config"))
		return 0;
	doc = seed_yaml(text);
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		rc |= take_keys(s, json_object_get(doc, names[k]), 1);
		json_array_foreach(json_object_get(doc, "users"), i, user)
		{
			rc |= take_keys(s, json_object_get(user, names[k]), 1);
		}
	}
	json_decref(doc);
	return rc;
}

static int parse_nocloud(struct seed *s, const char *meta, const char *network)
{
	json_t *doc = meta ? seed_yaml(meta) : NULL;
	int rc = take_keys(s, json_object_get(doc, "public-keys"), 2);

	json_decref(doc);
	doc = network ? seed_yaml(network) : NULL;
	if (doc)
		rc |= seed_network_config(&s->words, doc);
	json_decref(doc);
	return rc;
}

static int parse_openstack(struct seed *s, const char *meta, const char *network)
{
	json_t *doc = meta ? json_loads(meta, 0, NULL) : NULL;
	int rc = take_keys(s, json_object_get(doc, "public_keys"), 1);

	json_decref(doc);
	doc = network ? json_loads(network, 0, NULL) : NULL;
	if (doc)
		rc |= seed_network_data(&s->words, doc);
	json_decref(doc);
	return rc;
}

int seed_parse(struct seed *ret, enum seed_kind kind, const char *meta, const char *user,
	       const char *network)
{
	int rc = kind == SEED_NOCLOUD ? parse_nocloud(ret, meta, network)
				      : parse_openstack(ret, meta, network);

	rc |= take_user_data(ret, user);
	return rc ? -1 : 0;
}
