#!/usr/bin/env perl
# The stations of src/ may use only those before them: who includes whom is
# checked against the table of src/README, only compat.h knows versions, and
# typedefs.list has our types.
use strict;
use warnings;
use File::Basename;
use Test::More;

chdir dirname(__FILE__) . '/../..' or die $!;

# folder => folders whose headers it may include, besides its own and the base.
my %may_use = (
    facts    => [],
    observe  => [],
    whatif   => [],
    advise   => [qw(whatif observe)],
    storage  => [],
    rules    => [qw(facts)],
    history  => [qw(rules observe)],
    report   => [qw(history rules)],
    sqlfuncs => [qw(facts observe whatif advise storage rules history report)],
);
my %base = map { $_ => 1 } qw(compat.h dbadvisor.h settings.h);

my @sources = sort grep { $_ ne 'src/rules/rule_array.c' } glob 'src/*.[ch] src/*/*.[ch]';
cmp_ok(scalar @sources, '>', 10, 'there are sources to look at');

for my $file (@sources)
{
    my ($folder) = $file =~ m{^src/(\w+)/};
    open my $fh, '<', $file or die "$file: $!";
    my @lines = <$fh>;
    close $fh;

    my @wrong;
    for my $i (0 .. $#lines)
    {
        push @wrong, "$file:" . ($i + 1) . ': PG_VERSION_NUM outside of src/compat.h'
          if $lines[$i] =~ /PG_VERSION_NUM/ && $file ne 'src/compat.h';

        next unless $lines[$i] =~ /^#include "([^"]+)"/;
        my $header = $1;
        next unless -e "src/$header";    # the server's
        next if $base{$header};
        my $from = dirname($header);
        next if !defined $folder;                # src/*.c set everything up
        next if $from eq $folder;
        next if grep { $_ eq $from } @{ $may_use{$folder} // [] };
        push @wrong, "$file:" . ($i + 1) . ": $folder may not use $from";
    }
    push @wrong, "$file: folder $folder is not in the table of this test"
      if defined $folder && !exists $may_use{$folder};

    # Every .c has its own .h, but for the entry points.
    (my $header = $file) =~ s/\.c$/.h/;
    push @wrong, "$file: has no header of its own"
      if $file =~ /\.c$/ && $folder && $folder ne 'sqlfuncs' && !-e $header && $file !~ m{rules/catalogue\.c$};

    is("@wrong", '', $file);
}

# pgindent needs to know our types.
my %types;
for my $file (@sources)
{
    open my $fh, '<', $file or die "$file: $!";
    while (<$fh>)
    {
        $types{$1} = 1 if /^\}\s*([A-Z]\w+);/ || /^typedef (?:struct|enum) \w+ ([A-Z]\w+);/;
    }
    close $fh;
}
open my $list, '<', 'typedefs.list' or die $!;
chomp(my @listed = <$list>);
is_deeply(\@listed, [ sort keys %types ], 'typedefs.list has our types, sorted');
done_testing();
