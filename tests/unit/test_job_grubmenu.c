/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/grub_menu.h"

/* The shape grub-mkconfig gives a menu of two kernels. */
static const char menu_text[] =
	"if [ -s $prefix/grubenv ]; then\n"
	"  set have_grubenv=true\n"
	"  load_env\n"
	"fi\n"
	"if [ \"${next_entry}\" ] ; then\n"
	"   set default=\"${next_entry}\"\n"
	"else\n"
	"   set default=\"0\"\n"
	"fi\n"
	"function load_video {\n"
	"  insmod all_video\n"
	"}\n"
	"if [ x$feature_default_font_path = xy ] ; then\n"
	"   font=unicode\n"
	"else\n"
	"  search --no-floppy --fs-uuid --set=root aaaa-root\n"
	"fi\n"
	"menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {\n"
	"\tif [ x$feature_platform_search_hint = xy ]; then\n"
	"\t  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 bbbb-boot\n"
	"\telse\n"
	"\t  search --no-floppy --fs-uuid --set=root bbbb-boot\n"
	"\tfi\n"
	"\techo\t'Loading Linux 6.1 ...'\n"
	"\tlinux\t/vmlinuz-6.1 root=UUID=aaaa-root ro  quiet console=ttyS0,115200\n"
	"\tinitrd\t/microcode.img /initrd.img-6.1\n"
	"}\n"
	"submenu 'Advanced options' $menuentry_id_option 'advanced' {\n"
	"\tmenuentry 'Linux 6.1' --class debian $menuentry_id_option 'adv-6.1' {\n"
	"\t\tlinux\t/vmlinuz-6.1 root=UUID=aaaa-root ro\n"
	"\t}\n"
	"\tmenuentry 'It'\\''s 5.10' --id adv-5.10 {\n"
	"\t\tsearch --fs-uuid --set=root bbbb-boot\n"
	"\t\tlinux\t\"/vmlinuz-5.10\" root=UUID=aaaa-root single\n"
	"\t\tinitrd\t/initrd.img-5.10\n"
	"\t}\n"
	"}\n"
	"menuentry 'Memory test' {\n"
	"\tlinux16 /memtest.bin\n"
	"}\n";

static void parse(struct grub_menu *m, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(grub_menu_parse(m, text, strlen(text), &e), 0);
}

static void test_entries(void **state)
{
	struct grub_menu m;

	(void)state;
	parse(&m, menu_text);
	assert_int_equal(m.count, 5); /* the submenu itself is one */
	assert_string_equal(m.entries[0].title, "Debian GNU/Linux");
	assert_string_equal(m.entries[0].id, "gnulinux-simple");
	assert_string_equal(m.entries[0].search_uuid, "bbbb-boot");
	assert_string_equal(m.entries[0].linux_path, "/vmlinuz-6.1");
	assert_string_equal(m.entries[0].linux_args,
			    "root=UUID=aaaa-root ro quiet console=ttyS0,115200");
	assert_int_equal(m.entries[0].initrds.count, 2);
	assert_string_equal(m.entries[0].initrds.items[1], "/initrd.img-6.1");
	assert_null(m.entries[1].linux_path);
	assert_int_equal(m.entries[1].depth, 0);
	assert_int_equal(m.entries[2].depth, 1);
	assert_null(m.entries[2].search_uuid);
	assert_string_equal(m.entries[3].title, "It's 5.10");
	assert_string_equal(m.entries[3].linux_path, "/vmlinuz-5.10");
	assert_int_equal(m.entries[4].depth, 0);
	assert_string_equal(m.default_text, "0");
	assert_false(m.default_is_saved);
	assert_int_equal(m.searches.count, 1);
	assert_string_equal(m.searches.items[0], "aaaa-root");
	grub_menu_done(&m);
}

static const char *chosen(const char *default_line, const char *saved)
{
	static char title[128];
	struct strbuf text = STRBUF_INIT;
	const struct grub_entry *entry;
	struct grub_menu m;

	strbuf_addf(&text, "%s%s\n", menu_text, default_line);
	parse(&m, strbuf_str(&text));
	entry = grub_menu_default(&m, saved);
	snprintf(title, sizeof(title), "%s", entry ? entry->title : "(none)");
	grub_menu_done(&m);
	strbuf_done(&text);
	return title;
}

static void test_default(void **state)
{
	struct grub_menu empty;

	(void)state;
	assert_string_equal(chosen("", NULL), "Debian GNU/Linux");
	assert_string_equal(chosen("set default=2", NULL), "Memory test");
	assert_string_equal(chosen("set default=\"1>1\"", NULL), "It's 5.10");
	assert_string_equal(chosen("set default='advanced>adv-6.1'", NULL), "Linux 6.1");
	assert_string_equal(chosen("set default=\"Memory test\"", NULL), "Memory test");
	assert_string_equal(chosen("set default=\"gone\"", NULL), "Debian GNU/Linux");
	assert_string_equal(chosen("set default=\"${saved_entry}\"", "advanced>adv-5.10"),
			    "It's 5.10");
	assert_string_equal(chosen("set default=\"${saved_entry}\"", NULL), "Debian GNU/Linux");
	assert_string_equal(chosen("set default=\"${saved_entry}\"", ""), "Debian GNU/Linux");
	parse(&empty, "set default=0\n");
	assert_null(grub_menu_default(&empty, NULL));
	grub_menu_done(&empty);
}

/* The shape of RHEL 9's: no entry of its own, and the variable for where grubenv has none. */
static const char bls_menu[] = "if [ \"${next_entry}\" ] ; then\n"
			       "   set default=\"${next_entry}\"\n"
			       "else\n"
			       "   set default=\"${saved_entry}\"\n"
			       "fi\n"
			       "search --no-floppy --fs-uuid --set=root aaaa-boot\n"
			       "search --no-floppy --fs-uuid --set=boot aaaa-boot\n"
			       "if [ -z \"${kernelopts}\" ]; then\n"
			       "  set kernelopts=\"root=UUID=cccc ro quiet \"\n"
			       "fi\n"
			       "insmod blscfg\n"
			       "blscfg\n"
			       "menuentry 'UEFI Firmware Settings' {\n"
			       "\tfwsetup\n"
			       "}\n";

static void add(struct grub_menu *m, const char *file, const char *text, const char *env)
{
	assert_int_equal(grub_menu_add_bls(m, file, text, strlen(text), env, strlen(env)), 0);
}

static void test_bls(void **state)
{
	static const char entry[] = "title Rocky 9\nlinux /vmlinuz-9\n"
				    "initrd /initramfs-9.img $tuned_initrd\n"
				    "options $kernelopts ${tuned_params} rd.x\n";
	static const char env[] = "# GRUB Environment Block\ntuned_params=isol=1\n#####";
	const struct grub_entry *chosen;
	struct grub_menu m;

	(void)state;
	parse(&m, bls_menu);
	assert_true(m.has_blscfg);
	assert_int_equal(m.bls_at, 0);
	assert_string_equal(m.boot_uuid, "aaaa-boot");
	add(&m, "id-9.conf", entry, env);
	add(&m, "id-8.conf", "linux /vmlinuz-8\noptions root=UUID=8\n", env);
	add(&m, "id-7.conf", "title no kernel\n", env);
	add(&m, "id-6.conf.bak", entry, env);
	assert_int_equal(m.count, 3);
	assert_string_equal(m.entries[0].id, "id-9");
	assert_string_equal(m.entries[0].title, "Rocky 9");
	assert_string_equal(m.entries[0].linux_path, "/vmlinuz-9");
	assert_string_equal(m.entries[0].linux_args, "root=UUID=cccc ro quiet  isol=1 rd.x");
	assert_string_equal(m.entries[0].search_uuid, "aaaa-boot");
	assert_int_equal(m.entries[0].initrds.count, 1);
	assert_string_equal(m.entries[1].title, "id-8"); /* without a title its name */
	assert_string_equal(m.entries[2].title, "UEFI Firmware Settings");
	chosen = grub_menu_default(&m, "id-8");
	assert_string_equal(chosen->linux_args, "root=UUID=8");
	chosen = grub_menu_default(&m, NULL);
	assert_string_equal(chosen->id, "id-9");
	grub_menu_done(&m);

	/* grubenv goes before what the menu says; only an entry that is not there costs nothing */
	parse(&m, bls_menu);
	add(&m, "id-9.conf", entry, "kernelopts=root=UUID=dddd\n");
	assert_string_equal(m.entries[0].linux_args, "root=UUID=dddd  rd.x");
	assert_string_equal(grub_menu_default(&m, "gone")->id, "id-9");
	grub_menu_done(&m);
}

static void test_bls_order(void **state)
{
	static const char *const given[] = { "id-0-rescue.conf", "id-5.14.0-70.conf", "note.txt",
					     "id-5.14.0-427.conf", "id-5.9.0-1.conf" };
	static const char *const want[] = { "id-5.14.0-427.conf", "id-5.14.0-70.conf",
					    "id-5.9.0-1.conf", "id-0-rescue.conf" };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(given); i++)
		assert_int_equal(strlist_add(&names, given[i]), 0);
	grub_bls_sort(&names);
	assert_int_equal(names.count, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(names.items[i], want[i]);
}

static void test_odd_input(void **state)
{
	struct strbuf deep = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct grub_menu m;
	int i;

	(void)state;
	parse(&m, "}\n}\nmenuentry {\nlinux\ninitrd\nsearch --fs-uuid\n'unclosed\n\"\\");
	assert_int_equal(m.count, 1);
	grub_menu_done(&m);
	for (i = 0; i < 1000; i++)
		strbuf_adds(&deep, "submenu x {\n");
	assert_int_equal(grub_menu_parse(&m, strbuf_str(&deep), deep.len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	strbuf_done(&deep);
}

static void test_words_outside(void **state)
{
	char *s;

	(void)state;
	s = grubenv_saved("# GRUB Environment Block\nsaved_entry=a>b\n#####", 46);
	assert_string_equal(s, "a>b");
	free(s);
	assert_null(grubenv_saved("# GRUB Environment Block\n####", 29));
	s = kernel_arg("ro root=UUID=1 rootflags=x root=UUID=2", "root");
	assert_string_equal(s, "UUID=2");
	free(s);
	assert_null(kernel_arg("ro rootflags=x", "root"));
	assert_null(kernel_arg(NULL, "root"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),	  cmocka_unit_test(test_default),
		cmocka_unit_test(test_bls),	  cmocka_unit_test(test_bls_order),
		cmocka_unit_test(test_odd_input), cmocka_unit_test(test_words_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
