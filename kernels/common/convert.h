// SPDX-License-Identifier: Apache-2.0
//
// Conversions between nchw, nhwc and nchwc. Where channels change places with pixels, squares as wide as a
// vector are turned in registers; between nhwc and nchwc vectors of channels are copied.
#pragma once

#include "kernels/common/algorithm.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels {

/// A rectangle of pixels and channels, and how far apart they lie on either side. One of `from_channel` and
/// `to_channel` is 1 at least: on that side a pixel's channels are neighbours; the other side may have
/// neighbouring pixels instead.
struct ConvertPiece {
  const float* from;
  float* to;
  std::int64_t from_pixel, from_channel;  ///< floats from one to the next
  std::int64_t to_pixel, to_channel;
  std::int64_t pixels;
  std::int64_t channels;
  std::int64_t written;  ///< channels written, the last of them zeros; `channels` where nothing is padded
};

using ConvertKernel = void (*)(const ConvertPiece& piece) noexcept;

/// What an instruction set brings.
struct ConvertSet {
  int lanes;
  ConvertKernel from_planes;  ///< neighbouring pixels become neighbouring channels
  ConvertKernel to_planes;    ///< the reverse
  ConvertKernel regroup;      ///< neighbouring channels stay neighbours; at most a vector of them
};

/// f32 of rank 3 and more, from each layout to each other. Blocks of nchwc are as large as a vector.
struct Convert {
  static constexpr Signature kSignatures[] = {
      {Layout::nchw, Layout::nhwc, DataType::f32},  {Layout::nhwc, Layout::nchw, DataType::f32},
      {Layout::nchw, Layout::nchwc, DataType::f32}, {Layout::nchwc, Layout::nchw, DataType::f32},
      {Layout::nhwc, Layout::nchwc, DataType::f32}, {Layout::nchwc, Layout::nhwc, DataType::f32}};
  static constexpr Striding kInputStriding = Striding::pixels;
  static constexpr Striding kOutputStriding = Striding::pixels;

  static Refusal supports(const ConvertSet& set, const LayerDesc& layer) noexcept;
  static Result<std::unique_ptr<BoundKernel>> bind(const ConvertSet& set, const BindArgs& args);
};

}  // namespace fettle::kernels
