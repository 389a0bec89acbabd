# The commands that not_preloaded and missing_pg_stat_statements give are
# executed and the server is restarted: it starts, it still loads what it loaded
# before, and the findings are gone.  One quote in the wrong place and it would
# not start at all.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A server with the given lines of configuration and dbadvisor in a database.
sub new_node
{
	my ($name, @lines) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "$_\n") foreach @lines;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION dbadvisor');
	return $node;
}

# The rules of this test that report something, in alphabetical order.
sub findings
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{
		SELECT coalesce(string_agg(rule, ' ' ORDER BY rule), '')
		FROM dbadvisor.recommendations('{config}', 'info')
		WHERE rule IN ('not_preloaded', 'missing_pg_stat_statements')});
}

# The "fix", "undo", "detail" or "caution" of a finding; '' for none.
sub part
{
	my ($node, $rule, $column) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT $column FROM dbadvisor.recommendations('{config}', 'info')
		WHERE rule = '$rule'});
}

# Statement by statement, because ALTER SYSTEM must be alone.
sub execute
{
	my ($node, $commands) = @_;
	$node->safe_psql('postgres', $_) foreach split /(?<=;)\n/, $commands;
}

sub preloaded
{
	my ($node) = @_;
	return $node->safe_psql('postgres', 'SHOW shared_preload_libraries');
}

my $both = 'missing_pg_stat_statements not_preloaded';

# Nothing is loaded.
{
	my $node = new_node('empty');

	is(findings($node), $both, 'both report a server that loads nothing');
	is(part($node, $_, 'severity'), 'notice', "$_ is a notice") for split / /, $both;
	my $blind = $node->safe_psql('postgres', q{SELECT count(*) FROM dbadvisor.rules WHERE needs ~ 'observing'});
	like(part($node, 'not_preloaded', 'detail'), qr/: $blind rules cannot look at them/, 'it is said what is lost');
	if ($node->safe_psql('postgres', 'SHOW server_version_num') >= 170000)
	{
		like(part($node, 'not_preloaded', 'caution'), qr/session_preload_libraries/, 'and that sessions can observe');
		execute($node, q{ALTER SYSTEM SET session_preload_libraries = 'dbadvisor'});
		$node->reload;
		is(part($node, 'not_preloaded', 'severity'), 'info', 'which is for the record where they do');
		execute($node, 'ALTER SYSTEM RESET session_preload_libraries');
		$node->reload;
	}
	my $undo = part($node, 'missing_pg_stat_statements', 'undo');
	execute($node, part($node, 'not_preloaded', 'fix'));
	execute($node, part($node, 'missing_pg_stat_statements', 'fix'));
	$node->restart;
	is(findings($node), '', 'one fix after the other ends both');
	is(preloaded($node), 'pg_stat_statements, dbadvisor', 'and neither overwrites the other');
	execute($node, $undo);
	$node->restart;
	is(findings($node), $both, 'the undo brings back what was');
	is(preloaded($node), '', 'which is nothing');

	execute($node, part($node, 'missing_pg_stat_statements', 'fix'));
	execute($node, part($node, 'not_preloaded', 'fix'));
	$node->restart;
	is(findings($node), '', 'the other order does, too');
	$node->stop;
}

# A list with quotes, spaces and a path is there, in postgresql.conf.
{
	my $node = new_node('listed',
		q{shared_preload_libraries = ' auto_explain ,"$libdir/passwordcheck" '});

	execute($node, part($node, 'not_preloaded', 'fix'));
	$node->restart;
	is(preloaded($node),
		'auto_explain, "$libdir/passwordcheck", pg_stat_statements, dbadvisor',
		'a fix keeps what was there');
	is( $node->safe_psql('postgres',
			q{SELECT count(*) FROM pg_settings WHERE name = 'auto_explain.log_analyze'}),
		'1', 'and it is loaded');
	is(findings($node), 'missing_pg_stat_statements', 'the extension is still to be created');
	is(part($node, 'missing_pg_stat_statements', 'fix'),
		'CREATE EXTENSION pg_stat_statements;', 'which is all that is left to do');
	execute($node, part($node, 'missing_pg_stat_statements', 'fix'));
	is(findings($node), '', 'then all is well');

	# The extension stays in a database when the server stops loading it.
	execute($node, 'ALTER SYSTEM RESET shared_preload_libraries;');
	$node->restart;
	is(findings($node), $both, 'an extension that the server does not load is reported');
	unlike(part($node, 'missing_pg_stat_statements', 'fix'),
		qr/CREATE EXTENSION/, 'and not created a second time');
	$node->stop;
}

# The list was set by ALTER SYSTEM: the undo must bring that one back.
{
	my $node = new_node('altered');

	execute($node, q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'passwordcheck';});
	$node->restart;
	my $undo = part($node, 'not_preloaded', 'undo');
	execute($node, part($node, 'not_preloaded', 'fix'));
	$node->restart;
	execute($node, $undo);
	$node->restart;
	is(preloaded($node), 'auto_explain, passwordcheck', 'the undo keeps what ALTER SYSTEM had set');

	# Somebody else's change waits for a restart: ours would overwrite it.
	$node->safe_psql('postgres',
		q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'auth_delay'});
	$node->reload;
	$node->poll_query_until('postgres',
		q{SELECT pending_restart FROM pg_settings WHERE name = 'shared_preload_libraries'});
	is(findings($node), $both, 'a change that waits is no end of the findings');
	is(part($node, 'not_preloaded', 'fix') . part($node, 'missing_pg_stat_statements', 'fix'),
		'', 'and no command is given that would overwrite it');
	$node->stop;
}

# The list comes from the command line, where ALTER SYSTEM cannot reach it; and
# a setting of pg_stat_statements in the file does not make it loaded.
{
	my $node = new_node('command_line', 'pg_stat_statements.max = 1000');

	like(part($node, 'missing_pg_stat_statements', 'detail'),
		qr/not loaded by the server/, 'a setting in the file is not the library');
	$node->stop;
	command_ok(
		[   'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile,
			'-o', '-c shared_preload_libraries=auto_explain', 'start' ],
		'starts with the list on the command line');
	$node->_update_pid(1);
	is(findings($node), $both, 'both report it');
	is(part($node, 'not_preloaded', 'fix') . part($node, 'missing_pg_stat_statements', 'fix'),
		'', 'but give no command that would change nothing');
	$node->stop;
}

# A standby can load a library but not create an extension.
{
	my $primary = new_node('primary');
	my $standby = PostgreSQL::Test::Cluster->new('standby');

	$primary->backup('base');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->start;
	is(findings($standby), $both, 'a standby is reported, too');
	unlike(part($standby, 'missing_pg_stat_statements', 'fix'),
		qr/EXTENSION/, 'without what only its primary can do');
	like(part($standby, 'missing_pg_stat_statements', 'caution'),
		qr/on its primary/, 'which it says');
	execute($standby, part($standby, 'missing_pg_stat_statements', 'fix'));
	$standby->restart;
	is(preloaded($standby), 'pg_stat_statements, dbadvisor', 'its fix works there');
	is(part($standby, 'missing_pg_stat_statements', 'fix'), '', 'after which nothing can be done there');
	$standby->stop;
	$primary->stop;
}

done_testing();
