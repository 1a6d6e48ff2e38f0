// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/planar_rows.h"

#include "kernels/common/blocked.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/planar_input.h"

#include <vector>

namespace fettle::kernels {
namespace {

Panels panels_of_planar(const PlanarSet& set, const ConvShape& conv) {
  return {*set.tiles, conv.out_channels, conv.depth()};
}

class BoundPlanarRows final : public BoundKernel {
 public:
  BoundPlanarRows(const PlanarSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        input_rows_(args.layer),
        panels_(panels_of_planar(set, input_rows_.conv())),
        activation_(activation),
        clamp_(Epilogue(args.layer).clamp),
        block_(args.layer.outputs[0].format.block),
        images_(block_ == 0 ? 1 : blocks_of(args.layer.outputs[0])),
        output_pitch_(block_ == 0 ? pixel_pitch(args.layer.outputs[0]) : block_),
        vector_pitch_(block_ == 0 ? panels_.vector
                                  : input_rows_.conv().out_h * input_rows_.conv().out_w * block_),
        weights_(PackedProducts(panels_).weights(reinterpret_cast<const float*>(args.packed.data()))),
        pool_(args.pool),
        threads_(args.threads),
        distances_(input_rows_.distances()) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const ConvShape& s = input_rows_.conv();
    parallel_for(pool_, threads_, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* rows = workspace_ + worker * input_rows_.floats();
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / s.out_h;
        const std::int64_t oy = i % s.out_h;
        input_rows_.fill(input_ + image * s.in_channels * s.in_h * s.in_w, oy, i == begin || oy == 0, rows);
        run_row(oy, rows, output_ + (image * images_ * s.out_h + oy) * s.out_w * output_pitch_);
      }
    });
    return {};
  }

 private:
  void run_row(std::int64_t oy, const float* rows, float* output) const noexcept {
    const std::int64_t width = input_rows_.conv().out_w;
    const std::int64_t count = ceil_div(width, set_.tiles->most_rows[panels_.vectors - 1]);
    PlanarTile tile{};
    tile.distances = distances_.data() + input_rows_.first_distance(oy);
    tile.depth = panels_.depth;
    tile.step = input_rows_.conv().stride_w;
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
      tile.panel = static_cast<const float*>(weights_.panels) + panels_.first_float(panel);
      tile.bias = weights_.bias + panels_.first_column(panel);
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
  const PlanarInput input_rows_;
  const Panels panels_;
  const UnaryFunction activation_;
  const Clamp clamp_;
  const std::int64_t block_;   // of the output's channels; 0 in nhwc
  const std::int64_t images_;  // of blocks of channels, that each of the batch is made of
  const std::int64_t output_pitch_, vector_pitch_;
  const ProductWeights weights_;
  ThreadPool* const pool_;
  const int threads_;
  const std::vector<std::int64_t> distances_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

}  // namespace

Refusal PlanarRows::supports(const PlanarSet& set, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = PlanarInput::supports(layer); refusal != Refusal::none) return refusal;
  const Format& y = layer.outputs[0].format;
  const bool writable =
      y.layout == Layout::nhwc || (y.layout == Layout::nchwc && y.block == set.tiles->vector);
  return writable ? Refusal::none : Refusal::layout;
}

std::size_t PlanarRows::workspace_bytes(const PlanarSet&, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(PlanarInput(layer).floats() * threads) * sizeof(float);
}

std::size_t PlanarRows::packed_bytes(const PlanarSet& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(PackedProducts(panels_of_planar(set, ConvShape(layer))).floats()) *
         sizeof(float);
}

Status PlanarRows::pack(const PlanarSet& set, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const ConvShape s(layer);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  const Panels panels = panels_of_planar(set, s);
  const PackedProducts products(panels);
  pack_panels(panels, weights, s.in_channels, s.taps(), products.panels(target));
  pack_columns(panels, bias, products.bias(target));
  return {};
}

Result<std::unique_ptr<BoundKernel>> PlanarRows::bind(const PlanarSet& set, const BindArgs& args,
                                                      const UnaryFunction& activation) {
  return bind_as<BoundPlanarRows>(set, args, activation);
}

}  // namespace fettle::kernels
