// SPDX-License-Identifier: Apache-2.0
//
// Layers of unusual types, sizes and strides, with constants in odd places: each row must refuse or accept
// them, and give its reason, without touching what is not there. Sanitizers see more of it than a plain
// build. Layers that break the rules of their operators are not among them: import and inference refuse
// those, and rows rely on it.
#include "lib/compile/kernel_table.h"
#include "tests/common/data.h"
#include "tests/kernels/entries.h"
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace fettle::test {
namespace {

using runtime::KernelTable;

// Types, constancy, sizes and strides that the operator's rules allow elsewhere. Operands and attributes
// stay.
void spoil(Random& random, LayerDesc& layer) {
  std::vector<TensorDesc>& tensors = random() % 3 == 0 ? layer.outputs : layer.inputs;
  TensorDesc& tensor = tensors[random() % tensors.size()];
  const auto axis = static_cast<int>(random() % kMaxRank);
  switch (random() % 4) {
    case 0:
      tensor.constant = !tensor.constant;
      return;
    case 1:
      tensor.format.type = static_cast<DataType>(random() % 14);
      return;
    case 2:
      if (axis < tensor.shape.rank()) tensor.shape[axis] = pick(random, 0, 1);
      return;
    default:
      if (axis < tensor.shape.rank()) tensor.strides[static_cast<std::size_t>(axis)] += pick(random, 1, 7);
  }
}

// Takes all channels out of blocks; false where nothing is in blocks.
bool empty_blocks(LayerDesc& desc) {
  bool blocked = false;
  for (auto* list : {&desc.inputs, &desc.outputs}) {
    for (TensorDesc& tensor : *list) {
      blocked |= tensor.format.layout == Layout::nchwc;
      tensor.format.block = 0;
    }
  }
  return blocked;
}

// A transposed convolution of one channel; its answers from the rows of an algorithm, but those of other
// CPUs.
std::vector<Refusal> answers(const std::string& algorithm, std::int64_t kernel, std::int64_t stride,
                             std::int64_t side = 2) {
  Attributes a;
  a.set("kernel_shape", std::vector<std::int64_t>{kernel, kernel});
  a.set("strides", std::vector<std::int64_t>{stride, stride});
  const auto layer = make_layer(Op::conv_transpose, std::move(a),
                                {input({1, 1, side, side}), weight({1, 1, kernel, kernel})});
  REQUIRE(layer);
  const LayerDesc desc = with_signature(layer->desc, {Layout::nhwc, Layout::nhwc}, this_cpu().isa);
  const KernelTable table({}, tested_cpu());
  std::vector<Refusal> all;
  for (const Kernel* row : tested_entries()) {
    if (row->name.starts_with("conv_transpose." + algorithm) && has_all(tested_cpu().isa, row->isa))
      all.push_back(table.check(*row, desc));
  }
  return all;
}

}  // namespace

TEST_CASE("transposed convolutions of very many phases, pixels or taps are refused", "[kernels]") {
  for (const char* algorithm : {"phases", "patches"}) {
    for (const Refusal answer : answers(algorithm, 4, 2)) CHECK(answer == Refusal::none);
    for (const Refusal answer : answers(algorithm, 40, 40)) CHECK(answer == Refusal::stride);
    for (const Refusal answer : answers(algorithm, 70, 2)) CHECK(answer == Refusal::kernel_size);
    // Of a single pixel the output stays small whatever the stride.
    for (const Refusal answer : answers(algorithm, 1, std::int64_t{1} << 20, 1))
      CHECK(answer != Refusal::none);
  }
  for (const Refusal answer : answers("depthwise", 70, 2)) CHECK(answer == Refusal::none);
  for (const Refusal answer : answers("depthwise", 40, 40)) CHECK(answer == Refusal::stride);
}

TEST_CASE("layers of unusual types, sizes and strides are refused or accepted, with a reason", "[kernels]") {
  const KernelTable table({}, tested_cpu());
  Random random(6);
  long asked = 0;
  const auto check = [&](const TestLayer& usual) {
    for (int i = 0; i < 6; ++i) {
      LayerDesc odd = usual.desc;
      spoil(random, odd);
      for (const Kernel* kernel : tested_entries()) {
        if (!has_pattern(*kernel, odd)) continue;
        for (const Signature& signature : kernel->signatures) {
          INFO(kernel->name << ": " << odd.text());
          LayerDesc laid = with_signature(odd, signature, this_cpu().isa);
          CHECK_FALSE(to_string(table.check(*kernel, laid)).empty());
          if (empty_blocks(laid)) CHECK(table.check(*kernel, laid) != Refusal::none);
          ++asked;
        }
      }
    }
  };
  Random layers(1);
  const int scale = quick() ? 1 : 5;
  visit_windows(layers, 10 * scale, check);
  visit_products(layers, 4 * scale, check);
  visit_elementwise(layers, 2 * scale, check);
  visit_reductions(layers, 4 * scale, check);
  visit_movement(layers, 4 * scale, check);
  visit_choosing(layers, 4 * scale, check);
  visit_sampling(layers, 4 * scale, check);
  visit_recurrent(layers, scale, check);
  visit_regions(layers, 5 * scale, check);
  visit_pairs(layers, 4 * scale, check);
  visit_inverted_residuals(layers, 4 * scale, check);
  visit_quantised(layers, 4 * scale, check);
  CHECK(asked > 1000);
}

}  // namespace fettle::test
