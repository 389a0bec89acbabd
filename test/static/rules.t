#!/usr/bin/env perl
# Rules are data: each has a test, a malformed one stops the build with
# file:line, and a new one is exactly two files.
use strict;
use warnings;
use File::Basename;
use File::Copy;
use File::Find;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

chdir dirname(__FILE__) . '/../..' or die $!;

# --- each rule has a test of the same name -----------------------------------
my %test_of;
find(sub { $test_of{$1} = $File::Find::name if /^(\w+)\.sql$/ }, 'test/pgtap');
my @rules = glob 'src/rules/*/*.sql';
cmp_ok(scalar @rules, '>=', 1, 'there are rules');
for my $rule (@rules)
{
    my $name = basename($rule, '.sql');
    ok(-e ($test_of{$name} // ''), "$name has a test");
}

# --- a malformed rule is refused, with the line ------------------------------
my $dir = tempdir(CLEANUP => 1);
make_path("$dir/index");

sub awk_says
{
    my ($file, $text) = @_;
    open my $fh, '>', "$dir/$file" or die $!;
    print $fh $text;
    close $fh;
    my $output = `awk -f src/rules/rules.awk '$dir/$file' 2>&1 >'$dir/out.c'`;
    $output =~ s/\Q$dir\E\///g;
    return ($? >> 8, $output);
}

my $head = "-- a: what it finds\n-- category: index\n-- severity: notice\n-- examines: server\n";
my $good = "$head--\n-- Why.\n\nSELECT 1\n";
my ($exit, $said) = awk_says('index/a.sql', $good);
is("$exit $said", '0 ', 'a well-formed rule is taken');

for my $case (
    [ 'another name in the title', 1, $good =~ s/-- a:/-- b:/r, qr/first line/ ],
    [ 'an unknown key', 5, $good =~ s/(server\n)/$1-- colour: red\n/r, qr/unknown key "colour"/ ],
    [ 'an unknown severity', 3, $good =~ s/notice/fatal/r, qr/severity "fatal"/ ],
    [ 'another category', 2, $good =~ s/: index/: vacuum/r, qr/category "vacuum"/ ],
    [ 'an unknown need', 5, $good =~ s/(server\n)/$1-- needs: luck\n/r, qr/need "luck"/ ],
    [ 'general that is not yes', 5, $good =~ s/(server\n)/$1-- general: no\n/r, qr/general "no" is not "yes"/ ],
    [ 'a missing key', 7, $good =~ s/-- severity.*\n//r, qr/"severity" is missing/ ],
    [ 'no documentation', 8, $good =~ s/-- Why\.//r, qr/documentation is missing/ ],
    [ 'no SELECT', 7, $good =~ s/SELECT 1\n//r, qr/SELECT is missing/ ],
    [ 'another statement', 8, $good =~ s/SELECT 1/DELETE FROM t/r, qr/not DELETE/ ],
    [ 'a semicolon', 8, $good =~ s/SELECT 1/SELECT 1;/r, qr/no semicolon/ ],
  )
{
    my ($what, $line, $text, $expected) = @$case;
    my ($status, $output) = awk_says('index/a.sql', $text);
    isnt($status, 0, "$what: refused");
    like($output, qr/^index\/a\.sql:$line: .*$expected/m, "$what: says where and what");
}

# --- a new rule is exactly two files -----------------------------------------
my $tree = tempdir(CLEANUP => 1);
system('cp', '-r', 'src', 'script', 'test', $tree) == 0 or die;

sub files_below
{
    my %files;
    find(sub { $files{$File::Find::name} = 1 if -f }, $tree);
    return %files;
}

sub array_names
{
    my @names = `cd '$tree' && awk -f src/rules/rules.awk src/rules/*/*.sql`;
    return map { /\.name = "(\w+)"/ ? $1 : () } @names;
}

my %before = files_below();
my @names_before = array_names();
is(system("cd '$tree' && script/new-rule schema/seventeenth >/dev/null"), 0, 'new-rule works');
my %after = files_below();
delete @after{ keys %before };
is_deeply(
    [ map { s/^\Q$tree\E\///r } sort keys %after ],
    [ 'src/rules/schema/seventeenth.sql', 'test/pgtap/schema/seventeenth.sql' ],
    'and writes the rule and its test, nothing else');
is_deeply([ sort(array_names()) ], [ sort(@names_before, 'seventeenth') ],
    'which is all that it takes to be built in');
isnt(system("cd '$tree' && script/new-rule vacuum/seventeenth >/dev/null 2>&1"), 0,
    'a name that is taken is refused');
isnt(system("cd '$tree' && script/new-rule 'x; true' >/dev/null 2>&1"), 0,
    'and so is one that is no name');

done_testing();
