/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml.h"

static struct ynode_fault fault;

static struct ynode *parse(const char *text)
{
	return ynode_parse(text, strlen(text), "f.yaml", &fault);
}

static void prints(const char *text, const char *want)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct ynode *n cleanup_ynode = parse(text);

	assert_non_null(n);
	ynode_print(&out, n);
	assert_string_equal(strbuf_str(&out), want);
}

static void refused(const char *text, unsigned line)
{
	assert_null(parse(text));
	assert_int_equal(fault.line, line);
	assert_true(fault.why[0]);
}

static void test_documents(void **state)
{
	(void)state;
	prints("", "{}");
	prints("# nothing\n---\n...\n", "~");
	prints("a: 1\nb:\n  - x\n  - {q: \"z: w\"}\n", "{a: 1, b: [x, {q: \"z: w\"}]}");
	prints("a: yes\nb: 'yes'\nc: ~\nd: ''\ne:\n", "{a: yes, b: \"yes\", c: ~, d: \"\", e: ~}");
	prints("\"a b\": \"\\u00e9\\n\\U0001f600\"\n", "{\"a b\": \"\\xe9\\x0a\\U0001f600\"}");
	prints("[fe80::1, 1.5, -x, 'a\"b']", "[\"fe80::1\", 1.5, \"-x\", \"a\\\"b\"]");
}

static void test_what_is_printed_is_read_the_same(void **state)
{
	struct strbuf first cleanup_strbuf = STRBUF_INIT, second cleanup_strbuf = STRBUF_INIT;
	struct ynode *a cleanup_ynode = parse(
		"{a: [\"x\\ty\", 'no', no, \"\\u2028\", {\"k: 1\": '#'}, 'null', '-', '.']}");
	struct ynode *b cleanup_ynode = NULL;

	(void)state;
	ynode_print(&first, a);
	b = parse(strbuf_str(&first));
	ynode_print(&second, b);
	assert_string_equal(strbuf_str(&first), strbuf_str(&second));
	assert_string_equal(b->first->first->text, "x\ty");
	assert_int_equal(b->first->first->next->is_plain, false);
}

static void test_lines_and_keys(void **state)
{
	struct ynode *n cleanup_ynode = parse("a: 1\nb:\n  c: x\n\na: 2\n");

	(void)state;
	assert_string_equal(ynode_text(n, "a"), "2");
	assert_true(ynode_get(n, "a")->is_repeated);
	assert_false(n->first->is_repeated);
	assert_int_equal(ynode_get(n, "a")->line, 5);
	assert_int_equal(ynode_get(ynode_get(n, "b"), "c")->line, 3);
	assert_string_equal(n->first->file, "f.yaml");
	assert_null(ynode_get(n, "c"));
	assert_null(ynode_get(n->first, "c"));
	assert_null(ynode_text(n, "b"));
}

static void test_aliases(void **state)
{
	(void)state;
	prints("a: &x {k: [1]}\nb: *x\nc: &x 2\nd: *x\n", "{a: {k: [1]}, b: {k: [1]}, c: 2, d: 2}");
	refused("a: 1\nb: *x\n", 2);
	refused("a: &x [*x]\n", 1);
}

static void test_limits(void **state)
{
	struct strbuf bomb cleanup_strbuf = STRBUF_INIT, deep cleanup_strbuf = STRBUF_INIT,
			   big cleanup_strbuf = STRBUF_INIT, wide cleanup_strbuf = STRBUF_INIT;
	unsigned i;

	(void)state;
	strbuf_adds(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (i = 1; i < 12; i++)
		strbuf_addf(&bomb, "a%u: &a%u [*a%u,*a%u,*a%u,*a%u]\n", i, i, i - 1, i - 1, i - 1,
			    i - 1);
	assert_null(parse(strbuf_str(&bomb)));
	strbuf_adds(&wide, "a: &a ");
	for (i = 0; i < 900000; i++)
		strbuf_addc(&wide, 'x');
	strbuf_adds(&wide, "\nb: [*a, *a, *a, *a, *a]\n");
	assert_null(parse(strbuf_str(&wide)));
	for (i = 0; i < 40; i++)
		strbuf_addc(&deep, '[');
	refused(strbuf_str(&deep), 1);
	for (i = 0; i <= YAML_NODES_MAX; i++)
		strbuf_adds(&big, "- x\n");
	assert_null(parse(strbuf_str(&big)));
	assert_null(ynode_parse(strbuf_str(&big), YAML_BYTES_MAX + 1, NULL, &fault));
}

static void test_broken(void **state)
{
	(void)state;
	refused("a: 1\n  b: 2\n", 2);
	refused("a: [1\nb: 2\n", 2);
	refused("\ta: 1\n", 1);
	refused("? [a]\n: b\n", 1);
	refused("a: 1\n---\nb: 2\n", 2);
	refused("a: \"\\0\"\n", 1);
	assert_null(parse("a: \xff\n"));
	assert_null(parse("{{{{"));
}

static void test_truth(void **state)
{
	struct ynode *n cleanup_ynode = parse("[YES, on, \"true\", Off, n, no way, ~, []]");
	static const int want[] = { 1, 1, 1, 0, 0, -1, -1, -1 };
	const struct ynode *item = n->first;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(want); i++, item = item->next)
		assert_int_equal(ynode_truth(item), want[i]);
	assert_int_equal(ynode_truth(NULL), -1);
}

static void test_merging(void **state)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	struct ynode *n cleanup_ynode = parse(
		"{a: {x: 1, l: [1]}, b: {k: 1}, c: 1, d: 1, f: , g: []}");

	(void)state;
	assert_int_equal(ynode_merge(n,
				     parse("{a: {x: 2, l: [2], z: 3}, b: 4,\n c: [5], e: 6, "
					   "f: {k: 1}, g: ~}"),
				     &notes),
			 0);
	ynode_print(&out, n);
	assert_string_equal(
		strbuf_str(&out),
		"{a: {x: 2, l: [1, 2], z: 3}, b: {k: 1}, c: 1, d: 1, f: {k: 1}, g: [], e: 6}");
	assert_int_equal(notes.count, 2);
	assert_string_equal(notes.items[1],
			    "f.yaml line 2: 'c' is of another kind than in f.yaml; left out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_what_is_printed_is_read_the_same),
		cmocka_unit_test(test_lines_and_keys),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_truth),
		cmocka_unit_test(test_merging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
