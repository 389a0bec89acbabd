# AutoAdmin.pm: the algorithm of S. Chaudhuri, V. Narasayya, "An Efficient,
# Cost-Driven Index Selection Tool for Microsoft SQL Server" (VLDB 1997),
# restated, with a budget in bytes in place of a number of indexes.
#
# The best set of each statement alone gives the candidates of the workload;
# from them Greedy(2, k): the best set of at most two by trying all, then one by
# one while the cost falls.  Then the chosen ones, each with one column more,
# are the candidates of the next round.
package AutoAdmin;

use strict;
use warnings;

# Returns the chosen indexes: choose(COSTS, WORKLOAD, BUDGET in bytes, WIDTH).
sub choose
{
	my ($costs, $workload, $budget, $width) = @_;
	my @columns = $workload->distinct_columns('clauses', $workload->statements);
	my @potential = grep { defined } map { $workload->index_on(@$_) } @columns;
	my @chosen;

	for my $round (1 .. $width)
	{
		my %candidates;
		for my $statement ($workload->statements)
		{
			my %named = map { ("@$_" => 1) } @{ $statement->{clauses} };
			my @own = grep { $named{"$_->{table} $_->{columns}[0]"} } @potential;
			$candidates{ $_->{definition} } = $_ for enumerate($costs, $budget, \@own, $statement);
		}
		my @candidates = map { $candidates{$_} } sort keys %candidates;
		my @found = enumerate($costs, $budget, \@candidates);
		last if @chosen && $costs->total(\@found) > $costs->total(\@chosen);
		@chosen = @found;
		last if $costs->time_is_up;
		@potential = (@chosen, grep { defined } map { widened($workload, $_, @columns) } @chosen);
	}
	return @chosen;
}

# The index with each further column of its table.
sub widened
{
	my ($workload, $index, @columns) = @_;

	return map {
		my $column = $_->[1];
		$_->[0] ne $index->{table} || (grep { $_ eq $column } @{ $index->{columns} })
			? ()
			: $workload->index_on($index->{table}, @{ $index->{columns} }, $column);
	} @columns;
}

# Greedy(2, k) for the statements given, or for the workload.
sub enumerate
{
	my ($costs, $budget, $candidates, @statements) = @_;
	my @best;
	my $cost = $costs->total([], @statements);

	my $try = sub {
		my $with = $costs->total(\@_, @statements);
		return if $with >= $cost - 0.005;
		($cost, @best) = ($with, @_);
	};
	my @fitting = grep { $costs->size($_) <= $budget } @$candidates;
	for my $i (0 .. $#fitting)
	{
		$try->($fitting[$i]);
		last if $costs->time_is_up;
	}
	for my $i (0 .. $#fitting)
	{
		for my $j ($i + 1 .. $#fitting)
		{
			last if $costs->time_is_up;
			next if $costs->size_of_all(@fitting[ $i, $j ]) > $budget;
			$try->(@fitting[ $i, $j ]);
		}
	}
	while (@best && !$costs->time_is_up)
	{
		my @before = @best;
		my $used = $costs->size_of_all(@before);
		for my $index (@fitting)
		{
			last if $costs->time_is_up;
			next if (grep { $_ == $index } @before) || $used + $costs->size($index) > $budget;
			$try->(@before, $index);
		}
		last if @best == @before;
	}
	return @best;
}

1;
