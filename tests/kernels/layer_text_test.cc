// SPDX-License-Identifier: Apache-2.0
//
// The text of every layer that kernels are tested with, in every format in which a kernel may see it.
#include "tests/common/data.h"
#include "tests/common/read_back.h"
#include "tests/common/seed.h"
#include "tests/kernels/layers.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

// Wider by one along each axis, so that no stride is that of a dense tensor.
void spread(std::vector<TensorDesc>& tensors) {
  for (TensorDesc& tensor : tensors) {
    if (tensor.constant) continue;
    Shape wider = tensor.shape;
    for (int axis = 0; axis < wider.rank(); ++axis) ++wider[axis];
    tensor.strides = dense_strides(wider, tensor.format);
  }
}

void check_formats(const TestLayer& layer) {
  check_valid_reads_back(layer.desc);
  constexpr Signature kSignatures[] = {
      {Layout::nhwc, Layout::nhwc}, {Layout::nchw, Layout::nchwc}, {Layout::nchwc, Layout::nhwc}};
  for (const Signature& signature : kSignatures) {
    LayerDesc desc = with_signature(layer.desc, signature, this_cpu().isa);
    check_reads_back(desc);
    spread(desc.inputs);
    spread(desc.outputs);
    check_reads_back(desc);
  }
}

}  // namespace

TEST_CASE("layers that kernels are tested with read back from their text", "[kernels]") {
  const std::uint32_t seed = seed_of_the_day();
  INFO("again with FETTLE_TEST_SEED=" << seed);
  for (const std::uint32_t start : {std::uint32_t{1}, seed}) {
    Random random(start);
    for (auto family :
         {visit_windows, visit_products, visit_many_weights, visit_elementwise, visit_reductions,
          visit_movement, visit_narrow, visit_choosing, visit_sampling, visit_recurrent, visit_regions,
          visit_pairs, visit_inverted_residuals, visit_quantised})
      family(random, quick() ? 1 : 6, check_formats);
    if (quick()) return;
  }
}

}  // namespace fettle::test
