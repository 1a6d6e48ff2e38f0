// SPDX-License-Identifier: Apache-2.0
//
// Subnormal numbers: which layers take them for zero, with every kernel, at load as while running, and none
// of them where the model keeps them.
#include "lib/runtime/subnormals.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <fettle/c_api.h>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

namespace fettle::test {
namespace {

using onnx_bytes::Dims;
using onnx_bytes::ModelBytes;

// NEON of 32-bit Arm flushes always, so only scalar loops keep anything there.
#if defined(__arm__)
constexpr bool kVectorsFlush = true;
#else
constexpr bool kVectorsFlush = false;
#endif

ModelOptions keeping() {
  ModelOptions options;
  options.keep_subnormals = true;
  return options;
}

// One node whose inputs are a, b...: of the shapes given.
ModelBytes one_node(std::string_view op, const std::vector<Dims>& shapes,
                    const std::vector<onnx_bytes::Message>& attributes = {}) {
  ModelBytes model;
  model.opset = 17;
  std::vector<std::string> names;
  for (const Dims& shape : shapes) {
    names.emplace_back(1, static_cast<char>('a' + names.size()));
    model.inputs.push_back(onnx_bytes::value_info(names.back(), shape));
  }
  model.outputs = {"y"};
  model.nodes.push_back(onnx_bytes::node(op, names, {"y"}, attributes, "node"));
  return model;
}

Runtime load(const Model& model, const Plan* plan = nullptr) {
  return value_of(Runtime::create(value_of(Program::compile(model, plan))));
}

// Fills the inputs, each with one number everywhere, runs, and gives the first element of the output.
template <typename T = float>
T first_of(Runtime& runtime, const std::vector<float>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto values = runtime.input(i).values<float>();
    std::fill(values.begin(), values.end(), inputs[i]);
  }
  succeeds(runtime.run());
  return runtime.output(0).values<T>()[0];
}

// The same by the default kernels; where vectors always flush, by the reference.
template <typename T = float>
T first_of(const ModelBytes& bytes, const std::vector<float>& inputs, const ModelOptions& options = {}) {
  const Model model = parse(bytes, options);
  const Plan scalar = homogeneous_plan(model, 1, ".reference", Layout::nchw);
  Runtime runtime = load(model, kVectorsFlush ? &scalar : nullptr);
  return first_of<T>(runtime, inputs);
}

// x -> 3x3 convolution whose weights are all 2^-130 -> y, 8 channels.
ModelBytes subnormal_convolution() {
  ModelBytes model;
  model.inputs = {onnx_bytes::value_info("x", {1, 8, 12, 10})};
  model.outputs = {"y"};
  model.nodes.push_back(
      onnx_bytes::node("Conv", {"x", "w"}, {"y"}, {onnx_bytes::attribute("pads", Dims{1, 1, 1, 1})}, "conv"));
  model.initialisers.push_back(
      onnx_bytes::floats("w", {8, 8, 3, 3}, std::vector<float>(8 * 8 * 9, 0x1p-130f)));
  return model;
}

LayerPart part(Op op, std::vector<int> operands) { return {op, {}, {}, std::move(operands)}; }
Subnormals of_parts(std::vector<LayerPart> parts) {
  LayerDesc layer;
  layer.parts = std::move(parts);
  return runtime::subnormals_of(layer);
}

}  // namespace

TEST_CASE(
    "subnormal weights of a convolution count as zero with every kernel, and exactly where they are kept",
    "[runtime]") {
  for (const bool keep : {false, true}) {
    const Model model = parse(subnormal_convolution(), keep ? keeping() : ModelOptions{});
    std::size_t kernels = 0;
    const std::vector<LayerVariants> layers = enumerate_variants(model);
    for (const VariantInfo& variant : layers.front().variants) {
      if (variant.refusal != Refusal::none) continue;
      if (keep && kVectorsFlush && !variant.kernel->name.ends_with(".reference")) continue;
      INFO(variant.kernel->name << ", keep " << keep);
      const Plan plan = make_plan(model, 1, [&](const std::vector<VariantInfo>& runnable) {
        for (std::size_t i = 0; i < runnable.size(); ++i) {
          if (runnable[i].variant == variant.variant) return static_cast<int>(i);
        }
        return -1;
      });
      Runtime runtime = load(model, &plan);
      CHECK(runtime.report().empty());
      first_of(runtime, {0x1p100f});
      const auto y = runtime.output(0).values<float>();
      // At a corner 4 weights of each of the 8 channels meet the picture, far from the border all 9.
      // Winograd's transforms divide weights, which costs subnormal ones some bits.
      const float corner = keep ? 32 * 0x1p-30f : 0;
      const float inside = keep ? 72 * 0x1p-30f : 0;
      CHECK(std::abs(y[0] - corner) <= corner / 64);
      CHECK(std::abs(y[5 * 10 + 5] - inside) <= inside / 64);
      ++kernels;
    }
    CHECK(kernels >= 1);
  }
}

TEST_CASE("sums and products flush operands and results, unless the model keeps them", "[runtime]") {
  struct Case {
    ModelBytes model;
    std::vector<float> inputs;
    float exact;
  };
  const auto window = onnx_bytes::attribute("kernel_shape", Dims{2, 2});
  const Case cases[] = {
      {one_node("MatMul", {{4, 8}, {8, 4}}), {0x1p-140f, 0x1p100f}, 8 * 0x1p-40f},
      {one_node("MatMul", {{4, 8}, {8, 4}}), {0x1p-70f, 0x1p-70f}, 8 * 0x1p-140f},
      {one_node("Gemm", {{4, 8}, {8, 4}}), {0x1p-140f, 0x1p100f}, 8 * 0x1p-40f},
      {one_node("Conv", {{1, 4, 5, 5}, {8, 4, 1, 1}}), {0x1p-140f, 0x1p100f}, 4 * 0x1p-40f},
      {one_node("ConvTranspose", {{1, 4, 5, 5}, {4, 8, 1, 1}}), {0x1p-140f, 0x1p100f}, 4 * 0x1p-40f},
      {one_node("Einsum", {{4}, {4}}, {onnx_bytes::attribute("equation", "i,i->")}),
       {0x1p-140f, 0x1p100f},
       4 * 0x1p-40f},
      {one_node("AveragePool", {{1, 4, 5, 5}}, {window}), {0x1p-140f}, 0x1p-140f},
      {one_node("GlobalAveragePool", {{1, 4, 5, 5}}), {0x1p-140f}, 0x1p-140f},
      {one_node("ReduceMean", {{4, 8}}), {0x1p-140f}, 0x1p-140f},
      {one_node("ReduceSum", {{4, 8}}), {0x1p-140f}, 32 * 0x1p-140f},
      {one_node("Add", {{4, 8}, {4, 8}}), {0x1p-140f, 0x1p-140f}, 0x1p-139f},
      {one_node("Sub", {{4, 8}, {4, 8}}), {1.5f * 0x1p-126f, 0x1p-126f}, 0x1p-127f},
      {one_node("Mul", {{4, 8}, {4, 8}}), {0x1p-140f, 0x1p100f}, 0x1p-40f},
      {one_node("LayerNormalization", {{4, 8}, {8}, {8}}), {1, 1, 0x1p-140f}, 0x1p-140f},
  };
  for (const Case& c : cases) {
    INFO(parse(c.model).layers().back().desc.text());
    CHECK(first_of(c.model, c.inputs) == 0);
    CHECK(first_of(c.model, c.inputs, keeping()) == c.exact);
  }
}

TEST_CASE("quotients, logarithms, powers, casts, comparisons and copies keep subnormal numbers",
          "[runtime]") {
  const Dims shape{4, 8};
  // By division zero would give infinity or NaN.
  CHECK(first_of(one_node("Div", {shape, shape}), {0x1p-140f, 0x1p-141f}) == 2);
  CHECK(first_of(one_node("Div", {shape, shape}), {0x1p-100f, 0x1p-140f}) == 0x1p40f);
  CHECK(first_of(one_node("Div", {shape, shape}), {0x1p-100f, 0x1p40f}) == 0x1p-140f);
  CHECK(first_of(one_node("Reciprocal", {shape}), {0x1p-127f}) == 0x1p127f);
  CHECK(std::abs(first_of(one_node("Log", {shape}), {0x1p-140f}) - -97.0406053f) < 1e-4f);
  CHECK(std::abs(first_of(one_node("Pow", {shape, shape}), {0x1p-140f, 0.5f}) / 0x1p-70f - 1) < 1e-5f);
  const auto to_f64 = onnx_bytes::attribute("to", std::int64_t{11});
  CHECK(first_of<double>(one_node("Cast", {shape}, {to_f64}), {0x1p-140f}) == 0x1p-140);
  CHECK(first_of<bool>(one_node("Greater", {shape, shape}), {0x1p-140f, 0}));
  CHECK_FALSE(first_of<bool>(one_node("Equal", {shape, shape}), {0x1p-140f, 0}));
  CHECK(first_of(one_node("Max", {shape, shape}), {0x1p-140f, 0x1p-141f}) == 0x1p-140f);
  CHECK(first_of(one_node("Min", {shape, shape}), {0x1p-140f, 0x1p-141f}) == 0x1p-141f);
  CHECK(first_of(one_node("Neg", {shape}), {0x1p-140f}) == -0x1p-140f);
  CHECK(first_of(one_node("Abs", {shape}), {-0x1p-140f}) == 0x1p-140f);
  CHECK(first_of(one_node("Relu", {shape}), {0x1p-140f}) == 0x1p-140f);
  CHECK(first_of(one_node("Transpose", {shape}), {0x1p-140f}) == 0x1p-140f);
  CHECK(first_of(one_node("Concat", {shape, shape}, {onnx_bytes::attribute("axis", std::int64_t{0})}),
                 {0x1p-140f, 1}) == 0x1p-140f);
  const auto window = onnx_bytes::attribute("kernel_shape", Dims{2, 2});
  CHECK(first_of(one_node("MaxPool", {{1, 4, 6, 6}}, {window}), {0x1p-140f}) == 0x1p-140f);
}

TEST_CASE("a normalisation flushes only where nothing that it divides by can be subnormal", "[runtime]") {
  // y = scale * (x - mean) / sqrt(variance + epsilon) + bias
  const auto normalised = [](float epsilon, float x, float scale, float variance) {
    const ModelBytes model = one_node("BatchNormalization", {{1, 4, 6, 6}, {4}, {4}, {4}, {4}},
                                      {onnx_bytes::attribute("epsilon", epsilon)});
    return first_of(model, {x, scale, 0, 0, variance});
  };
  CHECK(std::abs(normalised(0, 0x1p-66f, 1, 0x1p-130f) - 0.5f) < 1e-6f);
  CHECK(std::abs(normalised(0x1p-130f, 0x1p-66f, 1, 0) - 0.5f) < 1e-6f);
  CHECK(normalised(1e-5f, 1, 0x1p-140f, 1) == 0);
  // y = x / (bias + alpha / size * the sum of squares) ^ beta
  const auto local = [](float bias) {
    const ModelBytes model =
        one_node("LRN", {{1, 1, 6, 6}},
                 {onnx_bytes::attribute("size", std::int64_t{1}), onnx_bytes::attribute("bias", bias),
                  onnx_bytes::attribute("alpha", 1.0f), onnx_bytes::attribute("beta", 0.5f)});
    return first_of(model, {0x1p-65f});
  };
  CHECK(std::abs(local(0) - 1) < 1e-6f);
  CHECK(local(1) == 0x1p-65f);
}

TEST_CASE("a region flushes where none of its parts meets a number that it should keep", "[runtime]") {
  const LayerPart conv = part(Op::conv, {0, 1});
  CHECK(of_parts({conv}) == Subnormals::flush);
  CHECK(of_parts({conv, part(Op::add, {result_of_part(0), 2})}) == Subnormals::flush);
  CHECK(of_parts({conv, part(Op::sigmoid, {result_of_part(0)})}) == Subnormals::flush);
  CHECK(of_parts({conv, part(Op::sigmoid, {result_of_part(0)}),
                  part(Op::mul, {result_of_part(0), result_of_part(1)})}) == Subnormals::flush);
  CHECK(of_parts({conv, part(Op::div, {result_of_part(0), 2})}) == Subnormals::keep);
  CHECK(of_parts({part(Op::reciprocal, {0}), part(Op::mul, {result_of_part(0), 1})}) == Subnormals::keep);
  CHECK(of_parts({part(Op::sigmoid, {0})}) == Subnormals::keep);
}

TEST_CASE("what is computed at load is what a run would compute", "[runtime]") {
  // a -> square -> x / it. The square of 2^-70 is subnormal.
  ModelBytes model;
  model.inputs = {onnx_bytes::value_info("a", {4}), onnx_bytes::value_info("x", {4})};
  model.outputs = {"y"};
  model.nodes.push_back(onnx_bytes::node("Mul", {"a", "a"}, {"s"}, {}, "square"));
  model.nodes.push_back(onnx_bytes::node("Div", {"x", "s"}, {"y"}, {}, "quotient"));
  for (const bool keep : {false, true}) {
    ModelOptions options = keep ? keeping() : ModelOptions{};
    const float expected = keep ? 0x1p40f : std::numeric_limits<float>::infinity();
    CHECK(first_of(model, {0x1p-70f, 0x1p-100f}, options) == expected);
    const std::vector<float> a(4, 0x1p-70f);
    const auto bytes = std::as_bytes(std::span(a));
    options.constants["a"] = {DataType::f32, Shape{4}, {bytes.begin(), bytes.end()}, {}};
    const Model folded = parse(model, options);
    REQUIRE(folded.layers().size() == 1);
    CHECK(first_of(model, {0x1p-100f}, options) == expected);
  }
}

TEST_CASE("a model for other shapes keeps what the first one keeps", "[runtime]") {
  ModelBytes bytes = one_node("Mul", {{-1}, {-1}});
  for (const bool keep : {false, true}) {
    ModelOptions options = keep ? keeping() : ModelOptions{};
    options.shapes = {{"a", Shape{4}}, {"b", Shape{4}}};
    const Model other = value_of(parse(bytes, options).with_shapes({{"a", Shape{6}}, {"b", Shape{6}}}));
    const Plan scalar = homogeneous_plan(other, 1, ".reference", Layout::nchw);
    Runtime runtime = load(other, kVectorsFlush ? &scalar : nullptr);
    CHECK(first_of(runtime, {0x1p-140f, 0x1p100f}) == (keep ? 0x1p-40f : 0.0f));
  }
}

TEST_CASE("the C interface keeps subnormal numbers where it is asked to", "[runtime]") {
  // The reference in double, so that vectors of 32-bit Arm take no part.
  ModelBytes model = one_node("Einsum", {{4}, {4}}, {onnx_bytes::attribute("equation", "i,i->")});
  const std::string bytes = model.bytes();
  for (const int keep : {0, 1}) {
    fettle_model_options options;
    fettle_model_options_init(&options);
    options.keep_subnormals = keep;
    fettle_model* loaded = nullptr;
    fettle_program* program = nullptr;
    fettle_runtime* runtime = nullptr;
    REQUIRE(fettle_model_parse_with(bytes.data(), bytes.size(), nullptr, &options, &loaded) == 0);
    REQUIRE(fettle_program_compile(loaded, nullptr, nullptr, &program) == 0);
    REQUIRE(fettle_runtime_create(program, nullptr, &runtime) == 0);
    const std::vector<float> a(4, 0x1p-140f);
    const std::vector<float> b(4, 0x1p100f);
    REQUIRE(fettle_runtime_set_input(runtime, 0, a.data(), sizeof(float) * 4) == 0);
    REQUIRE(fettle_runtime_set_input(runtime, 1, b.data(), sizeof(float) * 4) == 0);
    REQUIRE(fettle_runtime_run(runtime) == 0);
    CHECK(*static_cast<const float*>(fettle_runtime_output_data(runtime, 0)) ==
          (keep == 1 ? 0x1p-38f : 0.0f));
    fettle_runtime_free(runtime);
    fettle_program_free(program);
    fettle_model_free(loaded);
  }
}

}  // namespace fettle::test
