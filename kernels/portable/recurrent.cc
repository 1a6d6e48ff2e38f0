// SPDX-License-Identifier: Apache-2.0
//
// LSTM, GRU and RNN: the input's part of all gates of all steps is one product; then the recurrence adds the
// state's part step by step.
#include "kernels/recurrent.h"

#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"
#include "lib/base/checked.h"

#include <array>
#include <limits>

namespace fettle::kernels::portable {
namespace {

using Operand = RecurrentOperand;
using Array = Eigen::Map<Eigen::ArrayXf>;
using ConstArray = Eigen::Map<const Eigen::ArrayXf>;

// Sequences that go through the recurrence together; others may do so on another thread.
constexpr std::int64_t kRecurrentBlock = 32;
constexpr std::int64_t kTileRows = 96;
constexpr std::int64_t kTileColumns = 96;
// Workspaces beyond this, in numbers, are left to kernels that need none.
constexpr std::int64_t kMostWorkspace = std::int64_t{1} << 28;

// The parts of the workspace, in numbers, one after the other.
struct Workspace {
  std::int64_t width;  // all gates of one step of one sequence
  std::int64_t bias;   // directions x width
  std::int64_t state;  // directions x batch x hidden, three times: h, c, and what a step needs
  std::int64_t gates;  // directions x (steps x batch in the input's order) x width

  explicit Workspace(const RecurrentLayer& l)
      : width(l.gates * l.hidden),
        bias(l.directions * width),
        state(l.directions * l.batch * l.hidden),
        gates(l.directions * l.steps * l.batch * width) {}
  std::int64_t total() const { return bias + 3 * state + gates; }
};

#if defined(__arm__)
constexpr bool kDividesExactly = false;  // Eigen takes an estimate of 16 bits on this target
#else
constexpr bool kDividesExactly = true;
#endif

void apply(const GateFunction& function, Array x) {
  const bool divides = function.activation == Activation::tanh || function.activation == Activation::sigmoid;
  if (divides && !kDividesExactly) {
    for (float& value : x) value = function(value);
    return;
  }
  switch (function.activation) {
    case Activation::tanh:
      x = x.tanh();
      return;
    case Activation::sigmoid:
      // Not logistic(), which is 1 where its argument is large: a GRU lives on the little that lacks.
      x = (1.0f + (-x).exp()).inverse();
      return;
    case Activation::relu:
      x = x.max(0.0f);
      return;
    default:
      for (float& value : x) value = function(value);
  }
}

// The addresses of a call; `at(operand)` is null for operands that are left out.
class Recurrence {
 public:
  explicit Recurrence(const Call& call)
      : call_(call),
        layer_(call.layer),
        places_(layer_),
        space_(layer_),
        bias_(reinterpret_cast<float*>(call.workspace)),
        h_(bias_ + space_.bias),
        c_(h_ + space_.state),
        scratch_(c_ + space_.state),
        gates_(scratch_ + space_.state) {}

  void run() {
    add_biases();
    const std::int64_t rows = layer_.steps * layer_.batch;
    const std::int64_t down = (rows + kTileRows - 1) / kTileRows;
    const std::int64_t across = (space_.width + kTileColumns - 1) / kTileColumns;
    call_.parallel(layer_.directions * down * across, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i)
        project(i / (down * across), i / across % down * kTileRows, i % across * kTileColumns);
    });
    const std::int64_t blocks = (layer_.batch + kRecurrentBlock - 1) / kRecurrentBlock;
    call_.parallel(layer_.directions * blocks, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) recur(i / blocks, i % blocks * kRecurrentBlock);
    });
  }

 private:
  template <typename T = float>
  const T* at(std::size_t operand) const {
    const auto& operands = call_.layer.main().operands;
    if (operand >= operands.size() || operands[operand] < 0) return nullptr;
    return call_.in<T>(static_cast<std::size_t>(operands[operand]));
  }
  float* result(int output) const {
    return output < 0 ? nullptr : call_.out(static_cast<std::size_t>(output));
  }
  // A direction's bias that the reset gate does not scale: of the input and of the state.
  void add_biases() {
    const float* b = at(Operand::kB);
    for (std::int64_t d = 0; d < layer_.directions; ++d) {
      for (std::int64_t i = 0; i < space_.width; ++i) {
        const bool scaled = layer_.op == Op::gru && layer_.linear_before_reset && i >= 2 * layer_.hidden;
        const float* own = b == nullptr ? nullptr : b + d * 2 * space_.width;
        bias_[d * space_.width + i] = own == nullptr ? 0.0f
                                      : scaled       ? own[i]
                                                     : own[i] + own[space_.width + i];
      }
    }
  }

  // One tile of the input's part of the gates.
  void project(std::int64_t d, std::int64_t row, std::int64_t column) {
    const std::int64_t rows = layer_.steps * layer_.batch;
    const std::int64_t height = std::min(kTileRows, rows - row);
    const std::int64_t breadth = std::min(kTileColumns, space_.width - column);
    const std::int64_t depth = layer_.input;
    Matrix tile(gates_ + (d * rows + row) * space_.width + column, height, breadth, Stride(space_.width));
    const ConstMatrix w(at(Operand::kW) + (d * space_.width + column) * depth, breadth, depth, Stride(depth));
    multiply_nt(tile, ConstMatrix(at(Operand::kX) + row * depth, height, depth, Stride(depth)), w);
    tile.rowwise() += ConstRow(bias_ + d * space_.width + column, breadth);
  }

  // Rows `first` and on of the state's weights, transposed.
  ConstMatrix weights(std::int64_t d, std::int64_t first, std::int64_t rows) const {
    const std::int64_t hidden = layer_.hidden;
    return {at(Operand::kR) + (d * space_.width + first) * hidden, rows, hidden, Stride(hidden)};
  }
  float* held(float* states, std::int64_t d, std::int64_t n) const { return states + places_.held(d, n); }
  Array row(float* data) const { return {data, layer_.hidden}; }
  std::int64_t length(std::int64_t n) const {
    const auto* lengths = at<std::int32_t>(Operand::kLengths);
    return lengths == nullptr ? layer_.steps : layer_.length(lengths[n]);
  }
  float* gates_at(std::int64_t d, std::int64_t t, std::int64_t n) const {
    return gates_ + places_.gates(d, t, n) * space_.width;
  }

  // A block of sequences in one direction, through all steps.
  void recur(std::int64_t d, std::int64_t first) {
    const std::int64_t last = std::min(first + kRecurrentBlock, layer_.batch);
    std::int64_t longest = 0;
    for (std::int64_t n = first; n < last; ++n) {
      longest = std::max(longest, length(n));
      load(at(Operand::kInitialH), h_, d, n);
      load(at(Operand::kInitialC), c_, d, n);
    }
    for (std::int64_t step = 0; step < layer_.steps; ++step) {
      const std::int64_t t = layer_.reversed(d) ? layer_.steps - 1 - step : step;
      if (t < longest) add_state(d, t, first, last - first);
      for (std::int64_t n = first; n < last; ++n) {
        if (t < length(n)) update(d, t, n);
        store_step(d, t, n);
      }
    }
    for (std::int64_t n = first; n < last; ++n) {
      store(result(layer_.y_h), h_, d, n);
      store(result(layer_.y_c), c_, d, n);
    }
  }

  void load(const float* given, float* states, std::int64_t d, std::int64_t n) const {
    Array target = row(held(states, d, n));
    if (given == nullptr)
      target.setZero();
    else
      target = ConstArray(given + places_.state(d, n), layer_.hidden);
  }
  void store(float* target, float* states, std::int64_t d, std::int64_t n) const {
    if (target != nullptr) row(target + places_.state(d, n)) = row(held(states, d, n));
  }
  void store_step(std::int64_t d, std::int64_t t, std::int64_t n) const {
    if (layer_.y < 0) return;
    Array target = row(result(layer_.y) + places_.result(d, t, n));
    if (t < length(n))
      target = row(held(h_, d, n));
    else
      target.setZero();
  }

  void clip_and_apply(std::int64_t d, std::int64_t function, Array sums) const {
    if (layer_.clip < std::numeric_limits<float>::infinity()) sums = sums.max(-layer_.clip).min(layer_.clip);
    apply(layer_.function(d, function), sums);
  }

  // Adds the state's part to the gates of step t.
  void add_state(std::int64_t d, std::int64_t t, std::int64_t first, std::int64_t count) {
    const std::int64_t hidden = layer_.hidden;
    const Stride apart(places_.apart() * space_.width);
    const ConstMatrix h(held(h_, d, first), count, hidden, Stride(hidden));
    const std::int64_t plain = layer_.op == Op::gru ? 2 * hidden : space_.width;
    multiply_nt(Matrix(gates_at(d, t, first), count, plain, apart), h, weights(d, 0, plain), true);
    if (layer_.op != Op::gru) return;
    Matrix scratch(held(scratch_, d, first), count, hidden, Stride(hidden));
    if (layer_.linear_before_reset) {
      multiply_nt(scratch, h, weights(d, plain, hidden));
      return;
    }
    for (std::int64_t n = first; n < first + count; ++n) {
      Array r = row(gates_at(d, t, n) + hidden);
      clip_and_apply(d, 0, r);
      row(held(scratch_, d, n)) = r * row(held(h_, d, n));
    }
    multiply_nt(Matrix(gates_at(d, t, first) + plain, count, hidden, apart),
                ConstMatrix(scratch.data(), count, hidden, Stride(hidden)), weights(d, plain, hidden), true);
  }

  void update(std::int64_t d, std::int64_t t, std::int64_t n) const {
    float* gates = gates_at(d, t, n);
    if (layer_.op == Op::lstm) return update_lstm(d, n, gates);
    if (layer_.op == Op::gru) return update_gru(d, n, gates);
    Array sums = row(gates);
    clip_and_apply(d, 0, sums);
    row(held(h_, d, n)) = sums;
  }

  // ONNX's order of gates is i, o, f, c, of peepholes i, o, f.
  void update_lstm(std::int64_t d, std::int64_t n, float* gates) const {
    const std::int64_t hidden = layer_.hidden;
    const float* peepholes = at(Operand::kPeepholes);
    if (peepholes != nullptr) peepholes += d * 3 * hidden;
    Array i = row(gates);
    Array o = row(gates + hidden);
    Array f = row(gates + 2 * hidden);
    Array fresh = row(gates + 3 * hidden);
    Array c = row(held(c_, d, n));
    if (peepholes != nullptr) {
      i += ConstArray(peepholes, hidden) * c;
      f += ConstArray(peepholes + 2 * hidden, hidden) * c;
    }
    clip_and_apply(d, 0, i);
    if (layer_.input_forget)
      f = 1.0f - i;
    else
      clip_and_apply(d, 0, f);
    clip_and_apply(d, 1, fresh);
    c = f * c + i * fresh;
    if (peepholes != nullptr) o += ConstArray(peepholes + hidden, hidden) * c;
    clip_and_apply(d, 0, o);
    fresh = c;
    apply(layer_.function(d, 2), fresh);
    row(held(h_, d, n)) = o * fresh;
  }

  // z, r, h
  void update_gru(std::int64_t d, std::int64_t n, float* gates) const {
    const std::int64_t hidden = layer_.hidden;
    Array z = row(gates);
    Array r = row(gates + hidden);
    Array fresh = row(gates + 2 * hidden);
    clip_and_apply(d, 0, z);
    if (layer_.linear_before_reset) {
      clip_and_apply(d, 0, r);
      Array scaled = row(held(scratch_, d, n));
      const float* b = at(Operand::kB);
      if (b != nullptr) scaled += ConstArray(b + (2 * d + 1) * space_.width + 2 * hidden, hidden);
      fresh += r * scaled;
    }
    clip_and_apply(d, 1, fresh);
    Array h = row(held(h_, d, n));
    h = (1.0f - z) * fresh + z * h;
  }

  const Call& call_;
  const RecurrentLayer layer_;
  const RecurrentPlaces places_;
  const Workspace space_;
  float* bias_;
  float* h_;
  float* c_;
  float* scratch_;
  float* gates_;
};

void recurrent(const Call& call) { Recurrence(call).run(); }

std::size_t workspace_bytes_recurrent(const LayerDesc& layer, int) {
  return static_cast<std::size_t>(Workspace(RecurrentLayer(layer)).total()) * sizeof(float);
}

Refusal supports_recurrent(const LayerDesc& layer, const Cpu&) {
  const TensorDesc* lengths = layer.operand(Operand::kLengths);
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      const bool right = tensor.format.type == (&tensor == lengths ? DataType::s32 : DataType::f32);
      if (!right || tensor.format.scale != 0) return Refusal::data_type;
      if (tensor.format.layout != Layout::nchw) return Refusal::layout;
      if (tensor.shape.elements() <= 0) return Refusal::shape;
    }
  }
  if (layer.main().clamp) return Refusal::clamp;
  const RecurrentLayer l(layer);
  const std::optional<std::int64_t> gates =
      checked_elements(std::array{l.directions, l.steps, l.batch, l.gates, l.hidden}, kMostWorkspace);
  return gates && Workspace(l).total() <= kMostWorkspace ? Refusal::none : Refusal::too_large;
}

constexpr Op kLstmOp[] = {Op::lstm};
constexpr Op kGruOp[] = {Op::gru};
constexpr Op kRnnOp[] = {Op::rnn};

constexpr Kernel recurrent_entry(std::string_view name, std::span<const Op> pattern) {
  Kernel kernel = entry<recurrent>(name, pattern, kNchw<kF32>, supports_recurrent);
  kernel.workspace_bytes = workspace_bytes_recurrent;
  return if_selected(kernel);
}
constexpr Kernel kLstm = recurrent_entry("lstm.gemm.f32.portable", kLstmOp);
constexpr Kernel kGru = recurrent_entry("gru.gemm.f32.portable", kGruOp);
constexpr Kernel kRnn = recurrent_entry("rnn.gemm.f32.portable", kRnnOp);
constexpr const Kernel* kRecurrentEntries[] = {kept(kLstm), kept(kGru), kept(kRnn)};

}  // namespace

std::span<const Kernel* const> recurrent_entries() noexcept { return kRecurrentEntries; }

}  // namespace fettle::kernels::portable
