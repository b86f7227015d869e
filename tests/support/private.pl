# Makes every mount of this (new) mount namespace private and runs a command, also where `/` is
# a plain directory and no mount, as in a chroot: there mount(8) cannot name the mount that `/`
# lies on, and whatever is mounted would show on the machine as well.  So it steps out to the
# namespace's own root, makes the mounts private and steps back.
use strict;
use warnings;

if (system("mount -n --make-rprivate / 2>/dev/null") != 0) {
	opendir(my $here, "/") or die "/: $!\n";
	my ($inner) = grep { -d } qw(/etc /usr);
	chdir("/") && chroot($inner) or die "chroot: $!\n";
	chdir("..") for 1 .. 64;
	chroot(".") or die "chroot: $!\n";
	my $failed = system("mount -n --make-rprivate /");
	chdir($here) && chroot(".") or die "chroot: $!\n";
	die "cannot make the mounts private\n" if $failed;
}
exec(@ARGV) or die "$ARGV[0]: $!\n";
