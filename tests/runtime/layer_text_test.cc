// SPDX-License-Identifier: Apache-2.0
//
// The texts of the layers of whole networks, as models have them and as programs run them: with layouts,
// strides of views, and regions.
#include "tests/common/check.h"
#include "tests/common/data.h"
#include "tests/common/read_back.h"

#include <fettle/program.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> models;
  if (!fs::exists(folder)) return models;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

// Shapes for what some of the networks leave free.
ModelOptions options_for(const std::string& network) {
  const std::map<std::string, std::map<std::string, Shape>> shapes = {
      {"basic_pitch", {{"serving_default_input_2:0", {1, 43844, 1}}}},
      {"dnsmos_p808", {{"input_1", {1, 900, 120}}}},
      {"lgbm_cls", {{"input", {1, 13}}}},
      {"silero_16k_op15", {{"input", {1, 512}}, {"state", {2, 1, 128}}}},
      {"st_ssd", {{"input_1", {1, 3, 256, 256}}}},
      {"st_yamnet", {{"input_1", {1, 1, 64, 96}}}},
      {"tract_bidi_lstm", {{"input", {1, 7}}}},
      {"tract_qlstm", {{"input", {7, 3}}}},
  };
  ModelOptions options;
  if (const auto found = shapes.find(network); found != shapes.end()) options.shapes = found->second;
  return options;
}

// A plan that takes a region for every layer that begins one, as far as the regions do not overlap.
Plan plan_of_regions(const Model& model, const Program& program) {
  Plan plan = program.effective_plan();
  for (const LayerVariants& layer : enumerate_variants(model)) {
    for (const VariantInfo& variant : layer.variants) {
      if (variant.variant.covers.empty() || variant.refusal != Refusal::none) continue;
      plan.points.front().layers[layer.layer].variant = variant.variant;
      break;
    }
  }
  return plan;
}

// How many layers the model has.
std::size_t check_model(const Model& model) {
  for (const LayerInfo& layer : model.layers()) {
    check_valid_reads_back(layer.desc);
    CHECK(layer.desc.macs() == layer.macs);
  }
  const Result<Program> program = Program::compile(model);
  if (!program) return model.layers().size();
  for (const StepInfo& step : program->steps()) check_valid_reads_back(step.desc);
  const Plan plan = plan_of_regions(model, *program);
  const Program regions = value_of(Program::compile(model, &plan));
  for (const StepInfo& step : regions.steps()) {
    check_valid_reads_back(step.desc);
    CHECK(step.desc.macs() == step.macs);
  }
  return model.layers().size();
}

}  // namespace

TEST_CASE("layers of networks read back from their text", "[runtime]") {
  CHECK(check_model(value_of(Model::load(glyphs_model()))) > 20);
  std::size_t seeds = 0;
  for (const fs::path& path : models_below(source_file("tests/fuzz/seeds/onnx"))) {
    INFO(path.string());
    const Result<Model> model = Model::load(path.string());
    if (model) seeds += check_model(*model);
  }
  CHECK(seeds > 50);
}

TEST_CASE("layers of shared networks read back from their text", "[runtime][shared]") {
  std::vector<fs::path> paths = models_below(shared_path("models"));
  if (paths.empty()) SKIP("no shared models in " << shared_path("models"));
  if (quick()) paths.resize(std::min<std::size_t>(paths.size(), 3));
  for (const fs::path& path : paths) {
    INFO(path.string());
    const Result<Model> model = Model::load(path.string(), options_for(path.stem().string()));
    if (model)
      CHECK(check_model(*model) > 0);
    else
      std::printf("notice: %s: %s\n", path.filename().c_str(), model.error().message().c_str());
  }
}

}  // namespace fettle::test
