// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/planar_pixels.h"

#include "kernels/common/blocked.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"

#include <algorithm>
#include <vector>

namespace fettle::kernels {
namespace {

// Channels of a row that are computed before they are turned: a cache line of each pixel.
constexpr std::int64_t kTurnedChannels = 16;

struct PlanarPixelsShape {
  PlanarInput input;
  std::int64_t group, depth;
  std::int64_t turned_pitch;  // floats from channel to channel of what is turned; 0: nothing is

  PlanarPixelsShape(const PlanarPixelsSet& set, const LayerDesc& layer)
      : input(layer, set.split, set.lanes),
        group(set.group),
        depth(input.conv().depth()),
        turned_pitch(layer.outputs[0].format.layout == Layout::nchw
                         ? 0
                         : ceil_div(input.conv().out_w, std::int64_t{set.lanes}) * set.lanes) {}

  std::int64_t workspace_floats() const { return input.floats() + kTurnedChannels * turned_pitch; }
  // Packed: the weights of each group of channels, then the biases of all.
  std::int64_t group_floats() const { return depth * group; }
  std::int64_t groups() const { return ceil_div(input.conv().out_channels, group); }
  std::int64_t weight_floats() const { return groups() * group_floats(); }
  std::int64_t packed_floats() const { return weight_floats() + groups() * group; }
};

class BoundPlanarPixels final : public BoundKernel {
 public:
  BoundPlanarPixels(const PlanarPixelsSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        shape_(set, args.layer),
        activation_(activation),
        clamp_(Epilogue(args.layer).clamp),
        layout_(args.layer.outputs[0].format.layout),
        block_(layout_ == Layout::nchwc ? args.layer.outputs[0].format.block : 0),
        stored_channels_(block_ == 0 ? shape_.input.conv().out_channels
                                     : blocks_of(args.layer.outputs[0]) * block_),
        pixel_pitch_(layout_ == Layout::nhwc ? pixel_pitch(args.layer.outputs[0]) : block_),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads),
        distances_(shape_.input.distances()) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const ConvShape& s = shape_.input.conv();
    parallel_for(pool_, threads_, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* rows = workspace_ + worker * shape_.workspace_floats();
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / s.out_h;
        const std::int64_t oy = i % s.out_h;
        shape_.input.fill(input_ + image * s.in_channels * s.in_h * s.in_w, oy, i == begin || oy == 0, rows);
        run_row(image, oy, rows);
      }
    });
    return {};
  }

 private:
  void run_row(std::int64_t image, std::int64_t oy, float* rows) const noexcept {
    const ConvShape& s = shape_.input.conv();
    const std::int64_t plane = s.out_h * s.out_w;
    float* turned = rows + shape_.input.floats();
    for (std::int64_t channel = 0; channel < s.out_channels; channel += kTurnedChannels) {
      const std::int64_t channels = std::min(kTurnedChannels, s.out_channels - channel);
      if (layout_ == Layout::nchw) {
        float* to = output_ + (image * s.out_channels + channel) * plane + oy * s.out_w;
        compute(oy, rows, channel, channels, to, plane);
      } else {
        compute(oy, rows, channel, channels, turned, shape_.turned_pitch);
        turn(image, oy, turned, channel, channels);
      }
    }
  }

  // Planes of some channels of a row.
  void compute(std::int64_t oy, const float* rows, std::int64_t channel, std::int64_t channels, float* to,
               std::int64_t pitch) const noexcept {
    const std::int64_t width = shape_.input.conv().out_w;
    const std::int64_t vectors = ceil_div(width, std::int64_t{set_.lanes});
    const std::int64_t tiles = ceil_div(vectors, std::int64_t{set_.most_vectors});
    PlanarPixelsTile tile{};
    tile.distances = distances_.data() + shape_.input.first_distance(oy);
    tile.depth = shape_.depth;
    tile.output_pitch = pitch;
    tile.low = clamp_.low, tile.high = clamp_.high;
    for (std::int64_t first = 0; first < channels; first += shape_.group) {
      tile.weights = packed_ + (channel + first) / shape_.group * shape_.group_floats();
      tile.bias = packed_ + shape_.weight_floats() + channel + first;
      tile.channels = std::min(shape_.group, channels - first);
      std::int64_t vector = 0;
      for (std::int64_t i = 0; i < tiles; ++i) {
        const std::int64_t across = (vectors + tiles - 1 - i) / tiles;  // nearly equal, the wider ones first
        const std::int64_t left = width - (vector + across - 1) * set_.lanes;
        tile.input = rows + vector * set_.lanes;
        tile.output = to + first * pitch + vector * set_.lanes;
        tile.last_lanes = static_cast<std::size_t>(std::min<std::int64_t>(left, set_.lanes));
        set_.kernels[across - 1](tile);
        vector += across;
      }
    }
    activation_.apply(to, pitch, channels, width);
  }

  // Of nhwc all channels at once, of nchwc block by block.
  void turn(std::int64_t image, std::int64_t oy, const float* turned, std::int64_t channel,
            std::int64_t channels) const noexcept {
    const ConvShape& s = shape_.input.conv();
    const std::int64_t step = block_ == 0 ? channels : block_;
    for (std::int64_t first = 0; first < channels; first += step) {
      ConvertPiece piece{};
      piece.from = turned + first * shape_.turned_pitch;
      piece.from_pixel = 1, piece.from_channel = shape_.turned_pitch;
      piece.to_pixel = pixel_pitch_, piece.to_channel = 1;
      piece.pixels = s.out_w;
      piece.channels = std::min(step, channels - first);
      piece.written = step;
      if (block_ == 0) {
        piece.to = output_ + (image * s.out_h + oy) * s.out_w * pixel_pitch_ + channel;
      } else {
        const std::int64_t plane = image * (stored_channels_ / block_) + (channel + first) / block_;
        piece.to = output_ + (plane * s.out_h + oy) * s.out_w * block_;
      }
      set_.convert->from_planes(piece);
    }
  }

  const PlanarPixelsSet& set_;
  const PlanarPixelsShape shape_;
  const UnaryFunction activation_;
  const Clamp clamp_;
  const Layout layout_;                 // of the output
  const std::int64_t block_;            // of its channels; 0 unless in nchwc
  const std::int64_t stored_channels_;  // those that fill the last block included
  const std::int64_t pixel_pitch_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  const std::vector<std::int64_t> distances_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

}  // namespace

Refusal PlanarPixels::supports(const PlanarPixelsSet& set, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = PlanarInput::supports(layer); refusal != Refusal::none) return refusal;
  const Format& y = layer.outputs[0].format;
  return y.layout != Layout::nchwc || y.block == set.convert->lanes ? Refusal::none : Refusal::layout;
}

bool PlanarPixels::pays(const LayerDesc& layer) noexcept {
  constexpr std::int64_t kLanes = 16;
  const std::int64_t channels = ConvShape(layer).out_channels;
  return 5 * channels < 4 * (ceil_div(channels, kLanes) * kLanes);
}

std::size_t PlanarPixels::workspace_bytes(const PlanarPixelsSet& set, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(PlanarPixelsShape(set, layer).workspace_floats() * threads) * sizeof(float);
}

std::size_t PlanarPixels::packed_bytes(const PlanarPixelsSet& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(PlanarPixelsShape(set, layer).packed_floats()) * sizeof(float);
}

Status PlanarPixels::pack(const PlanarPixelsSet& set, const LayerDesc& layer,
                          std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const PlanarPixelsShape shape(set, layer);
  const ConvShape& s = shape.input.conv();
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  std::fill_n(target, shape.packed_floats(), 0.0f);
  for (std::int64_t o = 0; o < s.out_channels; ++o) {
    float* column = target + o / shape.group * shape.group_floats() + o % shape.group;
    for (std::int64_t tap = 0; tap < s.taps(); ++tap) {
      for (std::int64_t c = 0; c < s.in_channels; ++c, column += shape.group)
        *column = weights[(o * s.in_channels + c) * s.taps() + tap];
    }
  }
  if (bias != nullptr) std::copy_n(bias, s.out_channels, target + shape.weight_floats());
  return {};
}

Result<std::unique_ptr<BoundKernel>> PlanarPixels::bind(const PlanarPixelsSet& set, const BindArgs& args,
                                                        const UnaryFunction& activation) {
  return bind_as<BoundPlanarPixels>(set, args, activation);
}

}  // namespace fettle::kernels
