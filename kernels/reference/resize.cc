// SPDX-License-Identifier: Apache-2.0
//
// Resize: nearest, linear and cubic, one axis after the other. ONNX operator specification, Resize-13.
#include "kernels/reference/numbers.h"
#include "kernels/resize_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace fettle::kernels::reference {
namespace {

struct Tap {
  std::int64_t position;
  double weight;
};

// At most four along an axis; no heap memory, since running must not allocate.
struct Taps {
  std::array<Tap, 4> taps{};
  std::size_t count = 0;

  void add(Tap tap) { taps[count++] = tap; }
  std::span<Tap> all() { return {taps.data(), count}; }
};

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

// The input positions that an output position mixes; none outside of a crop, which is not the image's.
Taps taps(const ResizeAxis& axis, std::int64_t input, std::int64_t at, const Attributes& attributes) {
  Taps result;
  if (axis.outside(at)) return result;
  if (axis.is_identity()) {
    result.add({axis.nearest(at), 1});
    return result;
  }
  const double position = bounded(axis.position(at), input);
  const auto floor = static_cast<std::int64_t>(std::floor(position));
  const bool cubic = attributes.string("mode") == "cubic";
  const double a = attributes.real("cubic_coeff_a", -0.75f);
  double sum = 0;
  for (std::int64_t p = floor - (cubic ? 1 : 0); p <= floor + (cubic ? 2 : 1); ++p) {
    const double distance = position - static_cast<double>(p);
    if (attributes.integer("exclude_outside") != 0 && (p < 0 || p >= input)) continue;
    const double weight = cubic ? cubic_weight(distance, a) : 1 - std::abs(distance);
    sum += weight;
    result.add({std::clamp<std::int64_t>(p, 0, input - 1), weight});
  }
  for (Tap& tap : result.all()) tap.weight /= sum;
  return result;
}

using Axes = std::array<ResizeAxis, kMaxRank>;

Axes axes_of(const Buffers& b) {
  const Shape& x = b.layer.inputs.front().shape;
  const Shape& y = b.layer.outputs.front().shape;
  Axes axes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const double begin = b.has(1) ? operand(b, 1)[{axis}] : 0;
    const double end = b.has(1) ? operand(b, 1)[{axis + x.rank()}] : 1;
    axes[static_cast<std::size_t>(axis)] = {b.attributes(), axis, x[axis], y[axis], begin, end};
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
      all[k] = taps(axes[k], x.extent(static_cast<int>(k)), out[k], b.attributes());
      counts.push_back(static_cast<std::int64_t>(all[k].count));
    }
    if (counts.elements() == 0) return y.set(out, b.attributes().real("extrapolation_value"));
    double sum = 0;
    for_each_index(counts, [&](const Index& choice) {
      Index from{};
      double weight = 1;
      for (std::size_t k = 0; k < rank; ++k) {
        const Tap& tap = all[k].taps[static_cast<std::size_t>(choice[k])];
        from[k] = tap.position;
        weight *= tap.weight;
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
