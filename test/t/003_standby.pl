
# On a standby recommendations() and coverage() work, write nothing, and say of
# each rule that needs the primary that it was not run here.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', init => { allows_streaming => 1 });
advised_database($primary);
my $findings = findings($primary);
my $needing_primary = $primary->safe_psql('advised',
	q{SELECT name FROM dbadvisor.rules WHERE 'primary' = ANY (regexp_split_to_array(needs, ', *')) ORDER BY name COLLATE "C"}
);
isnt($needing_primary, '', 'there are rules that need a primary');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is($standby->safe_psql('advised', 'SELECT pg_is_in_recovery()'), 't', 'it is a standby');
is(coverage_of($standby, "status = 'failed'"), '', 'no rule fails on a standby');
is( $standby->safe_psql(
		'advised',
		q{SELECT rule FROM dbadvisor.coverage() WHERE status = 'skipped' AND reason LIKE '%standby%' ORDER BY rule COLLATE "C"}
	),
	$needing_primary,
	'each rule that needs a primary says that this is a standby');
is( $standby->safe_psql('advised', 'SELECT (SELECT count(*) FROM dbadvisor.coverage()) = count(*) FROM dbadvisor.rules'),
	't', 'coverage() has a row for every rule');

# A finding of a rule that was not run would be a lie.
is( $standby->safe_psql(
		'advised',
		q{SELECT count(*) FROM dbadvisor.recommendations(min_severity => 'info') WHERE rule = 'unused_index'}),
	'0',
	'nothing is reported by a rule that needs a primary');

# Its health is its own, and what only the primary knows is not made up.
is( $standby->safe_psql('advised',
		q{SELECT metric, reason FROM dbadvisor.health() WHERE reason ~ 'standby' ORDER BY metric}),
	'dead_rows|this server is a standby: ask its primary',
	'dead rows are for the primary to count');
is( $standby->safe_psql('advised', q{SELECT value, status FROM dbadvisor.health() WHERE metric = 'replication_lag_bytes'}),
	'0|ok', 'a standby that has replayed all has no lag');
is( $standby->safe_psql('advised', q{SELECT status FROM dbadvisor.health() WHERE metric = 'latency_p99'}),
	'ok', 'its statements are timed');
is( $primary->safe_psql('advised', q{SELECT value IS NOT NULL, status FROM dbadvisor.health() WHERE metric = 'replication_lag_bytes'}),
	't|ok', 'the primary sees how far its standby is');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$primary->safe_psql('advised', 'CREATE TABLE much AS SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 30000) i');
$primary->poll_query_until('advised',
	q{SELECT status = 'notice' FROM dbadvisor.health() WHERE metric = 'replication_lag_bytes'});
is( $standby->safe_psql('advised', q{SELECT status FROM dbadvisor.health() WHERE metric = 'replication_lag_bytes'}),
	'notice', 'and both say so when it falls behind');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
$primary->wait_for_catchup($standby);

# Changes on paper are tried where queries run.
is( $standby->safe_psql('advised',
		q{SELECT w.used_indexes, w.cost_after < w.cost_before FROM dbadvisor.whatif('DELETE FROM much WHERE i = 5', '{CREATE INDEX paper ON much (i)}') w}),
	'{paper}|t', 'what an index would do can be asked of a standby');

# What only a primary can do is refused with the server's own words.
my ($status, $stdout, $stderr) = $standby->psql('advised', 'SELECT dbadvisor.snapshot()');
like($stderr, qr/read-only transaction|during recovery/, 'a snapshot cannot be recorded on a standby');

# A dismissal made on the primary counts here too.
my $id = finding_id($primary);
$primary->safe_psql('advised', "SELECT dbadvisor.dismiss('$id')");
$primary->wait_for_catchup($standby);
is($standby->safe_psql('advised', 'SELECT id FROM dbadvisor.dismissals'), $id, 'dismissals are replicated');
$primary->safe_psql('advised', "SELECT dbadvisor.reopen('$id')");
$primary->wait_for_catchup($standby);

# Once promoted it is a primary like any other.
$primary->stop;
$standby->promote;
is(findings($standby), $findings, 'a promoted standby finds what the primary found');
is(coverage_of($standby, q{reason LIKE '%standby%'}), '', 'and no longer says that it is a standby');

$standby->stop;
done_testing();
