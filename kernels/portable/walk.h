// SPDX-License-Identifier: Apache-2.0
//
// Walking through any number of operands that are broadcast to a result, all dense in ONNX order.
#pragma once

#include "kernels/portable/portable.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels::portable {

/// A loop nest over the result, outermost first, with the step of each operand along each loop (0 where it is
/// broadcast). Neighbouring loops that step alike are one. There is one loop at least.
template <std::size_t N>
struct Walk {
  std::size_t loops = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::array<std::int64_t, N>, kMaxRank> step{};

  explicit Walk(const LayerDesc& layer) {
    const Shape& y = layer.outputs[0].shape;
    std::array<std::int64_t, N> size{};
    size.fill(1);
    std::array<std::array<std::int64_t, N>, kMaxRank> steps{};
    for (int axis = y.rank(); axis-- > 0;) {
      for (std::size_t i = 0; i < N; ++i) {
        const Shape& x = layer.inputs[i].shape;
        const int own = axis - (y.rank() - x.rank());
        const std::int64_t n = own < 0 ? 1 : x[own];
        steps[static_cast<std::size_t>(axis)][i] = n == 1 ? 0 : size[i];
        size[i] *= n;
      }
    }
    for (int axis = 0; axis < y.rank(); ++axis) {
      if (y[axis] != 1) add(y[axis], steps[static_cast<std::size_t>(axis)]);
    }
    if (loops == 0) extent[loops++] = 1;
  }

  std::int64_t length() const { return extent[loops - 1]; }
  const std::array<std::int64_t, N>& inner() const { return step[loops - 1]; }

  /// Calls body(where the line begins in each operand, where in the result) for each line, on several
  /// threads.
  template <typename Body>
  void for_each_line(const Call& call, Body&& body) const {
    std::int64_t lines = 1;
    for (std::size_t k = 0; k + 1 < loops; ++k) lines *= extent[k];
    call.parallel(lines, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t line = begin; line < end; ++line) {
        std::array<std::int64_t, N> at{};
        std::int64_t rest = line;
        for (std::size_t k = loops - 1; k-- > 0; rest /= extent[k]) {
          for (std::size_t i = 0; i < N; ++i) at[i] += rest % extent[k] * step[k][i];
        }
        body(at, line * length());
      }
    });
  }

 private:
  void add(std::int64_t n, const std::array<std::int64_t, N>& by) {
    if (loops > 0) {
      bool follows = true;
      for (std::size_t i = 0; i < N; ++i) follows = follows && step[loops - 1][i] == by[i] * n;
      if (follows) {
        extent[loops - 1] *= n;
        step[loops - 1] = by;
        return;
      }
    }
    extent[loops] = n;
    step[loops++] = by;
  }
};

}  // namespace fettle::kernels::portable
