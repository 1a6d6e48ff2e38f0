// SPDX-License-Identifier: Apache-2.0
//
// Whole networks: what they compute under every kind of plan, and how much memory they take for it.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tuner/io/npy.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <cstdio>

namespace fettle::test {
namespace {

using Arrays = std::map<std::string, io::Array>;

// Runs a network on its reference input; the largest relative error of any output.
double error_against(const Arrays& reference, const Model& model, const Plan* plan, int threads) {
  CompileOptions options;
  options.threads = threads;
  const Program program = value_of(Program::compile(model, plan, options));
  for (const ReportEntry& entry : program.report()) {
    INFO(entry.layer << ": " << entry.what);
    CHECK(plan == nullptr);
  }
  Runtime runtime = value_of(Runtime::create(program));
  succeeds(runtime.input(0).copy_from(reference.at("input").values<float>()));
  succeeds(runtime.run());
  double worst = 0;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const TensorView output = runtime.output(i);
    const auto expected = reference.at("output:" + output.info().name).values<float>();
    worst = std::max(worst, relative_error(output.values<float>(), expected));
  }
  return worst;
}

void check_arena(const std::string& name, const char* setting, const Program& program) {
  const ArenaInfo& arena = program.arena();
  std::printf("%-26s %-14s arena %9zu  live set %9zu  without workspaces %9zu  all activations %9zu\n",
              name.c_str(), setting, arena.bytes, arena.largest_live_set, arena.largest_live_values,
              arena.sum_of_activations);
  INFO(name << ", " << setting);
  CHECK(arena.largest_live_values <= arena.largest_live_set);
  CHECK(arena.bytes >= arena.largest_live_set);
  CHECK(static_cast<double>(arena.bytes) <= 1.1 * static_cast<double>(arena.largest_live_set));
}

}  // namespace

TEST_CASE("networks compute what their references say under every plan", "[runtime][shared]") {
  const std::vector<std::string> names = shared_networks();
  if (names.empty()) SKIP("no shared models in " << shared_path("models"));
  for (const std::string& name : names) {
    const Model model = value_of(Model::load(shared_model(name)));
    const Arrays reference = value_of(io::load_npz(shared_path("refs/" + name + ".npz").string()));
    std::map<std::string, Plan> plans;
    plans["portable nchw"] = homogeneous_plan(model, 2, ".portable", Layout::nchw);
    plans["portable nhwc"] = homogeneous_plan(model, 2, ".portable", Layout::nhwc);
    plans["random 1"] = random_plan(model, 2, 1);
    plans["random 2"] = random_plan(model, 2, 2);
    std::int64_t macs = 0;
    for (const LayerInfo& layer : model.layers()) macs += layer.macs;
    if (macs < (quick() ? 3'000'000 : 30'000'000))
      plans["reference"] = homogeneous_plan(model, 1, ".reference", Layout::nchw);
    for (const int threads : {1, 2}) {
      INFO(name << ", default, " << threads << " threads");
      CHECK(error_against(reference, model, nullptr, threads) < 1e-4);
    }
    for (const auto& [setting, plan] : plans) {
      INFO(name << ", " << setting);
      CHECK(error_against(reference, model, &plan, 2) < 1e-4);
    }
  }
}

TEST_CASE("arenas stay near the largest live set", "[runtime][shared]") {
  std::map<std::string, std::string> paths{{"glyphs", glyphs_model()}};
  for (const std::string& name : shared_networks()) paths[name] = shared_model(name);
  if (paths.size() == 1) std::printf("notice: no shared models in %s\n", shared_path("models").c_str());
  for (const auto& [name, path] : paths) {
    const Model model = value_of(Model::load(path));
    check_arena(name, "default", value_of(Program::compile(model)));
    const Plan nchw = homogeneous_plan(model, 1, ".portable", Layout::nchw);
    check_arena(name, "portable nchw", value_of(Program::compile(model, &nchw)));
    const Plan random = random_plan(model, 2, 3);
    check_arena(name, "random", value_of(Program::compile(model, &random)));
  }
}

TEST_CASE("the glyph network reads 340 of its 360 test pictures under every plan", "[runtime]") {
  const Model model = value_of(Model::load(glyphs_model()));
  const io::Array images = value_of(io::load_npy(source_file("examples/glyphs/test_images.npy")));
  const io::Array labels = value_of(io::load_npy(source_file("examples/glyphs/test_labels.npy")));
  const io::Array scores = value_of(io::load_npy(source_file("examples/glyphs/reference_scores.npy")));
  CompileOptions options;
  options.threads = 2;
  options.inputs["image"] = {.u8_nhwc = true, .mean = {127.5f}, .std = {127.5f}};
  const Plan nchw = homogeneous_plan(model, 2, ".portable", Layout::nchw);
  const Plan random = random_plan(model, 2, 4);
  std::vector<const Plan*> plans{nullptr, &nchw, &random};
  if (quick()) plans.resize(1);
  for (const Plan* plan : plans) {
    Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model, plan, options))));
    std::vector<float> all;
    int right = 0;
    for (std::size_t i = 0; i < labels.bytes.size(); ++i) {
      succeeds(runtime.input(0).copy_from(images.values<std::uint8_t>().subspan(i * 3072, 3072)));
      succeeds(runtime.run());
      const auto out = runtime.output("scores").value().values<float>();
      right += std::max_element(out.begin(), out.end()) - out.begin() == labels.values<std::uint8_t>()[i];
      all.insert(all.end(), out.begin(), out.end());
    }
    CHECK(right == 340);
    CHECK(relative_error(all, scores.values<float>()) < 1e-4);
  }
}

}  // namespace fettle::test
