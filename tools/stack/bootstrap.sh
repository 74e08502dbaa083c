# What must happen before a Node program of this project can run: the Debian packages, Node modules, the build. Read
# by the entries in tools/; plain POSIX shell, because nothing else is there yet.

set -eu
plumbline_root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
plumbline_cache=$plumbline_root/.plumbline/cache
plumbline_packages='redis-server postgresql ceph-mon ceph-osd ceph-mgr ceph-common librbd1 librados2 libjemalloc2
  qemu-system-x86 qemu-utils qemu-block-extra busybox-static cpio'
plumbline_node_least=20.19.0

say() { printf '%s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

# The comment at the top of an entry is its help, so that help needs nothing installed.
plumbline_help() {
  for word in "$@"; do
    case $word in
      -h | --help)
        awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"
        exit 0
        ;;
    esac
  done
}

# Runs one step and prints it as the stack's own steps are printed, with its time.
plumbline_step() {
  step_name=$1
  shift
  step_began=$(date +%s%N)
  "$@" || fail "$step_name failed; see above"
  step_tenths=$((($(date +%s%N) - step_began) / 100000000))
  printf '  %-14s %5d.%d s  %s\n' "$step_name" $((step_tenths / 10)) $((step_tenths % 10)) done
}

plumbline_check_system() {
  [ -r /etc/os-release ] && . /etc/os-release
  case "${ID:-unknown} ${VERSION_ID:-} $(dpkg --print-architecture 2>/dev/null || true)" in
    'debian 12 amd64') ;;
    *) fail "This is ${PRETTY_NAME:-not Debian}, $(uname -m); the stack's parts come from Debian 12, amd64.
Elsewhere, use containers:  docker compose up   (see docker-compose.yml)" ;;
  esac
}

plumbline_missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
  done
}

plumbline_install() {
  # Services that packages would start are not wanted: the stack runs its own.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >"$plumbline_cache/apt.log" 2>&1 ||
    { tail -n 20 "$plumbline_cache/apt.log" >&2; return 1; }
}

plumbline_ensure_packages() {
  missing=$(plumbline_missing_packages "$@")
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || fail "Some Debian packages are missing, and only root can install them:
  sudo apt-get install --no-install-recommends $missing"
  # shellcheck disable=SC2086 # a list of names
  plumbline_step packages plumbline_install $missing
}

plumbline_node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  oldest=$(printf '%s\n%s\n' "$plumbline_node_least" "$(node -p process.versions.node)" | sort -V | head -n 1)
  [ "$oldest" = "$plumbline_node_least" ]
}

plumbline_use_fetched_node() {
  fetched=$plumbline_cache/node/node_modules/node/bin
  [ ! -x "$fetched/node" ] || PATH=$fetched:$PATH
  export PATH
}

# Debian 12's own Node is too old to run Plumbline, but new enough to fetch a newer one as an npm package.
plumbline_ensure_node() {
  plumbline_use_fetched_node
  plumbline_node_is_new_enough && return 0
  command -v npm >/dev/null || plumbline_ensure_packages nodejs npm
  plumbline_step node npm install --silent --no-save --prefix "$plumbline_cache/node" node@20.20.2
  plumbline_use_fetched_node
  plumbline_node_is_new_enough || fail "Node $plumbline_node_least or newer is needed, with npm"
}

plumbline_npm_ci() {
  npm ci --no-progress --loglevel=error >"$plumbline_cache/npm.log" 2>&1 ||
    { tail -n 20 "$plumbline_cache/npm.log" >&2; return 1; }
}

plumbline_ensure_modules() {
  node tools/stack/installed.mjs || plumbline_step 'npm ci' plumbline_npm_ci
}

# Starting nx takes longer than looking whether any source is newer than the last build.
plumbline_is_built() {
  stamp=$plumbline_cache/built-$1
  [ -f "$stamp" ] || return 1
  if [ "$1" = all ]; then
    places='apps libs tools'
    for project in apps/* libs/* libs/sources/*/* tools/*; do
      [ ! -f "$project/src/index.ts" ] && [ ! -f "$project/src/main.ts" ] && continue
      [ -d "$project/dist" ] || return 1
    done
  else
    places=tools/$1
    [ -d "$places/dist" ] || return 1
  fi
  # shellcheck disable=SC2086 # a list of folders
  newer=$(find package-lock.json nx.json tsconfig.base.json $places \
    \( -name node_modules -o -name dist -o -name test \) -prune -o \
    -newer "$stamp" \( -path '*/src' -o -path '*/src/*' -o -name '*.json' \) -print | head -n 1)
  [ -z "$newer" ]
}

plumbline_build() {
  touch "$plumbline_cache/building-$1"
  target=run-many
  [ "$1" = all ] || target="run-many -p $1"
  # shellcheck disable=SC2086 # words of a command
  NX_NO_CLOUD=true NX_DAEMON=false NX_TUI=false node_modules/.bin/nx $target -t build \
    >"$plumbline_cache/build-$1.log" 2>&1 || { tail -n 40 "$plumbline_cache/build-$1.log" >&2; return 1; }
  mv "$plumbline_cache/building-$1" "$plumbline_cache/built-$1"
}

# Everything up to a project that can run; $1 is what to build: all, or one project's name.
plumbline_prepare() {
  cd "$plumbline_root"
  mkdir -p "$plumbline_cache"
  plumbline_check_system
  plumbline_ensure_node
  # shellcheck disable=SC2086 # a list of names
  plumbline_ensure_packages $plumbline_packages
  # Two starts at once in one clone must not install or build over one another.
  (
    flock 9
    plumbline_ensure_modules
    plumbline_is_built "$1" || plumbline_step build plumbline_build "$1"
  ) 9>"$plumbline_cache/install.lock" || exit 1
}

# Runs a command of the stack. Relative paths mean what they mean where the person stands.
plumbline_run() {
  cd "$plumbline_here"
  plumbline_use_fetched_node
  [ -f "$plumbline_root/tools/stack/dist/main.js" ] || fail 'Nothing was built here yet; begin with ./tools/up'
  exec node "$plumbline_root/tools/stack/dist/main.js" "$@"
}

plumbline_here=$PWD
