/* SPDX-License-Identifier: MIT */
/* GRUB for UEFI. */
#include <string.h>
#include <strings.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_boot_priv.h"

#define PAYLOAD_DIR "/boot/efi/EFI"
#define SIGNED_GRUB "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
#define SIGNED_SHIM "/usr/lib/shim/shimx64.efi.signed"

/* A name that can stand in a path and in a line. */
static bool is_vendor(const char *s)
{
	return *s && strlen(s) < 60 &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")];
}

/* What the packages put straight onto the source's own ESP (RHEL and relatives): nothing makes it anew. */
static bool has_payload(const struct planner *p, char *vendor, size_t size)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(p->clone, PAYLOAD_DIR) ||
	    root_list(p->clone, PAYLOAD_DIR, &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++) {
		char shim[320], grub[320];

		if (strcasecmp(names.items[i], "BOOT") == 0 || !is_vendor(names.items[i]))
			continue;
		snprintf(shim, sizeof(shim), PAYLOAD_DIR "/%s/shimx64.efi", names.items[i]);
		snprintf(grub, sizeof(grub), PAYLOAD_DIR "/%s/grubx64.efi", names.items[i]);
		if (!root_is_file(p->clone, shim) || !root_is_file(p->clone, grub))
			continue;
		snprintf(vendor, size, "%s", names.items[i]);
		return true;
	}
	return false;
}

/* Their grub-install refuses UEFI, because what it makes is not signed. */
static bool uses_payload(const struct planner *p)
{
	return strcmp(p->tree.family, "rhel") == 0;
}

static int check_payload(struct planner *p)
{
	char vendor[64];

	if (has_payload(p, vendor, sizeof(vendor)))
		return 0;
	return plan_block(
		p,
		"this machine starts by UEFI, and no shimx64.efi with grubx64.efi came in "
		"the source's " PAYLOAD_DIR
		": install %s on the source, then send it again, with ./boot/efi "
		"where that is a file system of its own",
		family_find(p->tree.family)->grub_signed);
}

static int check_tools(struct planner *p, const struct grub_names *g)
{
	const struct family *f = family_find(p->tree.family);
	bool is_signed = root_is_file(p->clone, SIGNED_GRUB) && root_is_file(p->clone, SIGNED_SHIM);

	if (strcmp(f->name, "suse") ==
	    0) /* its shim asks for grub.efi, which shim-install lays beside it */
		return plan_block(p, "this machine starts by UEFI, which rehost does not do with "
				     "SUSE's loader yet: take a machine that starts by BIOS");
	if (!g->efi_dir || !*g->install)
		return plan_block(p,
				  "this machine starts by UEFI, and the source has no GRUB for it: "
				  "install %s on the source "
				  "(they do not change how it starts), with %s for Secure Boot, "
				  "then send it again",
				  f->grub_efi, f->grub_signed);
	if (p->facts->secure_boot && !is_signed)
		return plan_block(p,
				  "this machine enforces Secure Boot: install %s on the source, "
				  "then send it again",
				  f->grub_signed);
	return 0;
}

int boot_check_efi(struct planner *p, const struct grub_names *g)
{
	if ((uses_payload(p) ? check_payload(p) : check_tools(p, g)) < 0)
		return -1;
	if (!rewrite_facts_fs(p->facts, "/boot/efi") && !rewrite_facts_fs(p->facts, "/efi") &&
	    !rewrite_facts_fs(p->facts, "/boot"))
		return plan_block(p,
				  "this machine starts by UEFI, but its EFI system partition was "
				  "not found");
	if (strcmp(p->tree.family, "debian") == 0 && p->tree.has_grub_pc &&
	    !root_exists(p->clone, "/var/lib/dpkg/info/grub-efi-amd64.list"))
		return plan_note(
			p, "the source has the package grub-pc: install grub-efi-amd64 in the "
			   "clone, or upgrades of GRUB will not reach this machine's loader");
	return 0;
}

/* A stub in Debian's words, which every GRUB with search and configfile reads. */
static int write_stub(struct planner *p, const char *vendor, const char *grub_dir)
{
	const struct fact_fs *boot = rewrite_facts_fs(p->facts, "/boot");
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[160];

	snprintf(path, sizeof(path), REWRITE_ESP_DIR "/EFI/%.64s/grub.cfg", vendor);
	strbuf_addf(&text,
		    "search.fs_uuid %s root \nset prefix=($root)'%s'\n"
		    "configfile $prefix/grub.cfg\n",
		    boot ? boot->uuid : rewrite_facts_fs(p->facts, "/")->uuid,
		    boot ? grub_dir + strlen("/boot") : grub_dir);
	if (text.failed)
		return plan_nomem(p);
	return plan_write(p, path, strbuf_str(&text), text.len, 0644,
			  "the signed GRUB finds this machine's menu");
}

static int add_payload_step(struct planner *p, const struct grub_names *g)
{
	static const char *const files[] = { "shimx64.efi", "grubx64.efi", "mmx64.efi",
					     "fbx64.efi" };
	struct tool_step *step;
	char vendor[64], from[160], to[160], out[200];
	size_t i;

	if (!has_payload(p, vendor, sizeof(vendor)))
		return 0; /* said by check_payload */
	if (write_stub(p, vendor, g->dir) < 0)
		return -1;
	step = plan_step(p, "grub files", 300,
			 "the source's signed loader for this machine's EFI "
			 "system partition");
	snprintf(to, sizeof(to), REWRITE_ESP_DIR "/EFI/%.64s", vendor);
	if (!step || plan_words(p, &step->argv, (const char *const[]){ "/bin/cp", "-f", NULL }) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(from, sizeof(from), PAYLOAD_DIR "/%.64s/%s", vendor, files[i]);
		snprintf(out, sizeof(out), "%s/%s", to, files[i]);
		if (!root_is_file(p->clone, from))
			continue;
		if (strlist_add(&step->argv, from) < 0 || strlist_add(&step->inputs, from) < 0 ||
		    strlist_add(&step->outputs, out) < 0)
			return plan_nomem(p);
	}
	return strlist_add(&step->argv, to) < 0 ? plan_nomem(p) : 0;
}

/*
 * grub-install sees CLONE_EFI_DIR as the mounted EFI system partition (job/chroot_text.c) and writes plain files; they
 * go to the real one when the clone is activated.
 */
int boot_add_efi_step(struct planner *p, const struct grub_names *g)
{
	const char *const inputs[] = { g->efi_dir,	"/usr/lib/grub/x86_64-efi-signed",
				       "/usr/lib/shim", "/etc/default/grub",
				       "/etc/fstab",	NULL };
	static const char readme[] =
		"What grub-install made for this machine's EFI system partition.\n";
	struct tool_step *step;

	if (uses_payload(p))
		return add_payload_step(p, g);
	if (!g->efi_dir)
		return 0; /* said by check_tools */
	step = plan_step(p, "grub files", 300, "GRUB for this machine's EFI system partition");
	if (!step ||
	    plan_words(p, &step->argv,
		       (const char *const[]){ g->install, "--target=x86_64-efi", "--no-nvram",
					      "--efi-directory=" REWRITE_ESP_DIR,
					      "--boot-directory=/boot", "--recheck", NULL }) < 0 ||
	    plan_words(p, &step->inputs, inputs) < 0 ||
	    plan_words(p, &step->outputs, (const char *const[]){ REWRITE_ESP_DIR "/EFI", NULL }) <
		    0)
		return -1;
	/* the folder must be there; grub-install makes what is below it */
	return plan_write(p, REWRITE_ESP_DIR "/README", readme, strlen(readme), 0644,
			  "grub-install writes beside it");
}
