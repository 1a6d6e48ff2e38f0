// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/indirect.h"

#include "kernels/common/blocking.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/window_rows.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

Panels panels_of_indirect(const TileSet& tiles, const ConvShape& s) {
  return {tiles, s.out_per_group, s.depth()};
}

// Before the panels of the groups lie the zeros that taps outside of the input read.
PackedProducts packed_indirect(const Panels& panels, const ConvShape& s) {
  return PackedProducts(panels, s.groups, s.zero_pixel());
}

// The pointers of a tile lie in the workspace.
constexpr std::int64_t kIndirectMostTaps = 1024;

// The pointers of one thread's tile: to each tap of each row.
std::int64_t pointers_each(const ConvShape& s) { return s.taps() * kMostRows; }

// Where windows never leave the image and taps across are neighbours in memory, those of a row are read as
// one tap with the channels of all: the same sums, and pointers for each row of a window alone (spectra by
// convolutions).
ConvShape with_joined_taps(ConvShape s, std::int64_t input_pitch) {
  const bool inside = s.pad_left == 0 && s.pad_top == 0 &&
                      (s.out_w - 1) * s.stride_w + s.kernel_w <= s.in_w &&
                      (s.out_h - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h < s.in_h;
  if (!inside || s.groups != 1 || s.dilation_w != 1 || input_pitch != s.in_channels) return s;
  s.in_per_group *= s.kernel_w;
  s.kernel_w = 1;
  return s;
}

class BoundIndirect final : public BoundKernel {
 public:
  BoundIndirect(const TileSet& tiles, const BindArgs& args, const UnaryFunction& activation)
      : tiles_(tiles),
        shape_(args.layer),
        pointwise_(shape_.pointwise()),
        panels_(panels_of_indirect(tiles, shape_)),
        blocks_(tiles, panels_, shape_.out_h * shape_.out_w, shape_.read_floats(), args.threads),
        epilogue_(args.layer),
        activation_(activation),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        read_(with_joined_taps(shape_, input_pitch_)),
        common_(conv_tile(read_.taps(), read_.in_per_group, epilogue_, output_pitch_)),
        products_(packed_indirect(panels_, shape_)),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        rows_(read_, input_pitch_, packed_),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs);
    pointers_ = static_cast<const float**>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t units = shape_.batch * shape_.groups * blocks_.count();
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        run_block(shape_.groups == 1 ? product : product / shape_.groups,
                  shape_.groups == 1 ? 0 : product % shape_.groups, block,
                  pointers_ + worker * pointers_each(shape_));
      });
    });
    return {};
  }

 private:
  void run_block(std::int64_t image, std::int64_t group, const Block& block,
                 const float** pointers) const noexcept {
    const ConvShape& s = shape_;
    const float* x = input_ + image * s.in_h * s.in_w * input_pitch_ + group * s.in_per_group;
    const std::int64_t pixel = image * s.out_h * s.out_w + block.first_row;
    const std::int64_t channel = group * s.out_per_group;
    Tile tile = common_;
    tile.output = output_ + pixel * output_pitch_ + channel;
    if (residual_ != nullptr) tile.residual = residual_ + pixel * epilogue_.residual_pitch + channel;
    const ProductWeights weights = products_.weights(packed_, group);
    if (pointwise_) {
      multiply_rows(tiles_, panels_, weights, block, x, input_pitch_, tile, activation_);
      return;
    }
    rows_.find(x, block.first_row, block.rows, pointers);
    tile.rows = pointers;
    multiply_panels(tiles_, panels_, weights, block, tile, activation_);
  }

  const TileSet& tiles_;
  const ConvShape shape_;
  const bool pointwise_;
  const Panels panels_;
  const Blocking blocks_;
  const Epilogue epilogue_;
  const UnaryFunction activation_;
  const std::int64_t output_pitch_;
  const std::int64_t input_pitch_;
  const ConvShape read_;
  const Tile common_;
  const PackedProducts products_;
  const float* const packed_;
  const WindowRows rows_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  const float** pointers_ = nullptr;
};

}  // namespace

Refusal Indirect::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups > 1 && s.in_per_group == 1) return Refusal::groups;
  return s.taps() <= kIndirectMostTaps ? Refusal::none : Refusal::kernel_size;
}

std::size_t Indirect::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(pointers_each(ConvShape(layer)) * threads) * sizeof(const float*);
}

std::size_t Indirect::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  const ConvShape s(layer);
  return static_cast<std::size_t>(packed_indirect(panels_of_indirect(tiles, s), s).floats()) * sizeof(float);
}

Status Indirect::pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                      std::span<std::byte> packed) {
  const ConvShape s(layer);
  const Panels panels = panels_of_indirect(tiles, s);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  const PackedProducts products = packed_indirect(panels, s);
  std::fill_n(target, s.zero_pixel(), 0.0f);
  for (std::int64_t group = 0; group < s.groups; ++group) {
    const std::int64_t first = group * s.out_per_group;
    pack_panels(panels, weights + first * s.depth(), s.in_per_group, s.taps(),
                products.panels(target, group));
    pack_columns(panels, bias == nullptr ? nullptr : bias + first, products.bias(target, group));
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Indirect::bind(const TileSet& tiles, const BindArgs& args,
                                                    const UnaryFunction& activation) {
  return bind_as<BoundIndirect>(tiles, args, activation);
}

}  // namespace fettle::kernels
