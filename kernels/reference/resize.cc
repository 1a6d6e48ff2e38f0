// SPDX-License-Identifier: Apache-2.0
//
// Resize: nearest, linear and cubic, one axis after the other. ONNX operator specification, Resize-13.
#include "kernels/reference/numbers.h"
#include "kernels/resize_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace fettle::kernels::reference {
namespace {

// A position in the range of integers; so far outside, all that is there is the last element.
double bounded(double position, std::int64_t input) {
  if (std::isnan(position)) return 0;
  return std::clamp(position, -4.0, static_cast<double>(input) + 4);
}

double cubic_weight(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// The elements of the input that an output position mixes along one axis: `count` from `first` on, with
// weights by their distance. No heap memory, since running must not allocate.
class Taps {
 public:
  Taps() = default;
  Taps(const ResizeAxis& axis, std::int64_t input, std::int64_t at, const Attributes& attributes)
      : input_(input) {
    if (axis.outside(at)) return;  // of a crop, which is not the image's
    count_ = 1;
    if (axis.is_identity()) {
      first_ = axis.nearest(at);
      return;
    }
    position_ = bounded(axis.position(at), input);
    squeeze_ = 1;
    cubic_ = attributes.string("mode") == "cubic";
    a_ = attributes.real("cubic_coeff_a", -0.75f);
    exclude_ = attributes.integer("exclude_outside") != 0;
    // Where elements become fewer, a stretched filter sees all of them.
    if (attributes.integer("antialias") != 0) squeeze_ = std::clamp(axis.scale(), 1.0 / (1 << 20), 1.0);
    const double reach = (cubic_ ? 2 : 1) / squeeze_;
    first_ = static_cast<std::int64_t>(std::floor(position_ - reach)) + 1;
    count_ = static_cast<std::int64_t>(std::floor(position_ + reach)) - first_ + 1;
    double sum = 0;
    for (std::int64_t i = 0; i < count_; ++i) sum += share(i);
    total_ = sum;
  }

  std::int64_t count() const { return count_; }
  std::int64_t element(std::int64_t i) const { return std::clamp<std::int64_t>(first_ + i, 0, input_ - 1); }
  double weight(std::int64_t i) const { return squeeze_ == 0 ? 1 : share(i) / total_; }

 private:
  double share(std::int64_t i) const {
    const std::int64_t p = first_ + i;
    if (exclude_ && (p < 0 || p >= input_)) return 0;
    const double distance = (position_ - static_cast<double>(p)) * squeeze_;
    return cubic_ ? cubic_weight(distance, a_) : std::max(0.0, 1 - std::abs(distance));
  }

  std::int64_t input_ = 1;
  std::int64_t first_ = 0;
  std::int64_t count_ = 0;
  double position_ = 0;
  double squeeze_ = 0;  // of distances; 0: a single element
  double a_ = 0;
  double total_ = 1;
  bool cubic_ = false;
  bool exclude_ = false;
};

using Axes = std::array<ResizeAxis, kMaxRank>;

Axes axes_of(const Buffers& b) {
  const Shape& x = b.layer.inputs.front().shape;
  const Shape& y = b.layer.outputs.front().shape;
  Axes axes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const double begin = b.has(1) ? operand(b, 1)[{axis}] : 0;
    const double end = b.has(1) ? operand(b, 1)[{axis + x.rank()}] : 1;
    std::optional<float> scale;
    if (b.has(2)) scale = static_cast<float>(operand(b, 2)[{axis}]);
    axes[static_cast<std::size_t>(axis)] = {b.attributes(), axis, x[axis], y[axis], begin, end, scale};
  }
  return axes;
}

// Elements of any type are copied as they are.
void resize_nearest(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto y = b.out<std::byte>();
  const Axes axes = axes_of(b);
  const Mover move(b);
  for_each_index(y.desc.shape, [&](const Index& out) {
    Index from{};
    bool outside = false;
    for (std::size_t k = 0; k < static_cast<std::size_t>(x.desc.shape.rank()); ++k) {
      outside = outside || axes[k].outside(out[k]);
      from[k] = axes[k].nearest(out[k]);
    }
    if (!outside) return move(y, out, x, from);
    store(y.desc.format.type, y.data, y.offset(out),
          static_cast<double>(b.attributes().real("extrapolation_value")));
  });
}

void interpolate(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const Axes axes = axes_of(b);
  const auto rank = static_cast<std::size_t>(x.rank());
  for_each_index(y.shape(), [&](const Index& out) {
    std::array<Taps, kMaxRank> all;
    Shape counts;
    for (std::size_t k = 0; k < rank; ++k) {
      all[k] = Taps(axes[k], x.extent(static_cast<int>(k)), out[k], b.attributes());
      counts.push_back(all[k].count());
    }
    if (counts.elements() == 0) return y.set(out, b.attributes().real("extrapolation_value"));
    double sum = 0;
    for_each_index(counts, [&](const Index& choice) {
      Index from{};
      double weight = 1;
      for (std::size_t k = 0; k < rank; ++k) {
        from[k] = all[k].element(choice[k]);
        weight *= all[k].weight(choice[k]);
      }
      sum += weight * x[from];
    });
    y.set(out, sum);
  });
}

void resize(const Buffers& b) {
  b.attributes().string("mode") == "nearest" ? resize_nearest(b) : interpolate(b);
}

Refusal supports_resize(const LayerDesc& layer, const Cpu& cpu) {
  const TensorDesc& x = layer.inputs.front();
  const std::size_t scales = layer.main().attributes.reals("scales").size();
  if (scales != 0 && scales != static_cast<std::size_t>(x.shape.rank())) return Refusal::attribute;
  if (x.shape.elements() == 0) return Refusal::shape;
  const DataType type = x.format.type;
  return type == layer.outputs.front().format.type ? any_number(layer, cpu) : Refusal::data_type;
}

constexpr auto kResizeEntries = kFamily<resize, supports_resize, "direct.any", Op::resize>;

}  // namespace

std::span<const Kernel* const> resize_entries() noexcept { return kResizeEntries; }

}  // namespace fettle::kernels::reference
