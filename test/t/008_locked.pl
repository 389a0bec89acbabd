
# A table that somebody holds under ACCESS EXCLUSIVE is left out and named; it
# is never waited for, and no other table is left out with it.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
advised_database($node);
$node->safe_psql('advised', <<'END');
CREATE TABLE shop.items (id int PRIMARY KEY, name int) WITH (autovacuum_enabled = false);
INSERT INTO shop.items SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX items_name ON shop.items (name);
ANALYZE shop.items;
END
my $before = findings($node);
like($before, qr/orders_placed/, 'shop.orders has an unused index');
like($before, qr/items_name/, 'shop.items has one too');

# With ten times the time that it needs, so that only a wait can exceed it.
my $limit = 2000;
my $timed = <<'END';
SET statement_timeout = '30s';
CREATE TEMP TABLE begun AS SELECT clock_timestamp() AS at;
SELECT count(*) > 0 FROM dbadvisor.%s;
SELECT extract(epoch FROM clock_timestamp() - at) * 1000 FROM begun;
END

# Checks both functions while another session holds LOCKED.
sub check_not_blocked
{
	my ($how) = @_;

	for my $function (q{recommendations(min_severity => 'info')}, 'coverage()')
	{
		my ($result, $ms) = split /\n/, $node->safe_psql('advised', sprintf($timed, $function));
		is($result, 't', "$how: $function returns");
		cmp_ok($ms, '<', $limit, "$how: at once");
	}
	my $seen = findings($node);
	unlike($seen, qr/orders_placed/, "$how: the locked table is left out");
	like($seen, qr/items_name/, "$how: the other one is not");
	like(coverage_of($node, "rule = 'unused_index'"), qr/partly.*locked.*\bshop\.orders\b/,
		"$how: coverage() names the locked table and why");
	is(coverage_of($node, "status = 'failed'"), '', "$how: no rule fails");
	return;
}

my $locker = $node->background_psql('advised');
$locker->query_safe('BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE');
check_not_blocked('locked');
$locker->query_safe('ROLLBACK');
is(findings($node), $before, 'everything is reported once the lock is gone');

# The usual ways to come by such a lock: DDL in an open transaction, and a
# session that waits for it behind a reader.
$locker->query_safe('BEGIN; ALTER TABLE shop.orders ADD COLUMN note text');
check_not_blocked('ALTER TABLE');
$locker->query_safe('ROLLBACK');

$locker->query_safe('BEGIN; SELECT count(*) FROM shop.orders');
my $waiter = $node->background_psql('advised');
my $pid = $waiter->query_safe('SELECT pg_backend_pid()');
$waiter->query_until(qr/begun/, "\\echo begun\nTRUNCATE shop.orders;\n");
$node->poll_query_until('postgres',
	"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid")
  or die 'TRUNCATE does not wait';
check_not_blocked('a waiting TRUNCATE');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
eval { $waiter->quit };
$locker->query_safe('ROLLBACK');

# Weaker locks, such as VACUUM's and CREATE INDEX's, are no reason to leave out.
$locker->query_safe('BEGIN; LOCK TABLE shop.orders IN SHARE ROW EXCLUSIVE MODE');
is(findings($node), $before, 'a lock that lets readers pass leaves nothing out');
is(coverage_of($node, q{reason LIKE '%locked%'}), '', 'and is not mentioned');
$locker->query_safe('ROLLBACK');

# An index alone: nobody else's population has it, and its definition is not
# read while it may be on its way out.
$locker->query_safe('BEGIN; REINDEX INDEX shop.orders_placed');
is(coverage_of($node, q{rule = 'sequence_exhaustion' AND reason LIKE '%locked%'}),
	'', 'a locked index is no sequence that was left out');
is( $node->safe_psql('advised', q{SELECT dbadvisor.index_definition('shop.orders_placed'::regclass) IS NULL}),
	't', 'a locked index has no definition for now');
is(coverage_of($node, q{status = 'failed'}), '', 'a locked index: no rule fails');
$locker->query_safe('ROLLBACK');
is(findings($node), $before, 'and all is as before');
$locker->quit;

$node->stop;
done_testing();
