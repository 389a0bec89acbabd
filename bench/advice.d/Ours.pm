# Ours.pm: what dbadvisor.index_advice() proposes.
package Ours;

use strict;
use warnings;

use Time::HiRes qw(time);

use Session;

# Whether this build has the function.
sub is_there
{
	my ($session) = @_;

	return $session->value(q(SELECT count(*) FROM pg_proc WHERE proname = 'index_advice' AND pronamespace = 'dbadvisor'::regnamespace)) > 0;
}

# Returns { indexes, bytes, seconds } for a budget in bytes.  What comes with an
# index besides CREATE INDEX is not carried out.
sub choose
{
	my ($workload, $budget, $width, $limit) = @_;
	my $started = time;
	my ($lines, $error) = $workload->session->try("SELECT translate(ddl, E'\\n', ' '), coalesce(estimated_bytes, 0) FROM dbadvisor.index_advice("
		. '(SELECT array_agg(query ORDER BY id) FROM bench.statement), (SELECT array_agg(weight ORDER BY id) FROM bench.statement), '
		. "$budget, $width, '$limit s')");
	my $seconds = time - $started;
	my ($bytes, @indexes) = (0);

	die "index_advice: $error\n" if defined $error;
	for my $line (@$lines)
	{
		my ($ddl, $estimated) = split /\x1f/, $line;
		my ($definition) = $ddl =~ /CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(?:(?:"[^"]+"|[\w.]+) )?(ON [^;]+)/ or next;
		next if $definition =~ /^ON ONLY/;
		push @indexes, { definition => $definition =~ s/\s+\z//r };
		$bytes += $estimated;
	}
	return { indexes => \@indexes, bytes => $bytes, seconds => $seconds };
}

1;
