// SPDX-License-Identifier: Apache-2.0
//
// Convolutions and pools. Sums are taken in double.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// The window of convolutions and pools, with as many spatial axes as the tensors have.
struct Window {
  std::span<const std::int64_t> kernel;
  std::span<const std::int64_t> strides;
  std::span<const std::int64_t> dilations;
  std::span<const std::int64_t> pads;

  explicit Window(const Attributes& attributes)
      : kernel(attributes.integers("kernel_shape")),
        strides(attributes.integers("strides")),
        dilations(attributes.integers("dilations")),
        pads(attributes.integers("pads")) {}
  std::size_t axes() const { return kernel.size(); }
  Shape shape() const { return Shape(kernel); }
  /// The input position under tap `tap` of output position `out`; may lie outside.
  std::int64_t position(std::size_t axis, std::int64_t out, std::int64_t tap) const {
    return out * strides[axis] - pads[axis] + tap * dilations[axis];
  }
};

void convolve(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto w = operand(b, 1);
  const auto y = result(b);
  const Window window(b.attributes());
  const std::int64_t group = b.attributes().integer("group");
  const std::int64_t outputs_per_group = w.extent(0) / group;
  for_each_index(y.shape(), [&](const Index& out) {
    double sum = b.has(2) ? operand(b, 2)[{out[1]}] : 0.0;
    for (std::int64_t c = 0; c < w.extent(1); ++c) {
      for_each_index(window.shape(), [&](const Index& tap) {
        Index from{out[0], out[1] / outputs_per_group * w.extent(1) + c};
        Index weight{out[1], c};
        for (std::size_t axis = 0; axis < window.axes(); ++axis) {
          from[axis + 2] = window.position(axis, out[axis + 2], tap[axis]);
          weight[axis + 2] = tap[axis];
          if (from[axis + 2] < 0 || from[axis + 2] >= x.extent(static_cast<int>(axis) + 2)) return;
        }
        sum += x[from] * w[weight];
      });
    }
    y.set(out, sum);
  });
}

// Gathers: an output element sums the taps whose input position is whole and inside.
void conv_transpose(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto w = operand(b, 1);
  const auto y = result(b);
  const Window window(b.attributes());
  const std::int64_t group = b.attributes().integer("group");
  const std::int64_t inputs_per_group = x.extent(1) / group;
  for_each_index(y.shape(), [&](const Index& out) {
    const std::int64_t g = out[1] / w.extent(1);
    double sum = b.has(2) ? operand(b, 2)[{out[1]}] : 0.0;
    for (std::int64_t c = 0; c < inputs_per_group; ++c) {
      for_each_index(window.shape(), [&](const Index& tap) {
        Index from{out[0], g * inputs_per_group + c};
        Index weight{g * inputs_per_group + c, out[1] % w.extent(1)};
        for (std::size_t axis = 0; axis < window.axes(); ++axis) {
          const std::int64_t scaled = out[axis + 2] + window.pads[axis] - tap[axis] * window.dilations[axis];
          if (scaled < 0 || scaled % window.strides[axis] != 0) return;
          from[axis + 2] = scaled / window.strides[axis];
          weight[axis + 2] = tap[axis];
          if (from[axis + 2] >= x.extent(static_cast<int>(axis) + 2)) return;
        }
        sum += x[from] * w[weight];
      });
    }
    y.set(out, sum);
  });
}

// A plane of an image between its pixels; outside there are zeros.
double between_pixels(const Numbers<double>& x, std::int64_t batch, std::int64_t channel, double row,
                      double column) {
  const double top = std::floor(row);
  const double left = std::floor(column);
  double sum = 0;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const double r = top + i;
      const double c = left + j;
      if (!(r >= 0 && c >= 0 && r < static_cast<double>(x.extent(2)) && c < static_cast<double>(x.extent(3))))
        continue;
      const double weight = (1 - std::abs(row - r)) * (1 - std::abs(column - c));
      sum += weight * x[{batch, channel, static_cast<std::int64_t>(r), static_cast<std::int64_t>(c)}];
    }
  }
  return sum;
}

// Operands: images, weights, offsets (a row and a column for each offset group and tap), bias, mask.
void deform_conv(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto w = operand(b, 1);
  const auto offsets = operand(b, 2);
  const auto y = result(b);
  const Window window(b.attributes());
  const std::int64_t outputs_per_group = w.extent(0) / b.attributes().integer("group");
  const std::int64_t channels_per_offset = x.extent(1) / b.attributes().integer("offset_group");
  const std::int64_t taps = window.shape().elements();
  for_each_index(y.shape(), [&](const Index& out) {
    double sum = b.has(3) ? operand(b, 3)[{out[1]}] : 0.0;
    for (std::int64_t c = 0; c < w.extent(1); ++c) {
      const std::int64_t channel = out[1] / outputs_per_group * w.extent(1) + c;
      for_each_index(window.shape(), [&](const Index& tap) {
        const std::int64_t number = channel / channels_per_offset * taps + tap[0] * window.kernel[1] + tap[1];
        const double row = static_cast<double>(window.position(0, out[2], tap[0])) +
                           offsets[{out[0], 2 * number, out[2], out[3]}];
        const double column = static_cast<double>(window.position(1, out[3], tap[1])) +
                              offsets[{out[0], 2 * number + 1, out[2], out[3]}];
        const double share = b.has(4) ? operand(b, 4)[{out[0], number, out[2], out[3]}] : 1.0;
        sum += w[{out[1], c, tap[0], tap[1]}] * share * between_pixels(x, out[0], channel, row, column);
      });
    }
    y.set(out, sum);
  });
}

// Gathers: an element of the image sums the columns of all windows that saw it.
void col2im(const Buffers& b) {
  const auto block = b.attributes().integers("block_shape");
  const auto strides = b.attributes().integers("strides");
  const auto dilations = b.attributes().integers("dilations");
  const auto pads = b.attributes().integers("pads");
  const Shape taps(block);
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto columns = operand<T>(b, 0);
    const auto image = result<T>(b);
    for_each_index(image.shape(), [&](const Index& out) {
      T sum{};
      for_each_index(taps, [&](const Index& tap) {
        std::int64_t row = out[1];
        std::int64_t place = 0;
        for (std::size_t axis = 0; axis < block.size(); ++axis) {
          const std::int64_t extent = image.extent(static_cast<int>(axis) + 2);
          const std::int64_t from = out[axis + 2] + pads[axis] - tap[axis] * dilations[axis];
          const std::int64_t windows =
              (extent + pads[axis] + pads[axis + block.size()] - dilations[axis] * (block[axis] - 1) - 1) /
                  strides[axis] +
              1;
          if (from < 0 || from % strides[axis] != 0 || from / strides[axis] >= windows) return;
          row = row * block[axis] + tap[axis];
          place = place * windows + from / strides[axis];
        }
        sum = multiply_add(T{1}, columns[{out[0], row, place}], sum);
      });
      image.set(out, sum);
    });
  });
}

// What the pools make of the elements under a window.
struct Pooled {
  double sum = 0;
  double largest = -std::numeric_limits<double>::infinity();
  double powers = 0;  // sum of |x|^p
  std::int64_t count = 0;
  Index largest_at{-1};

  void add(double x, const Index& at, double p) {
    sum += x;
    powers += std::pow(std::abs(x), p);
    // The place of the first of them; NaN comes before all numbers.
    const bool first = largest_at[0] < 0;
    if (first || x > largest || (std::isnan(x) && !std::isnan(largest))) {
      largest = x;
      largest_at = at;
    }
  }
  double value(Op op, double p) const {
    if (op == Op::max_pool || op == Op::global_max_pool) return largest;
    if (op == Op::lp_pool || op == Op::global_lp_pool) return std::pow(powers, 1 / p);
    return sum / static_cast<double>(std::max<std::int64_t>(1, count));
  }
};

// The number of an element when the whole tensor is counted through, the last two axes by columns if wished.
std::int64_t flat_index(const Shape& shape, const Index& at, bool by_column) {
  std::int64_t index = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int k = by_column && axis >= 2 ? shape.rank() + 1 - axis : axis;
    index = index * shape[k] + at[static_cast<std::size_t>(k)];
  }
  return index;
}

void pool(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const Window window(b.attributes());
  const Op op = b.layer.main().op;
  const auto p = static_cast<double>(b.attributes().integer("p", 2));
  const bool count_padding = b.attributes().integer("count_include_pad") != 0;
  const bool by_column = b.attributes().integer("storage_order") != 0;
  for_each_index(y.shape(), [&](const Index& out) {
    Pooled pooled;
    for_each_index(window.shape(), [&](const Index& tap) {
      Index from{out[0], out[1]};
      bool inside = true;
      bool counted = true;  // padding counts, but not what ceil_mode reaches beyond it
      for (std::size_t axis = 0; axis < window.axes(); ++axis) {
        const std::int64_t extent = x.extent(static_cast<int>(axis) + 2);
        from[axis + 2] = window.position(axis, out[axis + 2], tap[axis]);
        inside = inside && from[axis + 2] >= 0 && from[axis + 2] < extent;
        counted = counted && from[axis + 2] < extent + window.pads[axis + window.axes()];
      }
      if (inside) pooled.add(x[from], from, p);
      pooled.count += (count_padding ? counted : inside) ? 1 : 0;
    });
    y.set(out, pooled.value(op, p));
    if (b.outputs.size() > 1)
      result<std::int64_t>(b, 1).set(
          out, pooled.largest_at[0] < 0 ? 0 : flat_index(x.shape(), pooled.largest_at, by_column));
  });
}

// A second output holds the places of the largest elements.
Refusal supports_pool(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const bool maximum = layer.main().op == Op::max_pool;
  if (layer.outputs.front().format.type != type || (!maximum && kind_of(type) != Kind::real))
    return Refusal::data_type;
  if (layer.outputs.size() > 1 && (!maximum || layer.outputs[1].format.type != DataType::s64))
    return Refusal::data_type;
  return any_number(layer, cpu);
}

void global_pool(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const Op op = b.layer.main().op;
  const auto p = static_cast<double>(b.attributes().integer("p", 2));
  const Shape spatial(x.shape().dims().subspan(2));
  for_each_index(y.shape(), [&](const Index& out) {
    Pooled pooled;
    pooled.count = spatial.elements();
    for_each_index(spatial, [&](const Index& at) {
      Index from{out[0], out[1]};
      std::copy_n(at.begin(), kMaxRank - 2, from.begin() + 2);
      pooled.add(x[from], from, p);
    });
    y.set(out, pooled.value(op, p));
  });
}

// Puts elements where max_pool found them; places outside the result are passed over. Places count through
// the tensor that was pooled, which the result may be larger than.
void max_unpool(const Buffers& b) {
  const auto pooled = b.attributes().integers("places_shape");
  const auto x = operand(b, 0);
  const auto places = operand<std::int64_t>(b, 1);
  const auto y = result(b);
  for_each_index(y.shape(), [&](const Index& i) { y.set(i, 0); });
  for_each_index(x.shape(), [&](const Index& i) {
    std::int64_t place = places[i];
    if (place < 0 || place >= Shape(pooled).elements()) return;
    Index at{};
    bool fits = true;
    for (auto axis = pooled.size(); axis-- > 0; place /= pooled[axis]) {
      at[axis] = place % pooled[axis];
      fits = fits && at[axis] < y.extent(static_cast<int>(axis));
    }
    if (fits) y.set(at, x[i]);
  });
}

Refusal supports_unpool(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const bool fits = kind_of(type) == Kind::real && layer.outputs.front().format.type == type &&
                    kind_of(layer.inputs[1].format.type) == Kind::whole;
  return fits ? any_number(layer, cpu) : Refusal::data_type;
}

constexpr auto kConvolutionEntries =
    join(kFamily<convolve, same_real, "direct.any", Op::conv>,
         kFamily<conv_transpose, same_real, "gather.any", Op::conv_transpose>,
         kFamily<deform_conv, same_real, "direct.any", Op::deform_conv>,
         kFamily<col2im, same_number, "gather.any", Op::col2im>,
         kFamily<pool, supports_pool, "direct.any", Op::max_pool, Op::average_pool, Op::lp_pool>,
         kFamily<global_pool, same_real, "direct.any", Op::global_average_pool, Op::global_max_pool,
                 Op::global_lp_pool>,
         kFamily<max_unpool, supports_unpool, "scatter.any", Op::max_unpool>);

}  // namespace

std::span<const Kernel* const> convolution_entries() noexcept { return kConvolutionEntries; }

}  // namespace fettle::kernels::reference
