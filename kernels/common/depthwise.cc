// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise.h"

#include "kernels/common/blocked.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/depthwise_rows.h"
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

class BoundDepthwise final : public BoundKernel {
 public:
  BoundDepthwise(const DepthwiseSet& set, const BindArgs& args, const UnaryFunction& activation)
      : rows_(set, args.layer, args.packed),
        activation_(activation),
        output_pitch_(pixel_distance(args.layer.outputs[0])),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t width = rows_.shape().out_w;
    parallel_for(pool_, threads_, rows_.count(), [&](std::int64_t begin, std::int64_t end, int) {
      // An activation is computed of what has just been stored.
      const std::int64_t together = activation_.kernel != nullptr ? 1 : end - begin;
      for (std::int64_t row = begin; row < end; row += together) {
        float* output = output_ + row * width * output_pitch_;
        rows_.compute(input_, row, row + together, 0, width, output, output_pitch_);
        activation_.apply(output, output_pitch_, width, rows_.channels());
      }
    });
    return {};
  }

 private:
  const DepthwiseRows rows_;
  const UnaryFunction activation_;
  const std::int64_t output_pitch_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

}  // namespace

DepthwiseRows::DepthwiseRows(const DepthwiseSet& set, const LayerDesc& layer,
                             std::span<const std::byte> packed)
    : shape_(layer),
      images_(is_blocked(layer) ? blocks_of(layer.outputs[0]) : 1),
      kernel_(choose(set, shape_)) {
  const ConvShape& s = shape_;
  const Clamp clamp = Epilogue(layer).clamp;
  DepthwiseRow& row = common_.row;
  row.input_pitch = pixel_distance(layer.inputs[0]);
  row.tap_row_pitch = s.dilation_h * s.in_w * row.input_pitch;
  row.in_w = s.in_w;
  row.channels = is_blocked(layer) ? set.lanes : s.out_channels;
  inner_range(s, row.inner_first, row.inner_last);
  row.columns = static_cast<int>(s.kernel_w);
  row.stride = s.stride_w, row.dilation = s.dilation_w, row.pad_left = s.pad_left;
  row.packed = reinterpret_cast<const float*>(packed.data());
  row.packed_pitch = packed_pitch(set, s);
  row.low = clamp.low, row.high = clamp.high;
  common_.in_h = s.in_h;
  common_.row_pitch = s.in_w * row.input_pitch;
  common_.window_rows = s.kernel_h, common_.stride = s.stride_h, common_.dilation = s.dilation_h;
}

void DepthwiseRows::compute(const float* input, std::int64_t begin, std::int64_t end, std::int64_t first,
                            std::int64_t last, float* output, std::int64_t output_pitch) const noexcept {
  const ConvShape& s = shape_;
  DepthwiseBand band = common_;
  band.row.first = first, band.row.last = last;
  band.row.output_pitch = output_pitch;
  band.output_row_pitch = (last - first) * output_pitch;
  while (begin < end) {
    // Rows may be short: no division where there is one image.
    const std::int64_t image = begin < s.out_h ? 0 : begin / s.out_h;
    const std::int64_t row = begin - image * s.out_h;
    band.rows = std::min(end - begin, s.out_h - row);
    band.top = row * s.stride_h - s.pad_top;
    band.image = input + image * s.in_h * band.row_pitch;
    band.row.output = output - first * output_pitch;
    band.row.packed =
        common_.row.packed + (image < images_ ? image : image % images_) * common_.row.packed_pitch;
    kernel_(band);
    begin += band.rows;
    output += band.rows * band.output_row_pitch;
  }
}

Refusal Depthwise::supports(const DepthwiseSet& set, const LayerDesc& layer) noexcept {
  if (is_blocked(layer)) {
    if (const Refusal no = check_blocked_f32(layer, set.lanes); no != Refusal::none) return no;
    if (const Refusal no = check_conv(layer); no != Refusal::none) return no;
    if (!keeps_padding(layer)) return Refusal::clamp;
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

Result<std::unique_ptr<BoundKernel>> Depthwise::bind(const DepthwiseSet& set, const BindArgs& args,
                                                     const UnaryFunction& activation) {
  return bind_as<BoundDepthwise>(set, args, activation);
}

}  // namespace fettle::kernels
