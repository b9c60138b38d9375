/* SPDX-License-Identifier: MIT */
/* Which card is which, drivers out of sysfs, the old system's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "job/links.h"
#include "job/machine.h"

#define T(text) ((char *)(text)) /* the model's strings are not const */

/* One card per text: "NAME MAC ADDRESS OTHER", "-" for none. */
static void make_links(struct rescue_links *ret, const char *const *texts)
{
	json_t *list = json_array(), *net;
	char name[16], mac[32], address[64], other[16];

	for (; *texts; texts++) {
		assert_int_equal(sscanf(*texts, "%15s %31s %63s %15s", name, mac, address, other),
				 4);
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:[s], s:[s], s:n}", "name", name,
						"mac", mac, "driver", "virtio_net", "addresses",
						address, "other_names", other, "gateway"));
	}
	net = json_pack("{s:o}", "links", list);
	assert_int_equal(links_from_json(ret, net, NULL), 0);
	json_decref(net);
}

static char *addresses_a[] = { T("192.0.2.1/24") };
static char *addresses_b[] = { T("198.51.100.7/32"), T("2001:DB8::7/64") };
static char *bridge_ports[] = { T("ens4") };
static struct net_link two[] = {
	{ .name = T("ens3"), .addresses = { addresses_a, 1, 1 } },
	{ .name = T("ens4"), .addresses = { addresses_b, 2, 2 } },
};

static void check(const char *const *cards, struct net_link *configured, unsigned count,
		  const struct mac_names *macs, const char *const *want)
{
	static const struct mac_names none;
	struct net_model model = { .links = configured, .link_count = count };
	struct rescue_links l;
	unsigned i;

	make_links(&l, cards);
	assert_int_equal(links_match(&l, &model, macs ? macs : &none, NULL), 0);
	for (i = 0; i < l.count; i++) {
		if (want[i])
			assert_string_equal(l.items[i].target_name, want[i]);
		else
			assert_null(l.items[i].target_name);
	}
	links_done(&l);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_match(void **state)
{
	(void)state;
	/* by address, whatever the prefix, whatever the order */
	check(LIST("eth0 52:54:00:00:00:01 198.51.100.7/24 -",
		   "eth1 52:54:00:00:00:02 192.0.2.1/24 -"),
	      two, 2, NULL, LIST("ens4", "ens3"));
	check(LIST("eth0 52:54:00:00:00:01 2001:db8::7/128 -", "eth1 52:54:00:00:00:02 - -"), two,
	      2, NULL, LIST("ens4", "ens3"));
	/* an address that only begins alike is another one */
	check(LIST("eth0 52:54:00:00:00:01 192.0.2.10/24 -", "eth1 52:54:00:00:00:02 - -"), two, 2,
	      NULL, LIST(NULL, NULL));
	/* by the name udev would give */
	check(LIST("eth0 52:54:00:00:00:01 - ens4", "eth1 52:54:00:00:00:02 - ens3"), two, 2, NULL,
	      LIST("ens4", "ens3"));
	/* address wins over name */
	check(LIST("eth0 52:54:00:00:00:01 192.0.2.1/24 ens4", "eth1 52:54:00:00:00:02 - ens3"),
	      two, 2, NULL, LIST("ens3", "ens4"));
	/* one card, one name */
	check(LIST("eth0 52:54:00:00:00:01 - enp0s9"), two, 1, NULL, LIST("ens3"));
	/* two cards left for one name: not told */
	check(LIST("eth0 52:54:00:00:00:01 - -", "eth1 52:54:00:00:00:02 - -"), two, 1, NULL,
	      LIST(NULL, NULL));
	/* no configuration at all */
	check(LIST("eth0 52:54:00:00:00:01 - -"), two, 0, NULL, LIST(NULL));
}

static void test_bridge_and_alias(void **state)
{
	struct net_link bridge[] = { { .name = T("br0"),
				       .addresses = { addresses_a, 1, 1 },
				       .kind = NET_BRIDGE,
				       .ports = { bridge_ports, 1, 1 } } };
	struct net_link alias[] = { { .name = T("eth7") },
				    { .name = T("eth7:1"), .addresses = { addresses_a, 1, 1 } } };
	struct net_link vlan[] = { { .name = T("ens3.20") }, { .name = T("ens3") } };

	(void)state;
	check(LIST("eth0 52:54:00:00:00:01 192.0.2.1/24 -"), bridge, 1, NULL, LIST("ens4"));
	check(LIST("eth0 52:54:00:00:00:01 192.0.2.1/24 -"), alias, 2, NULL, LIST("eth7"));
	check(LIST("eth0 52:54:00:00:00:01 - -"), vlan, 2, NULL, LIST("ens3"));
}

/* netplan's match, NetworkManager's mac-address: the label is a name only when it can be one. */
static void test_files_that_name_the_address(void **state)
{
	struct net_link labels[] = {
		{ .name = T("wan"), .mac = T("52:54:00:00:00:01") },
		{ .name = T("Wired connection 1"), .mac = T("52:54:00:00:00:02") },
		{ .name = T("a name that is far too long"), .mac = T("52:54:00:00:00:03") },
	};

	(void)state;
	check(LIST("eth2 52:54:00:00:00:03 - ens5", "eth1 52:54:00:00:00:02 - ens4",
		   "eth0 52:54:00:00:00:01 - ens3"),
	      labels, 3, NULL, LIST("ens5", "ens4", "wan"));
}

static void test_mac_rules(void **state)
{
	struct mac_names m = { 0 };

	(void)state;
	assert_int_equal(
		mac_names_add_udev(
			&m,
			"# PCI device\n"
			"#SUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:00:00:09\", NAME=\"no\"\n"
			"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", "
			"ATTR{address}==\"52:54:00:AA:00:01\", ATTR{type}==\"1\", "
			"KERNEL==\"eth*\", NAME=\"lan0\"\n"
			"KERNEL==\"sda\", NAME=\"disk\"\n"
			"ATTR{address}==\"short\", NAME=\"x\"\n"
			"ATTR{address}==\"52:54:00:aa:00:03\", NAME=\"unended",
			NULL),
		0);
	assert_int_equal(m.macs.count, 1);
	assert_string_equal(m.macs.items[0], "52:54:00:aa:00:01");
	assert_string_equal(m.names.items[0], "lan0");
	assert_int_equal(mac_names_add_link(&m,
					    "[Match]\nMACAddress=52-54-00-AA-00-02\n"
					    "[Link]\nName=wan0\n",
					    NULL),
			 0);
	assert_int_equal(mac_names_add_link(&m, "[Match]\nMACAddress=52:54:00:aa:00:05\n", NULL),
			 0);
	assert_int_equal(m.macs.count, 2);
	assert_string_equal(m.macs.items[1], "52:54:00:aa:00:02");
	check(LIST("eth0 52:54:00:aa:00:02 - ens3", "eth1 52:54:00:AA:00:01 - ens4"), two, 2, &m,
	      LIST("wan0", "lan0"));
	mac_names_done(&m);
}

static void test_hostile_json(void **state)
{
	json_t *v = json_loads(
		"{\"links\": [1, {}, {\"name\": \"a\"}, {\"name\": \"\", \"mac\": \"b\"},"
		" {\"name\": \"c\", \"mac\": \"d\", \"addresses\": {\"x\": 1}}]}",
		0, NULL);
	struct rescue_links l;

	(void)state;
	assert_non_null(v);
	assert_int_equal(links_from_json(&l, v, NULL), 0);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.items[0].name, "c");
	assert_int_equal(l.items[0].addresses.count, 0);
	links_done(&l);
	json_decref(v);
	assert_int_equal(links_from_json(&l, NULL, NULL), 0);
	assert_int_equal(l.count, 0);
	links_done(&l);
}

static void link_in(const struct root *r, const char *path, const char *text)
{
	assert_int_equal(root_symlink(r, path, text, NULL), 0);
}

static void test_drivers(void **state)
{
	char base[] = "/tmp/rehost-sys-XXXXXX";
	struct strlist found = STRLIST_INIT;
	struct root r;

	(void)state;
	assert_non_null(mkdtemp(base));
	assert_int_equal(root_open(&r, base, NULL), 0);
	assert_int_equal(root_mkdirs(&r, "devices/pci0/0000:00:04.0/virtio1/block/vda/vda1", 0755,
				     NULL),
			 0);
	assert_int_equal(root_mkdirs(&r, "drivers/virtio_blk", 0755, NULL), 0);
	assert_int_equal(root_mkdirs(&r, "drivers/virtio-pci", 0755, NULL), 0);
	assert_int_equal(root_mkdirs(&r, "drivers/pcieport", 0755, NULL), 0); /* built in */
	link_in(&r, "class/block/vda1", "../../devices/pci0/0000:00:04.0/virtio1/block/vda/vda1");
	link_in(&r, "devices/pci0/0000:00:04.0/virtio1/driver", "../../../../drivers/virtio_blk");
	link_in(&r, "devices/pci0/0000:00:04.0/driver", "../../../drivers/virtio-pci");
	link_in(&r, "devices/pci0/driver", "../../drivers/pcieport");
	link_in(&r, "drivers/virtio_blk/module", "../../module/virtio_blk");
	link_in(&r, "drivers/virtio-pci/module", "../../module/virtio_pci");
	assert_int_equal(machine_add_drivers(&r, "class/block/vda1", &found, NULL), 0);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.items[0], "virtio_blk");
	assert_string_equal(found.items[1], "virtio_pci");
	assert_int_equal(machine_add_drivers(&r, "class/block/vda1", &found, NULL), 0);
	assert_int_equal(machine_add_drivers(&r, "class/net/none", &found, NULL), 0);
	assert_int_equal(found.count, 2);
	strlist_done(&found);
	root_close(&r);
	assert_int_equal(root_open(&r, "/tmp", NULL), 0);
	assert_int_equal(root_remove_tree(&r, base + 5, NULL), 0);
	root_close(&r);
}

static void check_text(char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

static void test_cmdline(void **state)
{
	struct strlist consoles = STRLIST_INIT;

	(void)state;
	check_text(grub_cfg_cmdline("set timeout=5\nmenuentry 'x' {\n\techo 'Loading Linux'\n"
				    "\tlinux\t/vmlinuz-6.1 root=UUID=1 ro  console=ttyS0,115200\n"
				    "\tinitrd /initrd\n}\nlinux /second b\n"),
		   "root=UUID=1 ro console=ttyS0,115200");
	check_text(grub_cfg_cmdline("linux /vmlinuz\n"), "");
	check_text(grub_cfg_cmdline("linux16 /vmlinuz a\n"), "a");
	check_text(grub_cfg_cmdline("linuxx /vmlinuz a\nlinux\n"), NULL);
	check_text(grub_cfg_cmdline(""), NULL);
	check_text(grub_default_cmdline("GRUB_DEFAULT=0\n# GRUB_CMDLINE_LINUX=\"no\"\n"
					"GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
					"GRUB_CMDLINE_LINUX='console=tty0 console=ttyS0'\n"),
		   "quiet console=tty0 console=ttyS0");
	check_text(grub_default_cmdline("GRUB_CMDLINE_LINUX=quiet # word\n"), "quiet");
	check_text(grub_default_cmdline("GRUB_CMDLINE_LINUX=\n"), "");
	check_text(grub_default_cmdline("GRUB_DEFAULT=0\n"), NULL);
	assert_int_equal(
		cmdline_consoles("ro console=tty0 xconsole=no console=ttyS0,115200n8 console= "
				 "console=tty0",
				 &consoles, NULL),
		0);
	assert_int_equal(consoles.count, 2);
	assert_string_equal(consoles.items[0], "tty0");
	assert_string_equal(consoles.items[1], "ttyS0,115200n8");
	strlist_done(&consoles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_bridge_and_alias),
		cmocka_unit_test(test_files_that_name_the_address),
		cmocka_unit_test(test_mac_rules),
		cmocka_unit_test(test_hostile_json),
		cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
