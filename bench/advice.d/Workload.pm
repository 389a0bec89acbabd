# Workload.pm: statements with weights, read from a file and put into the
# server, and what an advisor may know of them: tables, columns, where those
# stand.
#
# A statement is { id, name, weight, query, tables => { TABLE => 1 },
# columns => [[TABLE, COLUMN]] (all that it names),
# clauses => [[TABLE, COLUMN]] (those outside of lists of results) }.  Columns
# come from the server's dependencies, so they are exact; that a column stands
# outside of a SELECT list is seen by its name in the text.
package Workload;

use strict;
use warnings;

use Session;

# What a btree over the column would be good for nothing.
my $UNORDERED = qr/^jsonb?$|\[\]$/;

# Reads files of "-- statement NAME weight N" and SQL, and loads them.
sub load
{
	my ($class, $session, @files) = @_;
	my @statements;

	for my $file (@files)
	{
		open my $handle, '<:utf8', $file or die "$file: $!\n";
		my $text = do { local $/; <$handle> };
		my (undef, @parts) = split /^-- statement (\S+) weight (\S+)\n/m, $text;
		while (my ($name, $weight, $query) = splice @parts, 0, 3)
		{
			$query =~ s/;\s*\z//;
			push @statements, { id => @statements + 1, name => $name, weight => $weight, query => $query };
		}
	}
	return $class->of($session, \@statements);
}

# The workload of statements { id, name, weight, query } with ids from 1.
sub of
{
	my ($class, $session, $statements) = @_;
	my $self = bless { statements => $statements, session => $session }, $class;

	$session->lines('TRUNCATE bench.statement');
	$session->lines('INSERT INTO bench.statement VALUES '
		. join(",\n", map { "($_->{id}, " . Session::literal($_->{name}) . ", $_->{weight}, " . Session::literal($_->{query}) . ')' } @$statements));
	$self->find_columns;
	$self->find_primary;
	return $self;
}

sub statements { return @{ $_[0]{statements} }; }
sub session { return $_[0]{session}; }

# Fills in tables, columns and clauses of each statement.
sub find_columns
{
	my ($self) = @_;
	my $rows = $self->{session}->rows('SELECT s.id, c.* FROM bench.statement s, bench.columns(s.id) c ORDER BY 1, 2, 3');

	for my $statement ($self->statements)
	{
		my $words = words_outside_lists($statement->{query});
		my @own = grep { $_->[0] == $statement->{id} } @$rows;
		$statement->{tables} = { map { $_->[1] => 1 } @own };
		$statement->{columns} = [ map { [ @$_[ 1, 2 ] ] } grep { $_->[2] ne '' && $_->[3] !~ $UNORDERED } @own ];
		$statement->{clauses} = [ grep { $words->{ $_->[1] } } @{ $statement->{columns} } ];
	}
}

# The words of a statement that are in no SELECT, SET or INSERT list.
sub words_outside_lists
{
	my ($text) = @_;
	my (%words, @in_list);
	my $depth = 0;

	$text =~ s/'(?:[^']|'')*'/''/g;
	for my $token ($text =~ /\w+|[()]/g)
	{
		$depth++ if $token eq '(';
		$in_list[ $depth-- ] = 0 if $token eq ')';
		$in_list[$depth] = 1 if $token =~ /^(?:SELECT|SET|INSERT)$/;
		$in_list[$depth] = 0 if $token =~ /^(?:FROM|WHERE)$/ && !($token eq 'FROM' && $depth && !$in_list[$depth]);
		$words{$token} = 1 unless grep { $_ } @in_list[ 0 .. $depth ];
	}
	return \%words;
}

# Notes the columns that existing indexes begin with: no advisor need propose
# what is there already.
sub find_primary
{
	my ($self) = @_;

	$self->{existing} = [ map { $_->[0] } @{ $self->{session}->rows(<<'SQL') } ];
SELECT t.relnamespace::regnamespace || '.' || quote_ident(t.relname) || '(' || string_agg(quote_ident(a.attname), ',' ORDER BY k.n) || ','
FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, n), pg_attribute a, pg_class t
WHERE t.oid = i.indrelid AND a.attrelid = i.indrelid AND a.attnum = k.attnum AND i.indrelid >= 16384 AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid, t.oid
SQL
}

# Whether an existing index begins with exactly these columns.
sub exists_already
{
	my ($self, $table, @columns) = @_;
	my $wanted = "$table(" . join(',', @columns) . ',';

	return grep { index($_, $wanted) == 0 } @{ $self->{existing} };
}

# An index { table, columns, definition }, or nothing where it exists already.
sub index_on
{
	my ($self, $table, @columns) = @_;

	return if $self->exists_already($table, @columns);
	return $self->{index}{"$table(@columns)"} //=
		{ table => $table, columns => [@columns], definition => "ON $table USING btree (" . join(', ', @columns) . ')' };
}

# Distinct columns [TABLE, COLUMN] of "columns" or "clauses" of the statements.
sub distinct_columns
{
	my ($self, $which, @statements) = @_;
	my %seen;

	return grep { !$seen{"@$_"}++ } map { @{ $_->{$which} } } @statements;
}

1;
