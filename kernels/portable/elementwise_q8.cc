// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators on quantised operands, and the borders between real and quantised numbers.
#include "kernels/portable/loops.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kElementwiseQ8Block = 4096;

// Calls body(first, last) for blocks of the result's elements, which lie alike in all tensors. Bodies copy
// what they compute with: bytes that are written could otherwise change it, for all that a compiler knows,
// and the loop would not be vectorised.
template <typename Body>
void for_each_block(const Call& call, Body&& body) {
  const std::int64_t count = call.layer.outputs.front().shape.elements();
  call.parallel((count + kElementwiseQ8Block - 1) / kElementwiseQ8Block,
                [&](std::int64_t begin, std::int64_t end, int) {
                  body(begin * kElementwiseQ8Block, std::min(count, end * kElementwiseQ8Block));
                });
}

// The quotient is exact, as the reference's is, so that both round alike.
void quantize(const Call& call) {
  const float scale = call.layer.outputs.front().format.scale;
  const Target target = target_of(call.layer);
  const float* x = call.in(0);
  auto* y = call.out<std::uint8_t>();
  for_each_block(call, [&](std::int64_t first, std::int64_t last) {
    const Target to = target;
    const float divisor = scale;
    const float* from = x;
    std::uint8_t* bytes = y;
    for (std::int64_t i = first; i < last; ++i) {
      const float units = from[i] / divisor;
      bytes[i] = to.store(units == units ? units : 0.0f);  // NaN becomes the zero point
    }
  });
}

void dequantize(const Call& call) {
  const float scale = call.layer.inputs.front().format.scale;
  const Source source(call.layer.inputs.front().format);
  const auto* x = call.in<std::uint8_t>(0);
  float* y = call.out();
  for_each_block(call, [&](std::int64_t first, std::int64_t last) {
    const Source from = source;
    const float factor = scale;
    const std::uint8_t* bytes = x;
    float* reals = y;
    for (std::int64_t i = first; i < last; ++i) reals[i] = static_cast<float>(from.steps(bytes[i])) * factor;
  });
}

void requantize(const Call& call) {
  const Source source(call.layer.inputs.front().format);
  const Target target = target_of(call.layer);
  const float factor = scale_ratio_q8(call.layer.inputs.front().format, call.layer.outputs.front().format);
  const auto* x = call.in<std::uint8_t>(0);
  auto* y = call.out<std::uint8_t>();
  for_each_block(call, [&](std::int64_t first, std::int64_t last) {
    const Source from = source;
    const Target to = target;
    const float by = factor;
    const std::uint8_t* bytes = x;
    std::uint8_t* results = y;
    for (std::int64_t i = first; i < last; ++i)
      results[i] = to.store(static_cast<float>(from.steps(bytes[i])) * by);
  });
}

// One quantisation on both sides, so only the bounds matter.
void clamp(const Call& call) {
  const Format& format = call.layer.outputs.front().format;
  const std::uint8_t flip = flip_of(format.type);
  const StoredRange range =
      stored_range(Clamp{call.attributes().real("min"), call.attributes().real("max")}, format);
  const auto low = static_cast<std::uint8_t>(static_cast<std::uint8_t>(range.low) ^ flip);
  const auto high = static_cast<std::uint8_t>(static_cast<std::uint8_t>(range.high) ^ flip);
  const auto* x = call.in<std::uint8_t>(0);
  auto* y = call.out<std::uint8_t>();
  for_each_block(call, [&](std::int64_t first, std::int64_t last) {
    const std::uint8_t mask = flip;
    const std::uint8_t least = low;
    const std::uint8_t most = high;
    const std::uint8_t* bytes = x;
    std::uint8_t* results = y;
    for (std::int64_t i = first; i < last; ++i) {
      const auto value = static_cast<std::uint8_t>(bytes[i] ^ mask);
      results[i] = static_cast<std::uint8_t>(std::min(std::max(value, least), most) ^ mask);
    }
  });
}

// ---- two operands ----

struct Scales {
  Source a;
  Source b;
  Target target;
  float factor_a;  // for a product, of both
  float factor_b;
};

struct AddQ8 {
  static float of(const Scales& s, std::uint8_t a, std::uint8_t b) {
    return static_cast<float>(s.a.steps(a)) * s.factor_a + static_cast<float>(s.b.steps(b)) * s.factor_b;
  }
};
struct MulQ8 {
  static float of(const Scales& s, std::uint8_t a, std::uint8_t b) {
    return static_cast<float>(s.a.steps(a) * s.b.steps(b)) * s.factor_a;
  }
};

template <typename Function>
void run_line(const Scales& s, const std::uint8_t* a, std::int64_t step_a, const std::uint8_t* b,
              std::int64_t step_b, std::int64_t count, std::uint8_t* y) {
  // Copies, which the compiler knows that writing to y does not change.
  const Scales scales = s;
  const auto store = [&](std::int64_t i, std::uint8_t left, std::uint8_t right) {
    y[i] = scales.target.store(Function::of(scales, left, right));
  };
  if (step_a == 1 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) store(i, a[i], b[i]);
  } else if (step_a == 1 && step_b == 0) {
    for (std::int64_t i = 0; i < count; ++i) store(i, a[i], *b);
  } else if (step_a == 0 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) store(i, *a, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) store(i, a[i * step_a], b[i * step_b]);
  }
}

template <typename Function>
void binary_q8(const Call& call) {
  const Loops loops = plan_loops(call.layer);
  const TensorDesc& x0 = call.layer.inputs[0];
  const TensorDesc& x1 = call.layer.inputs[1];
  const TensorDesc& result = call.layer.outputs.front();
  Scales scales{Source(x0.format), Source(x1.format), target_of(call.layer),
                scale_ratio_q8(x0.format, result.format), scale_ratio_q8(x1.format, result.format)};
  if (call.layer.main().op == Op::mul)
    scales.factor_a =
        static_cast<float>(static_cast<double>(x0.format.scale) * static_cast<double>(x1.format.scale) /
                           static_cast<double>(result.format.scale));
  const std::size_t inner = loops.inner();
  for_each_line(call, loops, [&](std::int64_t a, std::int64_t b, std::int64_t y, std::int64_t count) {
    run_line<Function>(scales, call.in<std::uint8_t>(0) + a, loops.step_a[inner],
                       call.in<std::uint8_t>(1) + b, loops.step_b[inner], count,
                       call.out<std::uint8_t>() + y);
  });
}

Refusal supports_binary_q8(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_q8(layer); refusal != Refusal::none) return refusal;
  if (layer.main().operands.size() != 2 || layer.inputs.size() != 2) return Refusal::op;
  if (!ranks_fit(layer, layout_of(layer))) return Refusal::rank;
  return layer.outputs.front().shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

bool one_input(const LayerDesc& layer) {
  return layer.inputs.size() == 1 && layer.inputs[0].shape == layer.outputs[0].shape;
}

Refusal same_layout(const LayerDesc& layer) {
  const TensorDesc& x = layer.inputs[0];
  const TensorDesc& y = layer.outputs[0];
  if (x.format.layout == Layout::nchwc || y.format.layout == Layout::nchwc) return Refusal::layout;
  if (x.constant) return Refusal::constant;
  return x.shape.rank() < 3 || x.format.layout == y.format.layout ? Refusal::none : Refusal::layout;
}

bool is_f32(const TensorDesc& tensor) {
  return tensor.format.type == DataType::f32 && tensor.format.scale == 0;
}

Refusal supports_quantize(const LayerDesc& layer, const Cpu&) {
  if (!one_input(layer) || layer.main().clamp) return Refusal::op;
  return is_f32(layer.inputs[0]) && is_quantised(layer.outputs[0]) ? same_layout(layer) : Refusal::data_type;
}

Refusal supports_dequantize(const LayerDesc& layer, const Cpu&) {
  if (!one_input(layer) || layer.main().clamp) return Refusal::op;
  return is_quantised(layer.inputs[0]) && is_f32(layer.outputs[0]) ? same_layout(layer) : Refusal::data_type;
}

Refusal supports_requantize(const LayerDesc& layer, const Cpu&) {
  if (!one_input(layer)) return Refusal::op;
  if (const Refusal refusal = uniform_q8(layer); refusal != Refusal::none) return refusal;
  return same_layout(layer);
}

Refusal supports_clamp(const LayerDesc& layer, const Cpu& cpu) {
  if (layer.main().clamp) return Refusal::clamp;
  if (const Refusal refusal = supports_requantize(layer, cpu); refusal != Refusal::none) return refusal;
  return layer.inputs[0].format.type == layer.outputs[0].format.type ? Refusal::none : Refusal::data_type;
}

constexpr Op kElementwiseQ8Ops[] = {Op::convert, Op::clamp, Op::add, Op::mul};

template <Compute compute>
constexpr Kernel byte_entry(std::size_t op, std::string_view name, std::uint32_t in_place,
                            Refusal (*supports)(const LayerDesc&, const Cpu&)) {
  Kernel kernel = entry<compute>(name, {&kElementwiseQ8Ops[op], 1}, kNchwNhwc<>, supports);
  kernel.in_place = in_place;
  return kernel;
}

constexpr Kernel kQuantize = byte_entry<quantize>(0, "convert.quantize.f32.portable", 0, supports_quantize);
constexpr Kernel kDequantize =
    byte_entry<dequantize>(0, "convert.dequantize.q8.portable", 0, supports_dequantize);
constexpr Kernel kRequantize =
    byte_entry<requantize>(0, "convert.requantize.q8.portable", 1, supports_requantize);
constexpr Kernel kClamp = byte_entry<clamp>(1, "clamp.loop.q8.portable", 1, supports_clamp);
constexpr Kernel kAdd = byte_entry<binary_q8<AddQ8>>(2, "add.loop.q8.portable", 3, supports_binary_q8);
constexpr Kernel kMul = byte_entry<binary_q8<MulQ8>>(3, "mul.loop.q8.portable", 3, supports_binary_q8);
constexpr const Kernel* kConvertQ8Table[] = {kept(kQuantize), kept(kDequantize), kept(kRequantize)};
constexpr const Kernel* kElementwiseQ8Table[] = {kept(kClamp), kept(kAdd), kept(kMul)};

}  // namespace

std::span<const Kernel* const> convert_q8_entries() noexcept { return kConvertQ8Table; }
std::span<const Kernel* const> elementwise_q8_entries() noexcept { return kElementwiseQ8Table; }

}  // namespace fettle::kernels::portable
