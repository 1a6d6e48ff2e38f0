// SPDX-License-Identifier: Apache-2.0
//
// Conversions from and to 8-bit quantised tensors: quantisation, its reverse, other scales, and layouts at
// the same time, in one pass over memory.
#pragma once

#include "kernels/common/algorithm.h"
#include "kernels/common/q8/bytes.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// What an instruction set brings. Lines do not overlap.
struct ConvertQ8Set {
  /// Real numbers to bytes, rounded half to even; NaN becomes the zero point.
  void (*quantise)(const float* from, std::uint8_t* to, std::int64_t count, float scale,
                   const Target& target) noexcept;
  /// Bytes to real numbers.
  void (*dequantise)(const std::uint8_t* from, float* to, std::int64_t count, float scale,
                     const Source& source) noexcept;
  /// Bytes to those of another quantisation, whose scale is `ratio` times as fine.
  void (*requantise)(const std::uint8_t* from, std::uint8_t* to, std::int64_t count, float ratio,
                     const Source& source, const Target& target) noexcept;
  /// to[c * to_pitch + r] = from[r * from_pitch + c].
  void (*turn)(const std::uint8_t* from, std::int64_t from_pitch, std::uint8_t* to, std::int64_t to_pitch,
               std::int64_t rows, std::int64_t columns) noexcept;
};

/// f32 to u8 or s8, the reverse, and between those, in nchw and nhwc and from one to the other. Equal to the
/// reference bit for bit.
struct ConvertQ8 {
  // In the order of preference: what consumes quantised pixels wants their channels together.
  static constexpr Signature kSignatures[] = {{Layout::nchw, Layout::nhwc},
                                              {Layout::nhwc, Layout::nhwc},
                                              {Layout::nchw, Layout::nchw},
                                              {Layout::nhwc, Layout::nchw}};
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const ConvertQ8Set& set, const BindArgs& args);
};

}  // namespace fettle::kernels
