# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086,SC2154,SC2034 # a part of rehost-push, whose variables are shared

# ---- services: one row of functions for each init -----------------------------------------------------------
# svc_running_X prints what runs and may be stopped, a name a line; svc_stop_X, svc_start_X, svc_fence_X take names;
# svc_unfence_X takes the fence away.

svc() {
	op=$1
	shift
	"svc_${op}_$services" "$@"
}

choose_init() {
	[ "$services" = auto ] || return
	if [ "$src" != / ]; then services=none # what runs here is not what is sent
	elif [ -d /run/systemd/system ]; then services=systemd
	elif [ -d /run/openrc ] || has rc-service; then services=openrc
	elif [ -d /etc/init.d ] && has runlevel; then services=sysvinit
	else
		services=none
		say "note: the init is not known: nothing is stopped but by --stop"
	fi
}

# What a way in, the network, disks and the log need runs on.
is_kept() {
	case $1 in
	ssh | ssh.* | ssh@* | sshd* | dropbear* | network* | NetworkManager* | wicked* | netctl* | dhcpcd* | dhclient* | connman* | iwd* | \
		wpa_supplicant* | ifup* | ifplugd* | netplan* | net.* | bond* | firewalld* | nftables* | iptables* | ip6tables* | ufw* | \
		netfilter* | shorewall* | systemd-* | dbus* | messagebus* | udev* | eudev* | mdev* | getty* | serial-getty* | autovt* | \
		console* | user@* | user-runtime* | session* | init.* | lvm2* | dm-* | multipath* | iscsi* | open-iscsi* | md* | cryptsetup* | \
		zfs* | auditd* | rsyslog* | syslog* | sysklogd* | klogd* | metalog* | polkit* | elogind* | qemu-guest* | open-vm-tools* | \
		vmtoolsd* | haveged* | rng* | chrony* | ntp* | rpcbind* | rpc-* | nfs-client* | nfs-common* | netfs* | remote-fs* | _netdev* | \
		emergency* | rescue* | plymouth* | local* | boot* | hostname* | hwclock* | kmod* | keymap* | save-* | rehost* | loopback* | \
		rc.local* | rc-local* | single | killprocs | halt | reboot | sendsigs | umount* | urandom | seedrng | sysctl | procps | acpid*) return 0 ;;
	esac
	case " $keeps $own_unit " in *" $1 "* | *" ${1%.*} "*) return 0 ;; esac
	return 1
}
without_kept() {
	while read -r unit; do
		is_kept "$unit" || printf '%s\n' "$unit"
	done
}

svc_running_systemd() {
	# ours, when it was started as a unit or in a terminal multiplexer that is one
	own_unit=$(sed -n 's|.*/\([^/]*\.service\).*|\1|p' /proc/self/cgroup 2>/dev/null | sort -u | tr '\n' ' ')
	systemctl list-units --type=service,socket,timer,path --full --no-legend --no-pager 2>/dev/null | sed 's/^[^A-Za-z0-9]*//' |
		awk '$3 != "active" && $3 != "activating" && $3 != "reloading" { next } $4 == "exited" || $4 == "dead" { next } { print $1 }' |
		sort -u | without_kept
}
svc_stop_systemd() { [ $# -eq 0 ] || systemctl stop "$@"; }
svc_start_systemd() { [ $# -eq 0 ] || systemctl start "$@"; }

# A drop-in for each, with a condition that one file decides: nothing is masked, nothing of the unit is changed.
svc_fence_systemd() {
	mkdir -p "$top/var/lib/rehost-push" && : >"$top/var/lib/rehost-push/fenced" || return
	enabled=$(systemctl list-unit-files --type=service,socket,timer,path --state=enabled --no-legend --no-pager 2>/dev/null |
		awk '{ print $1 }' | without_kept)
	for unit in "$@" $enabled; do
		mkdir -p "$top/etc/systemd/system/$unit.d" &&
			printf '# until %s --resume-source\n[Unit]\nConditionPathExists=!/var/lib/rehost-push/fenced\n' "$me" \
				>"$top/etc/systemd/system/$unit.d/50-rehost-fence.conf" || return
	done
	systemctl daemon-reload
}
svc_unfence_systemd() {
	rm -f "$top/var/lib/rehost-push/fenced"
	for f in "$top"/etc/systemd/system/*.d/50-rehost-fence.conf; do
		[ -e "$f" ] || continue
		rm -f "$f"
		rmdir "${f%/*}" 2>/dev/null
	done
	systemctl daemon-reload
}

svc_running_sysvinit() {
	level=$(runlevel 2>/dev/null | awk '{ print $2 }')
	for link in "$top"/etc/rc"${level:-2}".d/S[0-9][0-9]*; do
		unit=${link##*/S[0-9][0-9]}
		[ -e "$link" ] || [ -L "$link" ] || continue
		is_kept "$unit" && continue
		if has service; then service "$unit" status; else "$top/etc/init.d/$unit" status; fi >/dev/null 2>&1 </dev/null &&
			printf '%s\n' "$unit"
	done
}
svc_each_sysvinit() {
	word=$1
	shift
	failed=0
	for unit in "$@"; do
		if has service; then service "$unit" "$word"; else "$top/etc/init.d/$unit" "$word"; fi </dev/null || failed=1
	done
	return $failed
}
svc_stop_sysvinit() {
	back=
	for unit in "$@"; do back="$unit $back"; done # the last started is the first to stop
	svc_each_sysvinit stop $back
}
svc_start_sysvinit() { svc_each_sysvinit start "$@"; }
svc_fence_sysvinit() {
	for unit in "$@"; do
		links_away "$top"/etc/rc[0-6S].d/S[0-9][0-9]"$unit" "$top"/etc/rc.d/rc[0-6].d/S[0-9][0-9]"$unit" || return
	done
}
svc_unfence_sysvinit() { links_back; }

svc_running_openrc() {
	for link in "$top"/etc/runlevels/*/*; do
		[ -e "$link" ] || [ -L "$link" ] || continue
		printf '%s\n' "${link##*/}"
	done | sort -u | without_kept | while read -r unit; do
		rc-service "$unit" status >/dev/null 2>&1 </dev/null && printf '%s\n' "$unit"
	done
}
svc_stop_openrc() {
	failed=0
	for unit in "$@"; do rc-service "$unit" stop </dev/null || failed=1; done
	return $failed
}
svc_start_openrc() {
	failed=0
	for unit in "$@"; do rc-service "$unit" start </dev/null || failed=1; done
	return $failed
}
svc_fence_openrc() {
	for unit in "$@"; do
		links_away "$top"/etc/runlevels/*/"$unit" || return
	done
}
svc_unfence_openrc() { links_back; }

svc_running_none() { :; }
svc_stop_none() { :; }
svc_start_none() { :; }
svc_fence_none() { :; }
svc_unfence_none() { :; }

# Links of runlevels are written down before they go: "PATH TARGET".
links_away() {
	for link in "$@"; do
		[ -L "$link" ] || continue
		printf '%s %s\n' "$link" "$(readlink "$link")" >>"$state/links"
		rm -f "$link" || return
	done
}
links_back() {
	[ -e "$state/links" ] || return 0
	while read -r link to; do
		[ -e "$link" ] || [ -L "$link" ] || ln -s "$to" "$link"
	done <"$state/links"
	rm -f "$state/links"
}

# ---- quiesce, fence, resume ---------------------------------------------------------------------------------

run_hook() {
	[ -z "$2" ] && return
	say "  $1: $2"
	sh -c "$2" </dev/null || die "the hook $1 failed"
}

# The list of what is stopped, confirmed by the operator, written down before anything stops.
choose_services() {
	svc running >"$state/running"
	cat "$state/running" "$state/stopped" 2>/dev/null | sort -u >"$state/stopping"
	can_ask || return
	[ -s "$state/stopping" ] || return
	say "To be stopped here: $(tr '\n' ' ' <"$state/stopping")"
	ask answer "Names of those that shall run on (none: just Enter)"
	keeps="$keeps $answer"
	without_kept <"$state/stopping" >"$state/stopping.new"
	mv "$state/stopping.new" "$state/stopping"
}

quiesce() {
	step "stop what writes here ($services)"
	run_hook --before-final "$hook_before"
	choose_services
	mv "$state/stopping" "$state/stopped"
	put services "$services"
	enter quiesced
	quiesced=1
	stop_services
	run_hook --stop "$hook_stop"
	look_for_writers
	sync
}

# A service may be started again by another: asked twice more.
stop_services() {
	for round in 1 2 3; do
		if [ $round = 1 ]; then list=$(cat "$state/stopped"); else list=$(cat "$state/running"); fi
		[ -z "$list" ] || say "  stopping:" $list
		svc stop $list 2>>"$log" || say "  not everything stopped at once"
		svc running >"$state/running"
		[ -s "$state/running" ] || return
		sort -u "$state/running" "$state/stopped" >"$state/stopped.new" && mv "$state/stopped.new" "$state/stopped"
		sleep 1
	done
	die "still running or started again: $(tr '\n' ' ' <"$state/running")- stop them with --stop, or keep them with --keep-service"
}

# Lines "PID NAME FILE": who holds a file of the source open for writing, or maps one for writing.
list_writers() {
	{
		# shellcheck disable=SC2012 # of a link's name only what follows the arrow is used
		ls -l /proc/[0-9]*/fd 2>/dev/null | awk '
			/^\/proc\/[0-9]+\/fd:$/ { split($0, p, "/"); pid = p[3] }
			substr($1, 3, 1) == "w" { i = index($0, " -> "); if (i) print pid, substr($0, i + 4) }'
		awk '$2 ~ /^rw.s/ && $6 ~ /^\// { split(FILENAME, p, "/"); print p[3], $6 }' /proc/[0-9]*/maps 2>/dev/null
	} | sort -u | while read -r pid file; do
		case $file in *' (deleted)' | "$state_top"/* | "$top"/dev/* | "$top"/proc/* | "$top"/sys/* | "$top"/run/* | "$top"/tmp/* | "$top"/var/log/* | \
			"$top"/var/run/*) continue ;; esac
		case $file in "$top"/*) ;; *) continue ;; esac
		[ "$pid" != $$ ] || continue
		comm=$(sed -n 's/^[0-9]* (\(.*\)) .*/\1/p' "/proc/$pid/stat" 2>/dev/null)
		case $comm in '' | systemd* | sshd* | rsyslogd | syslog* | auditd | dhclient | dhcpcd | NetworkManager | agetty | udevd | init) continue ;; esac
		printf '%s %s %s\n' "$pid" "$comm" "$file"
	done
}

look_for_writers() {
	list_writers >"$state/writers"
	[ -s "$state/writers" ] || return
	say "These hold files open for writing (process, name, file):"
	head -n 20 "$state/writers"
	[ -z "$ignore_writers" ] || return
	can_ask || die "files are open for writing; stop their programs (--stop CMD), or --ignore-writers"
	ask answer "Stop them now in another terminal. Go on? (yes)"
	[ "$answer" = yes ] || die "files are open for writing"
}

# From here on this server does not come back by itself.
fence() {
	step "fence: what was stopped stays off, also after a reboot"
	list=$(cat "$state/stopped")
	svc fence $list || die "the fence could not be set"
	enter fenced
}

resume_source() {
	trap '' INT TERM
	svc unfence 2>>"$log"
	list=$(cat "$state/stopped" 2>/dev/null)
	[ -z "$list" ] || say "  starting:" $list
	svc start $list 2>>"$log" || say "  not everything started: look at $log"
	if [ -n "$hook_start" ]; then
		say "  --start: $hook_start"
		sh -c "$hook_start" </dev/null || say "  the hook --start failed"
	fi
	rm -f "$state/stopped"
	quiesced=
	if reached quiesced; then put phase live; fi
}
