// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of whole vectors, or of the first lanes where channels end. Included by the files of
// instruction sets alone, as tile_loop.h is.
#pragma once

namespace fettle::kernels {

template <typename Simd, bool kTail>
inline typename Simd::Vector load_lanes(const float* p, typename Simd::Mask mask) noexcept {
  if constexpr (kTail)
    return Simd::load(p, mask);
  else
    return Simd::load(p);
}

template <typename Simd, bool kTail>
inline void store_lanes(float* p, typename Simd::Vector x, typename Simd::Mask mask) noexcept {
  if constexpr (kTail)
    Simd::store(p, x, mask);
  else
    Simd::store(p, x);
}

/// The same where it is known at run time alone, `whole` for all lanes: some cores take ten times as long
/// over a store with a mask, whatever is in it.
template <typename Simd>
inline void store_some(float* p, typename Simd::Vector x, bool whole, typename Simd::Mask mask) noexcept {
  if (whole)
    Simd::store(p, x);
  else
    Simd::store(p, x, mask);
}

}  // namespace fettle::kernels
