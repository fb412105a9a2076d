# promtool, which checks rules and tests alerts; to be sourced after common.sh.

# The release of Debian that it comes from: bookworm's is too old, and refuses settings that are right.
promtool_suite=trixie

# find_promtool: leaves the program in `promtool`, that of the system where it is new enough.
find_promtool() {
  if command -v promtool >/dev/null && ! promtool --version 2>&1 | grep -qE 'version (1|2\.([0-9]|[1-4][0-9]))\.'; then
    promtool=$(command -v promtool)
    return
  fi
  promtool=$cache/promtool-$promtool_suite/usr/bin/promtool
  locked promtool install_promtool "$cache/promtool-$promtool_suite"
}

# From Debian's archive by the keys that the system has, without a change to its lists. Ubuntu's own package serves there.
install_promtool() {
  local folder=$1 scratch mirror package=promtool apt
  [[ -x $folder/usr/bin/promtool ]] && return
  scratch=$(mktemp -d)
  mkdir -p "$scratch"/{sources,lists/partial,cache/archives/partial}
  # shellcheck source=/dev/null
  source /etc/os-release
  if [[ $ID == debian ]]; then
    mirror=$(grep -rhoEm 1 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true)
    mirror=${mirror%%[[:space:]]*}
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
      "${mirror:-http://deb.debian.org/debian}" "$promtool_suite" >"$scratch/sources/archive.sources"
    apt=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$scratch/sources" -o "Dir::State::lists=$scratch/lists")
  else
    package=prometheus
    apt=()
  fi
  apt+=(-o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=root)
  (
    cd "$scratch"
    [[ $ID != debian ]] || retry timeout 120 apt-get "${apt[@]}" update -q
    retry timeout 120 apt-get "${apt[@]}" download -q "$package"
  ) >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; fail "promtool could not be fetched"; }
  mkdir -p "$folder"
  dpkg-deb -x "$scratch/$package"_*.deb "$folder"
  rm -rf "$scratch"
}
