
# What is known of deadlocks survives a restart and the kill of a backend, and
# nothing that happens often displaces it.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', conf => [ 'restart_after_crash = on', 'deadlock_timeout = 10ms' ]);

$node->safe_psql('postgres', 'CREATE EXTENSION dbadvisor; CREATE TABLE bill (id int PRIMARY KEY, amount int)');
$node->safe_psql('postgres', 'INSERT INTO bill SELECT i, i FROM generate_series(1, 100) i');

# Runs a script of pgbench with four clients, each so many times.
sub clients
{
	my ($transactions, $script) = @_;
	my $file = "${PostgreSQL::Test::Utils::tmp_check}/script.sql";

	open my $out, '>', $file or die "$file: $!";
	print $out $script;
	close $out;
	$node->command_ok(
		[ 'pgbench', '-n', '-c', 4, '-t', $transactions, '-f', $file, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'clients run');
	return;
}

sub counts
{
	return $node->safe_psql('postgres',
		q{SELECT kind, count, last_at FROM dbadvisor.event_counts WHERE count > 0 AND kind <> 'cancel' ORDER BY kind});
}

my $last = q{SELECT at, detail FROM dbadvisor.events WHERE kind = 'deadlock' ORDER BY at DESC LIMIT 1};

clients(100, <<'END');
\set a random(1, 3)
\set b random(1, 3)
BEGIN;
UPDATE bill SET amount = 1 WHERE id = :a;
UPDATE bill SET amount = 1 WHERE id = :b;
END;
END
my $deadlocks = $node->safe_psql('postgres', q{SELECT count FROM dbadvisor.event_counts WHERE kind = 'deadlock'});
cmp_ok($deadlocks, '>', 3, 'there were deadlocks');
is( $node->safe_psql('postgres', q{SELECT sum(deadlocks) FROM dbadvisor.statements}),
	$deadlocks, 'all are counted, for the database and for the statement');
my $words = $node->safe_psql('postgres', $last);
like($words, qr/UPDATE bill .*UPDATE bill /s, 'the last one is there in words');

# Hundreds of other events.
clients(500, <<'END');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1;
UPDATE bill SET amount = amount + 1 WHERE id = 7;
END;
END
cmp_ok($node->safe_psql('postgres', q{SELECT count FROM dbadvisor.event_counts WHERE kind = 'serialization_failure'}),
	'>', 100, 'many transactions fail to serialize');
is($node->safe_psql('postgres', $last), $words, 'the last deadlock is still there');
is($node->safe_psql('postgres', 'SELECT events_lost FROM dbadvisor.store'), '0', 'and none is lost');

my $counts = counts();
$node->restart;
is(counts(), $counts, 'the counts survive a restart');
is($node->safe_psql('postgres', $last), $words, 'and so do the words');

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $position = -s $node->logfile;
kill 'KILL', $session->query_safe('SELECT pg_backend_pid()');
$node->wait_for_log(qr/terminated by signal 9/, $position);
$node->wait_for_log(qr/ready to accept connections/, $position);
eval { $session->quit };
is(counts(), $counts, 'the counts survive the kill of a backend');
is($node->safe_psql('postgres', $last), $words, 'and the words, too');

$node->safe_psql('postgres', 'SELECT dbadvisor.reset()');
is(counts(), '', 'reset() forgets them');

$node->stop;
done_testing();
