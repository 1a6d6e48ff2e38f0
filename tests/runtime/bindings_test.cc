// SPDX-License-Identifier: Apache-2.0
//
// Whose memory a network works in must not change what it computes: bound inputs and outputs under every
// plan, and programs that take turns in one arena.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <memory>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

// Reshapes, windows, results in place, an input and a constant that are outputs, a value that is one twice.
ModelBytes tangled_network() {
  ModelBytes model;
  model.inputs = {value_info("x", {1, 4, 9, 7}), value_info("u", {1, 4, 9, 7})};
  model.outputs = {"c", "s", "f", "same", "k", "x2", "left", "twice"};
  add_convolution(model, "x", "a", 4, 4);
  model.nodes.push_back(node("Add", {"a", "u"}, {"s"}, {}, "sum"));
  model.nodes.push_back(node("Relu", {"s"}, {"r"}, {}, "relu"));
  model.nodes.push_back(node("Concat", {"r", "u", "r"}, {"c"}, {attribute("axis", std::int64_t{1})}, "join"));
  model.nodes.push_back(node("Flatten", {"r"}, {"f"}, {}, "flat"));
  model.nodes.push_back(node("Identity", {"s"}, {"same"}, {}, "same"));
  model.nodes.push_back(node("Identity", {"constant"}, {"k"}, {}, "k"));
  model.nodes.push_back(node("Identity", {"x"}, {"x2"}, {}, "x2"));
  model.initialisers.push_back(floats("constant", {3}, {1.5f, -2.0f, 0.25f}));
  model.initialisers.push_back(integers("sizes", {5, 7}));
  model.nodes.push_back(
      node("Split", {"c", "sizes"}, {"left", "right"}, {attribute("axis", std::int64_t{1})}, "divide"));
  model.nodes.push_back(node("Sigmoid", {"right"}, {"g"}, {}, "g"));
  model.nodes.push_back(node("Add", {"g", "g"}, {"twice"}, {}, "twice"));
  return model;
}

// Memory that is aligned to an element only, with elements around it that must stay as they are.
struct Guarded {
  explicit Guarded(const TensorInfo& info) : values(info.bytes / sizeof(float) + 2, kMark) {}
  static constexpr float kMark = -777.0f;
  std::vector<float> values;
  std::span<float> inner() { return std::span(values).subspan(1, values.size() - 2); }
  std::span<std::byte> bytes() { return std::as_writable_bytes(inner()); }
  bool whole() const { return values.front() == kMark && values.back() == kMark; }
};

// The outputs one after the other when all inputs, and the outputs that `mask` names, are the caller's.
std::vector<float> outputs_bound(const Program& program, std::uint32_t mask) {
  Runtime runtime = value_of(Runtime::create(program));
  std::vector<Guarded> inputs;
  std::vector<Guarded> outputs;
  for (const TensorInfo& info : program.inputs()) inputs.emplace_back(info);
  for (const TensorInfo& info : program.outputs()) outputs.emplace_back(info);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    succeeds(runtime.bind_input(i, std::as_bytes(std::span<const float>(inputs[i].inner()))));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if ((mask >> i & 1) != 0) succeeds(runtime.bind_output(i, outputs[i].bytes()));
  }
  // Twice, with other contents before: what is left over from a run must not matter to the next.
  for (const std::uint32_t seed : {11u, 7u}) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto fresh =
          numbers(static_cast<std::int64_t>(inputs[i].inner().size()), seed + static_cast<std::uint32_t>(i));
      std::copy(fresh.begin(), fresh.end(), inputs[i].inner().begin());
    }
    succeeds(runtime.run());
  }
  std::vector<float> all;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto values = (mask >> i & 1) != 0 ? outputs[i].inner() : runtime.output(i).values<float>();
    all.insert(all.end(), values.begin(), values.end());
    CHECK(outputs[i].whole());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CHECK(inputs[i].whole());
    const auto fresh =
        numbers(static_cast<std::int64_t>(inputs[i].inner().size()), 7 + static_cast<std::uint32_t>(i));
    CHECK(std::equal(fresh.begin(), fresh.end(), inputs[i].inner().begin()));
  }
  return all;
}

}  // namespace

TEST_CASE("bound memory changes no result, whatever the plan", "[runtime]") {
  for (const ModelBytes& bytes : {tangled_network(), residual_network()}) {
    const Model model = parse(bytes);
    const Plan slow = homogeneous_plan(model, 1, ".reference", Layout::nchw);
    const std::vector<float> expected = outputs_of(value_of(Program::compile(model, &slow)));
    for (std::uint32_t seed = 0; seed < (quick() ? 4u : 24u); ++seed) {
      const Plan plan = random_plan(model, 2, seed);
      const Program program = value_of(Program::compile(model, seed == 0 ? nullptr : &plan));
      INFO("seed " << seed << "\n" << plan.json());
      CHECK(relative_error(outputs_of(program), expected) < 1e-5);
      for (const std::uint32_t mask : {0u, ~0u, 0x55u, 0xaau, seed * 2654435761u})
        CHECK(relative_error(outputs_bound(program, mask), expected) < 1e-5);
    }
  }
}

TEST_CASE("programs that take turns in one arena do not disturb each other", "[runtime]") {
  const Model glyphs = value_of(Model::load(glyphs_model()));
  const Model tangled = parse(tangled_network());
  for (std::uint32_t seed = 0; seed < (quick() ? 2u : 8u); ++seed) {
    INFO("seed " << seed);
    std::vector<Program> programs;
    for (const Model* model : {&glyphs, &tangled}) {
      const Plan plan = random_plan(*model, 2, seed);
      programs.push_back(value_of(Program::compile(*model, seed == 0 ? nullptr : &plan)));
    }
    std::size_t bytes = 0;
    for (const Program& program : programs) bytes = std::max(bytes, program.arena().bytes);
    struct Free {
      void operator()(void* memory) const { std::free(memory); }
    };
    const std::unique_ptr<std::byte, Free> arena(
        static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
    REQUIRE(arena);
    RuntimeOptions options;
    options.memory = {arena.get(), bytes};
    std::vector<Runtime> runtimes;
    std::vector<std::vector<float>> expected;
    for (const Program& program : programs) {
      expected.push_back(outputs_of(program));
      runtimes.push_back(value_of(Runtime::create(program, options)));
    }
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < runtimes.size(); ++i) {
        const bool same = outputs_of(runtimes[i]) == expected[i];
        CHECK(same);
      }
    }
  }
}

}  // namespace fettle::test
