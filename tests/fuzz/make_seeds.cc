// SPDX-License-Identifier: Apache-2.0
//
// make_seeds FOLDER: writes the seeds that are made by hand, a folder a target. They are committed; run this
// again when a format changes, or to add one.
#include "tests/fuzz/seed_models.h"
#include "tests/runtime/models.h"

#include <fettle/plan.h>
#include <fettle/program.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

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
  const Signature turned(Layout::nchw, Layout::nhwc, DataType::f32);
  const Signature pixels(Layout::nhwc, Layout::nhwc, DataType::f32);
  for (auto& [id, layer] : point.layers) {
    layer.variant.signature = turned;
    layer.pinned = true;
  }
  point.layers["b"] = {{"conv.gemm.f32.portable", 1, pixels, {}, 2, {"sum"}}, false};
  plan.points.push_back(
      {1, {{"x", Shape{1, 3, 12, 10}}}, {{"a", {{"conv.direct.f32.reference", 1, {}, {}, 1, {}}, false}}}});
  return write(folder / "everything.plan", plan.json());
}

// The smallest layer of each operator that the seeds of models have, as programs run them, and what these do
// not show.
bool write_layers(const fs::path& folder) {
  std::map<std::string, std::string> texts;
  for (const fuzz::Seed& seed : fuzz::seed_models()) {
    const std::string bytes = seed.model.bytes();
    const Result<Model> model = Model::parse(onnx_bytes::as_bytes(bytes), seed.name);
    if (!model) continue;
    const Result<Program> program = Program::compile(*model);
    if (!program) continue;
    for (const StepInfo& step : program->steps()) {
      const std::string text = step.desc.text();
      const auto [entry, is_new] = texts.emplace(to_string(step.desc.main().op), text);
      if (!is_new && text.size() < entry->second.size()) entry->second = text;
    }
  }
  texts["region"] =
      "conv dilations=[1,1] group=1 kernel_shape=[1,1] pads=[0,0,0,0] strides=[1,1] clamp=0,6 (0 1) + add "
      "(r0 2) : "
      "f32 nhwc 1x8x4x4, f32 const 8x8x1x1, f32 nhwc 1x8x4x4 -> f32 nhwc 1x8x4x4 strides=256,1,64,16 via f32 "
      "nchw "
      "1x8x4x4";
  texts["blocks"] = "relu : f32 nchwc 8 1x12x2x2 -> f32 nchwc 8 1x12x2x2";
  texts["quantised"] = "mul (0 0) : u8 scale=0.5 zero=128 2x3 -> u8 scale=1e-05 zero=0 2x3";
  texts["values"] =
      R"(resize "clamp"=1 a="\x00\"" b=[.] c=[] d=nan(ffc00001) e=-inf : f32 scalar -> f32 scalar)";
  return std::all_of(texts.begin(), texts.end(), [&](const auto& entry) {
    return write(folder / (entry.first + ".layer"), entry.second);
  });
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
  for (const char* target : {"onnx", "plan", "graph", "kernels", "layer"})
    fs::create_directories(folder / target);
  const bool written = write_models(folder / "onnx") && write_plans(folder / "plan") &&
                       write_layers(folder / "layer") && write_bytes(folder / "graph", 48) &&
                       write_bytes(folder / "kernels", 155);
  return written ? 0 : 1;
}
