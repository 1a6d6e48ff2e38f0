// SPDX-License-Identifier: Apache-2.0
//
// Depthwise rows are cut into groups of outputs, which at a row's end overlap: every width up to some groups.
#include "lib/compile/kernel_table.h"
#include "tests/kernels/layers.h"
#include "tests/kernels/variant.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace fettle::test {
namespace {

TestLayer depthwise_layer(std::int64_t width, std::int64_t window, std::int64_t stride, std::int64_t left,
                          std::int64_t right) {
  constexpr std::int64_t kChannels = 40;
  constexpr std::int64_t kHeight = 5;
  Attributes a;
  a.set("kernel_shape", std::vector<std::int64_t>{window, window});
  a.set("pads", std::vector<std::int64_t>{window / 2, left, window / 2, right});
  a.set("strides", std::vector<std::int64_t>{stride, stride});
  a.set("group", kChannels);
  return make_layer(Op::conv, a,
                    {input({1, kChannels, kHeight, width}), weight({kChannels, 1, window, window}),
                     weight({kChannels})})
      .value();
}

}  // namespace

TEST_CASE("depthwise rows of any width are right to their borders", "[kernels]") {
  const std::vector<const Kernel*> rows = rows_here("dwconv.direct.f32");
  for (const std::int64_t window : {3, 5, 7}) {
    for (const std::int64_t stride : {1, 2}) {
      for (std::int64_t width = window; width <= 37; ++width) {
        // The usual padding, and one that differs from left to right.
        for (const bool even : {true, false}) {
          const TestLayer layer =
              depthwise_layer(width, window, stride, even ? window / 2 : 0, even ? window / 2 : window - 1);
          const Expected expected = reference_outputs(layer);
          for (const Kernel* row : rows) {
            for (const Signature& signature : row->signatures) {
              const LayerDesc desc = with_signature(layer.desc, signature, this_cpu().isa);
              if (row->supports(desc, this_cpu()) != Refusal::none) continue;  // other blocks
              INFO(row->name << ", window " << window << ", stride " << stride << ", width " << width);
              check_variant(*row, desc, layer, expected, {});
            }
          }
        }
      }
    }
  }
}

}  // namespace fettle::test
