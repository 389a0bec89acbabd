#!/usr/bin/env perl
# Which sequences of executions are N+1 or a loop, and which only look alike:
# src/observe/repeats.c is compiled with test/unit/repeats_driver.c and fed.
# No server is needed, and time passes as the test says.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

chdir dirname(__FILE__) . '/../..' or die $!;

# --- the driver --------------------------------------------------------------
my $dir = tempdir(CLEANUP => 1);
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';

sub pg_config
{
    my ($option) = @_;
    chomp(my $value = `'$pg_config' --$option`);
    return $value;
}

my $compile = join ' ', pg_config('cc'), pg_config('cppflags'), '-std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter',
  "-I'" . pg_config('includedir-server') . "'",
  "-I'" . pg_config('pkgincludedir') . "/internal'", '-Isrc', "-o '$dir/driver'",
  'src/observe/repeats.c src/observe/burst.c src/observe/steady.c test/unit/repeats_driver.c';
my $said = `$compile 2>&1`;
is("$?: $said", '0: ', 'the driver compiles without a warning') or BAIL_OUT('no driver');

# --- writing scripts ---------------------------------------------------------
# The script of the case that is being written, and its clock.
my (@script, $now, $transaction, $in_block, $value, $serial);

sub begin_script
{
    @script = ();
    ($now, $transaction, $in_block, $value, $serial) = (1_000_000, 1, 0, 1, 0);
    return;
}

# An execution that a client sends 300 microseconds after the last one and
# that takes 100; without a block it is a transaction of its own.
sub client
{
    my ($name, %o) = @_;
    $now += 300;
    push @script, join ' ', 'client', $name, $o{command} // 'select', $o{rows} // 1, $o{keyed} // 1,
      $o{value} // ++$value, $transaction, $now, 100;
    $now += 100;
    end_transaction() unless $in_block;
    return;
}

sub nested
{
    my ($name, %o) = @_;
    push @script, join ' ', 'nested', $name, $o{parent} // 'top', $serial, $o{referential} // 0, 10;
    return;
}

sub list { my ($name, $rows) = @_; return client($name, rows => $rows, keyed => 0) }
sub pause { $now += int(($_[0] // 500) * 1000); return }
sub end_transaction { push @script, 'commit'; $transaction++; return }

sub block (&)
{
    my ($code) = @_;
    $in_block = 1;
    $code->();
    $in_block = 0;
    return end_transaction();
}

sub times_do
{
    my ($times, $code) = @_;
    $code->($_) for 1 .. $times;
    return;
}

# Numbers that look random and are the same in each run.
my $seed;
sub chance { $seed = ($seed * 1103515245 + 12345) % 2**31; return ($seed >> 8) % $_[0] }

sub play
{
    my ($code, @end) = @_;
    begin_script();
    $seed = 1;
    $code->();
    open my $fh, '>', "$dir/script" or die $!;
    print $fh "$_\n" for @script, @end;
    close $fh;
    my @lines = `'$dir/driver' <'$dir/script'`;
    die "the driver ended with status $?" if $?;
    chomp @lines;
    return @lines;
}

# What was found, without the time, when the session has paused.
sub found
{
    my ($code) = @_;
    my @lines = play(sub { $code->(); pause(); client('after') });
    return join '; ', sort map { s/ \d+$//r } grep { !/^(lost|hashed) / } @lines;
}

sub reports { my ($code, $expected, $name) = @_; return is(found($code), $expected, $name) }
sub is_quiet { my ($code, $name) = @_; return is(found($code), '', $name) }

# A page of a web application: a list and what is asked per row of it.
sub page
{
    my ($rows, $shown, @children) = @_;
    list('orders', $rows);
    times_do($shown, sub { client($_) for @children });
    return;
}

# --- N+1 of clients ----------------------------------------------------------
reports(sub { page(20, 20, 'customer') }, 'client customer orders 1 20 20 20',
    'a statement per row of a list');
reports(sub { block { page(20, 20, 'customer') } }, 'client customer orders 1 20 20 20',
    'the same in one transaction');
reports(sub { times_do(3, sub { page(20, 20, 'customer'); pause() }) },
    'client customer orders 3 60 20 60', 'three pages are three occasions');
reports(sub { times_do(3, sub { my $n = 40 - 10 * $_[0]; block { page($n, $n, 'customer') } }) },
    'client customer orders 3 60 30 60', 'of different length, too, with the longest');
reports(sub { page(20, 20, 'customer', 'address') },
    'client address orders 1 20 20 20; client customer orders 1 20 20 20', 'two statements per row, in turn');
reports(sub { page(20, 20, 'a' .. 'h') }, join('; ', map { "client $_ orders 1 20 20 20" } 'a' .. 'h'),
    'eight of them');
is_quiet(sub { page(20, 20, 'a' .. 'i') }, 'nine only');
reports(sub { block { page(20, 20, 'a' .. 'i') } }, join('; ', map { "client $_ orders 1 20 20 20" } 'a' .. 'i'),
    'in one transaction');
reports(sub { list('orders', 20); times_do(20, sub { client('a') }); times_do(20, sub { client('b') }) },
    'client a orders 1 20 20 20; client b orders 1 20 20 20', 'one after the other');
reports(sub { block { list('orders', 20); times_do(20, sub { client('a') }); times_do(20, sub { client('b') }) } },
    'client a orders 1 20 20 20; client b orders 1 20 20 20', 'in one transaction, too');
for my $command (qw(update delete))
{
    reports(sub { list('orders', 15); times_do(15, sub { client('write', command => $command) }) },
        'client write orders 1 15 15 15', "$command, row by row");
}
reports(sub { list('orders', 12); times_do(12, sub { block { client('read'); client('write', command => 'update') } }) },
    'client read orders 1 12 12 12; client write orders 1 12 12 12', 'a transaction per row');
reports(sub { block { list('orders', 20) }; times_do(20, sub { client('customer') }) },
    'client customer orders 1 20 20 20', 'the list in a transaction, the rest after it');
reports(sub { list('orders', 12); times_do(12, sub { client('lines', rows => 25) }) },
    'client lines orders 1 12 12 12', 'children may return rows');
reports(sub { list('settings', 14); client('customer'); page(40, 40, 'customer') }, 'client customer orders 1 40 40 40',
    'the nearest parent is it, and what came before it does not count');
reports(sub { list('a', 20); list('b', 20); list('a', 20); client('customer') for 1 .. 20 }, 'client customer a 1 20 20 20',
    'the nearest by time');
is_quiet(sub { block { list('orders', 20); list('orders', 5); client('customer') for 1 .. 20 } },
    'the rows of a list are those that it returned last');
reports(sub { client('customer'); block { page(50, 15, 'customer') } }, 'client customer orders 1 15 15 50',
    'in one transaction, too');
is_quiet(sub { block { page(50, 8, 'customer') }; client('customer') for 1 .. 7 }, 'which must hold all');
reports(sub { block { list('settings', 12); pause(2000); client('single') }; page(20, 20, 'customer') },
    'client customer orders 1 20 20 20', 'what took long before it does not matter');
reports(sub { page(20, 20, 'customer'); client('footer') }, 'client customer orders 1 20 20 20',
    'the page may go on');
reports(sub { list('orders', 20); client('lines', rows => 20); times_do(20, sub { client('customer') }) },
    'client customer lines 1 20 20 20', 'a parent may look up by key itself');
is((grep { /^client/ } play(sub { page(20, 20, 'customer') }, 'exit'))[0], 'client customer orders 1 20 20 20 2000',
    'the end of the session ends a page, too; its time is known');
is((grep { /^client/ } play(sub { block { page(20, 20, 'customer') } }))[0], 'client customer orders 1 20 20 20 2000',
    'and the end of a transaction');

# --- how many are about as many ----------------------------------------------
reports(sub { page(20, 10, 'customer') }, 'client customer orders 1 10 10 20', 'half the rows');
is_quiet(sub { page(22, 10, 'customer') }, 'fewer are not');
reports(sub { block { page(50, 10, 'customer') } }, 'client customer orders 1 10 10 50',
    'but in one transaction: the client has a cache');
is_quiet(sub { block { page(55, 10, 'customer') } }, 'though not any number');
reports(sub { page(20, 22, 'customer') }, 'client customer orders 1 22 22 20', 'a tenth more');
is_quiet(sub { page(20, 23, 'customer') }, 'more are not');
is_quiet(sub { block { page(20, 23, 'customer') } }, 'in a transaction neither');
is_quiet(sub { page(9, 9, 'customer') }, 'nine are few');
reports(sub { page(10, 10, 'customer') }, 'client customer orders 1 10 10 10', 'ten are not');
reports(sub { times_do(6, sub { page(1000, 50, 'customer'); pause() }) }, 'client customer orders 3 150 50 3000',
    'the first fifty of a thousand, when it has come four times');
reports(sub { times_do(6, sub { block { page(1000, 50, 'customer') }; pause() }) }, 'client customer orders 3 150 50 3000',
    'in transactions, too');
is_quiet(sub { times_do(6, sub { page(1000, 48 + $_[0], 'customer'); pause() }) },
    'but not a varying part of them');

# --- values ------------------------------------------------------------------
is_quiet(sub { list('orders', 20); times_do(20, sub { client('customer', value => 7) }) }, 'the same value');
is_quiet(sub { list('orders', 20); times_do(20, sub { client('customer', value => $_[0] % 10) }) },
    'every second value the same');
reports(sub { list('orders', 200); times_do(200, sub { client('customer', value => $_[0] % 120) }) },
    'client customer orders 1 200 200 200', 'some of the same');
is((play(sub { page(20, 20, 'customer') }))[-1], 'hashed 18', 'values are hashed from the third execution on');
is((play(sub { page(900, 900, 'customer') }))[-1], 'hashed 128', 'and not without end');
is((play(sub { times_do(900, sub { client('customer') }) }))[-1], 'hashed 0', 'without a parent not at all');

# --- rows of rows ------------------------------------------------------------
my $tree = sub {
    my ($lines) = @_;
    list('orders', 12);
    times_do(12, sub { client('lines', rows => $lines); times_do($lines, sub { client('article') }) });
};
reports(sub { block { $tree->(15) } }, 'client article lines 12 180 15 180; client lines orders 1 12 12 12',
    'a child with many rows has children of its own');
reports(sub { block { $tree->(4) } }, 'client article lines 1 48 48 48; client lines orders 1 12 12 12',
    'and so has one with few');
reports(sub { list('orders', 12); client('lines', rows => 4) for 1 .. 12; client('article') for 1 .. 48 },
    'client lines orders 1 12 12 12', 'but only within a transaction');
reports(sub { block { list('orders', 20); times_do(22, sub { client($_) for qw(a b) }); client('b') for 1 .. 2 } },
    'client a orders 1 22 22 20', 'a sibling is no parent');
reports(sub { block { list('orders', 12); times_do(12, sub { client($_, rows => 11) for qw(lines payments) }) } },
    'client lines orders 1 12 12 12; client payments orders 1 12 12 12', 'two children with many rows');

# --- busy connections, without a pause ---------------------------------------
reports(sub { times_do(10, sub { block { page(20, 20, 'customer') } }) }, 'client customer orders 10 200 20 200',
    'transactions of pages need no pause between them');
reports(sub { times_do(10, sub { page(20, 20, 'customer') }) }, 'client customer orders 7 140 20 140',
    'pages without transactions are believed when they are steady');
reports(sub { times_do(10, sub { page(20 + $_[0], 20 + $_[0], 'customer') }) }, 'client customer orders 7 189 30 189',
    'also when their length varies');
reports(sub { times_do(10, sub { page(20, 20, 'customer'); client("other$_") for 1 .. 9 }) },
    'client customer orders 7 140 20 140', 'and with other pages between them');
reports(sub { block { times_do(10, sub { page(20 + $_[0], 20 + $_[0], 'customer') }) } },
    'client customer orders 10 255 30 255', 'a job that goes through a list page by page');
reports(sub { block { list('orders', 30); times_do(30, sub { client('customer') }); list('orders', 5);
        times_do(5, sub { client('customer') }) } },
    'client customer orders 1 30 30 30', 'whose last page is short');

# --- what breaks nothing -----------------------------------------------------
reports(sub { list('orders', 20); times_do(20, sub { client('ping', keyed => 0, value => 1); client('customer') }) },
    'client customer orders 1 20 20 20', 'a pool that tests the connection before each use');
reports(sub { list('orders', 20); times_do(20, sub { client('customer'); client('ping', keyed => 0) if chance(3) == 0 }) },
    'client customer orders 1 20 20 20', 'or now and then');
reports(sub { block { page(20, 20, 'customer', map { "other$_" } 1 .. 4); client("single$_") for 1 .. 40 } },
    join('; ', map { "client $_ orders 1 20 20 20" } 'customer', map { "other$_" } 1 .. 4),
    'many other statements in the transaction');
reports(sub { block { list('orders', 20); times_do(20, sub { client('customer'); client("single$_[0]") }) } },
    'client customer orders 1 20 20 20', 'between the children, too');
reports(sub { block { list('orders', 20); client('customer'); client("early$_") for 1 .. 14;
        times_do(19, sub { client('customer'); client("single$_[0]") }) } },
    'client customer orders 1 20 20 20', 'and before them');
reports(sub { block { list('orders', 20); times_do(20, sub { client('customer'); pause() }) } },
    'client customer orders 1 20 20 20', 'pauses in a transaction');

# --- what only looks alike ---------------------------------------------------
is_quiet(sub { times_do(1000, sub { client('customer') }) }, 'no parent');
is_quiet(sub { list('orders', 1); times_do(20, sub { client('customer') }) }, 'a parent with one row');
is_quiet(sub { client('ping', keyed => 0), client('customer') for 1 .. 50 }, 'a health check is none');
is_quiet(sub { list('orders', 20); times_do(20, sub { client('customer', keyed => 0) }) }, 'no look-up by key');
is_quiet(sub { list('orders', 20); pause(); times_do(20, sub { client('customer') }) }, 'a pause after the list');
is_quiet(sub { list('orders', 20); times_do(20, sub { client('customer'); pause(4) }); pause(30); client('next') },
    'a pause after it that does not stand out');
is_quiet(sub { list('orders', 20); times_do(20, sub { pause(25); client('customer') }) }, 'pauses between');
is_quiet(sub { client('orders', rows => 20, command => 'update'); times_do(20, sub { client('customer') }) },
    'a parent that writes');
is_quiet(sub { client('tree', rows => 12) for 1 .. 13 }, 'a statement is not its own parent');
is_quiet(sub { block { client('tree', rows => 12) for 1 .. 13 } }, 'in a transaction neither');
is_quiet(sub { list('columns', 20); times_do(20, sub { client('page', rows => 50) }) }, 'pages of a list');
is_quiet(sub { block { list('categories', 30);
        times_do(500, sub { client('product'); client('import', command => 'insert') }) } },
    'an importer that looks up');
is_quiet(sub { block { list('categories', 30); times_do(30, sub { client('import', command => 'insert') }) } },
    'one that inserts only');
is_quiet(sub { times_do(50, sub { client('claim', command => 'update', rows => 1); client('job') }) },
    'a queue and its worker');
is_quiet(sub { times_do(50, sub { client('claim', rows => 10, value => 1); pause(100) }) }, 'one that polls');
is_quiet(sub { list('orders', 20); times_do(20, sub { client("lookup$_[0]") }) }, 'a different statement each time');

# Behind a pooler: statements and transactions of several clients.
my @kinds = (
    sub { list('orders', 30) },
    (sub { client('customer') }) x 8,
    (sub { client('article') }) x 5,
    (sub { client('stock', command => 'update') }) x 2,
    (sub { client('session') }) x 3,
    sub { list('articles', 15) });
is_quiet(sub { times_do(5000, sub { $kinds[ chance(scalar @kinds) ]->() }) }, 'a pooler without pauses');
is_quiet(sub { times_do(5000, sub { pause(30) if chance(40) == 0; $kinds[ chance(scalar @kinds) ]->() }) },
    'with pauses');
is_quiet(sub { times_do(5000, sub { block { $kinds[ chance(scalar @kinds) ]->() for 1 .. 1 + chance(4) } }) },
    'with transactions');

# Two statements in random order, as a benchmark sends them or many clients of
# a small service do.  A moment may look like a page, one in hundreds of lists.
my $two_kinds = sub { chance(21) == 0 ? list('orders', 30) : client('customer') };
sub occasions { my ($code) = @_; return (split / /, found($code) || 'none ' x 4)[3] =~ s/none/0/r }
cmp_ok(occasions(sub { times_do(20000, $two_kinds) }), '<=', 1, 'a benchmark of lists and look-ups');
for my $mean (5, 10)
{
    cmp_ok(occasions(sub { times_do(20000, sub { pause(-$mean * log((chance(9999) + 1) / 9999)); $two_kinds->() }) }),
        '<=', 4, "or requests that come at random, each $mean ms");
}
is_quiet(sub { list('orders', 30); times_do(40, sub { client('customer'); client('other' . chance(5)) if chance(3) == 0 });
        client('x', rows => 1) for 1 .. 9 },
    'look-ups that go on beyond the rows');

# --- loops -------------------------------------------------------------------
sub call
{
    my ($times, %o) = @_;
    $serial++;
    times_do($times, sub { nested($_, %o) for @{ $o{names} // ['body'] } });
    client($o{parent} // 'top') unless $o{utility};
    return;
}
reports(sub { call(10) }, 'loop body top 1 10 10 0', 'a function that repeats a statement');
is_quiet(sub { call(9) }, 'nine are few');
is_quiet(sub { times_do(30, sub { call(1) }) }, 'once for each of many top-level statements');
reports(sub { times_do(3, sub { call(10 * $_[0]) }) }, 'loop body top 3 60 30 0', 'three times');
reports(sub { call(12, names => [qw(a b c)]) }, join('; ', map { "loop $_ top 1 12 12 0" } qw(a b c)), 'three in turn');
is_quiet(sub { call(100, referential => 1) }, 'the trigger of a foreign key is not');
reports(sub { call(10, utility => 1); call(11, utility => 1, parent => 'other') },
    'loop body other 1 11 11 0; loop body top 1 10 10 0', 'DO blocks, which end unseen');
reports(sub { call(20, utility => 1); end_transaction() }, 'loop body top 1 20 20 0', 'with their transaction');
reports(sub { $serial++; times_do(12, sub { nested('body'); end_transaction() }) }, 'loop body top 1 10 10 0',
    'a procedure that commits in its loop');
reports(sub { call(10, names => [ map { "s$_" } 1 .. 16 ]) }, join('; ', sort map { "loop s$_ top 1 10 10 0" } 1 .. 16),
    'sixteen in turn');
reports(sub { $serial++; my @names = map { "s$_" } 1 .. 16; times_do(10, sub { nested($_) for @names }); nested('late') for 1 .. 20; client('top') },
    join('; ', sort map { "loop s$_ top 1 10 10 0" } 1 .. 16), 'a seventeenth finds no place');
reports(sub { $serial = -1; call(10, parent => 'first') }, 'loop body first 1 10 10 0', 'executions may be counted from 0');
is(scalar(split /; /, found(sub { call(50, names => [ map { "s$_" } 1 .. 40 ]) })), 15,
    'of forty those that have a place');
reports(sub { $serial++; nested("once$_") for 1 .. 40; nested('body') for 1 .. 10; client('top') },
    'loop body top 1 10 10 0', 'what ran once leaves it');
reports(sub { $serial++; nested('first') for 1 .. 10; nested("once$_") for 1 .. 40; nested('last') for 1 .. 10; client('top') },
    'loop first top 1 10 10 0; loop last top 1 10 10 0', 'and nothing else does');
reports(sub { list('orders', 20); times_do(20, sub { call(10, parent => 'customer') }) },
    'client customer orders 1 20 20 20; loop body customer 20 200 10 0', 'a loop in each of a client\'s repetitions');
is((grep { /^loop/ } play(sub { call(10) }))[0], 'loop body top 1 10 10 0 100', 'the time is known');

# --- taking and forgetting ---------------------------------------------------
my @many = play(sub { call(10, parent => "top$_") for 1 .. 40 });
reports(sub { my $busy = sub { page(20, 20, 'customer') }; times_do(3, $busy); push @script, 'forget'; times_do(3, $busy) },
    'client customer orders 1 20 20 20', 'steadiness is forgotten, too: the last page is sure by itself');
is((grep { /^loop/ } @many) . " $many[-2]", '32 lost 8', 'what finds no place is counted');
is((play(sub { call(10, parent => "top" . $_ % 30) for 1 .. 400 }))[-2], 'lost 0', 'the same again needs none');
is(scalar(grep { /^client/ } play(sub { page(20, 20, 'customer') }, 'forget', 'exit')), 0, 'what is open is forgotten');
is_quiet(sub { page(20, 20, 'customer'); push @script, 'forget'; list('other', 20) }, 'for good');
is(scalar(grep { /^client/ } play(sub { block { page(20, 20, 'customer') } }, 'forget')), 1, 'what is finished is not');

# --- the ordinary statement --------------------------------------------------
is((play(sub { list('orders', 10); client('list', rows => 2, keyed => 0) for 1 .. 200; client('customer') for 1 .. 20 }))[-1],
    'hashed 0', 'without pauses, a list is not followed for ever');
is((play(sub { push @script, 'hot client 1000000' }))[-1], 'hashed 0', 'a million look-ups touch no value');

done_testing();
