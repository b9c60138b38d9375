# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086,SC2154,SC2034 # a part of rehost-push, whose variables are shared
# ---- the target still runs its old system: it sends itself into the rescue ----------------------------------------

# ssh-keyscan tells the other side's software, in comments; old ones on one output, new ones on the other.
target_runs_rescue() { ssh-keyscan -T 10 -p "$1" "$target" 2>&1 | grep -q 'SSH-2.0-rehost'; }

check_enter_dir() {
	for file in rehost vmlinuz; do
		[ -f "$enter_dir/$file" ] || usage_error "--enter: $enter_dir has no $file (docs/rescue.md, From the running system)"
	done
	[ -f "$enter_dir/initrd-full" ] || [ -f "$enter_dir/initrd" ] || usage_error "--enter: $enter_dir has no initrd-full"
}

# What is typed on the target, by root or by sudo; the files come on its stdin.
enter_line() {
	dir=/var/tmp/rehost-enter.$$
	line="mkdir -m 700 $dir && tar -C $dir -xf - && $dir/rehost rescue --here --image $dir --key $dir/key.pub --json --reboot; \
code=\$?; rm -rf $dir; exit \$code"
	case $user in root) ;; *) line="sudo -n sh -c '$line'" ;; esac
	printf '%s' "$line"
}

# One connection, by the caller's own ssh and known_hosts: it may ask for a password. The rescue will have this machine's
# host key, whose fingerprint comes over that connection, and takes the temporary key.
send_into_rescue() {
	if can_ask; then
		ask answer "$target runs its own system. Restart it into the rescue now? (yes)"
		[ "$answer" = yes ] || die "the target was left alone"
	fi
	make_key
	mkdir -p "$state/enter"
	for file in rehost vmlinuz initrd-full initrd; do
		[ ! -f "$enter_dir/$file" ] || ln -s "$(cd "$enter_dir" && pwd -P)/$file" "$state/enter/$file"
		[ "$file" != initrd-full ] || [ ! -f "$enter_dir/$file" ] || break
	done
	cp "$state/key.pub" "$state/enter/"
	own=
	[ -z "$identity" ] || own="-o IdentitiesOnly=yes -i $identity"
	tar -C "$state/enter" -chf - . | ssh $own -a -x -p "$port" "$user@$target" "$(enter_line)" >"$state/out" 2>"$state/err"
	code=$?
	rm -rf "$state/enter"
	entered_key=$(json "$state/out" host_key)
	# 255: the restart was faster than the end of the connection
	if [ "$(json "$state/out" planted)" != true ] || { [ $code -ne 0 ] && [ $code -ne 255 ]; }; then
		refuse "the target did not go into the rescue; it runs its own system"
	fi
	[ -n "$host_key" ] || host_key=$entered_key
	put temporary 1
}

wait_for_rescue() {
	say "  waiting for the rescue"
	tried=0
	until target_runs_rescue "$port"; do
		tried=$((tried + 1))
		[ $tried -lt 120 ] || die "$target has not come back as the rescue in ten minutes. Without a login it starts its own system \
again; what is wrong may stand on its console"
		sleep 5
	done
}

enter_target() {
	[ -n "$enter_dir" ] || return
	# from then on what answers there may be the clone
	if reached switching || target_runs_rescue "$port"; then return; fi
	[ -z "$plan_only" ] || die "$target runs its own system, and --plan changes nothing: first 'rescue --here' there (docs/rescue.md)"
	step "send $target into the rescue"
	send_into_rescue
	wait_for_rescue
}
