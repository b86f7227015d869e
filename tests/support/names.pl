# names.pl NAME UID FILE: one process that asks the system for a name and a uid every 2 ms, as a
# long-running daemon would, and writes a line into FILE at each change: SECONDS NAME-FOUND UID-FOUND.
# At the end (SIGTERM) it writes how often it has asked and how long the slowest answer took (ms).
use strict;
use warnings;
use Time::HiRes qw(time sleep);

my ($name, $uid, $file) = @ARGV;
open(my $out, ">", $file) or die "$file: $!\n";
$out->autoflush(1);
my ($last, $asked, $slowest, $stop) = ("", 0, 0, 0);
$SIG{TERM} = sub { $stop = 1 };
until ($stop) {
	my $before = time();
	my @by_name = getpwnam($name);
	my $between = time();
	my @by_uid = getpwuid($uid);
	my $after = time();
	my $state = (@by_name ? 1 : 0) . " " . (@by_uid ? 1 : 0);
	# The moment of an answer is when it was asked for: nothing later is claimed.
	printf $out "%.4f %s\n", $before, $state if $state ne $last;
	$last = $state;
	$asked++;
	for my $took ($between - $before, $after - $between) { $slowest = $took if $took > $slowest; }
	sleep(0.002);
}
printf $out "asked %d slowest_ms %.1f\n", $asked, $slowest * 1000;
