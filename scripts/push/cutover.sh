# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086,SC2154,SC2034 # a part of rehost-push, whose variables are shared

# ---- look, plan, ask ----------------------------------------------------------------------------------------

look_at_source() {
	arch=$(uname -m)
	case $arch in x86_64 | i?86) ;; *) die "this machine is $arch; amd64 and i386 can be moved" ;; esac
	assign_mounts
	write_excludes
	choose_tool
	choose_init
	measure_source
}

# The rescue's plan, its state, its token; what cannot work is refused before anything is sent.
look_at_target() {
	remote plan || refuse "the rescue has no plan"
	cp "$state/out" "$state/plan.txt"
	remote plan --json || refuse "the rescue has no plan"
	cp "$state/out" "$state/plan.json"
	target_token=$(json "$state/plan.json" token)
	target_now=$(json "$state/plan.json" state)
	[ -z "$token" ] || [ "$token" = "$target_token" ] || die "--switch $token: the target's token is $target_token, so this is not the disk you mean. Nothing was sent"
	case $target_now in
	none | staging | staged | edited | checked) ;;
	*) die "the target is in state '$target_now'; 'status' there says what to type" ;;
	esac
	check_loader
	[ "$target_now" != none ] || check_space
}

# What 'switch' would refuse without a word of the operator is asked for now.
check_loader() {
	case $switch_words in *without-loader*) return ;; esac
	wants=
	if grep -q "'switch' wants --without-loader" "$state/plan.json"; then wants='--without-loader (no trial boot)'
	elif [ -z "$loader" ] && grep -q 'receive loader' "$state/plan.json"; then wants='--loader FILE, its loader.cpio'
	elif grep -q "'switch' wants --accept-firmware" "$state/plan.json"; then
		case $switch_words in *accept-firmware*) ;; *) wants='--accept-firmware' ;; esac
	fi
	[ -z "$wants" ] || [ -n "$plan_only" ] || die "this target needs $wants; --plan shows what the rescue says about it. Nothing was sent"
}

# Lines "MOUNT FITS_BYTES" of the target's file systems.
target_space() {
	json_lines <"$state/plan.json" | sed -n -e 's/^ *"\(mount\)": *"\([^"]*\)" *$/\1 \2/p' -e 's/^ *"\(fits_bytes\)": *\([0-9]*\) *$/\1 \2/p' |
		awk '$1 == "mount" { m = $2 } $1 == "fits_bytes" { print m, $2 }'
}

check_space() {
	target_space >"$state/space"
	left=$size_kb
	while read -r at fits; do
		[ "$at" != / ] || continue
		kb=$(du -skx "$top$at" 2>/dev/null | awk '{ print $1 }')
		left=$((left - ${kb:-0}))
		does_fit "$at" "${kb:-0}" "$fits"
	done <"$state/space"
	while read -r at fits; do
		[ "$at" != / ] || does_fit / "$left" "$fits"
	done <"$state/space"
}
does_fit() {
	[ "$2" -le "$(($3 / 1024))" ] || die "$1 of the target has room for $(($3 / 1048576)) MB beside its old system, here are $(($2 / 1024)) MB: \
use --exclude or --skip, or a larger disk. Nothing was sent"
}

# What the link takes: the beginning of a real stream, which the rescue throws away and times.
measure_link() {
	rate=0
	# shellcheck disable=SC2046
	tar -cf - -C "$src" $(cd "$src" && ls -d usr/lib lib usr boot etc 2>/dev/null) 2>/dev/null | head -c 16777216 |
		rescue receive sample >"$state/out" 2>"$state/err"
	bytes=$(sed -n 's/^received \([0-9]*\) bytes in [0-9]* ms$/\1/p' "$state/out")
	ms=$(sed -n 's/^received [0-9]* bytes in \([0-9]*\) ms$/\1/p' "$state/out")
	if [ "${bytes:-0}" -ge 65536 ]; then rate=$((bytes / (ms + 1))); fi # KB/s
}

duration() {
	if [ "$1" -lt 90 ]; then echo "$1 s"; else echo "$((($1 + 30) / 60)) min"; fi
}

# A pass costs its bytes, and something for each file; rsync's later ones only look.
predict() {
	if [ "$rate" -eq 0 ]; then
		say "  time         not known: the link could not be measured"
		return
	fi
	first=$((size_kb / rate + files / 2000 + 1))
	final=$first
	[ "$with" = tar ] || final=$((files / 5000 + 5))
	say "  link         $rate KB/s, measured"
	say "  time         first pass about $(duration $first); services off for about $(duration $((final + 90))): \
final pass $(duration $final), then rewriting, check, switch and a boot"
	[ "$with" = rsync ] || say "               (tar sends everything again in the final pass; rsync on this machine would make it short)"
}

print_plan() {
	step "the plan"
	say "  source       $(distribution), $arch, kernel $(uname -r), from $src"
	say "  sends        $((size_kb / 1024)) MB in $files files, with $with$tool_notes"
	grep -v 'no files of its own$' "$state/mounts" | while read -r verdict m why; do say "  mount        $verdict $m: $why"; done
	say "  mount        skip $(grep -c 'no files of its own$' "$state/mounts") of the kernel's own: /proc, /sys and the like"
	say "  not sent     $(tr '\n' ' ' <"$state/exclude.rsync")"
	databases=$(running_databases)
	if [ "$src" = / ] && [ -n "$databases" ]; then
		say "  databases    $databases: copied as they are, so they must be stopped for the final pass"
	fi
	svc running >"$state/running"
	say "  services     $services; stopped for the final pass: $(tr '\n' ' ' <"$state/running")"
	predict
	say "  afterwards   $(if [ "$intent" = move ]; then echo "the services here stay off, also after a reboot (--resume-source undoes it)"; else
		echo "the services here are started again: both live on"
	fi)"
	say "  target       as its rescue says:"
	sed 's/^/    /' "$state/plan.txt" | grep -v -e '  Next ' -e ' tar --' -e '--one-file-system'
}

agree() {
	can_ask || return
	ask answer "Send the live passes now? Nothing is stopped for that (yes)"
	[ "$answer" = yes ] || { say "nothing was sent"; exit 0; }
}

# Something that exchanges systems wants the token of the disk.
agree_to_cutover() {
	[ -z "$token" ] || return
	if ! can_ask; then
		say "Prepared. Nothing was stopped. The cutover: the same line with --switch $target_token"
		exit 0
	fi
	say "Prepared. The cutover stops the services here, and exchanges the systems on $target."
	ask answer "Type the target's token, $target_token, to go on"
	[ "$answer" = "$target_token" ] || { say "nothing was stopped; the same line again goes on"; exit 0; }
}

# ---- the passes ---------------------------------------------------------------------------------------------

# Again until what changed is little, or as much as the time before.
live_passes() {
	last=0
	number=1
	[ "$with" = rsync ] || passes=1
	while :; do
		step "live pass $number, $with"
		pass "live pass $number"
		enter live
		if [ $number -ge "$passes" ] || [ $pass_seconds -le 20 ]; then break; fi
		if [ $number -gt 1 ] && [ "${sent_bytes:-0}" -ge $((last - last / 5)) ]; then break; fi
		last=${sent_bytes:-0}
		number=$((number + 1))
	done
}

# The same as in the cutover, while everything still runs: what fails here costs no downtime.
rehearse() {
	[ -n "$rehearsal" ] || return
	step "rehearsal: rewrite and check, while the services run"
	began=$(date +%s)
	rewrite_and_check
	rehearsed=$(($(date +%s) - began))
	say "  $rehearsed s; services would be off for about $(duration $((pass_seconds + rehearsed + 75))): a pass like the last one, this, switch and a boot"
}

rewrite_and_check() {
	remote "rewrite --as $intent$rewrite_words" || [ $? -eq 3 ] || refuse "the rewriting was refused"
	cp "$state/out" "$state/rewrite.txt"
	grep -i '^note' "$state/out" "$state/err" | sed 's/^[^:]*://' | head -n 30
	remote check || [ $? -eq 3 ] || refuse "the clone would not boot there: the switch is withheld"
	cp "$state/out" "$state/check.txt"
	tail -n 1 "$state/out"
}

# ---- cutover ------------------------------------------------------------------------------------------------

cutover() {
	put cutover "$(date +%s)"
	quiesce
	install_clone_key
	step "final pass, $with"
	pass "final pass"
	remove_clone_key
	enter final
	run_hook --after-final "$hook_after"
	if [ "$intent" = copy ]; then
		resume_source
	else
		fence
	fi
	step "rewrite and check"
	rewrite_and_check
	enter ready
	do_switch
}

do_switch() {
	step "switch"
	enter switching
	remote "switch$switch_words" || [ $? -eq 3 ] || switch_failed
	cat "$state/out"
	put nonce "$(sed -n 's/.* confirm \([0-9a-f]\{16\}\).*/\1/p' "$state/out" | head -n 1)"
	quiesced=
	enter switched
}

# Whether anything was exchanged only the rescue knows; not being told, it may be.
switch_failed() {
	cp "$state/out" "$state/switch.out"
	cp "$state/err" "$state/switch.err"
	now=$(target_state)
	cp "$state/switch.out" "$state/out"
	cp "$state/switch.err" "$state/err"
	case $now in
	staged | edited | checked)
		put phase ready
		refuse "the switch was refused"
		;;
	switched) return ;;
	esac
	die_code=4
	refuse "the switch did not end well; the rescue says '${now:-nothing, it does not answer}'"
}

do_reboot() {
	step "reboot into the clone"
	target_state >/dev/null && put back_minutes "$(json "$state/status" back_minutes)"
	tried=0
	while :; do
		rescue "reboot$reboot_words" </dev/null >"$state/out" 2>"$state/err"
		rc=$?
		case $rc in 0 | 3) break ;; 255) ;; *) refuse "the rescue did not reboot" ;; esac
		# the connection broke: by the reboot, or before it was heard
		sleep "${pause:-8}"
		rescue status --json </dev/null >"$state/status" 2>"$state/err" || break
		again reboot || die "the rescue does not reboot"
	done
	cat "$state/out"
	enter rebooted
}

# ---- the clone ----------------------------------------------------------------------------------------------

clone() { sh "$state/ssh-clone" "$user@$target" "$@" </dev/null >"$state/out" 2>"$state/err"; }

# The clone of a move has the host keys of this system; another one's are told by their fingerprint.
pin_clone() {
	grep -v '^rehost-clone ' "$state/known_hosts" >"$state/known.new"
	if [ -n "$clone_key" ]; then
		scan "$clone_port" && awk -v want="$clone_key" '$1 == want { print "rehost-clone", $2, $3 }' "$state/scan" >>"$state/known.new"
	else
		cat "$top"/etc/ssh/ssh_host_*_key.pub 2>/dev/null | awk '{ print "rehost-clone", $1, $2 }' >>"$state/known.new"
	fi
	mv "$state/known.new" "$state/known_hosts"
}

confirm_line() { echo "ssh -p $clone_port $user@$target ${sudo}$clone_rehost confirm $(get nonce)"; }

wait_for_clone() {
	sudo=
	[ "$user" = root ] || sudo='sudo -n --preserve-env=SSH_CONNECTION '
	[ -n "$wait_minutes" ] || wait_minutes=$(get back_minutes)
	step "wait for the clone at $target, up to ${wait_minutes:-25} minutes"
	end=$(($(date +%s) + ${wait_minutes:-25} * 60))
	told=
	while :; do
		pin_clone
		write_ssh
		if clone "$sudo$clone_rehost status"; then break; fi
		if [ -z "$told" ] && grep -q -e 'Permission denied' -e 'password is required' "$state/err"; then
			say "  the clone answers, but lets us not in. Type this yourself, before its trial ends: $(confirm_line)"
			told=1
		fi
		[ "$(date +%s)" -lt $end ] || trial_failed
		sleep "${pause:-5}"
	done
	put at_answers "$(date +%s)"
	say "  the clone answers"
}

trial_failed() {
	die_code=4
	now=$(target_state) || die "neither the clone nor the rescue answers. The services here stay off. Look at the target's console; docs/runbook.md"
	remote log --trial && tail -n 30 "$state/out"
	die "the clone was not reached in its trial; the rescue is back in state '$now'. 'rollback' there, then --resume-source here; or 'reboot' there tries again"
}

confirm() {
	if [ -n "$(get nonce)" ]; then
		step "confirm"
		tried=0
		until clone "$sudo$clone_rehost confirm $(get nonce)" || [ $? -eq 3 ]; do
			grep -q 'RH-' "$state/err" && refuse "the clone does not take the confirmation; by hand: $(confirm_line)"
			again confirm || die "the clone could not be confirmed; by hand: $(confirm_line)"
		done
		cat "$state/out"
	fi
	enter confirmed
}

# The temporary key came with the copy: out of it again.
remove_key_in_clone() {
	made=$(get key_made_clone)
	# shellcheck disable=SC2016 # for the shell of the clone
	words='cd && k=.ssh/authorized_keys && { grep -v " '$(get key_tag)'\$" $k >$k.new; cat $k.new >$k; rm -f $k.new; }'
	case $made in *file*) words='cd && rm -f .ssh/authorized_keys' ;; esac
	case $made in *dir*) words="$words && rmdir .ssh" ;; esac
	clone "$words" || say "note: the line of $(get key_tag) is still in the clone's authorized_keys of $user; take it out"
}

seconds_between() {
	a=$(get "at_$1")
	b=$(get "at_$2")
	[ -z "$a" ] || [ -z "$b" ] || echo $((b - a))
}

report() {
	step "done: $target runs as the clone"
	last=answers
	[ "$intent" = move ] || last=final
	say "  services off  $(seconds_between quiesced $last) s in all"
	say "  of them       final pass $(seconds_between quiesced final) s, rewrite and check $(seconds_between final ready) s, switch \
$(seconds_between switching switched) s, boot $(seconds_between rebooted answers) s"
	[ "$intent" = copy ] || say "  this server   is fenced; $me --resume-source $target undoes it, once the clone is off"
	say "  the old system of the target is kept. When all is well: ssh $user@$target $clone_rehost release$([ -n "$(get nonce)" ] || echo ' --unconfirmed')"
	say "  to do         DNS, PTR, SPF, monitoring, backups, licences, firewalls elsewhere that name the old address; swap files that were not sent"
}
