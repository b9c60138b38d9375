# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086,SC2154,SC2034 # a part of rehost-push, whose variables are shared
# ---- the source: what is it ---------------------------------------------------------------------------------

distribution() {
	(
		name=
		if [ -r "$top/etc/os-release" ]; then
			name=$(sed -n 's/^PRETTY_NAME=//p' "$top/etc/os-release" | tr -d "\"'")
		else
			for f in redhat-release SuSE-release alpine-release gentoo-release slackware-version debian_version; do
				[ -r "$top/etc/$f" ] && { name="$f $(head -n 1 "$top/etc/$f")"; break; }
			done
		fi
		echo "${name:-unknown Linux}"
	)
}

# Lines "MOUNT TYPE DEVICE ALIAS": every mount at or below the source. ALIAS is 1 for a bind mount of what is mounted elsewhere.
list_mounts() {
	awk -v top="$src" '
	function below(p) { return top == "/" || p == top || index(p, top "/") == 1 }
	FILENAME ~ /mountinfo$/ {
		for (i = 7; $i != "-"; i++) ;
		n++; dev[n] = $3; root[n] = $4; at[n] = $5; type[n] = $(i + 1); from[n] = $(i + 2); next
	}
	{ n++; dev[n] = n; root[n] = "/"; at[n] = $2; type[n] = $3; from[n] = $1 }
	END {
		for (i = 1; i <= n; i++) {
			alias = 0; hidden = 0
			for (j = 1; j <= n; j++) {
				if (j > i && at[j] == at[i]) hidden = 1
				if (j == i || dev[j] != dev[i]) continue
				p = root[j] == "/" ? "/" : root[j] "/"
				if ((root[j] == root[i] && j > i) || index(root[i] "/", p) != 1) continue
				rest = substr(root[i], length(p)) # where the same is seen below that mount
				seen = (at[j] == "/" ? "" : at[j]) (root[i] == root[j] || rest == "/" ? "" : rest)
				if (seen != at[i] && below(seen)) alias = 1
			}
			if (!hidden && below(at[i])) print at[i], type[i], from[i], alias
		}
	}' "$(if [ -r /proc/self/mountinfo ]; then echo /proc/self/mountinfo; else echo /proc/mounts; fi)"
}

kind_of_mount() {
	case $1 in
	proc | sysfs | devtmpfs | devpts | tmpfs | ramfs | cgroup* | securityfs | debugfs | tracefs | pstore | bpf | mqueue | hugetlbfs | \
		configfs | fusectl | binfmt_misc | rpc_pipefs | autofs | efivarfs | selinuxfs | nsfs | usbfs | nfsd | fuse.lxcfs | \
		fuse.gvfsd-fuse | rootfs) echo virtual ;;
	nfs | nfs4 | cifs | smb* | ceph | 9p | afs | gfs2 | ocfs2 | glusterfs | lustre | fuse.sshfs | fuse.glusterfs | fuse.s3fs | virtiofs)
		echo network ;;
	overlay | aufs | squashfs | iso9660 | udf) echo image ;;
	*) echo local ;;
	esac
}

in_list() {
	case "$newline$2" in *"$newline$1$newline"*) return 0 ;; *) return 1 ;; esac
}

# Every mount is assigned, by what it is, by a word, or by an answer; the rest refuses. $state/mounts: lines "VERDICT MOUNT WHY"
assign_mounts() {
	: >"$state/mounts"
	unassigned=
	list_mounts >"$state/mounts.all"
	for m in $(printf '%s%s' "$includes" "$skips"); do
		grep -q -e "^${top}${m%/} " -e "^$m " "$state/mounts.all" || [ -n "$(find "$top$m" -prune -inum 256 2>/dev/null)" ] ||
			die "nothing is mounted at '$m', named by --include or --skip"
	done
	while read -r at type device alias <&3; do
		rel=${at#"$top"}
		case $rel in '' | /) continue ;; esac
		assign_one
	done 3<"$state/mounts.all"
	[ -z "$unassigned" ] || die "not assigned:$unassigned
Each needs --include MOUNT (goes along, onto the target's file systems) or --skip MOUNT. Nothing was sent"
	find_subvolumes
}

assign_one() {
	kind=$(kind_of_mount "$type")
	verdict=skip
	if in_list "$rel" "$skips" || in_list "$at" "$skips"; then why="as told"
	elif [ "$kind" = virtual ]; then why="$type, no files of its own"
	elif in_list "$rel" "$includes" || in_list "$at" "$includes"; then verdict=include why="as told, $type on $device"
	elif [ "$kind" = network ]; then why="$type from $device: the clone mounts it itself"
	elif [ "$alias" = 1 ]; then why="bind mount of what is sent anyway"
	elif [ "$kind" = image ]; then why="$type: its file or layers lie on what is sent"
	elif [ "$rel" = /boot ]; then verdict=include why="needed to boot, $type on $device"
	elif [ "$rel" = /boot/efi ] || [ "$rel" = /efi ]; then why="the target keeps its own"
	elif can_ask; then
		ask answer "$rel ($type on $device, $(used_kb "$at") KB used): send it along? (y/n)"
		case $answer in y*) verdict=include why="as answered" ;; n*) why="as answered" ;; *) unassigned="$unassigned $rel" ;; esac
	else
		unassigned="$unassigned $rel($type,$device)"
	fi
	case $rel in *\\0*) unassigned="$unassigned $rel(blanks-in-its-name)" ;; esac
	printf '%s %s %s\n' "$verdict" "$rel" "$why" >>"$state/mounts"
}

# A copy of one file system silently loses btrfs subvolumes that are not mounted: they have inode 256.
find_subvolumes() {
	type=$(awk -v at="$src" '$1 == at { t = $2 } END { print t }' "$state/mounts.all")
	[ "$type" = btrfs ] || return
	for sub in $(find "$src" -xdev -type d -inum 256 2>/dev/null | sed "s|^$top||" | sort); do
		case $sub in '' | / | */.snapshots* | */.rehost*) continue ;; esac
		grep -q " $sub " "$state/mounts" && continue
		if in_list "$sub" "$skips"; then
			printf 'skip %s as told, subvolume\n' "$sub" >>"$state/mounts"
		elif in_list "$sub" "$includes"; then
			printf 'include %s as told, subvolume\n' "$sub" >>"$state/mounts"
		else
			unassigned="$unassigned $sub"
		fi
	done
	[ -z "$unassigned" ] || die "btrfs subvolumes that are not assigned:$unassigned. Use --include or --skip for each"
}

included() { sed -n 's/^include \([^ ]*\) .*/\1/p' "$state/mounts"; }
used_kb() { df -kP "$1" 2>/dev/null | awk 'NR == 2 { print $3 }'; }
is_mount() { [ "$1" = / ] || awk -v at="$1" '$1 == at { f = 1 } END { exit !f }' "$state/mounts.all"; }

# size_kb and files of all that is sent
measure_source() {
	size_kb=0
	if is_mount "$src"; then
		files=$(df -iP "$src" 2>/dev/null | awk 'NR == 2 { print $3 }')
	else
		size_kb=$(du -skx "$src" 2>/dev/null | awk '{ print $1 }')
		files=$(find "$src" -xdev 2>/dev/null | wc -l)
	fi
	size_kb=$((size_kb + $(used_of_mounts)))
	size_kb=$((size_kb - $(left_out_kb)))
	[ "$size_kb" -ge 0 ] || size_kb=0
	case $files in '' | *[!0-9\ ]*) files=0 ;; esac
	files=$((files))
}

# Each device once: subvolumes of one btrfs all show the use of the whole.
used_of_mounts() {
	{
		! is_mount "$src" || df -kP "$src"
		for m in $(included); do df -kP "$top$m"; done
	} 2>/dev/null | awk '$3 ~ /^[0-9]+$/ && !seen[$1]++ { sum += $3 } END { print sum + 0 }'
}

# What swap files and the operator's excludes take away from it. Their patterns are expanded here, as those of the tools would be.
left_out_kb() {
	for path in $(swap_files) $excludes; do
		du -skx "$top"$path 2>/dev/null
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

running_databases() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed -n 's/^[0-9]* (\([^)]*\)) .*/\1/p' | sort -u |
		grep -x -e mysqld -e mariadbd -e postgres -e postmaster -e mongod -e redis-server -e valkey-server -e memcached -e slapd \
			-e beam.smp -e influxd -e clickhouse-serv -e cassandra -e elasticsearch -e oracle -e db2sysc -e sqlservr -e etcd |
		tr '\n' ' '
}

# What is never sent: what the kernel and the run of a system make anew, swap files, our own. The names, network and disks of the target
# need no line here: the rewriting keeps them.
write_excludes() {
	{
		printf '%s\n' '/proc/*' '/sys/*' '/dev/*' '/run/*' '/tmp/*' '/var/lock/*' '/var/run/*' '/selinux/*' /lost+found '/net/*' \
			'/var/cache/yum/*' '/var/cache/dnf/*' '/var/cache/apt/archives/*.deb' '/var/lib/nfs/rpc_pipefs/*' \
			/SwapFile /.rehost /var/lib/rehost-push '/var/lib/rehost/*'
		swap_files
		case $state_top/ in "$top"/*) printf '%s\n' "${state_top#"$top"}" ;; esac
		printf '%s' "$excludes"
	} | grep '^/' | sort -u >"$state/exclude.rsync"
	sed 's|^|.|' "$state/exclude.rsync" >"$state/exclude.tar"
	printf '%s' "$excludes" | grep -v -e '^/' -e '^$' >"$state/bad" && die "--exclude wants a path that begins with /, not '$(head -n 1 "$state/bad")'"
	rm -f "$state/bad"
}

swap_files() {
	{
		awk 'NR > 1 && $2 == "file" { print $1 }' /proc/swaps 2>/dev/null | sed "s|^$top/|/|"
		awk '$3 == "swap" && $1 ~ /^\// { print $1 }' "$top/etc/fstab" 2>/dev/null
	} | while read -r f; do
		[ -f "$top$f" ] && printf '%s\n' "$f"
	done
}

# ---- tools --------------------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

choose_tool() {
	nested=$(included | grep '^/[^/]*/' | tr '\n' ' ')
	if [ -z "$with" ]; then
		with=tar
		if has rsync && [ -z "$nested" ]; then with=rsync; fi
	fi
	has "$with" || die "there is no $with here"
	tool_notes=
	if [ "$with" = rsync ]; then
		[ -z "$nested" ] || die "rsync cannot put $nested into their places in one session; use --with tar"
		choose_rsync_words
	else
		choose_tar_words
	fi
}

choose_rsync_words() {
	rsync_words='-aHx --numeric-ids --delete --stats'
	help=$(rsync --help 2>&1)
	for word in acls:A xattrs:X; do
		case $help in
		*"--${word%:*}"*) rsync_words="$rsync_words -${word#*:}" ;;
		*) tool_notes="$tool_notes; this rsync carries no ${word%:*}" ;;
		esac
	done
}

# The program of the rescue, where it was copied here, too, packs as well as the best tar, and reads while it sends.
find_packer() {
	for packer in "$(dirname "$0")/rehost" ${enter_dir:+"$enter_dir/rehost"} rehost; do
		case $("$packer" send --help 2>/dev/null) in *'send tree'*) return ;; esac
	done
	packer=
}

choose_tar_words() {
	tar_words=
	find_packer
	if [ -n "$packer" ]; then
		tool_notes=" by $packer"
		return
	fi
	if tar --version 2>/dev/null | grep -q 'GNU tar'; then
		for word in --numeric-owner --one-file-system --sparse --acls --xattrs '--xattrs-include=*' --selinux; do
			if tar $word -cf /dev/null -T /dev/null 2>/dev/null; then
				tar_words="$tar_words $word"
			else
				tool_notes="$tool_notes; this tar has no $word"
			fi
		done
		tar_words="$tar_words --anchored --no-wildcards-match-slash"
		return
	fi
	[ -n "$plain_tar" ] || die "this tar carries neither attributes (file capabilities) nor ACLs: install GNU tar or rsync, or accept it with --plain-tar"
	tool_notes="; this tar carries no attributes, ACLs or holes"
	while read -r verdict m _; do # it cannot stay on one file system: everything that is not sent is excluded
		[ "$verdict" = include ] || printf '.%s/*\n' "$m" >>"$state/exclude.tar"
	done <"$state/mounts"
}

pack() {
	if [ -n "$packer" ]; then
		set -- send tree --root "$src" --exclude-from "$state/exclude.rsync"
		for path in $(included); do set -- "$@" --mount "$path"; done
		"$packer" "$@"
		packed=$?
		[ $packed -ne 3 ] || return 1 # as tar says it: files changed meanwhile
		[ $packed -eq 0 ] || return 2
	else
		# shellcheck disable=SC2046
		tar -cf - $tar_words -X "$state/exclude.tar" -C "$src" . $(included | sed 's|^|.|')
	fi
}

# send_tar [--update]: the pass; exit codes of both ends are looked at. 0 done, 1 lost, 2 refused (in $state/err), 3 tar failed
send_tar() {
	set -f
	: >"$state/tar.rc"
	set -- "$@" --
	{
		pack 2>"$state/tar.err"
		echo $? >"$state/tar.rc"
	} | rescue "receive tar${1:+ }${1%--}${delete_ok:+${2:+ --delete-ok}}" >"$state/out" 2>"$state/err"
	rc=$?
	set +f
	tar_rc=$(cat "$state/tar.rc")
	case $rc in
	0 | 3) ;;
	*) is_lost $rc && return 1; is_busy $rc && return 1; return 2 ;;
	esac
	[ "${tar_rc:-2}" -le 1 ] || return 3
	changed_files=$(grep -c -e 'file changed' -e 'removed before' -e ': shrank' -e ': vanished' "$state/tar.err")
	sent_bytes=
	return 0
}

send_rsync() {
	set -f
	set -- $rsync_words
	[ -z "$delete_ok" ] || set -- "$@" "--rsync-path=rsync --delete-ok"
	# shellcheck disable=SC2046
	rsync "$@" --exclude-from="$state/exclude.rsync" -e "sh $state/ssh" "$top/" $(included | sed "s|^|$top|") \
		"root@$rsync_target:/" >"$state/out" 2>"$state/err" </dev/null
	rc=$?
	set +f
	changed_files=$(grep -c 'vanished' "$state/err")
	sent_bytes=$(tr -d ',' <"$state/out" | sed -n 's/^Total bytes sent: *\([0-9]*\).*/\1/p')
	case $rc in 0 | 24) return 0 ;; esac
	grep -q 'RH-JOB-40' "$state/err" && return 1
	grep -q -e '\[RH-' -e 'Permission denied' -e 'verification failed' "$state/err" && return 2
	case $rc in 10 | 12 | 20 | 30 | 35 | 255 | 137 | 143) return 1 ;; esac
	return 3
}

# pass NAME: one pass, begun again as long as it is only the connection that breaks.
pass() {
	tried=0
	while :; do
		began=$(date +%s)
		update=
		now=$(target_state) || refuse "the rescue does not answer"
		[ "$now" = none ] || update=--update
		"send_$with" $update
		result=$?
		pass_seconds=$(($(date +%s) - began))
		case $result in
		0) break ;;
		1) again "$1" || die "$1: the connection broke again and again. The same line again goes on" ;;
		2) refuse "$1: the rescue refused" ;;
		3) tail -n 5 "$state/tar.err" 2>/dev/null; refuse "$1: $with could not read everything" ;;
		esac
	done
	now=$(target_state) || refuse "the rescue does not answer"
	[ "$now" = staged ] || refuse "$1: the rescue says '$now', not that the copy is complete"
	grep '^note' "$state/err" | head -n 20
	say "  $1: $pass_seconds s${sent_bytes:+, $((sent_bytes / 1024)) KB sent}, $changed_files files changed meanwhile"
}
