# Costs.pm: what statements would cost with indexes that do not exist, asked of
# HypoPG and EXPLAIN inside the server; shared by the advisors that the
# benchmark restates.
#
# Costs are remembered for (statement, indexes on its tables), as the public
# implementations do.  An advisor is charged for every distinct question that it
# asks, with the time the answer took when it was first worked out, even if
# another advisor had asked before; so all can share one memory and none gains
# by going later.
package Costs;

use strict;
use warnings;

use Time::HiRes qw(time);

# new(WORKLOAD, { definition => bytes } where the advisors shall know the real
# sizes of indexes; what it lacks is built, and added).
sub new
{
	my ($class, $workload, $real_sizes) = @_;

	return bless {
		workload => $workload, session => $workload->session, answers => {}, there => {},
		real => defined $real_sizes, sizes => $real_sizes // {}
	}, $class;
}

# Opens an advisor's account; it may go on for so many seconds.
sub begin
{
	my ($self, $limit) = @_;

	$self->{asked} = {};
	$self->{charged} = 0;	# seconds, of answers
	$self->{waited} = 0;	# seconds, really, for the server
	$self->{plans} = 0;
	$self->{began} = time;
	$self->{limit} = $limit;
}

# Seconds that the advisor would have needed alone, so far.
sub seconds
{
	my ($self) = @_;

	return time - $self->{began} - $self->{waited} + $self->{charged};
}

sub plans { return $_[0]{plans}; }
sub time_is_up { return $_[0]->seconds > $_[0]{limit}; }

# What the workload, or the statements given, costs with the indexes: the sum
# of cost times weight.
sub total
{
	my ($self, $indexes, @statements) = @_;
	my $sum = 0;

	@statements = $self->{workload}->statements unless @statements;
	my $answers = $self->answers($indexes, @statements);
	$sum += $answers->{ $_->{id} }{cost} * $_->{weight} for @statements;
	return $sum;
}

# For each statement's id { cost, used => [indexes of those given] }.
sub answers
{
	my ($self, $indexes, @statements) = @_;
	my (%result, @missing);

	for my $statement (@statements)
	{
		my $key = join ';', $statement->{id}, sort map { $_->{definition} } grep { $statement->{tables}{ $_->{table} } } @$indexes;
		push @missing, [ $statement, $key ] unless $self->{answers}{$key};
		$result{ $statement->{id} } = $key;
	}
	$self->ask($indexes, @missing) if @missing;
	for my $key (values %result)
	{
		$self->charge($key, $self->{answers}{$key}{seconds});
		$key = $self->{answers}{$key};
	}
	return \%result;
}

# Adds a question to the account, once.
sub charge
{
	my ($self, $key, $seconds) = @_;

	return if $self->{asked}{$key}++;
	$self->{charged} += $seconds;
	$self->{plans}++;
}

# Has the server plan statements [STATEMENT, KEY] with the indexes.
sub ask
{
	my ($self, $indexes, @missing) = @_;
	my $before = $self->{session}->seconds;

	$self->make($indexes);
	my $rows = $self->{session}->rows('SELECT id, c.cost, array_to_string(c.used, \' \') FROM unnest(ARRAY['
		. join(',', map { $_->[0]{id} } @missing) . ']) id, bench.cost(id) c');
	my $seconds = $self->{session}->seconds - $before;
	$self->{waited} += $seconds;
	for my $i (0 .. $#missing)
	{
		$self->{answers}{ $missing[$i][1] } = {
			cost => $rows->[$i][1], seconds => $seconds / @missing,
			used => [ grep { defined } map { $self->{by_name}{$_} } split / /, $rows->[$i][2] ]
		};
	}
}

# Makes the hypothetical indexes exactly these.
sub make
{
	my ($self, $indexes) = @_;
	my %wanted = map { $_->{definition} => $_ } @$indexes;
	my $sql = '';

	for my $definition (grep { !$wanted{$_} } keys %{ $self->{there} })
	{
		my $there = delete $self->{there}{$definition};
		delete $self->{by_name}{ $there->[1] };
		$sql .= "SELECT FROM hypopg_drop_index($there->[0]);\n";
	}
	my @new = grep { !$self->{there}{ $_->{definition} } } values %wanted;
	$sql .= 'SELECT indexrelid, indexname, hypopg_relation_size(indexrelid) FROM hypopg_create_index('
		. Session::literal("CREATE INDEX $_->{definition}") . ");\n" for @new;
	return if $sql eq '';
	my @rows = grep { @$_ == 3 } @{ $self->{session}->rows($sql) };
	for my $index (@new)
	{
		my $row = shift @rows;
		$self->{there}{ $index->{definition} } = $row;
		$self->{by_name}{ $row->[1] } = $index;
		$self->{sizes}{ $index->{definition} } = $row->[2] unless $self->{real};
	}
}

# An index's size in bytes: HypoPG's estimate, or the real one, for which
# nobody is charged.
sub size
{
	my ($self, $index) = @_;

	if (!defined $self->{sizes}{ $index->{definition} })
	{
		my $before = $self->{session}->seconds;
		if ($self->{real})
		{
			$self->{sizes}{ $index->{definition} } = $self->built_size($index);
		}
		else
		{
			$self->make([$index]);
			$self->{charged} += $self->{session}->seconds - $before;
		}
		$self->{waited} += $self->{session}->seconds - $before;
	}
	return $self->{sizes}{ $index->{definition} };
}

# The size of an index really built, in bytes.
sub built_size
{
	my ($self, $index) = @_;

	return $self->{session}->value("BEGIN; CREATE INDEX bench_size $index->{definition}; "
		. "SELECT pg_relation_size(oid) FROM pg_class WHERE relname = 'bench_size'; ROLLBACK");
}

# The sum of the sizes.
sub size_of_all
{
	my ($self, @indexes) = @_;
	my $sum = 0;

	$sum += $self->size($_) for @indexes;
	return $sum;
}

1;
