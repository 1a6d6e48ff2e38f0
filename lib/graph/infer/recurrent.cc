// SPDX-License-Identifier: Apache-2.0
//
// LSTM, GRU and RNN.
#include "lib/graph/infer/infer.h"

#include "lib/base/activation.h"
#include "lib/base/checked.h"

#include <cmath>
#include <limits>

namespace fettle::graph {
namespace {

// Operands in ONNX's order; what follows initial_h is LSTM's alone.
enum : std::size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes };

std::int64_t gates_of(Op op) { return op == Op::lstm ? 4 : op == Op::gru ? 3 : 1; }
std::size_t functions_of(Op op) { return op == Op::lstm ? 3 : op == Op::gru ? 2 : 1; }
std::string_view default_functions(Op op) {
  return op == Op::lstm ? "Sigmoid,Tanh,Tanh" : op == Op::gru ? "Sigmoid,Tanh" : "Tanh";
}

struct Extents {
  std::int64_t directions = 1;
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  std::int64_t input = 0;
  std::int64_t hidden = 0;
  std::int64_t gates = 0;  // rows of a weight: all gates' hidden units
  bool batch_first = false;

  Shape state() const {
    return batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  }
  Shape sequence() const {
    return batch_first ? Shape{batch, steps, directions, hidden} : Shape{steps, directions, batch, hidden};
  }
};

bool read_direction(NodeView& view, Extents& extents) {
  view.fill("direction", std::string("forward"));
  view.fill("layout", std::int64_t{0});
  const std::string_view direction = view.attributes().string("direction");
  extents.directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t layout = view.attributes().integer("layout", -1);
  extents.batch_first = layout == 1;
  return view.expect(extents.directions == 2 || direction == "forward" || direction == "reverse",
                     "direction must be forward, reverse or bidirectional") &&
         view.expect(layout == 0 || layout == 1, "layout must be 0 or 1");
}

bool read_extents(NodeView& view, Extents& extents) {
  if (!view.expect(view.has(kW) && view.has(kR), "the weights W and R are missing") ||
      !view.expect(view.rank(kX) == 3 && view.rank(kW) == 3 && view.rank(kR) == 3,
                   "X, W and R need 3 dimensions"))
    return false;
  const Shape& x = view.shape(kX);
  extents.steps = x[extents.batch_first ? 1 : 0];
  extents.batch = x[extents.batch_first ? 0 : 1];
  extents.input = x[2];
  extents.hidden = view.shape(kR)[2];
  const std::optional<std::int64_t> gates = checked_mul(gates_of(view.node().op), extents.hidden);
  if (!view.expect(extents.hidden > 0 && gates && checked_mul<std::int64_t>(*gates, 2),
                   "the hidden size is out of range"))
    return false;
  extents.gates = *gates;
  view.fill("hidden_size", extents.hidden);
  return view.expect(view.attributes().integer("hidden_size") == extents.hidden,
                     "hidden_size differs from what R says");
}

bool expect_operand(NodeView& view, std::size_t i, const char* name, const Shape& shape,
                    DataType type = DataType::f32) {
  if (!view.has(i)) return true;
  if (view.type(i) != type) return view.fail(std::string(name) + " must be " + std::string(to_string(type)));
  return view.shape(i) == shape || view.fail(std::string(name) + " has shape " + view.shape(i).text() +
                                             ", it should be " + shape.text());
}

bool check_operands(NodeView& view, const Extents& e) {
  const bool lstm = view.node().op == Op::lstm;
  if (!view.expect(view.inputs() <= (lstm ? 8 : 6), "too many inputs")) return false;
  const bool fits = expect_operand(view, kX, "X", view.shape(kX)) &&
                    expect_operand(view, kW, "W", {e.directions, e.gates, e.input}) &&
                    expect_operand(view, kR, "R", {e.directions, e.gates, e.hidden}) &&
                    expect_operand(view, kB, "B", {e.directions, 2 * e.gates}) &&
                    expect_operand(view, kLengths, "sequence_lens", {e.batch}, DataType::s32) &&
                    expect_operand(view, kInitialH, "initial_h", e.state()) &&
                    expect_operand(view, kInitialC, "initial_c", e.state()) &&
                    expect_operand(view, kPeepholes, "P", {e.directions, 3 * e.hidden});
  if (!fits) return false;
  const auto lengths = view.integers(kLengths);
  if (!lengths) return true;
  for (std::int64_t length : *lengths) {
    if (!view.expect(length >= 0 && length <= e.steps, "a length in sequence_lens is out of range"))
      return false;
  }
  return true;
}

// ONNX gives alphas and betas to the functions that take some, in order; afterwards every function has both.
bool read_functions(NodeView& view, const Extents& extents) {
  Attributes& attributes = view.attributes();
  const std::size_t wanted = functions_of(view.node().op) * static_cast<std::size_t>(extents.directions);
  if (attributes.reals("alphas").size() == wanted && attributes.reals("betas").size() == wanted) return true;
  std::string names(attributes.string("activations"));
  if (names.empty()) {
    names = default_functions(view.node().op);
    if (extents.directions == 2) names += "," + names;
  }
  std::string canonical;
  std::vector<float> alphas;
  std::vector<float> betas;
  std::span<const float> given_alphas = attributes.reals("activation_alpha");
  std::span<const float> given_betas = attributes.reals("activation_beta");
  const auto parameter = [](bool takes, float otherwise, std::span<const float>& given) {
    if (!takes || given.empty()) return otherwise;
    const float value = given.front();
    given = given.subspan(1);
    return value;
  };
  for (std::string_view rest = names; !rest.empty() && alphas.size() <= wanted;) {
    const std::string_view name = take_name(rest);
    const std::optional<Activation> activation = activation_from_name(name);
    if (!activation) return view.fail("unknown activation " + std::string(name));
    const ActivationRow& row = kActivations[static_cast<std::size_t>(*activation)];
    canonical.append(canonical.empty() ? "" : ",").append(row.name);
    alphas.push_back(parameter(row.takes_alpha, row.alpha, given_alphas));
    betas.push_back(parameter(row.takes_beta, row.beta, given_betas));
  }
  if (alphas.size() != wanted) return view.fail(std::to_string(wanted) + " activations are needed");
  for (std::size_t i = 0; i < wanted; ++i) {
    if (!view.expect(std::isfinite(alphas[i]) && std::isfinite(betas[i]),
                     "activation_alpha and activation_beta must be finite"))
      return false;
  }
  attributes.erase("activation_alpha");
  attributes.erase("activation_beta");
  attributes.set("activations", std::move(canonical));
  attributes.set("alphas", std::move(alphas));
  attributes.set("betas", std::move(betas));
  return true;
}

bool set_outputs(NodeView& view, const Extents& extents) {
  const std::size_t count = view.node().outputs.size();
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(static_cast<std::int64_t>(i));
  view.fill("outputs", std::move(all));
  const auto given = view.attributes().integers("outputs");
  const std::vector<std::int64_t> outputs(given.begin(), given.end());
  const std::int64_t most = view.node().op == Op::lstm ? 3 : 2;
  bool valid = outputs.size() == count;
  for (std::size_t i = 0; valid && i < count; ++i)
    valid = outputs[i] >= (i == 0 ? 0 : outputs[i - 1] + 1) && outputs[i] < most;
  if (!view.expect(valid, "it has more outputs than ONNX knows")) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!view.set(i, outputs[i] == 0 ? extents.sequence() : extents.state(), DataType::f32)) return false;
  }
  return true;
}

}  // namespace

bool infer_recurrent(NodeView& view) {
  Extents extents;
  if (!read_direction(view, extents) || !read_extents(view, extents) || !check_operands(view, extents) ||
      !read_functions(view, extents))
    return false;
  view.fill("clip", std::numeric_limits<float>::infinity());
  if (!view.expect(view.attributes().real("clip") > 0, "clip must be positive")) return false;
  if (view.node().op == Op::lstm) view.fill("input_forget", std::int64_t{0});
  if (view.node().op == Op::gru) view.fill("linear_before_reset", std::int64_t{0});
  return set_outputs(view, extents);
}

}  // namespace fettle::graph
