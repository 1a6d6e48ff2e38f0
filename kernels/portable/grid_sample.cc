// SPDX-License-Identifier: Apache-2.0
//
// GridSample of pictures (warping, optical flow, spatial transformers): the four neighbours of a point and
// their weights are found once for all channels.
#include "kernels/grid_places.h"
#include "kernels/portable/portable.h"

#include <array>
#include <cmath>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kPointsTogether = 64;
constexpr std::size_t kNeighbours = 4;

// Elements of a plane that a point mixes; those without weight are not looked at.
struct MixedPoint {
  std::array<std::int32_t, kNeighbours> element;
  std::array<float, kNeighbours> weight;
};

class PlaneGrid {
 public:
  PlaneGrid(const Call& call)
      : places_(call.attributes(), DataType::f32),
        height_(call.layer.inputs[0].shape[2]),
        width_(call.layer.inputs[0].shape[3]) {}

  MixedPoint mixture(const float* point) const {
    MixedPoint mixed{};
    double x = places_.place(static_cast<double>(point[0]), width_);
    double y = places_.place(static_cast<double>(point[1]), height_);
    if (!std::isfinite(x) || !std::isfinite(y)) return mixed;
    x = places_.inside(x, width_), y = places_.inside(y, height_);
    if (places_.mode == "nearest") {
      add(mixed, 0, std::nearbyint(y), std::nearbyint(x), 1);
      return mixed;
    }
    const double left = std::floor(x), top = std::floor(y);
    for (std::size_t i = 0; i < kNeighbours; ++i) {
      const double row = top + static_cast<double>(i / 2);
      const double column = left + static_cast<double>(i % 2);
      add(mixed, i, row, column, (1 - std::abs(y - row)) * (1 - std::abs(x - column)));
    }
    return mixed;
  }

 private:
  void add(MixedPoint& mixed, std::size_t i, double row, double column, double weight) const {
    row = places_.inside(row, height_), column = places_.inside(column, width_);
    const bool there =
        row >= 0 && column >= 0 && row < static_cast<double>(height_) && column < static_cast<double>(width_);
    if (!there || weight == 0) return;
    mixed.element[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(row) * width_ +
                                                 static_cast<std::int64_t>(column));
    mixed.weight[i] = static_cast<float>(weight);
  }

  const GridPlaces places_;
  const std::int64_t height_, width_;
};

void sample_grid(const Call& call) {
  const PlaneGrid grid(call);
  const Shape& x = call.layer.inputs[0].shape;
  const Shape& y = call.layer.outputs[0].shape;
  const std::int64_t points = y[2] * y[3];
  const std::int64_t plane = x[2] * x[3];
  const std::int64_t blocks = (points + kPointsTogether - 1) / kPointsTogether;
  call.parallel(x[0] * blocks, [&](std::int64_t begin, std::int64_t end, int) {
    std::array<MixedPoint, kPointsTogether> mixed;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks;
      const std::int64_t first = i % blocks * kPointsTogether;
      const std::int64_t count = std::min(kPointsTogether, points - first);
      for (std::int64_t k = 0; k < count; ++k)
        mixed[static_cast<std::size_t>(k)] = grid.mixture(call.in(1) + (image * points + first + k) * 2);
      for (std::int64_t c = 0; c < x[1]; ++c) {
        const float* from = call.in(0) + (image * x[1] + c) * plane;
        float* to = call.out() + (image * x[1] + c) * points + first;
        for (std::int64_t k = 0; k < count; ++k) {
          const MixedPoint& m = mixed[static_cast<std::size_t>(k)];
          float sum = 0;
          for (std::size_t n = 0; n < kNeighbours; ++n) {
            if (m.weight[n] != 0) sum += m.weight[n] * from[m.element[n]];
          }
          to[k] = sum;
        }
      }
    }
  });
}

Refusal supports_plane_grid(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 2 || layer.outputs.size() != 1) return Refusal::op;
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  if (layer.main().attributes.string("mode") == "cubic") return Refusal::attribute;
  const std::int64_t plane = layer.inputs[0].shape[2] * layer.inputs[0].shape[3];
  if (plane > (std::int64_t{1} << 30)) return Refusal::too_large;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

constexpr Op kGridSampleOp[] = {Op::grid_sample};
constexpr Kernel kGridSample =
    entry<sample_grid>("grid_sample.points.f32.portable", kGridSampleOp, kNchw<kF32>, supports_plane_grid);
constexpr const Kernel* kGridSampleEntries[] = {kept(kGridSample)};

}  // namespace

std::span<const Kernel* const> grid_sample_entries() noexcept { return kGridSampleEntries; }

}  // namespace fettle::kernels::portable
