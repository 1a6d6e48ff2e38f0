// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/recurrent.h"

#include "kernels/common/blocking.h"
#include "kernels/common/panels.h"
#include "kernels/recurrent.h"
#include "lib/base/checked.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

namespace fettle::kernels {
namespace {

using Operand = RecurrentOperand;

// Sequences that go through the recurrence together; others may do so on another thread.
constexpr std::int64_t kSequencesTogether = 32;
// Workspaces beyond this, in numbers, are left to kernels that need none.
constexpr std::int64_t kMostRecurrentWorkspace = std::int64_t{1} << 28;

const TensorDesc* optional_operand(const LayerDesc& layer, std::size_t operand) {
  return operand < layer.main().operands.size() ? layer.operand(operand) : nullptr;
}

std::size_t place_of(const LayerDesc& layer, std::size_t operand) {
  return static_cast<std::size_t>(layer.main().operands[operand]);
}

// Floats of a constant initial state, which is packed as it is.
std::int64_t constant_floats(const LayerDesc& layer, std::size_t operand) {
  const TensorDesc* state = optional_operand(layer, operand);
  return state != nullptr && state->constant ? state->shape.elements() : 0;
}

// How weights lie: for each direction the input's, then the state's in one or two products, each with its
// bias. A GRU's last gate needs a product by itself: of what its reset gate has scaled, or to be scaled by
// it.
struct RecurrentPanels {
  std::int64_t width;  // all gates of a step
  Panels input;
  Panels state;
  Panels last;  // of a GRU; else none
  bool has_last;
  PackedProducts packed_input, packed_state, packed_last;

  RecurrentPanels(const TileSet& tiles, const RecurrentLayer& l)
      : width(l.gates * l.hidden),
        input(tiles, width, l.input),
        state(tiles, l.op == Op::gru ? 2 * l.hidden : width, l.hidden),
        last(tiles, l.hidden, l.hidden),
        has_last(l.op == Op::gru),
        packed_input(input),
        packed_state(state, 1, packed_input.floats()),
        packed_last(last, 1, packed_state.floats()) {}
  // Floats of one direction.
  std::int64_t direction() const { return has_last ? packed_last.floats() : packed_state.floats(); }
};

// The parts of the workspace, in floats, one after the other.
struct RecurrentSpace {
  std::int64_t states;  // directions x batch x hidden: h, c (of an LSTM), and what a step needs
  std::int64_t gates;   // directions x (steps x batch in the input's order) x width

  explicit RecurrentSpace(const RecurrentLayer& l)
      : states(l.directions * l.batch * l.hidden),
        gates(l.directions * l.steps * l.batch * l.gates * l.hidden) {}
  std::int64_t floats() const { return 3 * states + gates; }
};

UnaryFunction function_of(const UnarySet& set, const GateFunction& gate) {
  LayerPart part;
  part.op = gate.activation == Activation::tanh      ? Op::tanh
            : gate.activation == Activation::sigmoid ? Op::sigmoid
                                                     : Op::clamp;
  if (part.op == Op::clamp) {
    part.attributes.set("min", 0.0f);
    part.attributes.set("max", std::numeric_limits<float>::infinity());
  }
  return UnaryFunction(set, part);
}

class BoundRecurrent final : public BoundKernel {
 public:
  BoundRecurrent(const RecurrentSet& set, const BindArgs& args)
      : set_(set),
        layer_(args.layer),
        places_(layer_),
        panels_(set.tiles, layer_),
        space_(layer_),
        rows_(layer_.steps * layer_.batch),
        together_(std::min(kSequencesTogether, layer_.batch)),
        input_blocks_(set.tiles, panels_.input, rows_, rows_ * layer_.input, args.threads),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads) {
    // Blocks of all sequences but the last, and of the last.
    for (const std::int64_t rows : {together_, layer_.batch - (groups() - 1) * together_}) {
      state_blocks_.emplace_back(set.tiles, panels_.state, rows, rows * layer_.hidden, 1);
      last_blocks_.emplace_back(set.tiles, panels_.last, rows, rows * layer_.hidden, 1);
    }
    const std::int64_t each = layer_.op == Op::lstm ? 3 : layer_.op == Op::gru ? 2 : 1;
    for (std::int64_t i = 0; i < layer_.directions * each; ++i)
      functions_.push_back(function_of(set.functions, layer_.function(i / each, i % each)));
    functions_each_ = each;
    const float* constants = packed_ + layer_.directions * panels_.direction();
    const auto find = [&](std::size_t operand, State& state) {
      if (optional_operand(args.layer, operand) == nullptr) return;
      state.place = static_cast<int>(place_of(args.layer, operand));
      const std::int64_t floats = constant_floats(args.layer, operand);
      if (floats == 0) return;
      state.constant = constants;
      constants += floats;
    };
    find(Operand::kInitialH, initial_h_);
    find(Operand::kInitialC, initial_c_);
    if (optional_operand(args.layer, Operand::kLengths) != nullptr)
      lengths_at_ = static_cast<int>(place_of(args.layer, Operand::kLengths));
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    x_ = static_cast<const float*>(inputs[0]);
    for (State* state : {&initial_h_, &initial_c_}) {
      if (state->place < 0) continue;
      state->values = state->constant != nullptr
                          ? state->constant
                          : static_cast<const float*>(inputs[static_cast<std::size_t>(state->place)]);
    }
    if (lengths_at_ >= 0)
      lengths_ = static_cast<const std::int32_t*>(inputs[static_cast<std::size_t>(lengths_at_)]);
    const auto result = [&](int output) {
      return output < 0 ? nullptr : static_cast<float*>(outputs[static_cast<std::size_t>(output)]);
    };
    y_ = result(layer_.y), y_h_ = result(layer_.y_h), y_c_ = result(layer_.y_c);
    h_ = static_cast<float*>(workspace);
    c_ = h_ + space_.states;
    scratch_ = c_ + space_.states;
    gates_ = scratch_ + space_.states;
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, layer_.directions * input_blocks_.count(),
                 [&](std::int64_t begin, std::int64_t end, int) {
                   input_blocks_.for_each(begin, end, [&](std::int64_t d, const Block& block) {
                     Tile tile = plain_tile(1, layer_.input);
                     tile.output_stride = static_cast<std::size_t>(panels_.width);
                     tile.output = gates_ + (d * rows_ + block.first_row) * panels_.width;
                     multiply_rows(set_.tiles, panels_.input,
                                   panels_.packed_input.weights(packed_ + d * panels_.direction()), block, x_,
                                   layer_.input, tile, {});
                   });
                 });
    parallel_for(pool_, threads_, layer_.directions * groups(),
                 [&](std::int64_t begin, std::int64_t end, int) {
                   for (std::int64_t i = begin; i < end; ++i) recur(i / groups(), i % groups());
                 });
    return {};
  }

 private:
  struct State {
    int place = -1;
    const float* constant = nullptr;
    const float* values = nullptr;
  };

  std::int64_t groups() const noexcept { return (layer_.batch + together_ - 1) / together_; }
  std::int64_t length(std::int64_t n) const noexcept {
    return lengths_ == nullptr ? layer_.steps : layer_.length(lengths_[n]);
  }
  const UnaryFunction& function(std::int64_t d, std::int64_t i) const noexcept {
    return functions_[static_cast<std::size_t>(d * functions_each_ + i)];
  }
  float* gates_at(std::int64_t d, std::int64_t t, std::int64_t n) const noexcept {
    return gates_ + places_.gates(d, t, n) * panels_.width;
  }

  // Some sequences in one direction, through all steps.
  void recur(std::int64_t d, std::int64_t group) const noexcept {
    const std::int64_t first = group * together_;
    const std::int64_t last = std::min(first + together_, layer_.batch);
    std::int64_t longest = 0;
    for (std::int64_t n = first; n < last; ++n) {
      longest = std::max(longest, length(n));
      load(initial_h_.values, h_, d, n);
      if (layer_.op == Op::lstm) load(initial_c_.values, c_, d, n);
    }
    for (std::int64_t step = 0; step < layer_.steps; ++step) {
      const std::int64_t t = layer_.reversed(d) ? layer_.steps - 1 - step : step;
      if (t < longest) take_step(d, t, first, last - first, group + 1 == groups() ? 1 : 0);
      if (y_ == nullptr) continue;
      for (std::int64_t n = first; n < last; ++n) store_step(d, t, n);
    }
    for (std::int64_t n = first; n < last; ++n) {
      store(y_h_, h_, d, n);
      store(y_c_, c_, d, n);
    }
  }

  std::size_t state_bytes() const noexcept { return static_cast<std::size_t>(layer_.hidden) * sizeof(float); }
  void load(const float* given, float* states, std::int64_t d, std::int64_t n) const noexcept {
    float* target = states + places_.held(d, n);
    if (given == nullptr)
      std::fill_n(target, layer_.hidden, 0.0f);
    else
      std::memcpy(target, given + places_.state(d, n), state_bytes());
  }
  void store(float* target, const float* states, std::int64_t d, std::int64_t n) const noexcept {
    if (target != nullptr)
      std::memcpy(target + places_.state(d, n), states + places_.held(d, n), state_bytes());
  }
  void store_step(std::int64_t d, std::int64_t t, std::int64_t n) const noexcept {
    float* target = y_ + places_.result(d, t, n);
    if (t < length(n))
      std::memcpy(target, h_ + places_.held(d, n), state_bytes());
    else
      std::fill_n(target, layer_.hidden, 0.0f);
  }

  // Multiplies states by weights; adds to what `target` holds, if told so.
  void multiply(const float* states, const Panels& panels, const ProductWeights& weights,
                const Blocking& blocks, float* target, std::int64_t pitch, bool add) const noexcept {
    Tile tile = plain_tile(1, layer_.hidden);
    tile.output_stride = tile.residual_stride = static_cast<std::size_t>(pitch);
    blocks.for_each(0, blocks.count(), [&](std::int64_t, const Block& block) {
      Tile here = tile;
      here.output = target + block.first_row * pitch;
      if (add) here.residual = here.output;
      multiply_rows(set_.tiles, panels, weights, block, states, layer_.hidden, here, {});
    });
  }

  void take_step(std::int64_t d, std::int64_t t, std::int64_t first, std::int64_t count,
                 std::size_t last_group) const noexcept {
    const std::int64_t pitch = places_.apart() * panels_.width;
    const float* packed = packed_ + d * panels_.direction();
    const float* h = h_ + places_.held(d, first);
    float* gates = gates_at(d, t, first);
    multiply(h, panels_.state, panels_.packed_state.weights(packed), state_blocks_[last_group], gates, pitch,
             true);
    if (layer_.op == Op::lstm)
      finish_lstm(d, t, first, count, gates, pitch);
    else if (layer_.op == Op::gru)
      finish_gru(d, t, first, count, gates, pitch, panels_.packed_last.weights(packed),
                 last_blocks_[last_group]);
    else
      finish_rnn(d, t, first, count, gates, pitch);
  }

  // ONNX's order of gates is i, o, f, c.
  void finish_lstm(std::int64_t d, std::int64_t t, std::int64_t first, std::int64_t count, float* gates,
                   std::int64_t pitch) const noexcept {
    const std::int64_t hidden = layer_.hidden;
    function(d, 0).apply(gates, pitch, count, 3 * hidden);
    function(d, 1).apply(gates + 3 * hidden, pitch, count, hidden);
    for (std::int64_t n = first; n < first + count; ++n, gates += pitch) {
      if (t >= length(n)) continue;
      float* __restrict c = c_ + places_.held(d, n);
      float* __restrict h = h_ + places_.held(d, n);
      const float* __restrict i = gates;
      const float* __restrict o = gates + hidden;
      const float* __restrict f = gates + 2 * hidden;
      const float* __restrict fresh = gates + 3 * hidden;
      for (std::int64_t k = 0; k < hidden; ++k) {
        c[k] = f[k] * c[k] + i[k] * fresh[k];
        h[k] = c[k];
      }
      function(d, 2).apply(h, hidden, 1, hidden);
      for (std::int64_t k = 0; k < hidden; ++k) h[k] *= o[k];
    }
  }

  // z, r, h
  void finish_gru(std::int64_t d, std::int64_t t, std::int64_t first, std::int64_t count, float* gates,
                  std::int64_t pitch, const ProductWeights& weights, const Blocking& blocks) const noexcept {
    const std::int64_t hidden = layer_.hidden;
    float* states = h_ + places_.held(d, first);
    float* scaled = scratch_ + places_.held(d, first);
    function(d, 0).apply(gates, pitch, count, 2 * hidden);
    if (layer_.linear_before_reset) multiply(states, panels_.last, weights, blocks, scaled, hidden, false);
    for (std::int64_t n = 0; n < count; ++n) {
      const float* __restrict r = gates + n * pitch + hidden;
      const float* __restrict h = states + n * hidden;
      float* __restrict s = scaled + n * hidden;
      if (layer_.linear_before_reset) {
        float* __restrict fresh = gates + n * pitch + 2 * hidden;
        for (std::int64_t k = 0; k < hidden; ++k) fresh[k] += r[k] * s[k];
      } else {
        for (std::int64_t k = 0; k < hidden; ++k) s[k] = r[k] * h[k];
      }
    }
    if (!layer_.linear_before_reset)
      multiply(scaled, panels_.last, weights, blocks, gates + 2 * hidden, pitch, true);
    function(d, 1).apply(gates + 2 * hidden, pitch, count, hidden);
    for (std::int64_t n = 0; n < count; ++n) {
      if (t >= length(first + n)) continue;
      const float* __restrict z = gates + n * pitch;
      const float* __restrict fresh = z + 2 * hidden;
      float* __restrict h = states + n * hidden;
      for (std::int64_t k = 0; k < hidden; ++k) h[k] = (1.0f - z[k]) * fresh[k] + z[k] * h[k];
    }
  }

  void finish_rnn(std::int64_t d, std::int64_t t, std::int64_t first, std::int64_t count, float* gates,
                  std::int64_t pitch) const noexcept {
    function(d, 0).apply(gates, pitch, count, layer_.hidden);
    for (std::int64_t n = first; n < first + count; ++n, gates += pitch) {
      if (t < length(n)) std::memcpy(h_ + places_.held(d, n), gates, state_bytes());
    }
  }

  const RecurrentSet& set_;
  const RecurrentLayer layer_;
  const RecurrentPlaces places_;
  const RecurrentPanels panels_;
  const RecurrentSpace space_;
  const std::int64_t rows_, together_;
  const Blocking input_blocks_;
  std::vector<Blocking> state_blocks_, last_blocks_;  // of all groups of sequences but the last; of the last
  std::vector<UnaryFunction> functions_;
  std::int64_t functions_each_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  State initial_h_, initial_c_;
  int lengths_at_ = -1;
  const float* x_ = nullptr;
  const std::int32_t* lengths_ = nullptr;
  float* y_ = nullptr;
  float* y_h_ = nullptr;
  float* y_c_ = nullptr;
  float* h_ = nullptr;
  float* c_ = nullptr;
  float* scratch_ = nullptr;
  float* gates_ = nullptr;
};

Refusal check_tensors(const LayerDesc& layer) {
  const TensorDesc* lengths = optional_operand(layer, Operand::kLengths);
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      const bool right = tensor.format.type == (&tensor == lengths ? DataType::s32 : DataType::f32);
      if (!right || tensor.format.scale != 0) return Refusal::data_type;
      if (tensor.format.layout != Layout::nchw) return Refusal::layout;
      if (tensor.shape.elements() <= 0) return Refusal::shape;
    }
  }
  return Refusal::none;
}

Refusal check_constants(const LayerDesc& layer) {
  const auto is_constant = [&](std::size_t operand) {
    const TensorDesc* tensor = optional_operand(layer, operand);
    return tensor == nullptr || tensor->constant;
  };
  for (const std::size_t weights : {Operand::kW, Operand::kR, Operand::kB}) {
    if (!is_constant(weights)) return Refusal::not_constant;
  }
  if (layer.operand(Operand::kX)->constant) return Refusal::constant;
  const TensorDesc* lengths = optional_operand(layer, Operand::kLengths);
  return lengths != nullptr && lengths->constant ? Refusal::constant : Refusal::none;
}

}  // namespace

Refusal Recurrent::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_tensors(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_constants(layer); refusal != Refusal::none) return refusal;
  if (layer.main().clamp) return Refusal::clamp;
  if (optional_operand(layer, Operand::kPeepholes) != nullptr) return Refusal::op;
  const RecurrentLayer l(layer);
  if (l.input_forget || l.clip < std::numeric_limits<float>::infinity()) return Refusal::attribute;
  const std::int64_t functions = l.directions * (l.op == Op::lstm ? 3 : l.op == Op::gru ? 2 : 1);
  for (std::int64_t i = 0; i < functions; ++i) {
    const Activation activation = l.functions[static_cast<std::size_t>(i)].activation;
    if (activation != Activation::tanh && activation != Activation::sigmoid && activation != Activation::relu)
      return Refusal::attribute;
  }
  const auto gates = checked_elements(std::array{l.directions, l.steps, l.batch, l.gates, l.hidden},
                                      kMostRecurrentWorkspace);
  return gates && RecurrentSpace(l).floats() <= kMostRecurrentWorkspace ? Refusal::none : Refusal::too_large;
}

std::size_t Recurrent::workspace_bytes(const RecurrentSet&, const LayerDesc& layer, int) {
  return static_cast<std::size_t>(RecurrentSpace(RecurrentLayer(layer)).floats()) * sizeof(float);
}

std::size_t Recurrent::packed_bytes(const RecurrentSet& set, const LayerDesc& layer) {
  const RecurrentLayer l(layer);
  const std::int64_t floats = l.directions * RecurrentPanels(set.tiles, l).direction() +
                              constant_floats(layer, Operand::kInitialH) +
                              constant_floats(layer, Operand::kInitialC);
  return static_cast<std::size_t>(floats) * sizeof(float);
}

Status Recurrent::pack(const RecurrentSet& set, const LayerDesc& layer,
                       std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const RecurrentLayer l(layer);
  const RecurrentPanels panels(set.tiles, l);
  const auto values = [&](std::size_t operand) -> const float* {
    if (optional_operand(layer, operand) == nullptr) return nullptr;
    return reinterpret_cast<const float*>(constants[place_of(layer, operand)].data());
  };
  auto* target = reinterpret_cast<float*>(packed.data());
  return guard_allocation([&]() -> Status {
    std::vector<float> bias(static_cast<std::size_t>(panels.width));
    std::vector<float> last_bias(static_cast<std::size_t>(l.hidden));
    for (std::int64_t d = 0; d < l.directions; ++d) {
      const float* w = values(Operand::kW) + d * panels.width * l.input;
      const float* r = values(Operand::kR) + d * panels.width * l.hidden;
      if (const float* b = values(Operand::kB); b != nullptr) {
        b += d * 2 * panels.width;
        for (std::int64_t i = 0; i < panels.width; ++i) {
          // What the reset gate scales has the state's bias in it.
          const bool apart = l.op == Op::gru && l.linear_before_reset && i >= 2 * l.hidden;
          const float of_state = b[panels.width + i];
          bias[static_cast<std::size_t>(i)] = apart ? b[i] : b[i] + of_state;
          if (apart) last_bias[static_cast<std::size_t>(i - 2 * l.hidden)] = of_state;
        }
      }
      const auto pack_product = [&](const Panels& product, const PackedProducts& place, const float* weights,
                                    const float* numbers, std::int64_t depth) {
        pack_panels(product, weights, depth, 1, place.panels(target));
        pack_columns(product, numbers, place.bias(target));
      };
      pack_product(panels.input, panels.packed_input, w, bias.data(), l.input);
      pack_product(panels.state, panels.packed_state, r, nullptr, l.hidden);
      if (panels.has_last)
        pack_product(panels.last, panels.packed_last, r + 2 * l.hidden * l.hidden, last_bias.data(),
                     l.hidden);
      target += panels.direction();
    }
    for (const std::size_t operand : {Operand::kInitialH, Operand::kInitialC}) {
      const std::int64_t floats = constant_floats(layer, operand);
      if (floats > 0) std::memcpy(target, values(operand), static_cast<std::size_t>(floats) * sizeof(float));
      target += floats;
    }
    return {};
  });
}

Result<std::unique_ptr<BoundKernel>> Recurrent::bind(const RecurrentSet& set, const BindArgs& args) {
  return bind_as<BoundRecurrent>(set, args);
}

}  // namespace fettle::kernels
