// SPDX-License-Identifier: Apache-2.0
//
// Resize: nearest, linear and cubic, one axis after the other. ONNX operator specification, Resize-13.
#include "kernels/reference/numbers.h"
#include "kernels/resize_axis.h"
#include "kernels/resize_taps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace fettle::kernels::reference {
namespace {

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
    std::array<ResizeTaps, kMaxRank> all;
    Shape counts;
    for (std::size_t k = 0; k < rank; ++k) {
      all[k] = ResizeTaps(axes[k], x.extent(static_cast<int>(k)), out[k], b.attributes());
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
