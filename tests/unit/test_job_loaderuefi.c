/* SPDX-License-Identifier: MIT */
/* The private loader by UEFI: planted, given back, what is refused. A memory file system is the ESP, a folder the variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/hash.h"
#include "base/io.h"
#include "job/activate_uefi.h"
#include "job/efi_removable.h"
#include "job/loader_priv.h"

#define ESP_ID "0a0a0a0a-1111-2222-3333-444444444444"
#define OTHER_ID "0b0b0b0b-1111-2222-3333-444444444444"

static char dir[64], volume_path[80], run_at[80], vars_at[80], esp_at[80];
static struct root top = { .fd = -1 };
static struct target t;
static struct disk disk;
static struct volume volumes[2]; /* of the system, the ESP */
static struct record r;
static bool can_mount;

static void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(root_replace(&top, path, data, len, NULL, NULL), 0);
}

static void add_payload(struct strbuf *list, const char *name, const char *text)
{
	uint8_t digest[SHA256_LEN];
	char hex[65], path[80];

	sha256_of(text, strlen(text), digest);
	hex_of(digest, sizeof(digest), hex);
	strbuf_addf(list, "%s %zu %s\n", hex, strlen(text), name);
	snprintf(path, sizeof(path), "fs/" LOADER_DIR "/%s", name);
	put(path, text, strlen(text));
}

static void make_payload(void)
{
	static const char *const names[] = { "vmlinuz", "initrd", "shimx64.efi", "grubx64.efi",
					     "mmx64.efi" };
	struct strbuf list cleanup_strbuf = STRBUF_INIT;
	size_t i;

	strbuf_adds(&list, "rehost-loader 1\n");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		add_payload(&list, names[i], names[i]);
	put("fs/" LOADER_DIR "/" LOADER_LIST, list.data, list.len);
}

static void add_entry(const char *partuuid, const char *file, uint16_t want)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_option o = { .attributes = EFI_OPTION_ACTIVE, .partno = 1, .sectors = 100 };
	uint16_t number;

	snprintf(o.partuuid, sizeof(o.partuuid), "%s", partuuid);
	snprintf(o.file, sizeof(o.file), "%s", file);
	snprintf(o.description, sizeof(o.description), "test");
	assert_int_equal(efivars_open(&vars, NULL), 0);
	assert_int_equal(efi_boot_read(b, &vars, NULL), 0);
	assert_int_equal(efi_entry_make(&vars, b, &o, &number, NULL), 0);
	assert_int_equal(number, want);
}

static void set_order(unsigned count, const uint16_t *order)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;

	assert_int_equal(efivars_open(&vars, NULL), 0);
	assert_int_equal(efi_order_write(&vars, order, count, NULL), 0);
}

static void expect_order(unsigned count, const uint16_t *order, unsigned entries)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));

	assert_int_equal(efivars_open(&vars, NULL), 0);
	assert_int_equal(efi_boot_read(b, &vars, NULL), 0);
	assert_int_equal(b->order_count, count);
	assert_memory_equal(b->order, order, count * sizeof(*order));
	assert_int_equal(b->entry_count, entries);
}

static int mount_esp(void)
{
	struct stat st;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("esp", esp_at, "tmpfs", 0, "size=32m") < 0 || stat(esp_at, &st) < 0)
		return -1;
	volumes[1].major = major(st.st_dev);
	volumes[1].minor = minor(st.st_dev);
	return 0;
}

static void make_target(void)
{
	disk = (struct disk){ .path = (char *)"/dev/none",
			      .table = (char *)"gpt",
			      .table_id = (char *)"1234abcd",
			      .sector_bytes = 512 };
	volumes[0] = (struct volume){
		.path = volume_path, .type = (char *)"ext4", .uuid = (char *)"cafe", .partno = 2
	};
	volumes[1] = (struct volume){ .path = (char *)"/dev/none1",
				      .type = (char *)"vfat",
				      .uuid = (char *)"ABCD-1234",
				      .partuuid = (char *)ESP_ID,
				      .part_type = (char *)ESP_TYPE,
				      .start_bytes = 1 << 20,
				      .size_bytes = 32 << 20,
				      .partno = 1 };
	t = (struct target){ .fs_count = 1, .is_uefi = true };
	t.scan.disks = &disk;
	t.scan.volumes = volumes;
	t.scan.disk_count = 1;
	t.scan.volume_count = 2;
	t.fs[0].volume = &volumes[0];
	t.fs[0].mount = (char *)"/";
	t.fs[0].options = (char *)"defaults";
	t.fs[0].free_bytes = 1 << 20;
}

/* An entry without a file, the old system's, and one for another disk. */
static void make_entries(void)
{
	add_entry(OTHER_ID, "\\EFI\\other\\grubx64.efi", 0);
	add_entry(ESP_ID, "\\EFI\\debian\\shimx64.efi", 1);
	set_order(2, (const uint16_t[]){ 0, 1 });
}

static int set_up(void **state)
{
	uint8_t super[4096] = { 0 };

	(void)state;
	/* tmpfs: settling freezes file systems, which no test shall do to a machine's root */
	strcpy(dir, "/dev/shm/rehost-loader-XXXXXX");
	if (!mkdtemp(dir) || root_open(&top, dir, NULL) < 0 ||
	    root_mkdirs(&top, "fs/" LOADER_DIR, 0700, NULL) < 0 ||
	    root_mkdirs(&top, "run", 0700, NULL) < 0 || root_mkdirs(&top, "vars", 0700, NULL) < 0 ||
	    root_mkdirs(&top, "esp", 0700, NULL) < 0)
		return -1;
	snprintf(volume_path, sizeof(volume_path), "%s/volume", dir);
	snprintf(run_at, sizeof(run_at), "%s/run", dir);
	snprintf(vars_at, sizeof(vars_at), "%s/vars", dir);
	snprintf(esp_at, sizeof(esp_at), "%s/esp", dir);
	setenv("REHOST_RUN_DIR", run_at, 1);
	setenv("REHOST_EFIVARS", vars_at, 1);
	make_target();
	make_payload();
	super[1024 + 56] = 0x53;
	super[1024 + 57] = 0xef;
	super[1024 + 96] = 0xc2;
	super[1024 + 97] = 2;
	put("volume", super, sizeof(super));
	can_mount = mount_esp() == 0;
	root_close(&top); /* opened anew: what is mounted since is seen */
	if (root_open(&top, dir, NULL) < 0)
		return -1;
	if (can_mount) {
		put("esp/EFI/debian/shimx64.efi", "old", 3);
		put("esp/EFI/BOOT/BOOTX64.EFI", "old", 3);
	}
	make_entries();
	record_init(&r);
	r.state = JOB_CHECKED;
	return root_open_below(&t.fs[0].root, &top, "fs", NULL);
}

static int tear_down(void **state)
{
	struct root all cleanup_root = ROOT_INIT;

	(void)state;
	record_done(&r);
	root_close(&t.fs[0].root);
	root_close(&top);
	if (can_mount && umount(esp_at) < 0)
		return -1;
	return root_open(&all, "/", NULL) < 0 ? -1 : root_remove_tree(&all, dir, NULL);
}

static void need_mount(void)
{
	if (!can_mount)
		skip();
}

static void plant(void)
{
	struct err e = ERR_INIT;

	if (loader_plant(&t, &r, &e) < 0)
		fail_msg("%s; %s", e.ctx[0], e.nctx > 1 ? e.ctx[1] : "");
}

static void expect_text(const char *path, const char *word)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	assert_int_equal(root_read(&top, path, &text, 1 << 16, NULL), 0);
	if (!strstr(strbuf_str(&text), word))
		fail_msg("%s does not say \"%s\":\n%s", path, word, strbuf_str(&text));
}

static void expect_planted(void)
{
	expect_order(3, (const uint16_t[]){ 2, 0, 1 }, 3);
	expect_text("esp/EFI/rehost/grubx64.efi", "grubx64.efi");
	expect_text("esp/EFI/rehost/shimx64.efi", "shimx64.efi");
	expect_text("esp/EFI/rehost/mmx64.efi", "mmx64.efi");
	expect_text("esp/EFI/rehost/grub.cfg", "--fs-uuid --set=root cafe; then\n"
					       "\tconfigfile ($root)/.rehost/boot/grub.cfg\n");
	expect_text("fs/" LOADER_CFG,
		    "if [ \"$rehost_go\" = old ]; then\n"
		    "\tif search --no-floppy --fs-uuid --set=root ABCD-1234; then\n"
		    "\t\tif chainloader ($root)/EFI/debian/shimx64.efi; then\n");
	expect_text("fs/" LOADER_CFG,
		    "if [ \"$rehost_go\" = clone ]; then\n"
		    "\tif search --no-floppy --fs-uuid --set=root ABCD-1234; then\n"
		    "\t\tif chainloader ($root)/EFI/rehost-clone/shimx64.efi; then\n");
	assert_true(root_is_dir(&top, "esp/boot/grub"));
	assert_int_equal(r.loader, LOADER_UEFI);
	assert_string_equal(r.loader_fs_uuid, "cafe");
	assert_string_equal(r.boot_table_id, "1234abcd");
}

static void expect_as_before(void)
{
	expect_order(2, (const uint16_t[]){ 0, 1 }, 2);
	assert_false(root_exists(&top, "esp/EFI/rehost"));
	assert_false(root_exists(&top, "esp/boot"));
	assert_true(root_exists(&top, "esp/EFI/debian/shimx64.efi"));
}

static enum loader_choice selected(void)
{
	enum loader_choice c;

	assert_int_equal(loader_selected(&t.fs[0].root, &c, NULL), 0);
	return c;
}

static void test_planted_twice_and_given_back(void **state)
{
	struct efi_state s cleanup_efi_state = { 0 };
	struct record j;

	(void)state;
	need_mount();
	plant();
	expect_planted();
	assert_int_equal(selected(), LOADER_OLD);
	assert_int_equal(record_load(&j, &t.fs[0].root, NULL), 0);
	assert_int_equal(j.loader, LOADER_UEFI);
	record_done(&j);
	/* A second time neither our own order is saved as the old one nor the word changed. */
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	plant();
	expect_planted();
	assert_int_equal(selected(), LOADER_RESCUE);
	assert_int_equal(efi_state_load(&s, &t.fs[0].root, EFI_STATE_PATH, NULL, NULL), 0);
	assert_int_equal(s.order_count, 2);
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	expect_as_before();
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	expect_as_before();
	plant();
	expect_planted();
}

/* Cut before the flip: J knows the loader, the firmware does not. */
static void test_planting_goes_on_after_a_cut(void **state)
{
	(void)state;
	need_mount();
	plant();
	set_order(2, (const uint16_t[]){ 0, 1 });
	put("esp/EFI/rehost/grubx64.efi", "torn", 4);
	plant();
	expect_planted();
	/* and what was damaged later is made again, with the old system to start */
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	put("esp/EFI/rehost/grub.cfg", "", 0);
	plant();
	expect_planted();
	assert_int_equal(selected(), LOADER_OLD);
}

static void expect_none(const char *word)
{
	struct loader_verdict v;
	struct err e = ERR_INIT;

	assert_int_equal(loader_assess(&t, &v, NULL), 0);
	assert_int_equal(v.kind, LOADER_NONE);
	if (!strstr(v.why, word))
		fail_msg("\"%s\" does not say \"%s\"", v.why, word);
	assert_int_equal(loader_plant(&t, &r, &e), -1);
	assert_int_equal(e.code, ERR_LOADER_PLACE);
	expect_order(2, (const uint16_t[]){ 0, 1 }, 2);
	assert_false(root_exists(&top, "esp/EFI/rehost"));
}

static void test_what_is_refused(void **state)
{
	char big[1 << 20];
	unsigned i;

	(void)state;
	need_mount();
	volumes[0].type = (char *)"xfs";
	expect_none("xfs");
	volumes[0].type = (char *)"ext4";
	volumes[1].part_type = (char *)"another";
	expect_none("no EFI system partition");
	volumes[1].part_type = (char *)ESP_TYPE;
	volumes[1].uuid = (char *)"AB CD";
	expect_none("UUID");
	volumes[1].uuid = (char *)"ABCD-1234";
	put("esp/boot/grub/grub.cfg", "", 0);
	expect_none("our GRUB would read");
	assert_int_equal(root_remove_tree(&top, "esp/boot", NULL), 0);
	memset(big, 1, sizeof(big));
	for (i = 0; i < 25; i++) {
		char path[32];

		snprintf(path, sizeof(path), "esp/big%u", i);
		put(path, big, sizeof(big));
	}
	expect_none("less than 12 MB");
}

static void expect_ask(enum loader_ask ask)
{
	struct loader_verdict v;

	assert_int_equal(loader_assess(&t, &v, NULL), 0);
	assert_int_equal(v.kind, LOADER_UEFI);
	assert_int_equal(v.ask, ask);
}

static void give_back(void)
{
	struct err e = ERR_INIT;

	if (loader_restore(&t, &r, &e) < 0)
		fail_msg("%s", e.ctx[0]);
}

static void set_variable(const char *name, const void *value, size_t len)
{
	char path[128], data[256] = { 7 };

	memcpy(data + 4, value, len);
	snprintf(path, sizeof(path), "vars/%s", name);
	put(path, data, len + 4);
}

#define SECURE_BOOT "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define DB "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
#define AUTHORITY "..Microsoft Corporation UEFI CA 2011.."

/* No entry of the order leads to the old system, and nothing lies at the removable path: an entry it is, after a question. */
static void test_an_entry_that_may_be_forgotten(void **state)
{
	(void)state;
	need_mount();
	expect_ask(LOADER_ASK_NOTHING);
	set_order(1, (const uint16_t[]){ 0 });
	assert_int_equal(root_remove(&top, "esp/EFI/BOOT/BOOTX64.EFI", NULL), 0);
	expect_ask(LOADER_ASK_FORGETS);
	plant();
	expect_text("fs/" LOADER_CFG, "chainloader ($root)/EFI/debian/shimx64.efi");
	expect_order(2, (const uint16_t[]){ 2, 0 }, 3);
	give_back();
	put("esp/EFI/ubuntu/grubx64.efi", "two", 3); /* which of the two cannot be told */
	set_order(2, (const uint16_t[]){ 0, 1 });
	expect_ask(LOADER_ASK_NOTHING);
	assert_int_equal(root_remove_tree(&top, "esp/EFI", NULL), 0);
	expect_none("loader of the old system");
}

static void expect_removable(const char *old_path)
{
	char line[160];

	snprintf(line, sizeof(line), "chainloader ($root)%s; then", old_path);
	expect_order(1, (const uint16_t[]){ 0 }, 2);
	expect_text("esp/" EFI_REMOVABLE, "grubx64.efi");
	expect_text("esp/" EFI_SPARE, "old");
	expect_text("esp/" ESP_GRUB_CFG, "configfile ($root)/.rehost/boot/grub.cfg\n");
	expect_text("fs/" LOADER_CFG, line);
	assert_true(loader_is_removable(&t, &r));
}

/* The firmware knows no entry for the old system: what it starts is exchanged, no variable is touched. */
static void test_the_removable_path(void **state)
{
	(void)state;
	need_mount();
	set_order(1, (const uint16_t[]){ 0 });
	expect_ask(LOADER_ASK_REMOVABLE);
	plant();
	expect_removable("/EFI/BOOT/REHOST.EFI");
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	plant();
	assert_int_equal(selected(), LOADER_RESCUE);
	expect_removable("/EFI/BOOT/REHOST.EFI");
	give_back();
	give_back();
	expect_text("esp/" EFI_REMOVABLE, "old");
	assert_false(root_exists(&top, "esp/" EFI_SPARE));
	assert_false(root_exists(&top, "esp/boot"));
	assert_false(root_exists(&top, "esp/EFI/rehost"));
	/* with shim's fallback beside it, started by another name it would not find its way */
	put("esp/" EFI_FALLBACK, "fb", 2);
	plant();
	expect_removable("/EFI/debian/shimx64.efi");
	/* the old system's own grub-install was there since */
	put("esp/" EFI_REMOVABLE, "newer", 5);
	give_back();
	expect_text("esp/" EFI_REMOVABLE, "newer");
	assert_false(root_exists(&top, "esp/" EFI_SPARE));
	put("esp/EFI/ubuntu/grubx64.efi", "two", 3);
	set_order(1, (const uint16_t[]){ 0 });
	{
		struct loader_verdict v;

		assert_int_equal(loader_assess(&t, &v, NULL), 0);
		assert_int_equal(v.kind, LOADER_NONE);
	}
}

/* A loader of ours without what it replaced: nothing is taken away. */
static void test_a_lost_spare(void **state)
{
	(void)state;
	need_mount();
	set_order(1, (const uint16_t[]){ 0 });
	plant();
	assert_int_equal(root_remove(&top, "esp/" EFI_SPARE, NULL), 0);
	assert_int_equal(loader_restore(&t, &r, NULL), -1);
	expect_text("esp/" EFI_REMOVABLE, "grubx64.efi");
	assert_true(root_exists(&top, "esp/EFI/rehost/grubx64.efi"));
}

static void test_secure_boot(void **state)
{
	(void)state;
	need_mount();
	set_variable(SECURE_BOOT, "\1", 1);
	expect_none("without the key");
	set_variable(DB, "somebody else", 13);
	expect_none("without the key");
	set_variable(DB, AUTHORITY, strlen(AUTHORITY));
	expect_ask(LOADER_ASK_NOTHING);
	/* nothing unsigned takes the place of the removable path */
	set_order(1, (const uint16_t[]){ 0 });
	expect_ask(LOADER_ASK_FORGETS);
	plant();
	expect_order(2, (const uint16_t[]){ 2, 0 }, 3);
	expect_text("esp/" EFI_REMOVABLE, "old");
}

/* BootOrder without the attribute that keeps it over a power cut. */
static void test_volatile_variables(void **state)
{
	static const char order[] = { 6, 0, 0, 0, 0, 0, 1, 0 };
	struct loader_verdict v;

	(void)state;
	need_mount();
	put("vars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", order, sizeof(order));
	expect_none("forgets");
	put("vars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", order, 6);
	expect_ask(LOADER_ASK_REMOVABLE);
	assert_int_equal(root_remove(&top, "esp/" EFI_REMOVABLE, NULL), 0);
	assert_int_equal(loader_assess(&t, &v, NULL), 0);
	assert_int_equal(v.kind, LOADER_NONE);
}

/* Release by the removable path, and what it does to the vendors' folders. */
static void test_released_at_the_removable_path(void **state)
{
	static const char stub[] =
		"search.fs_uuid cafe root hd0,gpt2 \nset prefix=($root)'/boot/grub'\n";
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	struct efi_state s cleanup_efi_state = { 0 };

	(void)state;
	need_mount();
	set_order(1, (const uint16_t[]){ 0 });
	plant();
	assert_int_equal(efi_state_load(&s, &t.fs[0].root, EFI_STATE_PATH, NULL, NULL), 0);
	strcpy(s.vendor, "ubuntu");
	strcpy(s.loader, "shimx64.efi");
	assert_int_equal(efi_state_store(&s, &t.fs[0].root, EFI_STATE_PATH, NULL, NULL, NULL), 0);
	put("esp/EFI/rehost-clone/shimx64.efi", "clone", 5);
	put("esp/EFI/rehost-clone/grub.cfg", stub, sizeof(stub) - 1);
	put("esp/EFI/debian/grub.cfg", stub, sizeof(stub) - 1);
	put("esp/EFI/Microsoft/x.efi", "ms", 2);
	assert_int_equal(activate_uefi_finish_on(&t.scan, &t.fs[0].root, &notes, NULL), 0);
	expect_order(1, (const uint16_t[]){ 0 }, 2);
	expect_text("esp/" EFI_REMOVABLE, "clone");
	expect_text("esp/EFI/ubuntu/shimx64.efi", "clone");
	assert_true(root_exists(&top, "esp/EFI/Microsoft/x.efi"));
	assert_false(root_exists(&top, "esp/EFI/debian"));
	assert_false(root_exists(&top, "esp/EFI/rehost"));
	assert_false(root_exists(&top, "esp/EFI/rehost-clone"));
	assert_false(root_exists(&top, "esp/" EFI_SPARE));
	assert_false(root_exists(&top, "esp/boot"));
	assert_int_equal(notes.count, 2);
	assert_non_null(strstr(notes.items[0], "/EFI/Microsoft stays"));
	assert_non_null(strstr(notes.items[1], "/EFI/debian of the old system is deleted"));
	assert_int_equal(activate_uefi_finish_on(&t.scan, &t.fs[0].root, &notes, NULL), 0);
}

/* The firmware forgot our entry while S says rescue. */
static void test_a_forgotten_entry(void **state)
{
	(void)state;
	need_mount();
	plant();
	assert_int_equal(loader_select(&t.fs[0].root, LOADER_RESCUE, NULL), 0);
	assert_true(loader_is_first(&t, &r));
	set_order(2, (const uint16_t[]){ 0, 1 });
	assert_false(loader_is_first(&t, &r));
	assert_int_equal(loader_renew(&t, &r, NULL), 0);
	assert_true(loader_is_first(&t, &r));
	expect_planted();
	assert_int_equal(selected(), LOADER_RESCUE);
	r.loader = LOADER_BIOS;
	set_order(2, (const uint16_t[]){ 0, 1 });
	assert_true(loader_is_first(&t, &r));
	assert_int_equal(loader_renew(&t, &r, NULL), 0);
	expect_order(2, (const uint16_t[]){ 0, 1 }, 3);
}

/* A folder that was there stays. */
static void test_a_grub_folder_of_somebody_else(void **state)
{
	(void)state;
	need_mount();
	assert_int_equal(root_mkdirs(&top, "esp/boot/grub", 0700, NULL), 0);
	plant();
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	assert_true(root_is_dir(&top, "esp/boot/grub"));
}

/* An entry that the firmware or somebody made since is kept, behind those of before. */
static void test_entries_made_since(void **state)
{
	(void)state;
	need_mount();
	plant();
	add_entry(ESP_ID, "\\EFI\\new\\x.efi", 3);
	set_order(4, (const uint16_t[]){ 3, 2, 0, 1 });
	assert_int_equal(loader_restore(&t, &r, NULL), 0);
	expect_order(3, (const uint16_t[]){ 0, 1, 3 }, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_planted_twice_and_given_back, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_planting_goes_on_after_a_cut, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_entry_that_may_be_forgotten, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_removable_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_forgotten_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_lost_spare, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secure_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_volatile_variables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_released_at_the_removable_path, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_grub_folder_of_somebody_else, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_entries_made_since, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
