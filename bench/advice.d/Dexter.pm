# Dexter.pm: the rule of dexter (github.com/ankane/dexter), restated.
#
# Each statement alone that costs at least 100: planned with all one-column
# indexes of its columns, then with all two-column ones as well.  What the plan
# uses is proposed if it saves half, at most two indexes a statement; the wider
# plan only if it saves half of the narrower one's cost, with one index.
#
# dexter knows no budget; here the indexes go by gain for each byte until it is
# used up.
package Dexter;

use strict;
use warnings;

use Db2Advis;
use OnePlan;

my $LEAST_COST = 100;
my $LEAST_SAVED = 0.5;
my $MOST_INDEXES = 2;		# of one statement

# Returns the chosen indexes: choose(COSTS, WORKLOAD, BUDGET in bytes).
sub choose
{
	my ($costs, $workload, $budget) = @_;
	my %gain;

	for my $statement ($workload->statements)
	{
		my ($before, $narrow, $wide) = map {
			$costs->answers([ $_ ? Db2Advis::permutations($workload, $_, @{ $statement->{clauses} }) : () ], $statement)->{ $statement->{id} }
		} 0 .. 2;
		next if $before->{cost} < $LEAST_COST;
		my $widened = $narrow->{cost} > $LEAST_COST && $wide->{cost} < $narrow->{cost} * $LEAST_SAVED;
		$widened = 0 if @{ $wide->{used} } > 1;
		my $plan = $widened ? $wide : $narrow;
		next unless $widened || $narrow->{cost} < $before->{cost} * $LEAST_SAVED;
		next if @{ $plan->{used} } > $MOST_INDEXES;
		OnePlan::share(\%gain, $statement, $before->{cost} - $plan->{cost}, @{ $plan->{used} });
	}
	for my $entry (values %gain)
	{
		delete $gain{ $entry->{index}{definition} }
			if grep { $_ != $entry && Db2Advis::begins($entry->{index}, $_->{index}) } values %gain;
	}
	return OnePlan::fill($costs, $budget, values %gain);
}

1;
