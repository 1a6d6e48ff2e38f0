// SPDX-License-Identifier: Apache-2.0
//
// Operators of com.microsoft against what they are defined to compute.
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::alike;
using test::Bytes;
using test::bytes_of;
using test::Outputs;
using test::run_model;

using Floats = std::vector<float>;
using Stored = std::vector<std::uint8_t>;

Message contrib(std::string_view op, const std::vector<std::string>& inputs,
                const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {}) {
  return node(op, inputs, outputs, attributes, "it", "com.microsoft");
}

Message scalar(std::string_view name, float value) { return floats(name, {}, {value}); }
Message zero(std::string_view name, std::uint8_t value) {
  return tensor<std::uint8_t>(name, kUint8, {}, {value});
}

struct Input {
  Message info;
  Bytes bytes;
};
Input reals(std::string_view name, const Dims& dims, const Floats& values) {
  return {value_info(name, dims), bytes_of(values)};
}
Input stored(std::string_view name, const Dims& dims, const Stored& values) {
  return {value_info(name, dims, kUint8), bytes_of(values)};
}

ModelBytes contrib_model(Message entry, const std::vector<Input>& inputs, std::vector<Message> initialisers,
                         std::vector<std::string> outputs = {"y"}) {
  ModelBytes model;
  model.opset = 17;
  model.nodes = {std::move(entry)};
  for (const Input& input : inputs) model.inputs.push_back(input.info);
  model.initialisers = std::move(initialisers);
  model.outputs = std::move(outputs);
  return model;
}

Outputs results(Message entry, const std::vector<Input>& inputs, std::vector<Message> initialisers = {},
                std::vector<std::string> outputs = {"y"}) {
  std::vector<Bytes> bytes;
  for (const Input& input : inputs) bytes.push_back(input.bytes);
  return run_model(contrib_model(std::move(entry), inputs, std::move(initialisers), std::move(outputs)),
                   bytes);
}

std::string why_not(Message entry, const std::vector<Input>& inputs, std::vector<Message> initialisers = {}) {
  return test::error_of(test::parse(contrib_model(std::move(entry), inputs, std::move(initialisers))),
                        ErrorCode::kModelUnsupported)
      .text();
}

bool has_text(const std::string& text, std::string_view part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

std::uint8_t rounded(double value, int zero_point) {
  return static_cast<std::uint8_t>(std::clamp(std::nearbyint(value) + zero_point, 0.0, 255.0));
}

// Numbers that tell most mistakes, and always the same.
Floats numbers(std::size_t count, float scale = 0.25f) {
  Floats values;
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(scale * static_cast<float>(static_cast<int>(i * 37 % 17) - 8));
  return values;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double erf_gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

// Attention of one batch by its formula: queries [heads][L][size] from rows of heads * size.
Floats attended(const Floats& q, const Floats& k, const Floats& v, std::size_t heads, std::size_t length,
                std::size_t keys, const auto& added) {
  const std::size_t width = q.size() / length;
  const std::size_t size = width / heads;
  Floats y(q.size());
  for (std::size_t h = 0; h < heads; ++h) {
    for (std::size_t i = 0; i < length; ++i) {
      std::vector<double> scores(keys);
      double sum = 0;
      for (std::size_t j = 0; j < keys; ++j) {
        for (std::size_t d = 0; d < size; ++d)
          scores[j] += static_cast<double>(q[i * width + h * size + d]) *
                       static_cast<double>(k[j * width + h * size + d]);
        scores[j] = std::exp(scores[j] / std::sqrt(static_cast<double>(size)) + added(i, j));
        sum += scores[j];
      }
      for (std::size_t d = 0; d < size; ++d) {
        double value = 0;
        for (std::size_t j = 0; j < keys; ++j)
          value += scores[j] / sum * static_cast<double>(v[j * width + h * size + d]);
        y[i * width + h * size + d] = static_cast<float>(value);
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("quantised sums and products of ONNX Runtime", "[onnx][contrib]") {
  const Stored a{0, 10, 128, 255};
  const Stored b{200, 3, 128, 90};
  for (const char* op : {"QLinearAdd", "QLinearMul"}) {
    const Outputs y = results(contrib(op, {"a", "as", "az", "b", "bs", "bz", "ys", "yz"}, {"y"}),
                              {stored("a", {1, 4}, a), stored("b", {1, 4}, b)},
                              {scalar("as", 0.5f), zero("az", 100), scalar("bs", 0.25f), zero("bz", 128),
                               scalar("ys", 2), zero("yz", 60)});
    Stored expected;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double x = 0.5 * (a[i] - 100);
      const double w = 0.25 * (b[i] - 128);
      expected.push_back(rounded((op[7] == 'A' ? x + w : x * w) / 2, 60));
    }
    CHECK(y.values<std::uint8_t>() == expected);
  }
  // Without zero points.
  const Outputs y = results(contrib("QLinearAdd", {"a", "s", "", "b", "s", "", "s", ""}, {"y"}),
                            {stored("a", {1, 4}, a), stored("b", {1, 4}, b)}, {scalar("s", 0.5f)});
  CHECK(y.values<std::uint8_t>() == Stored{200, 13, 255, 255});
}

TEST_CASE("quantised pieces are joined in the result's scale", "[onnx][contrib]") {
  const Outputs y = results(
      contrib("QLinearConcat", {"ys", "yz", "a", "as", "az", "b", "bs", "bz"}, {"y"},
              {attribute("axis", std::int64_t{1})}),
      {stored("a", {1, 2}, {10, 20}), stored("b", {1, 1}, {30})},
      {scalar("ys", 1), zero("yz", 5), scalar("as", 0.5f), zero("az", 4), scalar("bs", 2), zero("bz", 10)});
  CHECK(y.values<std::uint8_t>() == Stored{8, 13, 45});
}

TEST_CASE("quantised functions and pools of ONNX Runtime", "[onnx][contrib]") {
  const Stored x{0, 50, 100, 130, 200, 255, 90, 110};
  const std::vector<Message> scales{scalar("xs", 0.1f), zero("xz", 100), scalar("ys", 0.02f), zero("yz", 20)};
  const auto of = [&](const char* op, std::vector<Message> attributes = {}) {
    return results(contrib(op, {"x", "xs", "xz", "ys", "yz"}, {"y"}, std::move(attributes)),
                   {stored("x", {1, 2, 2, 2}, x)}, scales)
        .values<std::uint8_t>();
  };
  Stored gates;
  Stored bent;
  for (const std::uint8_t value : x) {
    const double real = 0.1 * (value - 100);
    gates.push_back(rounded(sigmoid(real) / 0.02, 20));
    bent.push_back(rounded((real < 0 ? 0.3 * real : real) / 0.02, 20));
  }
  CHECK(of("QLinearSigmoid") == gates);
  CHECK(of("QLinearLeakyRelu", {attribute("alpha", 0.3f)}) == bent);
  const auto mean = [&](std::size_t from) {
    double sum = 0;
    for (std::size_t i = from; i < from + 4; ++i) sum += 0.1 * (x[i] - 100) / 4;
    return rounded(sum / 0.02, 20);
  };
  CHECK(of("QLinearGlobalAveragePool") == Stored{mean(0), mean(4)});
  CHECK(of("QLinearAveragePool", {attribute("kernel_shape", Dims{2, 2})}) == Stored{mean(0), mean(4)});
  CHECK(has_text(why_not(contrib("QLinearGlobalAveragePool", {"x", "xs", "xz", "ys", "yz"}, {"y"},
                                 {attribute("channels_last", std::int64_t{1})}),
                         {stored("x", {1, 2, 2, 2}, x)}, scales),
                 "channels_last is not supported"));
  // One softmax over each row; before opset 13 over all that follows the axis.
  const auto softmax = [&](std::int64_t opset, std::size_t count) {
    Stored expected;
    for (std::size_t from = 0; from < x.size(); from += count) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += std::exp(0.1 * x[from + i]);
      for (std::size_t i = 0; i < count; ++i)
        expected.push_back(rounded(std::exp(0.1 * x[from + i]) / sum / 0.02, 20));
    }
    const std::int64_t axis = opset < 13 ? 1 : 3;
    CHECK(of("QLinearSoftmax", {attribute("axis", axis), attribute("opset", opset)}) == expected);
  };
  softmax(13, 2);
  softmax(12, 8);
}

TEST_CASE("a quantised dense layer has its bias in the scales of both factors", "[onnx][contrib]") {
  const Stored a{100, 110, 90};
  const std::vector<Message> constants{scalar("as", 0.5f),
                                       zero("az", 100),
                                       tensor<std::uint8_t>("b", kUint8, {2, 3}, {1, 2, 3, 4, 5, 6}),
                                       floats("bs", {2}, {0.25f, 0.5f}),
                                       tensor<std::uint8_t>("bz", kUint8, {2}, {3, 4}),
                                       tensor<std::int32_t>("c", kInt32, {2}, {40, -80}),
                                       scalar("ys", 0.5f),
                                       zero("yz", 10)};
  const std::vector<Message> attributes{attribute("transB", std::int64_t{1}), attribute("alpha", 1.0f)};
  const double first = (0 * (1 - 3) + 10 * (2 - 3) + -10 * (3 - 3) + 40) * 0.5 * 0.25;
  const double second = (0 * (4 - 4) + 10 * (5 - 4) + -10 * (6 - 4) + -80) * 0.5 * 0.5;
  const Outputs y =
      results(contrib("QGemm", {"a", "as", "az", "b", "bs", "bz", "c", "ys", "yz"}, {"y"}, attributes),
              {stored("a", {1, 3}, a)}, constants);
  CHECK(y.values<std::uint8_t>() == Stored{rounded(first / 0.5, 10), rounded(second / 0.5, 10)});
  const Outputs real = results(contrib("QGemm", {"a", "as", "az", "b", "bs", "bz", "c"}, {"y"}, attributes),
                               {stored("a", {1, 3}, a)}, constants);
  CHECK(alike(real.values(), Floats{static_cast<float>(first), static_cast<float>(second)}, 1e-5f));
}

TEST_CASE("convolutions and products with what is fused behind them", "[onnx][contrib]") {
  const Floats x = numbers(8);
  const Outputs y =
      results(contrib("FusedConv", {"x", "w", "b", "z"}, {"y"},
                      {attribute("activation", "Clip"), attribute("activation_params", Floats{-0.5f, 1})}),
              {reals("x", {1, 1, 2, 4}, x), reals("z", {1, 1, 2, 4}, Floats(8, 0.25f))},
              {floats("w", {1, 1, 1, 1}, {2}), floats("b", {1}, {0.5f})});
  Floats clipped;
  for (const float value : x) clipped.push_back(std::clamp(2 * value + 0.75f, -0.5f, 1.0f));
  CHECK(alike(y.values(), clipped, 1e-6f));
  CHECK(has_text(why_not(contrib("FusedConv", {"x", "w"}, {"y"}, {attribute("activation", "Magic")}),
                         {reals("x", {1, 1, 2, 4}, x)}, {floats("w", {1, 1, 1, 1}, {2})}),
                 "attribute activation is none of Relu"));

  const Outputs dense =
      results(contrib("FusedGemm", {"x", "w"}, {"y"},
                      {attribute("activation", "LeakyRelu"), attribute("activation_alpha", 0.5f)}),
              {reals("x", {1, 2}, {1, 2})}, {floats("w", {2, 2}, {1, -1, 1, -1})});
  CHECK(alike(dense.values(), Floats{3, -1.5f}, 1e-6f));

  // All four ways, with batches: A is 2 x 3, B is 3 x 2 in each.
  const Floats a = numbers(12);
  const Floats b = numbers(12, 0.5f);
  for (const std::int64_t turn_a : {0, 1}) {
    for (const std::int64_t turn_b : {0, 1}) {
      Floats expected;
      for (std::size_t batch = 0; batch < 2; ++batch) {
        for (std::size_t i = 0; i < 2; ++i) {
          for (std::size_t j = 0; j < 2; ++j) {
            float sum = 0;
            for (std::size_t k = 0; k < 3; ++k)
              sum += a[batch * 6 + (turn_a != 0 ? k * 2 + i : i * 3 + k)] *
                     b[batch * 6 + (turn_b != 0 ? j * 3 + k : k * 2 + j)];
            expected.push_back(0.5f * sum);
          }
        }
      }
      const Outputs product = results(
          contrib("FusedMatMul", {"a", "b"}, {"y"},
                  {attribute("transA", turn_a), attribute("transB", turn_b), attribute("alpha", 0.5f)}),
          {reals("a", turn_a != 0 ? Dims{2, 3, 2} : Dims{2, 2, 3}, a),
           reals("b", turn_b != 0 ? Dims{2, 2, 3} : Dims{2, 3, 2}, b)});
      CHECK(alike(product.values(), expected, 1e-5f));
    }
  }
}

TEST_CASE("the Gelus of ONNX Runtime", "[onnx][contrib]") {
  const Floats x{-3, -1, -0.25f, 0, 0.5f, 2};
  const auto of = [&](const char* op, std::vector<std::string> inputs, std::vector<Message> attributes,
                      auto&& function) {
    const Outputs y = results(contrib(op, inputs, {"y"}, std::move(attributes)), {reals("x", {1, 6}, x)},
                              {floats("b", {6}, Floats(6, 0.5f))});
    Floats expected;
    for (const float value : x) expected.push_back(static_cast<float>(function(static_cast<double>(value))));
    INFO(op);
    CHECK(alike(y.values(), expected, 2e-6f));
  };
  const auto by_tanh = [](double v) {
    return v / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v)));
  };
  of("Gelu", {"x"}, {}, erf_gelu);
  of("BiasGelu", {"x", "b"}, {}, [](double v) { return erf_gelu(v + 0.5); });
  of("FastGelu", {"x"}, {}, by_tanh);
  of("FastGelu", {"x", "b"}, {}, [&](double v) { return by_tanh(v + 0.5); });
  of("QuickGelu", {"x"}, {}, [](double v) { return v * sigmoid(1.702 * v); });
  of("QuickGelu", {"x"}, {attribute("alpha", 1.0f)}, [](double v) { return v * sigmoid(v); });
}

TEST_CASE("a normalised sum gives the sum, too", "[onnx][contrib]") {
  const Outputs y = results(contrib("SkipLayerNormalization", {"x", "s", "g", "", "b"}, {"y", "", "", "sum"},
                                    {attribute("epsilon", 0.0f)}),
                            {reals("x", {1, 1, 3}, {1, 2, 3}), reals("s", {1, 1, 3}, {0, 0, 3})},
                            {floats("g", {3}, {1, 2, 3}), floats("b", {3}, {1, 1, 1})}, {"y", "sum"});
  CHECK(y.values(1) == Floats{2, 3, 7});
  const float deviation = std::sqrt(14.0f / 3);
  CHECK(alike(y.values(0), Floats{-2 / deviation, -2 / deviation, 9 / deviation}, 1e-5f));
}

TEST_CASE("attention of a product, with masks of integers", "[onnx][contrib]") {
  constexpr std::size_t kLength = 3;
  constexpr std::size_t kWidth = 4;
  const Floats x = numbers(kLength * kWidth);
  const Floats w = numbers(kWidth * 3 * kWidth, 0.125f);
  const Floats bias = numbers(3 * kWidth, 0.0625f);
  Floats parts[3];
  for (std::size_t part = 0; part < 3; ++part) {
    for (std::size_t i = 0; i < kLength; ++i) {
      for (std::size_t j = 0; j < kWidth; ++j) {
        float sum = bias[part * kWidth + j];
        for (std::size_t k = 0; k < kWidth; ++k)
          sum += x[i * kWidth + k] * w[k * 3 * kWidth + part * kWidth + j];
        parts[part].push_back(sum);
      }
    }
  }
  const auto of = [&](std::vector<std::string> inputs, std::vector<Message> more,
                      std::vector<Message> attributes, const auto& added) {
    attributes.push_back(attribute("num_heads", std::int64_t{2}));
    more.push_back(floats("w", {4, 12}, w));
    more.push_back(floats("b", {12}, bias));
    const Outputs y =
        results(contrib("Attention", inputs, {"y"}, attributes), {reals("x", {1, 3, 4}, x)}, std::move(more));
    CHECK(alike(y.values(), attended(parts[0], parts[1], parts[2], 2, kLength, kLength, added), 1e-5f));
  };
  of({"x", "w", "b"}, {}, {}, [](std::size_t, std::size_t) { return 0.0; });
  of({"x", "w", "b"}, {}, {attribute("unidirectional", std::int64_t{1})},
     [](std::size_t i, std::size_t j) { return j <= i ? 0.0 : -1e30; });
  of({"x", "w", "b", "m"}, {tensor<std::int32_t>("m", kInt32, {1, 3}, {1, 0, 1})},
     {attribute("mask_filter_value", -2.0f)}, [](std::size_t, std::size_t j) { return j == 1 ? -2.0 : 0.0; });
  of({"x", "w", "b", "m"}, {tensor<std::int32_t>("m", kInt32, {1}, {2})}, {},
     [](std::size_t, std::size_t j) { return j < 2 ? 0.0 : -1e4; });
  of({"x", "w", "b", "m", "", "more"},
     {tensor<std::int32_t>("m", kInt32, {1, 3}, {1, 1, 0}), floats("more", {1, 1, 3, 3}, numbers(9))}, {},
     [](std::size_t i, std::size_t j) {
       return (j < 2 ? 0.0 : -1e4) + static_cast<double>(numbers(9)[i * 3 + j]);
     });
  CHECK(has_text(
      why_not(contrib("Attention", {"x", "w"}, {"y"}), {reals("x", {1, 3, 4}, x)}, {floats("w", {4, 12}, w)}),
      "it (Attention): attribute num_heads must be positive"));
}

TEST_CASE("attention of several heads, after earlier calls", "[onnx][contrib]") {
  const Floats q = numbers(2 * 4);
  const Floats k = numbers(3 * 4, 0.125f);
  const Floats v = numbers(3 * 4, 0.5f);
  const Outputs whole = results(
      contrib("MultiHeadAttention", {"q", "k", "v"}, {"y"}, {attribute("num_heads", std::int64_t{2})}),
      {reals("q", {1, 2, 4}, q), reals("k", {1, 3, 4}, k), reals("v", {1, 3, 4}, v)});
  CHECK(
      alike(whole.values(), attended(q, k, v, 2, 2, 3, [](std::size_t, std::size_t) { return 0.0; }), 1e-5f));
  // The first key and value come from before, by heads: [batch, heads, 1, size].
  const Outputs later =
      results(contrib("MultiHeadAttention", {"q", "k", "v", "", "", "", "pk", "pv"}, {"y", "keys", "values"},
                      {attribute("num_heads", std::int64_t{2})}),
              {reals("q", {1, 2, 4}, q), reals("k", {1, 2, 4}, Floats(k.begin() + 4, k.end())),
               reals("v", {1, 2, 4}, Floats(v.begin() + 4, v.end()))},
              {floats("pk", {1, 2, 1, 2}, Floats(k.begin(), k.begin() + 4)),
               floats("pv", {1, 2, 1, 2}, Floats(v.begin(), v.begin() + 4))},
              {"y", "keys", "values"});
  CHECK(alike(later.values(), whole.values(), 1e-5f));
  CHECK(later.shape(1) == Shape{1, 2, 3, 2});
  CHECK(later.values(1)[0] == k[0]);
}

TEST_CASE("a product that is quantised while the network runs", "[onnx][contrib]") {
  const Floats x{-1, 0.5f, 2, 0.25f};
  const Outputs y = results(contrib("DynamicQuantizeMatMul", {"x", "b", "bs", "bz", "bias"}, {"y"}),
                            {reals("x", {2, 2}, x)},
                            {tensor<std::uint8_t>("b", kUint8, {2, 2}, {10, 20, 30, 40}), scalar("bs", 0.5f),
                             zero("bz", 25), floats("bias", {2}, {1, 2})});
  const float scale = 3.0f / 255;
  const double at_zero = std::nearbyint(1 / scale);
  Floats expected;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 2; ++k) {
        const double a = std::nearbyint(x[i * 2 + k] / scale) + at_zero - at_zero;
        sum += a * (10.0 * static_cast<double>(1 + k * 2 + j) - 25);
      }
      expected.push_back(static_cast<float>(sum * static_cast<double>(scale) * 0.5 + (j == 0 ? 1 : 2)));
    }
  }
  CHECK(alike(y.values(), expected, 1e-4f));
}

TEST_CASE("weights of a few bits, with a scale for each block", "[onnx][contrib]") {
  constexpr std::size_t kDepth = 20;  // a block of 16, and a part of one
  for (const std::int64_t bits : {2, 4, 8}) {
    INFO(bits);
    Stored packed(2 * 2 * static_cast<std::size_t>(2 * bits), 0);
    const auto at = [&](std::size_t row, std::size_t k) {
      return static_cast<unsigned>((row * 7 + k * 5) % (1u << bits));
    };
    for (std::size_t row = 0; row < 2; ++row) {
      for (std::size_t k = 0; k < kDepth; ++k) {
        const std::size_t bit = (row * 2 * 16 + k) * static_cast<std::size_t>(bits);
        packed[bit / 8] = static_cast<std::uint8_t>(packed[bit / 8] | at(row, k) << bit % 8);
      }
    }
    const Floats scales{0.5f, 0.25f, 1, 2};
    const Floats x = numbers(kDepth);
    const Message weights = tensor<std::uint8_t>("w", kUint8, {2, 2, 2 * bits}, packed);
    const std::vector<Message> attributes{attribute("K", std::int64_t{kDepth}),
                                          attribute("N", std::int64_t{2}), attribute("bits", bits),
                                          attribute("block_size", std::int64_t{16})};
    const auto expected = [&](const auto& zero_point) {
      Floats y(2);
      for (std::size_t row = 0; row < 2; ++row) {
        for (std::size_t k = 0; k < kDepth; ++k)
          y[row] +=
              x[k] * (static_cast<float>(at(row, k)) - zero_point(row, k / 16)) * scales[row * 2 + k / 16];
      }
      return y;
    };
    const float middle = static_cast<float>(1u << (bits - 1));
    const Outputs y = results(contrib("MatMulNBits", {"x", "w", "s"}, {"y"}, attributes),
                              {reals("x", {1, 20}, x)}, {weights, floats("s", {4}, scales)});
    CHECK(alike(y.values(), expected([&](std::size_t, std::size_t) { return middle; }), 1e-3f));
    // Zero points of a row fill whole bytes: 1 and 2, then 3 and 0.
    const Stored zeros = bits == 2   ? Stored{0b1001, 0b0011}
                         : bits == 4 ? Stored{0x21, 0x03}
                                     : Stored{1, 2, 3, 0};
    const Outputs shifted =
        results(contrib("MatMulNBits", {"x", "w", "s", "z"}, {"y"}, attributes), {reals("x", {1, 20}, x)},
                {weights, floats("s", {4}, scales),
                 tensor<std::uint8_t>("z", kUint8, {static_cast<std::int64_t>(zeros.size())}, zeros)});
    constexpr float kZeros[2][2] = {{1, 2}, {3, 0}};
    CHECK(alike(shifted.values(),
                expected([&](std::size_t row, std::size_t block) { return kZeros[row][block]; }), 1e-3f));
  }
  CHECK(has_text(why_not(contrib("MatMulNBits", {"x", "w", "s"}, {"y"},
                                 {attribute("K", std::int64_t{20}), attribute("N", std::int64_t{2}),
                                  attribute("block_size", std::int64_t{16})}),
                         {reals("x", {1, 20}, numbers(20))},
                         {tensor<std::uint8_t>("w", kUint8, {3}, {1, 2, 3}), floats("s", {4}, {1, 1, 1, 1})}),
                 "the weights must be a constant of N x blocks x (block_size * bits / 8) bytes"));
}

TEST_CASE("what operators of com.microsoft do not have is refused", "[onnx][contrib][bad]") {
  const std::vector<Input> x{reals("x", {1, 2}, {1, 2})};
  CHECK(has_text(why_not(contrib("Gelu", {"x"}, {"y"}, {attribute("approximate", "tanh")}), x),
                 "it (Gelu): there is no attribute approximate of this operator"));
  CHECK(has_text(why_not(contrib("Gelu", {"x", "x"}, {"y"}), x), "there are 2 inputs, the operator takes 1"));
  CHECK(has_text(why_not(contrib("BiasGelu", {"x"}, {"y"}), x), "an input is missing: 2 are needed"));
  CHECK(has_text(why_not(contrib("LongformerAttention", {"x"}, {"y"}), x),
                 "unknown operator of the domain com.microsoft"));
}

}  // namespace fettle
