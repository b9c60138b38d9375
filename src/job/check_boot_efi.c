/* SPDX-License-Identifier: MIT */
/* The loader that UEFI will start: what grub-install made for the ESP, down to the menu's place. */
#include <string.h>

#include "base/bytes.h"
#include "disk/efivars.h"
#include "job/activate_uefi.h"
#include "job/check_priv.h"
#include "rewrite/family.h"

#define STUB_MAX 16384
#define PE_OFFSET_AT 0x3c
#define MACHINE_AMD64 0x8664

/* A PE image for amd64: "MZ", at 0x3c the offset of "PE\0\0" and the machine (PE/COFF specification, 2 and 3.3). */
static bool is_program(const struct strbuf *b)
{
	const unsigned char *p = (const unsigned char *)b->data;
	size_t at;

	if (b->len < 0x40 || p[0] != 'M' || p[1] != 'Z')
		return false;
	at = get_le32(p + PE_OFFSET_AT);
	return at < b->len && b->len - at >= 6 && memcmp(p + at, "PE\0\0", 4) == 0 &&
	       get_le16(p + at + 4) == MACHINE_AMD64;
}

static void check_program(struct check *c, const struct root *efi, const char *vendor,
			  const char *name)
{
	struct strbuf content cleanup_strbuf = STRBUF_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", vendor, name);
	if (root_read(efi, path, &content, ESP_FILE_MAX, NULL) < 0 || !is_program(&content))
		check_add(c, FINDING_BLOCKER, "loader", "%s/%s is no UEFI program", CLONE_EFI_DIR,
			  path);
}

/* Of the machine that will start it: this one, now. */
static void check_secure_boot(struct check *c, const struct root *efi, const char *vendor,
			      const char *loader)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct strbuf program cleanup_strbuf = STRBUF_INIT;
	bool is_secure = c->facts->secure_boot, trusts = true;
	char path[128];

	if (b && efivars_open(&vars, NULL) == 0 && efi_boot_read(b, &vars, NULL) == 0) {
		is_secure = b->is_secure;
		trusts = efivars_trusts_microsoft(&vars);
	}
	if (!is_secure)
		return;
	if (strcmp(loader, "grubx64.efi") == 0)
		check_add(c, FINDING_BLOCKER, "loader",
			  "this machine enforces Secure Boot and the clone has no shim");
	snprintf(path, sizeof(path), "%s/%s", vendor, loader);
	if (!trusts && root_read(efi, path, &program, ESP_FILE_MAX, NULL) == 0 &&
	    efi_is_signed_by_microsoft(strbuf_str(&program), program.len))
		check_add(c, FINDING_BLOCKER, "loader",
			  "this machine enforces Secure Boot, and its keys (db) are without the "
			  "one of "
			  "Microsoft's that signed the clone's %s",
			  loader);
}

/* The configuration beside a signed GRUB must lead to the clone's menu. */
static void check_stub(struct check *c, const struct root *efi, const char *vendor)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, want cleanup_strbuf = STRBUF_INIT;
	const struct target_fs *boot = &c->t->fs[0];
	const char *dir = family_grub_dir(c->view);
	char path[128];
	unsigned i;

	for (i = 1; i < c->t->fs_count; i++)
		if (strcmp(c->t->fs[i].mount, "/boot") == 0)
			boot = &c->t->fs[i];
	snprintf(path, sizeof(path), "%s/grub.cfg", vendor);
	if (!root_is_file(efi, path))
		return; /* the way is inside the image */
	strbuf_addf(&want, "search.fs_uuid %s \nset prefix=($root)%s\n",
		    boot->volume->uuid ? boot->volume->uuid : "-",
		    boot == &c->t->fs[0] ? dir : dir + strlen("/boot"));
	if (root_read(efi, path, &text, STUB_MAX, NULL) < 0 ||
	    !efi_stub_is_same(strbuf_str(&text), strbuf_str(&want)))
		check_add(c, FINDING_BLOCKER, "loader", "%s/%s does not lead to the clone's %s",
			  CLONE_EFI_DIR, path, dir);
}

int check_boot_efi(struct check *c, struct err *e)
{
	struct root efi cleanup_root = ROOT_INIT;
	char vendor[64], loader[64];
	struct err local = ERR_INIT;

	(void)e;
	if (!esp_find(c->t))
		check_add(c, FINDING_BLOCKER, "firmware",
			  "this machine's EFI system partition was not found");
	if (root_open_below(&efi, c->view, CLONE_EFI_DIR, &local) < 0 ||
	    activate_uefi_find_loader(&efi, vendor, sizeof(vendor), loader, sizeof(loader),
				      &local) < 0) {
		check_add(c, FINDING_BLOCKER, "loader",
			  "GRUB was not prepared: there is no loader in " CLONE_EFI_DIR);
		return 0;
	}
	check_program(c, &efi, vendor, loader);
	if (strcmp(loader, "grubx64.efi") != 0)
		check_program(c, &efi, vendor, "grubx64.efi");
	check_secure_boot(c, &efi, vendor, loader);
	check_stub(c, &efi, vendor);
	return 0;
}
