
# Cancelling recommendations() works at every moment, at once, and leaves the
# session as it was: settings, locks, transaction state.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_node('main');
advised_database($node);
my $before = findings($node);

# An endless loop, so that a cancel that a rule swallowed would show.
my $advise_for_ever =
  'DO $$ BEGIN LOOP PERFORM count(*) FROM dbadvisor.recommendations(); END LOOP; END $$;';

# What a session looks like from inside: nothing of it may change.
my $state = <<'END';
SELECT string_agg(name || '=' || setting, ' ' ORDER BY name COLLATE "C")
FROM pg_settings
WHERE name IN ('search_path', 'lock_timeout', 'statement_timeout', 'jit', 'DateStyle',
               'IntervalStyle', 'extra_float_digits', 'bytea_output',
               'transaction_read_only', 'dbadvisor.time_limit');
END

my $session = $node->background_psql('advised', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe("SET search_path = shop; SET DateStyle = 'SQL, DMY'; SET lock_timeout = '17s'");
my $state_before = $session->query_safe($state);

# Runs the loop in the session, ends it by the given means, and checks that it
# ended within a second of that and left nothing behind.
sub check_stops
{
	my ($name, $prepare, $stop, $expected) = @_;

	$session->query_safe($prepare);
	my $output = $session->query_until(qr/begun/, "\\echo begun\n$advise_for_ever\n\\echo ended\n");
	$node->poll_query_until('postgres',
		"SELECT query LIKE 'DO%' OR state = 'idle' FROM pg_stat_activity WHERE pid = $pid");
	my $asked = $stop->();
	$session->query_until(qr/ended/, '') unless $output =~ /ended/;
	my $took = time - $asked;
	cmp_ok($took, '<', 1, "$name: stops within a second");
	check_error('SET statement_timeout = 0', $expected, "$name: with the server's own error");
	return;
}

# Runs the query and checks what the session has written to stderr by its end;
# only then is all of it there.
sub check_error
{
	my ($query, $expected, $name) = @_;

	$session->query($query);
	like($session->{stderr}, $expected, $name);
	$session->{stderr} = '';
	return;
}

for my $milliseconds (0, 5, 40, 200)
{
	check_stops(
		"cancelled after $milliseconds ms",
		'SELECT 1',
		sub {
			usleep(1000 * $milliseconds);
			my $now = time;
			$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
			return $now;
		},
		qr/canceling statement due to user request/);
}

for my $milliseconds (1, 20, 100, 300)
{
	check_stops(
		"statement_timeout of $milliseconds ms",
		"SET statement_timeout = $milliseconds",
		sub { return time + $milliseconds / 1000 },
		qr/canceling statement due to statement timeout/);
}

is($session->query_safe($state), $state_before, 'all settings are as before');
is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid"),
	'0', 'the session holds no lock');
is( $node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid"),
	'idle', 'the session is idle');

# A savepoint is enough to go on after a cancel, in the same transaction.
$session->query_safe("BEGIN; SAVEPOINT s; SET LOCAL statement_timeout = '50ms'");
check_error($advise_for_ever, qr/statement timeout/, 'stops inside a transaction');
$session->query_safe('ROLLBACK TO s');
is( $session->query_safe(q{SELECT count(*) > 0 FROM dbadvisor.recommendations(min_severity => 'info')}),
	't', 'recommendations() works after the rollback to a savepoint');
$session->query_safe('COMMIT');
is($session->query_safe($state), $state_before, 'all settings are as before');

# A limit of our own ends rules, not the statement; the server's is not touched.
is( $session->query_safe(q{SET client_min_messages = error; SET dbadvisor.time_limit = 1; SELECT count(*) >= 0 FROM dbadvisor.recommendations(); RESET dbadvisor.time_limit; RESET client_min_messages}),
	't', 'dbadvisor.time_limit is no error');
is( $session->query_safe(q{SET statement_timeout = '60s'; SELECT count(*) > 0 FROM dbadvisor.recommendations(min_severity => 'info'); RESET statement_timeout}),
	't', 'a statement_timeout that is not reached does no harm');

# Both at once, while the process is stopped: then the statement ends.
$session->query_until(qr/begun/,
	"SET dbadvisor.time_limit = 600; SET statement_timeout = 1500;\n\\echo begun\n$advise_for_ever\n");
usleep(700_000);
kill 'STOP', $pid;
usleep(1_500_000);
kill 'CONT', $pid;
check_error('RESET statement_timeout', qr/canceling statement due to statement timeout/,
	'a statement_timeout is not taken for our own limit');
$session->query_safe('RESET dbadvisor.time_limit');
$session->quit;

# pg_terminate_backend ends it as well.
$session = $node->background_psql('advised', on_error_stop => 0);
$pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_until(qr/begun/, "\\echo begun\n$advise_for_ever\n");
usleep(100_000);
my $asked = time;
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
cmp_ok(time - $asked, '<', 1, 'pg_terminate_backend: stops within a second');
eval { $session->quit };

is(findings($node), $before, 'the findings are the same afterwards');
$node->stop;
done_testing();
