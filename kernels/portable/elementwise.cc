// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of one and two operands, in either layout: one template for each family. Operands of
// two are broadcast along runs: equal shapes, one number, or one number for each step of an outer loop.
#include "kernels/larger.h"
#include "kernels/portable/loops.h"
#include "kernels/portable/portable.h"

#include <cmath>
#include <type_traits>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kElementwiseBlock = 4096;

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
struct GeluTanh {
  static float of(float x, float, float) {
    return 0.5f * x * (1.0f + std::tanh(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
  }
};
struct Mish {
  static float of(float x, float, float) {
    return x * std::tanh(std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))));
  }
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
  call.parallel(
      (count + kElementwiseBlock - 1) / kElementwiseBlock, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin * kElementwiseBlock; i < std::min(count, end * kElementwiseBlock); ++i)
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
  static float of(float a, float b) { return smaller(a, b); }
};
struct Max {
  static float of(float a, float b) { return larger(a, b); }
};
struct Pow {
  static float of(float a, float b) { return std::pow(a, b); }
};
struct Prelu {
  static float of(float a, float b) { return a < 0 ? a * b : a; }
};

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

// Powers that are products or a reciprocal, for all elements the same; others are a call each.
bool whole_power(const float* x, float exponent, std::int64_t count, Clamp clamp, float* y) {
  const auto all = [&](auto&& power) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = std::min(std::max(power(x[i]), clamp.low), clamp.high);
    return true;
  };
  if (exponent == 1) return all([](float v) { return v; });
  if (exponent == 2) return all([](float v) { return v * v; });
  if (exponent == 3) return all([](float v) { return v * v * v; });
  if (exponent == 4) return all([](float v) { return v * v * (v * v); });
  return exponent == -1 && all([](float v) { return 1 / v; });
}

template <typename Function>
void binary(const Call& call) {
  const Loops loops = plan_loops(call.layer);
  const Clamp clamp = clamp_of(call.layer);
  const std::size_t inner = loops.inner();
  for_each_line(call, loops, [&](std::int64_t a, std::int64_t b, std::int64_t y, std::int64_t count) {
    if constexpr (std::is_same_v<Function, Pow>) {
      const bool one = loops.step_a[inner] == 1 && loops.step_b[inner] == 0;
      if (one && whole_power(call.in(0) + a, call.in(1)[b], count, clamp, call.out() + y)) return;
    }
    run_line<Function>(call.in(0) + a, loops.step_a[inner], call.in(1) + b, loops.step_b[inner], count, clamp,
                       call.out() + y);
  });
}

Refusal supports_binary(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.main().operands.size() != 2 || layer.inputs.size() != 2) return Refusal::op;
  if (!ranks_fit(layer, layout_of(layer))) return Refusal::rank;
  return layer.outputs.front().shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

constexpr Op kElementwiseOps[] = {Op::exp,   Op::log,        Op::sqrt,         Op::sigmoid,    Op::tanh,
                                  Op::swish, Op::hard_swish, Op::hard_sigmoid, Op::leaky_relu, Op::elu,
                                  Op::clamp, Op::abs,        Op::neg,          Op::reciprocal, Op::floor,
                                  Op::ceil,  Op::erf,        Op::gelu,         Op::softplus,   Op::add,
                                  Op::sub,   Op::mul,        Op::div,          Op::min,        Op::max,
                                  Op::pow,   Op::prelu,      Op::gelu_tanh,    Op::mish};

template <Compute compute>
constexpr Kernel unary_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<compute>(name, {&kElementwiseOps[op], 1}, kNchwNhwc<kF32>, supports_unary);
  kernel.in_place = 1;
  kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}

template <Compute compute>
constexpr Kernel binary_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<compute>(name, {&kElementwiseOps[op], 1}, kNchwNhwc<kF32>, supports_binary);
  kernel.in_place = 3;
  kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}

constexpr Kernel kElementwiseTable[] = {
    unary_entry<unary<Exp>>(0, "exp.loop.f32.portable"),
    unary_entry<unary<Log>>(1, "log.loop.f32.portable"),
    unary_entry<unary<Sqrt>>(2, "sqrt.loop.f32.portable"),
    unary_entry<unary<Sigmoid>>(3, "sigmoid.loop.f32.portable"),
    unary_entry<unary<Tanh>>(4, "tanh.loop.f32.portable"),
    unary_entry<unary<Swish>>(5, "swish.loop.f32.portable"),
    unary_entry<unary<HardSwish>>(6, "hard_swish.loop.f32.portable"),
    unary_entry<unary<HardSigmoid>>(7, "hard_sigmoid.loop.f32.portable"),
    unary_entry<unary<LeakyRelu>>(8, "leaky_relu.loop.f32.portable"),
    unary_entry<unary<Elu>>(9, "elu.loop.f32.portable"),
    unary_entry<unary<ClampTo>>(10, "clamp.loop.f32.portable"),
    unary_entry<unary<Abs>>(11, "abs.loop.f32.portable"),
    unary_entry<unary<Neg>>(12, "neg.loop.f32.portable"),
    unary_entry<unary<Reciprocal>>(13, "reciprocal.loop.f32.portable"),
    unary_entry<unary<Floor>>(14, "floor.loop.f32.portable"),
    unary_entry<unary<Ceil>>(15, "ceil.loop.f32.portable"),
    unary_entry<unary<Erf>>(16, "erf.loop.f32.portable"),
    unary_entry<unary<Gelu>>(17, "gelu.loop.f32.portable"),
    unary_entry<unary<Softplus>>(18, "softplus.loop.f32.portable"),
    binary_entry<binary<Add>>(19, "add.loop.f32.portable"),
    binary_entry<binary<Sub>>(20, "sub.loop.f32.portable"),
    binary_entry<binary<Mul>>(21, "mul.loop.f32.portable"),
    binary_entry<binary<Div>>(22, "div.loop.f32.portable"),
    binary_entry<binary<Min>>(23, "min.loop.f32.portable"),
    binary_entry<binary<Max>>(24, "max.loop.f32.portable"),
    binary_entry<binary<Pow>>(25, "pow.loop.f32.portable"),
    binary_entry<binary<Prelu>>(26, "prelu.loop.f32.portable"),
    unary_entry<unary<GeluTanh>>(27, "gelu_tanh.loop.f32.portable"),
    unary_entry<unary<Mish>>(28, "mish.loop.f32.portable"),
};

}  // namespace

std::span<const Kernel* const> elementwise_entries() noexcept { return kKeptAddresses<kElementwiseTable>; }

}  // namespace fettle::kernels::portable
