// SPDX-License-Identifier: Apache-2.0
#include "tuner/predict.h"

#include "tuner/at.h"
#include "tuner/regions.h"
#include "tuner/search/selection.h"

#include <array>
#include <cstddef>
#include <optional>

namespace fettle::tuner {
namespace {

constexpr int kLayouts = 3;

}  // namespace

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
    if (!value.has_layouts()) continue;
    std::array<bool, kLayouts> there{};
    Layout from = Layout::nchw;
    if (value.producer >= 0) {
      const Candidate& producer = space.layers[at(value.producer)].candidates[at(choice[at(value.producer)])];
      if (stays_inside(space, value.producer, producer)) continue;
      from = producer.layouts.output;
    }
    if (!value.picture) there[static_cast<std::size_t>(from)] = true;
    const auto need = [&](Layout layout, int payer) {
      if (there[static_cast<std::size_t>(layout)]) return;
      there[static_cast<std::size_t>(layout)] = true;
      const double us = table.conversion_us(value, from, layout);
      sum += us;
      if (conversions_us != nullptr && payer >= 0) (*conversions_us)[at(payer)] += us;
    };
    for (int consumer : value.consumers) {
      const Candidate& candidate = space.layers[at(consumer)].candidates[at(choice[at(consumer)])];
      if (!reads_inside(space, value.producer, candidate)) need(candidate.layouts.input, consumer);
    }
    if (value.output) need(Layout::nchw, value.producer);
  }
  return sum;
}

}  // namespace fettle::tuner
