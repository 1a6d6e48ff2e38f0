// SPDX-License-Identifier: Apache-2.0
//
// Where GridSample takes elements from, by ONNX's rules (GridSample-16, 20), for every kernel of it.
#pragma once

#include <fettle/op.h>
#include <fettle/types.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace fettle::kernels {

/// How GridSample maps coordinates to places in a picture, and folds those outside of it.
struct GridPlaces {
  std::string_view mode;
  std::string_view padding;
  bool align_corners;
  bool in_float;

  GridPlaces(const Attributes& a, DataType coordinates)
      : mode(a.string("mode")),
        padding(a.string("padding_mode")),
        align_corners(a.integer("align_corners") != 0),
        in_float(mode == "nearest" && coordinates != DataType::f64) {}

  double place(double coordinate, std::int64_t extent) const {
    if (in_float) return static_cast<double>(place_of(static_cast<float>(coordinate), extent));
    return place_of(coordinate, extent);
  }
  template <typename Real>
  Real place_of(Real coordinate, std::int64_t extent) const {
    const auto size = static_cast<Real>(extent);
    return align_corners ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  }
  /// Folds a place back into the picture as a mirror at its edges would.
  double reflect(double place, std::int64_t extent) const {
    const double low = align_corners ? 0 : -0.5;
    const double high = static_cast<double>(extent) - (align_corners ? 1 : 0.5);
    const double span = high - low;
    if (!(span > 0) || !std::isfinite(place)) return 0;
    const double offset = std::fmod(std::abs(place - low), 2 * span);
    return low + (offset > span ? 2 * span - offset : offset);
  }
  double inside(double place, std::int64_t extent) const {
    if (padding == "reflection") place = reflect(place, extent);
    if (padding == "zeros") return place;
    return std::clamp(place, 0.0, static_cast<double>(extent - 1));
  }
};

}  // namespace fettle::kernels
