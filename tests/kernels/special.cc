// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/special.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::test {
namespace {

using Limits = std::numeric_limits<float>;

// Operators that add up nothing: the largest numbers cannot overflow on the way.
bool adds_up_nothing(const LayerDesc& desc) {
  constexpr Op kOps[] = {Op::clamp,
                         Op::leaky_relu,
                         Op::elu,
                         Op::sigmoid,
                         Op::tanh,
                         Op::exp,
                         Op::sqrt,
                         Op::abs,
                         Op::neg,
                         Op::floor,
                         Op::ceil,
                         Op::round,
                         Op::reciprocal,
                         Op::add,
                         Op::sub,
                         Op::mul,
                         Op::div,
                         Op::max,
                         Op::min,
                         Op::prelu,
                         Op::swish,
                         Op::gelu,
                         Op::hard_swish,
                         Op::hard_sigmoid,
                         Op::softplus,
                         Op::erf,
                         Op::softmax,
                         Op::max_pool,
                         Op::global_max_pool,
                         Op::convert,
                         Op::concat,
                         Op::pad,
                         Op::transpose,
                         Op::quantize_linear,
                         Op::log,
                         Op::softsign};
  return desc.parts.size() == 1 &&
         std::find(std::begin(kOps), std::end(kOps), desc.main().op) != std::end(kOps);
}

// Functions of single numbers, whose results are held to relative errors.
bool is_pointwise(const LayerDesc& desc) {
  constexpr Op kOthers[] = {Op::softmax, Op::max_pool, Op::global_max_pool, Op::quantize_linear};
  return adds_up_nothing(desc) && desc.outputs.front().format.type == DataType::f32 &&
         std::find(std::begin(kOthers), std::end(kOthers), desc.main().op) == std::end(kOthers);
}

// Where a weight is not finite, its product with a padding of zeros is NaN, or there is none: both are right.
bool weights_may_be_special(const LayerDesc& desc) {
  const Op op = desc.main().op;
  // The floats of quantised layers are scales, which are finite.
  if (desc.outputs[0].format.scale != 0) return false;
  if (op != Op::conv) return op == Op::gemm || op == Op::matmul || adds_up_nothing(desc);
  const auto pads = desc.main().attributes.integers("pads");
  return desc.parts.size() == 1 && std::all_of(pads.begin(), pads.end(), [](auto pad) { return pad == 0; });
}

void put_specials(std::vector<std::byte>& bytes, float largest, float least, std::size_t count,
                  Random& random) {
  const float kValues[] = {Limits::quiet_NaN(),
                           -Limits::quiet_NaN(),
                           Limits::infinity(),
                           -Limits::infinity(),
                           0.0f,
                           -0.0f,
                           largest,
                           -largest,
                           least,
                           -least,
                           Limits::denorm_min(),
                           -Limits::denorm_min(),
                           Limits::min() / 1000,
                           88.8f,
                           -Limits::min() / 1000,
                           -88.8f};
  const std::size_t elements = bytes.size() / sizeof(float);
  for (std::size_t i = 0; i < count && elements > 0; ++i) {
    const float value = kValues[random() % std::size(kValues)];
    std::memcpy(bytes.data() + random() % elements * sizeof(float), &value, sizeof value);
  }
}

bool flush(std::vector<std::byte>& bytes) {
  bool found = false;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (value == 0 || std::isnormal(value) || !std::isfinite(value)) continue;
    value = std::copysign(0.0f, value);
    std::memcpy(bytes.data() + at, &value, sizeof value);
    found = true;
  }
  return found;
}

std::span<const float> floats_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

enum class Class { nan, positive, negative, finite };
Class class_of(float x) {
  if (std::isnan(x)) return Class::nan;
  if (std::isinf(x)) return x > 0 ? Class::positive : Class::negative;
  return Class::finite;
}

// Where an element of a picture or of a signal, which is one row, lies.
struct Pixel {
  std::int64_t rows = 1, columns = 1, image = 0, row = 0, column = 0;

  Pixel(const Shape& shape, std::int64_t element) {
    if (shape.rank() < 3) return;
    columns = shape[shape.rank() - 1];
    if (shape.rank() > 3) rows = shape[shape.rank() - 2];
    column = element % columns;
    row = element / columns % rows;
    image = element / (shape.elements() / shape[0]);
  }
};

// Where a picture's rows and columns have something that is not finite, in any channel.
class Spread {
 public:
  explicit Spread(const SpecialLayer& special) : desc_(special.layer.desc) {
    for (std::size_t i = 1; i < desc_.inputs.size(); ++i) {
      const bool real = desc_.inputs[i].format.type == DataType::f32;
      if (desc_.inputs[i].constant && real) everywhere_ = everywhere_ || !all_finite(special.layer.inputs[i]);
    }
    if (desc_.inputs[0].format.type != DataType::f32) return;
    const auto values = floats_of(special.layer.inputs[0]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        places_.push_back(Pixel(desc_.inputs[0].shape, static_cast<std::int64_t>(i)));
    }
    // A product's results have no place in a picture: each is computed from a whole row.
    const Op op = desc_.main().op;
    everywhere_ = everywhere_ || ((op == Op::gemm || op == Op::matmul) && !places_.empty());
  }
  // Whether a tile, of which none is larger, may hold both that and result `i`. Results may be more or fewer
  // than the pixels that they are computed from.
  bool reaches(std::int64_t i) const {
    if (everywhere_) return true;
    const Pixel to(desc_.outputs[0].shape, i);
    return std::any_of(places_.begin(), places_.end(), [&](const Pixel& from) {
      return from.image == to.image && near(from.row, from.rows, to.row, to.rows) &&
             near(from.column, from.columns, to.column, to.columns);
    });
  }

 private:
  static bool near(std::int64_t from, std::int64_t inputs, std::int64_t to, std::int64_t outputs) {
    constexpr std::int64_t kTile = 8;
    return std::abs(from * outputs - to * inputs) <= kTile * std::max(inputs, outputs);
  }
  static bool all_finite(const std::vector<std::byte>& bytes) {
    const auto values = floats_of(bytes);
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  }

  const LayerDesc& desc_;
  bool everywhere_ = false;
  std::vector<Pixel> places_;
};

// What an error is measured by: the result, or where it is the small difference of larger numbers these.
double size_of_result(Op op, float x, float y) {
  const bool cancels = op == Op::gelu || op == Op::hard_swish || op == Op::hard_sigmoid;
  return std::max(std::abs(static_cast<double>(y)),
                  cancels ? std::min(std::abs(static_cast<double>(x)), 1.0) : 0.0);
}

bool is_close(Op op, float x, float got, float wanted) {
  if (!std::isfinite(got) || !std::isfinite(wanted)) return class_of(got) == class_of(wanted);
  const double apart = std::abs(static_cast<double>(got) - static_cast<double>(wanted));
  // Numbers that become subnormal on the way may be zero; a product with them is as much smaller.
  const double least =
      2 * static_cast<double>(Limits::min()) * (op == Op::swish ? std::abs(static_cast<double>(x)) : 1);
  return apart <=
         1e-5 * size_of_result(op, x, wanted) + std::max(least, 2 * static_cast<double>(Limits::min()));
}

}  // namespace

SpecialLayer with_special_values(const TestLayer& layer, Random& random) {
  SpecialLayer special{layer, {}, {}};
  const Op op = layer.desc.main().op;
  const bool recurrent = op == Op::lstm || op == Op::gru || op == Op::rnn;
  const float largest = adds_up_nothing(layer.desc) ? Limits::max() : recurrent ? 100.0f : 1e15f;
  // Times alpha the smallest normal number must stay one: it may be flushed otherwise.
  const auto alpha = static_cast<float>(layer.desc.main().attributes.real("alpha", 1));
  const float least = Limits::min() / std::min(1.0f, std::max(std::abs(alpha), 1e-3f));
  const bool weights = weights_may_be_special(layer.desc) && random() % 4 == 0;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorDesc& tensor = layer.desc.inputs[i];
    if (tensor.format.type != DataType::f32 || (tensor.constant && !weights)) continue;
    const std::size_t elements = layer.inputs[i].size() / sizeof(float);
    const std::size_t counts[] = {1 + random() % 2, 1 + elements / 50, 1 + elements / 3};
    put_specials(special.layer.inputs[i], largest, least, counts[random() % 3], random);
  }
  special.expected = reference_outputs(special.layer).outputs;
  TestLayer without = special.layer;
  bool differs = false;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (layer.desc.inputs[i].format.type == DataType::f32) differs = flush(without.inputs[i]) || differs;
  }
  special.flushed = differs ? reference_outputs(without).outputs : special.expected;
  return special;
}

void check_special(const Kernel& kernel, const LayerDesc& desc, const SpecialLayer& special) {
  const Results results = run_variant(kernel, desc, special.layer, {});
  if (kernel.nonfinite == NonFinite::loses_nan) return;
  INFO(kernel.name << " with NaN and infinities: " << desc.text());
  const Spread spread(special);
  const bool pointwise = is_pointwise(desc) && desc.inputs[0].shape == desc.outputs[0].shape &&
                         desc.inputs[0].format.type == DataType::f32;
  for (std::size_t output = 0; output < results.size(); ++output) {
    if (desc.outputs[output].format.type != DataType::f32) {
      check_same(kernel, desc, desc.outputs[output], results[output], special.expected[output], 0);
      continue;
    }
    const auto got = floats_of(results[output]);
    const auto wanted = floats_of(special.expected[output]);
    const auto flushed = floats_of(special.flushed[output]);
    const bool real = desc.inputs[0].format.type == DataType::f32;
    const auto x = real ? floats_of(special.layer.inputs[0]) : std::span<const float>();
    std::size_t wrong = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      bool right = class_of(got[i]) == class_of(wanted[i]) || class_of(got[i]) == class_of(flushed[i]);
      if (pointwise) {
        right = is_close(desc.main().op, x[i], got[i], wanted[i]) ||
                is_close(desc.main().op, x[i], got[i], flushed[i]);
      }
      // Whether a point between pixels that rounding puts on one of them sees the other is left open.
      if (!right && kernel.nonfinite == NonFinite::spreads_in_tile)
        right = (std::isnan(got[i]) || desc.main().op == Op::resize) &&
                spread.reaches(static_cast<std::int64_t>(i));
      if (right) continue;
      ++wrong;
      where = i;
    }
    INFO(wrong << " of " << got.size() << " elements; element " << where << " is "
               << (got.empty() ? 0 : got[where]) << ", not " << (got.empty() ? 0 : wanted[where]) << ", of "
               << (where < x.size() ? x[where] : 0));
    CHECK(wrong == 0);
  }
}

}  // namespace fettle::test
