
# Upgrades: of the extension, from every version that there ever was, and of
# the server, by pg_upgrade.

use strict;
use warnings;

use DbAdvisorNode;
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
advised_database($node);

# ALTER EXTENSION UPDATE: whatever version one comes from, the objects, their
# privileges and their comments are those of a new installation.
my $objects = <<'END';
SELECT concat_ws(' ', o.type, o.identity,
                 coalesce(p.proacl::text, r.relacl::text),
                 md5(coalesce(pg_get_functiondef(p.oid), pg_get_viewdef(r.oid))),
                 obj_description(d.objid, d.classid::regclass::text::name))
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'dbadvisor'
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) o
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class r ON d.classid = 'pg_class'::regclass AND r.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
ORDER BY o.type COLLATE "C", o.identity COLLATE "C"
END
my $fresh = $node->safe_psql('advised', $objects);
like($fresh, qr/recommendations/, 'the extension has objects');

my $versions = $node->safe_psql('advised',
	q{SELECT version FROM pg_available_extension_versions WHERE name = 'dbadvisor' ORDER BY 1});
for my $version (split /\n/, $versions)
{
	(my $database = "from_$version") =~ tr/./_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION dbadvisor VERSION '$version'");
	$node->safe_psql($database, 'ALTER EXTENSION dbadvisor UPDATE');
	is($node->safe_psql($database, $objects), $fresh, "from $version to what a new installation has");
}

# pg_upgrade: dismissals are kept, findings keep their ids.
SKIP:
{
	my $old_bin = $ENV{DBADVISOR_OLD_BIN}
	  or skip('pg_upgrade needs an older PostgreSQL with its development files on this machine', 1);

	my $old = new_node('old', new => { install_path => dirname($old_bin) });
	advised_database($old);
	my $id = finding_id($old);
	my $all = findings($old);
	$old->safe_psql('advised', "SELECT dbadvisor.dismiss('$id', 'since long ago')");
	my $dismissals = $old->safe_psql('advised', 'SELECT d FROM dbadvisor.dismissals d');
	my $checksums = $old->safe_psql('postgres', 'SHOW data_checksums');
	$old->stop;

	# From 18 on initdb enables checksums; the clusters must agree.
	my @extra = $old->pg_version < 18 && $node->pg_version >= 18 && $checksums eq 'off'
	  ? ('--no-data-checksums')
	  : ();
	my $new = new_node('new', init => { extra => \@extra });
	$new->stop;

	chdir $PostgreSQL::Test::Utils::tmp_check or die "chdir: $!";
	command_ok(
		[
			$new->installed_command('pg_upgrade'), '--no-sync',
			'-d', $old->data_dir, '-D', $new->data_dir,
			'-b', $old_bin, '-B', $new->config_data('--bindir'),
			'-s', $new->host, '-p', $old->port, '-P', $new->port
		],
		'pg_upgrade from ' . $old->pg_version . ' to ' . $new->pg_version);
	$new->start;
	$new->safe_psql('advised', 'ANALYZE');
	is($new->safe_psql('advised', 'SELECT d FROM dbadvisor.dismissals d'), $dismissals, 'dismissals are kept');
	is(findings($new, 'advised', ', include_dismissed => true'), $all, 'findings keep their ids');
	unlike(findings($new), qr/\Q$id\E/, 'what was dismissed stays dismissed');
	is(coverage_of($new, "status = 'failed'"), '', 'no rule fails');
	# A view may come out of pg_dump in other words, so definitions do not count.
	(my $names = $objects) =~ s/^\s+md5\(.*\n//m;
	is($new->safe_psql('advised', $names), $node->safe_psql('advised', $names),
		'the objects are those of a new installation');
	$new->stop;
}

$node->stop;
done_testing();
