
# pg_dump and pg_restore carry what people decided: dismissals and recorded
# findings. The restored database has the same findings with the same ids.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
advised_database($node);

# A second finding, to be dismissed with an awkward reason.
$node->safe_psql('advised', <<'END');
CREATE INDEX "Placed; ""again""" ON shop.orders (id, placed);
SELECT dbadvisor.snapshot();
SELECT dbadvisor.dismiss(id, E'it''s "needed"\n\\. on Mondays \t', 'infinity')
FROM dbadvisor.recommendations(min_severity => 'info')
WHERE rule = 'unused_index' AND object LIKE '%again%';
-- What became of a recommended index, which no snapshot measures here.
INSERT INTO dbadvisor.findings
VALUES ('0123456789ab', 'warning', 'index', 'missing_index', 'an index', 'd', 'CREATE INDEX ON shop.orders (id, placed, id);',
        NULL, now(), now(), 1, 'verified', now(), '{"statements": {}}', '{"gain": 0.5}');
END
my $remaining = findings($node);
my $all = findings($node, 'advised', ', include_dismissed => true');
isnt($remaining, $all, 'one finding is dismissed');
my $dismissals = rows('advised', 'dismissals');
my $recorded = rows('advised', 'findings');

# The rows of a table of ours, as text.
sub rows
{
	my ($database, $table) = @_;
	return $node->safe_psql($database, "SELECT t FROM dbadvisor.$table t ORDER BY t.id");
}

# What must hold in a restored database.
sub check_restored
{
	my ($database, $how) = @_;

	$node->safe_psql('postgres', "ALTER DATABASE $database SET dbadvisor.min_window = 0");
	$node->safe_psql($database, 'ANALYZE');
	is(rows($database, 'dismissals'), $dismissals, "$how: dismissals are kept");
	is(rows($database, 'findings'), $recorded, "$how: recorded findings are kept");
	is(findings($node, $database), $remaining, "$how: the same findings with the same ids");
	is(findings($node, $database, ', include_dismissed => true'), $all, "$how: also those dismissed");
	is( $node->safe_psql($database, q{SELECT dbadvisor.reopen(id) IS NOT NULL FROM dbadvisor.dismissals}),
		't', "$how: a dismissal can be taken back");
	is(findings($node, $database), $all, "$how: and is then reported again");
	return;
}

my $dump = "$PostgreSQL::Test::Utils::tmp_check/advised.dump";
my @server = ('-h', $node->host, '-p', $node->port);

command_ok([ 'pg_dump', @server, '-Fc', '-f', $dump, 'advised' ], 'pg_dump -Fc');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
command_ok([ 'pg_restore', @server, '--exit-on-error', '-d', 'custom', $dump ], 'pg_restore');
check_restored('custom', 'custom format');

command_ok([ 'pg_dump', @server, '-f', "$dump.sql", 'advised' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
command_ok([ 'psql', '-Xq', @server, '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$dump.sql" ], 'psql');
check_restored('plain', 'plain format');

command_ok([ 'pg_dump', @server, '--schema-only', '-f', "$dump.schema.sql", 'advised' ], 'pg_dump --schema-only');
unlike(slurp_file("$dump.schema.sql"), qr/on Mondays/, 'a schema dump holds no reasons');

$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE advised');
check_restored('copied', 'CREATE DATABASE TEMPLATE');

$node->stop;
done_testing();
