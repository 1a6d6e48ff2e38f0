// SPDX-License-Identifier: Apache-2.0
//
// Convolutions that read planes copy rows of a picture, split them by stride, and cut what they compute into
// vectors of pixels and groups of channels: widths, strides and channels around the sizes of these.
#include "lib/compile/kernel_table.h"
#include "tests/kernels/layers.h"
#include "tests/kernels/variant.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace fettle::test {
namespace {

struct Picture {
  std::int64_t channels, width, window, stride, dilation, left, right;
};

TestLayer layer_of(const Picture& p, std::int64_t outputs) {
  constexpr std::int64_t kHeight = 9;
  Attributes a;
  a.set("kernel_shape", std::vector<std::int64_t>{3, p.window});
  a.set("pads", std::vector<std::int64_t>{1, p.left, 1, p.right});
  a.set("strides", std::vector<std::int64_t>{2, p.stride});
  a.set("dilations", std::vector<std::int64_t>{1, p.dilation});
  return make_layer(Op::conv, a,
                    {input({2, p.channels, kHeight, p.width}), weight({outputs, p.channels, 3, p.window}),
                     weight({outputs})})
      .value();
}

void check_planar(const Picture& picture, std::int64_t outputs) {
  const TestLayer layer = layer_of(picture, outputs);
  const Expected expected = reference_outputs(layer);
  int checked = 0;
  for (const char* name : {"conv.planar_pixels.f32", "conv.planar_rows.f32"}) {
    for (const Kernel* row : rows_here(name)) {
      for (const Signature& signature : row->signatures) {
        const LayerDesc desc = with_signature(layer.desc, signature, this_cpu().isa);
        if (row->supports(desc, this_cpu()) != Refusal::none) continue;  // other blocks
        INFO(row->name << ": " << desc.text());
        check_variant(*row, desc, layer, expected, {});
        ++checked;
      }
    }
  }
  CHECK((checked > 0 || rows_here("conv.planar_pixels.f32").empty()));
}

}  // namespace

TEST_CASE("convolutions of planes are right for any width and stride", "[kernels]") {
  for (const std::int64_t stride : {1, 2, 3}) {
    for (const std::int64_t window : {1, 2, 3, 5}) {
      for (std::int64_t width = window; width <= 70; width += width < 20 ? 1 : 7) {
        check_planar({1, width, window, stride, 1, window / 2, window / 2}, 5);
        check_planar({1, width, window, stride, 1, window - 1, 0}, 5);
      }
    }
  }
}

TEST_CASE("convolutions of planes are right for any number of channels", "[kernels]") {
  for (const std::int64_t channels : {1, 3, 4, 16}) {
    for (const std::int64_t outputs : {1, 3, 4, 7, 8, 9, 12, 16, 17, 24, 33})
      check_planar({channels, 21, 3, 2, 1, 1, 1}, outputs);
  }
}

TEST_CASE("convolutions of planes are right for dilated windows and wide padding", "[kernels]") {
  for (const std::int64_t stride : {1, 2, 4}) {
    for (const std::int64_t dilation : {2, 3, 5}) check_planar({3, 40, 3, stride, dilation, dilation, 2}, 10);
    check_planar({2, 6, 3, stride, 1, 9, 11}, 6);  // pixels without any input
  }
}

}  // namespace fettle::test
