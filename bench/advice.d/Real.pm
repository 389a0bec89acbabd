# Real.pm: builds indexes for real, and finds what statements cost and how long
# they run with one set of them or another.
#
# All sets' indexes are built once; a set is tried by hiding the others (see
# bench.show_indexes).  So sets are compared in turn, run by run, on the same
# tables with the same statistics.  A statement is run once for each different
# plan, and one that writes for each different set of indexes on its tables.
package Real;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use Time::HiRes qw(time);

use Session;

my $LEAST_MS = 4;		# a measurement repeats what is shorter
my $MOST_TIMES = 200;		# but no more than so often
my $SLOW_MS = 2000;		# what takes longer is run in fewer rounds,
my $SLOW_ROUNDS = 2;		# namely so many

# new(WORKLOAD, seconds after which a statement is given up).
sub new
{
	my ($class, $workload, $timeout) = @_;
	my $self = bless { workload => $workload, session => $workload->session, timeout => $timeout, built => {} }, $class;

	return $self;
}

# Builds the indexes, given by their definitions, and has all statistics
# gathered again.  One that cannot be built is warned of and left out.
sub build
{
	my ($self, @definitions) = @_;

	for my $definition (@definitions)
	{
		my $name = 'bench_index_' . (1 + keys %{ $self->{built} });
		my (undef, $error) = $self->{session}->try("CREATE INDEX $name $definition");
		if (defined $error)
		{
			warn "cannot be built: $definition: $error\n";
			next;
		}
		my $bytes = $self->{session}->value("SELECT pg_relation_size(oid) FROM pg_class WHERE relname = '$name'");
		$self->{built}{$definition} = { name => $name, bytes => $bytes };
	}
	$self->{session}->lines('VACUUM ANALYZE');
}

# The bytes of a set of definitions as built.
sub bytes
{
	my ($self, @definitions) = @_;
	my $sum = 0;

	$sum += $self->{built}{$_}{bytes} for grep { $self->{built}{$_} } @definitions;
	return $sum;
}

# Lets the server see this set alone.
sub show
{
	my ($self, @definitions) = @_;
	my $names = Session::literals(sort map { $self->{built}{$_}{name} } grep { $self->{built}{$_} } @definitions);

	return if defined $self->{shown} && $self->{shown} eq $names;
	$self->{session}->lines("SELECT bench.show_indexes($names)");
	$self->{shown} = $names;
}

# For each statement's id { cost, case }: the plan with a set of definitions.
# Where cases of a statement are the same its run time is, too.
sub plans
{
	my ($self, @definitions) = @_;
	my %plans;

	$self->show(@definitions);
	my $rows = $self->{session}->rows('SELECT s.id, p.cost, p.shape FROM bench.statement s, bench.plan(s.id) p');
	for my $row (@$rows)
	{
		my ($statement) = grep { $_->{id} == $row->[0] } $self->{workload}->statements;
		my $case = $row->[2];
		$case .= join ';', sort grep { /^ON (\S+)/ && $statement->{tables}{$1} } @definitions if $statement->{query} !~ /^(?:SELECT|WITH)/;
		$plans{ $row->[0] } = { cost => $row->[1], case => $case, definitions => \@definitions };
	}
	return \%plans;
}

# Measures a statement in all its cases [{ case, definitions }], in turn, so
# many rounds.  Returns { case => median ms }; dies if results differ.
sub measure
{
	my ($self, $statement, $rounds, @cases) = @_;
	my (%times, %result, %repeat, %rounds);

	for my $case (@cases)
	{
		$self->show(@{ $case->{definitions} });
		my ($result, $ms) = $self->result($statement);
		$result{ $result // 'timed out' } = $case;
		$times{ $case->{case} } = [$ms];
		$repeat{ $case->{case} } = $ms > $LEAST_MS ? 1 : int($LEAST_MS / ($ms + 0.01));
		$rounds{ $case->{case} } = !defined $result ? 0 : $ms > $SLOW_MS ? $SLOW_ROUNDS : $rounds;
	}
	my @results = grep { $_ ne 'timed out' } keys %result;
	die "the result of $statement->{name} depends on the indexes\n" if @results > 1;
	for my $round (1 .. $rounds)
	{
		for my $case (grep { $round <= $rounds{ $_->{case} } } $round % 2 ? @cases : reverse @cases)
		{
			$self->show(@{ $case->{definitions} });
			my $times = $repeat{ $case->{case} } > $MOST_TIMES ? $MOST_TIMES : $repeat{ $case->{case} };
			my $ms = $self->{session}->value("SELECT bench.run($statement->{id}, $times)");
			# The first was to warm up.
			$times{ $case->{case} } = [] if $round == 1;
			push @{ $times{ $case->{case} } }, $ms;
		}
	}
	return { map { $_ => (sort { $a <=> $b } @{ $times{$_} })[0] } keys %times };
}

# Runs a statement once, undone; returns a sum of its rows, whatever their
# order, and milliseconds.
sub result
{
	my ($self, $statement) = @_;
	my $session = $self->{session};

	$session->lines("BEGIN; SET LOCAL statement_timeout = '$self->{timeout}s'");
	my $started = time;
	my ($lines, $error) = $session->try($statement->{query});
	my $ms = 1000 * (time - $started);
	$session->lines('ROLLBACK');
	if (defined $error)
	{
		die "$statement->{name}: $error\n" unless $error =~ /statement timeout/;
		return (undef, 1000 * $self->{timeout});
	}
	return (md5_hex(encode_utf8(join "\n", sort @$lines)), $ms);
}

1;
