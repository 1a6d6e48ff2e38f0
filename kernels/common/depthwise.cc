// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise.h"

#include "kernels/common/blocked.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

std::int64_t packed_pitch(const DepthwiseSet& set, const ConvShape& s) { return set.lanes * (1 + s.taps()); }

std::int64_t vectors(const DepthwiseSet& set, const ConvShape& s) {
  return (s.out_channels + set.lanes - 1) / set.lanes;
}

// Outputs [first, last) of a row whose windows lie inside the image from left to right.
void inner_range(const ConvShape& s, std::int64_t& first, std::int64_t& last) {
  std::int64_t ignored = 0;
  valid_range(s, 0, first, ignored);
  valid_range(s, s.kernel_w - 1, ignored, last);
  last = std::max(first, last);
}

DepthwiseKernel choose(const DepthwiseSet& set, const ConvShape& s) {
  const bool usual =
      s.dilation_w == 1 && s.stride_w <= 2 && s.kernel_w % 2 == 1 && s.kernel_w >= 3 && s.kernel_w <= 7;
  return usual ? set.usual[(s.kernel_w - 3) / 2][s.stride_w - 1] : set.any;
}

bool is_blocked(const LayerDesc& layer) { return layer.outputs[0].format.layout == Layout::nchwc; }

std::int64_t pitch_of(const TensorDesc& tensor) {
  return tensor.format.layout == Layout::nchwc ? tensor.format.block : pixel_pitch(tensor);
}

class BoundDepthwise final : public BoundKernel {
 public:
  BoundDepthwise(const DepthwiseSet& set, const BindArgs& args)
      : shape_(args.layer),
        images_(is_blocked(args.layer) ? blocks_of(args.layer.outputs[0]) : 1),
        kernel_(choose(set, shape_)),
        pool_(args.pool),
        threads_(args.threads) {
    const ConvShape& s = shape_;
    const Clamp clamp = Epilogue(args.layer).clamp;
    row_.input_pitch = pitch_of(args.layer.inputs[0]);
    row_.tap_row_pitch = s.dilation_h * s.in_w * row_.input_pitch;
    row_.in_w = s.in_w;
    row_.output_pitch = pitch_of(args.layer.outputs[0]);
    row_.channels = is_blocked(args.layer) ? set.lanes : s.out_channels;
    row_.last = s.out_w;
    inner_range(s, row_.inner_first, row_.inner_last);
    row_.columns = static_cast<int>(s.kernel_w);
    row_.stride = s.stride_w, row_.dilation = s.dilation_w, row_.pad_left = s.pad_left;
    row_.packed = reinterpret_cast<const float*>(args.packed.data());
    row_.packed_pitch = packed_pitch(set, s);
    row_.low = clamp.low, row_.high = clamp.high;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, shape_.batch * images_ * shape_.out_h,
                 [&](std::int64_t begin, std::int64_t end, int) {
                   for (std::int64_t i = begin; i < end; ++i) run_row(i / shape_.out_h, i % shape_.out_h);
                 });
    return {};
  }

 private:
  void run_row(std::int64_t image, std::int64_t oy) const noexcept {
    const ConvShape& s = shape_;
    DepthwiseRow row = row_;
    const std::int64_t top = oy * s.stride_h - s.pad_top;
    const std::int64_t first = top >= 0 ? 0 : (-top + s.dilation_h - 1) / s.dilation_h;
    const std::int64_t last = top >= s.in_h ? 0 : (s.in_h - 1 - top) / s.dilation_h + 1;
    row.last_tap_row = static_cast<int>(std::min(s.kernel_h, last));
    row.first_tap_row = static_cast<int>(std::min<std::int64_t>(first, row.last_tap_row));
    const std::int64_t iy = std::clamp<std::int64_t>(top + row.first_tap_row * s.dilation_h, 0, s.in_h - 1);
    row.input = input_ + (image * s.in_h + iy) * s.in_w * row.input_pitch;
    row.output = output_ + (image * s.out_h + oy) * s.out_w * row.output_pitch;
    row.packed += image % images_ * row.packed_pitch;
    kernel_(row);
  }

  const ConvShape shape_;
  const std::int64_t images_;  // that each of the batch is made of
  const DepthwiseKernel kernel_;
  ThreadPool* const pool_;
  const int threads_;
  DepthwiseRow row_{};  // what all rows have in common
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

}  // namespace

Refusal Depthwise::supports(const DepthwiseSet& set, const LayerDesc& layer) noexcept {
  if (is_blocked(layer)) {
    if (const Refusal no = check_blocked_f32(layer, set.lanes); no != Refusal::none) return no;
    if (const Refusal no = check_conv(layer); no != Refusal::none) return no;
    if (!clamp_keeps_padding(layer)) return Refusal::clamp;
  } else if (const Refusal no = check_nhwc_conv(layer); no != Refusal::none) {
    return no;
  }
  const ConvShape s(layer);
  if (s.groups != s.in_channels || s.out_channels != s.in_channels) return Refusal::groups;
  constexpr std::int64_t kMost = 1 << 15;
  return s.kernel_h < kMost && s.kernel_w < kMost ? Refusal::none : Refusal::kernel_size;
}

std::size_t Depthwise::packed_bytes(const DepthwiseSet& set, const LayerDesc& layer) {
  const ConvShape s(layer);
  return static_cast<std::size_t>(vectors(set, s) * packed_pitch(set, s)) * sizeof(float);
}

Status Depthwise::pack(const DepthwiseSet& set, const LayerDesc& layer,
                       std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const ConvShape s(layer);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  std::fill_n(target, vectors(set, s) * packed_pitch(set, s), 0.0f);
  for (std::int64_t c = 0; c < s.out_channels; ++c) {
    float* place = target + c / set.lanes * packed_pitch(set, s) + c % set.lanes;
    if (bias != nullptr) *place = bias[c];
    for (std::int64_t t = 0; t < s.taps(); ++t) place[(t + 1) * set.lanes] = weights[c * s.taps() + t];
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Depthwise::bind(const DepthwiseSet& set, const BindArgs& args) {
  return bind_as<BoundDepthwise>(set, args);
}

}  // namespace fettle::kernels
