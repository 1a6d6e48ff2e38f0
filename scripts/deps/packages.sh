# SPDX-License-Identifier: Apache-2.0
#
# Installing Debian packages: read by scripts/bootstrap.
# shellcheck shell=bash disable=SC2034,SC2154

# Debian packages to install, by what asks for them.
APT_BUILD=(cmake ninja-build g++ ccache pkg-config git python3 python3-numpy python3-onnx xz-utils
  protobuf-compiler libprotobuf-dev libsimde-dev clang-format clang-tidy)
# What fuzzing needs: clang, and the runtimes of libFuzzer and of its sanitizers.
APT_FUZZ=(clang libclang-rt-dev)
APT_AARCH64=(g++-aarch64-linux-gnu qemu-user)
APT_ARMHF=(g++-arm-linux-gnueabihf qemu-user)
APT_BLAS=(libopenblas0-pthread)
APT_BENCHMARKS=("${APT_BLAS[@]}" libopencv-dnn-dev python3-torch python3-torchvision python3-pil)
APT_TRAINING=(python3-torch python3-numpy python3-pil)
fonts_list=$root/examples/glyphs/fonts.txt  # its second column names the packages of the fonts

# Prints those of the named packages that are not installed.
missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Starts the log afresh, once a run.
open_log() {
  [[ $log == /dev/null ]] || return 0
  mkdir -p "$cache/logs"
  log=$cache/logs/bootstrap-$(date +%Y%m%d-%H%M%S)-$$.log
  : >"$log"
}

# Runs a command with its output in the log; on failure shows the last lines.
logged() {
  printf '+ %s\n' "$*" >>"$log"
  if ! "$@" >>"$log" 2>&1; then
    tail -n 25 "$log" >&2
    return 1
  fi
}

ensure_packages() {
  local missing start=$SECONDS as_root=()
  command -v dpkg-query >/dev/null || die "this is not Debian: see README.md for how to build on other systems"
  mapfile -t missing < <(missing_packages "$@" | sort -u)
  ((${#missing[@]})) || return 0
  ((use_apt)) || die "these packages are missing: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "run as root, or install these packages: ${missing[*]}"
    as_root=(sudo)
  fi
  open_log
  say "installing ${missing[*]}"
  logged "${as_root[@]}" apt-get update -q || say "apt-get update failed; trying with the package lists that are there"
  logged "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
  say "packages installed in $((SECONDS - start)) s"
}
