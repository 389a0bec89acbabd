#!/usr/bin/perl
# advice.pl: the part of bench/advice that asks advisors and judges what they
# propose; see there.  The workload's database is filled already.
use strict;
use warnings;

use FindBin;
use Getopt::Long;
use lib $FindBin::Bin;

use Advisors;
use Real;
use Session;
use Workload;

STDOUT->autoflush(1);
my %option = (budgets => '5,10,25,50,100', advisors => join(',', @Advisors::NAMES), rounds => 5, measure => 1);
GetOptions(\%option, 'workload=s', 'scale=s', 'budgets=s', 'advisors=s', 'rounds=i', 'measure!', 'limit=i', 'timeout=i', 'choices=s', 'details!', 'real-sizes!')
	or exit 2;

my $session = Session->new(@ARGV);
$session->lines("SET search_path = $option{workload}, public");
my $workload = Workload->load($session, "$FindBin::Bin/$option{workload}_queries.sql");
my $advisors = Advisors->new($workload, @option{qw(workload scale limit choices real-sizes)});
my $heap = $session->value("SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = '$option{workload}'::regnamespace");
my @sets = ({ advisor => 'none', definitions => [] });
ask_advisors();
my $real = Real->new($workload, $option{timeout});
build_and_plan();
measure() if $option{measure};
print_tables();

# Fills the list of sets: one for each advisor and budget.
sub ask_advisors
{
	for my $name (split /,/, $option{advisors})
	{
		if (!$advisors->knows($name))
		{
			progress("$name cannot be asked here");
			next;
		}
		for my $share (split /,/, $option{budgets})
		{
			my $budget = int($heap * $share / 100);
			my $choice = $advisors->choice($name, $budget);
			my @definitions = sort map { $_->{definition} } @{ $choice->{indexes} };
			push @sets, { %$choice, advisor => $name, share => $share, budget => $budget, definitions => \@definitions };
			progress(sprintf '%s, %s %%: %d indexes after %.1f s', $name, $share, scalar @definitions, $choice->{seconds});
		}
	}
}

# Builds all sets' indexes; finds the real sizes and plans of each set.
sub build_and_plan
{
	my %all = map { $_ => 1 } map { @{ $_->{definitions} } } @sets;

	progress('building ' . keys(%all) . ' indexes');
	$real->build(sort keys %all);
	for my $set (@sets)
	{
		$set->{real_bytes} = $real->bytes(@{ $set->{definitions} });
		$set->{plans} = $real->plans(@{ $set->{definitions} });
		$set->{cost} = 0;
		$set->{cost} += $_->{weight} * $set->{plans}{ $_->{id} }{cost} for $workload->statements;
	}
}

# Runs each statement with each of its plans.
sub measure
{
	for my $statement ($workload->statements)
	{
		my %cases = map { $_->{case} => $_ } map { $_->{plans}{ $statement->{id} } } reverse @sets;
		my $none = $sets[0]{plans}{ $statement->{id} }{case};
		my @cases = map { $cases{$_} } $none, grep { $_ ne $none } sort keys %cases;
		my $ms = $real->measure($statement, $option{rounds}, @cases);
		progress(sprintf '%s: %d plans, %s ms', $statement->{name}, scalar @cases, join ', ', map { sprintf '%.4g', $ms->{ $_->{case} } } @cases);
		for my $set (@sets)
		{
			$set->{ms}{ $statement->{id} } = $ms->{ $set->{plans}{ $statement->{id} }{case} };
		}
	}
}

# Prints a table for each budget, in Markdown.
sub print_tables
{
	printf "### %s, scale %s: %d statements, heap %.0f MB\n\n", $option{workload}, $option{scale}, scalar $workload->statements, $heap / 1e6;
	for my $share (split /,/, $option{budgets})
	{
		printf "Budget %s %% of the heap, %.1f MB:\n\n", $share, $heap * $share / 100 / 1e6;
		print '| advisor | chosen in | plans | indexes | estimated | built | estimated cost |',
			$option{measure} ? " run time | geometric mean | worst that reads | worst that writes |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|:--|:--|\n" : "\n|---|--:|--:|--:|--:|--:|--:|\n";
		print row($_) for grep { $_->{advisor} ne 'none' && $_->{share} == $share } @sets;
		print "\n";
	}
	print_details() if $option{details};
}

# A set's line of the table.
sub row
{
	my ($set) = @_;
	my $line = sprintf '| %s | %.1f s%s | %s | %d | %.1f MB | %.1f MB%s | %.1f %% |', $set->{advisor}, $set->{seconds},
		$set->{cut} ? ', cut' : '', $set->{plans_asked} // '', scalar @{ $set->{definitions} }, $set->{bytes} / 1e6,
		$set->{real_bytes} / 1e6, $set->{real_bytes} > $set->{budget} ? ' (over)' : '', 100 * $set->{cost} / $sets[0]{cost};

	return "$line\n" unless $option{measure};
	my ($sum, $none, $logarithms, %worst) = (0, 0, 0);
	for my $statement ($workload->statements)
	{
		my ($ms, $before) = map { $_->{ms}{ $statement->{id} } } $set, $sets[0];
		$sum += $ms * $statement->{weight};
		$none += $before * $statement->{weight};
		$logarithms += log($ms / $before);
		my $kind = $statement->{query} =~ /^(?:SELECT|WITH)/ ? 'reads' : 'writes';
		$worst{$kind} = [ $ms / $before, $statement->{name} ] if !$worst{$kind} || $ms / $before > $worst{$kind}[0];
	}
	return sprintf "%s %.1f %% | %.1f %% | %s | %s |\n", $line, 100 * $sum / $none, 100 * exp($logarithms / $workload->statements),
		map { $worst{$_} ? sprintf '%.2f %s', @{ $worst{$_} } : '' } 'reads', 'writes';
}

# Prints the indexes of each set.
sub print_details
{
	for my $set (grep { $_->{advisor} ne 'none' } @sets)
	{
		print "$set->{advisor}, $set->{share} %:\n", map { "    $_\n" } @{ $set->{definitions} };
	}
}

sub progress
{
	print STDERR "    @_\n";
}
