
# A backend killed inside recommendations() takes the server down as any other
# would, and nothing of dbadvisor is in the way of its recovery.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('main', conf => ['restart_after_crash = on']);
advised_database($node);
my $before = findings($node);
my $id = finding_id($node);
$node->safe_psql('advised', "SELECT dbadvisor.dismiss('$id')");

# Kills a session that does nothing but ask for advice, at another moment each
# time, and waits until the server is back.
sub kill_while_advising
{
	my ($microseconds) = @_;
	my $session = $node->background_psql('advised', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');

	$session->query_until(qr/begun/, <<'END');
\echo begun
DO $$ BEGIN LOOP PERFORM count(*) FROM dbadvisor.recommendations(); END LOOP; END $$;
END
	$node->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE 'DO%' FROM pg_stat_activity WHERE pid = $pid")
	  or die 'the session is not at work';
	usleep($microseconds);
	my $log_before = -s $node->logfile;
	is(kill('KILL', $pid), 1, "kills a backend inside recommendations() after $microseconds us");
	eval { $session->quit };
	$node->wait_for_log(qr/terminated by signal 9/, $log_before);
	$node->wait_for_log(qr/ready to accept connections/, $log_before);
	return;
}

for my $microseconds (0, 3_000, 50_000, 211_000)
{
	kill_while_advising($microseconds);
	is(findings($node, 'advised', ', include_dismissed => true'), $before, 'the same findings afterwards');
}

like(slurp_file($node->logfile), qr/terminated by signal 9/, 'the server did crash');
unlike(findings($node), qr/orders_placed/, 'a dismissal outlives the crashes');
is(coverage_of($node, "status = 'failed'"), '', 'no rule fails after the crashes');

$node->stop;
done_testing();
