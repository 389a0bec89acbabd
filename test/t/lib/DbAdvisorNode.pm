
# DbAdvisorNode: servers with dbadvisor on them, for the tests in test/t.
#
# A node's "advised" database has one finding that every test can rely on: the
# index shop.orders_placed, which nothing reads (rule unused_index).

package DbAdvisorNode;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(new_node advised_database findings finding_id coverage_of end_node_on_signal);

# Makes and starts a node called NAME. Options: preload (default 1),
# conf (lines), init and new (passed on to PostgreSQL::Test::Cluster).
sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, %{ $options{new} // {} });

	end_node_on_signal();
	$node->init(%{ $options{init} // {} });
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'dbadvisor'\n")
	  if $options{preload} // 1;
	$node->append_conf('postgresql.conf', join("\n", @{ $options{conf} // [] }, ''));
	$node->start;
	return $node;
}

# PostgreSQL::Test::Cluster stops its servers in an END block, which a signal
# would pass over before version 16.
sub end_node_on_signal
{
	$SIG{INT} = $SIG{TERM} = sub { die "ended by a signal\n" };
	return;
}

# Makes the database "advised". Statistics of any age count there, so that the
# rules that judge by disuse need not be waited for.
sub advised_database
{
	my ($node) = @_;

	$node->safe_psql('postgres', 'CREATE DATABASE advised');
	$node->safe_psql('advised', <<'END');
CREATE EXTENSION dbadvisor;
ALTER DATABASE advised SET dbadvisor.min_window = 0;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, placed int) WITH (autovacuum_enabled = false);
INSERT INTO shop.orders SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX orders_placed ON shop.orders (placed);
ANALYZE shop.orders;
END
	return;
}

# The unused indexes of the schema "shop" as "id rule object" lines, in order.
# What other rules say may come and go with the cumulative statistics.
sub findings
{
	my ($node, $database, $arguments) = @_;

	return $node->safe_psql($database // 'advised', sprintf(<<'END', $arguments // ''));
SELECT concat_ws(' ', id, rule, object)
FROM dbadvisor.recommendations(min_severity => 'info' %s)
WHERE rule = 'unused_index' AND object LIKE 'shop.%%'
ORDER BY id COLLATE "C"
END
}

# The id of the finding that every advised database has.
sub finding_id
{
	my ($node) = @_;

	return $node->safe_psql('advised', <<'END');
SELECT id
FROM dbadvisor.recommendations(min_severity => 'info', include_dismissed => true)
WHERE rule = 'unused_index' AND object = 'shop.orders_placed'
END
}

# coverage() as "rule status reason" lines under a condition, in order.
sub coverage_of
{
	my ($node, $condition) = @_;

	return $node->safe_psql('advised', <<"END");
SELECT concat_ws(' ', rule, status, reason) FROM dbadvisor.coverage() WHERE $condition ORDER BY rule COLLATE "C"
END
}

1;
