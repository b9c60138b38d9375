/* SPDX-License-Identifier: MIT */
/* The pure parts of receiving and of the prepared chroot: space, progress text, what /proc shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/chroot.h"
#include "job/progress.h"
#include "job/stage.h"

static void check_space(struct space_numbers n, uint64_t want_bytes, uint64_t want_inodes)
{
	uint64_t bytes = 77, inodes = 77;

	stage_missing(&n, &bytes, &inodes);
	assert_int_equal(bytes, want_bytes);
	assert_int_equal(inodes, want_inodes);
}

static void test_space(void **state)
{
	(void)state;
	/* of 1,000 blocks 50 stay free */
	check_space((struct space_numbers){ 1000, 50, 1000, 50, 4096 }, 0, 0);
	check_space((struct space_numbers){ 1000, 49, 1000, 50, 4096 }, 4096, 0);
	check_space((struct space_numbers){ 1000, 0, 1000, 0, 1024 }, 50 * 1024, 50);
	check_space((struct space_numbers){ 1000, 900, 0, 0, 1024 }, 0, 0); /* btrfs: no inodes */
	check_space((struct space_numbers){ 1000, 900, 1000, 20, 1024 }, 0, 30);
}

static void test_progress_text(void **state)
{
	char buf[160];

	(void)state;
	progress_format(buf, sizeof(buf), 1234567, 1400000000, 0, 23000000, 61);
	assert_string_equal(buf, "1,234,567 files, 1.4 GB, 23.0 MB/s, 1 min 01 s");
	progress_format(buf, sizeof(buf), 999, 400000000, 1400000000, 10000000, 40);
	assert_string_equal(buf,
			    "999 files, 400 MB of 1.4 GB, 10.0 MB/s, 40 s, about 1 min 40 s left");
	/* no rate yet: no guess; beyond the total: no total */
	progress_format(buf, sizeof(buf), 0, 0, 1400000000, 0, 0);
	assert_string_equal(buf, "0 files, 0 B of 1.4 GB, 0 B/s, 0 s");
	progress_format(buf, sizeof(buf), 1, 2000, 1000, 1000, 2);
	assert_string_equal(buf, "1 files, 2.0 kB, 1.0 kB/s, 2 s");
}

static struct volume root_volume = {
	.path = (char *)"/dev/vda3",
	.type = (char *)"ext4",
	.uuid = (char *)"11111111-2222-3333-4444-555555555555",
	.major = 254,
	.minor = 3,
};
static struct volume boot_volume = {
	.path = (char *)"/dev/vda1",
	.type = (char *)"ext2",
	.major = 254,
	.minor = 1,
};
static struct volume odd_volume = {
	.path = (char *)"/dev/vdb",
	.type = (char *)"ext4",
	.major = 254,
	.minor = 16,
};
static struct volume swap_volume = { .path = (char *)"/dev/vda2", .size_bytes = 104857600 };

static void make_target(struct target *t)
{
	*t = (struct target){ 0 };
	t->fs_count = 4;
	t->fs[0].mount = (char *)"/";
	t->fs[0].volume = &root_volume;
	t->fs[1].mount = (char *)"/boot";
	t->fs[1].volume = &boot_volume;
	t->fs[2].mount = (char *)"/srv/my data";
	t->fs[2].volume = &odd_volume;
	t->fs[3].mount = (char *)"/srv/my data/x";
	t->fs[3].volume = &odd_volume;
	t->swap_count = 1;
	t->swaps[0] = &swap_volume;
}

static void test_mountinfo(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct target t;

	(void)state;
	make_target(&t);
	chroot_mountinfo(&t, &out);
	assert_non_null(
		strstr(strbuf_str(&out),
		       "20 1 254:3 / / rw,relatime shared:1 - ext4 /dev/vda3 rw\n"
		       "21 20 254:1 / /boot rw,relatime shared:2 - ext2 /dev/vda1 rw\n"
		       "22 20 254:16 / /srv/my\\040data rw,relatime shared:3 - ext4 /dev/vdb rw\n"
		       "23 22 254:16 / /srv/my\\040data/x rw,relatime shared:4 - ext4 /dev/vdb rw\n"
		       "24 20 0:21 / /sys "));
	assert_null(strstr(strbuf_str(&out), "overlay"));
	assert_null(strstr(strbuf_str(&out), "rehost"));
	strbuf_done(&out);
}

static void test_other_texts(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct target t;

	(void)state;
	make_target(&t);
	chroot_mounts(&t, &out);
	assert_true(str_starts(strbuf_str(&out), "/dev/vda3 / ext4 rw,relatime 0 0\n"
						 "/dev/vda1 /boot ext2 rw,relatime 0 0\n"
						 "/dev/vdb /srv/my\\040data ext4 "));
	strbuf_done(&out);
	chroot_swaps(&t, &out);
	assert_non_null(strstr(strbuf_str(&out), "\n/dev/vda2 "));
	assert_non_null(strstr(strbuf_str(&out), "partition\t102400\t"));
	strbuf_done(&out);
	chroot_cmdline(&t, &out);
	assert_string_equal(strbuf_str(&out),
			    "root=UUID=11111111-2222-3333-4444-555555555555 ro\n");
	strbuf_done(&out);
	chroot_link_name("my disk/1\"", &out);
	assert_string_equal(strbuf_str(&out), "my\\x20disk\\x2f1\\x22");
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space),
		cmocka_unit_test(test_progress_text),
		cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
