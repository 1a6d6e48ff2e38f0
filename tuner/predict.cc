// SPDX-License-Identifier: Apache-2.0
#include "tuner/predict.h"

#include "tuner/at.h"
#include "tuner/regions.h"
#include "tuner/search/selection.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace fettle::tuner {
double predict(const Space& space, const CostTable& table, const Choice& choice,
               std::vector<double>* conversions_us) {
  double sum = 0;
  if (conversions_us != nullptr) conversions_us->assign(space.layers.size(), 0.0);
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const std::optional<Cost> cost = table.cost(static_cast<int>(i), choice[i]);
    sum += cost ? cost->quiet_us : kForbidden;
  }
  for (const auto& entry : space.values) {
    const SpaceValue& value = entry.second;  // no structured binding: the lambda below names it
    std::vector<FormatTag> there;
    FormatTag from = value.plain();
    if (value.producer >= 0) {
      const Candidate& producer = space.layers[at(value.producer)].candidates[at(choice[at(value.producer)])];
      if (stays_inside(space, value.producer, producer)) continue;
      from = value.stored(producer.variant.signature.output);
    }
    if (!value.picture) there.push_back(from);
    const auto need = [&](FormatTag format, int payer) {
      if (std::find(there.begin(), there.end(), format) != there.end()) return;
      there.push_back(format);
      const double us = table.conversion_us(value, from, format);
      sum += us;
      if (conversions_us != nullptr && payer >= 0) (*conversions_us)[at(payer)] += us;
    };
    for (int consumer : value.consumers) {
      const Candidate& candidate = space.layers[at(consumer)].candidates[at(choice[at(consumer)])];
      if (!reads_inside(space, value.producer, candidate))
        need(value.stored(candidate.variant.signature.input), consumer);
    }
    if (value.output) need(value.plain(), value.producer);
  }
  return sum;
}

}  // namespace fettle::tuner
