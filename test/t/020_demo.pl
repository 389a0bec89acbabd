# The demo, at half its size: every planted mistake is found and its twin is
# not; every fix runs and ends its finding; every undo runs.
#
# What is planted is read from the marks in demo/*.sql, see demo/schema.sql.

use strict;
use warnings;

use FindBin;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# With less, tables fall below the sizes at which rules begin to look.
my $scale = 0.5;
my $demo = "$FindBin::RealBin/../../demo";

# ---------------------------------------------------------------------------
# The shop
# ---------------------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('shop');
$node->init(
	allows_streaming => 'logical',
	extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf(
	'postgresql.conf', q(
shared_preload_libraries = 'pg_stat_statements,dbadvisor'
deadlock_timeout = 5ms
max_prepared_transactions = 5
max_wal_size = 4GB
max_slot_wal_keep_size = 160MB
wal_keep_size = 0
shared_buffers = 128MB
log_statement = none
autovacuum_naptime = 1h
));
$node->start;

$node->safe_psql('postgres', $_)
  for 'CREATE DATABASE shop', 'CREATE DATABASE reporting',
  'ALTER DATABASE shop SET dbadvisor.min_window = 0',
  'ALTER DATABASE shop SET dbadvisor.overhead_target = 100';
$node->safe_psql('reporting', 'CREATE EXTENSION dbadvisor');

demo_file($_) for qw(schema slots data mistakes);
traffic(60, 'devices');
my $forgotten = IPC::Run::start(
	[ psql_command('shop', '-f', "$demo/forgotten_session.sql") ],
	'<', \undef, '>', \my $forgotten_out, '2>', \my $forgotten_err);
demo_file($_) for qw(holders age);
traffic(200, qw(browse account checkout backoffice));
traffic(20, $_) for qw(plans totals);
traffic(100, qw(paging));
traffic(10, qw(report));
traffic(60, $_) for qw(locks invoices);
traffic(200, qw(time));

# ---------------------------------------------------------------------------
# Mistakes are found, their twins are not
# ---------------------------------------------------------------------------

my (%planted, %twins);
read_marks();
my %found = map { $_ => [ findings($_) ] } qw(shop reporting);
my @all = map { @$_ } values %found;
my @objects = objects();

cmp_ok(scalar(map { @$_ } values %planted), '>=', 19, 'mistakes are planted');
for my $rule (sort keys %planted)
{
	for my $mark (@{ $planted{$rule} })
	{
		ok(scalar(grep { matches($_, $rule, $mark) } @all), "$rule reports $mark");
	}
	for my $mark (@{ $twins{$rule} // [] })
	{
		# Nothing is reported about what is not there, either.
		ok(scalar(grep { is_meant($_, $mark) } @objects), "$mark exists");
		is(join("\n", map { "$_->{object}: $_->{detail}" } grep { matches($_, $rule, $mark) } @all),
			'', "$rule does not report $mark");
	}
}
# Statements are timed on whatever machine this is; all else is known.
for my $finding (grep { $planted{ $_->{rule} } && $_->{rule} !~ m{^statement/|/missing_index$} } @all)
{
	ok(was_planted($finding), "$finding->{rule} $finding->{object} was planted");
}
is(scalar(grep { $_->{rule} eq 'config/missing_pg_stat_statements' } @{ $found{shop} }),
	0, 'pg_stat_statements is missing in one database only');

my @failed = grep { $_->{status} eq 'failed' or $_->{status} eq 'cut off' } coverage('shop');
is(join("\n", map { "$_->{rule}: $_->{reason}" } @failed), '', 'no rule fails');
for my $rule (map { $_->{rule} } coverage('shop'))
{
	note("nothing is planted for $rule") unless $planted{$rule};
}

# script/demo says by its status whether all was found.
my $planted = scalar(map { @$_ } values %planted);
awk_says('planted.awk', '', 1, qr/^(NOT FOUND: [^\n]+\n){$planted}$planted mistakes .* 0 of them were found/, 'what is missed is named');
awk_says('planted.awk', join('', map { record(1, 'notice', @{$_}{qw(rule object detail)}) } everything()), 0,
	qr/^$planted mistakes .* $planted of them were found/, 'what is found is not');
awk_says('print.awk', record(1, 'info', qw(a/b c d)), 0, qr/\n1 finding: 1 info\.$/, 'one finding is counted');
awk_says('print.awk', record(1, 'critical', qw(a/b c d)) . record(2, 'info', qw(a/b c d)), 0,
	qr/\n2 findings: 1 critical, 1 info\.$/, 'and two');

# ---------------------------------------------------------------------------
# Every fix runs and ends its finding
# ---------------------------------------------------------------------------

# As the caution of invalid_index says: the duplicates first.
my ($invalid) = grep { $_->{rule} eq 'index/invalid_index' } @{ $found{shop} };
like($node->safe_psql('shop', $invalid->{evidence}{find_duplicates}),
	qr/ch_repeated/, 'the evidence of an invalid index finds the duplicates');
$node->safe_psql('shop', q(UPDATE shop.payments SET provider_ref = 'ch_' || id WHERE provider_ref = 'ch_repeated'));

# Whoever holds back vacuum goes first: others would wait for it, or be in vain.
my @applied;
my %seen;
for my $database (qw(shop reporting))
{
	my @ordered = sort { first($b) <=> first($a) } @{ $found{$database} };

	for my $finding (grep { defined $_->{fix} } @ordered)
	{
		next if $seen{ $finding->{fix} }++;
		# What a fix leaves in its session can be undone only there.
		my $in_session = $finding->{fix} =~ /^PREPARE /m;
		executes($database, $finding, $in_session ? qw(fix undo) : 'fix');
		push @applied, [ $database, $finding ] if defined $finding->{undo} && !$in_session;
	}
}
$forgotten->kill_kill;

# What is known of these statements from before does not bring them back.
traffic(10, $_) for qw(plans totals);
is(join("\n", map { "$_->{object}: $_->{detail}" }
		  grep { $_->{rule} =~ m{^statement/(spills_to_disk|misestimate)$} } findings('shop')),
	'', 'statements that were mended run as they should');

# The fix of a slow statement shows its plan, and other findings have none; this
# is what one would do then. The application is changed: it sends the traffic that
# wastes time no more.
$node->safe_psql('shop', $_)
  for 'CREATE INDEX ON ops.events (customer_id)', 'SELECT pg_stat_statements_reset()',
  'DROP INDEX ops.devices_last_seen_idx', 'SELECT dbadvisor.reset()';
$node->restart;
traffic(100, qw(report browse account checkout backoffice));

my @left = map { findings($_) } qw(shop reporting);
for my $finding (@all)
{
	my @same = grep { $_->{rule} eq $finding->{rule} && $_->{object} eq $finding->{object} } @left;
	is(scalar(@same), 0, "gone: $finding->{rule} $finding->{object}")
	  or diag($same[0]{detail});
}
my %known = map { ("$_->{rule} $_->{object}" => 1) } @all;
for my $finding (grep { !$known{"$_->{rule} $_->{object}"} } @left)
{
	note("new: $finding->{rule} $finding->{object}: $finding->{detail}");
}

# ---------------------------------------------------------------------------
# Every undo runs
# ---------------------------------------------------------------------------

executes(@$_, 'undo') for reverse @applied;
$node->restart;
is($node->safe_psql('shop', 'SHOW shared_preload_libraries'),
	'pg_stat_statements,dbadvisor', 'the server starts with what it loaded before');

$node->stop;
done_testing();

# ---------------------------------------------------------------------------

# psql as it reads a script: one statement a transaction, ended by an error.
sub psql_command
{
	my ($database, @arguments) = @_;
	return ('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', "scale=$scale",
		'-d', $node->connstr($database), @arguments);
}

# Runs one file of the demo in the shop.
sub demo_file
{
	my ($name) = @_;
	my $result = IPC::Run::run([ psql_command('shop', '-f', "$demo/$name.sql") ],
		'<', \undef, '>', \my $out, '2>', \my $err);
	$result or BAIL_OUT("demo/$name.sql failed: $err");
}

# Runs scripts of the demo's traffic, each as often on each of two connections.
sub traffic
{
	my ($transactions, @names) = @_;
	$node->command_ok(
		[
			'pgbench', '-n', '-c', 2, '-t', $transactions, '-U', 'shop_app',
			'--random-seed=42', '-D', "shop_scale=$scale",
			(map { ('-f', "$demo/traffic/$_.sql") } @names),
			'-h', $node->host, '-p', $node->port, 'shop'
		],
		"traffic: @names");
}

# A finding as findings.sql prints it.
sub record
{
	return join("\037", 'finding', @_, '', '', '') . "\036";
}

# The findings, and what was merged into others under its own name.
sub everything
{
	return map {
		my $finding = $_;
		map { { %$finding, rule => $_ } } $finding->{rule}, keys %{ $finding->{evidence}{also} // {} }
	} @all;
}

# Gives findings to one of the demo's scripts, and looks at what it says.
sub awk_says
{
	my ($script, $records, $status, $expected, $name) = @_;
	my @marks = $script eq 'planted.awk' ? (glob("$demo/*.sql"), "FS=\037", "RS=\036", '-') : ();

	IPC::Run::run([ 'awk', '-v', 'width=80', '-f', "$demo/$script", @marks ],
		'<', \$records, '>', \my $out, '2>', \my $err);
	is($? >> 8, $status, "$name: status of $script");
	like($out, $expected, "$name: what $script says");
}

# Fills %planted and %twins: rule => [ mark, ... ].
sub read_marks
{
	for my $file (glob "$demo/*.sql")
	{
		for (split /\n/, slurp_file($file))
		{
			next unless m{^\s*-- (planted|twin): ([a-z]+/[a-z0-9_]+) (.+)$};
			my $marks = $1 eq 'planted' ? \%planted : \%twins;
			push @{ $marks->{$2} }, $3;
		}
	}
}

# Whether a finding is of the rule, itself or merged into another, and is what
# the mark means.
sub matches
{
	my ($finding, $rule, $mark) = @_;
	my ($name) = $rule =~ m{/(.*)};

	return ($finding->{rule} eq $rule || exists $finding->{evidence}{also}{$name})
	  && is_meant($finding, $mark);
}

# Whether some mark announced the finding.
sub was_planted
{
	my ($finding) = @_;

	for my $rule (keys %planted)
	{
		return 1 if grep { matches($finding, $rule, $_) } @{ $planted{$rule} };
	}
	return 0;
}

# Whether the mark means this: by its name, or between slashes by a regular
# expression over name and detail.
sub is_meant
{
	my ($finding, $mark) = @_;

	return $finding->{object} eq $mark unless $mark =~ m{^/(.*)/$};
	return "$finding->{object}: $finding->{detail}" =~ /$1/;
}

# All that there is to report about, in the form of findings.
sub objects
{
	return rows('shop', q{
		SELECT (pg_identify_object('pg_class'::regclass, c.oid, 0)).identity AS object, '' AS detail
		FROM pg_class c
		WHERE c.relnamespace IN ('shop'::regnamespace, 'ops'::regnamespace)
		UNION ALL
		SELECT (pg_identify_object('pg_constraint'::regclass, o.oid, 0)).identity, ''
		FROM pg_constraint o
		WHERE o.connamespace IN ('shop'::regnamespace, 'ops'::regnamespace)
		UNION ALL
		SELECT slot_name, '' FROM pg_replication_slots
		UNION ALL
		SELECT gid, '' FROM pg_prepared_xacts
		UNION ALL
		SELECT 'statement', query FROM pg_stat_statements});
}

# The findings in a database, as whoever is on call sees them.
sub findings
{
	my ($database) = @_;
	return rows($database, q{
		SELECT category || '/' || rule AS rule, object, detail, fix, undo,
		       coalesce(evidence, '{}') AS evidence
		FROM dbadvisor.recommendations(min_severity => 'info')
		WHERE severity <> 'info' OR category = 'config'});
}

sub coverage
{
	my ($database) = @_;
	return rows($database, q{
		SELECT category || '/' || rule AS rule, status, reason FROM dbadvisor.coverage()});
}

# The rows of a query as hashes; the session is that of a member of pg_monitor.
sub rows
{
	my ($database, $query) = @_;
	my $json = $node->safe_psql($database,
		"SET ROLE oncall; SELECT coalesce(json_agg(r), '[]') FROM ($query) r");
	return @{ JSON::PP->new->utf8->decode($json) };
}

# 1 for what other fixes may have to wait for.
sub first
{
	my ($finding) = @_;
	return $finding->{rule} eq 'vacuum/xmin_horizon' ? 1 : 0;
}

# Runs the fix, the undo or both of a finding in one session.
sub executes
{
	my ($database, $finding, @which) = @_;
	my $commands = join "\n", map { $finding->{$_} } @which;
	my $file = "${PostgreSQL::Test::Utils::tmp_check}/commands.sql";

	open my $out, '>:utf8', $file or die "could not write $file: $!";
	print $out "SET lock_timeout = '60s';\n$commands\n";
	close $out;
	my $result = IPC::Run::run([ psql_command($database, '-f', $file) ],
		'<', \undef, '>', \my $stdout, '2>', \my $stderr, IPC::Run::timeout(120));
	ok($result, "@which of $finding->{rule} $finding->{object}") or diag("$commands\n$stderr");
}
