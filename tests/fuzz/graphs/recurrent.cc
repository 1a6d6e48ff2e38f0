// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

ValueId recurrent(GraphBuilder& g, ValueId x) {
  const Shape extents = g.shape(x);
  if (extents.rank() != 3 || extents.elements() == 0) return kNoValue;
  constexpr Op kOps[] = {Op::lstm, Op::gru, Op::rnn};
  const Op op = g.bytes().one_of(kOps);
  const std::int64_t hidden = g.bytes().number(1, 4);
  const std::int64_t gates = (op == Op::lstm ? 4 : op == Op::gru ? 3 : 1) * hidden;
  const std::int64_t directions = g.bytes().number(1, 2);
  Attributes a = with("direction", std::string(directions == 2 ? "bidirectional" : "forward"));
  a.set("layout", g.bytes().number(0, 1));
  if (op == Op::gru) a.set("linear_before_reset", g.bytes().number(0, 1));
  std::vector<ValueId> inputs{x, g.constant({directions, gates, extents[2]}),
                              g.constant({directions, gates, hidden})};
  if (g.bytes().once_in(2)) inputs.push_back(g.constant({directions, 2 * gates}));
  return g.add(op, std::move(inputs), std::move(a), static_cast<std::size_t>(g.bytes().number(1, 2)));
}

}  // namespace

std::span<const GraphMaker> recurrent_makers() {
  static constexpr GraphMaker kMakers[] = {recurrent};
  return kMakers;
}

}  // namespace fettle::fuzz
