#!/usr/bin/perl
# kill_load.pl DIR WORKERS PEOPLE: the load of kill_loop.sh, through the real sockets, as root.
#
# Each worker plays PEOPLE people: one asks, another one approves, the first claims, it looks whether
# the account resolves and may come in, runs a process as the account, and ends the grant or lets
# it run out.  What the daemon has acknowledged it remembers, and holds it against whatever it sees
# later.  A watcher looks at all live grants as root.  Until DIR/stop is there; then each waits for
# its last grants to end.
#
# What must not be is written to DIR/bad: "KIND TEXT"; at its end each writes DIR/counts.N.
use strict;
use warnings;
use Fcntl;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($dir, $workers, $each) = @ARGV;
my ($public, $pam) = ("/run/lockbox/public.sock", "/run/lockbox/pam.sock");
my $gate_uid = getpwnam("lockbox") // die "no user lockbox";
my %type = (as => 1, request => 3, list => 4, show => 5, approve => 6, claim => 9, end => 10,
	revoke => 11, account => 65);
my ($PENDING, $APPROVED, $ACTIVE, $ENDING, $ENDED, $LAPSED) = (1, 2, 3, 4, 5, 8);
$SIG{PIPE} = 'IGNORE';

sub bad {
	my ($kind, $text) = @_;
	sysopen my $f, "$dir/bad", O_WRONLY | O_APPEND | O_CREAT or die;
	syswrite $f, sprintf("%s %.3f %s\n", $kind, time, $text);
}
sub over { -e "$dir/stop" }

# --- one connection -------------------------------------------------------------------------

my $conn;
sub drop { undef $conn }
# Of somebody's key, as sshd would have seen it: an approval counts while the policy has it.
sub fingerprint {
	my ($who) = @_;
	open my $f, "<", "$dir/$who.fingerprint" or die "$who: $!";
	chomp(my $line = <$f>);
	return $line;
}
sub dial {
	my ($who) = @_;
	local $> = defined $who ? $gate_uid : 0;
	$conn = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $public) or return;
	return 1 unless defined $who;
	$> = 0;
	my $r = ask("as", pack("n/a* n/a*", $who, fingerprint($who)));
	return $r && $r->{type} == 0x8001;
}
sub take {
	my ($s, $n, $buf) = (@_, "");
	while (length $buf < $n) {
		IO::Select->new($s)->can_read(8) or return;
		sysread($s, $buf, $n - length $buf, length $buf) or return;
	}
	return $buf;
}
sub frame {
	my ($s) = @_;
	my $head = take($s, 8) // return;
	my ($len, $t) = unpack "Nn", $head;
	my $body = $len ? take($s, $len) : "";
	return defined $body ? ($t, $body) : ();
}
sub grant {
	my ($b) = @_;
	my %g;
	@g{qw(id state host identity role account uid duration requested until end have need sessions)} =
		unpack "Q> C n/a n/a n/a n/a N N Q> Q> Q> C C N", $b;
	return \%g;
}
# ask VERB, PAYLOAD: undef when no answer came, else {type, text, items}
sub ask {
	my ($verb, $body) = @_;
	my @items;
	return unless $conn;
	syswrite $conn, pack("NnCC", length $body, $type{$verb}, 2, 0) . $body or do { drop; return };
	while (my ($t, $b) = frame($conn)) {
		if ($t == 0x8001) { return {type => $t, items => \@items, more => unpack("C", $b), cursor => unpack("x Q>", $b)} }
		if ($t == 0x8002) { my ($code, $text) = unpack "n n/a", $b; return {type => $t, code => $code, text => $text} }
		push @items, [$t, $b];
	}
	drop;
	return;
}
# As somebody, until there is an answer; undef only at the end.
sub ask_surely {
	my ($who, $verb, $body) = @_;
	for (1 .. 400) {
		drop;
		if (dial($who) and my $r = ask($verb, $body)) {
			drop;
			return $r unless $r->{type} == 0x8002 && $r->{code} == 9;
		}
		sleep 0.05;
	}
	bad("lost", "no answer for 20 s to $verb");
	return;
}
# Once: undef when it is not known whether it was carried out.
sub ask_once {
	my ($who, $verb, $body) = @_;
	drop;
	dial($who) or return;
	my $r = ask($verb, $body);
	drop;
	return $r;
}
sub act { pack "Q> n/a*", @_ }
sub show {
	my ($who, $id) = @_;
	my $r = ask_surely($who, "show", act($id, "")) or return;
	if ($r->{type} != 0x8001) { bad("lost", "R-$id of $who: $r->{text}"); return }
	return grant($r->{items}[0][1]);
}
# 2 allowed, 1 denied, 0 no answer
sub may_enter {
	my ($name, $uid) = @_;
	my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $pam) or return 0;
	my $body = pack "n/a* N n/a* n/a* n/a* n/a*", $name, $uid, "polkit-1", "", "", "";
	syswrite $s, pack("NnCC", length $body, $type{account}, 2, 0) . $body or return 0;
	my ($t, $b) = frame($s) or return 0;
	return unpack "C", $b;
}

# --- a worker -------------------------------------------------------------------------------

my %done = map { $_ => 0 } qw(acknowledged grants ended expired unknown allowed);
my @over; # [id, name, uid] whose end was acknowledged or whose time is up, and that were seen gone
my @left; # [id, name, uid, end, ended?] still to be looked after
my ($me, $boss, @people); # who asks and who approves, in turns: each may do only so much a minute
sub turn { push @people, shift @people; ($me, $boss) = @people[0, 1] }

# A process that was the account's before the grant's end, or undef: one that becomes it later, as root
# can, is nothing that the daemon was to see; nor is one from before there was an account, which is
# then not made, and which no login can start.
sub spawn {
	my ($name, $uid, $end) = @_;
	sleep 0.05 for grep { !defined getpwnam $name } 1 .. 10;
	return unless defined getpwnam $name;
	pipe my $until_exec, my $held or return;
	my $pid = fork // return;
	if ($pid) {
		close $held;
		sysread $until_exec, my $none, 1;
		return $pid if time < $end;
		kill "KILL", $pid;
		waitpid $pid, 0;
		return;
	}
	close $conn if $conn;
	$) = "$uid $uid";
	POSIX::setgid($uid);
	POSIX::setuid($uid);
	{ exec "sleep", "1000" }
	POSIX::_exit(1);
}
sub alive {
	my ($pid) = @_;
	return waitpid($pid, POSIX::WNOHANG()) == 0;
}

# After its end nothing of it may work, whatever was killed meanwhile.
sub check_over {
	my ($o, $why) = @_;
	my ($id, $name, $uid) = @$o;
	bad("fail-open", "$name (R-$id, $why) may log in") if may_enter($name, $uid) == 2;
}
sub check_gone {
	my ($o) = @_;
	my ($id, $name, $uid, $who) = @$o;
	check_over($o, "gone") if rand() < 0.3;
	bad("resurrected", "$name (R-$id) resolves again") if defined getpwnam $name;
	if (rand() < 0.1) {
		my $g = show($who, $id) or return;
		bad("resurrected", "R-$id is in state $g->{state} again") unless $g->{state} == $ENDED;
	}
}

# Grants that are over: first no login, then the account is gone, its process dead, and it stays so.
sub look_after {
	my ($wait) = @_;
	my @still;
	for my $l (@left) {
		my ($id, $name, $uid, $end, $ended, $pid, $who) = @$l;
		if (!$ended && time < $end) { push @still, $l; next }
		check_over($l, $ended ? "ended" : "its time is up");
		my $g = show($who, $id) or next;
		if ($ended && $g->{state} == $ACTIVE) { bad("resurrected", "R-$id was ended and is active") }
		# 3 s: its end, and a restart that may fall upon it.
		if ($g->{state} != $ENDED) {
			bad("late", "R-$id is in state $g->{state}, " . int(time - $end) . " s after its end")
				if !$ended && time > $end + 15;
			push @still, $l;
			next;
		}
		bad("fail-open", "a process of $name lives although R-$id is ended") if $pid && alive($pid);
		# The file is published before the receipt.
		bad("fail-open", "$name resolves although R-$id is ended") if defined getpwnam $name;
		$done{$ended ? "ended" : "expired"}++;
		push @over, [$id, $name, $uid, $who];
	}
	@left = @still;
	sleep 0.1 if $wait && @left;
}

sub cycle {
	turn();
	my $for = (2, 3, 600, 600)[rand 4];
	my $r = ask_once($me, "request", pack("n/a* N n/a* n/a* Q> n/a* C", "load", $for, "", "load " . rand, 0, "", 0));
	if (!$r) { $done{unknown}++; return }
	if ($r->{type} != 0x8001) { sleep 0.1; return }
	my $id = grant($r->{items}[0][1])->{id};
	$done{acknowledged}++;
	$r = ask_once($boss, "approve", act($id, ""));
	my $g = show($me, $id) or return;
	if ($r && $r->{type} == 0x8001) {
		$done{acknowledged}++;
		bad("lost", "the approval of R-$id was acknowledged; state $g->{state}") if $g->{state} != $APPROVED;
	} elsif ($g->{state} == $PENDING) {
		$done{unknown}++;
		$r = ask_surely($boss, "approve", act($id, "")) or return;
		return if $r->{type} != 0x8001;
		$done{acknowledged}++;
	}
	my $before = time;
	$r = ask_once($me, "claim", act($id, ""));
	$g = show($me, $id) or return;
	if ($r && $r->{type} == 0x8001) {
		$done{acknowledged}++;
		$done{grants}++;
	} else {
		$done{unknown}++;
		return unless length $g->{account} && $g->{state} == $ACTIVE;
	}
	if (!length $g->{account} || $g->{state} < $ACTIVE) {
		bad("lost", "the claim of R-$id was acknowledged; state $g->{state}");
		return;
	}
	bad("lengthened", "R-$id ends " . ($g->{end} - $before) . " s after its claim, for $for s")
		if $g->{end} > time + $for + 1;
	my $pid = rand() < 0.3 && time < $g->{end} ? spawn($g->{account}, $g->{uid}, $g->{end}) : undef;
	my $mine = [$id, $g->{account}, $g->{uid}, $g->{end}, 0, $pid, $me];
	push @left, $mine;
	# While it is active a denial would be a lost grant: what was acknowledged is to work.
	if ($g->{state} == $ACTIVE) {
		my $verdict = may_enter($g->{account}, $g->{uid});
		$done{allowed}++ if $verdict == 2;
		if ($verdict == 1 && time < $g->{end}) {
			my $again = show($me, $id) or return;
			bad("lost", "$g->{account} (R-$id) is active and denied")
				if $again->{state} == $ACTIVE && time < $again->{end} && may_enter($g->{account}, $g->{uid}) == 1;
		}
	}
	return if $for < 600;
	$r = rand() < 0.5 ? ask_surely($me, "end", act($id, "")) : ask_surely($boss, "revoke", act($id, "load"));
	if ($r && ($r->{type} == 0x8001 || $r->{code} == 4)) {
		$done{acknowledged}++;
		$mine->[4] = 1;
		check_over($mine, "ended");
	}
}

sub worker {
	my ($n) = @_;
	@people = map { "load" . ($each * $n + $_) } 0 .. $each - 1;
	srand($n + time);
	until (over()) {
		cycle();
		look_after(0);
		check_gone($over[rand @over]) if @over;
	}
	my $limit = time + 40;
	look_after(1) while @left && time < $limit;
	bad("late", "R-$_->[0] is not ended") for @left;
	check_gone($_) for @over;
	finish($n);
}
sub finish {
	open my $f, ">", "$dir/counts.$_[0]" or die;
	print $f "$_ $done{$_}\n" for sort keys %done;
	close $f;
	POSIX::_exit(0);
}

# --- the watcher ----------------------------------------------------------------------------

# Whatever was overdue is ended before anything is answered.
sub watcher {
	%done = (looks => 0);
	until (over()) {
		drop;
		my $after = 0;
		if (dial(undef)) {
			while (my $r = ask("list", pack("C Q>", 3, $after))) {
				last if $r->{type} != 0x8001;
				my $now = time;
				for my $i (@{$r->{items}}) {
					my $g = grant($i->[1]);
					bad("late", "R-$g->{id} is listed as active, its end was " . ($now - $g->{end}) . " s ago")
						if $g->{state} == $ACTIVE && $g->{end} + 1.2 < $now;
				}
				$done{looks}++;
				last unless $r->{more};
				$after = $r->{cursor};
			}
		}
		sleep 0.02;
	}
	finish("watcher");
}

my @pids;
for my $n (0 .. $workers) {
	my $pid = fork // die "fork: $!";
	if (!$pid) { $n < $workers ? worker($n) : watcher() }
	push @pids, $pid;
}
waitpid $_, 0 for @pids;
