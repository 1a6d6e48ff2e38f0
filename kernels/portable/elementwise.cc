// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of one and two operands, in either layout: one template for each family. Operands of
// two are broadcast along runs: equal shapes, one number, or one number for each step of an outer loop.
#include "kernels/portable/portable.h"

#include <array>
#include <cmath>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kBlock = 4096;

// ---- one operand ----

struct Exp {
  static float of(float x, float, float) { return std::exp(x); }
};
struct Log {
  static float of(float x, float, float) { return std::log(x); }
};
struct Sqrt {
  static float of(float x, float, float) { return std::sqrt(x); }
};
struct Sigmoid {
  static float of(float x, float, float) { return 1.0f / (1.0f + std::exp(-x)); }
};
struct Tanh {
  static float of(float x, float, float) { return std::tanh(x); }
};
struct Swish {
  static float of(float x, float, float) { return x / (1.0f + std::exp(-x)); }
};
struct HardSwish {
  static float of(float x, float, float) {
    return x * std::min(std::max(x * (1.0f / 6.0f) + 0.5f, 0.0f), 1.0f);
  }
};
struct HardSigmoid {
  static float of(float x, float a, float b) { return std::min(std::max(a * x + b, 0.0f), 1.0f); }
};
struct LeakyRelu {
  static float of(float x, float a, float) { return x < 0 ? a * x : x; }
};
struct Elu {
  static float of(float x, float a, float) { return x < 0 ? a * std::expm1(x) : x; }
};
struct ClampTo {
  static float of(float x, float low, float high) { return std::min(std::max(x, low), high); }
};
struct Abs {
  static float of(float x, float, float) { return std::abs(x); }
};
struct Neg {
  static float of(float x, float, float) { return -x; }
};
struct Reciprocal {
  static float of(float x, float, float) { return 1.0f / x; }
};
struct Floor {
  static float of(float x, float, float) { return std::floor(x); }
};
struct Ceil {
  static float of(float x, float, float) { return std::ceil(x); }
};
struct Erf {
  static float of(float x, float, float) { return std::erf(x); }
};
struct Gelu {
  static float of(float x, float, float) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752440f)); }
};
struct Softplus {
  static float of(float x, float, float) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }
};

template <typename Function>
void unary(const Call& call) {
  const bool clamps = call.layer.main().op == Op::clamp;
  const float a = call.attributes().real(clamps ? "min" : "alpha");
  const float b = call.attributes().real(clamps ? "max" : "beta");
  const std::int64_t count = call.layer.outputs.front().shape.elements();
  const float* x = call.in(0);
  float* y = call.out();
  call.parallel((count + kBlock - 1) / kBlock, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin * kBlock; i < std::min(count, end * kBlock); ++i)
      y[i] = Function::of(x[i], a, b);
  });
}

Refusal supports_unary(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  return layer.inputs.size() == 1 ? uniform_f32(layer) : Refusal::op;
}

// ---- two operands ----

struct Add {
  static float of(float a, float b) { return a + b; }
};
struct Sub {
  static float of(float a, float b) { return a - b; }
};
struct Mul {
  static float of(float a, float b) { return a * b; }
};
struct Div {
  static float of(float a, float b) { return a / b; }
};
struct Min {
  static float of(float a, float b) { return std::min(a, b); }
};
struct Max {
  static float of(float a, float b) { return std::max(a, b); }
};
struct Pow {
  static float of(float a, float b) { return std::pow(a, b); }
};
struct Prelu {
  static float of(float a, float b) { return a < 0 ? a * b : a; }
};

// A loop nest over the output in the order in which it lies in memory, with each operand's step along each
// loop (0 where it is broadcast). Neighbouring loops that step alike are merged, so that equal shapes become
// one loop.
struct Loops {
  int count = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> step_a{};
  std::array<std::int64_t, kMaxRank> step_b{};
};

std::int64_t step_along(const TensorDesc& tensor, int axis, int rank, Layout layout) {
  const int own = axis - (rank - tensor.shape.rank());
  if (own < 0 || tensor.shape[own] == 1) return 0;
  // A constant lies row-major whatever the layout of the layer.
  Format format = tensor.format;
  if (!tensor.constant && tensor.shape.rank() >= 3) format.layout = layout;
  return dense_strides(tensor.shape, format)[static_cast<std::size_t>(own)];
}

Loops plan_loops(const LayerDesc& layer) {
  const TensorDesc& y = layer.outputs.front();
  const int rank = y.shape.rank();
  const Layout layout = layout_of(layer);
  std::array<int, kMaxRank> order{};  // output axes from the outermost in memory
  int axes = 0;
  const bool channels_last = layout == Layout::nhwc && rank >= 3;
  for (int axis = 0; axis < rank; ++axis) {
    if (!channels_last || axis != 1) order[static_cast<std::size_t>(axes++)] = axis;
  }
  if (channels_last) order[static_cast<std::size_t>(axes++)] = 1;
  Loops loops;
  for (int i = 0; i < axes; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    if (y.shape[axis] == 1) continue;
    const std::int64_t a = step_along(layer.inputs[0], axis, rank, layout);
    const std::int64_t b = step_along(layer.inputs[1], axis, rank, layout);
    if (loops.count > 0) {
      const auto last = static_cast<std::size_t>(loops.count - 1);
      if (loops.step_a[last] == a * y.shape[axis] && loops.step_b[last] == b * y.shape[axis]) {
        loops.extent[last] *= y.shape[axis];
        loops.step_a[last] = a;
        loops.step_b[last] = b;
        continue;
      }
    }
    const auto next = static_cast<std::size_t>(loops.count++);
    loops.extent[next] = y.shape[axis];
    loops.step_a[next] = a;
    loops.step_b[next] = b;
  }
  return loops;
}

template <typename Function>
void run_line(const float* a, std::int64_t step_a, const float* b, std::int64_t step_b, std::int64_t count,
              Clamp clamp, float* y) {
  const auto store = [&](std::int64_t i, float value) {
    y[i] = std::min(std::max(value, clamp.low), clamp.high);
  };
  if (step_a == 1 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) store(i, Function::of(a[i], b[i]));
  } else if (step_a == 1 && step_b == 0) {
    for (std::int64_t i = 0; i < count; ++i) store(i, Function::of(a[i], *b));
  } else if (step_a == 0 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) store(i, Function::of(*a, b[i]));
  } else {
    for (std::int64_t i = 0; i < count; ++i) store(i, Function::of(a[i * step_a], b[i * step_b]));
  }
}

template <typename Function>
void binary(const Call& call) {
  const Loops loops = plan_loops(call.layer);
  const Clamp clamp = clamp_of(call.layer);
  const std::int64_t total = call.layer.outputs.front().shape.elements();
  const auto inner = static_cast<std::size_t>(std::max(0, loops.count - 1));
  const std::int64_t line = loops.count == 0 ? 1 : loops.extent[inner];
  // One long line is cut into blocks; many lines are shared out whole.
  const bool single = total == line;
  const std::int64_t range = single ? (line + kBlock - 1) / kBlock : total / line;
  call.parallel(range, [&](std::int64_t begin, std::int64_t end, int) {
    if (single) {
      const std::int64_t first = begin * kBlock;
      const std::int64_t count = std::min(line, end * kBlock) - first;
      return run_line<Function>(call.in(0) + first * loops.step_a[inner], loops.step_a[inner],
                                call.in(1) + first * loops.step_b[inner], loops.step_b[inner], count, clamp,
                                call.out() + first);
    }
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t rest = i;
      const float* a = call.in(0);
      const float* b = call.in(1);
      for (std::size_t loop = inner; loop-- > 0;) {
        const std::int64_t at = rest % loops.extent[loop];
        rest /= loops.extent[loop];
        a += at * loops.step_a[loop];
        b += at * loops.step_b[loop];
      }
      run_line<Function>(a, loops.step_a[inner], b, loops.step_b[inner], line, clamp, call.out() + i * line);
    }
  });
}

// In nhwc an operand of lower rank than the output would have to be permuted against its own layout.
bool ranks_fit(const LayerDesc& layer, Layout layout) {
  if (layout == Layout::nchw) return true;
  const int rank = layer.outputs.front().shape.rank();
  return std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](const TensorDesc& x) {
    return x.constant || x.shape.rank() == rank || x.shape.elements() == 1;
  });
}

Refusal supports_binary(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.main().operands.size() != 2 || layer.inputs.size() != 2) return Refusal::op;
  if (!ranks_fit(layer, layout_of(layer))) return Refusal::rank;
  return layer.outputs.front().shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

constexpr Op kOps[] = {Op::exp,        Op::log,          Op::sqrt,       Op::sigmoid, Op::tanh,  Op::swish,
                       Op::hard_swish, Op::hard_sigmoid, Op::leaky_relu, Op::elu,     Op::clamp, Op::abs,
                       Op::neg,        Op::reciprocal,   Op::floor,      Op::ceil,    Op::erf,   Op::gelu,
                       Op::softplus,   Op::add,          Op::sub,        Op::mul,     Op::div,   Op::min,
                       Op::max,        Op::pow,          Op::prelu};

template <Compute compute>
constexpr Kernel unary_row(std::size_t op, std::string_view name) {
  Kernel kernel = row<compute>(name, {&kOps[op], 1}, kBoth, supports_unary);
  kernel.in_place = 1;
  return kernel;
}

template <Compute compute>
constexpr Kernel binary_row(std::size_t op, std::string_view name) {
  Kernel kernel = row<compute>(name, {&kOps[op], 1}, kBoth, supports_binary);
  kernel.in_place = 3;
  return kernel;
}

constexpr Kernel kTable[] = {
    unary_row<unary<Exp>>(0, "exp.loop.f32.portable"),
    unary_row<unary<Log>>(1, "log.loop.f32.portable"),
    unary_row<unary<Sqrt>>(2, "sqrt.loop.f32.portable"),
    unary_row<unary<Sigmoid>>(3, "sigmoid.loop.f32.portable"),
    unary_row<unary<Tanh>>(4, "tanh.loop.f32.portable"),
    unary_row<unary<Swish>>(5, "swish.loop.f32.portable"),
    unary_row<unary<HardSwish>>(6, "hard_swish.loop.f32.portable"),
    unary_row<unary<HardSigmoid>>(7, "hard_sigmoid.loop.f32.portable"),
    unary_row<unary<LeakyRelu>>(8, "leaky_relu.loop.f32.portable"),
    unary_row<unary<Elu>>(9, "elu.loop.f32.portable"),
    unary_row<unary<ClampTo>>(10, "clamp.loop.f32.portable"),
    unary_row<unary<Abs>>(11, "abs.loop.f32.portable"),
    unary_row<unary<Neg>>(12, "neg.loop.f32.portable"),
    unary_row<unary<Reciprocal>>(13, "reciprocal.loop.f32.portable"),
    unary_row<unary<Floor>>(14, "floor.loop.f32.portable"),
    unary_row<unary<Ceil>>(15, "ceil.loop.f32.portable"),
    unary_row<unary<Erf>>(16, "erf.loop.f32.portable"),
    unary_row<unary<Gelu>>(17, "gelu.loop.f32.portable"),
    unary_row<unary<Softplus>>(18, "softplus.loop.f32.portable"),
    binary_row<binary<Add>>(19, "add.loop.f32.portable"),
    binary_row<binary<Sub>>(20, "sub.loop.f32.portable"),
    binary_row<binary<Mul>>(21, "mul.loop.f32.portable"),
    binary_row<binary<Div>>(22, "div.loop.f32.portable"),
    binary_row<binary<Min>>(23, "min.loop.f32.portable"),
    binary_row<binary<Max>>(24, "max.loop.f32.portable"),
    binary_row<binary<Pow>>(25, "pow.loop.f32.portable"),
    binary_row<binary<Prelu>>(26, "prelu.loop.f32.portable"),
};

constexpr auto kRows = [] {
  std::array<const Kernel*, std::size(kTable)> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = &kTable[i];
  return rows;
}();

}  // namespace

std::span<const Kernel* const> elementwise_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::portable
