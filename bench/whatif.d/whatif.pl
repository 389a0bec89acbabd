#!/usr/bin/perl
# whatif.pl: the part of bench/whatif that asks and times; see there.
use strict;
use warnings;

use FindBin;
use Getopt::Long;
use Time::HiRes qw(time);
use lib $FindBin::Bin, "$FindBin::Bin/../advice.d";

use Db2Advis;
use Ours;
use Scaling;
use Session;
use Workload;

my $CANDIDATES = 140;
my $CHOSEN = 12;
my $WHATIF_SECONDS = 5;	# for whatif() in a round, which sizes its indexes each time
my @COUNTS = (0, 10, 30);	# hypothetical indexes at a time

STDOUT->autoflush(1);
my %option = (rounds => 7, times => 8);
GetOptions(\%option, 'rounds=i', 'times=i', 'part=s', 'counters=s', 'tables=i', 'statements=i', 'limit=i', 'pgbench=s', 'workdir=s')
	or exit 2;
my @psql = @ARGV;
my $session = Session->new(@psql);
my %parts = (plans => \&compare_plans, greedy => \&compare_greedy, scaling => \&measure_scaling);
$parts{ $option{part} }->();

# The 25 analytic statements, and the candidates of one and two columns that
# most of them name, on tables that are worth an index.
sub prepare
{
	$session->lines('SET search_path = wholesale, public');
	my $workload = Workload->load($session, "$FindBin::Bin/../advice.d/wholesale_queries.sql", "$FindBin::Bin/more_queries.sql");
	my %large = map { $_->[0] => 1 } @{ $session->rows(q(SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'wholesale'::regnamespace AND relpages > 200)) };
	my %count;
	for my $statement ($workload->statements)
	{
		my @columns = grep { $large{ $_->[0] =~ s/^wholesale\.//r } } @{ $statement->{clauses} };
		$count{ $_->{definition} }++ for Db2Advis::permutations($workload, 2, @columns);
	}
	my @ranked = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[ 0 .. $CANDIDATES - 1 ];
	$session->lines('TRUNCATE bench.candidate; INSERT INTO bench.candidate VALUES '
		. join(', ', map { "($_, " . Session::literal('CREATE INDEX ON ' . substr($ranked[ $_ - 1 ], 3)) . ')' } 1 .. @ranked));
	return $workload;
}

# Microseconds for a plan: HypoPG and EXPLAIN over a connection and in a loop in
# the server, and whatif(), in turn.
sub compare_plans
{
	my $workload = prepare();
	my %times;

	write_pgbench_script($workload, $_) for @COUNTS;
	for my $round (0 .. $option{rounds})
	{
		for my $count (@COUNTS)
		{
			my %now = ('HypoPG and EXPLAIN over a connection' => pgbench_us($count),
				'HypoPG and EXPLAIN in the server' => explain_us($count),
				'whatif() in the server' => $session->value("SELECT bench.time_whatif($option{times}, $count, $WHATIF_SECONDS)"));
			# The first round is to warm up.
			push @{ $times{$_}[$count] }, $now{$_} for $round ? keys %now : ();
		}
		print STDERR "    round $round of $option{rounds}\n";
	}
	print "### Microseconds for a plan, mean of 25 statements, median of $option{rounds} rounds\n\n";
	print '| hypothetical indexes | ', join(' | ', @COUNTS), " |\n|---|--:|--:|--:|\n";
	for my $what (sort keys %times)
	{
		print "| $what | ", join(' | ', map { sprintf '%.0f', median(@{ $times{$what}[$_] }) } @COUNTS), " |\n";
	}
	print "\nwhatif() plans each statement twice, prints both plans and finds the sizes of the indexes by a sample each\ntime; the figure is half of a call.\n\n";
}

# Microseconds for a plan in a loop in the server.
sub explain_us
{
	my ($count) = @_;

	$session->lines("SELECT hypopg_reset(); SELECT hypopg_create_index(ddl) FROM bench.candidate WHERE id <= $count");
	my $us = $session->value("SELECT bench.time_explain($option{times})");
	$session->lines('SELECT hypopg_reset()');
	return $us;
}

# A script for pgbench that makes its hypothetical indexes the first time only.
sub write_pgbench_script
{
	my ($workload, $count) = @_;

	open my $handle, '>', "$option{workdir}/$count.pgbench" or die "$option{workdir}: $!\n";
	print $handle "\\if :made = 0\nSET search_path = wholesale, public;\n",
		"SELECT count(*) FROM bench.candidate, hypopg_create_index(ddl) WHERE id <= $count;\n\\set made 1\n\\endif\n";
	print $handle 'EXPLAIN (FORMAT JSON) ' . $_->{query} =~ s/\n/ /gr . ";\n" for $workload->statements;
	close $handle or die "$option{workdir}: $!\n";
}

# Microseconds for a plan as pgbench sees it.
sub pgbench_us
{
	my ($count) = @_;
	my @connection = @psql[ 1 .. $#psql ];
	my ($database) = splice @connection, -1;

	pop @connection;	# -d
	my @command = ($option{pgbench}, @connection, '-n', '-r', '-D', 'made=0', '-t', $option{times}, '-f', "$option{workdir}/$count.pgbench", $database);
	open my $handle, '-|', @command or die "$option{pgbench}: $!\n";
	my ($sum, $statements) = (0, 0);
	while (<$handle>)
	{
		next unless /^\s+([\d.]+)\s+\d+\s+EXPLAIN/;
		$sum += $1;
		$statements++;
	}
	close $handle or die "pgbench failed\n";
	return $sum * 1000 / $statements;
}

# A greedy choice of 12 among 140: naively with HypoPG, and as dbadvisor counts
# its own.
sub compare_greedy
{
	my $workload = prepare();
	my ($chosen, $cost, $plans, $seconds) = @{ $session->rows("SELECT array_to_string(chosen, ','), cost, plans, seconds FROM bench.naive_greedy($CHOSEN)")->[0] };

	printf "### Greedy choice of %d among %d candidates, 25 statements\n\n| | evaluations | seconds | a second | cost |\n|---|--:|--:|--:|--:|\n", $CHOSEN, $CANDIDATES;
	printf "| HypoPG and EXPLAIN in the server, naive | %d | %.1f | %.0f | %.0f |\n", $plans, $seconds, $plans / $seconds, $cost;
	print our_greedy($plans, $seconds), "\n";
	print "Chosen by the naive one:\n\n", map({ "    $_->[0]\n" } @{ $session->rows("SELECT ddl FROM bench.candidate WHERE id IN ($chosen) ORDER BY array_position(ARRAY[$chosen], id)") }), "\n";
}

# dbadvisor's line of that table: --counters is a query that makes the same
# choice and returns logical evaluations, seconds and the cost.
sub our_greedy
{
	my ($plans, $seconds) = @_;

	return "\nThis build has no way to ask dbadvisor for this choice (see --counters).\n" unless $option{counters};
	my ($evaluations, $ours, $cost) = @{ $session->rows($option{counters})->[0] };
	return sprintf "| dbadvisor | %d | %.2f | %.0f (%.0f times) | %.0f |\n", $evaluations, $ours,
		$evaluations / $ours, $evaluations / $ours / ($plans / $seconds), $cost;
}

# index_advice() for a large workload: time and memory.
sub measure_scaling
{
	my $statements = Scaling::statements($option{statements}, $option{tables});
	my $workload = Workload->of($session, $statements);
	my $label = sprintf '%d statements on %d tables', $option{statements}, $option{tables};

	die "a statement names no column\n" if grep { !@{ $_->{columns} } } $workload->statements;
	if (!Ours::is_there($session))
	{
		print "| $label | this build has no index_advice() | | |\n";
		return;
	}
	my $pid = $session->value('SELECT pg_backend_pid()');
	my ($sampler, $peak) = sample_memory($pid);
	my $choice = Ours::choose($workload, '1000000000000', 3, $option{limit});
	kill TERM => $sampler;
	waitpid $sampler, 0;
	printf "| %s | %.1f s | %.0f MB | %d |\n", $label, $choice->{seconds}, $peak->() / 1024, scalar @{ $choice->{indexes} };
}

# Starts a process that watches a backend's private memory; returns it and a
# function that tells the peak so far in kB.
sub sample_memory
{
	my ($pid) = @_;
	my $file = "$option{workdir}/memory";

	open my $empty, '>', $file or die "$file: $!\n";
	close $empty;
	my $child = fork // die "fork: $!\n";
	if (!$child)
	{
		my $peak = 0;
		while (open my $status, '<', "/proc/$pid/status")
		{
			my ($kb) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$status>;
			if (($kb // 0) > $peak)
			{
				$peak = $kb;
				open my $handle, '>', $file or last;
				print $handle $peak;
				close $handle;
			}
			select undef, undef, undef, 0.05;
		}
		require POSIX;
		POSIX::_exit(0);
	}
	return ($child, sub { open my $handle, '<', $file or return 0; return <$handle> // 0; });
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return ($sorted[ int($#sorted / 2) ] + $sorted[ int(@sorted / 2) ]) / 2;
}
