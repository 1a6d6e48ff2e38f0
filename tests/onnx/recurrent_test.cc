// SPDX-License-Identifier: Apache-2.0
//
// Import of LSTM, GRU and RNN: what may be left out, what must fit.
#include "tests/common/check.h"
#include "tests/onnx/model_bytes.h"
#include "tests/onnx/run_model.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;

using Floats = std::vector<float>;
using Names = std::vector<std::string>;

// Two steps, one sequence, one input, one hidden unit: h = x + 2 h + 0.5.
ModelBytes sums(std::vector<Message> attributes = {}, Names inputs = {"x", "w", "r", "b"},
                const Names& outputs = {"y", "h"}) {
  attributes.push_back(attribute("activations", Names{"Affine"}));
  ModelBytes model;
  model.opset = 14;
  model.nodes = {node("RNN", inputs, outputs, attributes, "rnn")};
  model.inputs = {value_info("x", {2, 1, 1})};
  model.initialisers = {floats("w", {1, 1, 1}, {1}),
                        floats("r", {1, 1, 1}, {2}),
                        floats("b", {1, 2}, {0.25f, 0.25f}),
                        tensor("one", kInt32, {1}, std::vector<std::int32_t>{1}),
                        tensor("three", kInt32, {1}, std::vector<std::int32_t>{3}),
                        floats("start", {1, 1, 1}, {10})};
  for (const std::string& name : outputs) {
    if (!name.empty()) model.outputs.push_back(name);
  }
  return model;
}

// All outputs for inputs of 1, 2, 3...
Floats run_recurrent(const ModelBytes& bytes) {
  Runtime runtime =
      test::value_of(Runtime::create(test::value_of(Program::compile(test::value_of(test::parse(bytes))))));
  const auto x = runtime.input(0).values<float>();
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  test::succeeds(runtime.run());
  Floats all;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const auto values = runtime.output(i).values<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

ModelBytes lstm(const Names& outputs, std::vector<Message> attributes = {}) {
  ModelBytes model;
  model.opset = 7;
  model.nodes = {node("LSTM", {"x", "w", "r"}, outputs, attributes, "lstm")};
  model.inputs = {value_info("x", {2, 2, 2})};
  Floats weights;
  for (int i = 0; i < 48; ++i) weights.push_back(static_cast<float>(i % 7) / 7 - 0.5f);
  model.initialisers = {floats("w", {1, 12, 2}, {weights.begin(), weights.begin() + 24}),
                        floats("r", {1, 12, 3}, {weights.begin(), weights.begin() + 36})};
  for (const std::string& name : outputs) {
    if (!name.empty()) model.outputs.push_back(name);
  }
  return model;
}

void refused_recurrent(const ModelBytes& model, std::string_view text,
                       ErrorCode code = ErrorCode::kModelUnsupported) {
  test::error_of(test::parse(model), code, text);
}

}  // namespace

TEST_CASE("a recurrence gives what one computes by hand", "[onnx][recurrent]") {
  CHECK(run_recurrent(sums()) == Floats{1.5f, 5.5f, 5.5f});
  CHECK(run_recurrent(sums({}, {"x", "w", "r"})) == Floats{1, 4, 4});
  CHECK(run_recurrent(sums({attribute("direction", "reverse")})) == Floats{6.5f, 2.5f, 6.5f});
  CHECK(run_recurrent(sums({attribute("clip", 3.0f)})) == Floats{1.5f, 3, 3});
  CHECK(run_recurrent(sums({attribute("activation_alpha", Floats{2})})) == Floats{3, 17, 17});
  CHECK(run_recurrent(sums({}, {"x", "w", "r", "b", "", "start"})) == Floats{21.5f, 45.5f, 45.5f});
  CHECK(run_recurrent(sums({}, {"x", "w", "r", "", "one"})) == Floats{1, 0, 1});
  CHECK(run_recurrent(sums({attribute("direction", "reverse")}, {"x", "w", "r", "", "one"})) ==
        Floats{1, 0, 1});
}

TEST_CASE("results of a recurrence may be left out", "[onnx][recurrent]") {
  const Floats all = run_recurrent(lstm({"y", "h", "c"}));
  REQUIRE(all.size() == 24);
  CHECK(run_recurrent(lstm({"y"})) == Floats(all.begin(), all.begin() + 12));
  CHECK(run_recurrent(lstm({"", "h"})) == Floats(all.begin() + 12, all.begin() + 18));
  CHECK(run_recurrent(lstm({"", "", "c"})) == Floats(all.begin() + 18, all.end()));
  const Model model = test::value_of(test::parse(lstm({"", "h", "c"})));
  REQUIRE(model.layers().size() == 1);
  const Attributes& attributes = model.layers()[0].desc.main().attributes;
  CHECK(std::ranges::equal(attributes.integers("outputs"), Dims{1, 2}));
  CHECK(attributes.string("activations") == "Sigmoid,Tanh,Tanh");
  CHECK(attributes.integer("hidden_size") == 3);
  CHECK(model.layers()[0].macs == 2 * 2 * 12 * (2 + 3));
}

TEST_CASE("recurrences that contradict themselves are refused", "[onnx][recurrent][bad]") {
  refused_recurrent(sums({attribute("direction", "sideways")}), "direction");
  refused_recurrent(sums({attribute("direction", "bidirectional")}), "W has shape 1x1x1");
  refused_recurrent(sums({attribute("layout", std::int64_t{2})}), "layout");
  refused_recurrent(sums({attribute("hidden_size", std::int64_t{7})}), "hidden_size");
  refused_recurrent(sums({attribute("clip", -1.0f)}), "clip");
  refused_recurrent(sums({}, {"x", "w", "r", "b", "three"}), "sequence_lens");
  refused_recurrent(sums({}, {"x", "w", "r", "b", "start"}), "sequence_lens must be s32");
  refused_recurrent(sums({}, {"x", "w", "r", "w"}), "B has shape");
  refused_recurrent(sums({}, {"x", "w", "r", "b", "", "start", "start"}), "there are 7 inputs");
  refused_recurrent(sums({}, {"x", "w", "r"}, {"y", "h", "c"}), "more outputs");
  refused_recurrent(sums({}, {"x", "w"}), "lacks an input", ErrorCode::kModelInvalid);
  ModelBytes nameless = sums({}, {"x", "w", "r"}, {"", ""});
  nameless.outputs = {"x"};
  refused_recurrent(nameless, "does not name", ErrorCode::kModelInvalid);
  refused_recurrent(lstm({"y"}, {attribute("activations", Names{"Tanh", "Tanh", "Tanz"})}),
                    "attribute activations is Tanz, not Relu");
  refused_recurrent(lstm({"y"}, {attribute("activations", Names{"Tanh", "Tanh"})}),
                    "3 activations are needed");
  refused_recurrent(lstm({"y"}, {attribute("activations", Names(100000, "Tanh"))}),
                    "3 activations are needed");
}

TEST_CASE("damaged recurrences never crash", "[onnx][recurrent][bad]") {
  const std::vector<Message> attributes{
      attribute("activation_alpha", Floats{2}), attribute("clip", 3.0f), attribute("layout", std::int64_t{0}),
      attribute("hidden_size", std::int64_t{1}), attribute("direction", "forward")};
  const std::string whole = sums(attributes, {"x", "w", "r", "b", "one", "start"}).bytes();
  REQUIRE(Model::parse(as_bytes(whole), "whole"));
  ModelOptions options;
  options.limits.tensor_elements = 1 << 16;
  std::uint32_t random = 777;
  const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 8; };
  int ran = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = whole;
    for (std::uint32_t flips = 1 + next() % 3; flips > 0; --flips)
      damaged[next() % damaged.size()] = static_cast<char>(next());
    const Result<Model> model = Model::parse(as_bytes(damaged), "damaged", options);
    if (!model) continue;
    if (const Result<Program> program = Program::compile(*model)) {
      Runtime runtime = test::value_of(Runtime::create(*program));
      test::succeeds(runtime.run());
      ++ran;
    }
  }
  CHECK(ran > 0);
}

}  // namespace fettle
