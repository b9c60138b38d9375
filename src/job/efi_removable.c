/* SPDX-License-Identifier: MIT */
#include "job/efi_removable.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "disk/fatswap.h"

/* In place: the entry keeps its slot. Nothing starts from it. */
static int write_spare(const struct volume *v, const struct strbuf *program, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	int fd cleanup_fd = -1;

	if (esp_open(&esp, v, true, e) < 0)
		return -1;
	fd = root_openat(&esp.root, EFI_SPARE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0700, e);
	if (fd < 0)
		return err_ctx(e, "making /" EFI_SPARE);
	if (write_all(fd, program->data, program->len) < 0 || fsync(fd) < 0)
		return err_set(e, ERR_ESP, errno, "writing out /" EFI_SPARE);
	close(fd);
	fd = -1;
	return esp_close(&esp, e);
}

struct now {
	char path[SHA256_HEX_LEN + 1], spare[SHA256_HEX_LEN + 1];
};

/* On a mount of its own. */
static int look(const struct volume *v, struct now *ret, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;

	if (esp_open(&esp, v, false, e) < 0 ||
	    esp_hash_file(&esp.root, EFI_REMOVABLE, ret->path, e) < 0 ||
	    esp_hash_file(&esp.root, EFI_SPARE, ret->spare, e) < 0)
		return -1;
	return esp_close(&esp, e);
}

static int exchange_mounted(const struct root *esp, struct err *e)
{
	int dir cleanup_fd = root_openat(esp, EFI_REMOVABLE_DIR,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (dir < 0)
		return -1;
	if (renameat2(dir, "BOOTX64.EFI", dir, "REHOST.EFI", RENAME_EXCHANGE) < 0)
		return err_set(e, ERR_ESP, errno,
			       errno == EINVAL ? "this kernel cannot exchange two files of a FAT "
						 "(Linux 6.0 can): type it in the rescue"
					       : "exchanging /" EFI_REMOVABLE);
	return 0;
}

static int exchange(const struct volume *v, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;

	if (esp_open(&esp, v, true, e) < 0)
		return -1;
	if (!esp.is_ours && exchange_mounted(&esp.root, e) < 0)
		return -1;
	if (!esp.is_ours)
		return esp_close(&esp, e);
	if (esp_close(&esp, e) < 0)
		return -1;
	return fat_swap(v->path, "/" EFI_REMOVABLE_DIR, "BOOTX64.EFI", "REHOST.EFI", e);
}

int efi_removable_set(const struct volume *v, const struct strbuf *program, struct err *e)
{
	char want[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];
	struct now now;

	sha256_of(strbuf_str(program), program->len, digest);
	hex_of(digest, sizeof(digest), want);
	if (look(v, &now, e) < 0)
		return -1;
	if (strcmp(now.path, want) == 0)
		return 0;
	if (strcmp(now.spare, want) != 0 &&
	    (write_spare(v, program, e) < 0 || look(v, &now, e) < 0))
		return -1;
	if (strcmp(now.spare, want) != 0)
		return err_set(e, ERR_ESP, 0,
			       "/" EFI_SPARE " does not read back as it was written");
	if (exchange(v, e) < 0 || look(v, &now, e) < 0)
		return -1;
	if (strcmp(now.path, want) != 0)
		return err_set(e, ERR_ESP, 0, "/" EFI_REMOVABLE " is not what was put there");
	log_info("esp: /" EFI_REMOVABLE " is exchanged");
	return 0;
}

int efi_removable_give_back(const struct volume *v, const char *old, const char *ours,
			    struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	struct now now;

	if (look(v, &now, e) < 0)
		return -1;
	if (strcmp(now.path, ours) == 0) {
		if (strcmp(now.spare, old) != 0)
			return err_set(e, ERR_ESP, 0,
				       "/" EFI_SPARE
				       " is not what the old system had at /" EFI_REMOVABLE);
		if (exchange(v, e) < 0 || look(v, &now, e) < 0)
			return -1;
		if (strcmp(now.path, old) != 0)
			return err_set(e, ERR_ESP, 0, "/" EFI_REMOVABLE " did not come back");
	} else if (strcmp(now.path, old) != 0) {
		log_warn("esp: /" EFI_REMOVABLE " was replaced by somebody else: it stays");
	}
	if (esp_open(&esp, v, true, e) < 0 || root_remove(&esp.root, EFI_SPARE, e) < 0)
		return -1;
	return esp_close(&esp, e);
}
