/* SPDX-License-Identifier: MIT */
/* The report of a rewriting: what it says, that it grows with what is done later, and stays when nothing is done. */
#include "plan_try.h"

#include "rewrite/report.h"

static json_t *load(void)
{
	json_t *o = NULL;

	assert_int_equal(report_load(&o, &clone, REPORT_JSON, NULL), 0);
	return o;
}

static void rewrite(void)
{
	struct err e = ERR_INIT;

	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, &e), 0);
	assert_int_equal(rewrite_report_write(&plan, &clone, NULL, NULL, &e), 0);
}

static const json_t *find_file(const json_t *report, const char *path)
{
	const json_t *files = json_object_get(report, "files");
	const json_t *found = NULL;
	size_t i;

	for (i = 0; i < json_array_size(files); i++) {
		const json_t *file = json_array_get(files, i);

		if (strcmp(json_string_value(json_object_get(file, "path")), path) != 0)
			continue;
		assert_null(found); /* each once */
		found = file;
	}
	return found;
}

static void changed(const json_t *report, const char *path, const char *how)
{
	const json_t *file = find_file(report, path);

	assert_non_null(file);
	assert_string_equal(json_string_value(json_object_get(file, "change")), how);
	assert_true(*json_string_value(json_object_get(file, "why")));
}

static void test_what_it_says(void **state)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *o, *source;

	(void)state;
	put(&clone, "etc/network/interfaces",
	    "auto eth0\niface eth0 inet static\n\taddress 192.0.2.10/24\n\tgateway 192.0.2.1\n");
	put(&clone, "etc/udev/rules.d/70-persistent-net.rules",
	    "SUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:de:AD:01\", NAME=\"eth0\"\n"
	    "# 52:54:00:12:34:567 is none\n");
	rewrite();
	o = load();
	changed(o, "/etc/fstab", "changed");
	changed(o, "/etc/udev/rules.d/70-persistent-net.rules", "moved aside");
	assert_null(find_file(o, "/var/lib/rehost/source-original/etc/fstab"));
	assert_int_equal(json_array_size(json_object_get(o, "programs")), plan.step_count);
	assert_int_equal(json_array_size(json_object_get(o, "notes")), plan.notes.count);
	source = json_object_get(o, "source");
	assert_int_equal(json_array_size(json_object_get(source, "addresses")), 1);
	assert_int_equal(json_array_size(json_object_get(source, "macs")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(source, "macs"), 0)),
			    "52:54:00:de:AD:01");
	json_decref(o);
	assert_int_equal(root_read(&clone, REPORT_TEXT, &text, REPORT_MAX, NULL), 0);
	assert_non_null(strstr(strbuf_str(&text), "Left to you\n  - names (DNS)"));
	assert_non_null(strstr(strbuf_str(&text), "that say 192.0.2.10 must say "));
}

/* A later rewriting adds to it; one that has nothing to do leaves every byte. */
static void test_it_grows_and_stays(void **state)
{
	struct strbuf first cleanup_strbuf = STRBUF_INIT, second cleanup_strbuf = STRBUF_INIT;
	json_t *o, *source;
	size_t files;

	(void)state;
	rewrite();
	o = load();
	files = json_array_size(json_object_get(o, "files"));
	source = json_deep_copy(json_object_get(o, "source"));
	json_decref(o);
	assert_int_equal(root_read(&clone, REPORT_JSON, &first, REPORT_MAX, NULL), 0);

	make();
	assert_int_equal(plan.edit_count, 0);
	assert_int_equal(rewrite_report_write(&plan, &clone, NULL, NULL, NULL), 0);
	assert_int_equal(root_read(&clone, REPORT_JSON, &second, REPORT_MAX, NULL), 0);
	assert_string_equal(strbuf_str(&first), strbuf_str(&second));

	f.options.hostname_text = "other";
	rewrite();
	o = load();
	assert_true(json_array_size(json_object_get(o, "files")) > files);
	changed(o, "/etc/hostname", "changed");
	changed(o, "/etc/fstab", "changed");
	assert_true(json_equal(source, json_object_get(o, "source")));
	json_decref(o);
	json_decref(source);
}

/* What the source brought of an earlier migration says nothing of this one. */
static void test_another_machines_report(void **state)
{
	json_t *o;
	size_t i;

	(void)state;
	put(&clone, "var/lib/rehost/state", "root_uuid=00000000-0000-4000-8000-000000000000\n");
	put(&clone, REPORT_JSON, "{\"version\": 1, \"notes\": [\"old\"], \"files\": []}\n");
	rewrite();
	o = load();
	changed(o, "/etc/fstab", "changed");
	for (i = 0; i < json_array_size(json_object_get(o, "notes")); i++)
		assert_string_not_equal(json_string_value(
						json_array_get(json_object_get(o, "notes"), i)),
					"old");
	json_decref(o);
}

static void test_findings_are_left_to_do(void **state)
{
	json_t *o, *findings = json_pack("[{s:s, s:s, s:s}, {s:i}]", "id", "x", "severity",
					 "warning", "text", "look at \x1b[2J", "text", 7);
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	(void)state;
	rewrite();
	o = load();
	report_set_findings(o, findings);
	json_decref(findings);
	report_text(o, &text);
	assert_non_null(strstr(strbuf_str(&text), "  - look at \\x1b[2J\n"));
	assert_non_null(strstr(strbuf_str(&text), "  warning: look at \\x1b[2J\n"));
	json_decref(o);
}

static void test_not_understood(void **state)
{
	static const char *const bad[] = { "",
					   "[]",
					   "{}",
					   "{\"version\": 2}",
					   "{\"version\": 1} x",
					   "{\"version\": 1, \"version\": 1}" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		json_t *o;

		assert_int_equal(report_parse(&o, bad[i], strlen(bad[i]), &e), -1);
		assert_int_equal(e.code, ERR_NO_REPORT);
	}
}

#define CASE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_TEST(test_what_it_says),
		CASE_TEST(test_it_grows_and_stays),
		CASE_TEST(test_another_machines_report),
		CASE_TEST(test_findings_are_left_to_do),
		CASE_TEST(test_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
