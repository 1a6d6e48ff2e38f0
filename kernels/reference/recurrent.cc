// SPDX-License-Identifier: Apache-2.0
//
// LSTM, GRU and RNN, one sequence and direction after the other. State and sums are double.
#include "kernels/recurrent.h"

#include "kernels/reference/reference.h"
#include "lib/base/extents.h"
#include "lib/base/guard.h"

namespace fettle::kernels::reference {
namespace {

using Operand = RecurrentOperand;

double as_double(float value) { return static_cast<double>(value); }

// One direction of one sequence of the batch.
class Sequence {
 public:
  // `memory` holds memory_size() numbers.
  Sequence(const Buffers& buffers, const RecurrentLayer& layer, std::int64_t direction, std::int64_t n,
           double* memory)
      : b_(buffers),
        layer_(layer),
        direction_(direction),
        n_(n),
        h_(memory),
        c_(memory + layer.hidden),
        scaled_(memory + 2 * layer.hidden),
        sums_(memory + 3 * layer.hidden) {}

  static std::int64_t memory_size(const RecurrentLayer& layer) { return (3 + layer.gates) * layer.hidden; }

  void run() {
    for (std::int64_t j = 0; j < layer_.hidden; ++j) {
      h_[j] = b_.has(Operand::kInitialH) ? as_double(b_.in<float>(Operand::kInitialH)[state(j)]) : 0;
      c_[j] = b_.has(Operand::kInitialC) ? as_double(b_.in<float>(Operand::kInitialC)[state(j)]) : 0;
    }
    const std::int64_t length = layer_.length(
        b_.has(Operand::kLengths) ? b_.in<std::int32_t>(Operand::kLengths)[{n_}] : layer_.steps);
    for (std::int64_t step = 0; step < layer_.steps; ++step) {
      // Backwards through a short sequence begins at its own end: what lies behind it is left out either way.
      const std::int64_t t = layer_.reversed(direction_) ? layer_.steps - 1 - step : step;
      if (t < length) advance(t);
      if (layer_.y < 0) continue;
      const auto y = b_.out<float>(static_cast<std::size_t>(layer_.y));
      for (std::int64_t j = 0; j < layer_.hidden; ++j)
        y[sequence(t, j)] = t < length ? static_cast<float>(h_[j]) : 0.0f;
    }
    store(layer_.y_h, h_);
    store(layer_.y_c, c_);
  }

 private:
  Index state(std::int64_t j) const {
    return layer_.batch_first ? Index{n_, direction_, j} : Index{direction_, n_, j};
  }
  Index sequence(std::int64_t t, std::int64_t j) const {
    return layer_.batch_first ? Index{n_, t, direction_, j} : Index{t, direction_, n_, j};
  }
  void store(int output, const double* values) const {
    if (output < 0) return;
    const auto target = b_.out<float>(static_cast<std::size_t>(output));
    for (std::int64_t j = 0; j < layer_.hidden; ++j) target[state(j)] = static_cast<float>(values[j]);
  }

  double bias(std::int64_t column) const {
    return b_.has(Operand::kB) ? as_double(b_.in<float>(Operand::kB)[{direction_, column}]) : 0;
  }
  // The input's part of a gate's sum, with its bias.
  double from_input(std::int64_t t, std::int64_t row) const {
    const auto x = b_.in<float>(Operand::kX);
    const auto w = b_.in<float>(Operand::kW);
    double sum = bias(row);
    for (std::int64_t i = 0; i < layer_.input; ++i) {
      const Index at = layer_.batch_first ? Index{n_, t, i} : Index{t, n_, i};
      sum += as_double(x[at]) * as_double(w[{direction_, row, i}]);
    }
    return sum;
  }
  // The state's part, with its bias.
  double from_state(const double* h, std::int64_t row) const {
    const auto r = b_.in<float>(Operand::kR);
    double sum = bias(layer_.gates * layer_.hidden + row);
    for (std::int64_t k = 0; k < layer_.hidden; ++k) sum += h[k] * as_double(r[{direction_, row, k}]);
    return sum;
  }
  double apply(std::int64_t function, double sum) const {
    const double clip = as_double(layer_.clip);
    return layer_.function(direction_, function)(std::min(std::max(sum, -clip), clip));
  }
  double peephole(std::int64_t gate, std::int64_t j) const {
    if (!b_.has(Operand::kPeepholes)) return 0;
    return as_double(b_.in<float>(Operand::kPeepholes)[{direction_, gate * layer_.hidden + j}]) * c_[j];
  }

  void advance(std::int64_t t) {
    if (layer_.op == Op::gru) return advance_gru(t);
    for (std::int64_t row = 0; row < layer_.gates * layer_.hidden; ++row)
      sums_[row] = from_input(t, row) + from_state(h_, row);
    for (std::int64_t j = 0; j < layer_.hidden; ++j) {
      if (layer_.op == Op::lstm)
        update_lstm(j);
      else
        h_[j] = apply(0, sums_[j]);
    }
  }

  // The gates' sums lie in ONNX's order i, o, f, c; the peepholes in the order i, o, f.
  void update_lstm(std::int64_t j) {
    const std::int64_t hidden = layer_.hidden;
    const double i = apply(0, sums_[j] + peephole(0, j));
    const double f = layer_.input_forget ? 1 - i : apply(0, sums_[2 * hidden + j] + peephole(2, j));
    c_[j] = f * c_[j] + i * apply(1, sums_[3 * hidden + j]);
    const double o = apply(0, sums_[hidden + j] + peephole(1, j));
    h_[j] = o * layer_.function(direction_, 2)(c_[j]);
  }

  // z, r, h
  void advance_gru(std::int64_t t) {
    const std::int64_t hidden = layer_.hidden;
    for (std::int64_t row = 0; row < 2 * hidden; ++row)
      sums_[row] = apply(0, from_input(t, row) + from_state(h_, row));
    const double* z = sums_;
    const double* r = sums_ + hidden;
    double* fresh = sums_ + 2 * hidden;
    for (std::int64_t j = 0; j < hidden; ++j) scaled_[j] = r[j] * h_[j];
    for (std::int64_t j = 0; j < hidden; ++j) {
      const std::int64_t row = 2 * hidden + j;
      const double recurrent =
          layer_.linear_before_reset ? r[j] * from_state(h_, row) : from_state(scaled_, row);
      fresh[j] = apply(1, from_input(t, row) + recurrent);
    }
    for (std::int64_t j = 0; j < hidden; ++j) h_[j] = (1 - z[j]) * fresh[j] + z[j] * h_[j];
  }

  const Buffers& b_;
  const RecurrentLayer& layer_;
  std::int64_t direction_;
  std::int64_t n_;
  double* h_;
  double* c_;
  double* scaled_;  // the state after the reset gate
  double* sums_;
};

// Has memory of its own for the state: the results need not hold it.
class BoundRecurrent final : public BoundKernel {
 public:
  explicit BoundRecurrent(const LayerDesc& layer)
      : layer_(layer),
        recurrent_(layer_),
        memory_(static_cast<std::size_t>(Sequence::memory_size(recurrent_))) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return guard_allocation([&]() -> Status {
      inputs_.assign(inputs.begin(), inputs.end());
      outputs_.assign(outputs.begin(), outputs.end());
      return {};
    });
  }
  void set_extent(std::size_t tensor, int axis, std::int64_t extent) noexcept override {
    fettle::set_extent(layer_, tensor, axis, extent);
    recurrent_ = RecurrentLayer(layer_);
  }
  Status run() noexcept override {
    const Buffers buffers{layer_, inputs_, outputs_};
    for (std::int64_t direction = 0; direction < recurrent_.directions; ++direction) {
      for (std::int64_t n = 0; n < recurrent_.batch; ++n)
        Sequence(buffers, recurrent_, direction, n, memory_.data()).run();
    }
    return {};
  }

 private:
  LayerDesc layer_;
  RecurrentLayer recurrent_;
  std::vector<double> memory_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

Result<std::unique_ptr<BoundKernel>> bind_recurrent(const BindArgs& args) {
  return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<BoundRecurrent>(args.layer));
  });
}

Refusal supports_recurrent(const LayerDesc& layer, const Cpu&) {
  const TensorDesc* lengths = layer.operand(Operand::kLengths);
  for (const TensorDesc& tensor : layer.inputs) {
    if (tensor.format.type != (&tensor == lengths ? DataType::s32 : DataType::f32)) return Refusal::data_type;
  }
  for (const TensorDesc& tensor : layer.outputs) {
    if (tensor.format.type != DataType::f32) return Refusal::data_type;
  }
  return layer.main().clamp ? Refusal::clamp : plain_layouts(layer);
}

constexpr Op kLstmOp[] = {Op::lstm};
constexpr Op kGruOp[] = {Op::gru};
constexpr Op kRnnOp[] = {Op::rnn};

constexpr Kernel recurrent_entry(std::string_view name, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.signatures = kNchw<>;
  kernel.input_striding = Striding::any;
  kernel.takes_empty = true;
  kernel.output_striding = Striding::any;
  kernel.supports = supports_recurrent;
  kernel.bounded_axes = BoundedAxes::any;
  kernel.bind = bind_recurrent;
  return if_selected(kernel);
}
constexpr Kernel kLstm = recurrent_entry("lstm.direct.f32.reference", kLstmOp);
constexpr Kernel kGru = recurrent_entry("gru.direct.f32.reference", kGruOp);
constexpr Kernel kRnn = recurrent_entry("rnn.direct.f32.reference", kRnnOp);
constexpr const Kernel* kRecurrentEntries[] = {kept(kLstm), kept(kGru), kept(kRnn)};

}  // namespace

std::span<const Kernel* const> recurrent_entries() noexcept { return kRecurrentEntries; }

}  // namespace fettle::kernels::reference
