/* SPDX-License-Identifier: MIT */
#include "disk/efivars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/log.h"
#include "base/run.h"

#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SECURITY "d719b2cb-3d3a-4596-a3bc-dad00e67656f" /* UEFI 2.10, 32.6.1: db */
#define MICROSOFT \
	"Microsoft Corporation UEFI CA 2011" /* name in the certificate that signed Debian's shim */
#define SYSTEM_DIR "/sys/firmware/efi/efivars"
#define EFIVARFS_MAGIC 0xde5e81e4
#define VALUE_MAX 65536
#define DB_MAX (1u << 20)
#define ATTRIBUTES_LEN 4
#define NON_VOLATILE 1u
#define NV_BS_RT \
	7u /* non-volatile, boot service access, runtime access: what boot variables have */

/* ---- where they are ---- */

bool efivars_present(void)
{
	return getenv("REHOST_EFIVARS") || access("/sys/firmware/efi", F_OK) == 0;
}

static bool is_efivarfs(const char *path)
{
	struct statfs s;

	return statfs(path, &s) == 0 && (unsigned)s.f_type == EFIVARFS_MAGIC;
}

/* The path of the folder into buf. */
static int find_folder(char *buf, size_t size, struct err *e)
{
	const char *given = getenv("REHOST_EFIVARS");

	if (given || is_efivarfs(SYSTEM_DIR)) {
		snprintf(buf, size, "%s", given ? given : SYSTEM_DIR);
		return 0;
	}
	if (!efivars_present())
		return err_set(e, ERR_EFI_VARS, 0, "this machine was not started by UEFI");
	run_path(buf, size, "efivars");
	if (is_efivarfs(buf))
		return 0;
	if (mkdirs(buf, 0700, e) < 0)
		return -1;
	if (mount("efivarfs", buf, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_set(e, ERR_EFI_VARS, errno, "mounting efivarfs");
	return 0;
}

int efivars_open(struct efivars *ret, struct err *e)
{
	struct statvfs s;
	char path[256];

	*ret = EFIVARS_INIT;
	if (find_folder(path, sizeof(path), e) < 0 || root_open(&ret->dir, path, e) < 0)
		return -1;
	ret->is_writable = fstatvfs(ret->dir.fd, &s) == 0 && !(s.f_flag & ST_RDONLY);
	return 0;
}

void efivars_close(struct efivars *v)
{
	root_close(&v->dir);
}

/* ---- one variable ---- */

static void file_of(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s-" GLOBAL, name);
}

int efivar_read(const struct efivars *v, const char *name, struct strbuf *ret, uint32_t *attributes,
		struct err *e)
{
	struct strbuf whole cleanup_strbuf = STRBUF_INIT;
	const uint8_t *p;
	char file[128];

	file_of(name, file, sizeof(file));
	if (!root_exists(&v->dir, file))
		return 0;
	if (root_read(&v->dir, file, &whole, VALUE_MAX, e) < 0)
		return err_ctx(e, "reading the firmware's variable %s", name);
	if (whole.len < ATTRIBUTES_LEN) /* made and never written */
		return 0;
	p = (const uint8_t *)whole.data;
	if (attributes)
		*attributes = get_le32(p);
	strbuf_add(ret, p + ATTRIBUTES_LEN, whole.len - ATTRIBUTES_LEN);
	return ret->failed ? err_set(e, ERR_NOMEM, 0, "variable %s", name) : 1;
}

/* Variables that a machine might not start without are immutable in efivarfs; elsewhere there is no such flag. */
static void allow_change(const struct efivars *v, const char *file)
{
	int fd cleanup_fd = root_openat(&v->dir, file, O_RDONLY | O_NOFOLLOW, 0, NULL);
	int flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_IMMUTABLE_FL))
		return;
	flags &= ~FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		log_warn("efivars: %s stays immutable: %s", file, strerror(errno));
}

static int write_once(const struct efivars *v, const char *name, const struct strbuf *value,
		      struct err *e)
{
	char file[128];
	int fd cleanup_fd = -1;
	bool existed;
	ssize_t n;

	file_of(name, file, sizeof(file));
	existed = root_exists(&v->dir, file);
	allow_change(v, file);
	fd = root_openat(&v->dir, file, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, e);
	if (fd < 0)
		return -1;
	/* each write replaces the value in efivarfs; a plain folder (tests) must be told */
	if (getenv("REHOST_EFIVARS") && ftruncate(fd, 0) < 0)
		return err_set(e, ERR_EFI_VARS, errno, "writing %s", name);
	do
		n = write(fd, value->data, value->len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)value->len)
		return 0;
	err_set(e, ERR_EFI_VARS, n < 0 ? errno : EIO, "writing %s", name);
	if (!existed) {
		allow_change(v, file);
		if (root_remove(&v->dir, file, NULL) < 0)
			log_warn("efivars: %s is left behind empty", name);
	}
	return -1;
}

int efivar_write(const struct efivars *v, const char *name, const void *data, size_t len,
		 struct err *e)
{
	struct strbuf value cleanup_strbuf = STRBUF_INIT, seen cleanup_strbuf = STRBUF_INIT;
	int rc;

	rc = efivar_read(v, name, &seen, NULL, e);
	if (rc < 0)
		return -1;
	if (rc == 1 && seen.len == len && memcmp(seen.data, data, len) == 0)
		return 0;
	strbuf_addc(&value, NV_BS_RT);
	strbuf_add(&value, "\0\0\0", 3);
	strbuf_add(&value, data, len);
	if (value.failed)
		return err_set(e, ERR_NOMEM, 0, "variable %s", name);
	if (!v->is_writable)
		return err_set(e, ERR_EFI_VARS, EROFS, "writing %s", name);
	if (write_once(v, name, &value, e) < 0)
		return -1;
	strbuf_done(&seen);
	rc = efivar_read(v, name, &seen, NULL, e);
	if (rc < 0)
		return -1;
	if (rc == 0 || seen.len != len || memcmp(seen.data, data, len) != 0)
		return err_set(e, ERR_EFI_VARS, 0, "%s does not read back as it was written", name);
	log_info("efivars: %s is written, %zu bytes", name, len);
	return 0;
}

int efivar_remove(const struct efivars *v, const char *name, struct err *e)
{
	char file[128];

	file_of(name, file, sizeof(file));
	if (!root_exists(&v->dir, file))
		return 0;
	allow_change(v, file);
	if (root_remove(&v->dir, file, e) < 0)
		return err_ctx(e, "removing the firmware's variable %s", name);
	log_info("efivars: %s is removed", name);
	return 0;
}

bool efi_is_signed_by_microsoft(const void *program, size_t len)
{
	return memmem(program, len, MICROSOFT, strlen(MICROSOFT)) != NULL;
}

bool efivars_trusts_microsoft(const struct efivars *v)
{
	struct strbuf db cleanup_strbuf = STRBUF_INIT;

	return root_exists(&v->dir, "db-" SECURITY) &&
	       root_read(&v->dir, "db-" SECURITY, &db, DB_MAX, NULL) == 0 &&
	       efi_is_signed_by_microsoft(strbuf_str(&db), db.len);
}

/* ---- boot entries and their order ---- */

static void name_of(unsigned number, char *buf)
{
	snprintf(buf, EFI_NAME_LEN, "Boot%04X", number & 0xffff);
}

static int compare_entries(const void *a, const void *b)
{
	return (int)((const struct efi_entry *)a)->number -
	       (int)((const struct efi_entry *)b)->number;
}

static int read_entries(struct efi_boot *b, const struct efivars *v, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(&v->dir, "/", &names, e) < 0)
		return err_ctx(e, "listing the firmware's variables");
	for (i = 0; i < names.count && b->entry_count < EFI_ENTRIES_MAX; i++) {
		struct efi_entry *entry = &b->entries[b->entry_count];
		struct strbuf value cleanup_strbuf = STRBUF_INIT;
		char name[EFI_NAME_LEN];
		int number;

		if (strlen(names.items[i]) != 9 + strlen(GLOBAL) ||
		    strcmp(names.items[i] + 8, "-" GLOBAL) != 0)
			continue;
		snprintf(name, sizeof(name), "%.8s", names.items[i]);
		number = efi_boot_number(name);
		if (number < 0 || efivar_read(v, name, &value, NULL, NULL) != 1)
			continue;
		entry->number = (uint16_t)number;
		entry->is_read = efi_option_parse(&entry->option, value.data, value.len, NULL) == 0;
		b->entry_count++;
	}
	if (b->entry_count)
		qsort(b->entries, b->entry_count, sizeof(b->entries[0]), compare_entries);
	return 0;
}

int efi_boot_read(struct efi_boot *ret, const struct efivars *v, struct err *e)
{
	struct strbuf order cleanup_strbuf = STRBUF_INIT, current cleanup_strbuf = STRBUF_INIT;
	struct strbuf secure cleanup_strbuf = STRBUF_INIT;
	uint32_t attributes = 0;
	size_t i;
	int rc;

	*ret = (struct efi_boot){ .current = -1 };
	rc = efivar_read(v, "BootOrder", &order, &attributes, e);
	if (rc < 0)
		return -1;
	ret->is_volatile = rc == 1 && !(attributes & NON_VOLATILE);
	for (i = 0; i + 1 < order.len && ret->order_count < EFI_ENTRIES_MAX; i += 2)
		ret->order[ret->order_count++] = (uint16_t)((unsigned char)order.data[i] |
							    (unsigned char)order.data[i + 1] << 8);
	if (efivar_read(v, "BootCurrent", &current, NULL, NULL) == 1 && current.len == 2)
		ret->current = (unsigned char)current.data[0] | (unsigned char)current.data[1] << 8;
	ret->is_secure = efivar_read(v, "SecureBoot", &secure, NULL, NULL) == 1 &&
			 secure.len == 1 && secure.data[0] == 1;
	return read_entries(ret, v, e);
}

const struct efi_entry *efi_boot_find(const struct efi_boot *b, unsigned number)
{
	unsigned i;

	for (i = 0; i < b->entry_count; i++)
		if (b->entries[i].number == number)
			return &b->entries[i];
	return NULL;
}

const struct efi_entry *efi_boot_first(const struct efi_boot *b, const char *except)
{
	unsigned i;

	for (i = 0; i < b->order_count; i++) {
		const struct efi_entry *entry = efi_boot_find(b, b->order[i]);

		if (entry && entry->is_read && (entry->option.attributes & EFI_OPTION_ACTIVE) &&
		    strncasecmp(entry->option.file, except, strlen(except)) != 0)
			return entry;
	}
	return NULL;
}

const struct efi_entry *efi_boot_find_file(const struct efi_boot *b, const char *partuuid,
					   const char *file)
{
	unsigned i;

	for (i = 0; i < b->entry_count; i++)
		if (b->entries[i].is_read &&
		    strcasecmp(b->entries[i].option.partuuid, partuuid) == 0 &&
		    strcasecmp(b->entries[i].option.file, file) == 0)
			return &b->entries[i];
	return NULL;
}

int efi_order_write(const struct efivars *v, const uint16_t *order, unsigned count, struct err *e)
{
	uint8_t bytes[EFI_ENTRIES_MAX * 2];
	unsigned i;

	if (count > EFI_ENTRIES_MAX)
		return err_set(e, ERR_EFI_VARS, 0, "a boot order of %u entries", count);
	for (i = 0; i < count; i++) {
		bytes[2 * i] = (uint8_t)order[i];
		bytes[2 * i + 1] = (uint8_t)(order[i] >> 8);
	}
	if (count == 0)
		return efivar_remove(v, "BootOrder", e);
	return efivar_write(v, "BootOrder", bytes, 2 * (size_t)count, e);
}

int efi_entry_make(const struct efivars *v, const struct efi_boot *b, const struct efi_option *o,
		   uint16_t *ret, struct err *e)
{
	const struct efi_entry *same = efi_boot_find_file(b, o->partuuid, o->file);
	struct strbuf value cleanup_strbuf = STRBUF_INIT;
	unsigned number = 0;
	char name[EFI_NAME_LEN];

	if (efi_option_make(&value, o, e) < 0)
		return -1;
	while (!same && number <= 0xffff && efi_boot_find(b, number))
		number++;
	if (number > 0xffff || (!same && b->entry_count == EFI_ENTRIES_MAX))
		return err_set(e, ERR_EFI_VARS, ENOSPC, "a boot entry for %s", o->file);
	*ret = same ? same->number : (uint16_t)number;
	name_of(*ret, name);
	return efivar_write(v, name, value.data, value.len, e);
}

int efi_entry_remove(const struct efivars *v, uint16_t number, struct err *e)
{
	char name[EFI_NAME_LEN];

	name_of(number, name);
	return efivar_remove(v, name, e);
}
