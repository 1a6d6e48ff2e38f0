// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/dynamic.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/dense_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/q8/dynamic_range.h"
#include "kernels/common/q8/product.h"
#include "kernels/common/uniform.h"
#include "kernels/common/window_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace fettle::kernels {
namespace {

constexpr std::int64_t kMostDynamicTaps = 1024;
constexpr std::int64_t kSumPitch = std::int64_t{kMostQ8Vectors} * kMostQ8Lanes;

// Either kind of product: groups of columns, and rows of bytes under a window, or under none.
struct DynamicShape {
  ProductQ8Shape product;
  std::int64_t images, rows, groups;
  std::int64_t input_elements, image_elements;
  std::int64_t output_pitch;
  std::optional<ConvShape> conv;
  std::optional<DenseShape> dense;

  explicit DynamicShape(const LayerDesc& layer) {
    input_elements = layer.inputs[0].shape.elements();
    if (layer.main().op == Op::conv) {
      conv.emplace(layer);
      product = {conv->out_per_group, conv->taps(), conv->in_per_group};
      images = conv->batch, rows = conv->out_h * conv->out_w, groups = conv->groups;
      image_elements = conv->in_channels * conv->in_h * conv->in_w;
      output_pitch = conv->out_channels;
    } else {
      dense.emplace(layer);
      product = {dense->outputs, 1, dense->depth};
      images = 1, rows = dense->rows, groups = 1;
      image_elements = 0;
      output_pitch = dense->outputs;
    }
  }
  std::int64_t element(std::int64_t group, std::int64_t column, std::int64_t tap, std::int64_t c) const {
    if (dense) return dense->element(column, c);
    return ((group * conv->out_per_group + column) * conv->in_per_group + c) * conv->taps() + tap;
  }
  std::int64_t zero_bytes() const { return product.depth + kQ8Group; }
  std::int64_t pointers() const { return product.taps * kMostQ8Rows; }
};

// Where the packed numbers lie: panels of each group, then for each column the sum of its weights, their
// scale, and the bias.
struct DynamicPacked {
  PackedQ8Products panels;
  std::int64_t columns, sums, scales, biases, bytes;

  DynamicPacked(const TileQ8Set& set, const Panels& cut, const DynamicShape& s, const LayerDesc& layer)
      : panels(set, cut, s.product, layer, s.groups, 0),
        columns(s.groups * cut.padded_columns()),
        sums(whole_lines(static_cast<std::int64_t>(panels.bytes()))),
        scales(sums + columns * 4),
        biases(scales + columns * 4),
        bytes(biases + columns * 4) {}
};

// The parts of the workspace, in bytes from its start.
struct DynamicScratch {
  std::int64_t ranges, zeros, begins, sums, pointers, bytes;

  DynamicScratch(const DynamicShape& s, std::int64_t columns, int threads)
      : ranges(whole_lines(s.input_elements + kQ8Group)),
        zeros(ranges + whole_lines(threads * std::int64_t{sizeof(DynamicRange)})),
        begins(zeros + whole_lines(s.zero_bytes())),
        sums(begins + whole_lines(columns * 4)),
        pointers(sums + threads * kMostQ8Rows * kSumPitch * 4),
        bytes(pointers + threads * s.pointers() * std::int64_t{sizeof(const std::uint8_t*)}) {}
};

class BoundDynamic final : public BoundKernel {
 public:
  BoundDynamic(const TileQ8Set& set, const BindArgs& args)
      : set_(set),
        s_(args.layer),
        panels_(panels_of_q8(set, s_.product)),
        blocks_(set.most_rows[panels_.vectors - 1], panels_, s_.rows,
                ceil_div(s_.rows * s_.product.depth, std::int64_t{sizeof(float)}), args.threads),
        packed_(set, panels_, s_, args.layer),
        scratch_(s_, packed_.columns, args.threads),
        clamp_(clamp_of(args.layer)),
        weights_(args.packed.data()),
        pool_(args.pool),
        threads_(args.threads) {
    common_.taps = static_cast<std::size_t>(s_.product.taps);
    common_.groups = static_cast<std::size_t>(s_.product.groups());
    common_.sum_stride = static_cast<std::size_t>(kSumPitch);
    common_.flip = set.flip_of(DataType::u8);
    if (s_.conv) rows_.emplace(*s_.conv, s_.conv->in_channels, nullptr);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<std::byte*>(workspace);
    if (rows_) rows_->set_zeros(reinterpret_cast<const std::uint8_t*>(workspace_ + scratch_.zeros));
    return {};
  }

  Status run() noexcept override {
    quantise();
    parallel_for(pool_, threads_, s_.images * s_.groups * blocks_.count(),
                 [&](std::int64_t begin, std::int64_t end, int worker) {
                   blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
                     run_block(product / s_.groups, product % s_.groups, block, worker);
                   });
                 });
    return {};
  }

 private:
  std::uint8_t* bytes() const noexcept { return reinterpret_cast<std::uint8_t*>(workspace_); }

  // The bytes of x, and what depends on its zero point.
  void quantise() noexcept {
    const std::int64_t count = s_.input_elements;
    const QuantisedInput input =
        quantise_input(pool_, threads_, input_, count,
                       reinterpret_cast<DynamicRange*>(workspace_ + scratch_.ranges), bytes());
    scale_ = input.scale;
    const int zero = input.zero;
    std::memset(bytes() + count, 0, static_cast<std::size_t>(kQ8Group));
    std::memset(workspace_ + scratch_.zeros, zero, static_cast<std::size_t>(s_.zero_bytes()));
    const int stored_zero = set_.zero_of({.type = DataType::u8, .zero_point = zero});
    const auto* sums = reinterpret_cast<const std::int32_t*>(weights_ + packed_.sums);
    auto* begins = reinterpret_cast<std::int32_t*>(workspace_ + scratch_.begins);
    for (std::int64_t i = 0; i < packed_.columns; ++i) begins[i] = -stored_zero * sums[i];
  }

  void run_block(std::int64_t image, std::int64_t group, const Block& block, int worker) const noexcept {
    auto** pointers =
        reinterpret_cast<const std::uint8_t**>(workspace_ + scratch_.pointers) + worker * s_.pointers();
    if (s_.conv) {
      rows_->find(bytes() + image * s_.image_elements + group * s_.product.depth, block.first_row, block.rows,
                  pointers);
    } else {
      for (int r = 0; r < block.rows; ++r) pointers[r] = bytes() + (block.first_row + r) * s_.product.depth;
    }
    TileQ8 tile = common_;
    tile.rows = pointers;
    tile.sums =
        reinterpret_cast<std::int32_t*>(workspace_ + scratch_.sums) + worker * kMostQ8Rows * kSumPitch;
    const std::int64_t columns = group * panels_.padded_columns();
    ProductQ8Weights weights = packed_.panels.weights(weights_, group);
    weights.begin = reinterpret_cast<const std::int32_t*>(workspace_ + scratch_.begins) + columns;
    float* y = output_ + (image * s_.rows + block.first_row) * s_.output_pitch + group * s_.product.columns;
    multiply_q8_sums(set_, panels_, weights, block, tile, [&](std::int64_t first, std::int64_t count) {
      finish(block.rows, columns + first, count, tile.sums, y + first);
    });
  }

  // Real numbers of a panel's sums.
  void finish(int rows, std::int64_t column, std::int64_t count, const std::int32_t* sums,
              float* y) const noexcept {
    const auto* scales = reinterpret_cast<const float*>(weights_ + packed_.scales) + column;
    const auto* biases = reinterpret_cast<const float*>(weights_ + packed_.biases) + column;
    const Clamp clamp = clamp_;
    const float scale = scale_;
    for (int r = 0; r < rows; ++r, sums += kSumPitch, y += s_.output_pitch) {
      for (std::int64_t i = 0; i < count; ++i) {
        const float real = static_cast<float>(sums[i]) * (scale * scales[i]) + biases[i];
        const float above = real < clamp.low ? clamp.low : real;  // NaN stays what it is
        y[i] = above > clamp.high ? clamp.high : above;
      }
    }
  }

  const TileQ8Set& set_;
  const DynamicShape s_;
  const Panels panels_;
  const Blocking blocks_;
  const DynamicPacked packed_;
  const DynamicScratch scratch_;
  const Clamp clamp_;
  const std::byte* const weights_;
  TileQ8 common_{};
  std::optional<WindowRowsOf<std::uint8_t>> rows_;
  ThreadPool* const pool_;
  const int threads_;
  float scale_ = 1;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  std::byte* workspace_ = nullptr;
};

}  // namespace

std::size_t DynamicProduct::workspace_bytes(const TileQ8Set& set, const LayerDesc& layer, int threads) {
  const DynamicShape s(layer);
  const std::int64_t columns = s.groups * panels_of_q8(set, s.product).padded_columns();
  return static_cast<std::size_t>(DynamicScratch(s, columns, threads).bytes);
}

std::size_t DynamicProduct::packed_bytes(const TileQ8Set& set, const LayerDesc& layer) {
  const DynamicShape s(layer);
  return static_cast<std::size_t>(DynamicPacked(set, panels_of_q8(set, s.product), s, layer).bytes);
}

Status DynamicProduct::pack(const TileQ8Set& set, const LayerDesc& layer,
                            std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const DynamicShape s(layer);
  const Panels panels = panels_of_q8(set, s.product);
  const DynamicPacked parts(set, panels, s, layer);
  std::memset(packed.data(), 0, packed.size());
  auto* sums = reinterpret_cast<std::int32_t*>(packed.data() + parts.sums);
  auto* scales = reinterpret_cast<float*>(packed.data() + parts.scales);
  auto* biases = reinterpret_cast<float*>(packed.data() + parts.biases);
  const auto* bias = reinterpret_cast<const float*>(constants[2].data());
  const auto* given = layer.inputs.size() > 3 ? reinterpret_cast<const float*>(constants[3].data()) : nullptr;
  for (std::int64_t group = 0; group < s.groups; ++group) {
    for (std::int64_t column = 0; column < s.product.columns; ++column) {
      const std::int64_t at = group * panels.padded_columns() + column;
      const std::int64_t output = group * s.product.columns + column;
      sums[at] = static_cast<std::int32_t>(parts.panels.pack_weights(
          set, panels, s.product, layer, constants, group, column, packed,
          [&](std::int64_t tap, std::int64_t c) { return s.element(group, column, tap, c); }));
      scales[at] = given == nullptr ? layer.inputs[1].format.scale : given[output];
      biases[at] = bias[output];
    }
  }
  parts.panels.pack_ones(set, s.product, packed);
  return {};
}

Result<std::unique_ptr<BoundKernel>> DynamicProduct::bind(const TileQ8Set& set, const BindArgs& args) {
  return bind_as<BoundDynamic>(set, args);
}

Refusal ConvDynamic::supports(const LayerDesc& layer) noexcept {
  if (const Refusal no = check_conv(layer, 4); no != Refusal::none) return no;
  const ConvShape s(layer);
  if (const Refusal no = check_dynamic_product(layer, s.out_channels); no != Refusal::none) return no;
  if (layer.inputs[0].format.layout != Layout::nhwc || layer.outputs[0].format.layout != Layout::nhwc)
    return Refusal::layout;
  return s.taps() <= kMostDynamicTaps ? Refusal::none : Refusal::kernel_size;
}

Refusal DenseDynamic::supports(const LayerDesc& layer) noexcept {
  if (const Refusal no = check_dense_layer(layer); no != Refusal::none) return no;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  return check_dynamic_product(layer, DenseShape(layer).outputs);
}

}  // namespace fettle::kernels
