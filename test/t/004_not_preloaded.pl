
# Without shared_preload_libraries everything that needs only catalogs works,
# and each rule that needs more says which line to add.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', preload => 0);
advised_database($node);

is($node->safe_psql('advised', 'SELECT dbadvisor.is_preloaded()'), 'f', 'knows that it is not preloaded');
like(findings($node), qr/ unused_index shop\.orders_placed$/m, 'catalog rules find what they find preloaded');
is(coverage_of($node, "status = 'failed'"), '', 'no rule fails for want of preloading');
is( $node->safe_psql(
		'advised',
		q{SELECT rule FROM dbadvisor.coverage() WHERE reason LIKE '%shared_preload_libraries%' ORDER BY rule COLLATE "C"}
	),
	$node->safe_psql(
		'advised',
		q{SELECT name FROM dbadvisor.rules WHERE regexp_split_to_array(needs, ', *') && '{preload,observing,statements}' ORDER BY name COLLATE "C"}
	),
	'each rule that needs preloading, and no other, says so');

# An extension whose library was not preloaded raises an error when it is read;
# that is nothing to run into.
$node->safe_psql('advised', 'CREATE EXTENSION pg_stat_statements');
like(coverage_of($node, "rule = 'slow_statement'"),
	qr/skipped dbadvisor is not .*; pg_stat_statements would do for a part, but it is not in shared_preload_libraries/,
	'a rule that reads an extension without its library says so');
$node->safe_psql('advised', 'DROP EXTENSION pg_stat_statements');

# health() says what it cannot know, rather than fail.
is( $node->safe_psql('advised',
		q{SELECT string_agg(metric, ' ' ORDER BY metric) FROM dbadvisor.health()
		  WHERE status = 'unknown' AND value IS NULL AND reason ~ '^statements are not observed: .*shared_preload_libraries'}),
	'errors latency_p50 latency_p90 latency_p95 latency_p99 observed statements',
	'what only observing tells is unknown, with the line to add');
isnt($node->safe_psql('advised', q{SELECT value FROM dbadvisor.health() WHERE metric = 'connections'}),
	'', 'all else is known');

# The library may be loaded late, by any way that PostgreSQL has.
is( $node->safe_psql('advised', "LOAD 'dbadvisor'; SELECT dbadvisor.is_preloaded()"),
	'f', 'LOAD is not preloading');
is( $node->safe_psql('advised', 'SET dbadvisor.time_limit = 12345; SELECT count(*) > 0 FROM dbadvisor.rules; SHOW dbadvisor.time_limit'),
	"t\n12345ms",
	'a setting made before the library is loaded holds after it');
$node->append_conf('postgresql.conf', "session_preload_libraries = 'dbadvisor'\n");
$node->reload;
is($node->safe_psql('advised', 'SELECT dbadvisor.is_preloaded()'), 'f', 'session_preload_libraries is not preloading');

# The line that the reason names does what it says.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dbadvisor'\n");
$node->restart;
is($node->safe_psql('advised', 'SELECT dbadvisor.is_preloaded()'), 't', 'with the line added it is preloaded');
is(coverage_of($node, q{reason LIKE '%shared_preload_libraries%'}), '', 'and no rule asks for it any more');

$node->stop;
done_testing();
