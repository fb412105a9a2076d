# PostgreSQL: one server on a free port of the loopback interface, without passwords. Sets WEIR_TEST_POSTGRES, a URL whose
# user may make databases: each test makes its own.

# Debian keeps the server's programs outside the path.
postgres_programs() {
  local found
  found=$(command -v initdb || true)
  [[ -n $found ]] || found=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [[ -n $found ]] || fail "PostgreSQL is missing (Debian: apt-get install postgresql)"
  dirname "$(readlink -f "$found")"
}

# The server refuses to run as root.
as_postgres() {
  if ((EUID == 0)); then
    setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
  else
    "$@"
  fi
}

launch_postgres() {
  local data=$work/postgres
  rm -rf "$data"
  mkdir "$data"
  chmod a+x "$work"
  ((EUID != 0)) || chown postgres "$data"
  as_postgres "$programs/initdb" --pgdata "$data" --username weir --auth trust --encoding UTF8 --locale C \
    >"$work/postgres.log" 2>&1 || fail "PostgreSQL's folder could not be made: see $work/postgres.log"
  # What is measured against it is committed for real; the tests are many and each has pools of its own.
  as_postgres "$programs/postgres" -D "$data" -h 127.0.0.1 -p "$1" -k "" -c max_connections=400 \
    -c shared_buffers=64MB -c synchronous_commit=on >>"$work/postgres.log" 2>&1 &
}

postgres_serves() {
  "$programs/pg_isready" --quiet --host 127.0.0.1 --port "$2"
}

start_postgres() {
  local programs ports
  programs=$(postgres_programs)
  serve "PostgreSQL" 60 1 launch_postgres postgres_serves
  export WEIR_TEST_POSTGRES=postgres://weir@127.0.0.1:${ports[0]}/postgres
}
