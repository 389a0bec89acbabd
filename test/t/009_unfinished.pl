
# An empty list of recommendations must not pass for good health: a rule that
# breaks off, for lack of time, memory or privilege, is warned of by name.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
advised_database($node);

# What recommendations() says on stderr after the given statements.
sub warning_after
{
	my ($setup) = @_;
	my ($out, $err);

	$node->psql('advised', "$setup; SELECT count(*) FROM dbadvisor.recommendations();",
		stdout => \$out, stderr => \$err);
	return $err;
}

is(warning_after('SELECT 1'), '', 'nothing is warned of when all rules ran');
like(
	warning_after('SET dbadvisor.time_limit = 1'),
	qr/WARNING:  \d+ rules? did not come to (its|their) end: .*\n.*HINT:  .*dbadvisor\.coverage\(\)/,
	'rules that are cut off are warned of');

$node->safe_psql('advised', 'CREATE ROLE half LOGIN; GRANT pg_monitor TO half;'
	  . 'REVOKE SELECT ON dbadvisor.user_indexes FROM pg_monitor');
like(warning_after('SET ROLE half'), qr/WARNING: .*\bunused_index\b/,
	'and so are rules that lack a privilege');
is($node->safe_psql('advised', "SET client_min_messages = error; SET ROLE half;"
	  . " SELECT count(*) > 0 FROM dbadvisor.coverage() WHERE status = 'examined'"), 't',
	'while the others go on');

$node->stop;
done_testing();
