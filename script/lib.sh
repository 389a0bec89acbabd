# shellcheck shell=bash
#
# lib.sh: what script/demo, script/test and the benchmarks share.
#
# Sourced by a bash script that has `set -euo pipefail`. Nothing here touches
# the PostgreSQL of the machine: servers run from a private prefix, in a
# directory of their own, on a Unix socket, never on port 5432.
#
#   log TEXT...                        a line of progress, on standard error
#   die TEXT...                        the same and exit 1
#   need_packages PACKAGE...           install what is missing
#   need_postgres [EXTRA...]           the server packages; sets PG_CONFIG
#   read_lines ARRAY COMMAND...        sets ARRAY to the lines of the output
#   on_exit COMMAND...                 run at exit, INT and TERM, last one first
#   run_group COMMAND...               in a process group that ends with us
#   make_workdir                       sets WORKDIR, which goes away at exit
#   copy_source FROM TO                the source without its build products
#   as_server_user COMMAND...          never as root
#   private_prefix PG_CONFIG PREFIX    sets PRIVATE_BIN
#   private_install BIN SOURCE [MAKE ARGUMENT...]
#   start_cluster BIN DIR PORT [CONFIGURATION LINE...]
#   stop_cluster DIR [MODE]

# A caller's connection settings must not lead to somebody else's server.
unset PGDATA PGDATABASE PGHOST PGHOSTADDR PGOPTIONS PGPASSFILE PGPASSWORD \
	PGPORT PGSERVICE PGSERVICEFILE PGSSLMODE PGUSER
export LC_ALL=C.UTF-8

# shellcheck disable=SC2034  # for the scripts that source this
CACHE_DIR=${DBADVISOR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/dbadvisor}
SUPPORTED_MAJORS=(15 16 17 18 19)
# What no server's log may say: misused memory, a failed assertion, a crash.
BAD_LOG='runtime error:|AddressSanitizer|TRAP:|detected write past|PANIC|terminated by signal (4|6|7|8|11)'
EXIT_ACTIONS=()
CHILD_GROUP=		# process group that run_group waits for
CLUSTER_BIN=()		# indexed like CLUSTER_DIR
CLUSTER_DIR=()

# Prints a line of progress on standard error.
log()
{
	printf '==> %s\n' "$*" >&2
}

# Prints why the script cannot go on and ends it.
die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# Sets the array to the lines that the command prints. Without process
# substitution, which needs /proc; a root may have none.
read_lines()
{
	local -n read_into=$1
	local output
	shift

	output=$("$@")
	read_into=()
	# shellcheck disable=SC2034  # a reference to the caller's array
	[ -z "$output" ] || mapfile -t read_into <<<"$output"
}

# ---------------------------------------------------------------------------
# Cleaning up
# ---------------------------------------------------------------------------

# Has the command run when the script ends, however it ends.
on_exit()
{
	EXIT_ACTIONS+=("$(printf '%q ' "$@")")
	trap run_exit_actions EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# Runs what on_exit collected, the last one first; a failing one stops none.
run_exit_actions()
{
	local i
	trap '' INT TERM
	if [ -n "$CHILD_GROUP" ]; then
		end_group
	fi
	for ((i = ${#EXIT_ACTIONS[@]} - 1; i >= 0; i--)); do
		eval "${EXIT_ACTIONS[i]}" || true
	done
	EXIT_ACTIONS=()
}

# Runs the command as a process group of its own, which a signal to us ends in
# full; a shell that merely waited for it would clean up too early or too late.
run_group()
{
	local status=0

	set -m
	"$@" </dev/null &
	CHILD_GROUP=$!
	set +m
	wait "$CHILD_GROUP" || status=$?
	CHILD_GROUP=
	return $status
}

# Ends what run_group still waits for: politely, after 20 seconds not.
end_group()
{
	local i

	kill -TERM -- "-$CHILD_GROUP" 2>/dev/null || return 0
	for ((i = 0; i < 200; i++)); do
		kill -0 -- "-$CHILD_GROUP" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$CHILD_GROUP" 2>/dev/null || true
}

# Sets WORKDIR to a new directory of the server's user, which goes away at exit
# unless KEEP=1. Its path is short because a socket path may have at most 107
# bytes.
make_workdir()
{
	local base=${TMPDIR:-/tmp}

	[ ${#base} -le 40 ] || base=/tmp
	WORKDIR=$(mktemp -d "$base/dba.XXXXXX")
	if [ "${KEEP:-0}" = 1 ]; then
		log "keeping $WORKDIR"
	else
		on_exit rm -rf "$WORKDIR"
	fi
	chmod 755 "$WORKDIR"
	if [ "$(id -u)" = 0 ]; then
		chown "$(server_user)" "$WORKDIR"
	fi
}

# ---------------------------------------------------------------------------
# Packages and users
# ---------------------------------------------------------------------------

# Runs the command as root, through sudo where that is needed and possible.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif can_be_root; then
		sudo "$@"
	else
		return 1
	fi
}

# Succeeds when as_root would work: root, or sudo that asks nobody or can ask.
can_be_root()
{
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null || return
	sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }
}

# Prints those of the packages that are not installed.
missing_packages()
{
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$package"
	done
}

# Installs those of the packages that are missing, or says what to install.
need_packages()
{
	local missing

	command -v dpkg-query >/dev/null || return 0
	read_lines missing missing_packages "$@"
	[ ${#missing[@]} -gt 0 ] || return 0
	can_be_root ||
		die "these packages are missing and neither root nor sudo is at hand: apt-get install ${missing[*]}"
	log "installing ${missing[*]}"
	update_package_lists "${missing[@]}"
	without_main_cluster apt_get install -y --no-install-recommends "${missing[@]}" ||
		die "could not install: ${missing[*]}"
}

# Refreshes apt's lists when they do not know one of the packages.
update_package_lists()
{
	apt-cache show --no-all-versions "$@" >/dev/null 2>&1 || apt_get update
}

# Runs apt-get as root, asking nothing; its output is shown when it fails.
apt_get()
{
	local output

	if ! output=$(as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null 2>&1); then
		printf '%s\n' "$output" >&2
		return 1
	fi
}

# Runs the command while new server packages make no cluster, which would take
# port 5432; what the machine's owner had configured comes back afterwards.
without_main_cluster()
{
	local conf=/etc/postgresql-common/createcluster.conf
	local default=/usr/share/postgresql-common/createcluster.conf
	local status=0

	if [ -e "$conf" ]; then
		as_root cp -a "$conf" "$conf.dbadvisor"
	fi
	as_root mkdir -p "${conf%/*}"
	printf 'create_main_cluster = false\n' | as_root tee "$conf" >/dev/null
	"$@" || status=$?
	if [ -e "$conf.dbadvisor" ]; then
		as_root mv "$conf.dbadvisor" "$conf"
	elif [ -e "$default" ]; then
		as_root cp "$default" "$conf"
	else
		as_root rm -f "$conf"
	fi
	return $status
}

# Prints the newest supported major version whose server is installed.
installed_major()
{
	local major found=
	for major in "${SUPPORTED_MAJORS[@]}"; do
		if [ -x "/usr/lib/postgresql/$major/bin/postgres" ]; then
			found=$major
		fi
	done
	printf '%s\n' "$found"
}

# Prints the major version that the distribution's own package stands for.
packaged_major()
{
	update_package_lists postgresql
	apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]\+\)$/\1/p' | head -n 1
}

# Makes sure of a server to build for and sets PG_CONFIG. PG_CONFIG or PG_MAJOR
# given by the caller decide; EXTRA packages may contain %v for the version.
need_postgres()
{
	local major=${PG_MAJOR:-} wanted

	if [ -z "${PG_CONFIG:-}" ]; then
		[ -n "$major" ] || major=$(installed_major)
		[ -n "$major" ] || major=$(packaged_major)
		[ -n "$major" ] || die "found no PostgreSQL and no package of one; set PG_CONFIG"
		wanted=(make gcc perl "postgresql-$major" "postgresql-server-dev-$major" "${@//%v/$major}")
		need_packages "${wanted[@]}"
		PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config
	fi
	[ -x "$PG_CONFIG" ] || die "$PG_CONFIG cannot be executed"
	[ -f "$("$PG_CONFIG" --pgxs)" ] || die "$PG_CONFIG knows no PGXS: the server's development files are missing"
}

# Prints the unprivileged user that servers run as.
server_user()
{
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		printf 'postgres\n'
	else
		printf 'nobody\n'
	fi
}

# Runs the command as an unprivileged user, because PostgreSQL refuses root.
as_server_user()
{
	local user

	if [ "$(id -u)" != 0 ]; then
		"$@"
		return
	fi
	user=$(server_user)
	setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups \
		env HOME="${WORKDIR:-/}" USER="$user" LOGNAME="$user" "$@"
}

# ---------------------------------------------------------------------------
# A PostgreSQL of our own
# ---------------------------------------------------------------------------

# Copies the source tree for the server's user. Works from a checkout that is
# read-only or that only the caller can read; objects stay behind because they
# may be another version's.
copy_source()
{
	as_server_user mkdir -p "$2"
	tar -C "$1" --exclude=.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./results --exclude=./output_iso --exclude=./tmp_check \
		--exclude='regression.*' -cf - . |
		as_server_user tar -C "$2" --no-same-owner --no-same-permissions -xf -
	as_server_user chmod -R u+w "$2"
}

# Makes below PREFIX a PostgreSQL that is the machine's own, seen through
# links, and sets PRIVATE_BIN to its executables. A server finds its libraries
# and extensions relative to its executable, symbolic links resolved; so with
# real copies of the executables it looks here, and `make install` with this
# pg_config writes here and needs no privilege.
private_prefix()
{
	local pg_config=$1 prefix=$2
	local bin directory

	bin=$("$pg_config" --bindir)
	PRIVATE_BIN=$prefix$bin
	as_server_user mkdir -p "$PRIVATE_BIN"
	as_server_user cp -R --preserve=mode,links "$bin/." "$PRIVATE_BIN/"
	for directory in "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)" \
		"$("$pg_config" --pkgincludedir)"; do
		as_server_user mkdir -p "$prefix${directory%/*}"
		as_server_user cp -Rs "$directory" "$prefix${directory%/*}/"
	done
	as_server_user find "$prefix" -name 'dbadvisor*' -prune -exec rm -rf {} +
	[ "$("$PRIVATE_BIN/pg_config" --bindir)" = "$PRIVATE_BIN" ] ||
		die "this PostgreSQL cannot be moved: $pg_config"
}

# Builds the source, a copy of its own, for the private PostgreSQL in BIN and
# installs it there; the build's output is shown when it fails.
private_install()
{
	local bin=$1 source=$2
	shift 2
	local output=$source/build.log

	if ! as_server_user make -s -C "$source" -j"$(nproc)" PG_CONFIG="$bin/pg_config" \
		"$@" all install </dev/null 2>&1 | as_server_user tee "$output" >/dev/null; then
		cat "$output" >&2
		return 1
	fi
}

# Starts a server with its data, socket and log in DIR, which a first start
# creates; it is stopped at exit. PGHOST=DIR PGPORT=PORT PGUSER=postgres reach
# it. SERVER_ENV may hold variables for the server alone, SERVER_PROGRAM what is
# executed in place of BIN/postgres.
start_cluster()
{
	local bin=$1 dir=$2 port=$3
	shift 3

	[ "$port" != 5432 ] || die "port 5432 may be somebody else's server"
	[ ${#dir} -le 80 ] || die "too long for a socket: $dir"
	if [ ! -d "$dir/data" ]; then
		create_cluster "$bin" "$dir" "$port" "$@"
	fi
	CLUSTER_BIN+=("$bin")
	CLUSTER_DIR+=("$dir")
	on_exit stop_cluster "$dir" immediate
	(cd "$dir" && as_server_user env "${SERVER_ENV[@]}" "$bin/pg_ctl" -D "$dir/data" \
		-p "${SERVER_PROGRAM:-$bin/postgres}" -l "$dir/server.log" -w -t 120 start </dev/null >"$dir/pg_ctl.log" 2>&1) || {
		cat "$dir/pg_ctl.log" "$dir/server.log" >&2
		return 1
	}
}
SERVER_ENV=()
SERVER_PROGRAM=

# Makes the data directory of a private server and writes its configuration.
create_cluster()
{
	local bin=$1 dir=$2 port=$3
	shift 3

	as_server_user mkdir -p "$dir"
	(cd "$dir" && as_server_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -N \
		--encoding=UTF8 --locale=C.UTF-8 </dev/null >/dev/null)
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$dir'" "port = $port" \
		"fsync = off" "log_line_prefix = '%m [%p] %q%a %d '" "$@" |
		as_server_user tee -a "$dir/data/postgresql.conf" >/dev/null
}

# Stops the server of DIR if it runs: the one named in its own pid file.
stop_cluster()
{
	local dir=$1 mode=${2:-fast} i

	[ -e "$dir/data/postmaster.pid" ] || return 0
	for i in "${!CLUSTER_DIR[@]}"; do
		if [ "${CLUSTER_DIR[i]}" = "$dir" ]; then
			(cd / && as_server_user "${CLUSTER_BIN[i]}/pg_ctl" -D "$dir/data" -m "$mode" \
				-w -t 60 stop </dev/null >/dev/null)
			return
		fi
	done
}
