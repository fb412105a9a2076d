# What the scripts of this folder share; to be sourced.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools and build results that outlive a clone. Everything here can be deleted at any time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
mkdir -p "$cache"

fail() {
  printf '.ci: %s\n' "$*" >&2
  exit 1
}

# retry COMMAND...: three attempts, for what goes over the network.
retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    printf '.ci: attempt %s failed: %s\n' "$attempt" "$*" >&2
    sleep $((attempt * 5))
  done
  return 1
}

# key_of FILE...: a short name for the content of files.
key_of() {
  cat "$@" | sha256sum | cut -c1-12
}

# locked NAME COMMAND...: one process at a time fills the cache.
locked() {
  local lock=$cache/$1.lock
  shift
  (
    flock --timeout 900 9 || fail "waited 15 minutes for $lock"
    "$@"
  ) 9>"$lock"
}

# serve NAME SECONDS N LAUNCH READY: starts a server on N ports of its own and waits until it is ready. Between the choice
# of a port and its use another program can take it, so there are three attempts. LAUNCH PORT... starts the server in the
# background; READY PID PORT... says whether it serves. Adds to `services`, leaves the ports in `ports`.
serve() {
  local name=$1 seconds=$2 count=$3 launch=$4 ready=$5 attempt pid
  for attempt in 1 2 3; do
    read -ra ports < <(free_ports "$count")
    "$launch" "${ports[@]}"
    pid=$!
    services+=("$pid")
    if wait_until "$seconds" "$pid" "$ready" "$pid" "${ports[@]}"; then
      return
    fi
    printf '.ci: attempt %s: %s did not start\n' "$attempt" "$name" >&2
    kill -KILL "$pid" 2>/dev/null || true
  done
  fail "$name did not start"
}

# wait_until SECONDS PID COMMAND...: until the command succeeds; fails at the deadline or when the process ends.
wait_until() {
  local deadline=$((SECONDS + $1)) pid=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || return 1
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
  kill -0 "$pid" 2>/dev/null
}

# listens PID PORT: that process listens there, not another that was faster.
listens() {
  local socket
  socket=$(awk -v at="0100007F:$(printf '%04X' "$2")" '$2 == at && $4 == "0A" { print $10 }' /proc/net/tcp)
  [[ -n $socket ]] && find "/proc/$1/fd" -lname "socket:\[$socket\]" | grep -q .
}

# free_ports N: that many distinct ports that are free now, below those that the system hands out to clients.
free_ports() {
  python3 "$repository/.ci/free_ports.py" "$1"
}

# python_environment: makes the Python environment of the checks; leaves it in `python`.
python_environment() {
  local environment
  python_packages python 600 "$repository"/.ci/{requirements,constraints}.txt
  python=$environment
}

# python_packages NAME SECONDS REQUIREMENTS [CONSTRAINTS]: makes a Python environment of these lists of packages, once for each version
# of them and of Python, within that time; leaves it in `environment`.
python_packages() {
  local name=$1 seconds=$2
  shift 2
  environment=$cache/$name-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(key_of "$@")
  locked "$name" install_python_packages "$environment" "$seconds" "$@"
}

install_python_packages() {
  local environment=$1 seconds=$2 requirements=$3 constraints=${4:-}
  [[ -f $environment/complete ]] && return
  rm -rf "$environment"
  python3 -m venv "$environment" || fail "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
  retry timeout "$seconds" "$environment/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$requirements" ${constraints:+--constraint "$constraints"} || fail "the packages of $requirements could not be installed"
  touch "$environment/complete"
}

# go_source FOLDER MODULE@VERSION: fetches a source into a folder of Go's, by the Go of the Python environment, which checks it against
# the public list of checksums; leaves where it lies in `source_folder`.
go_source() {
  GOPATH=$1 GOFLAGS=-modcacherw GOTOOLCHAIN=local retry timeout 120 "$python/bin/go" mod download "$2" || fail "$2 could not be fetched"
  source_folder=$1/pkg/mod/$2
}

# go_program NAME MODULE@VERSION [PACKAGE]: makes a program of Go's from its source, once for each version, by the Go of the
# Python environment, which checks the source against the public list of checksums; leaves its path in `program`. With a package
# it is built in the folder of its module, by the versions and replacements that are written there, and nothing but that version
# is asked for.
go_program() {
  local name=$1 source=$2 package=${3:-}
  python_environment
  program=$cache/$name-${source##*@}/$name
  locked "$name" install_go_program "$program" "$source" "$package"
}

install_go_program() {
  local program=$1 source=$2 package=$3 scratch
  [[ -x $program ]] && return
  scratch=$(mktemp -d)
  (
    export GOPATH=$scratch/go GOBIN=$scratch/bin GOCACHE=$scratch/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local
    if [[ -z $package ]]; then
      retry timeout 300 "$python/bin/go" install "$source"
    else
      go_source "$GOPATH" "$source"
      cd "$source_folder"
      local_replacements_dropped
      retry timeout 900 "$python/bin/go" build -o "$scratch/bin/$(basename "$program")" "$package"
    fi
  ) || fail "$source could not be built"
  mkdir -p "$(dirname "$program")"
  mv "$scratch/bin/$(basename "$program")" "$program"
  rm -rf "$scratch"
}

# What the module in this folder replaces by a folder of its own repository, which no proxy gives, is taken as it was published.
local_replacements_dropped() {
  local folders
  mapfile -t folders < <(grep -oE '[^[:space:]]+ => \./' go.mod | cut -d ' ' -f 1)
  ((${#folders[@]})) || return 0
  chmod u+w . go.mod go.sum
  "$python/bin/go" mod edit "${folders[@]/#/-dropreplace=}"
  export GOFLAGS="$GOFLAGS -mod=mod"
}

# own_go_program FOLDER: makes the Go program in that folder of .ci, once for each state of its files; leaves its path in `program`.
own_go_program() {
  local name=$1 folder=$repository/.ci/$1
  python_environment
  program=$cache/$name-$(key_of "$folder"/{main.go,go.mod,go.sum})/$name
  locked "$name" install_own_go_program "$program" "$folder"
}

install_own_go_program() {
  local program=$1 folder=$2 scratch
  [[ -x $program ]] && return
  scratch=$(mktemp -d)
  mkdir -p "$(dirname "$program")"
  GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-modcacherw GOTOOLCHAIN=local retry timeout 600 \
    "$python/bin/go" build -C "$folder" -o "$program" . || fail "$folder could not be built"
  rm -rf "$scratch"
}
