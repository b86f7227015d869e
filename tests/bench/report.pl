# The bench's one reader of measurements: tables, targets, plots.  table.sh says what a line is.
#
#   report.pl collect PART FILE     appends the lines of a part (standard input) to FILE and passes
#                                   on what is for people
#   report.pl tables PART FILE      prints the part's tables and targets; status 1: a target missed
#   report.pl plots FILE DIR        writes every plot that a part asked for, DIR/NAME.svg
#   report.pl median FILE CASE WHO N
use strict;
use warnings;
use utf8;
binmode(STDOUT, ":utf8");
$| = 1;

my (%values, %unit, %whos, %ns, @tables, @plots, @targets, %part_of);

# --- reading -----------------------------------------------------------------------------------

sub collect {
	my ($part, $file) = @_;
	open(my $out, ">>:utf8", $file) or die "$file: $!\n";
	binmode(STDIN, ":utf8");
	while (my $line = <STDIN>) {
		if ($line =~ s/^@\t//) {
			print $out "$part\t$line";
		} else {
			print $line;
		}
	}
	close($out) or die "$file: $!\n";
}

sub number { return defined $_[0] && $_[0] =~ /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/ }

sub load {
	my ($file) = @_;
	open(my $in, "<:utf8", $file) or die "$file: $!\n";
	while (my $line = <$in>) {
		chomp $line;
		my ($part, $word, @f) = split(/\t/, $line, -1);
		if ($word eq "measured" && @f == 5 && number($f[4])) {
			my ($case, $who, $n, $unit, $value) = @f;
			push @{ $whos{$case} }, $who unless grep { $_ eq $who } @{ $whos{$case} };
			push @{ $ns{$case} }, $n unless grep { $_ eq $n } @{ $ns{$case} };
			push @{ $values{$case}{$who}{$n} }, $value;
			$unit{$case} = $unit;
		} elsif ($word eq "table") {
			push @tables, [$part, @f];
		} elsif ($word eq "plot") {
			push @plots, [$part, @f];
		} elsif ($word eq "target") {
			push @targets, [$part, @f];
		} else {
			warn "bench: part $part: not a line of table.sh: $line\n";
		}
	}
}

sub quantile {
	my ($q, @v) = @_;
	my $p = (@v - 1) * $q;
	my $i = int($p);
	return $i == $#v ? $v[$i] : $v[$i] + ($p - $i) * ($v[$i + 1] - $v[$i]);
}

# (median, half the distance between the quartiles), or () when nothing was measured.
sub stats {
	my ($case, $who, $n) = @_;
	my $list = $values{$case}{$who}{$n} or return ();
	my @v = sort { $a <=> $b } @$list;
	return (quantile(0.5, @v), (quantile(0.75, @v) - quantile(0.25, @v)) / 2);
}

# --- tables ------------------------------------------------------------------------------------

my @scales = (
	["ns", 1e9, "s"], ["ns", 1e6, "ms"], ["ns", 1e3, "µs"], ["ns", 1, "ns"],
	["bytes", 1 << 30, "GiB"], ["bytes", 1 << 20, "MiB"], ["bytes", 1 << 10, "KiB"], ["bytes", 1, "B"],
	["per_s", 1e6, "M/s"], ["per_s", 1e3, "k/s"], ["per_s", 0, "/s"],
);

sub shown {
	my ($value, $unit) = @_;
	for my $s (@scales) {
		next if $s->[0] ne $unit || (abs($value) < $s->[1] && $s->[1] > 1);
		my $v = $s->[1] ? $value / $s->[1] : $value;
		return sprintf("%.*f %s", $v >= 100 ? 0 : $v >= 10 ? 1 : 2, $v, $s->[2]);
	}
	return sprintf("%.4g%s", $value, $unit eq "count" ? "" : " $unit");
}

sub thousands {
	my ($n) = @_;
	1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;
	return $n;
}

sub ratio {
	my ($a, $b) = @_;
	return "" unless defined $a && $b;
	my $r = $a / $b;
	return sprintf("%.0fk×", $r / 1000) if $r >= 10000;
	return sprintf("%.*f×", $r >= 100 ? 0 : $r >= 10 ? 1 : 2, $r);
}

sub cell {
	my ($case, $who, $n, $base) = @_;
	my ($median, $spread) = stats($case, $who, $n);
	return ("-", "", "") unless defined $median;
	my ($against) = $base ne "" ? stats($case, $base, $n) : ();
	my $percent = $median ? sprintf("±%.0f%%", 100 * $spread / abs($median)) : "";
	return (shown($median, $unit{$case}), $percent, ratio($median, $against));
}

# At most three sizes stand beside each other; more of them below each other.
sub table {
	my ($case, $title, $base, $what) = @_;
	return unless $values{$case};
	my @n = sort { $a <=> $b } @{ $ns{$case} };
	my @who = ((grep { $_ eq $base } @{ $whos{$case} }), (grep { $_ ne $base } @{ $whos{$case} }));
	print "$title\n";
	if (@n <= 3) {
		my $wide = 79 - 20 * @n;
		if (@n > 1 || $n[0] != 0) {
			my $line = sprintf("%-*s", $wide, $what);
			$line .= sprintf("%9s%11s", thousands($_), "") for @n;
			print $line =~ s/\s+$//r, "\n";
		}
		print "-" x 78, "\n";
		for my $who (@who) {
			my $line = sprintf("%-*.*s", $wide, $wide - 1, $who);
			$line .= sprintf("%9s%5s%6s", cell($case, $who, $_, $base)) for @n;
			$line =~ s/\s+$//;
			print "$line\n";
		}
	} else {
		printf "%-36s %12s %12s %6s %8s\n", "", $what, "median", "spread", "ratio";
		print "-" x 78, "\n";
		for my $who (@who) {
			for my $n (grep { $values{$case}{$who}{$_} } @n) {
				printf "%-36.36s %12s %12s %6s %8s\n", $who, thousands($n),
					cell($case, $who, $n, $base);
			}
		}
	}
	print "ratio: as many times ${base}'s\n" if $base ne "";
	print "\n";
}

# --- targets -----------------------------------------------------------------------------------

my $missing;

# In a target: the median of what was measured.
sub m_ {
	my ($median) = stats(@_);
	$missing = join(" ", @_) unless defined $median;
	return defined $median ? $median : "nan";
}

# Lines of at most so many characters, broken between words.
sub wrapped {
	my ($text, $wide) = @_;
	my @lines = ("");
	for my $word (split(/ /, $text)) {
		push @lines, "" if $lines[-1] ne "" && length("$lines[-1] $word") > $wide;
		$lines[-1] .= ($lines[-1] eq "" ? "" : " ") . $word;
	}
	return @lines;
}

sub targets {
	my ($part) = @_;
	my $missed = 0;
	for my $t (grep { $_->[0] eq $part } @targets) {
		my (undef, $text, $expression) = @$t;
		(my $code = $expression) =~ s/\bm\(/m_(/g;
		$missing = undef;
		my $held = eval $code;
		die "bench: target \"$text\": $@" if $@;
		my $verdict = defined $missing ? "no data" : $held ? "met" : "MISSED";
		my @lines = wrapped($text . (defined $missing ? " ($missing)" : ""), 70);
		printf "%-8s%s\n", $verdict, shift @lines;
		printf "%-8s%s\n", "", $_ for @lines;
		$missed = 1 if $verdict ne "met";
	}
	return $missed;
}

# --- plots: plain SVG ---------------------------------------------------------------------------

my @colours = map { "#$_" }
	qw(0072b2 d55e00 009e73 cc79a7 8c6d00 56b4e9 7f3c8d 555555 e41a1c 4daf4a 1b1b8a b8860b 00a3a3 a65628);
my %colour;

sub xml {
	my ($t) = @_;
	$t =~ s/&/&amp;/g;
	$t =~ s/</&lt;/g;
	$t =~ s/>/&gt;/g;
	return $t;
}

sub text {
	my ($x, $y, $t, $style) = @_;
	return sprintf(qq(<text x="%.1f" y="%.1f" %s>%s</text>\n), $x, $y, $style // "", xml($t));
}

sub log10 { return log($_[0]) / log(10) }

# The decades that hold all values of a panel.
sub decades {
	my @v = grep { $_ > 0 } @_;
	@v = (1, 10) unless @v;
	my ($low, $high) = (sort { $a <=> $b } @v)[0, -1];
	my $first = int(log10($low) + 1000 + 1e-9) - 1000;
	my $last = -int(-log10($high) + 1000 + 1e-9) + 1000;
	$last = $first + 1 if $last <= $first;
	return ($first, $last);
}

sub medians_of {
	my ($case) = @_;
	return map { my $w = $_; map { (stats($case, $w, $_))[0] } keys %{ $values{$case}{$w} } } @{ $whos{$case} };
}

# Labels at the ends of lines, pushed apart so that none covers another.
sub spread_labels {
	my ($gap, $bottom, @labels) = @_;
	@labels = sort { $a->{y} <=> $b->{y} } @labels;
	for my $i (1 .. $#labels) {
		my $least = $labels[$i - 1]{y} + $gap;
		$labels[$i]{y} = $least if $labels[$i]{y} < $least;
	}
	if (@labels && $labels[-1]{y} > $bottom) {
		$labels[-1]{y} = $bottom;
		for my $i (reverse 0 .. $#labels - 1) {
			my $most = $labels[$i + 1]{y} - $gap;
			$labels[$i]{y} = $most if $labels[$i]{y} > $most;
		}
	}
	return @labels;
}

# Lines over the sizes, both axes logarithmic.
sub panel_lines {
	my ($case, $title, $what, $x0, $y0, $w, $h) = @_;
	my @n = sort { $a <=> $b } grep { $_ > 0 } @{ $ns{$case} };
	my ($nfirst, $nlast) = (log10($n[0]), log10($n[-1]));
	my ($first, $last) = decades(medians_of($case));
	my ($left, $right, $top, $bottom) = ($x0 + 62, $x0 + $w - 128, $y0 + 34, $y0 + $h - 46);
	my $xof = sub { $left + 8 + ($right - $left - 16) * (log10($_[0]) - $nfirst) / ($nlast - $nfirst) };
	my $yof = sub { $bottom - ($bottom - $top) * (log10($_[0]) - $first) / ($last - $first) };
	my $out = text($x0 + 8, $y0 + 20, $title, 'font-weight="bold" font-size="14"');
	for my $d ($first .. $last) {
		my $y = $yof->(10**$d);
		$out .= sprintf(qq(<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>\n), $left, $y, $right, $y);
		$out .= text($left - 6, $y + 4, shown(10**$d, $unit{$case}) =~ s/\.0+ / /r, 'text-anchor="end"');
	}
	for my $n (@n) {
		my $x = $xof->($n);
		$out .= sprintf(qq(<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#eee"/>\n), $x, $top, $x, $bottom);
		$out .= text($x, $bottom + 17, thousands($n), 'text-anchor="middle"');
	}
	$out .= text(($left + $right) / 2, $bottom + 36, $what, 'text-anchor="middle" fill="#444"');
	$out .= sprintf(qq(<path d="M%.1f %.1f V%.1f H%.1f" fill="none" stroke="#888"/>\n), $left, $top, $bottom, $right);
	my @labels;
	for my $who (@{ $whos{$case} }) {
		my @points = map { [$xof->($_), $yof->((stats($case, $who, $_))[0])] }
			grep { $values{$case}{$who}{$_} && (stats($case, $who, $_))[0] > 0 } @n;
		next unless @points;
		my $thick = $who =~ /^lockbox/ ? 3 : 1.6;
		$out .= sprintf(qq(<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>\n),
			join(" ", map { sprintf("%.1f,%.1f", @$_) } @points), $colour{$who}, $thick);
		$out .= sprintf(qq(<circle cx="%.1f" cy="%.1f" r="3.2" fill="%s"/>\n), @$_, $colour{$who}) for @points;
		push @labels, { y => $points[-1][1] + 4, at => $points[-1], who => $who };
	}
	for my $l (spread_labels(14, $bottom + 6, @labels)) {
		$out .= sprintf(qq(<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="0.7"/>\n),
			$l->{at}[0] + 4, $l->{at}[1], $right + 8, $l->{y} - 4, $colour{ $l->{who} });
		$out .= text($right + 10, $l->{y}, $l->{who}, qq(fill="$colour{$l->{who}}"));
	}
	return $out;
}

# One size only: a bar each, on a logarithmic scale when they differ much.
sub panel_bars {
	my ($case, $title, $x0, $y0, $w, $h) = @_;
	my ($n) = @{ $ns{$case} };
	my @who = grep { $values{$case}{$_}{$n} } @{ $whos{$case} };
	my %median = map { $_ => (stats($case, $_, $n))[0] } @who;
	my ($low, $high) = (sort { $a <=> $b } values %median)[0, -1];
	my $logarithmic = $low > 0 && $high / $low > 20;
	my ($first, $last) = decades(values %median);
	$first-- if $logarithmic && $low == 10**$first;
	my ($left, $right, $top) = ($x0 + 190, $x0 + $w - 90, $y0 + 36);
	my $step = ($h - 60) / (@who || 1);
	$step = 26 if $step > 26;
	my $out = text($x0 + 8, $y0 + 20, $title . ($logarithmic ? " (logarithmic)" : ""),
		'font-weight="bold" font-size="14"');
	for my $i (0 .. $#who) {
		my ($v, $y) = ($median{ $who[$i] }, $top + $i * $step);
		my $share = $logarithmic ? (log10($v) - $first) / ($last - $first) : $high > 0 ? $v / $high : 0;
		$out .= text($left - 8, $y + $step / 2 + 4, $who[$i], 'text-anchor="end"');
		$out .= sprintf(qq(<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>\n),
			$left, $y + 3, ($right - $left) * $share, $step - 6, $colour{ $who[$i] });
		$out .= text($left + ($right - $left) * $share + 6, $y + $step / 2 + 4, shown($v, $unit{$case}));
	}
	return $out;
}

sub plot {
	my ($name, $title, $what, $dir, @cases) = @_;
	@cases = grep { $values{ (split(/=/, $_, 2))[0] } } @cases;
	return unless @cases;
	my $columns = @cases > 1 ? 2 : 1;
	my ($w, $h) = (470, 320);
	my ($wide, $high) = ($w * $columns + 16, $h * int((@cases + $columns - 1) / $columns) + 48);
	my $out = qq(<svg xmlns="http://www.w3.org/2000/svg" width="$wide" height="$high" )
		. qq(viewBox="0 0 $wide $high" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">\n)
		. qq(<rect width="100%" height="100%" fill="white"/>\n);
	$out .= text(16, 28, $title, 'font-weight="bold" font-size="17"');
	%colour = ();
	for my $i (0 .. $#cases) {
		my ($case, $label) = split(/=/, $cases[$i], 2);
		for my $who (@{ $whos{$case} }) {
			next if $colour{$who};
			my $next = keys(%colour) % @colours;
			$colour{$who} = $colours[$next];
		}
		my ($x, $y) = (8 + $w * ($i % $columns), 40 + $h * int($i / $columns));
		my $sizes = grep { $_ > 0 } @{ $ns{$case} };
		$out .= $sizes > 1 ? panel_lines($case, $label // $case, $what, $x, $y, $w, $h)
			: panel_bars($case, $label // $case, $x, $y, $w, $h);
	}
	open(my $svg, ">:utf8", "$dir/$name.svg") or die "$dir/$name.svg: $!\n";
	print $svg $out, "</svg>\n";
	close($svg) or die "$dir/$name.svg: $!\n";
	print "plot    $dir/$name.svg\n";
}

# -----------------------------------------------------------------------------------------------

my $verb = shift(@ARGV) // "";
if ($verb eq "collect" && @ARGV == 2) {
	collect(@ARGV);
} elsif ($verb eq "tables" && @ARGV == 2) {
	my ($part, $file) = @ARGV;
	load($file);
	table(@$_[1 .. 4]) for grep { $_->[0] eq $part } @tables;
	exit targets($part);
} elsif ($verb eq "plots" && @ARGV == 2) {
	load($ARGV[0]);
	plot(@$_[1 .. 3], $ARGV[1], @$_[4 .. $#$_]) for @plots;
} elsif ($verb eq "median" && @ARGV == 4) {
	load(shift @ARGV);
	my ($median) = stats(@ARGV);
	print "$median\n" if defined $median;
} else {
	die "usage: report.pl collect|tables|plots|median ...\n";
}
