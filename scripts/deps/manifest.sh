# SPDX-License-Identifier: Apache-2.0
#
# What Fettle is built from: read by scripts/bootstrap. Editing this file changes the key of the cached prefix.
# shellcheck shell=bash disable=SC2034

# Upstream source archives, as Debian keeps them: source package, file, SHA-256.
SOURCES=(
  "xnnpack     xnnpack_0.0~git20241108.4ea82e5.orig.tar.xz     90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99"
  "pthreadpool pthreadpool_0.0~git20240616.560c60d.orig.tar.xz 4cc3cbd933b28131d2a34edc54f76af9fb41bc490af5eae1a5bd3cd07ea90708"
  "fxdiv       fxdiv_0.0~git20200417.b408327.orig.tar.xz       7953482badaf4cb34026c3487c257b8e4ab2df061c019bd6fabbbc12ad52c44b"
  "fp16        fp16_0.0~git20200514.4dfe081.orig.tar.xz        7d7782b37b74136e0e12593a2a93ccbe7db831f4374cc408e44623d9b708b54e"
  "protobuf    protobuf_3.21.12.orig.tar.gz                    930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53"
  "catch2      catch2_3.7.1.orig.tar.gz                        c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c"
)

# Headers and data taken out of Debian's binary packages without installing them: package, suite, upstream
# version, then FROM:TO pairs (a folder's or a file's place in the package, its place in the prefix).
HEADER_PACKAGES=(
  "libcpuinfo-dev     trixie   0.0~git20250327 usr/include/cpuinfo.h:include/cpuinfo.h"
  "libeigen3-dev      bookworm 3.4.0           usr/include/eigen3/Eigen:include/Eigen usr/include/eigen3/unsupported:include/unsupported"
  "libfmt-dev         bookworm 9.1.0           usr/include/fmt:include/fmt"
  "nlohmann-json3-dev bookworm 3.11.2          usr/include/nlohmann:include/nlohmann"
  "libxxhash-dev      bookworm 0.8.1           usr/include/xxhash.h:include/xxhash.h"
  "libcli11-dev       bookworm 2.1.2           usr/include/CLI:include/CLI"
  "libstb-dev         bookworm 0.0~git20220908 usr/include/stb/stb_image.h:include/stb_image.h usr/include/stb/stb_image_resize.h:include/stb_image_resize.h"
  "libonnx-dev        trixie   1.17.0          usr/include/onnx/onnx.proto:share/onnx/onnx.proto"
  "libonnx-testdata   bookworm 1.12.0          usr/share/libonnx-testdata/data:share/onnx/testdata"
)
