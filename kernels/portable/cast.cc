// SPDX-License-Identifier: Apache-2.0
//
// Casts to f32, f16 and bf16: from each other, and from integers.
#include "kernels/portable/portable.h"
#include "lib/base/narrow_floats.h"

#include <algorithm>
#include <cstdint>

namespace fettle::kernels::portable {
namespace {

constexpr std::int64_t kCastBlock = 4096;

// Types of 16 bits, which are stored alike.
struct F16 {
  using Stored = std::uint16_t;
  static float load(Stored x) { return from_f16(x); }
  static Stored store(float x) { return to_f16(x); }
};
struct Bf16 {
  using Stored = std::uint16_t;
  static float load(Stored x) { return from_bf16(x); }
  static Stored store(float x) { return to_bf16(x); }
};
template <typename T>
struct Plain {
  using Stored = T;
  static float load(Stored x) { return static_cast<float>(x); }
  static Stored store(float x) { return static_cast<T>(x); }
};

template <typename From, typename To>
void cast_line(const void* from, void* to, std::int64_t begin, std::int64_t end) {
  const auto* __restrict x = static_cast<const typename From::Stored*>(from);
  auto* __restrict y = static_cast<typename To::Stored*>(to);
  for (std::int64_t i = begin; i < end; ++i) y[i] = To::store(From::load(x[i]));
}

using Line = void (*)(const void* from, void* to, std::int64_t begin, std::int64_t end);

template <typename From>
Line line_to(DataType to) {
  switch (to) {
    case DataType::f32:
      return cast_line<From, Plain<float>>;
    case DataType::f16:
      return cast_line<From, F16>;
    case DataType::bf16:
      return cast_line<From, Bf16>;
    default:
      return nullptr;
  }
}

// Null where there is none. Wide integers are rounded twice on the way to bf16, which is not what a Cast is;
// on the way to f16 what the first rounding changes becomes infinite anyway.
Line line_of(DataType from, DataType to) {
  switch (from) {
    case DataType::f32:
      return line_to<Plain<float>>(to);
    case DataType::f16:
      return line_to<F16>(to);
    case DataType::bf16:
      return line_to<Bf16>(to);
    case DataType::s8:
      return line_to<Plain<std::int8_t>>(to);
    case DataType::u8:
    case DataType::boolean:
      return line_to<Plain<std::uint8_t>>(to);
    case DataType::s32:
      return to == DataType::bf16 ? nullptr : line_to<Plain<std::int32_t>>(to);
    case DataType::s64:
      return to == DataType::bf16 ? nullptr : line_to<Plain<std::int64_t>>(to);
    default:
      return nullptr;
  }
}

void cast(const Call& call) {
  const Line line = line_of(call.layer.inputs.front().format.type, call.layer.outputs.front().format.type);
  const std::int64_t count = call.layer.outputs.front().shape.elements();
  call.parallel((count + kCastBlock - 1) / kCastBlock, [&](std::int64_t begin, std::int64_t end, int) {
    line(call.inputs[0], call.outputs[0], begin * kCastBlock, std::min(count, end * kCastBlock));
  });
}

Refusal supports_cast(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
  const Format& x = layer.inputs.front().format;
  const Format& y = layer.outputs.front().format;
  if (x.scale != 0 || y.scale != 0 || x.type == y.type || line_of(x.type, y.type) == nullptr)
    return Refusal::data_type;
  if (x.layout != y.layout || x.layout == Layout::nchwc) return Refusal::layout;
  return layer.inputs.front().constant && x.layout != Layout::nchw ? Refusal::constant : Refusal::none;
}

constexpr Op kCastOp[] = {Op::convert};
constexpr Kernel kCast = [] {
  Kernel kernel = entry<cast>("convert.cast.any.portable", kCastOp, kNchwNhwc<>, supports_cast);
  kernel.bounded_axes = BoundedAxes::any;
  return kernel;
}();
constexpr const Kernel* kCastEntries[] = {kept(kCast)};

}  // namespace

std::span<const Kernel* const> cast_entries() noexcept { return kCastEntries; }

}  // namespace fettle::kernels::portable
