// SPDX-License-Identifier: Apache-2.0
//
// 8-bit pictures as inputs: the conversion on the way in gives what the caller would have computed.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {

TEST_CASE("a picture is normalised on the way in, under every layout", "[runtime]") {
  const Model model = parse(residual_network());
  const Shape shape = model.inputs()[0].shape;
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(shape.elements()));
  std::uint32_t number = 3;
  for (std::uint8_t& pixel : picture)
    pixel = static_cast<std::uint8_t>((number = number * 1664525u + 1013904223u) >> 24);

  for (const bool swap : {false, true}) {
    const std::vector<float> mean{10, 20, 30};
    const std::vector<float> std{50, 60.5f, 70};
    std::vector<float> values(picture.size());
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t p = 0; p < shape[2] * shape[3]; ++p) {
        const float pixel = picture[static_cast<std::size_t>(p * 3 + (swap ? 2 - c : c))];
        const auto channel = static_cast<std::size_t>(c);
        values[static_cast<std::size_t>(c * shape[2] * shape[3] + p)] =
            (pixel - mean[channel]) / std[channel];
      }
    }
    Runtime plain = value_of(Runtime::create(value_of(Program::compile(model))));
    succeeds(plain.input(0).copy_from(values));
    succeeds(plain.run());
    const auto expected = plain.output(0).values<float>();

    CompileOptions options;
    options.inputs["x"] = {.u8_nhwc = true, .mean = mean, .std = std, .swap_red_blue = swap};
    const Plan nchw = homogeneous_plan(model, 1, ".portable", Layout::nchw);
    const Plan nhwc = homogeneous_plan(model, 1, ".portable", Layout::nhwc);
    for (const Plan* plan : {static_cast<const Plan*>(nullptr), &nchw, &nhwc}) {
      Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model, plan, options))));
      CHECK(runtime.input(0).type() == DataType::u8);
      CHECK(runtime.input(0).info().layout == Layout::nhwc);
      CHECK(runtime.input(0).bytes().size() == picture.size());
      succeeds(runtime.input(0).copy_from(picture));
      succeeds(runtime.run());
      CHECK(relative_error(runtime.output(0).values<float>(), expected) < 1e-5);
    }
  }
}

TEST_CASE("impossible pictures are refused", "[runtime]") {
  const Model model = parse(residual_network());
  const auto compile = [&](const InputOptions& input) {
    CompileOptions options;
    options.inputs["x"] = input;
    return Program::compile(model, nullptr, options);
  };
  error_of(compile({.u8_nhwc = true, .mean = {1, 2}}), ErrorCode::kInvalidArgument, "mean");
  error_of(compile({.u8_nhwc = true, .std = {1, 0, 1}}), ErrorCode::kInvalidArgument, "std");
  error_of(compile({.u8_nhwc = true, .std = {NAN}}), ErrorCode::kInvalidArgument, "std");
  error_of(compile({.u8_nhwc = true, .std = {INFINITY}}), ErrorCode::kInvalidArgument, "finite");
  error_of(compile({.u8_nhwc = true, .mean = {INFINITY}}), ErrorCode::kInvalidArgument, "finite");
  // So small, or so large, that no pixel would come out as a number.
  error_of(compile({.u8_nhwc = true, .std = {1e-40f}}), ErrorCode::kInvalidArgument, "std");
  error_of(compile({.u8_nhwc = true, .mean = {3e38f}, .std = {1e-3f}}), ErrorCode::kInvalidArgument, "mean");

  onnx_bytes::ModelBytes flat;
  flat.inputs = {onnx_bytes::value_info("x", {2, 3})};
  flat.nodes = {onnx_bytes::node("Relu", {"x"}, {"y"})};
  flat.outputs = {"y"};
  CompileOptions options;
  options.inputs["x"] = {.u8_nhwc = true};
  error_of(Program::compile(parse(flat), nullptr, options), ErrorCode::kInvalidArgument, "x");
}

}  // namespace fettle::test
