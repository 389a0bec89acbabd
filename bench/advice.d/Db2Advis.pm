# Db2Advis.pm: the algorithm of G. Valentin and others, "DB2 Advisor: An
# Optimizer Smart Enough to Recommend Its Own Indexes" (ICDE 2000), restated.
#
# Each statement is planned once with all its candidates; what the plan uses
# shares the statement's gain.  By gain for each byte, as many as the budget
# holds; then random exchanges for ten seconds.
package Db2Advis;

use strict;
use warnings;

my $VARIATION_SECONDS = 10;
my $MOST_EXCHANGED = 4;		# indexes in one variation

# Returns the chosen indexes: choose(COSTS, WORKLOAD, BUDGET in bytes, WIDTH).
sub choose
{
	my ($costs, $workload, $budget, $width) = @_;
	my @ranked = without_subsumed($costs, used_indexes($costs, $workload, $width));
	my ($used, @chosen, @rest) = (0);

	for my $entry (@ranked)
	{
		my $size = $costs->size($entry->{index});
		if ($used + $size <= $budget)
		{
			$used += $size;
			push @chosen, $entry->{index};
		}
		else
		{
			push @rest, $entry->{index};
		}
	}
	return vary($costs, $budget, \@chosen, \@rest);
}

# { index, gain } of each index that a statement's plan uses.
sub used_indexes
{
	my ($costs, $workload, $width) = @_;
	my %gain;

	for my $statement ($workload->statements)
	{
		my @candidates = permutations($workload, $width, @{ $statement->{columns} });
		my $without = $costs->total([], $statement);
		my $with = $costs->answers(\@candidates, $statement)->{ $statement->{id} };
		for my $index (@{ $with->{used} })
		{
			my $entry = $gain{ $index->{definition} } //= { index => $index, gain => 0 };
			$entry->{gain} += $without - $with->{cost} * $statement->{weight};
		}
	}
	return values %gain;
}

# All indexes of one to so many of the columns [TABLE, COLUMN], in any order.
sub permutations
{
	my ($workload, $width, @columns) = @_;
	my @last = map { [$_->[0], $_->[1]] } @columns;
	my @all = @last;

	for (2 .. $width)
	{
		@last = map {
			my $prefix = $_;
			map { [ @$prefix, $_->[1] ] } grep {
				my $column = $_;
				$column->[0] eq $prefix->[0] && !grep { $_ eq $column->[1] } @$prefix[ 1 .. $#$prefix ]
			} @columns
		} @last;
		push @all, @last;
	}
	return grep { defined } map { $workload->index_on(@$_) } @all;
}

# Best gain for each byte first; an index that begins an index with a better
# ratio gives its gain to that one.
sub without_subsumed
{
	my ($costs, @entries) = @_;
	my $order = sub {
		my ($x, $y) = @_;
		return $y->{gain} / $costs->size($y->{index}) <=> $x->{gain} / $costs->size($x->{index})
			|| $x->{index}{definition} cmp $y->{index}{definition};
	};
	my @kept;

	for my $entry (sort { $order->($a, $b) } grep { $_->{gain} > 0 } @entries)
	{
		my ($wider) = grep { begins($entry->{index}, $_->{index}) } @kept;
		if ($wider)
		{
			$wider->{gain} += $entry->{gain};
		}
		else
		{
			push @kept, $entry;
		}
	}
	return sort { $order->($a, $b) } @kept;
}

# Whether the columns of the first index begin those of the second.
sub begins
{
	my ($short, $long) = @_;

	return $short->{table} eq $long->{table}
		&& index(join(',', @{ $long->{columns} }, ''), join(',', @{ $short->{columns} }, '')) == 0;
}

# Exchanges chosen indexes for others at random and keeps what costs less.
sub vary
{
	my ($costs, $budget, $first, $rest) = @_;
	my %chosen = map { $_->{definition} => $_ } @$first;
	my %all = map { $_->{definition} => $_ } @$first, @$rest;
	my $until = $costs->seconds + $VARIATION_SECONDS;
	my $cost = $costs->total($first);

	srand 1;
	while (@$rest && %chosen && $costs->seconds < $until && !$costs->time_is_up)
	{
		my @in = sort keys %chosen;
		my @out = grep { !$chosen{$_} } sort keys %all;
		my $most = (sort { $a <=> $b } $MOST_EXCHANGED, scalar @in, scalar @out)[0];
		my %trial = %chosen;
		for (1 .. 1 + int rand $most)
		{
			delete $trial{ splice @in, int rand @in, 1 };
			my $new = splice @out, int rand @out, 1;
			$trial{$new} = $all{$new} if $costs->size_of_all(values %trial, $all{$new}) <= $budget;
		}
		my $with = $costs->total([ values %trial ]);
		if ($with < $cost)
		{
			$cost = $with;
			%chosen = %trial;
		}
	}
	return values %chosen;
}

1;
