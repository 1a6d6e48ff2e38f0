// SPDX-License-Identifier: Apache-2.0
//
// Runs the glyph network on its labelled test pictures and prints how many it reads right.
//
//   fettle_example_glyphs FOLDER [PLAN]       FOLDER holds glyphs.onnx, test_images.npy and test_labels.npy
#include <fettle/fettle.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

// The elements of a .npy file of format 1.0 that holds bytes: they follow a header whose length stands at
// offset 8.
std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  const std::size_t header = bytes.size() < 10 ? 0 : 10 + bytes[8] + 256 * bytes[9];
  if (header == 0 || header > bytes.size()) return {};
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

int fail(const fettle::Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [PLAN]\n", argv[0]);
    return 2;
  }
  const std::string folder = argv[1];
  // The pictures are 8-bit RGB, as a camera gives them: Fettle converts and normalises them on the way in.
  fettle::LoadOptions options;
  options.compile.inputs["image"] = {.u8_nhwc = true, .mean = {127.5f}, .std = {127.5f}};
  auto runtime = fettle::Runtime::load(folder + "/glyphs.onnx", argc > 2 ? argv[2] : "", options);
  if (!runtime) return fail(runtime.error());
  for (const fettle::ReportEntry& entry : runtime->report())
    std::fprintf(stderr, "note: %s %s\n", entry.layer.c_str(), entry.what.c_str());

  const std::vector<std::uint8_t> images = read_bytes(folder + "/test_images.npy");
  const std::vector<std::uint8_t> labels = read_bytes(folder + "/test_labels.npy");
  const std::span<std::uint8_t> input = runtime->input(0).values<std::uint8_t>();
  if (labels.empty() || images.size() != labels.size() * input.size()) {
    std::fprintf(stderr, "%s: test_images.npy and test_labels.npy are missing or do not fit the network\n",
                 argv[1]);
    return 1;
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::copy_n(images.begin() + static_cast<std::ptrdiff_t>(i * input.size()), input.size(), input.begin());
    if (auto status = runtime->run(); !status) return fail(status.error());
    const auto scores = runtime->output(0).values<float>();
    right += std::max_element(scores.begin(), scores.end()) - scores.begin() == labels[i];
  }
  std::printf("%.2f %% right (%zu of %zu pictures)\n",
              100.0 * static_cast<double>(right) / static_cast<double>(labels.size()), right, labels.size());
  return 0;
}
