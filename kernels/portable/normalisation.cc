// SPDX-License-Identifier: Apache-2.0
//
// Normalisation over neighbouring elements: a channel of an image (InstanceNormalization), or the last axes
// (LayerNormalization, RMSNormalization).
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <cmath>

namespace fettle::kernels::portable {
namespace {

using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
using Array = Eigen::Map<Eigen::ArrayXf>;

// Sums of this many elements are taken in float, and added in double: as fast, and exact enough for any row.
constexpr std::int64_t kChunk = 512;
// Sums side by side, for vectors. Eigen's own sum begins where memory is aligned, so that its order, and with
// it the last bit, would depend on the address.
constexpr std::int64_t kLanes = 16;

template <typename Value>
double sum_in_chunks(const float* x, std::int64_t count, Value&& value) {
  double total = 0;
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    const std::int64_t end = std::min(count, begin + kChunk);
    float sums[kLanes] = {};
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += value(x[i + lane]);
    }
    for (std::int64_t lane = 0; i < end; ++i, ++lane) sums[lane] += value(x[i]);
    for (const float sum : sums) total += static_cast<double>(sum);
  }
  return total;
}

struct Moments {
  float mean;
  float inverse;  // of the standard deviation

  Moments(const float* x, std::int64_t count, double epsilon) {
    const auto n = static_cast<double>(count);
    mean = static_cast<float>(sum_in_chunks(x, count, [](float v) { return v; }) / n);
    const auto squares = [this](float v) { return (v - mean) * (v - mean); };
    inverse = static_cast<float>(1 / std::sqrt(sum_in_chunks(x, count, squares) / n + epsilon));
  }
};

void instance_norm(const Call& call) {
  const Shape& shape = call.layer.inputs[0].shape;
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape.elements() / (shape[0] * channels);
  const auto epsilon = static_cast<double>(call.attributes().real("epsilon"));
  call.parallel(shape[0] * channels, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = call.in(0) + i * pixels;
      const Moments m(x, pixels, epsilon);
      Array(call.out() + i * pixels, pixels) =
          (ConstArray(x, pixels) - m.mean) * (m.inverse * call.in(1)[i % channels]) +
          call.in(2)[i % channels];
    }
  });
}

void layer_norm(const Call& call) {
  const Shape& shape = call.layer.inputs[0].shape;
  const auto axis = static_cast<std::size_t>(call.attributes().integer("axis"));
  const std::int64_t length = Shape(shape.dims().subspan(axis)).elements();
  const auto epsilon = static_cast<double>(call.attributes().real("epsilon"));
  const bool biased = call.layer.operand(2) != nullptr;
  const ConstArray scale(call.in(1), length);
  call.parallel(shape.elements() / length, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = call.in(0) + i * length;
      const Moments m(x, length, epsilon);
      Array y(call.out() + i * length, length);
      y = (ConstArray(x, length) - m.mean) * m.inverse * scale;
      if (biased) y += ConstArray(call.in(2), length);
      if (call.outputs.size() > 1) {
        call.out(1)[i] = m.mean;
        call.out(2)[i] = m.inverse;
      }
    }
  });
}

void rms_norm(const Call& call) {
  const Shape& shape = call.layer.inputs[0].shape;
  const auto axis = static_cast<std::size_t>(call.attributes().integer("axis"));
  const std::int64_t length = Shape(shape.dims().subspan(axis)).elements();
  const auto epsilon = static_cast<double>(call.attributes().real("epsilon"));
  const ConstArray scale(call.in(1), length);
  call.parallel(shape.elements() / length, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = call.in(0) + i * length;
      const double squares = sum_in_chunks(x, length, [](float v) { return v * v; });
      const auto inverse = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(length) + epsilon));
      Array(call.out() + i * length, length) = ConstArray(x, length) * inverse * scale;
    }
  });
}

Refusal supports_rows(const LayerDesc& layer) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.main().clamp) return Refusal::clamp;
  return layer.inputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

Refusal supports_instance_norm(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() != 3) return Refusal::op;
  return layer.inputs[0].shape.rank() >= 3 ? supports_rows(layer) : Refusal::rank;
}

Refusal supports_layer_norm(const LayerDesc& layer, const Cpu&) {
  const Shape& x = layer.inputs[0].shape;
  const Shape row(x.dims().subspan(static_cast<std::size_t>(layer.main().attributes.integer("axis"))));
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
    if (!(layer.inputs[i].shape == row)) return Refusal::shape;
  }
  const bool whole = layer.inputs.size() >= 2 && (layer.outputs.size() == 1 || layer.outputs.size() == 3);
  return whole ? supports_rows(layer) : Refusal::op;
}

Refusal supports_rms_norm(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.size() != 2 || layer.outputs.size() != 1) return Refusal::op;
  const Shape& x = layer.inputs[0].shape;
  const Shape row(x.dims().subspan(static_cast<std::size_t>(layer.main().attributes.integer("axis"))));
  return layer.inputs[1].shape == row ? supports_rows(layer) : Refusal::shape;
}

constexpr Op kNormalisationOps[] = {Op::instance_norm, Op::layer_norm, Op::rms_norm};
constexpr Kernel kInstanceNorm =
    following(entry<instance_norm>("instance_norm.rows.f32.portable", {&kNormalisationOps[0], 1}, kNchw<kF32>,
                                   supports_instance_norm),
              BoundedAxes::outermost);
constexpr Kernel kLayerNorm =
    following(entry<layer_norm>("layer_norm.rows.f32.portable", {&kNormalisationOps[1], 1}, kNchw<kF32>,
                                supports_layer_norm),
              BoundedAxes::outermost);
constexpr Kernel kRmsNorm = following(
    entry<rms_norm>("rms_norm.rows.f32.portable", {&kNormalisationOps[2], 1}, kNchw<kF32>, supports_rms_norm),
    BoundedAxes::outermost);
constexpr const Kernel* kNormalisationEntries[] = {kept(kInstanceNorm), kept(kLayerNorm), kept(kRmsNorm)};

}  // namespace

std::span<const Kernel* const> normalisation_entries() noexcept { return kNormalisationEntries; }

}  // namespace fettle::kernels::portable
