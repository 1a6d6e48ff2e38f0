// SPDX-License-Identifier: Apache-2.0
//
// ONNX's operators between real and quantised numbers, and its products of integers.
#include "kernels/reference/numbers.h"
#include "kernels/reference/small_floats.h"
#include "kernels/reference/stored.h"
#include "lib/base/small_types.h"

#include <cmath>

namespace fettle::kernels::reference {
namespace {

// Scale and zero point of each element: attributes, or operands where they are computed.
class Parameters {
 public:
  explicit Parameters(const Buffers& b)
      : b_(b),
        scales_(b.attributes().reals("scale")),
        zeros_(b.attributes().integers("zero_point")),
        axis_(static_cast<std::size_t>(b.attributes().integer("axis"))),
        block_(b.attributes().integer("block_size")) {
    single_ = block_ == 0 && (scales_.empty() ? b.in<std::byte>(1).desc.shape.elements()
                                              : static_cast<std::int64_t>(scales_.size())) == 1;
  }
  /// In f32, in which ONNX takes the quotient, or wider where the model has it so.
  double scale(const Index& index) const {
    return scales_.empty() ? operand(b_, 1)[place(index)]
                           : static_cast<double>(scales_[static_cast<std::size_t>(place(index)[0])]);
  }
  double zero(const Index& index) const {
    if (!scales_.empty()) return static_cast<double>(zeros_[static_cast<std::size_t>(place(index)[0])]);
    return b_.has(2) ? operand(b_, 2)[place(index)] : 0;
  }

 private:
  Index place(const Index& index) const {
    if (single_) return {};
    if (block_ == 0) return {index[axis_]};
    Index result = index;
    result[axis_] /= block_;
    return result;
  }
  const Buffers& b_;
  std::span<const float> scales_;
  std::span<const std::int64_t> zeros_;
  std::size_t axis_;
  std::int64_t block_;
  bool single_ = true;
};

// The quotient of two numbers is taken in f32, as ONNX says, unless they are wider.
double quotient(double x, double scale, DataType type) {
  return type == DataType::f64 ? x / scale
                               : static_cast<double>(static_cast<float>(x) / static_cast<float>(scale));
}

void quantize_along(const Buffers& b) {
  const Parameters parameters(b);
  const auto x = operand(b, 0);
  const DataType from = b.layer.inputs.front().format.type;
  const DataType type = b.layer.outputs.front().format.type;
  const IntegerRange range = integer_range(type);
  if (!range.empty()) {
    const auto y = result<std::int64_t>(b);
    for_each_index(y.shape(), [&](const Index& i) {
      y.set(i, quantise(quotient(x[i], parameters.scale(i), from), static_cast<int>(parameters.zero(i)),
                        range.low, range.high));
    });
    return;
  }
  const auto y = b.out<std::uint8_t>();
  const bool saturate = b.attributes().integer("saturate", 1) != 0;
  for_each_index(y.desc.shape, [&](const Index& i) {
    const double value = quotient(x[i], parameters.scale(i), from) + parameters.zero(i);
    y[i] = static_cast<std::uint8_t>(small_float_bits(type, value, saturate));
  });
}

bool is_stored(DataType type) {
  return !integer_range(type).empty() || (is_small_float(type) && type != DataType::f8e8m0);
}
bool is_real(DataType type) { return kind_of(type) == Kind::real && !is_small_float(type); }

// The scale's type, and the zero point's, where they are operands.
bool has_real_scale(const LayerDesc& layer, DataType stored) {
  const TensorDesc* scale = layer.operand(1);
  const TensorDesc* zero = layer.operand(2);
  return (scale == nullptr || is_real(scale->format.type)) &&
         (zero == nullptr || zero->format.type == stored);
}

Refusal supports_quantize(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (!is_stored(y.format.type) || !has_real_scale(layer, y.format.type)) return Refusal::data_type;
  if (!is_real(x.format.type) && x.format.type != DataType::s32) return Refusal::data_type;
  return plain_layouts(layer);
}

void dequantize_along(const Buffers& b) {
  const Parameters parameters(b);
  const auto x = operand(b, 0);
  const auto y = result(b);
  // The product is taken in the result's type: of f32 here, where that is not wider.
  const bool wide = b.layer.outputs.front().format.type == DataType::f64;
  for_each_index(y.shape(), [&](const Index& i) {
    const double steps = x[i] - parameters.zero(i);
    y.set(i, wide ? steps * parameters.scale(i)
                  : static_cast<double>(static_cast<float>(steps) * static_cast<float>(parameters.scale(i))));
  });
}

Refusal supports_dequantize(const LayerDesc& layer, const Cpu&) {
  const DataType from = layer.inputs.front().format.type;
  if ((!is_stored(from) && from != DataType::s32) || !has_real_scale(layer, from)) return Refusal::data_type;
  return is_real(layer.outputs.front().format.type) ? plain_layouts(layer) : Refusal::data_type;
}

void dynamic_quantize(const Buffers& b) {
  const auto x = b.in<float>(0);
  DynamicRange range;
  for_each_index(x.desc.shape, [&](const Index& i) { range.include(x[i]); });
  const float scale = range.scale();
  const int zero = range.zero_point();
  const auto y = b.out<std::uint8_t>();
  for_each_index(x.desc.shape, [&](const Index& i) {
    y[i] = static_cast<std::uint8_t>(quantise_dynamic(x[i], scale, zero));
  });
  b.out<float>(1)[{}] = scale;
  b.out<std::uint8_t>(2)[{}] = static_cast<std::uint8_t>(zero);
}

Refusal supports_dynamic(const LayerDesc& layer, const Cpu&) {
  const bool types = layer.outputs.size() == 3 && layer.inputs.front().format.type == DataType::f32 &&
                     layer.outputs[0].format.type == DataType::u8 &&
                     layer.outputs[1].format.type == DataType::f32 &&
                     layer.outputs[2].format.type == DataType::u8;
  return types ? plain_layouts(layer) : Refusal::data_type;
}

// The zero point of an operand of ConvInteger or MatMulInteger: operand 2 or 3, one or one per channel.
int zero_point(const Buffers& b, std::size_t operand, std::int64_t channel) {
  if (!b.has(operand)) return 0;
  const Stored zeros(b, operand);
  return zeros[{zeros.shape().elements() == 1 ? 0 : channel}];
}

// ONNX lets sums of 32 bits wrap around.
std::int32_t wrapped(std::int64_t sum) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum)); }

void conv_integer(const Buffers& b) {
  const Stored x(b, 0);
  const Stored w(b, 1);
  const auto y = b.out<std::int32_t>();
  const Attributes& a = b.attributes();
  const auto strides = a.integers("strides");
  const auto dilations = a.integers("dilations");
  const auto pads = a.integers("pads");
  const Shape window(a.integers("kernel_shape"));
  const std::int64_t outputs_per_group = w.extent(0) / a.integer("group");
  for_each_index(y.desc.shape, [&](const Index& out) {
    std::int64_t sum = 0;
    const int x_zero = zero_point(b, 2, 0);
    const int w_zero = zero_point(b, 3, out[1]);
    for (std::int64_t c = 0; c < w.extent(1); ++c) {
      for_each_index(window, [&](const Index& tap) {
        Index from{out[0], out[1] / outputs_per_group * w.extent(1) + c};
        Index weight{out[1], c};
        for (std::size_t axis = 0; axis < strides.size(); ++axis) {
          from[axis + 2] = out[axis + 2] * strides[axis] - pads[axis] + tap[axis] * dilations[axis];
          weight[axis + 2] = tap[axis];
          if (from[axis + 2] < 0 || from[axis + 2] >= x.extent(static_cast<int>(axis) + 2)) return;
        }
        sum += std::int64_t{x[from] - x_zero} * (w[weight] - w_zero);
      });
    }
    y[out] = wrapped(sum);
  });
}

// Vectors count as matrices of one row or column; batch axes are broadcast.
void matmul_integer(const Buffers& b) {
  const Stored a(b, 0);
  const Stored w(b, 1);
  const auto y = b.out<std::int32_t>();
  const int rank_a = a.shape().rank();
  const int rank_b = w.shape().rank();
  const bool row = rank_a > 1;
  const bool column = rank_b > 1;
  const int rank_y = y.desc.shape.rank();
  const int batch = rank_y - (row ? 1 : 0) - (column ? 1 : 0);
  const Shape batch_a(a.shape().dims().first(static_cast<std::size_t>(std::max(0, rank_a - 2))));
  const Shape batch_b(w.shape().dims().first(static_cast<std::size_t>(std::max(0, rank_b - 2))));
  const int a_zero = zero_point(b, 2, 0);
  for_each_index(y.desc.shape, [&](const Index& out) {
    Index left = broadcast_index(out, batch, batch_a);
    Index right = broadcast_index(out, batch, batch_b);
    if (row) left[static_cast<std::size_t>(rank_a - 2)] = out[static_cast<std::size_t>(batch)];
    const std::int64_t channel = column ? out[static_cast<std::size_t>(rank_y - 1)] : 0;
    if (column) right[static_cast<std::size_t>(rank_b - 1)] = channel;
    const int w_zero = zero_point(b, 3, channel);
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < a.extent(rank_a - 1); ++k) {
      left[static_cast<std::size_t>(rank_a - 1)] = k;
      right[static_cast<std::size_t>(column ? rank_b - 2 : 0)] = k;
      sum += std::int64_t{a[left] - a_zero} * (w[right] - w_zero);
    }
    y[out] = wrapped(sum);
  });
}

Refusal supports_integer(const LayerDesc& layer, const Cpu&) {
  for (const TensorDesc& tensor : layer.inputs) {
    if (!is_quantised_type(tensor.format.type)) return Refusal::data_type;
  }
  return layer.outputs.front().format.type == DataType::s32 ? plain_layouts(layer) : Refusal::data_type;
}

constexpr Op kQuantisedOps[] = {Op::quantize_linear, Op::dequantize_linear, Op::dynamic_quantize_linear,
                                Op::conv_integer, Op::matmul_integer};
constexpr std::span<const Op> number_op(std::size_t i) { return {&kQuantisedOps[i], 1}; }

constexpr Kernel kQuantize =
    entry<quantize_along>("quantize_linear.direct.q8.reference", number_op(0), supports_quantize);
constexpr Kernel kDequantize =
    entry<dequantize_along>("dequantize_linear.direct.any.reference", number_op(1), supports_dequantize);
constexpr Kernel kDynamic =
    entry<dynamic_quantize>("dynamic_quantize_linear.direct.u8.reference", number_op(2), supports_dynamic);
constexpr Kernel kConvInteger =
    entry<conv_integer>("conv_integer.direct.q8.reference", number_op(3), supports_integer);
constexpr Kernel kMatmulInteger =
    entry<matmul_integer>("matmul_integer.direct.q8.reference", number_op(4), supports_integer);

constexpr const Kernel* kQuantisedEntries[] = {kept(kQuantize), kept(kDequantize), kept(kDynamic),
                                               kept(kConvInteger), kept(kMatmulInteger)};

}  // namespace

std::span<const Kernel* const> quantised_entries() noexcept { return kQuantisedEntries; }

}  // namespace fettle::kernels::reference
