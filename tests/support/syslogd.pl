# The syslog of a test world: reads /dev/log and writes every line to /var/log/syslog, and those
# of the facilities auth and authpriv to /var/log/auth.log too, in the traditional form.  Control
# characters are written as #ooo, as rsyslog does.  Nothing is dropped: senders wait.
use strict;
use warnings;
use Socket;
use POSIX ();

my $path = "/dev/log";
unlink($path);
socket(my $in, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
setsockopt($in, SOL_SOCKET, 33, pack("i", 16 << 20));    # SO_RCVBUFFORCE
umask(0);
bind($in, pack_sockaddr_un($path)) or die "$path: $!\n";
umask(027);
open(my $all, ">>", "/var/log/syslog") or die "/var/log/syslog: $!\n";
open(my $auth, ">>", "/var/log/auth.log") or die "/var/log/auth.log: $!\n";

# In the background only from here on: who started this may use /dev/log now.
my $pid = fork();
defined($pid) or die "fork: $!\n";
exit(0) if $pid;
POSIX::setsid();
open(STDIN, "<", "/dev/null");
open(STDOUT, ">", "/dev/null");
open(STDERR, ">", "/dev/null");
my $host = (POSIX::uname())[1];
for (;;) {
	my $line;
	defined(recv($in, $line, 65536, 0)) or next;
	my $priority = $line =~ s/^<(\d{1,3})>// ? $1 : 13;
	$line =~ s/[\r\n\0]+$//;
	$line =~ s/([\0-\x1f\x7f])/sprintf("#%03o", ord($1))/ge;
	my $time = $line =~ s/^(\w{3} [ \d]\d \d\d:\d\d:\d\d) // ? $1 : POSIX::strftime("%b %e %H:%M:%S", localtime);
	my $text = "$time $host $line\n";
	syswrite($all, $text);
	my $facility = $priority >> 3;
	syswrite($auth, $text) if $facility == 4 || $facility == 10;
}
