#!/bin/bash
# A resource that is a path, through ssh: the account has it while the grant lasts and not after, by
# an entry on that very file; no link on the way, nobody else's directory, no other name; and what an
# account leaves behind when the daemon dies is taken away.
. "$WORLD_REPO/tests/support/lib.sh"
policy=/etc/lockbox/policy.d/demo.conf
mkdir -p /srv/app/dir /srv/theirs /srv/plain
echo secret-line >/srv/app/log
echo below >/srv/app/dir/file
echo other >/srv/app/other
chmod 640 /srv/app/log /srv/app/other
chmod 750 /srv/app/dir
chown nobody:nogroup /srv/app/log
ln -s /srv/app/other /srv/app/link
ln -s /srv/app /srv/way
echo twice >/srv/app/one
ln /srv/app/one /srv/app/two
echo theirs >/srv/theirs/log
chmod 777 /srv/theirs
mount -t ramfs none /srv/plain
echo plain >/srv/plain/log
cat >>$policy <<'END'
role files {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	resource log { path = "/srv/app/log" }
	resource edit { path = "/srv/app/log" access = write }
	resource dir { path = "/srv/app/dir" }
	resource dirw { path = "/srv/app/dir" access = write }
	resource link { path = "/srv/app/link" }
	resource way { path = "/srv/way/log" }
	resource two { path = "/srv/app/two" }
	resource theirs { path = "/srv/theirs/log" }
	resource plain { path = "/srv/plain/log" }
	resource none { path = "/srv/app/none" }
}
END
run_ok lockbox check
start_daemon
start_sshd

asked() {
	quietly gate "$WHO" request files --resource "$1" --for "${2-10m}" --reason "turn $((turn += 1))" --json
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
	quietly gate bob approve "$GRANT"
	[ "$STATUS" -eq 0 ] || fail "approve: $OUT"
}
turn=0
WHO=alice
claimed() {
	asked "$@"
	takes
}
takes() {
	quietly gate "$WHO" claim "$GRANT" --json
	[ "$STATUS" -eq 0 ] || fail "claim: $OUT"
	ACCOUNT=$(field account) PASSWORD=$(field password)
	ACCOUNT_UID=$(id -u "$ACCOUNT")
}
entries() { getfacl -nE --absolute-names "$1" | grep "^user:[0-9]"; }
no_entries() { wait_for "! entries $1" 10 || fail "$1 still has $(entries "$1")"; checks=$((checks + 1)); }
mode_before=$(stat -c %a /srv/app/log)

step "Alice reads the log as long as her grant lasts; it is shown, and nothing else is hers"
asked log
run_ok gate bob show "$GRANT"
says 'Path +read /srv/app/log'
run_ok gate alice roles
says 'Path +read /srv/app/log'
quietly gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
ACCOUNT_UID=$(id -u "$ACCOUNT")
[ "$(entries /srv/app/log)" = "user:$ACCOUNT_UID:r--" ] || fail "entries: $(getfacl -n /srv/app/log 2>&1)"
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 1 'cat /srv/app/log'
says secret-line
session_run 1 'echo x >>/srv/app/log; echo written=$?; cat /srv/app/other; echo read=$?'
says 'written=[1-9]'
says 'read=[1-9]'
mark_log
run_ok gate alice end "$GRANT"
session_over 1
wait_log "took its access to /srv/app/log away"
no_entries /srv/app/log
[ "$(stat -c %a /srv/app/log)" = "$mode_before" ] || fail "its mode is $(stat -c %a /srv/app/log) now"
setpriv --reuid "$ACCOUNT_UID" --regid "$ACCOUNT_UID" --clear-groups -- cat /srv/app/log 2>/dev/null &&
	fail "the uid reads it still"

step "To write; two at the same time; what others had stays as it was"
setfacl -m u:games:r,g:games:rw,m::r /srv/app/log
before=$(getfacl -n --absolute-names /srv/app/log)
claimed log
[ "$(entries /srv/app/log | grep -c "$ACCOUNT_UID:r--")" = 1 ] || fail "$(getfacl -n /srv/app/log)"
run_ok gate alice end "$GRANT"
wait_for "[ \"\$(getfacl -n --absolute-names /srv/app/log)\" = \"$before\" ]" 10 ||
	fail "not as before: $(getfacl -n --absolute-names /srv/app/log)"
asked edit
run_refused gate alice claim "$GRANT"
says 'mask'
says 'claim it again'
run_ok gate alice show "$GRANT" --json
[ "$(field state)" = approved ] || fail "the approval is gone with the claim: $OUT"
setfacl -b /srv/app/log
takes
first=$GRANT
[ "$(entries /srv/app/log)" = "user:$ACCOUNT_UID:rw-" ] || fail "$(getfacl -n /srv/app/log)"
session_open 2 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 2 'echo more >>/srv/app/log && tail -n 1 /srv/app/log'
says '^more$'
claimed log
[ "$(entries /srv/app/log | wc -l)" = 2 ] || fail "$(getfacl -n /srv/app/log)"
# Another name that an account gives to what it may write keeps nothing of it.
mkdir -m 1777 /srv/app/drop
session_run 2 'ln /srv/app/log /srv/app/drop/kept && echo linked'
says '^linked$'
run_ok gate alice end "$first"
session_over 2
wait_for "[ \$(entries /srv/app/log | wc -l) = 1 ]" 10 || fail "$(getfacl -n /srv/app/log)"
[ "$(entries /srv/app/log)" = "user:$ACCOUNT_UID:r--" ] || fail "$(getfacl -n /srv/app/log)"
rm /srv/app/drop/kept
run_ok gate alice end "$GRANT"
no_entries /srv/app/log
[ "$(stat -c %a /srv/app/log)" = "$mode_before" ] || fail "its mode is $(stat -c %a /srv/app/log) now"

step "A directory: listed and passed through, nothing below it gets an entry"
claimed dir
[ "$(entries /srv/app/dir)" = "user:$ACCOUNT_UID:r-x" ] || fail "$(getfacl -n /srv/app/dir)"
! entries /srv/app/dir/file || fail "what is below has an entry"
session_open 3 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 3 'ls /srv/app/dir; touch /srv/app/dir/x; echo made=$?'
says '^file'
says 'made=[1-9]'
run_ok gate alice end "$GRANT"
session_over 3
no_entries /srv/app/dir

step "What cannot be given safely is refused at the claim, and nothing is left of it"
# refused_for RESOURCE REGEX
refused_for() {
	asked "$1"
	run_refused gate alice claim "$GRANT"
	OUT=${OUT//$'\n'  / }
	says "$2"
	[ -z "$(find /home -name 'lb-*')" ] || fail "a home is left: $(find /home -name 'lb-*')"
	quietly gate alice cancel "$GRANT"
}
refused_for link 'it is a symbolic link'
! entries /srv/app/other || fail "the link was followed"
refused_for way 'a symbolic link is on the way'
refused_for two 'more than one name'
refused_for theirs 'not root.s alone to change'
refused_for plain 'no access control lists'
refused_for none 'No such file'
refused_for dirw 'to read only'
mv /srv/app/log /srv/app/log.kept
ln -s /srv/app/other /srv/app/log
refused_for log 'it is a symbolic link'
! entries /srv/app/other || fail "the link was followed"
rm /srv/app/log
mv /srv/app/log.kept /srv/app/log
claimed log
run_ok gate alice end "$GRANT"
no_entries /srv/app/log

WHO=mallory # alice has asked for as much as she may for now
step "Swapped while it lasts: the other file is not touched, and the receipt says so"
claimed log
mark_log
mv /srv/app/log /srv/app/log.1
ln -s /srv/app/other /srv/app/log
run_ok gate "$WHO" end "$GRANT"
wait_log "could not be taken away|has no entry of it"
! entries /srv/app/other || fail "the link was followed"
setfacl -b /srv/app/log.1
rm /srv/app/log
mv /srv/app/log.1 /srv/app/log

step "The daemon dies with the grant: the entry is taken away all the same"
claimed log 8s
kill_daemon KILL
wait "$DAEMON_PID" 2>/dev/null
[ "$(entries /srv/app/log)" = "user:$ACCOUNT_UID:r--" ] || fail "$(getfacl -n /srv/app/log)"
sleep_until=$(($(date +%s) + 9))
wait_for "[ \$(date +%s) -ge $sleep_until ]" 12
start_daemon
no_entries /srv/app/log
claimed log
kill_daemon KILL
wait "$DAEMON_PID" 2>/dev/null
start_daemon
wait_for "id $ACCOUNT" 10 || fail "$ACCOUNT is gone"
[ "$(entries /srv/app/log)" = "user:$ACCOUNT_UID:r--" ] || fail "$(getfacl -n /srv/app/log)"
run_ok gate "$WHO" end "$GRANT"
no_entries /srv/app/log

step "Another path in the policy: the grant ends, with its entry"
claimed log
sed -i 's|resource log { path = "/srv/app/log" }|resource log { path = "/srv/app/other" }|' $policy
reload_daemon
wait_for "! id $ACCOUNT" 10 || fail "$ACCOUNT goes on"
no_entries /srv/app/log

step "Paths that no policy gives"
for bad in 'path = "/etc/shadow"' 'path = "/etc/cron.d" access = write' 'path = "/proc/1"' 'path = "/home/x"' \
	'path = "../etc"' 'path = "/srv/app/log" access = all'; do
	sed "s|resource none .*|resource none { $bad }|" $policy >/root/bad.conf
	cp $policy /root/good.conf
	cp /root/bad.conf $policy
	run_refused lockbox check
	cp /root/good.conf $policy
done
stop_daemon || fail "SIGTERM ends it with $?"
passed
