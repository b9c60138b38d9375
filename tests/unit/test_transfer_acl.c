/* SPDX-License-Identifier: MIT */
/* ACL text as tar writes it to the kernel's form, with names from the incoming system. */
#include "tar_try.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/xattr.h>

#include "tar_build.h"
#include "transfer/acl_priv.h"

/* The kernel's form as text: TAG:id:perm of each entry. */
static const char *decode(const void *data, size_t len)
{
	static char text[512];
	const unsigned char *p = data;
	size_t i, n = 0;

	assert_true(len >= 4 && p[0] == 2 && !p[1] && !p[2] && !p[3]);
	text[0] = '\0';
	for (i = 4; i + 8 <= len; i += 8)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%x:%d:%d ", p[i],
				      p[i + 4] | p[i + 5] << 8, p[i + 2]);
	return text;
}

static void names_are_parsed(void **state)
{
	struct names names = { 0 };

	(void)state;
	assert_int_equal(names_parse(&names.users,
				     "root:x:0:0:root:/root:/bin/sh\n"
				     "broken\n:x:5:\nbad:x:abc:0\nbig:x:4294967295:0\n"
				     "+nis\n\nlast:x:77:0"),
			 0);
	assert_int_equal(names.users.count, 2);
	assert_string_equal(names.users.items[0].text, "last");
	assert_int_equal(names.users.items[0].id, 77);
	assert_string_equal(names.users.items[1].text, "root");
	names_done(&names);
}

static void encoding_is_in_the_kernels_order(void **state)
{
	struct archive_entry *entry = archive_entry_new();
	struct strbuf items = STRBUF_INIT, value = STRBUF_INIT;
	struct names names = { 0 };
	const char *unknown = NULL;
	uint32_t mode = 0640;
	bool named = false;

	(void)state;
	archive_entry_set_mode(entry, 0100640);
	archive_entry_acl_from_text(entry,
				    "other::---,mask::r-x,group:staff:rwx,user:bob:rw-,user:7:r--,"
				    "user::rw-,group::r--,user:who:rwx",
				    ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
	acl_from_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &items, &named, &mode);
	assert_true(named);
	assert_int_equal(mode, 0650); /* the group's bits show the mask */
	assert_int_equal(names_parse(&names.users, "bob:x:5:\n"), 0);
	assert_int_equal(names_parse(&names.groups, "staff:x:50:\n"), 0);
	assert_int_equal(acl_encode(&items, &names, &value, &unknown), 1);
	assert_string_equal(unknown, "who");
	/* USER_OBJ 1, USER 2, GROUP_OBJ 4, GROUP 8, MASK 10, OTHER 20 (hex); 65535: no id */
	assert_string_equal(decode(value.data, value.len),
			    "1:65535:6 2:5:6 2:7:4 4:65535:4 8:50:7 10:65535:5 20:65535:0 ");
	strbuf_done(&items);
	strbuf_done(&value);
	names_done(&names);
	archive_entry_free(entry);
}

static void missing_mask_is_made(void **state)
{
	struct archive_entry *entry = archive_entry_new();
	struct strbuf items = STRBUF_INIT, value = STRBUF_INIT;
	const char *unknown;
	uint32_t mode = 0600;
	bool named = false;

	(void)state;
	archive_entry_set_mode(entry, 0100604);
	archive_entry_acl_from_text(entry, "user::rw-,user:7:-w-,group::r--,other::r--",
				    ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
	acl_from_entry(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &items, &named, &mode);
	assert_false(named);
	assert_int_equal(acl_encode(&items, NULL, &value, &unknown), 0);
	assert_string_equal(decode(value.data, value.len),
			    "1:65535:6 2:7:2 4:65535:4 10:65535:6 20:65535:4 ");
	strbuf_done(&items);
	strbuf_done(&value);
	archive_entry_free(entry);
}

/* passwd comes after the file whose ACL names its users. */
static void names_from_later_in_the_stream(void **state)
{
	static const char access[] =
		"user::rw-,user:alice:r--,group::r--,group:devs:rw-,mask::rw-,other::---";
	static const char dflt[] = "user::rwx,user:alice:rwx,group::r-x,mask::rwx,other::r-x";
	struct try *t = *state;
	struct strbuf b = STRBUF_INIT, records = STRBUF_INIT;
	char value[256], path[128];
	struct stat st;
	ssize_t n;

	tar_pax_record(&records, "SCHILY.acl.default", dflt, strlen(dflt));
	tar_pax(&b, 'x', &records);
	tar_dir(&b, "d/");
	records.len = 0;
	tar_pax_record(&records, "SCHILY.acl.access", access, strlen(access));
	tar_pax(&b, 'x', &records);
	tar_file(&b, "d/f", "x");
	tar_file(&b, "d/plain", "x");
	tar_file(&b, "etc/passwd", "alice:x:1001:1001::/:/bin/sh\n");
	tar_file(&b, "etc/group", "devs:x:2002:\n");
	tar_end(&b);
	strbuf_done(&records);
	assert_int_equal(try_archive(t, &b), 0);
	assert_true(t->result.saw_xattrs);
	if (t->result.note_count) /* a file system without ACLs: said, not fatal */
		skip();
	snprintf(path, sizeof(path), "%s/tree/d/f", t->path);
	n = getxattr(path, ACL_XATTR_ACCESS, value, sizeof(value));
	assert_true(n > 0);
	assert_string_equal(decode(value, (size_t)n),
			    "1:65535:6 2:1001:4 4:65535:4 8:2002:6 10:65535:6 20:65535:0 ");
	assert_int_equal(root_lstat(&t->tree, "d/f", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(manifest_find(t->result.manifest, "d/f")->mode, 0660);
	snprintf(path, sizeof(path), "%s/tree/d", t->path);
	assert_true(getxattr(path, ACL_XATTR_DEFAULT, value, sizeof(value)) > 0);
	/* The default ACL did not act on what came in after it. */
	snprintf(path, sizeof(path), "%s/tree/d/plain", t->path);
	assert_int_equal(getxattr(path, ACL_XATTR_ACCESS, value, sizeof(value)), -1);
	assert_int_equal(root_lstat(&t->tree, "d", &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_parsed),
		cmocka_unit_test(encoding_is_in_the_kernels_order),
		cmocka_unit_test(missing_mask_is_made),
		cmocka_unit_test_setup_teardown(names_from_later_in_the_stream, try_setup,
						try_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
