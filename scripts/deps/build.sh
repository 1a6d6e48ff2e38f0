# SPDX-License-Identifier: Apache-2.0
#
# Building the dependencies of one target into its prefix: read by scripts/bootstrap.
# shellcheck shell=bash disable=SC2154

compiler_of() {
  case $1 in
    "$native") printf 'g++' ;;
    aarch64) printf 'aarch64-linux-gnu-g++' ;;
    armhf) printf 'arm-linux-gnueabihf-g++' ;;
  esac
}

toolchain_of() {
  case $1 in
    "$native") ;;
    aarch64) printf '%s' "$root/cmake/toolchains/aarch64-linux-gnu.cmake" ;;
    armhf) printf '%s' "$root/cmake/toolchains/armhf-linux-gnu.cmake" ;;
  esac
}

# Prints the prefix of a target: fails when its compiler is not there.
prefix_of() {
  local target=$1 version hash toolchain
  version=$("$(compiler_of "$target")" -dumpfullversion 2>/dev/null) || return 1
  toolchain=$(toolchain_of "$target")
  hash=$(cat "$here"/deps/manifest.sh "$here"/deps/build.sh "$here"/deps/*/CMakeLists.txt ${toolchain:+"$toolchain"} |
    sha256sum)
  printf '%s/deps/%s-gcc%s-%s' "$cache" "$target" "$version" "${hash:0:12}"
}

# Runs one component's function unless its stamp is there, and says how long it took.
component() {
  local name=$1 start=$SECONDS
  [[ -e $prefix/.stamps/$name ]] && return 0
  open_log
  printf '\n== %s for %s\n' "$name" "$target" >>"$log"
  "build_$name"
  touch "$prefix/.stamps/$name"
  say "$target: $name ready in $((SECONDS - start)) s"
}

# Configures, builds and installs scripts/deps/<name>; further arguments go to cmake.
cmake_component() {
  local name=$1 dir=$cache/build/$(basename "$prefix")/$1 options=() toolchain
  shift
  toolchain=$(toolchain_of "$target")
  if [[ -n $toolchain ]]; then
    options+=("-DCMAKE_TOOLCHAIN_FILE=$toolchain")
  else
    options+=(-DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++)
  fi
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  rm -f "$dir/CMakeCache.txt"
  logged env -u CFLAGS -u CXXFLAGS -u LDFLAGS -u CPPFLAGS -u DESTDIR cmake -S "$here/deps/$name" -B "$dir" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release "-DCMAKE_INSTALL_PREFIX=$prefix" "${options[@]}" "$@" ||
    die "cannot configure $name for $target"
  logged env -u DESTDIR cmake --build "$dir" || die "cannot build $name for $target"
  logged env -u DESTDIR cmake --install "$dir" || die "cannot install $name for $target"
  rm -rf "$dir"
}

copy_from_package() {
  local to=$1 name suite version pairs pair
  shift
  read -r name suite version pairs <<<"$*"
  fetch_package "$name" "$suite" "$version"
  for pair in $pairs; do
    mkdir -p "$to/$(dirname "${pair#*:}")"
    rm -rf "${to:?}/${pair#*:}"
    cp -rL "$package_dir/${pair%%:*}" "$to/${pair#*:}"
  done
  install -Dm644 "$package_dir/usr/share/doc/$name/copyright" "$to/share/licenses/$name/copyright"
}

build_headers() {
  local entry
  for entry in "${HEADER_PACKAGES[@]}"; do
    copy_from_package "$prefix" "$entry"
  done
}

build_xnnpack() {
  local pthreadpool fxdiv fp16
  fetch_source pthreadpool && pthreadpool=$source_dir
  fetch_source fxdiv && fxdiv=$source_dir
  fetch_source fp16 && fp16=$source_dir
  fetch_source xnnpack
  cmake_component xnnpack "-DXNNPACK_SOURCE=$source_dir" "-DPTHREADPOOL_SOURCE=$pthreadpool" \
    "-DFXDIV_SOURCE=$fxdiv" "-DFP16_SOURCE=$fp16" "-DCPUINFO_INCLUDE=$prefix/include"
}

build_protobuf() {
  fetch_source protobuf
  cmake_component protobuf "-DPROTOBUF_SOURCE=$source_dir"
}

build_catch2() {
  fetch_source catch2
  cmake_component catch2 "-DCATCH2_SOURCE=$source_dir"
}

# A second copy of XNNPACK with the real pthreadpool, for the test that links both beside Fettle.
build_clash() {
  local pthreadpool
  fetch_source pthreadpool && pthreadpool=$source_dir
  fetch_source fxdiv
  cmake_component pthreadpool "-DPTHREADPOOL_SOURCE=$pthreadpool" "-DFXDIV_SOURCE=$source_dir"
  ln -f "$prefix/lib/libXNNPACK.a" "$prefix/clash/lib/libXNNPACK.a"
  cp "$prefix"/include/{xnnpack,cpuinfo}.h "$prefix/clash/include/"
  if [[ $target == "$native" ]]; then
    fetch_package libcpuinfo0 trixie 0.0~git20250327
    cp -P "$package_dir"/usr/lib/*/libcpuinfo.so.* "$prefix/clash/lib/"
  fi
}

build_target() {
  local target=$1 prefix
  prefix=$(prefix_of "$target") || die "no compiler for $target: $(compiler_of "$target")"
  [[ -e $prefix/.stamps/complete ]] && return 0
  mkdir -p "$prefix/.stamps"
  # One at a time for each prefix; another run's work is then found done.
  exec 9>"$prefix/.lock"
  flock -n 9 || { say "waiting for another bootstrap of $target"; flock 9; }
  component headers
  component xnnpack
  component protobuf
  component catch2
  component clash
  touch "$prefix/.stamps/complete"
  exec 9>&-
}
