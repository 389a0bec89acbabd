# Advisors.pm: the advisors by name, and their choices, remembered in a file so
# that one of them can be tried again alone.
package Advisors;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use File::Basename;
use JSON::PP;

use AutoAdmin;
use Costs;
use Db2Advis;
use Dexter;
use Extend;
use Ours;
use Supabase;

# Name, [function, width].  The name ends with the width.
my %PEERS = (
	'extend-2' => [ \&Extend::choose, 2 ],
	'extend-3' => [ \&Extend::choose, 3 ],
	'db2advis-2' => [ \&Db2Advis::choose, 2 ],
	'db2advis-3' => [ \&Db2Advis::choose, 3 ],
	'autoadmin-2' => [ \&AutoAdmin::choose, 2 ],
	'autoadmin-3' => [ \&AutoAdmin::choose, 3 ],
	'dexter' => [ \&Dexter::choose, 2 ],
	'index_advisor' => [ \&Supabase::choose, 1 ],
);
our @NAMES = ('dbadvisor', 'extend-3', 'extend-2', 'db2advis-3', 'db2advis-2', 'autoadmin-3', 'autoadmin-2', 'dexter', 'index_advisor');
my $OUR_WIDTH = 3;

# new(WORKLOAD, its name, scale, seconds that an advisor may take, file with the
# choices of earlier runs or nothing, whether peers know real sizes).
sub new
{
	my ($class, $workload, $name, $scale, $limit, $file, $real_sizes) = @_;
	my $self = bless { workload => $workload, limit => $limit, file => $file, remembered => {} }, $class;

	if ($file && open my $handle, '<', $file)
	{
		$self->{remembered} = decode_json(do { local $/; <$handle> });
	}
	$self->{key} = join ' ', $name, $scale, $limit, $real_sizes ? 'real sizes' : (), fingerprint($workload->session);
	$self->{costs} = Costs->new($workload, $real_sizes ? $self->{remembered}{"$self->{key} sizes"} //= {} : undef);
	return $self;
}

# What must be the same for a choice to be the same: workloads, algorithms, the
# server and HypoPG.
sub fingerprint
{
	my ($session) = @_;
	my $text = $session->value(q(SELECT current_setting('server_version') || (SELECT extversion FROM pg_extension WHERE extname = 'hypopg')));

	for my $file (sort map { glob dirname(__FILE__) . "/$_" }
		qw(*_schema.sql *_queries.sql AutoAdmin.pm Costs.pm Db2Advis.pm Dexter.pm Extend.pm OnePlan.pm Supabase.pm Workload.pm))
	{
		open my $handle, '<', $file or die "$file: $!\n";
		$text .= do { local $/; <$handle> };
	}
	return md5_hex($text);
}

# Whether the advisor can be asked.
sub knows
{
	my ($self, $name) = @_;

	return Ours::is_there($self->{workload}->session) if $name eq 'dbadvisor';
	return exists $PEERS{$name};
}

# Returns { indexes, bytes by its own estimate, seconds, plans, cut } for an
# advisor and a budget in bytes; cut says that the time was up.
sub choice
{
	my ($self, $name, $budget) = @_;

	if ($name eq 'dbadvisor')
	{
		$self->{costs}->make([]);
		return Ours::choose($self->{workload}, $budget, $OUR_WIDTH, $self->{limit});
	}
	my $choice = $self->{remembered}{"$self->{key} $name $budget"} //= $self->ask_peer($name, $budget);
	$self->remember;
	return $choice;
}

# Has a peer choose.
sub ask_peer
{
	my ($self, $name, $budget) = @_;
	my ($function, $width) = @{ $PEERS{$name} };
	my $costs = $self->{costs};

	$costs->begin($self->{limit});
	my @indexes = $function->($costs, $self->{workload}, $budget, $width);
	my %choice = (seconds => $costs->seconds, plans_asked => $costs->plans, cut => $costs->time_is_up ? 1 : 0,
		bytes => $costs->size_of_all(@indexes), indexes => [ map { { definition => $_->{definition} } } @indexes ]);
	# Nothing hypothetical may be left when real indexes are judged.
	$costs->make([]);
	return \%choice;
}

# Writes the choices down.
sub remember
{
	my ($self) = @_;

	return unless $self->{file};
	open my $handle, '>', "$self->{file}.new" or die "$self->{file}.new: $!\n";
	print $handle JSON::PP->new->canonical->indent->encode($self->{remembered});
	close $handle or die "$self->{file}.new: $!\n";
	rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!\n";
}

1;
