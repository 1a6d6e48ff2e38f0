// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/winograd.h"

#include "kernels/common/cache.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/winograd_products.h"
#include "kernels/common/winograd_weights.h"

#include <algorithm>
#include <array>

namespace fettle::kernels {
namespace {

// How the image is cut into patches, and patches into blocks.
struct WinogradShape {
  ConvShape conv;
  Panels panels;
  std::int64_t m, points;
  std::int64_t patches_across, patches;  // of one image
  std::int64_t blocks;                   // of all images
  std::int64_t most_patches;             // in a block

  WinogradShape(const WinogradSet& set, const LayerDesc& layer, int threads)
      : conv(layer),
        panels(*set.tiles, conv.out_channels, conv.in_channels),
        m(set.m),
        points((m + 2) * (m + 2)),
        patches_across(ceil_div(conv.out_w, m)),
        patches(patches_across * ceil_div(conv.out_h, m)) {
    const std::int64_t lanes = set.tiles->vector;
    const std::int64_t floats =
        points * lanes * ceil_div(std::max(conv.in_channels, conv.out_channels), lanes);
    // Weights are read once for every block: blocks are as large as the cache allows, but each thread gets
    // one.
    const std::int64_t total = conv.batch * patches;
    const std::int64_t fitting = std::max<std::int64_t>(1, l2_floats() / 4 / floats);
    blocks = std::max(ceil_div(total, fitting), std::min<std::int64_t>(threads, total));
    // A few patches more than fit cost less than reading all weights once more.
    const std::int64_t rows = set.tiles->most_rows[panels.vectors - 1];
    const std::int64_t weights = points * panels.floats();
    if (weights > l2_floats())
      blocks = std::min(blocks, std::max<std::int64_t>(threads, ceil_div(total, 2 * rows)));
    most_patches = ceil_div(total, blocks);
  }
  std::int64_t first_patch(std::int64_t block) const { return conv.batch * patches * block / blocks; }
  // Packed: the panels of each point, the biases, then zeros for as many input channels or columns as there
  // are.
  std::int64_t panel_floats() const { return points * panels.floats(); }
  std::int64_t first_zero() const { return panel_floats() + panels.padded_columns(); }
  std::int64_t packed_floats() const {
    return first_zero() + std::max(conv.in_channels, panels.padded_columns());
  }
  WinogradProducts products(const WinogradSet& set) const { return {set, panels, most_patches}; }
};

// Where a patch lies in its image. Moves to the next one without divisions.
struct Place {
  std::int64_t image, y, x;
  Place(const WinogradShape& s, std::int64_t patch)
      : image(patch / s.patches),
        y(patch % s.patches / s.patches_across * s.m),
        x(patch % s.patches % s.patches_across * s.m) {}
  void next(const WinogradShape& s) {
    x += s.m;
    if (x < s.conv.out_w) return;
    x = 0, y += s.m;
    if (y < s.conv.out_h) return;
    y = 0, ++image;
  }
};

class BoundWinograd final : public BoundKernel {
 public:
  BoundWinograd(const WinogradSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        shape_(set, args.layer, args.threads),
        products_(shape_.products(set)),
        epilogue_(args.layer),
        activation_(activation),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        weights_(weights_of(shape_, reinterpret_cast<const float*>(args.packed.data()))),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs);
    workspace_ = static_cast<float*>(workspace);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, shape_.blocks, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* own = workspace_ + worker * products_.workspace_floats();
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = shape_.first_patch(block);
        const std::int64_t last = shape_.first_patch(block + 1);
        Place place(shape_, first);
        for (std::int64_t patch = first; patch < last; ++patch, place.next(shape_))
          transform(place, products_.transformed(own) + (patch - first) * products_.input().patch);
        products_.multiply(weights_, last - first, own);
        place = Place(shape_, first);
        for (std::int64_t patch = first; patch < last; ++patch, place.next(shape_))
          finish(place, products_.products(own) + (patch - first) * products_.output().patch);
      }
    });
    return {};
  }

 private:
  static WinogradWeights weights_of(const WinogradShape& shape, const float* packed) noexcept {
    return {packed, packed + shape.panel_floats(), packed + shape.first_zero()};
  }

  void transform(const Place& place, float* transformed) const noexcept {
    const ConvShape& s = shape_.conv;
    const std::int64_t top = place.y - s.pad_top;
    const std::int64_t left = place.x - s.pad_left;
    const std::int64_t side = shape_.m + 2;
    WinogradPatch patch{};
    patch.row_pitch = s.in_w * input_pitch_;
    patch.pixel_pitch = input_pitch_;
    patch.input =
        input_ + place.image * s.in_h * patch.row_pitch + top * patch.row_pitch + left * input_pitch_;
    patch.channels = s.in_channels;
    const auto inside = [side](std::int64_t at) {
      return static_cast<int>(std::clamp<std::int64_t>(at, 0, side));
    };
    patch.top = inside(-top), patch.bottom = inside(s.in_h - top);
    patch.left = inside(-left), patch.right = inside(s.in_w - left);
    patch.zeros = weights_.zeros;
    patch.transformed = transformed;
    patch.vector_pitch = products_.input().vector;
    patch.point_pitch = products_.input().point;
    set_.input(patch);
  }

  void finish(const Place& place, const float* products) const noexcept {
    const ConvShape& s = shape_.conv;
    const std::int64_t pixel = (place.image * s.out_h + place.y) * s.out_w + place.x;
    WinogradResult result{};
    result.products = products;
    result.vector_pitch = products_.output().vector;
    result.point_pitch = products_.output().point;
    result.channels = s.out_channels;
    result.rows = static_cast<int>(std::min(shape_.m, s.out_h - place.y));
    result.columns = static_cast<int>(std::min(shape_.m, s.out_w - place.x));
    result.clamp = epilogue_.clamp;
    result.after_added = epilogue_.after_added;
    result.output = output_ + pixel * output_pitch_;
    result.pixel_pitch = output_pitch_;
    result.row_pitch = s.out_w * output_pitch_;
    if (residual_ != nullptr) result.residual = residual_ + pixel * epilogue_.residual_pitch;
    result.residual_pixel_pitch = epilogue_.residual_pitch;
    result.residual_row_pitch = s.out_w * epilogue_.residual_pitch;
    set_.output(result);
    for (int row = 0; row < result.rows; ++row)
      activation_.apply(result.output + row * result.row_pitch, output_pitch_, result.columns,
                        result.channels);
  }

  const WinogradSet& set_;
  const WinogradShape shape_;
  const WinogradProducts products_;
  const Epilogue epilogue_;
  const UnaryFunction activation_;
  const std::int64_t input_pitch_;
  const std::int64_t output_pitch_;
  const WinogradWeights weights_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

}  // namespace

Refusal Winograd::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  if (s.kernel_h != 3 || s.kernel_w != 3) return Refusal::kernel_size;
  if (s.stride_h != 1 || s.stride_w != 1) return Refusal::stride;
  return s.dilation_h == 1 && s.dilation_w == 1 ? Refusal::none : Refusal::dilation;
}

bool Winograd::pays(const LayerDesc& layer) noexcept {
  constexpr std::int64_t kFewestChannels = 16;
  constexpr std::int64_t kMostWeights = std::int64_t{256} * 256;  // more are those of small pictures
  const ConvShape s(layer);
  return std::min(s.in_channels, s.out_channels) >= kFewestChannels &&
         s.in_channels * s.out_channels <= kMostWeights;
}

std::size_t Winograd::workspace_bytes(const WinogradSet& set, const LayerDesc& layer, int threads) {
  const WinogradShape shape(set, layer, threads);
  return static_cast<std::size_t>(shape.products(set).workspace_floats() * threads) * sizeof(float);
}

std::size_t Winograd::packed_bytes(const WinogradSet& set, const LayerDesc& layer) {
  return static_cast<std::size_t>(WinogradShape(set, layer, 1).packed_floats()) * sizeof(float);
}

Status Winograd::pack(const WinogradSet& set, const LayerDesc& layer,
                      std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const WinogradShape shape(set, layer, 1);
  const ConvShape& s = shape.conv;
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  std::fill_n(target, shape.packed_floats(), 0.0f);
  if (s.biased) {
    const auto* bias = reinterpret_cast<const float*>(constants[2].data());
    pack_columns(shape.panels, bias, target + shape.panel_floats());
  }
  std::array<float, kMostWinogradPoints> transformed;
  for (std::int64_t o = 0; o < s.out_channels; ++o) {
    for (std::int64_t c = 0; c < s.in_channels; ++c) {
      transform_weights(set.m, weights + (o * s.in_channels + c) * 9, transformed.data());
      float* place = target + shape.panels.place(o, c);
      for (std::int64_t point = 0; point < shape.points; ++point)
        place[point * shape.panels.floats()] = transformed[static_cast<std::size_t>(point)];
    }
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Winograd::bind(const WinogradSet& set, const BindArgs& args,
                                                    const UnaryFunction& activation) {
  return bind_as<BoundWinograd>(set, args, activation);
}

}  // namespace fettle::kernels
