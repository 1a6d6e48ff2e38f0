// SPDX-License-Identifier: Apache-2.0
//
// Layers that compute with quantised operands and results, or quantise an operand on the way: sums of
// integers, and double where scales come in; but products multiply their sums in f32, so that kernels can be
// equal to them bit for bit.
#include "kernels/common/integer_product.h"
#include "kernels/reference/stored.h"

#include <cmath>

namespace fettle::kernels::reference {
namespace {

bool is_quantised(const TensorDesc& tensor) {
  return tensor.format.scale != 0 && is_quantised_type(tensor.format.type) &&
         tensor.format.layout == Layout::nchw;
}

// x, weight and result are quantised; bias and scales have a number for each output channel.
Refusal supports_product(const LayerDesc& layer, const Cpu&) {
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* w = layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  const TensorDesc* scales = layer.operand(3);
  if (x == nullptr || w == nullptr || bias == nullptr || !is_quantised(*x) || !is_quantised(*w) ||
      !is_quantised(layer.outputs.front()))
    return Refusal::data_type;
  if (bias->format.type != DataType::s32) return Refusal::data_type;
  return scales == nullptr || scales->format.type == DataType::f32 ? Refusal::none : Refusal::data_type;
}

// Products whose x is quantised here.
Refusal supports_dynamic_product(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& y = layer.outputs.front();
  if (layer.inputs.front().format.layout != Layout::nchw || y.format.layout != Layout::nchw)
    return Refusal::layout;
  if (y.shape.elements() == 0 || layer.inputs.front().shape.elements() == 0) return Refusal::shape;
  return check_dynamic_product(layer, y.shape[layer.main().op == Op::conv ? 1 : y.shape.rank() - 1]);
}

Refusal supports_quantised(const LayerDesc& layer, const Cpu&) {
  const bool all = std::all_of(layer.inputs.begin(), layer.inputs.end(), is_quantised) &&
                   is_quantised(layer.outputs.front());
  return all ? Refusal::none : Refusal::data_type;
}

// What turns a sum of products into the result.
class Products {
 public:
  explicit Products(const Buffers& b) : b_(b), y_(b) {}
  const Shape& shape() const { return y_.shape(); }
  void set(const Index& index, std::int64_t channel, std::int64_t sum) const {
    const LayerDesc& layer = b_.layer;
    const float weight_scale = b_.has(3) ? b_.in<float>(3)[{channel}] : layer.operand(1)->format.scale;
    const float multiplier =
        product_multiplier(layer.operand(0)->format.scale, weight_scale, layer.outputs.front().format.scale);
    const float units = static_cast<float>(sum + b_.in<std::int32_t>(2)[{channel}]) * multiplier;
    y_.set(index, static_cast<double>(units));
  }

 private:
  const Buffers& b_;
  Rounded y_;
};

// An operand of f32, in u8 by the range of all its elements.
class Dynamic {
 public:
  Dynamic(const Buffers& b, std::size_t operand) : reals_(b.in<float>(operand)) {
    DynamicRange range;
    for_each_index(shape(), [&](const Index& i) { range.include(reals_[i]); });
    scale_ = range.scale();
    zero_ = range.zero_point();
  }
  const Shape& shape() const { return reals_.desc.shape; }
  std::int64_t extent(int axis) const { return reals_.extent(axis); }
  int steps(const Index& index) const { return quantise_dynamic(reals_[index], scale_, zero_) - zero_; }
  float scale() const { return scale_; }

 private:
  View<const float> reals_;
  float scale_ = 1;
  int zero_ = 0;
};

// What turns a sum of products into a real number.
class RealProducts {
 public:
  RealProducts(const Buffers& b, const Dynamic& x) : b_(b), y_(b.out<float>()), x_scale_(x.scale()) {}
  const Shape& shape() const { return y_.desc.shape; }
  void set(const Index& index, std::int64_t channel, std::int64_t sum) const {
    const float weight_scale =
        b_.has(3) ? b_.in<float>(3)[{channel}] : b_.in<std::uint8_t>(1).desc.format.scale;
    y_[index] = static_cast<float>(sum) * (x_scale_ * weight_scale) + b_.in<float>(2)[{channel}];
  }

 private:
  const Buffers& b_;
  View<float> y_;
  float x_scale_;
};

// Calls body(input index, tap) for the taps of the window that lie inside the picture.
template <typename Body>
void for_each_tap(const Attributes& a, const Shape& x, const Index& out, Body&& body) {
  const auto strides = a.integers("strides");
  const auto dilations = a.integers("dilations");
  const auto pads = a.integers("pads");
  for_each_index(Shape(a.integers("kernel_shape")), [&](const Index& tap) {
    Index from{out[0], out[1]};
    for (std::size_t axis = 0; axis < strides.size(); ++axis) {
      from[axis + 2] = out[axis + 2] * strides[axis] - pads[axis] + tap[axis] * dilations[axis];
      if (from[axis + 2] < 0 || from[axis + 2] >= x[static_cast<int>(axis) + 2]) return;
    }
    body(from, tap);
  });
}

template <typename Input, typename Output>
void convolve(const Buffers& b, const Input& x, const Output& y) {
  const Stored w(b, 1);
  const std::int64_t outputs_per_group = w.extent(0) / b.attributes().integer("group");
  for_each_index(y.shape(), [&](const Index& out) {
    std::int64_t sum = 0;
    for_each_tap(b.attributes(), x.shape(), out, [&](Index from, const Index& tap) {
      Index weight{out[1], 0};
      std::copy_n(tap.begin(), kMaxRank - 2, weight.begin() + 2);
      for (; weight[1] < w.extent(1); ++weight[1]) {
        from[1] = out[1] / outputs_per_group * w.extent(1) + weight[1];
        sum += std::int64_t{x.steps(from)} * w.steps(weight);
      }
    });
    y.set(out, out[1], sum);
  });
}

// Dense layers: the last axis of x times a matrix.
template <typename Input, typename Output>
void multiply(const Buffers& b, const Input& x, const Output& y) {
  const Stored w(b, 1);
  const bool outputs_first = b.attributes().integer("transB") != 0;
  const auto last = static_cast<std::size_t>(x.shape().rank() - 1);
  for_each_index(y.shape(), [&](const Index& out) {
    std::int64_t sum = 0;
    Index from = out;
    for (std::int64_t k = 0; k < x.extent(static_cast<int>(last)); ++k) {
      from[last] = k;
      sum += std::int64_t{x.steps(from)} * w.steps(outputs_first ? Index{out[last], k} : Index{k, out[last]});
    }
    y.set(out, out[last], sum);
  });
}

void conv_stored(const Buffers& b) { convolve(b, Stored(b, 0), Products(b)); }
void conv_dynamic(const Buffers& b) {
  const Dynamic x(b, 0);
  convolve(b, x, RealProducts(b, x));
}
void product_stored(const Buffers& b) { multiply(b, Stored(b, 0), Products(b)); }
void product_dynamic(const Buffers& b) {
  const Dynamic x(b, 0);
  multiply(b, x, RealProducts(b, x));
}

void add(const Buffers& b) {
  const Stored left(b, 0);
  const Stored right(b, 1);
  const Rounded y(b);
  const int rank = y.shape().rank();
  for_each_index(y.shape(), [&](const Index& i) {
    const double sum = left.steps(broadcast_index(i, rank, left.shape())) * left.scale() +
                       right.steps(broadcast_index(i, rank, right.shape())) * right.scale();
    y.set(i, sum / y.scale());
  });
}

void mul(const Buffers& b) {
  const Stored left(b, 0);
  const Stored right(b, 1);
  const Rounded y(b);
  const int rank = y.shape().rank();
  for_each_index(y.shape(), [&](const Index& i) {
    const int product = left.steps(broadcast_index(i, rank, left.shape())) *
                        right.steps(broadcast_index(i, rank, right.shape()));
    y.set(i, product * (left.scale() * right.scale() / y.scale()));
  });
}

void max_pool(const Buffers& b) {
  const Stored x(b, 0);
  const Rounded y(b);
  for_each_index(y.shape(), [&](const Index& out) {
    int largest = lowest_of(x.desc().format.type);
    for_each_tap(b.attributes(), x.shape(), out,
                 [&](const Index& from, const Index&) { largest = std::max(largest, x[from]); });
    y.set_stored(out, largest);
  });
}

// The number that an average over padding divides by: what ceil_mode reaches beyond does not count.
std::int64_t counted(const Attributes& a, const Shape& x, const Index& out) {
  const auto strides = a.integers("strides");
  const auto dilations = a.integers("dilations");
  const auto pads = a.integers("pads");
  std::int64_t count = 0;
  for_each_index(Shape(a.integers("kernel_shape")), [&](const Index& tap) {
    for (std::size_t axis = 0; axis < strides.size(); ++axis) {
      const std::int64_t at = out[axis + 2] * strides[axis] - pads[axis] + tap[axis] * dilations[axis];
      if (at >= x[static_cast<int>(axis) + 2] + pads[axis + strides.size()]) return;
    }
    ++count;
  });
  return count;
}

void average_pool(const Buffers& b) {
  const Stored x(b, 0);
  const Rounded y(b);
  const bool count_padding = b.attributes().integer("count_include_pad") != 0;
  for_each_index(y.shape(), [&](const Index& out) {
    std::int64_t sum = 0;
    std::int64_t count = 0;
    for_each_tap(b.attributes(), x.shape(), out, [&](const Index& from, const Index&) {
      sum += x.steps(from);
      ++count;
    });
    if (count_padding) count = counted(b.attributes(), x.shape(), out);
    const double mean = static_cast<double>(sum) / static_cast<double>(std::max<std::int64_t>(1, count));
    y.set(out, mean * x.scale() / y.scale());
  });
}

void global_average_pool(const Buffers& b) {
  const Stored x(b, 0);
  const Rounded y(b);
  const Shape spatial(x.shape().dims().subspan(2));
  for_each_index(y.shape(), [&](const Index& out) {
    std::int64_t sum = 0;
    for_each_index(spatial, [&](const Index& at) {
      Index from{out[0], out[1]};
      std::copy_n(at.begin(), kMaxRank - 2, from.begin() + 2);
      sum += x.steps(from);
    });
    const double mean = static_cast<double>(sum) / static_cast<double>(spatial.elements());
    y.set(out, mean * x.scale() / y.scale());
  });
}

// The bounds are attributes, in real numbers.
void clamp(const Buffers& b) {
  const Stored x(b, 0);
  const Rounded y(b);
  const StoredRange range =
      stored_range(Clamp{b.attributes().real("min"), b.attributes().real("max")}, x.desc().format);
  for_each_index(y.shape(),
                 [&](const Index& i) { y.set_stored(i, std::clamp(x[i], range.low, range.high)); });
}

constexpr Op kQuantisedLayersOps[] = {Op::conv, Op::gemm,     Op::matmul,       Op::add,
                                      Op::mul,  Op::max_pool, Op::average_pool, Op::global_average_pool,
                                      Op::clamp};
constexpr std::span<const Op> layer_op(std::size_t i) { return {&kQuantisedLayersOps[i], 1}; }

constexpr Kernel kConv =
    entry<conv_stored>("convolve_quantised.direct.q8.reference", layer_op(0), supports_product);
constexpr Kernel kGemm = entry<product_stored>("gemm.direct.q8.reference", layer_op(1), supports_product);
constexpr Kernel kMatmul = entry<product_stored>("matmul.direct.q8.reference", layer_op(2), supports_product);
constexpr Kernel kConvDynamic =
    entry<conv_dynamic>("conv.dynamic.u8.reference", layer_op(0), supports_dynamic_product);
constexpr Kernel kGemmDynamic =
    entry<product_dynamic>("gemm.dynamic.u8.reference", layer_op(1), supports_dynamic_product);
constexpr Kernel kMatmulDynamic =
    entry<product_dynamic>("matmul.dynamic.u8.reference", layer_op(2), supports_dynamic_product);
constexpr Kernel kAdd = entry<add>("add.direct.q8.reference", layer_op(3), supports_quantised);
constexpr Kernel kMul = entry<mul>("mul.direct.q8.reference", layer_op(4), supports_quantised);
constexpr Kernel kMaxPool = entry<max_pool>("max_pool.direct.q8.reference", layer_op(5), supports_quantised);
constexpr Kernel kAveragePool =
    entry<average_pool>("average_pool.direct.q8.reference", layer_op(6), supports_quantised);
constexpr Kernel kGlobalAveragePool =
    entry<global_average_pool>("global_average_pool.direct.q8.reference", layer_op(7), supports_quantised);
constexpr Kernel kClamp = entry<clamp>("clamp.direct.q8.reference", layer_op(8), supports_quantised);

constexpr const Kernel* kQuantisedLayersEntries[] = {kept(kConv),
                                                     kept(kGemm),
                                                     kept(kMatmul),
                                                     kept(kConvDynamic),
                                                     kept(kGemmDynamic),
                                                     kept(kMatmulDynamic),
                                                     kept(kAdd),
                                                     kept(kMul),
                                                     kept(kMaxPool),
                                                     kept(kAveragePool),
                                                     kept(kGlobalAveragePool),
                                                     kept(kClamp)};

}  // namespace

std::span<const Kernel* const> quantised_layer_entries() noexcept { return kQuantisedLayersEntries; }

}  // namespace fettle::kernels::reference
