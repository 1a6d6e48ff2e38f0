// SPDX-License-Identifier: Apache-2.0
//
// The shuffle of channels between grouped convolutions: in nhwc the groups of each pixel are interleaved, in
// nchw whole planes move.
#include "kernels/common/nhwc.h"
#include "kernels/portable/portable.h"

#include <cstring>

namespace fettle::kernels::portable {
namespace {

// Two groups are the usual number, and a loop over them that compilers turn into vector instructions.
void interleave_pair(const float* __restrict x, std::int64_t size, float* __restrict y) {
  for (std::int64_t i = 0; i < size; ++i) {
    y[2 * i] = x[i];
    y[2 * i + 1] = x[size + i];
  }
}

void interleave(const float* __restrict x, std::int64_t groups, std::int64_t size, float* __restrict y) {
  if (groups == 2) return interleave_pair(x, size, y);
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t i = 0; i < size; ++i) y[i * groups + group] = x[group * size + i];
  }
}

void shuffle_pixels(const Call& call, std::int64_t groups) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const std::int64_t from = pixel_pitch(x);
  const std::int64_t to = pixel_pitch(y);
  call.parallel(x.shape[0] * pixels_of(x.shape), [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i)
      interleave(call.in(0) + i * from, groups, x.shape[1] / groups, call.out() + i * to);
  });
}

void shuffle_planes(const Call& call, std::int64_t groups) {
  const Shape& shape = call.layer.outputs.front().shape;
  const std::int64_t channels = shape[1];
  const std::int64_t plane = pixels_of(shape);
  call.parallel(shape[0] * channels, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / channels;
      const std::int64_t channel = i % channels;
      const std::int64_t source = channel % groups * (channels / groups) + channel / groups;
      std::memcpy(call.out() + i * plane, call.in(0) + (image * channels + source) * plane,
                  static_cast<std::size_t>(plane) * sizeof(float));
    }
  });
}

void channel_shuffle(const Call& call) {
  const std::int64_t groups = call.attributes().integer("group");
  if (call.layer.outputs.front().shape.elements() == 0) return;
  if (layout_of(call.layer) == Layout::nhwc)
    shuffle_pixels(call, groups);
  else
    shuffle_planes(call, groups);
}

Refusal supports_channel_shuffle(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.front().constant) return Refusal::constant;
  if (layer.outputs.front().shape.rank() < 3) return Refusal::rank;
  return uniform_f32(layer);
}

constexpr Op kShuffleOp[] = {Op::channel_shuffle};
constexpr Kernel kShuffle = [] {
  Kernel kernel = entry<channel_shuffle>("channel_shuffle.loop.f32.portable", kShuffleOp, kNchwNhwc<kF32>,
                                         supports_channel_shuffle);
  kernel.input_striding = Striding::pixels;
  kernel.output_striding = Striding::pixels;
  return kernel;
}();
constexpr const Kernel* kChannelShuffleEntries[] = {kept(kShuffle)};

}  // namespace

std::span<const Kernel* const> shuffle_entries() noexcept { return kChannelShuffleEntries; }

}  // namespace fettle::kernels::portable
