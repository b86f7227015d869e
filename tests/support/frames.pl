# frames.pl SOCKET STEP...: a client of the daemon's sockets that may say anything.
#   frame:TYPE[:FIELDS]  a whole frame; raw:FIELDS  bytes that are none
#   times:N:TYPE  N whole frames, whose answers are left unread
#   fill:TYPE  frames one by one, their answers unread, until one does not come whole: prints how
#            many did
#   wait     one frame is read and printed: "TYPE PAYLOAD" in hex, or "refused CODE TEXT"
#   all      the same up to the end of an answer
#   closed   the other side must close within 8 s without a word: "closed", else status 1
#   hold     waits for a line on standard input
#   shut     nothing more will be sent
# FIELDS, with commas between: t=TEXT (%XX is a byte) x=HEX b=N h=N w=N q=N (8, 16, 32, 64 bits)
use strict;
use warnings;
use IO::Socket::UNIX;
use IO::Select;

my $path = shift @ARGV;
my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path) or do { print "no connection: $!\n"; exit 3 };
$s->autoflush(1);
$| = 1;
$SIG{PIPE} = 'IGNORE';

sub fields {
	my $out = "";
	for my $f (split /,/, $_[0]) {
		my ($kind, $value) = split /=/, $f, 2;
		$value //= "";
		$value =~ s/%([0-9a-f]{2})/chr(hex($1))/gei if $kind eq "t";
		$out .= $kind eq "t" ? pack("n/a*", $value) : $kind eq "x" ? pack("H*", $value) :
			$kind eq "b" ? pack("C", $value) : $kind eq "h" ? pack("n", $value) :
			$kind eq "w" ? pack("N", $value) : $kind eq "q" ? pack("Q>", $value) : die "field $f\n";
	}
	return $out;
}

sub take {
	my ($n, $buf) = ($_[0], "");
	while (length($buf) < $n) {
		IO::Select->new($s)->can_read(8) or return undef;
		sysread($s, $buf, $n - length($buf), length($buf)) or return undef;
	}
	return $buf;
}

sub wait_frame {
	my $head = take(8);
	if (!defined $head) { print "no answer\n"; return 0 }
	my ($len, $type) = unpack("Nn", $head);
	my $body = $len ? take($len) : "";
	if ($type == 0x8002) {
		my ($code, $text) = unpack("n n/a*", $body);
		print "refused $code $text\n";
	} else {
		printf "%04x %s\n", $type, unpack("H*", $body // "");
	}
	return $type;
}

sub ask { print $s pack("NnCC", length($_[1]), $_[0], 2, 0) . $_[1] }

# Bytes that have come and were not read.
sub unread {
	ioctl($s, 0x541b, my $n = pack("i", 0)) or die "ioctl: $!\n";
	return unpack("i", $n);
}

sub fill {
	my ($type, $came, $size) = ($_[0], 0, 0);
	for (;; $came++) {
		my $before = unread();
		ask($type, "");
		for (my $tries = 0; unread() < $before + ($size || 1); $tries++) {
			return $came if $tries == 2000;
			select(undef, undef, undef, 0.001);
		}
		$size ||= unread();
	}
}

for my $step (@ARGV) {
	if ($step eq "wait") { wait_frame() or exit 1 }
	elsif ($step eq "all") { 1 until (wait_frame() || 0x8001) =~ /^(32769|32770)$/ }
	elsif ($step eq "shut") { shutdown($s, 1) }
	elsif ($step eq "hold") { print "holding\n"; my $line = <STDIN>; }
	elsif ($step eq "closed") {
		my $got = IO::Select->new($s)->can_read(8);
		my $n = $got ? sysread($s, my $buf, 1) : undef;
		if ($got && !$n) { print "closed\n" } else { print $n ? "an answer\n" : "open\n"; exit 1 }
	}
	elsif ($step =~ /^frame:(\d+)(?::(.*))?$/) {
		ask($1, defined $2 ? fields($2) : "");
	}
	elsif ($step =~ /^times:(\d+):(\d+)$/) { ask($2, "") for 1 .. $1 }
	elsif ($step =~ /^fill:(\d+)$/) { print fill($1), "\n" }
	elsif ($step =~ /^raw:(.*)$/) { print $s fields($1) }
	else { die "step $step\n" }
}
