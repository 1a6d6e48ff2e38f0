// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace fettle::test {
namespace {

struct Sizes {
  std::int64_t steps, batch, input, hidden;
};

// Mostly small; sometimes larger than the blocks that kernels work in.
Sizes any_sizes(Random& random) {
  Sizes sizes{pick(random, 1, 7), pick(random, 1, 5), pick(random, 1, 40), pick(random, 1, 37)};
  switch (random() % 10) {
    case 0:
      sizes.batch = pick(random, 33, 70);
      break;
    case 1:
      sizes.input = pick(random, 257, 300);
      break;
    case 2:
      sizes.hidden = pick(random, 97, 110);
      break;
    case 3:
      sizes.steps = pick(random, 97, 120);
      break;
    default:
      break;
  }
  return sizes;
}

// Functions for the gates, in any spelling, with parameters for some of those that take them.
void add_functions(Random& random, Attributes& a, std::size_t count) {
  constexpr const char* kNames[] = {
      "Relu",       "tanh",        "Sigmoid", "Affine",   "LeakyRelu", "ThresholdedRelu",
      "ScaledTanh", "HardSigmoid", "Elu",     "Softsign", "SOFTPLUS"};
  std::string names;
  for (std::size_t i = 0; i < count; ++i) names += (i == 0 ? "" : ",") + std::string(kNames[random() % 11]);
  a.set("activations", std::move(names));
  std::vector<float> alphas(random() % 3, 0.4f);
  std::vector<float> betas(random() % 3, 0.3f);
  if (!alphas.empty()) a.set("activation_alpha", std::move(alphas));
  if (!betas.empty()) a.set("activation_beta", std::move(betas));
}

Attributes any_attributes(Random& random, Op op, const Sizes& sizes, const char* direction,
                          std::int64_t layout) {
  Attributes a;
  a.set("direction", std::string(direction));
  a.set("layout", layout);
  const std::size_t directions = a.string("direction") == "bidirectional" ? 2 : 1;
  // Without bounds, numbers grow from step to step: gates multiply them by one another.
  if (random() % 3 == 0 && sizes.steps < 4)
    add_functions(random, a, directions * (op == Op::lstm ? 3u : op == Op::gru ? 2u : 1u));
  if (random() % 4 == 0) a.set("clip", 0.5f);
  if (op == Op::lstm) a.set("input_forget", std::int64_t{random() % 4 == 0});
  if (op == Op::gru) a.set("linear_before_reset", std::int64_t{random() % 2 == 0});
  return a;
}

std::vector<Operand> any_operands(Random& random, Op op, const Sizes& s, std::int64_t directions,
                                  std::int64_t layout) {
  const std::int64_t gates = (op == Op::lstm ? 4 : op == Op::gru ? 3 : 1) * s.hidden;
  const Shape state =
      layout == 1 ? Shape{s.batch, directions, s.hidden} : Shape{directions, s.batch, s.hidden};
  // Sums of about the size of one addend, so that no function makes large numbers larger.
  const double scale = std::min(0.5, 1.5 / std::sqrt(static_cast<double>(s.input + s.hidden)));
  const bool constant = random() % 8 != 0;
  const auto either = [&](Operand operand) { return random() % 2 == 0 ? left_out() : std::move(operand); };
  const auto matrix = [&](const Shape& shape) {
    return constant ? weight(shape, -scale, scale) : input(shape, -scale, scale);
  };
  std::vector<Operand> operands{
      input(layout == 1 ? Shape{s.batch, s.steps, s.input} : Shape{s.steps, s.batch, s.input}, -1, 1),
      matrix({directions, gates, s.input}),
      matrix({directions, gates, s.hidden}),
      either(weight({directions, 2 * gates})),
      either(typed({s.batch}, DataType::s32, 0, static_cast<double>(s.steps), random() % 2 == 0)),
      either(input(state, -1, 1))};
  if (op == Op::lstm) {
    operands.push_back(either(input(state, -1, 1)));
    operands.push_back(either(weight({directions, 3 * s.hidden})));
  }
  while (operands.back().left_out) operands.pop_back();
  return operands;
}

// Which results there are; at least one.
std::vector<std::int64_t> any_outputs(Random& random, Op op) {
  const std::int64_t most = op == Op::lstm ? 3 : 2;
  std::vector<std::int64_t> outputs;
  while (outputs.empty()) {
    for (std::int64_t i = 0; i < most; ++i) {
      if (random() % 3 != 0) outputs.push_back(i);
    }
  }
  return outputs;
}

}  // namespace

void visit_recurrent(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    for (Op op : {Op::lstm, Op::gru, Op::rnn}) {
      for (const char* direction : {"forward", "reverse", "bidirectional"}) {
        for (std::int64_t layout : {0, 1}) {
          const Sizes sizes = any_sizes(random);
          Attributes a = any_attributes(random, op, sizes, direction, layout);
          const std::int64_t directions = a.string("direction") == "bidirectional" ? 2 : 1;
          const std::vector<std::int64_t> outputs = any_outputs(random, op);
          a.set("outputs", outputs);
          const auto layer = make_layer(op, std::move(a), any_operands(random, op, sizes, directions, layout),
                                        {}, outputs.size());
          REQUIRE(layer);
          visit(*layer);
        }
      }
    }
  }
}

}  // namespace fettle::test
