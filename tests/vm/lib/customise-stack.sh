#!/bin/sh
# SPDX-License-Identifier: MIT
# customise-stack.sh ROOT FOLDER STACK: what lib/stackroots.py wants of a root that mmdebstrap has just made.
set -eu

root=$1 folder=$2 stack=$3
rm -f "$root/etc/resolv.conf"
case $stack in
networkd | netplan-networkd) ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf" ;;
esac
cp -R --preserve=mode "$folder/files/." "$root/"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$folder/operator.pub" "$root/root/.ssh/authorized_keys"

rm -f "$root"/etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C root@web01 -f "$root/etc/ssh/ssh_host_ed25519_key"
rm -f "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

case $stack in
networkd) systemctl --root "$root" enable systemd-networkd systemd-resolved ;;
netplan-networkd) systemctl --root "$root" enable systemd-resolved ;; # netplan's generator starts networkd
esac
# What would only use up the emulated processor.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
	[ ! -e "$root/lib/systemd/system/$unit" ] || systemctl --root "$root" disable -q "$unit"
done
systemctl --root "$root" mask -q systemd-timesyncd.service e2scrub_reap.service
