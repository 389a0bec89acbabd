# Supabase.pm: the rule of index_advisor (github.com/supabase/index_advisor),
# restated: each statement alone, planned once with an index on every column of
# its tables; what the plan uses is proposed.
#
# It knows no budget; here the indexes go by gain for each byte until it is used
# up.
package Supabase;

use strict;
use warnings;

use OnePlan;

# Returns the chosen indexes: choose(COSTS, WORKLOAD, BUDGET in bytes).
sub choose
{
	my ($costs, $workload, $budget) = @_;
	my %gain;

	# The types that index_advisor knows.
	my $columns = $workload->session->rows(<<'SQL');
SELECT c.relnamespace::regnamespace || '.' || quote_ident(c.relname), quote_ident(a.attname)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.oid >= 16384
WHERE a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid IN (20, 16, 1082, 1184, 1114, 701, 23, 21, 700, 1083, 2950, 1700, 25, 18, 1042, 1043)
SQL
	for my $statement ($workload->statements)
	{
		my @indexes = grep { defined } map { $workload->index_on(@$_) } grep { $statement->{tables}{ $_->[0] } } @$columns;
		my $before = $costs->answers([], $statement)->{ $statement->{id} };
		my $after = $costs->answers(\@indexes, $statement)->{ $statement->{id} };
		OnePlan::share(\%gain, $statement, $before->{cost} - $after->{cost}, @{ $after->{used} });
	}
	return OnePlan::fill($costs, $budget, values %gain);
}

1;
