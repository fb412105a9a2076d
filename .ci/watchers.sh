# Programs that read the settings of what watches the shop; to be sourced after common.sh. They come from Debian's archive in
# seconds, where their sources would take Go minutes.

# The release of Debian that they come from: bookworm's are too old, and refuse settings that are right.
watchers_suite=trixie

# find_watchers: leaves the programs in `promtool`, `amtool` and `blackbox_exporter`.
find_watchers() {
  local folder=$cache/watchers-$watchers_suite promtool_package=promtool
  # shellcheck source=/dev/null
  [[ $(source /etc/os-release && printf '%s' "$ID") == debian ]] || promtool_package=prometheus
  locked watchers install_from_archive "$folder" "$promtool_package" prometheus-alertmanager prometheus-blackbox-exporter
  promtool=$folder/usr/bin/promtool
  amtool=$folder/usr/bin/amtool
  blackbox_exporter=$folder/usr/bin/prometheus-blackbox-exporter
}

# find_prometheus: leaves the program in `prometheus`.
find_prometheus() {
  local folder=$cache/prometheus-$watchers_suite
  locked prometheus install_from_archive "$folder" prometheus
  prometheus=$folder/usr/bin/prometheus
}

# install_from_archive FOLDER PACKAGE...: by the keys that the system has, without a change to its lists. On Ubuntu its own packages serve.
install_from_archive() {
  local folder=$1 scratch mirror package apt=()
  shift
  [[ -f $folder/complete ]] && return
  rm -rf "$folder"
  scratch=$(mktemp -d)
  mkdir -p "$scratch"/{sources,lists/partial,cache/archives/partial} "$folder"
  # shellcheck source=/dev/null
  source /etc/os-release
  if [[ $ID == debian ]]; then
    mirror=$(grep -rhoEm 1 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true)
    mirror=${mirror%%[[:space:]]*}
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
      "${mirror:-http://deb.debian.org/debian}" "$watchers_suite" >"$scratch/sources/archive.sources"
    apt=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$scratch/sources" -o "Dir::State::lists=$scratch/lists")
  fi
  apt+=(-o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=root)
  (
    cd "$scratch"
    [[ $ID != debian ]] || retry timeout 120 apt-get "${apt[@]}" update -q
    retry timeout 120 apt-get "${apt[@]}" download -q "$@"
  ) >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; fail "$* could not be fetched"; }
  for package; do
    dpkg-deb -x "$scratch/$package"_*.deb "$folder"
  done
  rm -rf "$scratch"
  touch "$folder/complete"
}

# find_dashboard_reader: leaves in `dashboard_reader` the program that reads dashboards by Grafana's own types.
find_dashboard_reader() {
  local folder
  command -v npm >/dev/null || fail "npm is missing (Debian: apt-get install nodejs npm)"
  folder=$cache/grafana-$(key_of "$repository"/.ci/grafana/{package-lock.json,board.ts,check.mjs})
  locked grafana install_dashboard_reader "$folder"
  dashboard_reader=$folder/check.mjs
}

install_dashboard_reader() {
  local folder=$1
  [[ -f $folder/complete ]] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$repository"/.ci/grafana/{package.json,package-lock.json,board.ts,check.mjs} "$folder/"
  retry timeout 120 npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent ||
    fail "Grafana's types of dashboards could not be fetched"
  touch "$folder/complete"
}
