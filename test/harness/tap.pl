#!/usr/bin/perl
#
# tap.pl: runs TAP tests, prints what failed in full and what was skipped, and
# appends "passed failed skipped" to a file.
#
#   tap.pl --counts FILE [--jobs N] [--verbose] [--logs FOLDER]
#          [--command WORD]... TEST...
#
# Each TEST is run as COMMAND TEST (by default as a program of its own) with
# its path relative to here. With --logs the end of the logs that a failed test
# left in the folder, named after the test, is printed too. Exits with 1 when
# anything failed.
#
# prove does not say how many single tests passed in a form that can be added
# up over parts and versions; this is its harness with another report.

use strict;
use warnings;

use File::Basename qw(basename);
use Getopt::Long;
use TAP::Harness;
use Time::HiRes qw(time);

my ($jobs, $verbose, $counts_file, $logs, @command) = (1, 0);
GetOptions(
	'jobs=i'    => \$jobs,
	'verbose'   => \$verbose,
	'counts=s'  => \$counts_file,
	'logs=s'    => \$logs,
	'command=s' => \@command) && defined $counts_file
  or die "usage: tap.pl --counts FILE [--jobs N] [--verbose] [--logs FOLDER] [--command WORD]... TEST...\n";

my (%output, %started);
my $harness = TAP::Harness->new(
	{
		verbosity => -3,
		jobs      => $jobs,
		merge     => 1,
		exec      => sub { [ @command, $_[1] ] },
	});
$harness->callback(
	made_parser => sub {
		my ($parser, $job) = @_;
		my $name = $job->[1];
		$started{$name} = time;
		$parser->callback(ALL => sub { push @{ $output{$name} }, $_[0]->raw });
	});
$harness->callback(
	after_test => sub {
		my ($job, $parser) = @_;
		report($job->[1], $parser);
	});

my %total = (passed => 0, failed => 0, skipped => 0);
$harness->runtests(map { [ $_, $_ ] } @ARGV);

open my $out, '>>', $counts_file or die "could not open $counts_file: $!\n";
print $out "$total{passed} $total{failed} $total{skipped}\n";
close $out or die "could not write $counts_file: $!\n";
exit($total{failed} > 0);

# Adds up one finished test and prints what a reader must know of it.
sub report
{
	my ($name, $parser) = @_;
	my $skipped = $parser->skip_all ? 1 : scalar $parser->skipped;
	my $failed = scalar $parser->failed;

	# A test that died, or ran another number of points than it planned, has
	# failed even if every point was fine.
	$failed = 1 if $failed == 0 && $parser->has_problems;
	$total{failed}  += $failed;
	$total{skipped} += $skipped;
	$total{passed}  += $parser->passed - $parser->skipped;

	printf "%s %s (%d points, %.2f s)\n", $failed ? 'FAILED' : 'ok', $name,
	  scalar $parser->passed + scalar $parser->failed, time - $started{$name}
	  if $verbose || $failed;
	if ($failed)
	{
		print "    $_\n" for @{ $output{$name} };
		printf "    exit status %d, signal %d; %s\n", $parser->exit, $parser->wait & 127,
		  join('; ', $parser->parse_errors) || 'no syntax errors';
		print_logs($name) if defined $logs;
	}
	elsif ($verbose)
	{
		print "    $_\n" for @{ $output{$name} };
	}
	else
	{
		print_skips($name);
	}
	return;
}

# Prints why points of a test were skipped, each reason once.
sub print_skips
{
	my ($name) = @_;
	my (%times, @reasons);

	for my $reason (map { /^(?:ok\b|1\.\.0).*#\s*skip\S*\s*(.*)/i ? $1 : () } @{ $output{$name} })
	{
		push @reasons, $reason unless $times{$reason}++;
	}
	printf "skipped in %s: %s%s\n", $name, $_, $times{$_} > 1 ? " ($times{$_} points)" : '' for @reasons;
	return;
}

# Prints the last lines of what the servers of a test wrote.
sub print_logs
{
	my ($name) = @_;
	my $test = basename($name, '.pl');

	for my $file (glob "$logs/${test}_*.log")
	{
		open my $in, '<', $file or next;
		my @lines = <$in>;
		close $in;
		print "--- the end of ", basename($file), "\n";
		print @lines > 30 ? @lines[ -30 .. -1 ] : @lines;
	}
	return;
}
