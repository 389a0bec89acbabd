
# Without shared_preload_libraries: from 17 on a session that loads the library
# is observed, in memory shared with the others that do; before, coverage() says
# what is missing.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', preload => 0);
my $can = $node->safe_psql('postgres', q{SELECT current_setting('server_version_num')::int >= 170000}) eq 't';

$node->safe_psql('postgres', 'CREATE EXTENSION dbadvisor; CREATE TABLE bill (id int PRIMARY KEY, amount int)');

my $known = q{SELECT sum(calls) FROM dbadvisor.statements WHERE query ~ '^SELECT amount FROM bill'};
my $observing = q{SELECT name FROM dbadvisor.rules WHERE 'observing' = ANY (regexp_split_to_array(needs, ', *')) ORDER BY 1};
my $skipped = q{SELECT rule FROM dbadvisor.coverage() WHERE reason LIKE '%shared_preload_libraries%' AND rule IN (} . $observing =~ s/ORDER BY 1//r . q{) ORDER BY 1};

if (!$can)
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', "LOAD 'dbadvisor'; SELECT amount FROM bill; $known");
	like($stderr, qr/statements are not observed.*not preloaded: add it to shared_preload_libraries and restart/s,
		'before 17 the views say what is missing');
	isnt($node->safe_psql('postgres', $observing), '', 'there are rules that need observing');
	is($node->safe_psql('postgres', $skipped), $node->safe_psql('postgres', $observing), 'and each has a coverage row that says so');
	$node->append_conf('postgresql.conf', "session_preload_libraries = 'dbadvisor'\n");
	$node->reload;
	is($node->safe_psql('postgres', 'SELECT 1'), '1', 'session_preload_libraries does no harm');
	unlike(slurp_file($node->logfile), qr/dbadvisor could not/, 'nor fills the log');
	$node->stop;
	done_testing();
	exit;
}

is($node->safe_psql('postgres', "LOAD 'dbadvisor'; SELECT amount FROM bill WHERE id = 1; $known"), '1', 'LOAD is enough for a session');
is($node->safe_psql('postgres', "LOAD 'dbadvisor'; SELECT amount FROM bill WHERE id = 2; $known"), '2', 'the next one adds to the same');
$node->safe_psql('postgres', 'SELECT amount FROM bill WHERE id = 3');
is($node->safe_psql('postgres', $known), '2', 'a session without it is not observed');

$node->append_conf('postgresql.conf', "session_preload_libraries = 'dbadvisor'\n");
$node->reload;
$node->safe_psql('postgres', 'SELECT amount FROM bill WHERE id = 4');
is($node->safe_psql('postgres', $known), '3', 'session_preload_libraries is enough for all');
is($node->safe_psql('postgres', $skipped), '', 'and no rule asks for more');
is($node->safe_psql('postgres', 'SELECT dbadvisor.is_preloaded(), dbadvisor.observing_obstacle() IS NULL'), 'f|t', 'it knows how it was loaded');

# Sessions at the same time, and one that is killed.
my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 4;
$_->query_safe('SELECT amount FROM bill WHERE id = 5') for @sessions;
$_->quit for @sessions;
is($node->safe_psql('postgres', $known), '7', 'sessions at the same time are all counted');

# Other sizes are another store; sessions that know the old one go on with it.
my $old = $node->background_psql('postgres');
$old->query_safe('SELECT 1');
$node->append_conf('postgresql.conf', "dbadvisor.max_statements = 500\n");
$node->reload;
is($node->safe_psql('postgres', 'SELECT max_statements FROM dbadvisor.store'), '500', 'new sizes hold for new sessions');
is($old->query_safe('SELECT max_statements FROM dbadvisor.store'), '5000', 'and not for those that are there');
$old->quit;

# A crash takes this memory with it: nothing is in the way of a new one.
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
my $position = -s $node->logfile;
$node->safe_psql('postgres', q{ALTER SYSTEM SET restart_after_crash = on});
$node->reload;
kill 'KILL', $pid;
$node->wait_for_log(qr/ready to accept connections/, $position);
eval { $victim->quit };
$node->poll_query_until('postgres', 'SELECT true');
$node->safe_psql('postgres', 'SELECT amount FROM bill WHERE id = 4');
is($node->safe_psql('postgres', $known), '1', 'after a crash observing begins anew');

unlike(slurp_file($node->logfile), qr/dbadvisor could not/, 'nothing went wrong');
$node->stop;
done_testing();
