// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/planar_rows.h"

#include "kernels/common/blocked.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/row_ring.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace fettle::kernels {
namespace {

// More channels than this fill vectors by themselves.
constexpr std::int64_t kMostChannels = 16;
constexpr std::int64_t kMostWindow = 32;

// The padded copies of the input rows under an output row; of each row its channels one after the other.
struct PlanarShape {
  ConvShape conv;
  RowRing ring;
  std::int64_t pitch;  // floats of a row of one channel

  explicit PlanarShape(const LayerDesc& layer)
      : conv(layer),
        ring(conv),
        pitch(ceil_div((conv.out_w - 1) * conv.stride_w + (conv.kernel_w - 1) * conv.dilation_w + 1, 16) *
              16) {}

  std::int64_t floats() const { return ring.places() * conv.in_channels * pitch; }
  Panels panels(const PlanarSet& set) const { return {*set.tiles, conv.out_channels, conv.depth()}; }

  // For each weight of a filter, as panels have them, how far what it multiplies lies from the first row.
  void find_distances(std::int64_t turn, std::int64_t* distances) const {
    for (std::int64_t ky = 0; ky < conv.kernel_h; ++ky) {
      const std::int64_t row = ring.place(turn, ky) * conv.in_channels * pitch;
      for (std::int64_t kx = 0; kx < conv.kernel_w; ++kx) {
        for (std::int64_t c = 0; c < conv.in_channels; ++c)
          *distances++ = row + c * pitch + kx * conv.dilation_w;
      }
    }
  }

  // Stores the input rows under output row `oy`; unless `all`, those that the row before it had are there.
  void fill(const float* image, std::int64_t oy, bool all, float* rows) const {
    ring.refill(oy, all, [&](std::int64_t iy, std::int64_t place) {
      float* row = rows + place * conv.in_channels * pitch;
      if (iy < 0 || iy >= conv.in_h) {
        std::fill_n(row, conv.in_channels * pitch, 0.0f);
        return;
      }
      for (std::int64_t c = 0; c < conv.in_channels; ++c)
        fill_plane(image + (c * conv.in_h + iy) * conv.in_w, row + c * pitch);
    });
  }

 private:
  void fill_plane(const float* from, float* row) const {
    const std::int64_t before = std::min(conv.pad_left, pitch);
    const std::int64_t there = std::min(conv.in_w, pitch - before);
    std::fill_n(row, before, 0.0f);
    std::memcpy(row + before, from, static_cast<std::size_t>(there) * sizeof(float));
    std::fill(row + before + there, row + pitch, 0.0f);
  }
};

class BoundPlanarRows final : public BoundKernel {
 public:
  BoundPlanarRows(const PlanarSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        shape_(args.layer),
        panels_(shape_.panels(set)),
        activation_(activation),
        clamp_(Epilogue(args.layer).clamp),
        block_(args.layer.outputs[0].format.block),
        images_(block_ == 0 ? 1 : blocks_of(args.layer.outputs[0])),
        output_pitch_(block_ == 0 ? pixel_pitch(args.layer.outputs[0]) : block_),
        vector_pitch_(block_ == 0 ? panels_.vector : shape_.conv.out_h * shape_.conv.out_w * block_),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads),
        distances_(static_cast<std::size_t>(shape_.ring.places() * panels_.depth)) {
    for (std::int64_t turn = 0; turn < shape_.ring.places(); ++turn)
      shape_.find_distances(turn, distances_.data() + turn * panels_.depth);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const ConvShape& s = shape_.conv;
    parallel_for(pool_, threads_, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* rows = workspace_ + worker * shape_.floats();
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / s.out_h;
        const std::int64_t oy = i % s.out_h;
        shape_.fill(input_ + image * s.in_channels * s.in_h * s.in_w, oy, i == begin || oy == 0, rows);
        run_row(oy, rows, output_ + (image * images_ * s.out_h + oy) * s.out_w * output_pitch_);
      }
    });
    return {};
  }

 private:
  void run_row(std::int64_t oy, const float* rows, float* output) const noexcept {
    const std::int64_t width = shape_.conv.out_w;
    const std::int64_t count = ceil_div(width, set_.tiles->most_rows[panels_.vectors - 1]);
    PlanarTile tile{};
    tile.distances = distances_.data() + shape_.ring.turn(oy) * panels_.depth;
    tile.depth = panels_.depth;
    tile.step = shape_.conv.stride_w;
    tile.output_pitch = output_pitch_;
    tile.vector_pitch = vector_pitch_;
    tile.low = clamp_.low, tile.high = clamp_.high;
    // Nearly equally wide, the wider ones first.
    std::int64_t outputs = width / count + 1;
    tile.input = rows;
    for (std::int64_t i = 0; i < count; ++i) {
      if (i == width % count) --outputs;
      multiply(tile, static_cast<int>(outputs), output);
      tile.input += outputs * tile.step;
      output += outputs * output_pitch_;
    }
  }

  // The outputs of a tile times all panels.
  void multiply(PlanarTile& tile, int outputs, float* to) const noexcept {
    for (std::int64_t panel = 0; panel < panels_.count; ++panel) {
      const int vectors = panels_.vectors_of(panel);
      const std::int64_t columns = panels_.columns_of(panel);
      const std::int64_t last_lanes = columns - panels_.width_of(panel) + panels_.vector;
      tile.panel = packed_ + panels_.first_float(panel);
      tile.output = to;
      tile.last_lanes = static_cast<std::size_t>(last_lanes);
      tile.fills = block_ != 0 && last_lanes < panels_.vector;
      set_.kernels[vectors - 1][outputs - 1](tile);
      if (block_ == 0)
        activation_.apply(to, output_pitch_, outputs, columns);
      else
        activation_.apply(to, vector_pitch_, vectors, outputs * block_);
      to += vectors * vector_pitch_;
    }
  }

  const PlanarSet& set_;
  const PlanarShape shape_;
  const Panels panels_;
  const UnaryFunction activation_;
  const Clamp clamp_;
  const std::int64_t block_;   // of the output's channels; 0 in nhwc
  const std::int64_t images_;  // of blocks of channels, that each of the batch is made of
  const std::int64_t output_pitch_, vector_pitch_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  std::vector<std::int64_t> distances_;  // for each turn of the ring
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

Refusal check_formats(const LayerDesc& layer, int block) noexcept {
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::f32 || tensor.format.scale != 0) return Refusal::data_type;
    }
  }
  const Format& y = layer.outputs[0].format;
  const bool writable = y.layout == Layout::nhwc || (y.layout == Layout::nchwc && y.block == block);
  return layer.inputs[0].format.layout == Layout::nchw && writable ? Refusal::none : Refusal::layout;
}

}  // namespace

Refusal PlanarRows::supports(const PlanarSet& set, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_formats(layer, set.tiles->vector); refusal != Refusal::none)
    return refusal;
  if (const Refusal refusal = check_second_part(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  if (s.in_channels > kMostChannels) return Refusal::shape;
  if (s.dilation_w > kMostWindow) return Refusal::dilation;
  if (s.stride_w > kMostWindow) return Refusal::stride;
  return s.kernel_h <= kMostWindow && s.kernel_w <= kMostWindow ? Refusal::none : Refusal::kernel_size;
}

std::size_t PlanarRows::workspace_bytes(const PlanarSet&, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(PlanarShape(layer).floats() * threads) * sizeof(float);
}

std::size_t PlanarRows::packed_bytes(const PlanarSet& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(PlanarShape(layer).panels(set).floats()) * sizeof(float);
}

Status PlanarRows::pack(const PlanarSet& set, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const PlanarShape shape(layer);
  const ConvShape& s = shape.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  pack_panels(shape.panels(set), weights, bias, s.in_channels, s.taps(),
              reinterpret_cast<float*>(packed.data()));
  return {};
}

Result<std::unique_ptr<BoundKernel>> PlanarRows::bind(const PlanarSet& set, const BindArgs& args,
                                                      const UnaryFunction& activation) {
  return bind_as<BoundPlanarRows>(set, args, activation);
}

}  // namespace fettle::kernels
