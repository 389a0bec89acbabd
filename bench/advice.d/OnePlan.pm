# OnePlan.pm: what advisors have in common that look at each statement's plan
# alone and know no budget.
package OnePlan;

use strict;
use warnings;

# Credits the indexes that a statement's plan uses with its gain, each with all
# of it.
sub share
{
	my ($gains, $statement, $gain, @used) = @_;

	for my $index (@used)
	{
		my $entry = $gains->{ $index->{definition} } //= { index => $index, gain => 0 };
		$entry->{gain} += $gain * $statement->{weight};
	}
}

# As many of the entries { index, gain } as the budget holds, best gain for each
# byte first.
sub fill
{
	my ($costs, $budget, @entries) = @_;
	my %ratio = map { $_->{index}{definition} => $_->{gain} / $costs->size($_->{index}) } @entries;
	my ($used, @chosen) = (0);

	for my $index (sort { $ratio{ $b->{definition} } <=> $ratio{ $a->{definition} } || $a->{definition} cmp $b->{definition} } map { $_->{index} } @entries)
	{
		next if $used + $costs->size($index) > $budget;
		$used += $costs->size($index);
		push @chosen, $index;
	}
	return @chosen;
}

1;
