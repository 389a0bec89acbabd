# Scaling.pm: schemas and workloads of any size, for bench/whatif: tables with
# foreign keys among them, statements of a dozen shapes.  The same every time.
package Scaling;

use strict;
use warnings;

my @TEXTS = ('open', 'done', 'done', 'done', 'failed', 'waiting');

# The SQL that makes so many tables with so many rows each, in schema "many".
sub schema
{
	my ($tables, $rows) = @_;
	my $sql = "CREATE SCHEMA many;\n";

	for my $n (0 .. $tables - 1)
	{
		# Some tables are larger than others.
		my $count = int($rows * (0.5, 1, 1, 1.5)[ $n % 4 ]);
		$sql .= <<"SQL";
CREATE TABLE many.t$n (
    id int PRIMARY KEY, parent int NOT NULL, owner int NOT NULL, state text NOT NULL, amount numeric(10, 2) NOT NULL,
    score int NOT NULL, made date NOT NULL, changed timestamptz NOT NULL, code text NOT NULL, note text
);
INSERT INTO many.t$n
SELECT i, 1 + i * 7919::bigint % $rows / 2, 1 + (hashint4(i + $n) & 2147483647) % 900,
    (ARRAY[@{[ join ', ', map { "'$_'" } @TEXTS ]}])[1 + (hashint4(i * 3) & 2147483647) % 6], (i * 31::bigint % 99991) / 100.0,
    (hashint4(i * 7 + $n) & 2147483647) % 5000, date '2020-01-01' + i % 1800, timestamptz '2024-01-01 00:00+00' + i * interval '3 min',
    md5(i::text), CASE WHEN i % 3 > 0 THEN repeat('n', i % 40) END
FROM generate_series(1, $count) i;
SQL
	}
	return "$sql ANALYZE;\n";
}

# So many statements { id, name, weight, query } over so many tables.
sub statements
{
	my ($statements, $tables) = @_;

	return [ map { statement($_, $tables) } 1 .. $statements ];
}

# Statement number n: its shape, tables, columns and constants follow from n.
sub statement
{
	my ($n, $tables) = @_;
	my $spread = $n * 2654435761 % 4294967296;
	my ($one, $other) = map { 'many.t' . ($spread + $_ * (1 + $n % 3)) % $tables } 0, 1;
	my $equal = ('owner', 'parent', 'score')[ ($spread >> 8) % 3 ];
	my $range = ('made', 'changed')[ ($spread >> 11) % 2 ];
	my $from = $range eq 'made' ? "date '2024-0" . (1 + $n % 9) . "-01'" : "timestamptz '2024-0" . (1 + $n % 4) . "-01 00:00+00'";
	my $state = ('open', 'failed', 'waiting')[ $n % 3 ];
	my $number = 1 + $spread % 800;
	my @shapes = (
		"SELECT * FROM $one WHERE $equal = $number",
		"SELECT id, amount FROM $one WHERE $equal = $number AND $range >= $from",
		"SELECT id, changed FROM $one WHERE state = '$state' AND owner = $number ORDER BY changed DESC LIMIT 20",
		"SELECT a.id, b.amount FROM $one a JOIN $other b ON b.parent = a.id WHERE a.owner = $number AND b.state = '$state'",
		"SELECT b.owner, count(*), sum(a.amount) FROM $one a JOIN $other b ON b.id = a.parent WHERE a.$range >= $from GROUP BY b.owner ORDER BY 3 DESC LIMIT 10",
		"SELECT score, count(*) FROM $one WHERE $range >= $from AND score < $number GROUP BY score",
		"SELECT count(*) FROM $one a WHERE a.owner = $number AND EXISTS (SELECT FROM $other b WHERE b.parent = a.id AND b.score > $number)",
		"UPDATE $one SET state = 'done' WHERE parent = $number AND state = '$state'",
		"SELECT id FROM $one WHERE score IN ($number, $number + 7, $number + 77) AND made >= date '2023-01-01' ORDER BY made",
		"SELECT id FROM $one WHERE owner = $number OR parent = $number",
		"SELECT DISTINCT ON (owner) owner, id, changed FROM $one WHERE owner < " . (10 + $n % 60) . ' ORDER BY owner, changed DESC',
		"SELECT id, note FROM $one WHERE code LIKE '" . substr(sprintf('%08x', $spread), 0, 4) . "%'",
		"DELETE FROM $one WHERE $range < " . ($range eq 'made' ? "date '2020-01-09'" : "timestamptz '2024-01-02 00:00+00'") . " AND state = '$state'",
		"SELECT a.id FROM $one a LEFT JOIN $other b ON b.parent = a.id AND b.state = '$state' WHERE a.parent = $number AND b.id IS NULL",
	);

	return { id => $n, name => "statement_$n", weight => 1 + $spread % 500, query => $shapes[ ($spread >> 4) % @shapes ] };
}

1;
