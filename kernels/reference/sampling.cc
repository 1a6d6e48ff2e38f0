// SPDX-License-Identifier: Apache-2.0
//
// Operators that read an image between its pixels: GridSample and RoiAlign; AffineGrid, which says where.
// Where the last bit decides, which pixel is the nearest or how many points a cell has, positions are
// computed in the type of the coordinates, as other runtimes do: a grid that was made in float has its ties
// there.
#include "kernels/grid_places.h"
#include "kernels/larger.h"
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace fettle::kernels::reference {
namespace {

// One plane of a batch of pictures.
struct Plane {
  const Numbers<double>& x;
  std::int64_t batch;
  std::int64_t channel;

  std::int64_t height() const { return x.extent(2); }
  std::int64_t width() const { return x.extent(3); }
  double at(std::int64_t row, std::int64_t column) const { return x[{batch, channel, row, column}]; }
};

// What GridSample finds between the elements of a picture.
struct Grid : GridPlaces {
  using GridPlaces::GridPlaces;
  // What an element by its whole coordinates, which may lie outside, adds to a sum.
  template <typename Places>
  double element(const Numbers<double>& x, Index from, const Places& places) const {
    for (std::size_t k = 0; k + 2 < static_cast<std::size_t>(x.rank()); ++k) {
      const std::int64_t extent = x.extent(static_cast<int>(k) + 2);
      const double place = inside(places[k], extent);
      if (!(place >= 0 && place < static_cast<double>(extent))) return 0;
      from[k + 2] = static_cast<std::int64_t>(place);
    }
    return x[from];
  }
  double sample(const Numbers<double>& x, const Index& from, std::array<double, kMaxRank>& places) const;
};

double cubic(double distance) {
  constexpr double kA = -0.75;
  const double d = std::abs(distance);
  if (d <= 1) return ((kA + 2) * d - (kA + 3)) * d * d + 1;
  return d < 2 ? ((kA * d - 5 * kA) * d + 8 * kA) * d - 4 * kA : 0;
}

// Image and channel are in `from`; `places` are the coordinates, outermost first.
double Grid::sample(const Numbers<double>& x, const Index& from, std::array<double, kMaxRank>& places) const {
  const auto axes = static_cast<std::size_t>(x.rank() - 2);
  const bool wide = mode == "cubic";
  for (std::size_t k = 0; k < axes; ++k) {
    if (!std::isfinite(places[k])) return 0;
    if (!wide) places[k] = inside(places[k], x.extent(static_cast<int>(k) + 2));
    if (mode == "nearest") places[k] = std::nearbyint(places[k]);
  }
  if (mode == "nearest") return element(x, from, places);
  Shape taps;
  for (std::size_t k = 0; k < axes; ++k) taps.push_back(wide ? 4 : 2);
  double sum = 0;
  for_each_index(taps, [&](const Index& tap) {
    std::array<double, kMaxRank> at{};
    double weight = 1;
    for (std::size_t k = 0; k < axes; ++k) {
      at[k] = std::floor(places[k]) + static_cast<double>(tap[k] - (wide ? 1 : 0));
      const double distance = places[k] - at[k];
      weight *= wide ? cubic(distance) : 1 - std::abs(distance);
    }
    if (weight != 0) sum += weight * element(x, from, at);
  });
  return sum;
}

void grid_sample(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto coordinates = operand(b, 1);
  const auto y = result(b);
  const Grid grid(b.attributes(), b.layer.inputs[1].format.type);
  const auto axes = static_cast<std::size_t>(x.rank() - 2);
  for_each_index(y.shape(), [&](const Index& i) {
    Index point{i[0]};
    for (std::size_t k = 0; k < axes; ++k) point[k + 1] = i[k + 2];
    // The innermost axis comes first in a grid.
    std::array<double, kMaxRank> places{};
    for (std::size_t k = 0; k < axes; ++k) {
      point[axes + 1] = static_cast<std::int64_t>(axes - 1 - k);
      places[k] = grid.place(coordinates[point], x.extent(static_cast<int>(k) + 2));
    }
    y.set(i, grid.sample(x, {i[0], i[1]}, places));
  });
}

// The place of element `at` of an axis, from -1 to 1: of its middle, or with the ends of the axis at those of
// the elements.
double normal_place(std::int64_t at, std::int64_t extent, bool align_corners) {
  const auto x = static_cast<double>(at);
  const auto size = static_cast<double>(extent);
  if (!align_corners) return (2 * x + 1) / size - 1;
  return extent == 1 ? 0 : 2 * x / (size - 1) - 1;
}

void affine_grid(const Buffers& b) {
  const auto theta = operand(b, 0);
  const auto y = result(b);
  const bool align_corners = b.attributes().integer("align_corners") != 0;
  const int axes = y.rank() - 2;
  for_each_index(y.shape(), [&](const Index& i) {
    const std::int64_t row = i[static_cast<std::size_t>(axes) + 1];
    double sum = theta[{i[0], row, axes}];
    // The innermost axis comes first.
    for (int k = 0; k < axes; ++k) {
      const int axis = axes - k;
      sum += theta[{i[0], row, k}] *
             normal_place(i[static_cast<std::size_t>(axis)], y.extent(axis), align_corners);
    }
    y.set(i, sum);
  });
}

Refusal supports_grid_sample(const LayerDesc& layer, const Cpu& cpu) {
  const Shape& x = layer.inputs[0].shape;
  if (x.elements() == 0) return Refusal::shape;
  return same_real(layer, cpu);
}

// The weighted pixels of a sampling point, largest or summed.
double roi_point(const Plane& plane, double row, double column, bool largest) {
  if (!(row >= -1 && column >= -1 && row <= static_cast<double>(plane.height()) &&
        column <= static_cast<double>(plane.width())))
    return 0;
  const auto bounded = [](double place, std::int64_t extent) {
    return std::clamp(place, 0.0, static_cast<double>(extent - 1));
  };
  row = bounded(row, plane.height());
  column = bounded(column, plane.width());
  const auto top = static_cast<std::int64_t>(row);
  const auto left = static_cast<std::int64_t>(column);
  const double down = row - static_cast<double>(top);
  const double right = column - static_cast<double>(left);
  double sum = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const double weight = (i == 0 ? 1 - down : down) * (j == 0 ? 1 - right : right);
      const double value =
          weight * plane.at(std::min(top + i, plane.height() - 1), std::min(left + j, plane.width() - 1));
      sum += value;
      most = larger(most, value);
    }
  }
  return largest ? most : sum;
}

// The sampling points of a region's cells along one axis, in the input's pixels.
class Points {
 public:
  // A ratio of 0 asks for about a point a pixel.
  Points(double start, double cell, std::int64_t ratio) : start_(start), cell_(cell) {
    count_ = ratio > 0 ? static_cast<double>(ratio) : cell_ > 0 ? std::ceil(cell_) : 0;
  }
  double count() const { return count_; }
  double place(std::int64_t cell, std::int64_t point) const {
    return start_ + cell_ * (static_cast<double>(cell) + (static_cast<double>(point) + 0.5) / count_);
  }
  // All points of a cell but those that surely lie outside the picture, where they are 0: regions are data,
  // and may have more points than could ever be looked at.
  std::pair<std::int64_t, std::int64_t> inside(std::int64_t cell, std::int64_t extent) const {
    if (!(cell_ > 0)) return {0, static_cast<std::int64_t>(count_)};
    const auto point_at = [&](double place) {
      const double point = ((place - start_) / cell_ - static_cast<double>(cell)) * count_;
      return point > 0 ? std::min(point, count_) : 0;  // NaN too is 0
    };
    const double begin = std::floor(point_at(-2));
    const double end = std::ceil(point_at(static_cast<double>(extent) + 1));
    // A cell without end has points without number, and none that is a pixel's.
    return end < kMostPoints ? std::pair{static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)}
                             : std::pair<std::int64_t, std::int64_t>{};
  }

 private:
  static constexpr double kMostPoints = 1e15;
  double start_, cell_, count_;
};

// A region of interest in the input's pixels, and its division into cells.
struct Region {
  Points rows, columns;

  // In the coordinates' type, up to the size of a cell.
  template <typename Real>
  static Region of(const Numbers<double>& rois, std::int64_t roi, const Shape& y, const Attributes& a) {
    const auto scale = static_cast<Real>(a.real("spatial_scale"));
    const bool half_pixel = a.string("coordinate_transformation_mode") == "half_pixel";
    const Real shift = half_pixel ? Real{0.5} : Real{0};
    const std::int64_t ratio = a.integer("sampling_ratio");
    const auto points = [&](std::int64_t from, std::int64_t to, std::int64_t cells) {
      const Real begin = static_cast<Real>(rois[{roi, from}]) * scale - shift;
      Real length = static_cast<Real>(rois[{roi, to}]) * scale - shift - begin;
      if (!half_pixel) length = std::max(length, Real{1});
      const Real cell = length / static_cast<Real>(cells);
      return Points(static_cast<double>(begin), static_cast<double>(cell), ratio);
    };
    return {points(1, 3, y[2]), points(0, 2, y[3])};
  }
  static Region of(const Numbers<double>& rois, std::int64_t roi, DataType type, const Shape& y,
                   const Attributes& a) {
    return type == DataType::f64 ? of<double>(rois, roi, y, a) : of<float>(rois, roi, y, a);
  }
};

// One cell of a region: the mean or the largest of its points.
double roi_cell(const Plane& plane, const Region& region, std::int64_t row, std::int64_t column,
                bool largest) {
  const double count = region.rows.count() * region.columns.count();
  if (!(count > 0)) return 0;
  const auto [top, bottom] = region.rows.inside(row, plane.height());
  const auto [left, right] = region.columns.inside(column, plane.width());
  double sum = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = top; i < bottom; ++i) {
    for (std::int64_t j = left; j < right; ++j) {
      const double value =
          roi_point(plane, region.rows.place(row, i), region.columns.place(column, j), largest);
      sum += value;
      most = larger(most, value);
    }
  }
  if (!largest) return sum / count;
  const bool all = static_cast<double>(bottom - top) * static_cast<double>(right - left) == count;
  return all ? most : larger(most, 0.0);
}

// Operands: pictures, regions, and which picture each region is of.
void roi_align(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto rois = operand(b, 1);
  const auto batches = operand<std::int64_t>(b, 2);
  const auto y = result(b);
  const bool largest = b.attributes().string("mode") == "max";
  for_each_index(y.shape(), [&](const Index& i) {
    const Region region = Region::of(rois, i[0], b.layer.inputs[1].format.type, y.shape(), b.attributes());
    const Plane plane{x, std::clamp<std::int64_t>(batches[{i[0]}], 0, x.extent(0) - 1), i[1]};
    y.set(i, roi_cell(plane, region, i[2], i[3], largest));
  });
}

Refusal supports_roi_align(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs[0].format.type;
  if (kind_of(type) != Kind::real || layer.outputs[0].format.type != type) return Refusal::data_type;
  return layer.inputs[0].shape.elements() == 0 ? Refusal::shape : any_number(layer, cpu);
}

constexpr auto kSamplingEntries =
    join(kFamily<grid_sample, supports_grid_sample, "direct.any", Op::grid_sample>,
         kFamily<affine_grid, same_real, "direct.any", Op::affine_grid>,
         kFamily<roi_align, supports_roi_align, "direct.any", Op::roi_align>);

}  // namespace

std::span<const Kernel* const> sampling_entries() noexcept { return kSamplingEntries; }

}  // namespace fettle::kernels::reference
