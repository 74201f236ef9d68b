# shellcheck shell=sh
# What every pipeline script starts with: sourced, not run. It answers --help by the script's head, goes to the top of the
# repository, installs the Debian packages that are missing (as root), builds, and makes the plugin known to GStreamer.
# Usage: . "$(dirname "$0")/common.sh"; arguments LEAST MOST "$@"; set_up PACKAGE...

script=$(realpath "$0")
caller=$PWD
cd "$(dirname "$0")/.." || exit 1

# The comment at the script's head.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
}

case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
esac

# arguments LEAST MOST ARGUMENT...: ends the script where their number is none of those between.
arguments() {
  least=$1
  most=$2
  shift 2
  if [ $# -lt "$least" ] || [ $# -gt "$most" ]; then
    usage >&2
    exit 2
  fi
}

# absolute FILE: its whole name, seen from where the script was called.
absolute() {
  case $1 in
    /*) realpath -m -- "$1" ;;
    *) realpath -m -- "$caller/$1" ;;
  esac
}

# existing FILE: the same; ends the script where there is none.
existing() {
  absolute "$1"
  if [ ! -e "$(absolute "$1")" ]; then
    echo "$1: there is no such file or folder" >&2
    exit 1
  fi
}

build_packages="gcc meson ninja-build pkg-config libglib2.0-dev libjson-glib-dev libopenblas-dev libgstreamer1.0-dev
  libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-x libpango1.0-dev"

# install_packages PACKAGE...: those that are missing.
install_packages() {
  missing=
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "These packages are missing:$missing" >&2
    echo "Install them as root: apt-get install$missing" >&2
    exit 1
  fi
  apt-get update
  # Minimal systems leave documentation out of packages; opencv-doc is wanted for the clips in it.
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Options::="--path-include=/usr/share/doc/opencv-doc/*" $missing
}

set_up() {
  # shellcheck disable=SC2086 # a list of words
  install_packages $build_packages "$@"
  [ -f build-release/build.ninja ] || meson setup build-release --buildtype=release -Dtests=false
  meson compile -C build-release
  GST_PLUGIN_PATH="$PWD/build-release/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  export GST_PLUGIN_PATH
  echo
  echo "# Copied lines work after: export GST_PLUGIN_PATH=$GST_PLUGIN_PATH"
}

# launch ELEMENTS...: prints the gst-launch-1.0 line, so that it can be copied, and runs it; messages=-m: with all messages,
# messages=--no-position: with errors, warnings and what it is told of the run.
messages=-q
launch() {
  echo
  printf 'gst-launch-1.0 %s' "$messages"
  for word in "$@"; do
    case $word in
      *[!a-zA-Z0-9_.,:/=!+@%-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  gst-launch-1.0 "$messages" "$@"
}
