// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pooling.h"

#include "kernels/common/blocked.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/pool_shape.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// In nchwc each block is a picture of as many channels.
PoolShape shape_of(const LayerDesc& layer) {
  PoolShape s(layer);
  const TensorDesc& x = layer.inputs[0];
  if (x.format.layout == Layout::nchwc) s.batch *= blocks_of(x), s.channels = x.format.block;
  return s;
}

class BoundPool final : public BoundKernel {
 public:
  BoundPool(const PoolSet& set, const BindArgs& args)
      : kernel_(set.row), shape_(shape_of(args.layer)), pool_(args.pool), threads_(args.threads) {
    const PoolShape& s = shape_;
    const Clamp clamp = Epilogue(args.layer).clamp;
    common_.input_pitch = pixel_distance(args.layer.inputs[0]);
    common_.output_pitch = pixel_distance(args.layer.outputs[0]);
    common_.tap_row_pitch = s.dilation_h * s.in_w * common_.input_pitch;
    common_.in_w = s.in_w;
    common_.outputs = s.out_w;
    common_.columns = s.kernel_w;
    common_.stride = s.stride_w, common_.dilation = s.dilation_w, common_.pad_left = s.pad_left;
    common_.counted_w = s.in_w + s.pad_right;
    common_.counts_padding = s.count_padding;
    common_.low = clamp.low, common_.high = clamp.high;
    // The loops take four vectors of channels together.
    const std::int64_t together = std::int64_t{4} * set.lanes;
    const std::int64_t rows = s.batch * s.out_h;
    const std::int64_t wanted = threads_ > 1 ? ceil_div(threads_, rows) : 1;
    channels_each_ = ceil_div(ceil_div(s.channels, wanted), together) * together;
    parts_ = ceil_div(s.channels, channels_each_);
    const TensorDesc& x = args.layer.inputs[0];
    if (x.format.layout != Layout::nchwc || x.shape[1] % s.channels == 0) return;
    blocks_ = blocks_of(x);
    last_channels_ = x.shape[1] % s.channels;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t units = shape_.batch * shape_.out_h * parts_;
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) run_row(i / parts_, i % parts_ * channels_each_);
    });
    return {};
  }

 private:
  // Rows are counted through all images.
  void run_row(std::int64_t at, std::int64_t first_channel) const noexcept {
    const PoolShape& s = shape_;
    const std::int64_t top = at % s.out_h * s.stride_h - s.pad_top;
    const auto rows_before = [&](std::int64_t end) {
      return top >= end ? 0 : std::min(s.kernel_h, (end - 1 - top) / s.dilation_h + 1);
    };
    const std::int64_t last = rows_before(s.in_h);
    const std::int64_t first = std::min(last, top >= 0 ? 0 : ceil_div(-top, s.dilation_h));
    const std::int64_t iy = std::clamp<std::int64_t>(top + first * s.dilation_h, 0, s.in_h - 1);
    PoolRow row = common_;
    row.tap_rows = last - first;
    row.counted_rows = s.count_padding ? rows_before(s.in_h + s.pad_bottom) : last - first;
    row.channels = std::min(channels_each_, s.channels - first_channel);
    row.input = input_ + (at / s.out_h * s.in_h + iy) * s.in_w * row.input_pitch + first_channel;
    row.output = output_ + at * s.out_w * row.output_pitch + first_channel;
    if (blocks_ > 0 && at / s.out_h % blocks_ == blocks_ - 1) {
      row.channels = last_channels_;
      std::fill_n(row.output, s.out_w * row.output_pitch, 0.0f);
    }
    kernel_(row);
  }

  void (*const kernel_)(const PoolRow&) noexcept;
  const PoolShape shape_;
  std::int64_t channels_each_, parts_;  // of a row: its channels in parts for threads
  // Of an image, where zeros fill the last one up; and the channels of that one.
  std::int64_t blocks_ = 0, last_channels_ = 0;
  ThreadPool* const pool_;
  const int threads_;
  PoolRow common_{};  // what all rows have in common
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

Refusal check_operands(const LayerDesc& layer) noexcept {
  if (layer.inputs.size() != 1 || layer.outputs.size() != 1) return Refusal::op;  // or places are asked for
  if (layer.inputs[0].constant) return Refusal::constant;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

}  // namespace

Refusal Pool::supports(const LayerDesc& layer) noexcept {
  const Refusal refusal = check_nhwc_f32(layer);
  return refusal != Refusal::none ? refusal : check_operands(layer);
}

Result<std::unique_ptr<BoundKernel>> Pool::bind(const PoolSet& set, const BindArgs& args) {
  return bind_as<BoundPool>(set, args);
}

Refusal BlockedPool::supports(const PoolSet& set, const LayerDesc& layer) noexcept {
  const Refusal refusal = check_blocked_f32(layer, set.lanes);
  return refusal != Refusal::none ? refusal : check_operands(layer);
}

Result<std::unique_ptr<BoundKernel>> BlockedPool::bind(const PoolSet& set, const BindArgs& args) {
  return bind_as<BoundPool>(set, args);
}

}  // namespace fettle::kernels
