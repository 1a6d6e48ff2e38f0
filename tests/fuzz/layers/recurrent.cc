// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

struct Sizes {
  std::int64_t steps, batch, input, hidden, directions, gates;
  bool batch_first;
};

Sizes any_sizes(ByteSource& bytes, Op op) {
  Sizes sizes{bytes.number(1, 5), extent(bytes, 3, 36), extent(bytes, 5, 40), extent(bytes, 4, 20), 1, 1,
              bytes.once_in(2)};
  sizes.directions = bytes.number(1, 2);
  sizes.gates = (op == Op::lstm ? 4 : op == Op::gru ? 3 : 1) * sizes.hidden;
  return sizes;
}

// Functions that are bounded, or nearly: others let numbers grow from step to step.
std::string functions(ByteSource& bytes, std::int64_t count) {
  constexpr const char* kNames[] = {"Sigmoid", "Tanh", "HardSigmoid", "Softsign", "ScaledTanh", "Relu"};
  std::string names;
  for (std::int64_t i = 0; i < count; ++i) names += (i == 0 ? "" : ",") + word(bytes, kNames);
  return names;
}

Attributes attributes_of(ByteSource& bytes, Op op, const Sizes& s) {
  Attributes a = with("layout", std::int64_t{s.batch_first});
  a.set("direction", std::string(s.directions == 2  ? "bidirectional"
                                 : bytes.once_in(2) ? "reverse"
                                                    : "forward"));
  if (bytes.once_in(3))
    a.set("activations", functions(bytes, s.directions * (op == Op::lstm ? 3 : op == Op::gru ? 2 : 1)));
  if (bytes.once_in(4)) a.set("clip", 0.5f);
  if (op == Op::lstm) a.set("input_forget", bytes.number(0, 1));
  if (op == Op::gru) a.set("linear_before_reset", bytes.number(0, 1));
  return a;
}

Made recurrent(ByteSource& bytes, Op op) {
  const Sizes s = any_sizes(bytes, op);
  Attributes a = attributes_of(bytes, op, s);
  const Shape state =
      s.batch_first ? Shape{s.batch, s.directions, s.hidden} : Shape{s.directions, s.batch, s.hidden};
  const bool constant = !bytes.once_in(6);
  const auto matrix = [&](const Shape& shape) {
    return constant ? weight(shape, -0.3, 0.3) : input(shape, -0.3, 0.3);
  };
  const auto either = [&](Operand operand) { return bytes.once_in(2) ? std::move(operand) : left_out(); };
  std::vector<Operand> operands{
      input(s.batch_first ? Shape{s.batch, s.steps, s.input} : Shape{s.steps, s.batch, s.input}, -1, 1),
      matrix({s.directions, s.gates, s.input}),
      matrix({s.directions, s.gates, s.hidden}),
      either(weight({s.directions, 2 * s.gates})),
      either(typed({s.batch}, DataType::s32, 0, static_cast<double>(s.steps + 1))),
      either(input(state, -1, 1))};
  if (op == Op::lstm) {
    operands.push_back(either(input(state, -1, 1)));
    operands.push_back(either(weight({s.directions, 3 * s.hidden})));
  }
  while (operands.back().left_out) operands.pop_back();
  Integers outputs;
  for (std::int64_t i = 0; i < (op == Op::lstm ? 3 : 2); ++i) {
    if (bytes.once_in(2)) outputs.push_back(i);
  }
  if (outputs.empty()) outputs = {0};
  a.set("outputs", outputs);
  return make_layer(op, std::move(a), operands, {}, outputs.size());
}

}  // namespace

std::span<const LayerMaker> recurrent_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::lstm, recurrent}, {Op::gru, recurrent}, {Op::rnn, recurrent}};
  return kMakers;
}

}  // namespace fettle::fuzz
