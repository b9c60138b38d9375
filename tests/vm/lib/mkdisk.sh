#!/bin/sh
# SPDX-License-Identifier: MIT
# mkdisk.sh IMAGE SIZE ROOT.tar LAYOUT CUSTOMISE.sh KEYDIR: writes a bootable disk with a Debian root.
# LAYOUT: single (root, swap), boot (separate /boot, swap, root), both for BIOS; efi (GPT: ESP, swap, root, started by
# UEFI; the kernel here has no vfat, so mtools write the ESP). Runs in a mount namespace of its own, so that only
# the loop device has to be given back. Partition nodes come from partx: the kernel here may not scan tables.
set -eu

if [ "${MKDISK_INSIDE:-}" != 1 ]; then
	exec env MKDISK_INSIDE=1 unshare --mount --propagation private -- "$0" "$@"
fi
esp=
image=$1 size=$2 tar=$3 layout=$4 customise=$5 keys=$6
here=$(cd "$(dirname "$0")" && pwd)
mnt=$(mktemp -d)
loop=
finish() {
	status=$?
	cd /
	for m in dev/pts proc sys dev boot .; do
		while umount "$mnt/$m" 2>/dev/null; do :; done
	done
	if [ -n "$loop" ]; then
		partx -d "$loop" 2>/dev/null || :
		losetup -d "$loop" || :
	fi
	rmdir "$mnt" 2>/dev/null || :
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

rm -f "$image"
truncate -s "$size" "$image"
case $layout in
single)
	printf 'label: dos\nsize=256MiB,type=82\ntype=83,bootable\n' | sfdisk -q "$image"
	swap=1 root=2 boot=
	;;
boot)
	printf 'label: dos\nsize=200MiB,type=83,bootable\nsize=192MiB,type=82\ntype=83\n' | sfdisk -q "$image"
	boot=1 swap=2 root=3
	;;
efi)
	printf 'label: gpt\nsize=64MiB,type=U\nsize=192MiB,type=S\ntype=L\n' | sfdisk -q "$image"
	esp=1 swap=2 root=3 boot=
	;;
*)
	echo "mkdisk.sh: no layout $layout" >&2
	exit 2
	;;
esac

loop=$(losetup --find --show "$image")
# An earlier user of the device may have left partitions that something still holds.
for _ in $(seq 100); do
	[ -n "$(find "/sys/block/${loop#/dev/}/" -maxdepth 2 -name partition)" ] || break
	partx -d "$loop" 2>/dev/null || sleep 0.2
done
partx -a "$loop"
mkfs.ext4 -q -F "${loop}p$root"
[ -z "$boot" ] || mkfs.ext4 -q -F "${loop}p$boot"
mkswap -q "${loop}p$swap"
[ -z "$esp" ] || mkfs.vfat -F 32 -n ESP "${loop}p$esp" >/dev/null
uuid_of() { blkid -p -o value -s UUID "${loop}p$1"; }

mount "${loop}p$root" "$mnt"
if [ -n "$boot" ]; then
	mkdir "$mnt/boot"
	mount "${loop}p$boot" "$mnt/boot"
fi
tar --xattrs --xattrs-include='*' --acls --numeric-owner -xpf "$tar" -C "$mnt"

{
	echo "# written when the system was installed"
	echo "UUID=$(uuid_of "$root")	/	ext4	errors=remount-ro	0	1"
	[ -z "$boot" ] || echo "UUID=$(uuid_of "$boot")	/boot	ext4	defaults	0	2"
	[ -z "$esp" ] || echo "UUID=$(uuid_of "$esp")	/boot/efi	vfat	umask=0077	0	1"
	echo "UUID=$(uuid_of "$swap")	none	swap	sw	0	0"
} >"$mnt/etc/fstab"

# A /dev of our own with the loop device's nodes and names by UUID, so that GRUB's tools write UUIDs.
mount -t tmpfs -o mode=0755 tmpfs "$mnt/dev"
for n in null zero full random urandom tty; do
	touch "$mnt/dev/$n"
	mount --bind "/dev/$n" "$mnt/dev/$n"
done
cp -a "$loop" "$loop"p* "$mnt/dev/"
mkdir -p "$mnt/dev/disk/by-uuid" "$mnt/dev/pts"
for p in $root $boot; do
	ln -s "../../$(basename "$loop")p$p" "$mnt/dev/disk/by-uuid/$(uuid_of "$p")"
done
mount -t proc proc "$mnt/proc"
mount -t sysfs -o ro sysfs "$mnt/sys"

mkdir "$mnt/.install"
cp "$customise" "$here/customise-common.sh" "$mnt/.install/"
cp "$keys"/* "$mnt/.install/"
chroot "$mnt" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive DISK="$loop" \
	sh -eu "/.install/$(basename "$customise")"
rm -rf "$mnt/.install"
if [ -n "$esp" ]; then
	# What Debian's grub-install writes, with the loader at the removable path too: shim's fallback makes the boot entry.
	sign=$mnt/usr/lib/grub/x86_64-efi-signed shim=$mnt/usr/lib/shim dev=${loop}p$esp
	mkdir "$mnt/boot/efi"
	mmd -i "$dev" ::EFI ::EFI/debian ::EFI/BOOT
	for dir in debian BOOT; do
		mcopy -i "$dev" "$shim/mmx64.efi.signed" "::EFI/$dir/mmx64.efi"
		mcopy -i "$dev" "$shim/fbx64.efi.signed" "::EFI/$dir/fbx64.efi"
		mcopy -i "$dev" "$sign/grubx64.efi.signed" "::EFI/$dir/grubx64.efi"
	done
	mcopy -i "$dev" "$shim/shimx64.efi.signed" ::EFI/debian/shimx64.efi
	mcopy -i "$dev" "$shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$dev" "$shim/BOOTX64.CSV" ::EFI/debian/BOOTX64.CSV
	printf "search.fs_uuid %s root \nset prefix=(\$root)'/boot/grub'\nconfigfile \$prefix/grub.cfg\n" \
		"$(uuid_of "$root")" | mcopy -i "$dev" - ::EFI/debian/grub.cfg
fi
if grep "$(basename "$loop")" "$mnt/boot/grub/grub.cfg"; then
	echo "mkdisk.sh: grub.cfg names the loop device" >&2
	exit 1
fi
sync -f "$mnt"
