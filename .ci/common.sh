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

# wait_until SECONDS WHAT PID COMMAND...: until the command succeeds; fails at the deadline or when the process ends.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2 pid=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || fail "$what ended while starting"
    ((SECONDS < deadline)) || fail "$what is not ready at its deadline"
    sleep 0.2
  done
}

accepts_connections() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1")
}

# free_ports N: that many distinct ports that are free now.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in held))
PYTHON
}
