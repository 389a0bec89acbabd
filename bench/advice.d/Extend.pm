# Extend.pm: the algorithm of R. Schlosser, J. Kossmann, M. Boissier, "Efficient
# Scalable Multi-attribute Index Selection Using Recursive Strategies" (ICDE
# 2019), restated.
#
# Again and again, the step with the best gain for each byte that it adds: a new
# index of one column, or a column appended to an index already chosen.  A step
# that gains less than 0.3 % is none.
package Extend;

use strict;
use warnings;

my $LEAST_GAIN = 1.003;

# Returns the chosen indexes: choose(COSTS, WORKLOAD, BUDGET in bytes, WIDTH).
sub choose
{
	my ($costs, $workload, $budget, $width) = @_;
	my @columns = $workload->distinct_columns('columns', $workload->statements);
	my @singles = grep { defined } map { $workload->index_on(@$_) } @columns;
	my @chosen;
	my $cost = $costs->total([]);

	while (1)
	{
		my %best = (ratio => 0);
		my $used = $costs->size_of_all(@chosen);
		@singles = grep { $used + $costs->size($_) <= $budget } @singles;
		for my $index (@singles)
		{
			next if grep { $_ == $index } @chosen;
			consider($costs, \%best, $cost, $budget, \@chosen, $index);
			return @chosen if $costs->time_is_up;
		}
		for my $old (grep { @{ $_->{columns} } < $width } @chosen)
		{
			my @others = grep { $_ != $old } @chosen;
			for my $column (grep { $_->[0] eq $old->{table} } @columns)
			{
				next if grep { $_ eq $column->[1] } @{ $old->{columns} };
				my $index = $workload->index_on($old->{table}, @{ $old->{columns} }, $column->[1]);
				next if !$index || grep { $_ == $index } @chosen;
				consider($costs, \%best, $cost, $budget, \@others, $index, $old);
				return @chosen if $costs->time_is_up;
			}
		}
		last unless $best{ratio} > 0;
		@chosen = @{ $best{indexes} };
		$cost = $best{cost};
	}
	return @chosen;
}

# Notes the others with the new index if that is the best step so far; the new
# one may stand for an old one.
sub consider
{
	my ($costs, $best, $cost, $budget, $others, $new, $old) = @_;
	my @indexes = (@$others, $new);
	my $added = $costs->size($new) - ($old ? $costs->size($old) : 0);
	my $with = $costs->total(\@indexes);

	return if $with * $LEAST_GAIN >= $cost || $costs->size_of_all(@indexes) > $budget;
	my $ratio = ($cost - $with) / ($added > 0 ? $added : 1);
	%$best = (ratio => $ratio, indexes => \@indexes, cost => $with) if $ratio > $best->{ratio};
}

1;
