// SPDX-License-Identifier: Apache-2.0
//
// Outputs whose size depends on the data, and inputs that are bound as constants.
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

using namespace onnx_bytes;

// The places of what is not zero, as PyTorch exports them: transposed.
ModelBytes places() {
  ModelBytes model;
  model.inputs = {value_info("x", {3, 4})};
  model.outputs = {"rows", "columns"};
  model.nodes.push_back(node("NonZero", {"x"}, {"rows"}, {}, "n"));
  model.nodes.push_back(node("Transpose", {"rows"}, {"columns"}, {attribute("perm", Dims{1, 0})}, "t"));
  return model;
}

void check_places(Runtime& runtime, std::vector<float> x, const std::vector<std::int64_t>& rows,
                  const std::vector<std::int64_t>& columns) {
  succeeds(runtime.input(0).copy_from(x));
  succeeds(runtime.run());
  const auto count = static_cast<std::int64_t>(rows.size() / 2);
  CHECK(runtime.output(0).shape() == Shape{2, count});
  CHECK(runtime.output(1).shape() == Shape{count, 2});
  const auto by_row = runtime.output(0).values<std::int64_t>();
  const auto by_column = runtime.output(1).values<std::int64_t>();
  CHECK(std::vector<std::int64_t>(by_row.begin(), by_row.end()) == rows);
  CHECK(std::vector<std::int64_t>(by_column.begin(), by_column.end()) == columns);
}

ModelBytes reshaping_bounded() {
  ModelBytes model;
  model.inputs = {value_info("x", {2, 6}), value_info("shape", {3}, kInt64)};
  model.outputs = {"y"};
  model.nodes.push_back(node("Reshape", {"x", "shape"}, {"y"}, {}, "r"));
  return model;
}

Result<Model> parse_with(const ModelBytes& model, const ModelOptions& options) {
  return Model::parse(as_bytes(model.bytes()), "test", options);
}

}  // namespace

TEST_CASE("outputs have the size that the data give them", "[runtime]") {
  const Model model = parse(places());
  REQUIRE(model.outputs().size() == 2);
  CHECK(model.outputs()[0].bounded);
  CHECK(model.outputs()[0].shape == Shape{2, 12});
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model))));
  REQUIRE(runtime.output_count() == 2);
  check_places(runtime, {0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 3}, {0, 2, 2, 1, 0, 3}, {0, 1, 2, 0, 2, 3});
  check_places(runtime, std::vector<float>(12), {}, {});
  check_places(runtime, {0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0}, {1, 2}, {1, 2});
  // Memory of the caller's own has room for the most there can be.
  std::vector<std::byte> memory(model.outputs()[0].bytes);
  succeeds(runtime.bind_output(0, memory));
  check_places(runtime, {0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0}, {1, 2}, {1, 2});
}

TEST_CASE("operators that need a size which only data give are refused", "[runtime][bad]") {
  ModelBytes model = places();
  model.outputs = {"sum"};
  model.nodes.push_back(node("Det", {"columns"}, {"sum"}, {}, "s"));
  error_of(parse_with(model, {}), ErrorCode::kModelUnsupported, "s (Det)");
}

TEST_CASE("inputs can be bound as constants", "[runtime]") {
  // What is not bound has a bound: no extent is larger than all elements.
  CHECK(value_of(parse_with(reshaping_bounded(), {})).outputs()[0].bounded);
  ModelOptions options;
  options.constants["shape"].integers = {3, -1, 2};
  const Model model = value_of(parse_with(reshaping_bounded(), options));
  REQUIRE(model.inputs().size() == 1);
  CHECK(model.outputs()[0].shape == Shape{3, 2, 2});
  options.constants["shape"].integers = {2, 3, 2};
  const Model other = value_of(parse_with(reshaping_bounded(), options));
  CHECK(other.graph_hash() != model.graph_hash());
}

TEST_CASE("real numbers are bound in the input's type", "[runtime]") {
  for (const auto& [type, expected] : {std::pair{1, 0.1f}, {10, 0.0999755859375f}, {16, 0.10009765625f}}) {
    ModelBytes model;
    model.inputs = {value_info("x", {2}, type), value_info("threshold", {}, type)};
    model.outputs = {"y"};
    model.nodes = {node("Add", {"x", "threshold"}, {"sum"}),
                   node("Cast", {"sum"}, {"y"}, {attribute("to", std::int64_t{1})})};
    ModelOptions options;
    options.constants["threshold"].reals = {0.1};
    const Model bound = value_of(parse_with(model, options));
    REQUIRE(bound.inputs().size() == 1);
    Runtime runtime = value_of(Runtime::create(value_of(Program::compile(bound))));
    std::ranges::fill(runtime.input(0).bytes(), std::byte{0});
    succeeds(runtime.run());
    CHECK(runtime.output(0).values<float>()[1] == expected);
    options.constants["threshold"] = {};
    options.constants["threshold"].integers = {7};
    CHECK(parse_with(model, options));
    options.constants["threshold"].reals = {7};
    error_of(parse_with(model, options), ErrorCode::kInvalidArgument, "threshold");
    options.constants["threshold"].integers.clear();
    options.constants["threshold"].reals = {1e39};
    error_of(parse_with(model, options), ErrorCode::kInvalidArgument, "no number of type");
  }
}

TEST_CASE("integers that the input's type does not have are not bound", "[runtime][bad]") {
  ModelBytes model;
  model.inputs = {value_info("x", {2}, 2), value_info("k", {2}, 2)};
  model.outputs = {"y"};
  model.nodes = {node("Max", {"x", "k"}, {"y"})};
  ModelOptions options;
  options.constants["k"].integers = {0, 255};
  CHECK(parse_with(model, options));
  for (const std::int64_t number : {-1, 256}) {
    options.constants["k"].integers = {0, number};
    error_of(parse_with(model, options), ErrorCode::kInvalidArgument,
             std::to_string(number) + " is no number of type u8");
  }
  options.constants["k"] = {};
  options.constants["k"].reals = {0, 1.5};
  error_of(parse_with(model, options), ErrorCode::kInvalidArgument, "1.5");
}

TEST_CASE("what does not fit an input is not bound to it", "[runtime][bad]") {
  ModelOptions options;
  options.constants["shape"].integers = {3, 4};
  error_of(parse_with(reshaping_bounded(), options), ErrorCode::kWrongShape, "shape");
  options.constants["shape"] = {DataType::s32, Shape{3}, std::vector<std::byte>(12), {}};
  error_of(parse_with(reshaping_bounded(), options), ErrorCode::kWrongShape, "s32");
  options.constants.clear();
  options.constants["nothing"].integers = {1};
  error_of(parse_with(reshaping_bounded(), options), ErrorCode::kUnknownName, "nothing");
  options.constants.clear();
  options.constants["x"].integers = {1, 2};
  error_of(parse_with(reshaping_bounded(), options), ErrorCode::kWrongShape, "x");
}

}  // namespace fettle::test
