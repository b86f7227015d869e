#!/usr/bin/perl
# refusals.pl SAID CODES FILE...: every reason for a refusal that the files (C source of the keeper) have
# stands in SAID, a list of refusals that were provoked, and so does every code of enum lb_refusal in CODES.
#
# A reason is a text in a statement that refuses: one that calls lb_refuse() or a function of the
# same kind, returns a text, or writes one to *why, why or text.  So it is found by how it is written,
# and one that is written anew must be provoked by a test before this is content.
use strict;
use warnings;

# What is no refusal though it is written like one, or cannot be provoked; each with why.
my %left_out = (
	# A greeting, not a refusal.
	'Lockbox: %s on %s (R-%llu) until %s, %s from now.%s%.150s%s%.150s' => 1,
	# Nobody is told: the record of such a refusal is what there is no room for.
	'store full' => 1,
	# Nobody is told: the connection is closed, and a line says so; test_peers counts them.
	'too many connections' => 1,
	'its process cannot be looked at' => 1,
	# What a policy can ask for at most keeps every statement shorter; test_statement provokes the
	# error that this stands for.
	'the statement would be too long to be signed; ask for less, or with a shorter reason' => 1,
	# No event and no state of the state machine is unknown while it is compiled as a whole;
	# test_grant provokes it with numbers that are none.
	'is in no known state' => 1,
);

my ($said_file, $header, @files) = @ARGV;
my %said;
my %codes;

open my $in, '<', $said_file or die "$said_file: $!\n";
while (<$in>) {
	chomp;
	next unless /^(\d+) (.*)$/;
	$codes{$1}++;
	$said{$2}++;
}
close $in;
my $all = join "\n", sort keys %said;

sub slurp {
	local $/;
	open my $f, '<', $_[0] or die "$_[0]: $!\n";
	my $text = <$f>;
	# What the source itself says cannot happen, and why.
	$text =~ s{LCOV_EXCL_START.*?LCOV_EXCL_STOP}{ (my $x = $&) =~ tr/\n//cd; $x }gse;
	$text =~ s{/\*.*?\*/}{ (my $x = $&) =~ tr/\n//cd; $x }gse;
	return $text;
}

my $string = qr/"(?:[^"\\]|\\.)*"/;
my $refuses = qr/\b(?:lb_refuse|refuse|own_only|say_no)\s*\(
		|\breturn\b(?!\s+lb_audit|\s+lb_log)
		|\*\s*why\s*=
		|\bsnprintf\s*\(\s*(?:why|text)\b
		|\bis_in\b|^\s*\[LB_STATE
		|\#define\s+\w+\s+"/x;
my $other = qr/\b(?:lb_audit\w*|lb_log|lb_fatal|lb_outbox_log|_Static_assert|strcmp|put|put_time|put_hex)\s*\(/;
my ($reasons, $missing) = (0, 0);

# What is wrong with a damaged store is no refusal: test_store_damage and its like provoke that.
for my $file (grep { !m{/store_} } @files) {
	my $text = slurp($file);
	my $line = 1;
	# A statement, or a line of a table or of the preprocessor.
	while ($text =~ /\G((?:$string|'(?:[^'\\]|\\.)'|[^;{}"'])*)(?:[;{}]|\z)/gc) {
		my $statement = $1;
		my $at = $line;
		$line += ($statement =~ tr/\n//);
		last if pos($text) >= length $text;
		my @parts = ($statement);
		@parts = split /(?<=,)(?=\s*\[LB_)/, $statement if $statement =~ /\[LB_STATE/;
		for my $part (@parts) {
			next unless $part =~ $refuses;
			next if $part =~ $other && $part !~ /refuse\s*\(|say_no/;
			next if $part =~ /^\s*\[LB_STATE/ && $file !~ m{/grant\.c$};
			# Under which name a budget speaks of what it held back.
			$part =~ s/\blb_log_may\([^()]*\)/' ' x length $&/ge;
			while ($part =~ /((?:$string\s*(?:PRI\w+\s*)?)+)/g) {
				my $literal = join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;
				my $here = $at + (substr($part, 0, $-[1]) =~ tr/\n//);
				(my $words = $literal) =~ s/%[-.0-9]*(?:ll|z)?[a-z]//g;
				next unless $words =~ /[a-z].*\s.*[a-z]{2}/ && $words =~ /[a-z]{3}/;
				next if $left_out{$literal};
				$literal =~ s/\\(["\\])/$1/g;
				my $pattern = join '.*?',
					map { quotemeta }
					split /%[-.0-9*]*(?:ll|z)?[a-z]/, $literal =~ s/%%/\0/gr, -1;
				$pattern =~ s/\\\0/%/g;
				$reasons++;
				next if $all =~ /$pattern/;
				$missing++;
				print "$file:$here: no test provokes: $literal\n";
			}
		}
	}
}

my $codes = slurp($header);
$codes =~ /enum lb_refusal \{(.*?)\}/s or die "$header: no enum lb_refusal\n";
my $list = $1;
while ($list =~ /(LB_\w+)\s*=\s*(\d+)/g) {
	next if $codes{$2};
	$missing++;
	print "$header: no test provokes $1\n";
}
print "$reasons reasons, ", scalar(keys %said), " different refusals, $missing not provoked\n";
die "the reasons are not found in the source any more\n" if $reasons < 120;
exit($missing ? 1 : 0);
