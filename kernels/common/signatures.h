// SPDX-License-Identifier: Apache-2.0
//
// The signatures that many kernels offer, for one stored type; without one, for whatever the graph has.
#pragma once

#include <fettle/variant.h>

namespace fettle::kernels {

template <DataType type = DataType::undefined>
inline constexpr Signature kNchw[] = {{Layout::nchw, Layout::nchw, type}};
template <DataType type = DataType::undefined>
inline constexpr Signature kNhwc[] = {{Layout::nhwc, Layout::nhwc, type}};
template <DataType type = DataType::undefined>
inline constexpr Signature kNchwc[] = {{Layout::nchwc, Layout::nchwc, type}};
/// Output as the input: planes or pixels.
template <DataType type = DataType::undefined>
inline constexpr Signature kNchwNhwc[] = {{Layout::nchw, Layout::nchw, type},
                                          {Layout::nhwc, Layout::nhwc, type}};
/// Output as the input, in any layout.
template <DataType type = DataType::undefined>
inline constexpr Signature kSameLayout[] = {{Layout::nchw, Layout::nchw, type},
                                            {Layout::nhwc, Layout::nhwc, type},
                                            {Layout::nchwc, Layout::nchwc, type}};
/// From planes to pixels and back.
template <DataType type = DataType::undefined>
inline constexpr Signature kTurned[] = {{Layout::nchw, Layout::nhwc, type},
                                        {Layout::nhwc, Layout::nchw, type}};
/// Between planes and pixels, changed or not.
template <DataType type = DataType::undefined>
inline constexpr Signature kNchwNhwcAny[] = {{Layout::nchw, Layout::nchw, type},
                                             {Layout::nhwc, Layout::nhwc, type},
                                             {Layout::nchw, Layout::nhwc, type},
                                             {Layout::nhwc, Layout::nchw, type}};

inline constexpr DataType kF32 = DataType::f32;

/// Activations in f32, weights stored in another type.
template <DataType weights>
inline constexpr Signature kNchwWeights[] = {{{Layout::nchw, kF32}, {Layout::nchw, kF32}, weights}};

}  // namespace fettle::kernels
