// SPDX-License-Identifier: Apache-2.0
//
// Quantised depthwise convolutions in nhwc (int8 depthwise). For each row of the result, the rows of the
// input under its windows are interleaved once: the bytes of some taps of a column lie together for each
// channel, as the instructions want them that multiply and add up neighbours. Each column then serves all
// windows that it is in. Where there are few channels, a register holds several pixels.
//
// Interleaved columns lie in planes, one for each vector that a register of bytes becomes: unpacking 64 bytes
// of four taps gives four vectors of quads. Columns under windows that are a stride apart are neighbours in
// them, so that those of several windows are read as one vector:
//
//   group of taps | phase (column % stride) | plane | column / stride | channels of the plane | taps
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/q8/bytes.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Taps of a column that may be interleaved.
inline constexpr int kMostTapsTogether = 4;
/// Numbers of pixels in a register: 1, 2, 4.
inline constexpr int kPixelCounts = 3;

/// Columns of a block of channels, of some neighbouring rows of the input.
struct InterleaveQ8 {
  const std::uint8_t* rows[kMostTapsTogether];  ///< each row's first pixel; null: nothing but `zero`
  std::int64_t pixel_pitch;                     ///< bytes from one pixel to the next
  std::int64_t pixels;
  std::int64_t channels;  ///< of the block that there are
  std::uint8_t zero;      ///< the zero point, before `flip`
  std::uint8_t flip;      ///< 0x80 turns bytes into what the set multiplies
  std::byte* to;          ///< the first pixel in the first plane; up to a register behind the last is written
  std::int64_t plane_step;  ///< bytes from one plane to the next
};

/// A row of the result, for a block of channels.
struct DepthwiseQ8Row {
  const std::byte* columns;   ///< interleaved, of the first window's first column
  std::int64_t plane_step;    ///< bytes from one plane to the next
  std::int64_t group_step;    ///< bytes from some taps of columns to the next
  std::int64_t stride;        ///< phases that there are
  std::int64_t phases;        ///< from a window's column to its next one
  std::int64_t column_step;   ///< bytes likewise
  std::int64_t turn_step;     ///< bytes more where that is beyond the last phase
  std::int64_t groups;        ///< of taps of a column
  std::int64_t kernel_w;      ///< columns of a window
  const std::byte* weights;   ///< for each group and column: 4 bytes for each channel, in the set's order
  std::int32_t factor;        ///< of the sum of a window's bytes, which is added to its sum; mostly 0
  int last_taps;              ///< how many taps of the last group count for it
  const std::int32_t* begin;  ///< what sums begin with, in that order
  const float* scale;         ///< likewise
  float low, high;            ///< bounds of what is rounded: without the zero point
  std::int32_t zero;          ///< added to what is rounded
  std::uint8_t flip;          ///< 0x80: results are s8
  std::uint8_t* output;
  std::int64_t output_pitch;  ///< bytes from one pixel to the next
  std::int64_t pixels;
  std::int64_t channels;  ///< of the block that there are
};

/// What an instruction set brings.
struct DepthwiseQ8Set {
  int bytes;         ///< of a register: so many channels of a pixel, or fewer of several
  int taps;          ///< interleaved: 4, or 2 or 1 of 16 bits
  int weight_bytes;  ///< of a stored weight: 1 (s8) or 2 (s16)
  /// For 1, 2 and 4 pixels in a register; null where it holds no 16 channels of each.
  void (*interleave[kPixelCounts])(const InterleaveQ8& columns) noexcept;
  void (*row[kPixelCounts])(const DepthwiseQ8Row& row) noexcept;
  bool signed_rows;  ///< multiplies inputs of s8, else u8

  /// Vectors that a register of bytes becomes, and bytes of a channel in all of them.
  int planes() const noexcept { return taps * weight_bytes; }
  std::uint8_t flip_of(DataType type) const noexcept { return flip_to(signed_rows, type); }
  int zero_of(const Format& format) const noexcept { return zero_among(signed_rows, format); }
};

/// u8 or s8, one filter for each channel, any window, strides and dilations. Equal to the reference bit for
/// bit.
struct DepthwiseQ8 {
  static constexpr std::span<const Signature> kSignatures = kNhwc<>;
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static std::size_t workspace_bytes(const DepthwiseQ8Set& set, const LayerDesc& layer, int threads);
  static std::size_t packed_bytes(const DepthwiseQ8Set& set, const LayerDesc& layer);
  static Status pack(const DepthwiseQ8Set& set, const LayerDesc& layer,
                     std::span<const ConstantBytes> constants, std::span<std::byte> packed);
  static Result<std::unique_ptr<BoundKernel>> bind(const DepthwiseQ8Set& set, const BindArgs& args);
};

}  // namespace fettle::kernels
