// SPDX-License-Identifier: Apache-2.0
//
// An lstm, gru or rnn layer, read from its description: what every backend's kernels need to know about it.
#pragma once

#include "lib/base/activation.h"

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace fettle::kernels {

/// A function of a gate with its parameters.
struct GateFunction {
  Activation activation = Activation::tanh;
  float alpha = 0;
  float beta = 0;

  template <typename T>
  T operator()(T x) const noexcept {
    const T a = static_cast<T>(alpha);
    const T b = static_cast<T>(beta);
    switch (activation) {
      case Activation::relu:
        return std::max(x, T{0});
      case Activation::tanh:
        return std::tanh(x);
      case Activation::sigmoid:
        return 1 / (1 + std::exp(-x));
      case Activation::affine:
        return a * x + b;
      case Activation::leaky_relu:
        return x >= 0 ? x : a * x;
      case Activation::thresholded_relu:
        return x > a ? x : 0;
      case Activation::scaled_tanh:
        return a * std::tanh(b * x);
      case Activation::hard_sigmoid:
        return std::min(std::max(a * x + b, T{0}), T{1});
      case Activation::elu:
        return x >= 0 ? x : a * std::expm1(x);
      case Activation::softsign:
        return x / (1 + std::abs(x));
      case Activation::softplus:  // log(1 + e^x) without overflow
        return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
    }
    return x;
  }
};

/// Operands, as ONNX numbers them.
struct RecurrentOperand {
  enum : std::size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes };
};

struct RecurrentLayer {
  Op op;
  std::int64_t gates;  ///< 4 (i, o, f, c), 3 (z, r, h) or 1
  std::int64_t steps;
  std::int64_t batch;
  std::int64_t input;
  std::int64_t hidden;
  std::int64_t directions;
  bool batch_first;  ///< ONNX's layout 1
  bool backwards;    ///< the first direction; a second one always is
  bool input_forget;
  bool linear_before_reset;
  float clip;
  int y = -1;    ///< the place of Y among the layer's results, or -1
  int y_h = -1;  ///< of Y_h
  int y_c = -1;  ///< of Y_c
  std::array<GateFunction, 6> functions{};

  explicit RecurrentLayer(const LayerDesc& layer) noexcept
      : op(layer.main().op),
        gates(op == Op::lstm  ? 4
              : op == Op::gru ? 3
                              : 1) {
    const Attributes& attributes = layer.main().attributes;
    batch_first = attributes.integer("layout") != 0;
    const Shape& x = layer.inputs[0].shape;
    const Shape& r = layer.operand(RecurrentOperand::kR)->shape;
    steps = x[batch_first ? 1 : 0];
    batch = x[batch_first ? 0 : 1];
    input = x[2];
    hidden = r[2];
    directions = r[0];
    backwards = attributes.string("direction") == "reverse";
    input_forget = attributes.integer("input_forget") != 0;
    linear_before_reset = attributes.integer("linear_before_reset") != 0;
    clip = attributes.real("clip", std::numeric_limits<float>::infinity());
    const auto outputs = attributes.integers("outputs");
    for (std::size_t i = 0; i < outputs.size(); ++i)
      (outputs[i] == 0 ? y : outputs[i] == 1 ? y_h : y_c) = static_cast<int>(i);
    read_functions(attributes);
  }

  /// Function `i` (f, g, h) of a direction.
  const GateFunction& function(std::int64_t direction, std::int64_t i) const noexcept {
    const std::int64_t each = op == Op::lstm ? 3 : op == Op::gru ? 2 : 1;
    return functions[static_cast<std::size_t>(direction * each + i)];
  }
  bool reversed(std::int64_t direction) const noexcept { return direction == 1 || backwards; }
  /// A length that an operand gives, which may say anything.
  std::int64_t length(std::int64_t given) const noexcept { return std::clamp<std::int64_t>(given, 0, steps); }

 private:
  void read_functions(const Attributes& attributes) noexcept {
    std::string_view names = attributes.string("activations");
    const auto alphas = attributes.reals("alphas");
    const auto betas = attributes.reals("betas");
    for (std::size_t i = 0; i < std::min({functions.size(), alphas.size(), betas.size()}); ++i) {
      const auto known = activation_from_name(take_name(names));
      functions[i] = {known.value_or(Activation::tanh), alphas[i], betas[i]};
    }
  }
};

/// Where what belongs to a sequence lies, in elements unless said otherwise.
class RecurrentPlaces {
 public:
  explicit RecurrentPlaces(const RecurrentLayer& layer) noexcept
      : batch_first_(layer.batch_first),
        directions_(layer.directions),
        batch_(layer.batch),
        steps_(layer.steps),
        hidden_(layer.hidden) {}

  /// In initial and last states as ONNX lays them out.
  std::int64_t state(std::int64_t d, std::int64_t n) const noexcept {
    return (batch_first_ ? n * directions_ + d : d * batch_ + n) * hidden_;
  }
  /// In states of directions x batch, where sequences of a direction are neighbours.
  std::int64_t held(std::int64_t d, std::int64_t n) const noexcept { return (d * batch_ + n) * hidden_; }
  /// The row of gates of a step: directions x the rows of the input.
  std::int64_t gates(std::int64_t d, std::int64_t t, std::int64_t n) const noexcept {
    return d * steps_ * batch_ + (batch_first_ ? n * steps_ + t : t * batch_ + n);
  }
  /// Rows of gates from one sequence to the next.
  std::int64_t apart() const noexcept { return batch_first_ ? steps_ : 1; }
  /// In the result of all steps.
  std::int64_t result(std::int64_t d, std::int64_t t, std::int64_t n) const noexcept {
    return (batch_first_ ? (n * steps_ + t) * directions_ + d : (t * directions_ + d) * batch_ + n) * hidden_;
  }

 private:
  bool batch_first_;
  std::int64_t directions_, batch_, steps_, hidden_;
};

}  // namespace fettle::kernels
