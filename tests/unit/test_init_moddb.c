/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/cmdline.h"
#include "init/moddb.h"

static int set_up(void **state)
{
	static struct moddb db;

	/* depmod lists a module's whole closure, what is needed by all last. */
	assert_int_equal(
		moddb_init(&db,
			   strdup("k/virtio_net.ko.xz: k/net_failover.ko.xz k/failover.ko.xz\n"
				  "k/net_failover.ko.xz: k/failover.ko.xz\n"
				  "k/failover.ko.xz:\n"
				  "k/btrfs.ko.xz: k/xor.ko.xz\n"
				  "k/xor.ko.xz:\n"
				  "k/sha256-ssse3.ko.xz:\n"
				  "k/sha256_generic.ko.xz:\n"
				  "k/vfio.ko.xz:\n"
				  "k/vfio_iommu_type1.ko.xz:\n"
				  "k/loop-a.ko.xz:\nk/loop-b.ko.xz:\n"
				  "garbage line\n"),
			   strdup("# comment\n"
				  "alias virtio:d00000001v* virtio_net\n"
				  "alias sha256 sha256_ssse3\n"
				  "alias sha256 sha256_generic\n"
				  "alias fs-btrfs btrfs\n"
				  "alias pci:v00008086d*sv*sd*bc02sc00i* not_in_image\n"
				  "alias cpu:type:x86,ven*fam*mod*:feature:*00C0* xor\n"
				  "alias broken\n"),
			   strdup("softdep btrfs pre: sha256 crc-not-here\n"
				  "softdep vfio post: vfio_iommu_type1 gone\n"
				  "softdep loop_a pre: loop-b\nsoftdep loop_b pre: loop-a\n"),
			   strdup("kernel/fs/ext4/ext4.ko\n"), strdup("fs-ext4\ncrypto-crc32c*\n")),
		0);
	*state = &db;
	return 0;
}

static int tear_down(void **state)
{
	moddb_done(*state);
	return 0;
}

static void plan(struct moddb *db, const char *request, int answer, const char *want)
{
	struct strlist paths = STRLIST_INIT;
	char text[512] = "";

	assert_int_equal(moddb_plan(db, request, &paths), answer);
	for (size_t i = 0; i < paths.count; i++) {
		assert_true(str_starts(paths.items[i], "k/"));
		strcat(text, paths.items[i] + 2);
		text[strlen(text) - strlen(".ko.xz")] = 0;
		strcat(text, " ");
	}
	assert_string_equal(text, want);
	strlist_done(&paths);
}

static void test_plan(void **state)
{
	struct moddb *db = *state;

	plan(db, "virtio:d00000001v00001AF4", MODDB_FOUND, "failover net_failover virtio_net ");
	plan(db, "virtio-net", MODDB_FOUND, "failover net_failover virtio_net ");
	plan(db, "virtio:d00000002v00001AF4", MODDB_UNKNOWN, "");
	/* An alias may mean several; a softdep is an alias itself and comes before. */
	plan(db, "fs-btrfs", MODDB_FOUND, "sha256-ssse3 sha256_generic xor btrfs ");
	plan(db, "vfio", MODDB_FOUND, "vfio vfio_iommu_type1 ");
	/* The names of the alias's module are in the table of another kernel only. */
	plan(db, "pci:v00008086d0000100Esv0sd0bc02sc00i00", MODDB_UNKNOWN, "");
	plan(db, "cpu:type:x86,ven0000fam0006mod0055:feature:,0000,00C0,00C1", MODDB_FOUND, "xor ");
	plan(db, "ext4", MODDB_BUILTIN, "");
	plan(db, "fs-ext4", MODDB_BUILTIN, "");
	plan(db, "crypto-crc32c-all", MODDB_BUILTIN, "");
	plan(db, "", MODDB_UNKNOWN, "");
	plan(db, "../../etc/passwd", MODDB_UNKNOWN, "");
}

static void test_circle_ends(void **state)
{
	struct strlist paths = STRLIST_INIT;

	assert_int_equal(moddb_plan(*state, "loop-a", &paths), MODDB_FOUND);
	assert_int_equal(paths.count, 2);
	strlist_done(&paths);
}

static void test_blacklist(void **state)
{
	struct moddb *db = *state;

	assert_int_equal(moddb_blacklist(db, "sha256-generic,,net_failover"), 0);
	plan(db, "sha256", MODDB_FOUND, "sha256-ssse3 ");
	strlist_done(&db->blacklist);
}

static void test_options(void **state)
{
	struct strlist words = STRLIST_INIT;
	struct strbuf b = STRBUF_INIT;

	(void)state;
	assert_int_equal(cmdline_split(&words, "nvme-core.io_timeout=255 nvme_core.multipath=N "
					       "x=nvme_core.y quiet nvme_core. nvme.z"),
			 0);
	module_options(&b, &words, "nvme_core");
	assert_string_equal(strbuf_str(&b), "io_timeout=255 multipath=N ");
	strbuf_done(&b);
	module_options(&b, &words, "nvme");
	assert_string_equal(strbuf_str(&b), "z");
	strbuf_done(&b);
	/* No bond of its own making. */
	module_options(&b, &words, "bonding");
	assert_string_equal(strbuf_str(&b), "max_bonds=0");
	strbuf_done(&b);
	strlist_done(&words);
}

static void test_empty(void **state)
{
	struct moddb db;
	struct strlist paths = STRLIST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(moddb_init(&db, NULL, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(moddb_plan(&db, "x", &paths), MODDB_UNKNOWN);
	moddb_done(&db);
	assert_int_equal(moddb_open(&db, "/nonexistent", &e), -1);
	assert_int_equal(e.code, ERR_INIT_MODULES);
	moddb_done(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),	  cmocka_unit_test(test_circle_ends),
		cmocka_unit_test(test_blacklist), cmocka_unit_test(test_options),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
