#!/bin/bash
# What people read: status, pending, show, roles, eligibility and refusals, through ssh.  However long
# names and reasons are, no line is wider than 80 columns, and each says in plain words who waits for
# whom, how long is left, what would be granted, and what to do next.
. "$WORLD_REPO/tests/support/lib.sh"
long=looks-after-the-main-database
cat >>/etc/lockbox/policy.d/demo.conf <<END
team a-team-with-a-name { members = {"carol", "bob"} }
role ${long:0:28} {
	description = "Sieht nach der Datenbank, 日本語の説明, and has a description that goes on and on until it is far too long for one line of a terminal"
	requesters = {"engineers"}
	level leads-of-the-night { approvers = {"leads"} approvals = 2 }
	level a-second-level-too { approvers = {"a-team-with-a-name"} }
	max-duration = "1h"
	max-per-day = "1h"
	groups = {"adm", "games", "audio", "video", "users", "backup", "operator"}
	sudo = {"/usr/bin/id -u", "/usr/bin/id --group --name --real --zero --context --user --groups --and-more"}
	signed-approvals = true
}
role night-shift {
	description = "Must be earned"
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	managers = {"leads"}
}
END
run_ok lockbox check
start_daemon
start_sshd

# Whatever was printed last.
narrow() { [ "$(LC_ALL=C.UTF-8 wc -L <<<"$OUT")" -le 80 ] || fail "wider than 80 columns"; }
reads() {
	run_ok gate "$@"
	narrow
}
refused_with() {
	run_status 1 gate "$@"
	narrow
}
reason="Der Index der Bestelltabelle klemmt, 索引が壊れています, and nobody can place an order until it is built anew, which takes the better part of an hour"

step "What is mistyped is answered with what was meant, and with a help that ssh lets through"
run_status 2 gate alice requesst db-operator
says "did you mean 'request'"
says "  ssh lockbox@$HOST help\$"
reads alice help
for verb in $(sed -n "s/^  \([a-z]*\) .*/\1/p" <<<"$OUT" | grep -vx ssh); do reads alice help "$verb"; done
reads alice approve --help
says_not '--sign KEY'

step "Roles say what they give, and that approvals are signed"
reads alice roles
says 'Level 1 +leads-of-the-night: 2 of leads'
says 'Signature +approvals must be signed with ssh-keygen'
says 'A person +1h at most within 24 hours'

step "A request says who can approve it, and how that is done"
reads alice request "${long:0:28}" --for 30m --ticket OPS-4711 --reason "$reason"
says 'It waits for level 1 of 2, leads-of-the-night: bob, dave'
says 'They sign it'
says 'ssh-keygen -Y sign -n lockbox-approval -f KEY'
says 'approve R-1 --signature -'
says_not 'approve R-1$'
says 'Lapses +in (12h|11h 59m)'
reads alice request db-operator --for 10m --reason "$reason"
says 'Can approve it: bob, dave. They type one of:'
says 'approve R-2$'

step "Lists say who waits for whom, how long is left, and what would be granted"
reads alice status
says "R-1 +pending +${long:0:28} +30m +lapses in"
says 'waits for leads-of-the-night, level 1 of 2 \(0 of 2\): bob, dave'
says 'OPS-4711: Der Index'
says 'waits for bob, dave \(0 of 1\)'
reads bob pending
says 'R-1 +alice +.* 30m +leads.* in (12h|11h)'
says 'takes signed approvals only; gives groups adm, games'
says 'gives groups adm; sudo /usr/bin/id -u'
says 'an hour$'
reads bob show R-1
says 'Access +a shell'
says 'Signature +it takes signed approvals only'
says 'Level 2 +a-second-level-too: 1 needed'

step "It goes on: approved, active, over"
reads bob approve R-2
says 'R-2 is approved'
reads alice status
says 'approved by bob; take the account: claim R-2'
says 'claim in '
reads alice claim R-2
reads alice status
says 'account lb-alice-1, 0 sessions open'
reads alice extend R-2 --for 5m --reason "$reason"
reads bob pending
says 'extends R-2: Der Index'
reads alice end R-2
reads bob deny R-1 --reason "$reason"
reads alice status
says "denied by bob: Der Index"
says 'lb-alice-1: ended by the engineer'
reads alice show R-1
says 'To ask again'
reads alice eligibility

step "Of what is over, the latest ten are listed, and a program gets all"
for i in $(seq 9); do
	gate alice request db-operator --for 10m --reason "number $i" --json >/dev/null
	gate alice cancel "R-$((i + 3))" >/dev/null
done
reads alice status
says '2 older ones that are over are left out'
says_not 'R-1 '
says 'R-12 +cancelled'
quietly gate alice status --json
[ "$STATUS" -eq 0 ] && [ "$(grep -o '"id":"R-[0-9]*"' <<<"$OUT" | wc -l)" -eq 12 ] || fail "$OUT"

step "What is open now, whose it is and how it is ended: for whoever may see it, and nobody else"
GRANT=$(gate alice request db-operator --for 10m --reason "an incident" --json | sed -n 's/.*"id":"\(R-[0-9]*\)".*/\1/p')
reads alice request db-operator --for 10m --reason "an incident"
says "You have asked for that already: $GRANT"
reads bob approve "$GRANT"
says 'R-[0-9]+ is approved'
says "You can end it now"
says_not 'claim R-'
reads alice claim "$GRANT"
for who in bob carol; do
	reads $who status --all
	says "$GRANT +active +alice +db-operator +10m +ends in"
	says 'account lb-alice-2, 0 sessions open'
done
says_not 'revoke ID'
reads bob status --all
says 'revoke ID --reason'
reads bob show "$GRANT"
says "revoke $GRANT --reason"
says_not '(claim|extend|end) R-'
says 'Permission +change'
reads carol show "$GRANT"
says 'Can end it now: bob, dave, with:'
reads alice status --all
says_not 'revoke ID'
run_ok lockbox status
narrow
says 'ID +STATE +WHO'
says "$GRANT +active +alice"
reads mallory status --all
says 'Nothing is open that you may see'
quietly gate mallory status --all --json
[ "$OUT" = '{"grants":[],"reviews":[]}' ] || fail "$OUT"
reads bob revoke "$GRANT" --reason "that is enough"

step "Refusals say what to do next"
refused_with alice request "${long:0:28}" --for 2h --reason x
says 'for --for 1h or less'
refused_with alice request nosuch --for 5m --reason x
says 'you may ask for:'
refused_with alice request db-operater --for 5m --reason x
says "'db-operator'\\?"
refused_with bob deny R-2 --reason x
says 'has ended'
refused_with alice request night-shift --for 5m --reason x
says 'eligibility request night-shift'
refused_with alice claim R-12
says 'was cancelled'
refused_with mallory show R-1
says 'that you may see'
passed
