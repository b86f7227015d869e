#!/usr/bin/perl
# notifyd.pl NAME FILE: listens where sd_notify(3) sends to, as systemd does, a path or @abstract,
# and appends to FILE one line per datagram: seconds of the monotonic clock, and the
# assignments joined by "; ".  It goes on in the background; the pid is what it prints.
use strict;
use warnings;
use IO::Handle;
use Socket;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($name, $file) = @ARGV;
(my $address = $name) =~ s/^@/\0/;
unlink $name unless $name =~ /^@/;
# No final NUL: an abstract name ends where its length says.
my $packed = pack 'S a*', AF_UNIX, $address;
socket my $sock, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
bind $sock, $packed or die "bind $name: $!";
open my $out, '>>', $file or die "$file: $!";
$out->autoflush(1);
defined(my $pid = fork) or die "fork: $!";
if ($pid) { print "$pid\n"; exit 0 }
open STDOUT, '>', '/dev/null';
while (defined recv $sock, my $text, 4096, 0) {
	$text =~ s/\n/; /g;
	printf $out "%.3f %s\n", clock_gettime(CLOCK_MONOTONIC), $text;
}
