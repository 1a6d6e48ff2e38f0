// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/direct.h"

#include "kernels/common/blocked.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/direct_shape.h"
#include "kernels/common/epilogue.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

class BoundDirect final : public BoundKernel {
 public:
  BoundDirect(const DirectSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        shape_(set, args.layer),
        groups_(shape_, args.threads),
        epilogue_(args.layer),
        activation_(activation),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads) {
    common_.blocks = shape_.in_blocks;
    common_.columns = shape_.conv.kernel_w;
    common_.weights_pitch = shape_.vector_floats();
    common_.output_pitch = shape_.out_plane();
    common_.low = epilogue_.clamp.low, common_.high = epilogue_.clamp.high;
    common_.last_low = epilogue_.after_added.low, common_.last_high = epilogue_.after_added.high;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t tiles = shape_.conv.out_h * shape_.row_tiles;
    const std::int64_t units = shape_.conv.batch * shape_.conv.groups * groups_.count * tiles;
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t tile = i % tiles;
        run_tile(i / tiles / groups_.count, i / tiles % groups_.count, tile / shape_.row_tiles,
                 tile % shape_.row_tiles, workspace_ + worker * shape_.copy_floats());
      }
    });
    return {};
  }

 private:
  // Images are counted with the convolution's groups: each is one of its own, with its own weights.
  void run_tile(std::int64_t image, std::int64_t group, std::int64_t oy, std::int64_t index,
                float* copy) const noexcept {
    const DirectShape& s = shape_;
    const DirectPixels pixels = s.pixels(oy, index);
    DirectTile tile = common_;
    tile.rows = pixels.last_row - pixels.first_row;
    tile.skipped = (s.conv.kernel_h - tile.rows) * s.row_weights();
    const float* input = input_ + image * s.in_blocks * s.in_plane();
    if (pixels.inside)
      read_in_place(pixels, input, tile);
    else
      read_copy(pixels, input, copy, tile);
    const std::int64_t place =
        image * s.out_vectors * s.out_plane() + (oy * s.conv.out_w + pixels.first) * s.lanes;
    const float* packed = packed_ + image % s.conv.groups * s.group_floats();
    const float* bias = packed_ + s.weight_floats() + image % s.conv.groups * s.out_vectors * s.lanes;
    const std::int64_t end = groups_.first_vector(group + 1);
    const std::int64_t fetched = fetch_next_group(packed, group, oy * s.row_tiles + index, tile);
    for (std::int64_t v = groups_.first_vector(group); v < end;) {
      const std::int64_t vectors = std::min<std::int64_t>(s.tile_vectors, end - v);
      tile.bias = bias + v * s.lanes;
      tile.weights = packed + v * s.vector_floats() + pixels.first_row * s.row_weights();
      tile.output = output_ + place + v * s.out_plane();
      tile.residual = residual_ == nullptr ? nullptr : residual_ + place + v * s.out_plane();
      tile.last_lanes = s.lanes_of(v + vectors - 1);
      set_.kernels[vectors - 1][pixels.count - 1](tile);
      activation_.apply(tile.output, s.out_plane(), vectors, pixels.count * s.lanes);
      tile.prefetch += fetched;
      v += vectors;
    }
  }

  // The tiles of a group share out the next group's weights. Bytes that each call of a kernel fetches.
  std::int64_t fetch_next_group(const float* packed, std::int64_t group, std::int64_t index,
                                DirectTile& tile) const noexcept {
    const DirectShape& s = shape_;
    const std::int64_t first = groups_.first_vector(group + 1);
    const std::int64_t calls = ceil_div(first - groups_.first_vector(group), s.tile_vectors);
    const std::int64_t steps = tile.blocks * tile.rows * tile.columns * s.lanes;
    const std::int64_t next = group + 1 < groups_.count ? groups_.first_vector(group + 2) - first : 0;
    const auto share =
        ceil_div(next * s.vector_floats() * std::int64_t{sizeof(float)}, s.conv.out_h * s.row_tiles);
    const std::int64_t step = next > 0 && steps > 0 ? ceil_div(share, calls * steps) : 0;
    tile.prefetch = reinterpret_cast<const char*>(packed) +
                    (step > 0 ? first * s.vector_floats() * std::int64_t{sizeof(float)} + index * share : 0);
    tile.prefetch_step = static_cast<std::size_t>(step);
    return step * steps;
  }

  void read_in_place(const DirectPixels& pixels, const float* input, DirectTile& tile) const noexcept {
    const ConvShape& c = shape_.conv;
    const std::int64_t row = pixels.top + pixels.first_row * c.dilation_h;
    tile.input = input + (row * c.in_w + pixels.left) * shape_.lanes;
    tile.block_pitch = shape_.in_plane();
    tile.row_pitch = c.dilation_h * c.in_w * shape_.lanes;
    tile.tap_pitch = c.dilation_w * shape_.lanes;
  }

  // Copies what the tile reads, with zeros around it.
  void read_copy(const DirectPixels& pixels, const float* input, float* copy,
                 DirectTile& tile) const noexcept {
    const ConvShape& c = shape_.conv;
    const std::int64_t runs = shape_.copied_runs();
    const std::int64_t length = shape_.copied_length(pixels.count);
    tile.input = copy;
    tile.row_pitch = runs * length * shape_.lanes;
    tile.block_pitch = tile.rows * tile.row_pitch;
    tile.tap_pitch = (shape_.together ? c.dilation_w : length) * shape_.lanes;
    for (std::int64_t b = 0; b < shape_.in_blocks; ++b, input += shape_.in_plane()) {
      for (std::int64_t ky = pixels.first_row; ky < pixels.last_row; ++ky) {
        const float* row = input + (pixels.top + ky * c.dilation_h) * c.in_w * shape_.lanes;
        for (std::int64_t run = 0; run < runs; ++run, copy += length * shape_.lanes)
          copy_run(row, pixels.left + run * c.dilation_w, c.stride_w, length, copy);
      }
    }
  }

  // Pixels x, x + step, ... of an input row; those outside are zeros.
  void copy_run(const float* row, std::int64_t x, std::int64_t step, std::int64_t count,
                float* to) const noexcept {
    const std::int64_t lanes = shape_.lanes;
    const std::int64_t width = shape_.conv.in_w;
    const std::int64_t first = std::min(count, x >= 0 ? 0 : (-x + step - 1) / step);
    const std::int64_t last = std::max(first, x >= width ? 0 : std::min(count, (width - 1 - x) / step + 1));
    std::fill_n(to, first * lanes, 0.0f);
    set_.copy(row + (x + first * step) * lanes, step * lanes, to + first * lanes, last - first);
    std::fill_n(to + last * lanes, (count - last) * lanes, 0.0f);
  }

  const DirectSet& set_;
  const DirectShape shape_;
  const DirectGroups groups_;
  const Epilogue epilogue_;
  const UnaryFunction activation_;
  DirectTile common_{};  // what all tiles have in common
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

// Windows of more taps are no pictures' and would need a large workspace.
constexpr std::int64_t kDirectMostTaps = 1024;

}  // namespace

Refusal Direct::supports(const DirectSet& set, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_blocked_f32(layer, set.lanes); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_second_part(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  // Blocks must not be of two groups.
  const bool whole = s.in_per_group % set.lanes == 0 && s.out_per_group % set.lanes == 0;
  if (s.groups != 1 && !whole) return Refusal::groups;
  return s.taps() <= kDirectMostTaps ? Refusal::none : Refusal::kernel_size;
}

std::size_t Direct::workspace_bytes(const DirectSet& set, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(DirectShape(set, layer).copy_floats() * threads) * sizeof(float);
}

std::size_t Direct::packed_bytes(const DirectSet& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(DirectShape(set, layer).packed_floats()) * sizeof(float);
}

Status Direct::pack(const DirectSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                    std::span<std::byte> packed) {
  const DirectShape s(set, layer);
  const ConvShape& c = s.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = c.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  std::fill_n(target, s.packed_floats(), 0.0f);
  // Groups are of whole vectors where there are several.
  if (bias != nullptr) std::copy_n(bias, c.out_channels, target + s.weight_floats());
  for (std::int64_t out = 0; out < c.out_channels; ++out) {
    float* place = target + out / s.lanes * s.vector_floats() + out % s.lanes;
    for (std::int64_t in = 0; in < c.in_per_group; ++in, weights += c.taps()) {
      float* channel = place + (in / s.lanes * c.taps() * s.lanes + in % s.lanes) * s.lanes;
      for (std::int64_t t = 0; t < c.taps(); ++t) channel[t * s.lanes * s.lanes] = weights[t];
    }
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Direct::bind(const DirectSet& set, const BindArgs& args,
                                                  const UnaryFunction& activation) {
  return bind_as<BoundDirect>(set, args, activation);
}

}  // namespace fettle::kernels
