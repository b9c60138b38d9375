# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC1091
# The target: what a provider handed out. Old interface names, static address on its own subnet.
set -eu
. /.install/customise-common.sh

identity vps4711
network 10.77.2.1 <<'END'
# configured by the provider
auto eth0
iface eth0 inet static
	address 10.77.2.20/24
	gateway 10.77.2.1
	dns-nameservers 10.77.2.1
END
printf 'vps4711: the target as delivered\n' >/etc/motd
quiet_timers
echo precious >/root/old-data

boot "net.ifnames=0 biosdevname=0"
