// SPDX-License-Identifier: Apache-2.0
//
// Data types, shapes, layouts and formats: how a value's numbers are typed and where they lie.
#pragma once

#include <fettle/export.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fettle {

/// The element types of ONNX that a CPU has or can convert. `boolean` is one byte, 0 or 1. Of those of 8 and
/// fewer bits from `f8e4m3fn` on, each element is a byte, too, in its lowest bits (s4 and s2 with the sign in
/// all bits above); only model files hold several in one. Casts and (de)quantisation compute with them, other
/// operators move them.
enum class DataType : std::uint8_t {
  undefined,
  f32,
  f16,
  bf16,
  f64,
  s8,
  u8,
  s16,
  u16,
  s32,
  u32,
  s64,
  u64,
  boolean,
  f8e4m3fn,
  f8e4m3fnuz,
  f8e5m2,
  f8e5m2fnuz,
  f8e8m0,
  f4e2m1,
  s4,
  u4,
  s2,
  u2
};

/// Bytes of one element; 0 for `undefined`.
FETTLE_API std::size_t size_of(DataType type) noexcept;
/// "f32", "s8", ...
FETTLE_API std::string_view to_string(DataType type) noexcept;
/// The inverse of to_string; `undefined` when the text names no type.
FETTLE_API DataType data_type_from_string(std::string_view text) noexcept;

/// More dimensions than any operator of ONNX's vision, audio and sensor networks needs.
inline constexpr int kMaxRank = 8;

/// The extents of a tensor, outermost first, always in ONNX order (N, C, H, W for pictures) whatever the
/// layout. A value type without heap memory. Rank 0 is a scalar with one element.
class Shape {
 public:
  Shape() = default;
  /// Takes at most kMaxRank extents; more are cut off, so check untrusted ranks first.
  FETTLE_API Shape(std::initializer_list<std::int64_t> dims) noexcept;
  FETTLE_API explicit Shape(std::span<const std::int64_t> dims) noexcept;

  int rank() const noexcept { return rank_; }
  std::int64_t operator[](int axis) const noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  std::span<const std::int64_t> dims() const noexcept {
    return {dims_.data(), static_cast<std::size_t>(rank_)};
  }
  const std::int64_t* begin() const noexcept { return dims_.data(); }
  const std::int64_t* end() const noexcept { return dims_.data() + rank_; }
  /// Product of the extents. Shapes inside a model have been checked not to overflow.
  FETTLE_API std::int64_t elements() const noexcept;
  /// Appends an extent; ignored at kMaxRank.
  FETTLE_API void push_back(std::int64_t extent) noexcept;
  /// "1x3x224x224"; "scalar" for rank 0.
  FETTLE_API std::string text() const;
  FETTLE_API friend bool operator==(const Shape& a, const Shape& b) noexcept;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

/// Where a tensor's elements lie in memory.
/// `nchw`: row-major in ONNX order, for tensors of any rank. `nhwc`: axis 1 (channels) innermost, for rank 3
/// and more. `nchwc`: channels in blocks of `Format::block`, the block innermost, the last block padded with
/// zeros. Tensors of rank 2 and less are always `nchw`.
enum class Layout : std::uint8_t { nchw, nhwc, nchwc };

/// "nchw", "nhwc", "nchwc".
FETTLE_API std::string_view to_string(Layout layout) noexcept;
/// The inverse of to_string; nothing when the text names no layout.
FETTLE_API std::optional<Layout> layout_from_string(std::string_view text) noexcept;

/// Layout, data type and, for quantised values, scale and zero point: real = scale * (stored - zero_point).
struct Format {
  Layout layout = Layout::nchw;
  DataType type = DataType::f32;
  std::uint8_t block = 0;       ///< channels in a block; 0 unless `nchwc`
  float scale = 0;              ///< 0 for values that are not quantised
  std::int32_t zero_point = 0;  ///< 0 for values that are not quantised

  friend bool operator==(const Format&, const Format&) = default;
};

/// Distance in elements between neighbours along each logical axis (ONNX order). For `nchwc`, axis 1's entry
/// is the distance between neighbouring blocks; inside a block the distance is 1.
using Strides = std::array<std::int64_t, kMaxRank>;

/// The strides of a tensor that lies densely in `format`.
FETTLE_API Strides dense_strides(const Shape& shape, const Format& format) noexcept;
/// Bytes that a dense tensor of this shape and format occupies (blocks padded).
FETTLE_API std::size_t dense_bytes(const Shape& shape, const Format& format) noexcept;

}  // namespace fettle
