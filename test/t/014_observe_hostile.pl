
# What statements, roles and sessions may do to those who observe them, and to
# those who read what was observed: texts that no scanner likes, names that stand
# in for the server's own, functions that wait to be called by somebody mightier,
# errors and ends in the middle of the work.

use strict;
use warnings;

use DbAdvisorNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('main', conf => [ 'dbadvisor.overhead_target = 100' ]);
my $file = $node->data_dir . '/pg_stat/dbadvisor.stat';

$node->safe_psql('postgres', <<'END');
CREATE EXTENSION dbadvisor;
CREATE ROLE mallory LOGIN;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE SCHEMA m AUTHORIZATION mallory;
CREATE TABLE bill (id int PRIMARY KEY, amount int);
INSERT INTO bill SELECT i, i FROM generate_series(1, 1000) i;
ANALYZE bill;
END

$node->safe_psql('postgres', "CREATE DATABASE unicode ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('unicode', 'CREATE EXTENSION dbadvisor');

# Runs as somebody; returns what psql printed and what it complained of.
sub run_as
{
	my ($role, $sql, $database) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database // 'postgres', $sql, extra_params => [ '-U', $role ]);

	return ($stdout, $stderr);
}

sub read_samples
{
	return $node->safe_psql('unicode',
		q{SELECT count(*) > 0, bool_and(length(lower(s::text)) > 0) FROM dbadvisor.samples s});
}

# -------------------------------------------------------------------- texts
# The statement inside of EXPLAIN has the text of all that was sent with it, also
# of what never was a statement.
for my $number ('2147483648', '2000000000', '0')
{
	run_as('mallory', "EXPLAIN ANALYZE SELECT pg_sleep(0.002), $number AS tried \\; SELECT \$$number");
	run_as('mallory', join(';', map { "EXPLAIN ANALYZE SELECT pg_sleep(0.002 * $_), $number AS tried \\; SELECT 5" } 1 .. 9));
}
is(read_samples(), 't|t', 'numbers of parameters that cannot be do not hurt who reads samples');

run_as('mallory', "SET standard_conforming_strings = off; SELECT pg_sleep(0.002 * $_), 'a\\'b', b'1' || 'x\\'' AS old;")
  for 1 .. 5;
is(read_samples(), 't|t', 'nor do strings of another syntax');

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('latin', "SET client_encoding = 'LATIN1'; SET search_path = 'sch\xe9ma', public; SELECT pg_sleep(0.002 * $_), 'caf\xe9' AS \"th\xe9\"")
  for 1 .. 5;
is(read_samples(), 't|t', 'nor the letters of another encoding');
is($node->safe_psql('unicode', q{SELECT count(*) > 0 FROM dbadvisor.samples WHERE search_path = '<text in another encoding>'}),
	't', 'which are not shown');

# ---------------------------------------------------------- whose values are shown
# Two statements that differ in their constants alone are one to the server.
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION secret() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE found text;
BEGIN EXECUTE 'SELECT ''password of postgres''::text AS word' INTO found; RETURN 'told'; END $$;
END
run_as('mallory', "PREPARE p AS SELECT 'x'::text AS word;" . 'EXECUTE p; SELECT secret();' x 40);
is( $node->safe_psql('postgres', <<'END'), '', 'the values of a statement are not taken for those of another');
SELECT parameters FROM dbadvisor.samples
WHERE userid = 'mallory'::regrole AND parameters::text ~ 'password of postgres'
END
is( $node->safe_psql('postgres', <<'END'), 't', 'but its own are taken');
SELECT count(*) > 0 FROM dbadvisor.samples WHERE userid = 'mallory'::regrole AND parameters[1] IN ('x', '''x''')
END

# Nor by one user: the first is executed again and again after the other was planned.
run_as('mallory', "PREPARE a AS SELECT 'first'::text AS which; PREPARE b AS SELECT 'second'::text AS which;"
	  . 'EXECUTE a; EXECUTE b;' . 'EXECUTE a;' x 60);
is( $node->safe_psql('postgres', <<'END'), 't', 'what was planned last is not taken for what is executed');
SELECT count(*) FILTER (WHERE parameters::text ~ 'first') >= count(*) FILTER (WHERE parameters::text ~ 'second')
FROM dbadvisor.samples WHERE query ~ 'AS which'
END

# ------------------------------------------------------------------ whose code runs
# A superuser once read a table of mallory's, who then has an index whose
# predicate calls a function of his: to plan the statement calls it.
run_as('mallory', 'CREATE TABLE m.t (a int, b int); INSERT INTO m.t SELECT i, i FROM generate_series(1, 100) i; GRANT SELECT ON m.t TO PUBLIC');
$node->safe_psql('postgres', 'SELECT count(*) AS lured FROM m.t WHERE a = 5');
run_as('mallory', <<'END');
CREATE FUNCTION m.noted() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE LOG 'mallory is %', current_user; RETURN 1; END $$;
CREATE FUNCTION m.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN m.noted(); END $$;
CREATE INDEX ON m.t (b) WHERE m.evil(1) = 1;
END
my $lured = $node->safe_psql('postgres', q{SELECT max(queryid) FROM dbadvisor.samples WHERE query ~ 'AS lured'});
my $position = -s $node->logfile;
my ($planned, $complaint) = run_as('watcher', "SELECT dbadvisor.explain_sample($lured)");
like($complaint, qr/permission denied to plan statement/, 'who may read statements may not become their users');
unlike(substr(slurp_file($node->logfile), $position), qr/mallory is/, 'nor have code run as them');
is($node->safe_psql('postgres', "SELECT dbadvisor.explain_sample($lured) ~ 'Scan'"), 't', 'the superuser may');
run_as('mallory', 'SELECT a AS own FROM m.t WHERE a = 1');
$node->safe_psql('postgres', 'GRANT mallory TO watcher');
($planned, $complaint) = run_as('watcher', q{SELECT dbadvisor.explain_sample(max(queryid)) ~ 'Scan' FROM dbadvisor.samples WHERE query ~ 'AS own'});
is($planned, 't', 'and so may a member of the role');

run_as('mallory', <<'END');
CREATE FUNCTION m.equal(oid, oid) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE LOG 'mallory compares as %', current_user; RETURN true; END $$;
CREATE OPERATOR m.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = m.equal);
END
$position = -s $node->logfile;
$node->safe_psql('postgres', 'SET search_path = m, pg_catalog; SELECT count(*) FROM dbadvisor.known_statements(); SELECT count(*) FROM dbadvisor.recommendations()');
unlike(substr(slurp_file($node->logfile), $position), qr/mallory compares/, "operators in the caller's search_path are not used");

# ------------------------------------------------------------------- errors and ends
# A cursor that fails inside of a subtransaction is never finished.
$node->safe_psql('postgres', <<'END');
DO $$
DECLARE
    c refcursor;
    r record;
BEGIN
    FOR i IN 1 .. 300 LOOP
        c := NULL;
        OPEN c FOR EXECUTE 'SELECT 1 / (3 - id) AS quotient, repeat(''x'', 100) FROM bill WHERE id < 9 ORDER BY id';
        FETCH c INTO r;
        BEGIN
            FETCH c INTO r;
            FETCH c INTO r;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
        EXECUTE 'SELECT amount AS counted_once, id FROM bill WHERE id > 5 LIMIT 3';
    END LOOP;
END $$
END
is($node->safe_psql('postgres', q{SELECT sum(calls) FROM dbadvisor.statements WHERE query ~ 'AS counted_once'}),
	'300', 'what follows a cursor that failed is counted once each');
is($node->safe_psql('postgres', q{SELECT sum(errors) FROM dbadvisor.statements WHERE query ~ '^SELECT .* AS quotient'}),
	'300', 'and so is its failure');

$node->safe_psql('postgres', <<'END');
CREATE PROCEDURE deeper(n int) LANGUAGE plpgsql AS $$
BEGIN
    IF n > 0 THEN CALL deeper(n - 1); ELSE PERFORM pg_sleep(0.05); END IF;
END $$;
CALL deeper(100);
END
is($node->safe_psql('postgres', q{SELECT count(*) FROM dbadvisor.statements WHERE query ~ 'pg_sleep\(\$1\)' AND NOT toplevel AND calls > 1}),
	'0', 'what is nested too deep is not counted for others');
is($node->safe_psql('postgres', 'SELECT unobserved >= 37 FROM dbadvisor.store'), 't', 'but counted as not observed');

# A statement met for the first time has its operators looked up; whoever has
# locked that catalog must not make the session deaf.
my $locker = $node->background_psql('postgres');
$locker->query_safe(q{SET idle_in_transaction_session_timeout = '20s'});
$locker->query_safe('BEGIN; LOCK TABLE pg_amop IN ACCESS EXCLUSIVE MODE');
my $begun = time;
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET statement_timeout = '1s'; SELECT amount AS patient FROM bill WHERE id = 1 AND amount = 2");
like($stderr, qr/statement timeout/, 'a timeout ends a statement that waits for a catalog');
cmp_ok(time - $begun, '<', 15, 'at once');
eval { $locker->query_safe('COMMIT') };
eval { $locker->quit };
is($node->safe_psql('postgres', 'SELECT failures FROM dbadvisor.store'), '0', 'which is no failure of the observer');

# ------------------------------------------------------------------- the server's end
ok(-e $file || $node->safe_psql('postgres', 'SELECT 1'), 'the server runs');
$node->restart;
ok(-e $file, 'what was saved stays until it is saved again');
$node->safe_psql('postgres', 'SELECT dbadvisor.reset()');
ok(!-e $file, 'unless it is to be forgotten');
$node->safe_psql('postgres', 'SELECT amount AS remembered FROM bill WHERE id = 7');
$node->stop;
my $hba = $node->data_dir . '/pg_hba.conf';
my $rules = slurp_file($hba);
append_to_file($hba, "nonsense\n");
isnt($node->start(fail_ok => 1), 1, 'a server with a broken pg_hba.conf does not start');
open my $out, '>', $hba or die "$hba: $!";
print $out $rules;
close $out;
$node->start;
is($node->safe_psql('postgres', q{SELECT sum(calls) FROM dbadvisor.statements WHERE query ~ 'AS remembered'}),
	'1', 'and loses nothing by that');

# Sessions that die with the store's locks in their hands.
for my $round (1 .. 6)
{
	my @busy = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 3;
	$_->query_until(qr/begun/, "\\echo begun\nDO \$\$ BEGIN LOOP PERFORM dbadvisor.reset(); EXECUTE 'SELECT 1'; COMMIT; END LOOP; END \$\$;\n") for @busy;
	select undef, undef, undef, 0.05 * $round;
	$node->stop('immediate');
	eval { $_->quit } for @busy;
	$node->start;
}
unlike(slurp_file($node->logfile), qr/PANIC/, 'an immediate shutdown waits for nobody');
is($node->safe_psql('postgres', 'SELECT statements > 0 FROM dbadvisor.store'), 't', 'and the server observes again');

$node->stop;
done_testing();
