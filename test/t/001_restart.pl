
# Preloaded, and across restarts: the settings hold, findings keep their ids,
# what was dismissed stays dismissed.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', conf => [ 'dbadvisor.time_limit = 7s' ]);
advised_database($node);

is($node->safe_psql('advised', 'SELECT dbadvisor.is_preloaded()'), 't', 'knows that it is preloaded');

# Before a session has used dbadvisor at all its settings are known, not
# placeholders: a wrong one is refused at once.
is($node->safe_psql('postgres', 'SHOW dbadvisor.time_limit'), '7s', 'the setting of postgresql.conf holds');
my ($status, $stdout, $stderr) = $node->psql('postgres', 'SET dbadvisor.time_limit = -1');
like($stderr, qr/outside the valid range/, 'a value out of range is refused');
($status, $stdout, $stderr) = $node->psql('postgres', 'SET dbadvisor.no_such_setting = 1');
like($stderr, qr/invalid configuration parameter name/, 'an unknown setting is refused');

my $before = findings($node);
like($before, qr/ unused_index shop\.orders_placed$/m, 'the unused index is found');
my $id = finding_id($node);

$node->safe_psql('advised', "SELECT dbadvisor.dismiss('$id', 'the auditors want it')");
$node->safe_psql('postgres', q{ALTER SYSTEM SET dbadvisor.time_limit = '8s'});
$node->restart;

is($node->safe_psql('postgres', 'SHOW dbadvisor.time_limit'), '8s', 'ALTER SYSTEM holds after a restart');
is($node->safe_psql('advised', 'SHOW dbadvisor.min_window'), '0', 'ALTER DATABASE holds after a restart');
unlike(findings($node), qr/orders_placed/, 'a dismissed finding is still left out');
is(findings($node, 'advised', ', include_dismissed => true'), $before, 'findings have the ids that they had');

$node->safe_psql('advised', "SELECT dbadvisor.reopen('$id')");
is(findings($node), $before, 'and are reported again when reopened');

# A crash in between loses nothing that was committed.
$node->safe_psql('advised', "SELECT dbadvisor.dismiss('$id')");
$node->stop('immediate');
$node->start;
unlike(findings($node), qr/orders_placed/, 'a dismissal outlives an immediate shutdown');

# Reading advice is allowed while the server shuts its doors to writers.
$node->safe_psql('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on');
$node->restart;
is(finding_id($node), $id, 'works where transactions are read-only');

$node->stop;
done_testing();
