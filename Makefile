# dbadvisor: build, install and check with PGXS.
#
#   make PG_CONFIG=/path/to/pg_config && make PG_CONFIG=... install
#   make installcheck      the public interface, against a running server
#   make new-rule NAME=category/name
#   make docs              doc/rules/ from the rule headers
#
# script/test runs every test there is on a server of its own.

MODULE_big = dbadvisor
PGFILEDESC = "dbadvisor - a database architect inside PostgreSQL"

RULE_FILES = $(sort $(wildcard src/rules/*/*.sql))
RULE_ARRAY = src/rules/rule_array.c
SOURCES = $(filter-out $(RULE_ARRAY),$(sort $(wildcard src/*.c src/*/*.c)))
OBJS = $(SOURCES:.c=.o) $(RULE_ARRAY:.c=.o)

EXTENSION = dbadvisor
DATA = dbadvisor--1.0.sql
REGRESS = install catalogue recommendations dismissals errors hostile
REGRESS_OPTS = --inputdir=.
PG_CPPFLAGS = -Isrc
EXTRA_CLEAN = $(RULE_ARRAY)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Rules are data: the header and the SELECT of every file become one C array.
$(RULE_ARRAY): $(RULE_FILES) src/rules/rules.awk
	@awk -f src/rules/rules.awk $(RULE_FILES) > $@.tmp || { rm -f $@.tmp; exit 1; }
	@mv $@.tmp $@

# Adds up counters for each statement of the server.
src/observe/hooks.o: CFLAGS += $(CFLAGS_VECTORIZE) $(CFLAGS_UNROLL_LOOPS)

$(OBJS): $(sort $(wildcard src/*.h src/*/*.h))

.PHONY: new-rule docs
new-rule:
	@script/new-rule "$(NAME)"

docs:
	@script/rule-docs
