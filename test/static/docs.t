#!/usr/bin/env perl
# The documentation says what the code says: a page a rule as script/rule-docs
# makes it, every object of the schema and every setting in the reference, no
# link into nothing.
use strict;
use warnings;
use File::Basename;
use JSON::PP;
use Test::More;

chdir dirname(__FILE__) . '/../..' or die $!;

sub content
{
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

# --- rules -------------------------------------------------------------------
my $difference = `script/rule-docs --check 2>&1`;
is($? >> 8, 0, 'doc/rules is what the rules say; else: make docs') or diag($difference);

# --- the reference -----------------------------------------------------------
my $reference = content('doc/reference.md');
my $interface = content('dbadvisor--1.0.sql');
my %objects = map { $_ => 1 } $interface =~ /^CREATE (?:FUNCTION|VIEW|TABLE) dbadvisor\.(\w+)/mg;
cmp_ok(scalar keys %objects, '>', 10, 'there is an interface');
for my $object (sort keys %objects)
{
    # A support function of the planner is of no use to anybody else.
    next if $object =~ /_support$/;
    like($reference, qr/(?:^### |`)$object\b/m, "the reference has $object");
}
my @settings = content('src/settings.c') =~ /Define\w+\("(dbadvisor\.\w+)"/g;
cmp_ok(scalar @settings, '>', 0, 'there are settings');
like($reference, qr/^\| `\Q$_\E` \|/m, "the reference has $_") for @settings;

# --- links -------------------------------------------------------------------
for my $page (glob '*.md doc/*.md doc/*/*.md')
{
    my $text = content($page);
    $text =~ s/^```.*?^```//msg;
    for my $target ($text =~ /\]\(([^)\s]+)\)/g)
    {
        next if $target =~ /^[a-z]+:/;
        my ($file, $anchor) = split /#/, $target, 2;
        my $path = $file eq '' ? $page : dirname($page) . "/$file";
        ok(-e $path, "$page: $target is there") or next;
        next unless defined $anchor;
        my @anchors = map { s/[^\w\s-]//gr =~ s/\s/-/gr } map { lc } content($path) =~ /^#+ (.*)$/mg;
        ok(scalar(grep { $_ eq $anchor } @anchors), "$page: $target is a heading");
    }
}

# --- metadata ----------------------------------------------------------------
my $meta = JSON::PP->new->decode(content('META.json'));
my ($version) = content('dbadvisor.control') =~ /default_version = '([\d.]+)'/;
is($meta->{version}, "$version.0", 'META.json has the version of the control file');
is($meta->{provides}{dbadvisor}{file}, "dbadvisor--$version.sql", 'and names the install script');
ok(-e $meta->{provides}{dbadvisor}{$_}, "META.json: $_ is there") for qw(file docfile);
for my $field (qw(name version abstract maintainer license provides meta-spec))
{
    ok(exists $meta->{$field}, "META.json has $field");
}
like($meta->{$_}, qr/^\d+\.\d+\.\d+$/, "$_ is a semantic version") for qw(version);
like(content('CHANGELOG.md'), qr/^## \Q$version\E\b/m, 'the changelog knows the version');

done_testing();
