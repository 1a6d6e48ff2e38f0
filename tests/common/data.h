// SPDX-License-Identifier: Apache-2.0
//
// Where tests find networks: the one in the repository, and real pretrained ones that may be absent.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace fettle::test {

/// Tests under emulators and sanitizers do less: FETTLE_TEST_QUICK is set there.
inline bool quick() { return std::getenv("FETTLE_TEST_QUICK") != nullptr; }

/// A file of the source tree.
inline std::string source_file(const std::string& name) {
  return std::string(FETTLE_SOURCE_DIR) + "/" + name;
}
inline std::string glyphs_model() { return source_file("examples/glyphs/glyphs.onnx"); }

/// A file or folder of the shared data; may not exist.
inline std::filesystem::path shared_path(const std::string& name) {
  const char* set = std::getenv("FETTLE_SHARED");
  return std::filesystem::path(set != nullptr ? set : FETTLE_SHARED_DIR) / name;
}

/// The 32-bit float networks of the shared data, smallest first; empty where there are none.
inline std::vector<std::string> shared_networks() {
  std::vector<std::string> names{"kws_dscnn",        "resnet8_cifar10",       "ppocr_cls_mbv3",
                                 "resnet20_cifar10", "mobilenet_v2_0.5_96",   "mobilenet_v1_0.25_224_bn",
                                 "face_rfb_320",     "mobilenet_v2_0.75_160", "mobilenet_v2_1.0_224",
                                 "squeezenet1.1",    "edsr_f32b5_x2"};
  if (quick()) names.resize(3);
  if (!std::filesystem::exists(shared_path("models"))) names.clear();
  return names;
}
inline std::string shared_model(const std::string& name) {
  return shared_path("models/" + name + ".onnx").string();
}

}  // namespace fettle::test
