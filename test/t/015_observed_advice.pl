
# Advice on the workload where it needs more than one session, or another server:
# a table that somebody has locked is left out and said; what a session ran before
# a restart counts after it; and without dbadvisor in shared_preload_libraries the
# statements that pg_stat_statements counted will do.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tables = <<'SQL';
CREATE EXTENSION dbadvisor;
CREATE SCHEMA shop;
CREATE TABLE shop.items (id int PRIMARY KEY, kind int, name text) WITH (autovacuum_enabled = false);
INSERT INTO shop.items SELECT i, i % 5000, repeat('x', 60) FROM generate_series(1, 60000) i;
CREATE TABLE shop.bills (LIKE shop.items) WITH (autovacuum_enabled = false);
INSERT INTO shop.bills SELECT * FROM shop.items;
ANALYZE;
SQL
my $advised = 'SELECT ddl FROM dbadvisor.index_advice() ORDER BY 1';
my $items = 'CREATE INDEX CONCURRENTLY items_kind_idx ON shop.items USING btree (kind);';
my $bills = 'CREATE INDEX CONCURRENTLY bills_kind_idx ON shop.bills USING btree (kind);';
my $reason = q{SELECT status, reason FROM dbadvisor.coverage('{index}') WHERE rule = 'missing_index'};

sub run_statements
{
	my ($node) = @_;

	$node->safe_psql('advised', join q{;}, map { ("SELECT name FROM shop.items WHERE kind = $_", "SELECT name FROM shop.bills WHERE kind = $_") } 1 .. 10);
	return;
}

# --- preloaded ----------------------------------------------------------------

my $node = new_node('main');
$node->safe_psql('postgres', 'CREATE DATABASE advised');
$node->safe_psql('advised', $tables);
$node->safe_psql('advised', 'SELECT dbadvisor.reset()');
run_statements($node);
is($node->safe_psql('advised', $advised), "$bills\n$items", 'two indexes are advised');

my $locker = $node->background_psql('advised');
$locker->query_safe('BEGIN; LOCK TABLE shop.bills IN ACCESS EXCLUSIVE MODE');
is($node->safe_psql('advised', "SET statement_timeout = '60s'; $advised"), $items, 'a table that is locked is left out, and not waited for');
like($node->safe_psql('advised', "SET statement_timeout = '60s'; $reason"),
	qr/^partly\|.*left out: 1 statement \(cannot be planned now: a table of the statement is locked just now/,
	'the coverage says so');
$locker->query_safe('ROLLBACK');
$locker->quit;
is($node->safe_psql('advised', $advised), "$bills\n$items", 'afterwards it is advised on again');

$node->restart;
is($node->safe_psql('advised', $advised), "$bills\n$items", 'what was observed before a restart counts after it');
$node->stop;

# --- not preloaded --------------------------------------------------------------

my $bare = new_node('bare', preload => 0, conf => ["shared_preload_libraries = 'pg_stat_statements'"]);
$bare->safe_psql('postgres', 'CREATE DATABASE advised');
$bare->safe_psql('advised', $tables);
my ($status, $stdout, $stderr) = $bare->psql('advised', $advised);
like($stderr, qr/statements are not observed, nor counted by pg_stat_statements/, 'without any statements there is no advice');
$bare->safe_psql('advised', 'CREATE EXTENSION pg_stat_statements');
$bare->safe_psql('advised', 'SELECT pg_stat_statements_reset()');
run_statements($bare);
is($bare->safe_psql('advised', $advised), "$bills\n$items", 'what pg_stat_statements counted is advised on');
is($bare->safe_psql('advised', q{SELECT DISTINCT confidence FROM dbadvisor.index_advice()}), '0.7', 'with less confidence: no values are known');

# Texts are read with the search_path of who asks; rules take that of the database.
$bare->safe_psql('advised', 'SELECT pg_stat_statements_reset()');
$bare->safe_psql('advised', join ';', 'SET search_path = shop', map { ("SELECT name FROM items WHERE kind = $_") } 1 .. 10);
($status, $stdout, $stderr) = $bare->psql('advised', $advised);
is($stdout, '', 'a text whose table is not found gives none');
like($stderr, qr/left out: 1 statement \(text cannot be analysed/, 'and is counted');
is($bare->safe_psql('advised', "SET search_path = shop; $advised"), $items, 'with the right search_path it does');
unlike($bare->safe_psql('advised', q{SELECT rule FROM dbadvisor.recommendations('{index}', 'info')}), qr/missing_index/, 'a rule does not know it');
$bare->safe_psql('postgres', 'ALTER DATABASE advised SET search_path = shop');
like($bare->safe_psql('advised', q{SELECT rule FROM dbadvisor.recommendations('{index}', 'info')}), qr/missing_index/, 'but by the database');
$bare->stop;

done_testing();
