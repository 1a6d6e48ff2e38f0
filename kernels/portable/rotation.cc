// SPDX-License-Identifier: Apache-2.0
//
// Rotary position embedding (RoPE; Su et al., 2021, arXiv:2104.09864): pairs of a row's elements are turned
// by angles that depend on the row's place in its sequence.
#include "kernels/portable/portable.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fettle::kernels::portable {
namespace {

// The first elements of a row with those half of the turned ones further on.
void turn_halves(const float* x, const float* cosines, const float* sines, std::int64_t half, float* y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float first = x[i];
    const float second = x[half + i];
    y[i] = cosines[i] * first - sines[i] * second;
    y[half + i] = cosines[i] * second + sines[i] * first;
  }
}

// Neighbours.
void turn_pairs(const float* x, const float* cosines, const float* sines, std::int64_t half, float* y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float first = x[2 * i];
    const float second = x[2 * i + 1];
    y[2 * i] = cosines[i] * first - sines[i] * second;
    y[2 * i + 1] = cosines[i] * second + sines[i] * first;
  }
}

void rotary_embedding(const Call& call) {
  const Shape& x = call.layer.inputs[0].shape;
  const std::int64_t heads = x[1];
  const std::int64_t length = x[2];
  const std::int64_t size = x[3];
  const std::int64_t rotated = call.attributes().integer("rotary_embedding_dim");
  const std::int64_t half = rotated / 2;
  const auto turn = call.attributes().integer("interleaved") != 0 ? turn_pairs : turn_halves;
  const std::int64_t positions = call.layer.inputs[1].shape[0];
  const auto* places = call.layer.operand(3) == nullptr ? nullptr : call.in<std::int64_t>(3);
  call.parallel(x[0] * heads * length, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t at = row / (heads * length) * length + row % length;  // image and place in it
      const std::int64_t angle =
          half * (places == nullptr ? at : std::clamp<std::int64_t>(places[at], 0, positions - 1));
      const float* from = call.in(0) + row * size;
      float* to = call.out() + row * size;
      turn(from, call.in(1) + angle, call.in(2) + angle, half, to);
      std::memcpy(to + rotated, from + rotated, static_cast<std::size_t>(size - rotated) * sizeof(float));
    }
  });
}

Refusal supports_rotation(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() < 3 || layer.outputs.size() != 1) return Refusal::op;
  if (layer.main().clamp) return Refusal::clamp;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (layer.main().operands[i] != static_cast<int>(i)) return Refusal::op;
    const TensorDesc& input = layer.inputs[i];
    if (input.format.type != (i == 3 ? DataType::s64 : DataType::f32)) return Refusal::data_type;
    if (input.format.layout != Layout::nchw) return Refusal::layout;
    if (input.format.scale != 0) return Refusal::data_type;
  }
  const TensorDesc& y = layer.outputs[0];
  if (!is_plain_f32(y)) return Refusal::data_type;
  if (y.format.layout != Layout::nchw) return Refusal::layout;
  return y.shape.elements() > 0 && y.shape.rank() == 4 ? Refusal::none : Refusal::shape;
}

constexpr Op kRotaryOp[] = {Op::rotary_embedding};
constexpr Kernel kRotaryEmbedding =
    entry<rotary_embedding>("rotary_embedding.rows.f32.portable", kRotaryOp, kNchw<>, supports_rotation);
constexpr const Kernel* kRotationEntries[] = {kept(kRotaryEmbedding)};

}  // namespace

std::span<const Kernel* const> rotation_entries() noexcept { return kRotationEntries; }

}  // namespace fettle::kernels::portable
