// SPDX-License-Identifier: Apache-2.0
//
// Where the elements of a resized axis come from, by ONNX's rules (Resize-13), for every kernel that resizes.
//
// Nearest neighbours jump, so that the last bit of a position decides which element is taken. Where the
// extents say the scale (ONNX's `sizes`), positions are ratios of whole numbers and are compared as such.
// Where the model gives scales, these are floats, rounded already: positions are then computed in float too,
// operation by operation as other runtimes do, which brings the position that was meant back more often than
// double would: 4 / 1.3333334f is 3 in float, and less than 3 in double. Interpolation has no jumps and takes
// the same positions in double.
#pragma once

#include <fettle/op.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fettle::kernels {

/// How the nearest of two elements is chosen.
enum class NearestMode : std::uint8_t { floor, ceil, prefer_floor, prefer_ceil };

/// One axis of a resized tensor.
class ResizeAxis {
 public:
  /// One element, which stays.
  ResizeAxis() = default;
  /// Axis `axis` of a canonical layer (op.h), with `in` and `out` elements, 2^30 at most. `begin` and `end`
  /// are the region of interest as shares of the axis, for tf_crop_and_resize; `computed` is the scale where
  /// it is computed.
  ResizeAxis(const Attributes& attributes, int axis, std::int64_t in, std::int64_t out, double begin = 0,
             double end = 1, std::optional<float> computed = {}) noexcept
      : in_(in), out_(out), begin_(begin), end_(end) {
    const auto scales = attributes.reals("scales");
    const std::string_view mode = attributes.string("coordinate_transformation_mode");
    const bool by_extents = scales.empty() && !computed;
    if (!by_extents) scale_ = computed ? *computed : scales[static_cast<std::size_t>(axis)];
    const bool shrinks = by_extents ? out < in : scale_ < 1;
    nearest_ = nearest_mode(attributes.string("nearest_mode"), shrinks);
    const bool same = by_extents ? in == out : scale_ == 1;
    if (mode == "tf_crop_and_resize")
      kind_ = Kind::crop;
    else if (same)
      set_ratio(1, 0, 1);
    else if (mode == "align_corners")
      out == 1 ? set_ratio(0, 0, 1) : set_ratio(in - 1, 0, out - 1);
    else if (mode == "pytorch_half_pixel" && out <= 1)
      set_ratio(0, 0, 1);
    else
      set_scaled(mode, by_extents);
  }

  /// The position in the input, in elements; before the first and behind the last ones too.
  double position(std::int64_t at) const noexcept {
    const auto x = static_cast<double>(at);
    switch (kind_) {
      case Kind::ratio:
        return static_cast<double>(at * step_ + shift_) / static_cast<double>(divisor_);
      case Kind::scaled:
        return (x + static_cast<double>(before_)) / static_cast<double>(scale_) - static_cast<double>(after_);
      case Kind::crop:
        break;
    }
    const auto last = static_cast<double>(in_ - 1);
    if (out_ == 1) return 0.5 * (begin_ + end_) * last;
    return begin_ * last + x * (end_ - begin_) * last / static_cast<double>(out_ - 1);
  }

  /// The nearest element of the input.
  std::int64_t nearest(std::int64_t at) const noexcept {
    if (kind_ == Kind::ratio) return std::clamp<std::int64_t>(nearest_of_ratio(at), 0, in_ - 1);
    const double place = kind_ == Kind::crop ? position(at) : static_cast<double>(scaled_position(at));
    // A scale may be next to nothing, and its positions beyond all integers, or no numbers.
    return static_cast<std::int64_t>(
        std::clamp(nearest_of(std::isnan(place) ? 0 : place), 0.0, static_cast<double>(in_ - 1)));
  }

  /// How many elements of the result there are for one of the input.
  double scale() const noexcept {
    if (kind_ == Kind::scaled) return static_cast<double>(scale_);
    return static_cast<double>(out_) / static_cast<double>(in_);
  }

  /// Whether a crop reaches beyond the input here, so that there is nothing to take.
  bool outside(std::int64_t at) const noexcept {
    if (kind_ != Kind::crop) return false;
    const double place = position(at);
    return !(place >= 0 && place <= static_cast<double>(in_ - 1));  // NaN too
  }
  /// Whether each element is that of the same number.
  bool is_identity() const noexcept { return kind_ == Kind::ratio && in_ == out_ && step_ == divisor_; }

 private:
  enum class Kind : std::uint8_t { ratio, scaled, crop };

  static NearestMode nearest_mode(std::string_view word, bool shrinks) noexcept {
    if (word == "floor_or_ceil") return shrinks ? NearestMode::ceil : NearestMode::floor;
    if (word == "floor") return NearestMode::floor;
    if (word == "ceil") return NearestMode::ceil;
    return word == "round_prefer_ceil" ? NearestMode::prefer_ceil : NearestMode::prefer_floor;
  }

  // Positions (at * step + shift) / divisor.
  void set_ratio(std::int64_t step, std::int64_t shift, std::int64_t divisor) noexcept {
    kind_ = Kind::ratio;
    step_ = step;
    shift_ = shift;
    divisor_ = divisor;
  }

  // (x + before) / scale - after
  void set_scaled(std::string_view mode, bool by_extents) noexcept {
    before_ = mode == "asymmetric" ? 0.0f : 0.5f;
    after_ = mode == "tf_half_pixel_for_nn" ? 0.0f : before_;
    // The result may end before the input does: what is left over is divided between both ends.
    if (mode == "half_pixel_symmetric") {
      const float whole = scale_ * static_cast<float>(in_);
      after_ -= static_cast<float>(in_) / 2 * (1 - static_cast<float>(out_) / whole);
    }
    kind_ = Kind::scaled;
    if (!by_extents) return;
    const std::int64_t half_in = before_ == 0 ? 0 : in_;
    const std::int64_t half_out = after_ == 0 ? 0 : out_;
    set_ratio(2 * in_, half_in - half_out, 2 * out_);
  }

  float scaled_position(std::int64_t at) const noexcept {
    return (static_cast<float>(at) + before_) / scale_ - after_;
  }

  static std::int64_t floor_of(std::int64_t numerator, std::int64_t divisor) noexcept {
    const std::int64_t whole = numerator / divisor;
    return numerator % divisor < 0 ? whole - 1 : whole;
  }

  std::int64_t nearest_of_ratio(std::int64_t at) const noexcept {
    const std::int64_t numerator = at * step_ + shift_;
    switch (nearest_) {
      case NearestMode::floor:
        return floor_of(numerator, divisor_);
      case NearestMode::ceil:
        return -floor_of(-numerator, divisor_);
      case NearestMode::prefer_ceil:
        return floor_of(2 * numerator + divisor_, 2 * divisor_);
      case NearestMode::prefer_floor:
        break;
    }
    return -floor_of(divisor_ - 2 * numerator, 2 * divisor_);
  }

  double nearest_of(double place) const noexcept {
    switch (nearest_) {
      case NearestMode::floor:
        return std::floor(place);
      case NearestMode::ceil:
        return std::ceil(place);
      case NearestMode::prefer_ceil:
        return std::floor(place + 0.5);
      case NearestMode::prefer_floor:
        break;
    }
    return std::ceil(place - 0.5);
  }

  std::int64_t in_ = 1;
  std::int64_t out_ = 1;
  double begin_ = 0;
  double end_ = 1;
  Kind kind_ = Kind::ratio;
  NearestMode nearest_ = NearestMode::prefer_floor;
  std::int64_t step_ = 1, shift_ = 0, divisor_ = 1;
  float scale_ = 1, before_ = 0, after_ = 0;
};

}  // namespace fettle::kernels
