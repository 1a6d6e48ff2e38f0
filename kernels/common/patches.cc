// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/patches.h"

#include "kernels/common/blocking.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/window_rows.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// A tile's pointers and results lie in the workspace.
constexpr std::int64_t kPatchesMostTaps = 1024;
constexpr std::int64_t kMostColumns = 1024;

// One direction of the convolution that makes patches. Patch p begins at p * stride - pad of the output and
// is made of the inputs from p - (taps - 1) to p.
struct PatchAxis {
  std::int64_t taps, first, count;

  PatchAxis(std::int64_t kernel, std::int64_t stride, std::int64_t pad, std::int64_t out) noexcept
      : taps(ceil_div(kernel, stride)), first(pad / stride), count((out - 1 + pad) / stride - first + 1) {}
};

struct PatchShape {
  ConvShape conv;  // the layer's
  PatchAxis y, x;
  std::int64_t columns;  // of a patch: the channels of a group of all its pixels

  explicit PatchShape(const LayerDesc& layer)
      : conv(layer),
        y(conv.kernel_h, conv.stride_h, conv.pad_top, conv.out_h),
        x(conv.kernel_w, conv.stride_w, conv.pad_left, conv.out_w),
        columns(conv.stride_h * conv.stride_w * conv.out_per_group) {}

  // The convolution whose pixels are patches.
  ConvShape patches() const {
    ConvShape s = conv;
    s.out_h = y.count, s.out_w = x.count;
    s.kernel_h = y.taps, s.kernel_w = x.taps;
    s.stride_h = s.stride_w = 1;
    s.pad_top = y.taps - 1 - y.first, s.pad_left = x.taps - 1 - x.first;
    return s;
  }
  std::int64_t taps() const { return y.taps * x.taps; }
  Panels panels(const TileSet& tiles) const { return {tiles, columns, taps() * conv.in_per_group}; }
  // Before the panels of the groups lie the zeros that taps outside of the input read.
  PackedProducts packed(const Panels& panels) const {
    return PackedProducts(panels, conv.groups, conv.zero_pixel());
  }
  // A thread's workspace: the results of a tile, then its pointers.
  std::size_t result_bytes() const { return static_cast<std::size_t>(columns * kMostRows) * sizeof(float); }
  std::size_t workspace_bytes() const {
    const std::size_t pointers = static_cast<std::size_t>(taps() * kMostRows) * sizeof(const float*);
    return (result_bytes() + pointers + 63) / 64 * 64;
  }
};

class BoundPatches final : public BoundKernel {
 public:
  BoundPatches(const TileSet& tiles, const BindArgs& args)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(shape_.panels(tiles)),
        row_tiles_(ceil_div(shape_.y.count * shape_.x.count, tiles.most_rows[panels_.vectors - 1])),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        common_(conv_tile(shape_.taps(), shape_.conv.in_per_group, Epilogue(args.layer), shape_.columns)),
        products_(shape_.packed(panels_)),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        rows_(shape_.patches(), input_pitch_, packed_),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    workspace_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t groups = shape_.conv.groups;
    const std::int64_t units = shape_.conv.batch * groups * row_tiles_;
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      std::byte* own = workspace_ + static_cast<std::size_t>(worker) * shape_.workspace_bytes();
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t product = i / row_tiles_;
        run_tile(product / groups, product % groups, i % row_tiles_, own);
      }
    });
    return {};
  }

 private:
  void run_tile(std::int64_t image, std::int64_t group, std::int64_t index, std::byte* own) const noexcept {
    const ConvShape& s = shape_.conv;
    const std::int64_t patches = shape_.y.count * shape_.x.count;
    const std::int64_t first = patches * index / row_tiles_;
    const auto rows = static_cast<int>(patches * (index + 1) / row_tiles_ - first);
    auto* results = reinterpret_cast<float*>(own);
    auto* pointers = reinterpret_cast<const float**>(own + shape_.result_bytes());
    rows_.find(input_ + image * s.in_h * s.in_w * input_pitch_ + group * s.in_per_group, first, rows,
               pointers);
    Tile tile = common_;
    tile.rows = pointers;
    tile.output = results;
    multiply_panels(tiles_, panels_, products_.weights(packed_, group), {first, rows, 0, panels_.count}, tile,
                    {});
    float* image_out = output_ + image * s.out_h * s.out_w * output_pitch_ + group * s.out_per_group;
    for (int r = 0; r < rows; ++r)
      place((first + r) / shape_.x.count, (first + r) % shape_.x.count, results + r * shape_.columns,
            image_out);
  }

  // Writes the pixels of a patch that lie inside the output.
  void place(std::int64_t step_y, std::int64_t step_x, const float* from, float* image) const noexcept {
    const ConvShape& s = shape_.conv;
    const std::int64_t y = (shape_.y.first + step_y) * s.stride_h - s.pad_top;
    const std::int64_t x = (shape_.x.first + step_x) * s.stride_w - s.pad_left;
    const std::int64_t first_x = std::max<std::int64_t>(0, -x);
    const std::int64_t last_x = std::min(s.stride_w, s.out_w - x);
    const std::int64_t last_y = std::min(s.stride_h, s.out_h - y);
    for (std::int64_t dy = std::max<std::int64_t>(0, -y); dy < last_y; ++dy) {
      const float* pixel = from + (dy * s.stride_w + first_x) * s.out_per_group;
      float* to = image + ((y + dy) * s.out_w + x + first_x) * output_pitch_;
      for (std::int64_t dx = first_x; dx < last_x; ++dx, to += output_pitch_) {
        for (std::int64_t c = 0; c < s.out_per_group; ++c) to[c] = *pixel++;
      }
    }
  }

  const TileSet& tiles_;
  const PatchShape shape_;
  const Panels panels_;
  const std::int64_t row_tiles_;
  const std::int64_t input_pitch_, output_pitch_;
  const Tile common_;
  const PackedProducts products_;
  const float* const packed_;
  const WindowRows rows_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  std::byte* workspace_ = nullptr;
};

// Writes a group's panels, which are zeros; `weights` are the group's.
void pack_group(const PatchShape& s, const Panels& panels, const float* weights, float* target) {
  const ConvShape& c = s.conv;
  // ONNX has the taps inside, then the output channels.
  for (std::int64_t in = 0; in < c.in_per_group; ++in) {
    for (std::int64_t out = 0; out < c.out_per_group; ++out) {
      for (std::int64_t ky = 0; ky < c.kernel_h; ++ky) {
        for (std::int64_t kx = 0; kx < c.kernel_w; ++kx) {
          const std::int64_t pixel = ky % c.stride_h * c.stride_w + kx % c.stride_w;
          // The further back an input lies, the later the tap that reads it.
          const std::int64_t tap_y = s.y.taps - 1 - ky / c.stride_h;
          const std::int64_t tap_x = s.x.taps - 1 - kx / c.stride_w;
          const std::int64_t k = (tap_y * s.x.taps + tap_x) * c.in_per_group + in;
          target[panels.place(pixel * c.out_per_group + out, k)] = *weights++;
        }
      }
    }
  }
}

// Whether a pixel's channels do not fill vectors that a patch's would. All channels of a patch are multiplied
// by all of its taps, those of single pixels by the taps that they have: there must not be more of it.
bool pays(const TileSet& tiles, const PatchShape& s) {
  const ConvShape& c = s.conv;
  if (c.out_per_group > tiles.vector || c.stride_h * c.stride_w == 1) return false;
  return ceil_div(s.columns, tiles.vector) * s.taps() <= c.taps();
}

}  // namespace

Refusal Patches::supports(const TileSet& tiles, const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const PatchShape s(layer);
  if (s.conv.dilation_h != 1 || s.conv.dilation_w != 1) return Refusal::dilation;
  if (!pays(tiles, s)) return Refusal::shape;
  if (s.columns > kMostColumns) return Refusal::stride;
  return s.taps() <= kPatchesMostTaps ? Refusal::none : Refusal::kernel_size;
}

std::size_t Patches::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return PatchShape(layer).workspace_bytes() * static_cast<std::size_t>(threads);
}

std::size_t Patches::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  const PatchShape s(layer);
  return static_cast<std::size_t>(s.packed(s.panels(tiles)).floats()) * sizeof(float);
}

Status Patches::pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) {
  const PatchShape s(layer);
  const Panels panels = s.panels(tiles);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.conv.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  const PackedProducts products = s.packed(panels);
  std::fill_n(target, products.floats(), 0.0f);
  const std::int64_t of_group = s.conv.in_per_group * s.conv.out_per_group * s.conv.taps();
  for (std::int64_t group = 0; group < s.conv.groups; ++group) {
    pack_group(s, panels, weights + group * of_group, products.panels(target, group));
    // Each pixel of a patch has the group's.
    for (std::int64_t column = 0; bias != nullptr && column < s.columns; ++column)
      products.bias(target, group)[column] =
          bias[group * s.conv.out_per_group + column % s.conv.out_per_group];
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Patches::bind(const TileSet& tiles, const BindArgs& args) {
  return bind_as<BoundPatches>(tiles, args);
}

}  // namespace fettle::kernels
