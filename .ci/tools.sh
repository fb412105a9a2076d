# What must be on the machine before the steps begin; to be sourced after common.sh.

# Installs by name what is missing, where that is possible, else says what to install.
system_packages() {
  local entry missing=()
  for entry in cc:gcc c++:g++ make:make mvn:maven javac:default-jdk-headless python3:python3 flock:util-linux \
    pkg-config:pkg-config openssl:openssl node:nodejs npm:npm; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
  done
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  # Debian keeps the server's programs outside the path.
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
  install_packages "${missing[@]}"
}

# install_packages PACKAGE...: by the system's own means.
install_packages() {
  (($#)) || return 0
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
  ((EUID == 0)) || apt=(sudo -n "${apt[@]}")
  printf '.ci: installing %s\n' "$*"
  { retry timeout 300 "${apt[@]}" update -q && retry timeout 600 "${apt[@]}" install -q -y "$@"; } ||
    fail "these are missing and could not be installed: $*"
}

# install_programs PROGRAM...: those that are missing, each by a package of its name.
install_programs() {
  local program missing=()
  for program; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  install_packages "${missing[@]}"
}

# has_rust VERSION [+TOOLCHAIN]: whether that toolchain, else the usual one, is of this version and has clippy and rustfmt.
# Without the variable rustup would begin to install what it is only asked about, with no retry and no word.
has_rust() {
  local wanted=$1
  shift
  (
    export RUSTUP_AUTO_INSTALL=0
    rustc "$@" --version | grep -qF "rustc $wanted " && cargo "$@" clippy --version && cargo "$@" fmt --version
  ) >/dev/null 2>&1
}

# Makes sure that cargo is of the version in rust-toolchain.toml, with clippy and rustfmt.
rust_toolchain() {
  local wanted
  command -v rustup >/dev/null || fail "rustup is missing; it is installed from rustup.rs"
  wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  has_rust "$wanted" && return
  if has_rust "$wanted" +stable; then
    export RUSTUP_TOOLCHAIN=stable
    return
  fi
  retry timeout 300 rustup toolchain install "$wanted" --profile minimal --component clippy,rustfmt ||
    fail "Rust $wanted could not be installed"
  export RUSTUP_TOOLCHAIN=$wanted
}

# Keeps the target folder of this run and the last one before it; starts anew when one has grown out of hand.
# A folder used in the last three hours may be another run's and is left alone.
prune_targets() {
  local current=$1 kept=0 folder
  if [[ -d $current ]] && (($(du -s --block-size=1G "$current" | cut -f1) > 30)); then
    rm -rf "$current"
  fi
  mkdir -p "$current"
  touch "$current"
  while read -r folder; do
    [[ $folder == "$current" ]] && continue
    kept=$((kept + 1))
    ((kept == 1)) || rm -rf "$folder"
  done < <(find "$cache" -maxdepth 1 -name 'target-*' -mmin +180 -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
}
