// SPDX-License-Identifier: Apache-2.0
//
// make_seeds FOLDER: writes the seeds that are made by hand, a folder a target. They are committed; run this
// again when a format changes, or to add one.
#include "tests/fuzz/seed_models.h"
#include "tests/runtime/models.h"

#include <fettle/plan.h>
#include <fettle/program.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace fettle;
namespace fs = std::filesystem;

bool write(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return file.good();
}

bool write_models(const fs::path& folder) {
  for (const fuzz::Seed& seed : fuzz::seed_models()) {
    if (!write(folder / (seed.name + ".onnx"), seed.model.bytes())) return false;
  }
  return true;
}

// The default plan of the network that the plan target has, and one with everything that plans may hold.
bool write_plans(const fs::path& folder) {
  const Model model = test::parse(test::residual_network());
  const Program program = test::value_of(Program::compile(model));
  Plan plan = program.effective_plan();
  plan.device = {{"avx2"}, {{0x410fd0b0, 4, 32768, 524288}}, "0.1.0"};
  if (!write(folder / "default.plan", plan.json())) return false;
  plan.expected = PlanExpectation{{12.5, 12, 13}, 15, 4096};
  PlanPoint& point = plan.points.front();
  point.threads = 2;
  for (auto& [id, layer] : point.layers) {
    layer.layouts = LayoutPair{Layout::nchw, Layout::nhwc};
    layer.pinned = true;
  }
  point.layers["b"] = {
      "conv.gemm_add.f32.portable", 1, LayoutPair{Layout::nhwc, Layout::nhwc}, 2, {"sum"}, false};
  plan.points.push_back(
      {1, {{"x", Shape{1, 3, 12, 10}}}, {{"a", {"conv.direct.f32.reference", 1, {}, 1, {}, false}}}});
  return write(folder / "everything.plan", plan.json());
}

// Decisions for the generators of graphs and layers: numbers without a pattern, but that the first byte,
// which chooses what makes a layer, counts.
bool write_bytes(const fs::path& folder, std::uint32_t count) {
  for (std::uint32_t seed = 1; seed <= count; ++seed) {
    std::string bytes(1, static_cast<char>(seed));
    std::uint32_t state = seed * 2654435761u;
    for (std::uint32_t i = 0; i < 24 + 16 * (seed % 8); ++i) {
      state = state * 1664525u + 1013904223u;
      bytes.push_back(static_cast<char>(state >> 24));
    }
    if (!write(folder / ("bytes_" + std::to_string(seed)), bytes)) return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  const fs::path folder = arguments[1];
  for (const char* target : {"onnx", "plan", "graph", "kernels"}) fs::create_directories(folder / target);
  const bool written = write_models(folder / "onnx") && write_plans(folder / "plan") &&
                       write_bytes(folder / "graph", 48) && write_bytes(folder / "kernels", 155);
  return written ? 0 : 1;
}
