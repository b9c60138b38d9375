# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086,SC2154,SC2034 # a part of rehost-push, whose variables are shared
# ---- ssh ----------------------------------------------------------------------------------------------------

# $state/ssh is the ssh of rescue commands and of rsync, $state/ssh-clone the one of the clone. The host keys are pinned.
write_ssh() {
	common="-a -x -o BatchMode=\${batch:-yes} -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$state/known_hosts \
-o GlobalKnownHostsFile=/dev/null -o CheckHostIP=no -o ControlPath=none -o LogLevel=ERROR -o ConnectTimeout=20 \
-o ServerAliveInterval=15 -o ServerAliveCountMax=8"
	own=
	[ -z "$identity" ] || own="-o IdentitiesOnly=yes -i $identity"
	[ -z "$(get temporary)" ] || own="-o IdentitiesOnly=yes -i $state/key"
	printf '#!/bin/sh\nexec ssh %s -o HostKeyAlias=rehost-rescue %s -p %s "$@"\n' "$common" "$own" "$port" >"$state/ssh"
	printf '#!/bin/sh\nexec ssh %s -o HostKeyAlias=rehost-clone -i %s -p %s "$@"\n' "$common" "$state/key" "$clone_port" \
		>"$state/ssh-clone"
}
rescue() { sh "$state/ssh" "root@$target" "$@"; }

# A command of the rescue, again when the connection broke. Output in $state/out and $state/err; returns its exit code.
remote() {
	tried=0
	while :; do
		rescue "$@" </dev/null >"$state/out" 2>"$state/err"
		rc=$?
		is_lost $rc || is_busy $rc || return $rc
		again "$1" || return $rc
	done
}

# 255 is ssh's own: no connection, or no entry. Only the first is worth another try.
is_lost() {
	[ "$1" -eq 255 ] || return 1
	! grep -q -e 'Permission denied' -e 'verification failed' -e 'IDENTIFICATION HAS CHANGED' -e 'No.*host key is known' \
		-e 'no matching' "$state/err"
}
is_busy() { [ "$1" -eq 1 ] && grep -q 'RH-JOB-40' "$state/err"; } # a command whose connection broke still works there

again() {
	tried=$((tried + 1))
	if [ $tried -gt "$retries" ]; then
		say "  no connection to $target after $retries more tries"
		return 1
	fi
	say "  $1: $(tail -n 1 "$state/err"); try $tried of $retries in ${pause:-$tried} s"
	sleep "${pause:-$tried}"
}

# The rescue's words for a person, then the end.
refuse() {
	cat "$state/out" "$state/err" | tail -n 40
	cat "$state/err" >>"$log"
	die "$1"
}

# Every key and plain value of a JSON text on a line of its own.
# shellcheck disable=SC2020
json_lines() { tr '{}[],' '\n\n\n\n\n'; }

# json FILE KEY: the first value of a key that has a plain string or number.
json() {
	json_lines <"$1" | sed -n "s/^ *\"$2\": *\"\{0,1\}\([^\"]*\)\"\{0,1\} *\$/\1/p" | head -n 1
}

target_state() {
	remote status --json || return 1
	cp "$state/out" "$state/status"
	json "$state/status" state
}

# fingerprint of the key line "TYPE BASE64" on stdin
fingerprint() {
	read -r type blob rest
	if : "$rest" && printf 'x %s %s\n' "$type" "$blob" >"$state/one" && ssh-keygen -l -f "$state/one" 2>/dev/null | grep -q SHA256:; then
		ssh-keygen -l -f "$state/one" | awk '{ print $2 }'
	else # ssh-keygen before 6.8 knows MD5 alone
		printf '%s' "$blob" | openssl base64 -d -A | openssl dgst -sha256 -binary | openssl base64 | sed 's/=*$//; s/^/SHA256:/'
	fi
}

# scan PORT: lines "FINGERPRINT TYPE BASE64" of the host
scan() {
	: >"$state/scan"
	for type in ed25519 ecdsa rsa; do
		ssh-keyscan -T 10 -p "$1" -t $type "$target" 2>/dev/null | grep -v '^#' | while read -r _ kind blob; do
			printf '%s %s %s\n' "$(printf '%s %s\n' "$kind" "$blob" | fingerprint)" "$kind" "$blob"
		done >>"$state/scan"
	done
	[ -s "$state/scan" ]
}

# The rescue's key is the one whose fingerprint its console shows; it is kept for all further runs.
pin_host_key() {
	if grep -q '^rehost-rescue ' "$state/known_hosts" 2>/dev/null && { [ -z "$host_key" ] || [ "$host_key" = "$(get host_key)" ]; }; then
		return
	fi
	tried=0
	until scan "$port"; do
		echo "no SSH answer from $target, port $port" >"$state/err"
		again "host key" || die "nothing answers at $target, port $port"
	done
	if [ -z "$host_key" ]; then
		can_ask || die "the host key is not known: --host-key SHA256:... as the rescue's console shows it"
		say "The host key of $target is $(sed -n '1s/ .*//p' "$state/scan")"
		ask answer "Does the rescue's console show the same? (yes)"
		[ "$answer" = yes ] || die "the host key was not accepted"
		host_key=$(sed -n '1s/ .*//p' "$state/scan")
	fi
	awk -v want="$host_key" '$1 == want { print "rehost-rescue", $2, $3 }' "$state/scan" >"$state/known_hosts"
	[ -s "$state/known_hosts" ] || die "the host key of $target is $(sed -n '1s/ .*//p' "$state/scan"), not $host_key: \
this is another machine, or somebody is in between. Nothing was sent"
	put host_key "$host_key"
}

# ---- login --------------------------------------------------------------------------------------------------

make_key() {
	[ -s "$state/key" ] && return
	rm -f "$state/key" "$state/key.pub"
	tag="rehost-push-$(date +%s)-$$"
	ssh-keygen -q -t ed25519 -N '' -C "$tag" -f "$state/key" 2>/dev/null </dev/null ||
		ssh-keygen -q -t rsa -b 3072 -N '' -C "$tag" -f "$state/key" </dev/null || die "ssh-keygen failed"
	put key_tag "$tag"
}

# With a key that the rescue takes; else with its password, once, to hand over a temporary key.
log_in() {
	make_key
	write_ssh
	remote status --json && return
	if grep -q 'Permission denied' "$state/err"; then
		[ -z "$(get temporary)" ] || put temporary ''
		hand_over_key
		write_ssh
		remote status --json && return
	fi
	target_runs_rescue "$port" || refuse "$target does not run the rescue: start it there, or let this program do it (--enter DIR)"
	refuse "$target lets nobody in"
}

hand_over_key() {
	if [ -n "$password_file" ]; then
		printf '#!/bin/sh\nexec head -n 1 "%s"\n' "$password_file" >"$state/askpass"
		chmod 700 "$state/askpass"
		batch=no DISPLAY=:0 SSH_ASKPASS=$state/askpass SSH_ASKPASS_REQUIRE=force setsid sh "$state/ssh" \
			-o NumberOfPasswordPrompts=1 "root@$target" authorize <"$state/key.pub" >"$state/out" 2>"$state/err"
	else
		can_ask || die "no key of yours is taken by the rescue: --identity FILE, or --password-file FILE"
		say "No key of yours is taken by the rescue. Its console shows a one-time password; ssh asks for it now."
		: >"$state/err"
		batch=no sh "$state/ssh" "root@$target" authorize <"$state/key.pub" >"$state/out"
	fi || refuse "the temporary key was not taken"
	rm -f "$state/askpass"
	put temporary 1
}

forget_keys() {
	if [ -n "$(get temporary)" ] && ! reached rebooted; then # a rescue that was rebooted has forgotten it
		write_ssh
		rescue authorize --remove </dev/null >/dev/null 2>&1 || say "note: the rescue may still take the temporary key until it reboots"
		put temporary ''
	fi
	rm -f "$state/key" "$state/key.pub" "$state/ssh" "$state/ssh-clone"
}

# The clone is this system: a key that it is to take must be in the copy. It is here during the final pass only.
clone_home() {
	home=$(sed -n "s/^$user:[^:]*:[^:]*:[^:]*:[^:]*:\([^:]*\):.*/\1/p" "$top/etc/passwd" 2>/dev/null | head -n 1)
	[ -n "$home" ] && [ -d "$top$home" ]
}

install_clone_key() {
	clone_home || { say "note: $user has no home folder here, the clone must be confirmed by hand"; return; }
	dir=$top$home/.ssh
	keys=$dir/authorized_keys
	key_installed=1
	put key_file "$keys"
	put key_made ''
	[ -d "$dir" ] || { mkdir -m 700 "$dir" && put key_made dir; }
	[ -e "$keys" ] || { : >"$keys" && chmod 600 "$keys" && put key_made "$(get key_made) file"; }
	owner=$(sed -n "s/^$user:[^:]*:\([^:]*\):\([^:]*\):.*/\1:\2/p" "$top/etc/passwd" | head -n 1)
	case $(get key_made) in
	*dir*) chown "$owner" "$dir" "$keys" ;;
	*file*) chown "$owner" "$keys" ;;
	esac
	[ -z "$(tail -c 1 "$keys")" ] || echo >>"$keys"
	grep -q "$(get key_tag)\$" "$keys" || cat "$state/key.pub" >>"$keys"
}

remove_clone_key() {
	[ -n "$key_installed" ] || [ -n "$(get key_file)" ] || return
	keys=$(get key_file)
	if [ -f "$keys" ]; then
		grep -v "$(get key_tag)\$" "$keys" >"$state/keys.new"
		cat "$state/keys.new" >"$keys"
		rm -f "$state/keys.new"
	fi
	case $(get key_made) in *file*) rm -f "$keys" ;; esac
	case $(get key_made) in *dir*) rmdir "${keys%/*}" 2>/dev/null ;; esac
	put key_made_clone "$(get key_made)"
	put key_file ''
	put key_made ''
	key_installed=
}

