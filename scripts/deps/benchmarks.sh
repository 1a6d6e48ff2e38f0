# SPDX-License-Identifier: Apache-2.0
#
# What only the benchmarks need: read by scripts/bootstrap.
# shellcheck shell=bash disable=SC2154

# The rival that benchmarks compare with: the library from its npm package, the C header from Debian's package.
ORT_NPM_PACKAGE=onnxruntime-node
ORT_NPM_VERSION=1.30.0
ORT_HEADER_PACKAGE="libonnxruntime-dev trixie 1.21.0 usr/include/onnxruntime:include/onnxruntime"

benchmarks_prefix() { printf '%s/benchmarks/onnxruntime-%s' "$cache" "$ORT_NPM_VERSION"; }

# ONNX Runtime: libraries for x86_64 and aarch64, and the C header.
get_benchmarks() {
  local dir start=$SECONDS arch folder found
  dir=$(benchmarks_prefix)
  [[ -e $dir/.complete ]] && return 0
  open_log
  rm -rf "$dir"
  mkdir -p "$dir/npm"
  logged npm install --ignore-scripts --no-audit --no-fund --prefix "$dir/npm" \
    "$ORT_NPM_PACKAGE@$ORT_NPM_VERSION" || die "npm cannot install $ORT_NPM_PACKAGE $ORT_NPM_VERSION"
  for arch in x86_64:x64 aarch64:arm64; do
    folder=$dir/lib/${arch%%:*}
    mkdir -p "$folder"
    found=("$dir"/npm/node_modules/"$ORT_NPM_PACKAGE"/bin/napi-v*/linux/"${arch#*:}"/libonnxruntime.so.1)
    [[ -f ${found[0]} ]] || die "$ORT_NPM_PACKAGE $ORT_NPM_VERSION holds no library for ${arch%%:*}"
    cp "${found[0]}" "$folder/libonnxruntime.so.1"
    ln -s libonnxruntime.so.1 "$folder/libonnxruntime.so"
  done
  rm -rf "$dir/npm"
  copy_from_package "$dir" "$ORT_HEADER_PACKAGE"
  touch "$dir/.complete"
  say "ONNX Runtime $ORT_NPM_VERSION ready in $((SECONDS - start)) s"
}
