// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/convert.h"

#include "kernels/common/nhwc.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// Pieces that threads take: some cache lines of each row on either side, all in the L1 cache.
constexpr std::int64_t kPixels = 64;
constexpr std::int64_t kChannels = 64;

// How one of the tensors lies.
struct Side {
  std::int64_t image;    // floats from one image to the next
  std::int64_t group;    // from a group of channels to the next
  std::int64_t pixel;    // from a pixel to the next
  std::int64_t channel;  // from a channel to the next inside a group

  Side(const TensorDesc& tensor, std::int64_t group_channels) {
    const std::int64_t pixels = pixels_of(tensor.shape);
    const std::int64_t channels = tensor.shape[1];
    switch (tensor.format.layout) {
      case Layout::nchw:
        pixel = 1, channel = pixels, image = pixels * channels;
        break;
      case Layout::nhwc:
        pixel = pixel_pitch(tensor), channel = 1, image = pixels * pixel;
        break;
      case Layout::nchwc:
        pixel = group_channels, channel = 1;
        image = pixels * ((channels + group_channels - 1) / group_channels * group_channels);
        break;
    }
    group = tensor.format.layout == Layout::nchwc ? pixels * group_channels : channel * group_channels;
  }
};

class BoundConvert final : public BoundKernel {
 public:
  BoundConvert(const ConvertSet& set, const BindArgs& args)
      : kernel_(choose(set, args.layer)),
        group_channels_(group_of(args.layer)),
        batch_(args.layer.inputs[0].shape[0]),
        channels_(args.layer.inputs[0].shape[1]),
        pixels_(pixels_of(args.layer.inputs[0].shape)),
        padded_(args.layer.outputs[0].format.layout == Layout::nchwc),
        from_(args.layer.inputs[0], group_channels_),
        to_(args.layer.outputs[0], group_channels_),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t runs = (pixels_ + kPixels - 1) / kPixels;
    const std::int64_t groups = (channels_ + group_channels_ - 1) / group_channels_;
    parallel_for(pool_, threads_, batch_ * groups * runs, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i)
        run_piece(i / runs / groups, i / runs % groups, i % runs * kPixels);
    });
    return {};
  }

 private:
  static ConvertKernel choose(const ConvertSet& set, const LayerDesc& layer) {
    if (layer.inputs[0].format.layout == Layout::nchw) return set.from_planes;
    return layer.outputs[0].format.layout == Layout::nchw ? set.to_planes : set.regroup;
  }
  static std::int64_t group_of(const LayerDesc& layer) {
    const std::int64_t block = std::max(layer.inputs[0].format.block, layer.outputs[0].format.block);
    return block > 0 ? block : kChannels;
  }

  void run_piece(std::int64_t image, std::int64_t group, std::int64_t first_pixel) const noexcept {
    ConvertPiece piece;
    piece.from = input_ + image * from_.image + group * from_.group + first_pixel * from_.pixel;
    piece.to = output_ + image * to_.image + group * to_.group + first_pixel * to_.pixel;
    piece.from_pixel = from_.pixel, piece.from_channel = from_.channel;
    piece.to_pixel = to_.pixel, piece.to_channel = to_.channel;
    piece.pixels = std::min(kPixels, pixels_ - first_pixel);
    piece.channels = std::min(group_channels_, channels_ - group * group_channels_);
    piece.written = padded_ ? group_channels_ : piece.channels;
    kernel_(piece);
  }

  const ConvertKernel kernel_;
  const std::int64_t group_channels_;
  const std::int64_t batch_, channels_, pixels_;
  const bool padded_;
  const Side from_, to_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

Refusal check_tensor(const ConvertSet& set, const TensorDesc& tensor) noexcept {
  if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
  if (tensor.constant) return Refusal::constant;
  if (tensor.shape.rank() < 3) return Refusal::rank;
  if (tensor.shape.elements() <= 0) return Refusal::shape;
  return tensor.format.layout != Layout::nchwc || tensor.format.block == set.lanes ? Refusal::none
                                                                                   : Refusal::layout;
}

}  // namespace

Refusal Convert::supports(const ConvertSet& set, const LayerDesc& layer) noexcept {
  const TensorDesc& x = layer.inputs[0];
  const TensorDesc& y = layer.outputs[0];
  if (const Refusal refusal = check_tensor(set, x); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_tensor(set, y); refusal != Refusal::none) return refusal;
  if (x.format.layout == y.format.layout) return Refusal::layout;
  if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
  if (layer.main().clamp) return Refusal::clamp;
  return x.shape == y.shape ? Refusal::none : Refusal::shape;
}

Result<std::unique_ptr<BoundKernel>> Convert::bind(const ConvertSet& set, const BindArgs& args) {
  return bind_as<BoundConvert>(set, args);
}

}  // namespace fettle::kernels
