// SPDX-License-Identifier: Apache-2.0
//
// Resize: nearest, linear and cubic, one axis after the other. ONNX operator specification, Resize-13.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace fettle::kernels::reference {
namespace {

struct Axis {
  std::int64_t input;
  std::int64_t output;
  double scale;
  double begin;  // of the region of interest, as a share of the axis
  double end;
};

double source_position(const Axis& axis, std::int64_t at, std::string_view mode) {
  const auto x = static_cast<double>(at);
  if (mode == "tf_crop_and_resize") {
    const auto last = static_cast<double>(axis.input - 1);
    if (axis.output == 1) return 0.5 * (axis.begin + axis.end) * last;
    return (axis.begin + x * (axis.end - axis.begin) / static_cast<double>(axis.output - 1)) * last;
  }
  if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (mode == "asymmetric") return x / axis.scale;
  if (mode == "align_corners")
    return axis.output == 1 ? 0
                            : x * static_cast<double>(axis.input - 1) / static_cast<double>(axis.output - 1);
  if (mode == "pytorch_half_pixel" && axis.output <= 1) return 0;
  return (x + 0.5) / axis.scale - 0.5;
}

std::int64_t nearest(double position, std::string_view mode) {
  if (mode == "floor") return static_cast<std::int64_t>(std::floor(position));
  if (mode == "ceil") return static_cast<std::int64_t>(std::ceil(position));
  if (mode == "round_prefer_ceil") return static_cast<std::int64_t>(std::floor(position + 0.5));
  return static_cast<std::int64_t>(std::ceil(position - 0.5));
}

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

double cubic_weight(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// The input positions that an output position mixes.
Taps taps(const Axis& axis, std::int64_t at, const Attributes& attributes) {
  const std::string_view transformation = attributes.string("coordinate_transformation_mode");
  const bool crops = transformation == "tf_crop_and_resize";
  if (axis.input == axis.output && axis.scale == 1 && !crops) {
    Taps same;
    same.add({at, 1});
    return same;
  }
  double position = source_position(axis, at, transformation);
  if (!std::isfinite(position)) position = -1;
  Taps result;
  // What a crop takes from outside is not the picture's.
  if (crops && (position < 0 || position > static_cast<double>(axis.input - 1))) return result;
  const std::string_view mode = attributes.string("mode");
  if (mode == "nearest") {
    result.add({nearest(position, attributes.string("nearest_mode")), 1});
  } else {
    const auto floor = static_cast<std::int64_t>(std::floor(position));
    const bool cubic = mode == "cubic";
    const double a = attributes.real("cubic_coeff_a", -0.75f);
    double sum = 0;
    for (std::int64_t p = floor - (cubic ? 1 : 0); p <= floor + (cubic ? 2 : 1); ++p) {
      const double distance = position - static_cast<double>(p);
      double weight = cubic ? cubic_weight(distance, a) : 1 - std::abs(distance);
      if (attributes.integer("exclude_outside") != 0 && (p < 0 || p >= axis.input)) weight = 0;
      sum += weight;
      result.add({p, weight});
    }
    for (Tap& tap : result.all()) tap.weight /= sum;
  }
  for (Tap& tap : result.all()) tap.position = std::clamp<std::int64_t>(tap.position, 0, axis.input - 1);
  return result;
}

void resize(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const auto scales = b.attributes().reals("scales");
  const int rank = x.rank();
  for_each_index(y.shape(), [&](const Index& out) {
    std::array<Taps, kMaxRank> all;
    Shape counts;
    for (int axis = 0; axis < rank; ++axis) {
      const auto k = static_cast<std::size_t>(axis);
      const double begin = b.has(1) ? operand(b, 1)[{axis}] : 0;
      const double end = b.has(1) ? operand(b, 1)[{axis + rank}] : 1;
      all[k] = taps({x.extent(axis), y.extent(axis), scales[k], begin, end}, out[k], b.attributes());
      counts.push_back(static_cast<std::int64_t>(all[k].count));
    }
    if (counts.elements() == 0) return y.set(out, b.attributes().real("extrapolation_value"));
    double sum = 0;
    for_each_index(counts, [&](const Index& choice) {
      Index from{};
      double weight = 1;
      for (int axis = 0; axis < rank; ++axis) {
        const auto k = static_cast<std::size_t>(axis);
        const Tap& tap = all[k].taps[static_cast<std::size_t>(choice[k])];
        from[k] = tap.position;
        weight *= tap.weight;
      }
      sum += weight * x[from];
    });
    y.set(out, sum);
  });
}

Refusal supports_resize(const LayerDesc& layer, const Cpu& cpu) {
  const TensorDesc& x = layer.inputs.front();
  if (layer.main().attributes.reals("scales").size() != static_cast<std::size_t>(x.shape.rank()))
    return Refusal::attribute;
  if (x.shape.elements() == 0) return Refusal::shape;
  const DataType type = x.format.type;
  return type == layer.outputs.front().format.type ? any_number(layer, cpu) : Refusal::data_type;
}

constexpr auto kRows = kFamily<resize, supports_resize, "direct.any", Op::resize>;

}  // namespace

std::span<const Kernel* const> resize_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::reference
