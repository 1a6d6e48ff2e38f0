// SPDX-License-Identifier: Apache-2.0
//
// The larger and the smaller of two numbers as ONNX has them: NaN if one of them is. std::max and std::min
// keep or lose it, depending on which one it is.
#pragma once

namespace fettle::kernels {

template <typename T>
constexpr T larger(T a, T b) noexcept {
  return b > a || b != b ? b : a;
}

template <typename T>
constexpr T smaller(T a, T b) noexcept {
  return b < a || b != b ? b : a;
}

}  // namespace fettle::kernels
