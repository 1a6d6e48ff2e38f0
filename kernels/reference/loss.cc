// SPDX-License-Identifier: Apache-2.0
//
// Losses. Sums are taken in double.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// Operands: logarithms of probabilities, targets, and a weight for each class. Targets outside the classes
// count like ignored ones.
void nll_loss(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto targets = operand<std::int64_t>(b, 1);
  const auto y = result(b);
  const std::string_view reduction = b.attributes().string("reduction");
  const bool ignores = b.attributes().has("ignore_index");
  const std::int64_t ignored = b.attributes().integer("ignore_index");
  double sum = 0;
  double weights = 0;
  for_each_index(targets.shape(), [&](const Index& i) {
    const std::int64_t target = targets[i];
    Index at{i[0], target};
    std::copy_n(i.begin() + 1, kMaxRank - 2, at.begin() + 2);
    double loss = 0;
    if (target >= 0 && target < x.extent(1) && !(ignores && target == ignored)) {
      const double weight = b.has(2) ? operand(b, 2)[{target}] : 1;
      loss = -x[at] * weight;
      weights += weight;
    }
    sum += loss;
    if (reduction == "none") y.set(i, loss);
  });
  if (reduction != "none") y.set({}, reduction == "sum" ? sum : sum / weights);
}

Refusal supports_nll_loss(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs[0].format.type;
  const bool real = kind_of(type) == Kind::real && layer.outputs[0].format.type == type;
  return real ? any_number(layer, cpu) : Refusal::data_type;
}

constexpr auto kLossEntries = kFamily<nll_loss, supports_nll_loss, "direct.any", Op::nll_loss>;

}  // namespace

std::span<const Kernel* const> loss_entries() noexcept { return kLossEntries; }

}  // namespace fettle::kernels::reference
