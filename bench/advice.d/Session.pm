# Session.pm: a connection to a server for the benchmarks, through a psql that
# stays, so that no driver need be installed.
package Session;

use strict;
use warnings;

use IPC::Open2;
use Time::HiRes qw(time);

# Connects with what psql is given: Session->new(PSQL, OPTION...).
sub new
{
	my ($class, @command) = @_;
	my $self = bless { seconds => 0 }, $class;

	# The shell merges the streams, so that errors come in their place.
	$self->{pid} = open2($self->{out}, $self->{in}, 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command,
		qw(-X -q -A -t -v VERBOSITY=terse -F), "\x1f");
	binmode $self->{$_}, ':utf8' for qw(in out);
	$self->{in}->autoflush(1);
	$self->rows('SET client_min_messages = warning');
	return $self;
}

# Runs the SQL and returns its output line by line; dies where it fails.
sub lines
{
	my ($self, $sql) = @_;
	my ($lines, $error) = $self->try($sql);

	die "$error\nin: " . substr($sql, 0, 400) . "\n" if defined $error;
	return $lines;
}

# Runs the SQL; returns the lines and the first error, if there is one.
sub try
{
	my ($self, $sql) = @_;
	my $started = time;
	my (@lines, $error);

	print { $self->{in} } "$sql\n;\n\\echo '\x1e'\n";
	while (defined(my $line = readline $self->{out}))
	{
		chomp $line;
		if ($line eq "\x1e")
		{
			$self->{seconds} += time - $started;
			return (\@lines, $error);
		}
		$error //= $line if $line =~ /^(?:ERROR|FATAL|PANIC):/;
		push @lines, $line;
	}
	die 'the connection is lost: ' . ($error // '') . "\n";
}

# The same, each line as an array of its columns.
sub rows
{
	my ($self, $sql) = @_;

	return [ map { [ split /\x1f/, $_, -1 ] } @{ $self->lines($sql) } ];
}

# The first column of the first row.
sub value
{
	my ($self, $sql) = @_;

	return $self->rows($sql)->[0][0];
}

# Seconds that were spent waiting for the server so far.
sub seconds { return $_[0]{seconds}; }

# A string as an SQL literal.
sub literal
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return $text =~ s/\\/\\\\/g ? " E'$text'" : "'$text'";
}

# An array as an SQL literal of text[].
sub literals
{
	return 'ARRAY[' . join(', ', map { literal($_) } @_) . ']::text[]';
}

1;
