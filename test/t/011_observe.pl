
# What was observed survives restarts and crashes, and nothing else does: the
# store's memory, its file, its bounds, and who may read it.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', conf => [
		'restart_after_crash = on',
		'dbadvisor.max_statements = 320',
		'dbadvisor.sample_memory = 1MB' ]);
my $file = $node->data_dir . '/pg_stat/dbadvisor.stat';

$node->safe_psql('postgres', 'CREATE EXTENSION dbadvisor; CREATE TABLE bill (id int PRIMARY KEY, amount int)');
$node->safe_psql('postgres', 'INSERT INTO bill SELECT i, i FROM generate_series(1, 1000) i; ANALYZE bill');

# A list of columns that no other number has. Names and constants do not tell
# statements apart; what they select does.
sub columns
{
	my ($number) = @_;
	return join ', ', map { $number >> $_ & 1 ? 'id' : 'amount' } 0 .. 11;
}

# A statement with a mark, different from those with another one.
my %numbers;

sub marked
{
	my ($mark) = @_;
	$numbers{$mark} //= 4095 - keys %numbers;
	return "SELECT amount AS $mark, " . columns($numbers{$mark}) . ' FROM bill';
}

# It, COUNT times, in a session of its own.
sub run_marked
{
	my ($mark, $count) = @_;
	$node->safe_psql('postgres', join("\n", map { marked($mark) . " WHERE id = $_;" } 1 .. $count));
	return;
}

# Compares what is known of it with what ought to be. A session that ends hands
# over the rest after its client has gone.
sub is_known
{
	my ($mark, $expected, $name) = @_;
	my $got = known($mark);

	for (my $tries = 0; $got ne $expected && $tries < 100; $tries++)
	{
		select undef, undef, undef, 0.1;
		$got = known($mark);
	}
	is($got, $expected, $name);
	return;
}

# What is known of it: "calls rows".
sub known
{
	my ($mark) = @_;
	return $node->safe_psql('postgres',
		"SELECT concat_ws(' ', sum(calls), sum(rows)) FROM dbadvisor.statements WHERE query ~ '^SELECT amount AS $mark,'");
}

# The server's log since a position.
sub log_since
{
	my ($position) = @_;
	return substr(slurp_file($node->logfile), $position);
}

# --------------------------------------------------------------- restarts

run_marked('kept', 7);
is_known('kept', '7 7', 'a session hands over what it counted when it ends');
my $samples = q{SELECT count(*), min(parameters::text) FROM dbadvisor.samples WHERE query ~ 'AS kept\M'};
my $sampled = $node->safe_psql('postgres', $samples);
my $plan = q{SELECT dbadvisor.explain_sample(queryid) FROM dbadvisor.statements WHERE query ~ 'AS kept\M'};
my $planned = $node->safe_psql('postgres', $plan);
like($planned, qr/bill_pkey/, 'and can be planned again');
my $since = $node->safe_psql('postgres', 'SELECT since FROM dbadvisor.store');

$node->restart;
is_known('kept', '7 7', 'statistics survive a restart');
is($node->safe_psql('postgres', $samples), $sampled, 'samples survive a restart');
is($node->safe_psql('postgres', $plan), $planned, 'trees survive a restart');
is($node->safe_psql('postgres', 'SELECT since FROM dbadvisor.store'), $since, 'and so does the time since when');
ok(-e $file, 'what was saved stays until it is saved again');

# ---------------------------------------------- files that cannot be trusted

# Stops the server, has the file changed, starts it again; returns the log.
sub restart_with_file
{
	my ($change) = @_;
	$node->stop;
	my $position = -s $node->logfile;
	my $content = slurp_file($file);
	open my $handle, '>', $file or die "$file: $!";
	binmode $handle;
	print $handle $change->($content);
	close $handle;
	$node->start;
	return log_since($position);
}

my %damage = (
	'empty' => [ sub { '' }, 'it is cut short' ],
	'cut in its head' => [ sub { substr($_[0], 0, 20) }, 'it is cut short' ],
	'cut in its middle' => [ sub { substr($_[0], 0, length($_[0]) / 2) }, 'its length is wrong' ],
	'cut by a byte' => [ sub { substr($_[0], 0, -1) }, 'its length is wrong' ],
	'longer by a byte' => [ sub { "$_[0]x" }, 'its length is wrong' ],
	'damaged in one bit' =>
	  [ sub { my $s = $_[0]; substr($s, 5000, 1) ^= "\x04"; $s }, 'its checksum is wrong' ],
	'of another version' => [ sub { my $s = $_[0]; substr($s, 4, 1) ^= "\x40"; $s }, 'it is of another version' ],
	'something else' => [ sub { 'x' x 100_000 }, 'it is not a file of dbadvisor' ]);

for my $kind (sort keys %damage)
{
	run_marked('kept', 1);
	my $log = restart_with_file($damage{$kind}[0]);
	like($log, qr/dbadvisor ignores file .*: \Q$damage{$kind}[1]\E/, "a file that is $kind is not read, and the log says why");
	is_known('kept', '', 'observing begins anew');
}
run_marked('kept', 2);
is_known('kept', '2 2', 'and goes on');

# A smaller store takes what took the most time.
$node->safe_psql('postgres', 'SELECT count(*) AS heavy FROM bill a, bill b WHERE a.amount < b.amount');
$node->append_conf('postgresql.conf', "dbadvisor.max_statements = 100\n");
$node->restart;
is( $node->safe_psql('postgres', q{SELECT calls FROM dbadvisor.statements WHERE query ~ 'AS heavy\M'}),
	'1', 'a store that was made smaller keeps what matters');
$node->append_conf('postgresql.conf', "dbadvisor.max_statements = 320\n");
$node->restart;

# ------------------------------------------------------------------ crashes

my $counter = $node->background_psql('postgres');
my $victim = $node->background_psql('postgres', on_error_stop => 0);
$counter->query_safe(marked('crashed') . " WHERE id = $_") for 1 .. 5;
my $pid = $victim->query_safe('SELECT pg_backend_pid()');

# The first transaction hands over at once; the others may wait for a second.
$node->poll_query_until('postgres', q{SELECT pg_sleep(1.1) IS NOT NULL});
$counter->query_safe('SELECT 1 AS a_second_later');
is_known('crashed', '5 5', 'what a session counted is handed over within its next statement');
my $position = -s $node->logfile;
kill 'KILL', $pid;
$node->wait_for_log(qr/terminated by signal 9/, $position);
$node->wait_for_log(qr/ready to accept connections/, $position);
eval { $_->quit } for $counter, $victim;
is_known('crashed', '5 5', 'statistics survive the kill of a backend');
run_marked('crashed', 3);
is_known('crashed', '8 8', 'and are counted on');

# In the middle of the work, many times: the store is in order afterwards.
for my $round (1 .. 6)
{
	my $busy = $node->background_psql('postgres', on_error_stop => 0);
	$pid = $busy->query_safe('SELECT pg_backend_pid()');
	$position = -s $node->logfile;
	$busy->query_until(qr/begun/, <<'END');
\echo begun
SET dbadvisor.overhead_target = 100;
DO $$ BEGIN FOR i IN 1 .. 1000000 LOOP
EXECUTE format('SELECT 1 AS busy_%s%s FROM bill WHERE id < %s', i % 300,
               (SELECT string_agg(CASE WHEN (i % 300) & (1 << b) > 0 THEN ', id' ELSE ', amount' END, '')
                FROM generate_series(0, 8) b), i);
IF i % 10 = 0 THEN COMMIT; END IF;
END LOOP; END $$;
END
	$node->poll_query_until('postgres',
		"SELECT count(*) > 100 FROM dbadvisor.statements WHERE query ~ 'AS busy_'")
	  or die 'the session is not at work';
	select undef, undef, undef, 0.01 * $round;
	kill 'KILL', $pid;
	$node->wait_for_log(qr/terminated by signal 9/, $position);
	$node->wait_for_log(qr/ready to accept connections/, $position);
	eval { $busy->quit };
	is( $node->safe_psql('postgres', <<'END'), 't|t|t|t', "the store is in order after crash $round");
SELECT count(*) > 0,
       bool_and(calls >= 0 AND total_ms >= 0 AND (calls = 0 OR p50_ms <= max_ms * 1.07)),
       count(*) <= (SELECT max_statements FROM dbadvisor.store) + 10,
       (SELECT sample_bytes_used <= sample_bytes FROM dbadvisor.store)
FROM dbadvisor.statements
END
}
is(known('crashed') ne '', 1, 'and what was known before is still known');
$node->restart;
isnt(known('crashed'), '', 'also after a restart in order');
is($node->safe_psql('postgres', q{SELECT count(*) FROM dbadvisor.samples WHERE parameters IS NULL AND query !~ '\$'}),
	'0', 'samples can be read');

# ------------------------------------------------------------------- bounds

$node->safe_psql('postgres', 'SELECT dbadvisor.reset()');
is_known('crashed', '', 'reset() forgets');
run_marked('slow', 1);
$node->safe_psql('postgres', 'SELECT pg_sleep(0.3), amount AS slow_one FROM bill WHERE id = 1');
for my $part (0 .. 9)
{
	$node->safe_psql('postgres', join("\n", map { 'SELECT 1 AS quick, ' . columns($_) . " FROM bill WHERE id = $_;" } $part * 100 .. $part * 100 + 99));
}
is( $node->safe_psql('postgres', 'SELECT statements <= max_statements, evicted > 500 FROM dbadvisor.store'),
	't|t', 'a full store evicts, and counts it');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM dbadvisor.statements WHERE query ~ 'AS slow_one\M'}),
	'1', 'what took the most time stays');
is( $node->safe_psql('postgres',
		q{SELECT sum(calls) >= 1000 FROM dbadvisor.statements WHERE query ~ 'quick' OR query = '<evicted statements>'}),
	't', 'what evicted statements counted is in the sum');
$node->safe_psql('postgres', 'SET dbadvisor.overhead_target = 100;' . join("\n",
		map { "SELECT '" . ('x' x 400) . "$_' AS wide, " . columns($_) . " FROM bill WHERE id = $_ AND amount IN (" . join(',', 1 .. 150) . ');' } 1 .. 300));
is( $node->safe_psql('postgres', 'SELECT sample_bytes_used <= sample_bytes, samples_dropped >= 0, failures FROM dbadvisor.store'),
	't|t|0', 'samples stay within their memory');

# -------------------------------------------- databases and roles that are gone

$node->safe_psql('postgres', 'CREATE DATABASE gone; CREATE ROLE gone_user LOGIN');
$node->safe_psql('gone', 'CREATE TABLE bill (id int, amount int); GRANT SELECT ON bill TO gone_user; SET ROLE gone_user; ' . marked('of_gone') . ' WHERE id = 1');
$node->safe_psql('postgres', 'DROP DATABASE gone; DROP ROLE gone_user');
is_known('of_gone', '1 0', 'statements of a dropped database and role can be read');
is($node->safe_psql('postgres', 'SELECT count(*) >= 0 FROM dbadvisor.samples'), 't', 'and so can their samples');

# --------------------------------------------------------------- privileges

$node->safe_psql('postgres', <<'END');
CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher;
CREATE ROLE clerk LOGIN;
GRANT SELECT ON bill TO clerk;
GRANT USAGE ON SCHEMA dbadvisor TO clerk;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO clerk;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO clerk;
END
run_marked('secret', 2);
my $as_clerk = sub { $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]) };
my $as_watcher = sub { $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'watcher' ]) };
my $queryid = $node->safe_psql('postgres', q{SELECT queryid FROM dbadvisor.statements WHERE query ~ 'AS secret\M'});
is($as_watcher->(q{SELECT calls FROM dbadvisor.statements WHERE query ~ 'AS secret\M'}), '2', 'pg_monitor sees all statements');
is($as_clerk->(q{SELECT count(*) FROM dbadvisor.statements WHERE query ~ 'secret'}), '0', 'another user does not see their texts');
is( $as_clerk->(q{SELECT count(*) > 0 FROM dbadvisor.statements WHERE query = '<insufficient privilege>' AND queryid IS NULL}),
	't', 'only their numbers');
is($as_clerk->(q{SELECT count(*) FROM dbadvisor.samples WHERE userid <> 'clerk'::regrole}), '0', 'nor their values');
is($as_clerk->(q{SELECT count(*) FROM dbadvisor.statement_plans WHERE userid <> 'clerk'::regrole AND plan <> '<insufficient privilege>'}), '0', 'nor their plans');
my ($status, $stdout, $stderr) = $node->psql('postgres', "SELECT dbadvisor.explain_sample($queryid)", extra_params => [ '-U', 'clerk' ]);
like($stderr, qr/no statement/, 'nor what they are planned to');
$as_clerk->('' . marked('own') . ' WHERE id = 3');
is($as_clerk->(q{SELECT calls FROM dbadvisor.statements WHERE query ~ 'AS own\M'}), '1', 'but his own');
is($as_clerk->(q{SELECT parameters FROM dbadvisor.samples WHERE query ~ 'AS own\M'}), '{3}', 'with their values');

# Types only.
$node->safe_psql('postgres', 'SET dbadvisor.capture_parameters = off; ' . marked('discreet') . ' WHERE id = 4242');
is( $node->safe_psql('postgres', q{SELECT parameters, parameter_types FROM dbadvisor.samples WHERE query ~ 'AS discreet\M'}),
	'{"(not kept)"}|{integer}', 'values are not kept when that is off');
$node->stop;
unlike(slurp_file($file), qr/4242/, 'nor in the file');
$node->start;

$node->stop;
done_testing();
