# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Sourced inside the chroot of a disk being built. DISK is its loop device.
set -eu

# identity HOSTNAME: name, own host keys, own machine-id.
identity() {
	echo "$1" >/etc/hostname
	printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s.example.net\t%s\n\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$1" "$1" \
		>/etc/hosts
	rm -f /etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N '' -C "root@$1" -f /etc/ssh/ssh_host_ed25519_key
	rm -f /etc/machine-id /var/lib/dbus/machine-id
	systemd-machine-id-setup >/dev/null 2>&1 || dbus-uuidgen --ensure=/etc/machine-id
	[ -s /etc/machine-id ]
	mkdir -p /root/.ssh
	chmod 0700 /root/.ssh
	cp /.install/operator.pub /root/.ssh/authorized_keys
	printf 'PermitRootLogin prohibit-password\nUseDNS no\n' >/etc/ssh/sshd_config.d/local.conf
}

# interfaces FILE-CONTENT on stdin, and the resolver. $1: nameserver
network() {
	{
		echo "# The loopback network interface"
		echo "auto lo"
		echo "iface lo inet loopback"
		echo
		cat
	} >/etc/network/interfaces
	printf 'search example.net\nnameserver %s\n' "$1" >/etc/resolv.conf
}

# boot KERNEL-ARGUMENTS: initramfs with a fast compressor, menu, boot sector (BIOS).
boot() {
	mkdir -p /etc/initramfs-tools/conf.d
	echo "COMPRESS=lz4" >/etc/initramfs-tools/conf.d/compress
	cat >/etc/default/grub <<-END
	# If you change this file, run 'update-grub' afterwards.
	GRUB_DEFAULT=0
	GRUB_TIMEOUT=0
	GRUB_DISTRIBUTOR=Debian
	GRUB_CMDLINE_LINUX_DEFAULT="quiet"
	GRUB_CMDLINE_LINUX="console=ttyS0,115200 $1"
	GRUB_TERMINAL="console serial"
	GRUB_SERIAL_COMMAND="serial --speed=115200"
	GRUB_DISABLE_OS_PROBER=true
	END
	update-initramfs -c -k all >/dev/null
	# by UEFI: mkdisk.sh writes the loader
	[ ! -d /usr/lib/grub/i386-pc ] || grub-install --target=i386-pc "$DISK" >/dev/null 2>&1
	update-grub >/dev/null 2>&1
}

# Timers that would only use up the emulated processor.
quiet_timers() {
	systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
		>/dev/null 2>&1 || :
	systemctl mask systemd-timesyncd.service e2scrub_reap.service getty-static.service >/dev/null 2>&1 || :
}
