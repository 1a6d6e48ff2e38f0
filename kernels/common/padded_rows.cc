// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/padded_rows.h"

#include "kernels/common/blocked.h"
#include "kernels/common/blocking.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/row_ring.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
namespace {

// More channels than this fill vectors by themselves.
constexpr std::int64_t kPaddedRowsMostChannels = 16;
constexpr std::int64_t kPaddedRowsMostWindow = 32;

// Pixel by pixel, from planes `plane` floats apart.
template <int kChannels>
void interleave(const float* planes, std::int64_t plane, std::int64_t pixels, float* row) {
  for (std::int64_t x = 0; x < pixels; ++x, row += kChannels) {
#pragma GCC unroll 4
    for (int c = 0; c < kChannels; ++c) row[c] = planes[c * plane + x];
  }
}

// The padded copies of the input rows that one output row needs, each pixel with all of its channels.
struct RowCopy {
  ConvShape conv;
  RowRing ring;
  bool nhwc;           // whether the input is
  std::int64_t step;   // floats between the windows of neighbouring outputs
  std::int64_t depth;  // floats of a row under a window
  std::int64_t pitch;  // floats of a stored row
  std::int64_t block;  // of the output's channels; 0 in nhwc

  explicit RowCopy(const LayerDesc& layer)
      : conv(layer),
        ring(conv),
        nhwc(layer.inputs[0].format.layout == Layout::nhwc),
        step(conv.stride_w * conv.in_channels),
        depth(conv.kernel_w * conv.in_channels),
        pitch(((conv.out_w - 1) * step + depth + 15) / 16 * 16),
        block(layer.outputs[0].format.block) {}
  // A thread's workspace: the rows, the results of a tile that go into blocks, then the pointers of a tile.
  std::size_t row_bytes() const { return static_cast<std::size_t>(conv.kernel_h * pitch) * sizeof(float); }
  std::size_t result_bytes() const {
    return block == 0 ? 0
                      : static_cast<std::size_t>(conv.out_channels * kMostRows + 1) / 2 * 2 * sizeof(float);
  }
  std::size_t workspace_bytes() const {
    const std::size_t pointers = static_cast<std::size_t>(conv.kernel_h * kMostRows) * sizeof(const float*);
    return (row_bytes() + result_bytes() + pointers + 63) / 64 * 64;
  }
  Panels panels(const TileSet& tiles) const { return {tiles, conv.out_channels, conv.kernel_h * depth}; }

  // Stores the input rows under output row `oy`; unless `all`, those that the row before it had are there.
  void fill(const float* image, std::int64_t oy, bool all, float* rows) const {
    ring.refill(oy, all,
                [&](std::int64_t iy, std::int64_t place) { fill_row(image, iy, rows + place * pitch); });
  }

 private:
  void fill_row(const float* image, std::int64_t iy, float* row) const {
    if (iy < 0 || iy >= conv.in_h) {
      std::fill_n(row, pitch, 0.0f);
      return;
    }
    const std::int64_t before = std::min(conv.pad_left * conv.in_channels, pitch);
    const std::int64_t pixels = std::clamp<std::int64_t>(conv.in_w, 0, (pitch - before) / conv.in_channels);
    std::fill_n(row, before, 0.0f);
    copy_pixels(image, iy, pixels, row + before);
    std::fill(row + before + pixels * conv.in_channels, row + pitch, 0.0f);
  }

  void copy_pixels(const float* image, std::int64_t iy, std::int64_t pixels, float* to) const {
    const std::int64_t channels = conv.in_channels;
    if (nhwc || channels == 1) {
      std::memcpy(to, image + iy * conv.in_w * channels,
                  static_cast<std::size_t>(pixels * channels) * sizeof(float));
      return;
    }
    const std::int64_t plane = conv.in_h * conv.in_w;
    const float* from = image + iy * conv.in_w;
    if (channels == 3) return interleave<3>(from, plane, pixels, to);
    if (channels == 4) return interleave<4>(from, plane, pixels, to);
    for (std::int64_t c = 0; c < channels; ++c, from += plane) {
      for (std::int64_t x = 0; x < pixels; ++x) to[x * channels + c] = from[x];
    }
  }
};

// From pixels, each with all of its channels, to a block of channels of each.
template <std::int64_t kBlock>
void spread(const float* from, std::int64_t channels, std::int64_t pixels, float* to, std::int64_t plane) {
  for (std::int64_t c = 0; c < channels; c += kBlock, to += plane) {
    const std::int64_t left = channels - c;
    for (std::int64_t p = 0; p < pixels; ++p) {
      if (left >= kBlock) {
        std::memcpy(to + p * kBlock, from + p * channels + c, kBlock * sizeof(float));
        continue;
      }
      float* end = std::copy_n(from + p * channels + c, left, to + p * kBlock);
      std::fill_n(end, kBlock - left, 0.0f);
    }
  }
}

using Spread = void (*)(const float*, std::int64_t, std::int64_t, float*, std::int64_t);

// Null where there is no such block.
Spread spread_for(std::int64_t block) {
  return block == 16 ? spread<16> : block == 8 ? spread<8> : block == 4 ? spread<4> : nullptr;
}

class BoundPaddedRows final : public BoundKernel {
 public:
  BoundPaddedRows(const TileSet& tiles, const BindArgs& args, const UnaryFunction& activation)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(shape_.panels(tiles)),
        activation_(activation),
        common_(plain_tile(shape_.conv.kernel_h, shape_.depth)),
        spread_(spread_for(shape_.block)),
        output_pitch_(spread_ != nullptr ? shape_.block : pixel_pitch(args.layer.outputs[0])),
        weights_(PackedProducts(panels_).weights(reinterpret_cast<const float*>(args.packed.data()))),
        pool_(args.pool),
        threads_(args.threads) {
    const Clamp clamp = Epilogue(args.layer).clamp;
    common_.low = clamp.low, common_.high = clamp.high;
    common_.output_stride =
        static_cast<std::size_t>(spread_ != nullptr ? shape_.conv.out_channels : output_pitch_);
    if (spread_ != nullptr) images_ = blocks_of(args.layer.outputs[0]);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const ConvShape& s = shape_.conv;
    parallel_for(pool_, threads_, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int worker) {
      std::byte* own = workspace_ + static_cast<std::size_t>(worker) * shape_.workspace_bytes();
      auto* rows = reinterpret_cast<float*>(own);
      auto* results = reinterpret_cast<float*>(own + shape_.row_bytes());
      auto* pointers = reinterpret_cast<const float**>(own + shape_.row_bytes() + shape_.result_bytes());
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t oy = i % s.out_h;
        shape_.fill(input_ + i / s.out_h * s.in_channels * s.in_h * s.in_w, oy, i == begin || oy == 0, rows);
        const std::int64_t row = i / s.out_h * images_ * s.out_h + oy;
        run_row(oy, rows, results, pointers, output_ + row * s.out_w * output_pitch_);
      }
    });
    return {};
  }

 private:
  // Floats of a block of channels of an output image.
  std::int64_t plane() const noexcept { return shape_.conv.out_h * shape_.conv.out_w * shape_.block; }

  void run_row(std::int64_t oy, const float* rows, float* results, const float** pointers,
               float* output) const noexcept {
    const std::int64_t width = shape_.conv.out_w;
    const std::int64_t most = tiles_.most_rows[panels_.vectors - 1];
    const std::int64_t count = (width + most - 1) / most;
    const std::int64_t turn = shape_.ring.turn(oy);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t first = width * i / count;
      const auto height = static_cast<int>(width * (i + 1) / count - first);
      const float** pointer = pointers;
      for (std::int64_t ky = 0; ky < shape_.conv.kernel_h; ++ky) {
        const float* x = rows + shape_.ring.place(turn, ky) * shape_.pitch + first * shape_.step;
        for (int r = 0; r < height; ++r, x += shape_.step) *pointer++ = x;
      }
      Tile tile = common_;
      tile.rows = pointers;
      tile.output = spread_ != nullptr ? results : output + first * output_pitch_;
      multiply_panels(tiles_, panels_, weights_, {first, height, 0, panels_.count}, tile, activation_);
      if (spread_ != nullptr)
        spread_(results, shape_.conv.out_channels, height, output + first * output_pitch_, plane());
    }
  }

  const TileSet& tiles_;
  const RowCopy shape_;
  const Panels panels_;
  const UnaryFunction activation_;
  Tile common_;
  const Spread spread_;  // null where a tile's results may lie as they are
  const std::int64_t output_pitch_;
  std::int64_t images_ = 1;  // of blocks of channels, that each of the batch is made of
  const ProductWeights weights_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  std::byte* workspace_ = nullptr;
};

Refusal check_layouts(const LayerDesc& layer) noexcept {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
    }
  }
  const Format& y = layer.outputs[0].format;
  const bool writable =
      y.layout == Layout::nhwc || (y.layout == Layout::nchwc && spread_for(y.block) != nullptr);
  return layer.inputs[0].format.layout != Layout::nchwc && writable ? Refusal::none : Refusal::layout;
}

}  // namespace

Refusal PaddedRows::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_layouts(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_second_part(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  if (s.in_channels > kPaddedRowsMostChannels) return Refusal::shape;
  if (s.dilation_w != 1) return Refusal::dilation;
  if (s.stride_w > kPaddedRowsMostWindow) return Refusal::stride;
  // Where a window is one pixel wide there is nothing to gain over reading it where it lies.
  if (s.kernel_w == 1) return Refusal::kernel_size;
  return s.kernel_h <= kPaddedRowsMostWindow && s.kernel_w <= kPaddedRowsMostWindow ? Refusal::none
                                                                                    : Refusal::kernel_size;
}

std::size_t PaddedRows::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return RowCopy(layer).workspace_bytes() * static_cast<std::size_t>(threads);
}

std::size_t PaddedRows::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  return static_cast<std::size_t>(PackedProducts(RowCopy(layer).panels(tiles)).floats()) * sizeof(float);
}

Status PaddedRows::pack(const TileSet& tiles, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const RowCopy shape(layer);
  const ConvShape& s = shape.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  const Panels panels = shape.panels(tiles);
  const PackedProducts products(panels);
  pack_panels(panels, weights, s.in_channels, s.taps(), products.panels(target));
  pack_columns(panels, bias, products.bias(target));
  return {};
}

Result<std::unique_ptr<BoundKernel>> PaddedRows::bind(const TileSet& tiles, const BindArgs& args,
                                                      const UnaryFunction& activation) {
  return bind_as<BoundPaddedRows>(tiles, args, activation);
}

}  // namespace fettle::kernels
