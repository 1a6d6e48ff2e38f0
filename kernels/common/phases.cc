// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/phases.h"

#include "kernels/common/blocking.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/panels.h"
#include "kernels/common/phase_shape.h"

#include <algorithm>
#include <vector>

namespace fettle::kernels {
namespace {

// The pointers of a tile lie in the workspace.
constexpr std::int64_t kPhasesMostTaps = 1024;
constexpr std::int64_t kPhasesMostPhases = 1024;

Panels panels_of_phases(const TileSet& tiles, const PhaseShape& s) {
  return {tiles, s.conv.out_per_group, s.rows_of_panel()};
}

// Before the panels of the groups lie the zeros that taps outside of the input read.
PackedProducts packed_phases(const Panels& panels, const PhaseShape& s) {
  return PackedProducts(panels, s.conv.groups, s.conv.zero_pixel());
}

// The pointers of one thread's tile: to each tap of each row.
std::int64_t pointers_each(const PhaseShape& s) { return s.most_taps() * kMostRows; }

// How far back in the input the taps of a phase lie.
using Backs = std::vector<std::int64_t>;

std::vector<Backs> backs_of(const PhaseAxis& axis) {
  std::vector<Backs> phases(static_cast<std::size_t>(axis.stride));
  for (std::int64_t phase = 0; phase < axis.stride; ++phase) {
    for (std::int64_t tap = axis.first_tap(phase); tap < axis.kernel; tap += axis.period)
      phases[static_cast<std::size_t>(phase)].push_back(axis.back(tap));
  }
  return phases;
}

// The product of a phase.
struct Phase {
  std::int64_t first_row;   // of each panel
  std::size_t taps, depth;  // of its tiles
};

// The rows of a tile: neighbouring pixels of one phase in a line of the output.
struct Strip {
  std::size_t phase;  // along the line
  std::int64_t step;  // of its first pixel
  std::int64_t x;     // where that lies
  int pixels;
};

// All of a line, in pieces of nearly equal length for each phase.
std::vector<Strip> strips_of(const PhaseAxis& axis, std::int64_t most) {
  std::vector<Strip> strips;
  for (std::int64_t phase = 0; phase < axis.stride; ++phase) {
    const std::int64_t step = (std::max<std::int64_t>(0, axis.pad - phase) + axis.stride - 1) / axis.stride;
    const std::int64_t x = step * axis.stride + phase - axis.pad;
    const std::int64_t pixels = x < axis.out ? (axis.out - 1 - x) / axis.stride + 1 : 0;
    const std::int64_t count = (pixels + most - 1) / most;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t first = pixels * i / count;
      strips.push_back({static_cast<std::size_t>(phase), step + first, x + first * axis.stride,
                        static_cast<int>(pixels * (i + 1) / count - first)});
    }
  }
  return strips;
}

class BoundPhases final : public BoundKernel {
 public:
  BoundPhases(const TileSet& tiles, const BindArgs& args)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(panels_of_phases(tiles, shape_)),
        strips_(strips_of(shape_.x, tiles.most_rows[panels_.vectors - 1])),
        blocks_(panels_, tiles_of_image(), shape_.conv.read_floats(), args.threads),
        backs_y_(backs_of(shape_.y)),
        backs_x_(backs_of(shape_.x)),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        common_(conv_tile(1, 1, Epilogue(args.layer), output_pitch_ * shape_.x.stride)),
        products_(packed_phases(panels_, shape_)),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads) {
    std::int64_t before = 0;
    for (const Backs& y : backs_y_) {
      for (const Backs& x : backs_x_) {
        const auto taps = static_cast<std::int64_t>(y.size() * x.size());
        const std::int64_t depth = shape_.depth_of(taps);
        const std::int64_t runs = std::max<std::int64_t>(1, taps);
        phases_.push_back({before, static_cast<std::size_t>(runs), static_cast<std::size_t>(depth / runs)});
        before += depth;
      }
    }
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    pointers_ = static_cast<const float**>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t groups = shape_.conv.groups;
    const std::int64_t units = shape_.conv.batch * groups * blocks_.count();
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        run_block(product / groups, product % groups, block, pointers_ + worker * pointers_each(shape_));
      });
    });
    return {};
  }

 private:
  std::int64_t tiles_of_image() const noexcept {
    return shape_.y.out * static_cast<std::int64_t>(strips_.size());
  }

  // Tap-major pointers to the input of a strip's pixels. `step` is the line's.
  void find_rows(const float* image, std::int64_t step, const Backs& backs_y, const Strip& strip,
                 const float** pointer) const noexcept {
    const std::int64_t width = shape_.x.in;
    const std::int64_t pixels = strip.pixels;
    std::fill_n(pointer, pixels, packed_);  // what a phase without taps reads
    for (const std::int64_t back_y : backs_y) {
      const std::int64_t iy = step - back_y;
      const bool there = iy >= 0 && iy < shape_.y.in;
      for (const std::int64_t back_x : backs_x_[strip.phase]) {
        const std::int64_t left = strip.step - back_x;
        const std::int64_t first = there ? std::clamp<std::int64_t>(-left, 0, pixels) : pixels;
        const std::int64_t last = std::clamp(width - left, first, pixels);
        pointer = std::fill_n(pointer, first, packed_);
        for (std::int64_t i = first; i < last; ++i)
          *pointer++ = image + (iy * width + left + i) * input_pitch_;
        pointer = std::fill_n(pointer, pixels - last, packed_);
      }
    }
  }

  void run_block(std::int64_t image, std::int64_t group, Block block, const float** pointers) const noexcept {
    const ConvShape& s = shape_.conv;
    const auto strips = static_cast<std::int64_t>(strips_.size());
    const std::int64_t y = block.first_row / strips;
    const Strip& strip = strips_[static_cast<std::size_t>(block.first_row % strips)];
    const std::int64_t step = (y + shape_.y.pad) / shape_.y.stride;
    const auto phase_y = static_cast<std::size_t>((y + shape_.y.pad) % shape_.y.stride);
    const Phase& phase = phases_[phase_y * backs_x_.size() + strip.phase];
    find_rows(input_ + image * s.in_h * s.in_w * input_pitch_ + group * s.in_per_group, step,
              backs_y_[phase_y], strip, pointers);
    Tile tile = common_;
    tile.rows = pointers;
    tile.taps = phase.taps;
    tile.depth = tile.tap_pitch = phase.depth;
    tile.output =
        output_ + ((image * s.out_h + y) * s.out_w + strip.x) * output_pitch_ + group * s.out_per_group;
    block.rows = strip.pixels;
    ProductWeights weights = products_.weights(packed_, group);
    weights.first_row = phase.first_row;
    multiply_panels(tiles_, panels_, weights, block, tile, {});
  }

  const TileSet& tiles_;
  const PhaseShape shape_;
  const Panels panels_;
  const std::vector<Strip> strips_;
  const Blocking blocks_;  // its rows are strips
  const std::vector<Backs> backs_y_, backs_x_;
  std::vector<Phase> phases_;
  const std::int64_t input_pitch_, output_pitch_;
  const Tile common_;
  const PackedProducts products_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  const float** pointers_ = nullptr;
};

// Writes a panel of one group: `weights` are those of its first column.
class PanelWriter {
 public:
  PanelWriter(const PhaseShape& s, std::int64_t columns, std::int64_t width, float* to) noexcept
      : s_(s), columns_(columns), width_(width), to_(to) {}

  void write(const float* weights) noexcept {
    for (std::int64_t y = 0; y < s_.y.stride; ++y) {
      for (std::int64_t x = 0; x < s_.x.stride; ++x) write_phase(y, x, weights);
    }
  }

 private:
  void write_phase(std::int64_t y, std::int64_t x, const float* weights) noexcept {
    const float* const begin = to_;
    for (std::int64_t ky = s_.y.first_tap(y); ky < s_.y.kernel; ky += s_.y.period) {
      for (std::int64_t kx = s_.x.first_tap(x); kx < s_.x.kernel; kx += s_.x.period)
        write_tap(weights + ky * s_.x.kernel + kx);
    }
    if (to_ == begin) write_row(nullptr, 0);
  }

  // ONNX has the taps inside, then the output channels.
  void write_tap(const float* weights) noexcept {
    const std::int64_t taps = s_.conv.taps();
    for (std::int64_t c = 0; c < s_.conv.in_per_group; ++c, weights += s_.conv.out_per_group * taps)
      write_row(weights, taps);
  }

  // The columns' numbers, `distance` apart; zeros where there are none.
  void write_row(const float* from, std::int64_t distance) noexcept {
    for (std::int64_t j = 0; j < width_; ++j)
      *to_++ = from != nullptr && j < columns_ ? from[j * distance] : 0.0f;
  }

  const PhaseShape& s_;
  const std::int64_t columns_, width_;
  float* to_;
};

}  // namespace

Refusal Phases::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const PhaseShape s(layer);
  if (s.y.stride > kPhasesMostPhases || s.x.stride > kPhasesMostPhases || s.phases() > kPhasesMostPhases)
    return Refusal::stride;
  return s.most_taps() <= kPhasesMostTaps ? Refusal::none : Refusal::kernel_size;
}

std::size_t Phases::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(pointers_each(PhaseShape(layer)) * threads) * sizeof(const float*);
}

std::size_t Phases::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  const PhaseShape s(layer);
  return static_cast<std::size_t>(packed_phases(panels_of_phases(tiles, s), s).floats()) * sizeof(float);
}

Status Phases::pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                    std::span<std::byte> packed) {
  const PhaseShape s(layer);
  const ConvShape& conv = s.conv;
  const Panels panels = panels_of_phases(tiles, s);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = conv.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  const PackedProducts products = packed_phases(panels, s);
  auto* target = reinterpret_cast<float*>(packed.data());
  std::fill_n(target, conv.zero_pixel(), 0.0f);
  for (std::int64_t group = 0; group < conv.groups; ++group) {
    const float* of_group = weights + group * conv.in_per_group * conv.out_per_group * conv.taps();
    for (std::int64_t panel = 0; panel < panels.count; ++panel) {
      const std::int64_t first = panels.first_column(panel);
      PanelWriter(s, panels.columns_of(panel), panels.width_of(panel),
                  products.panels(target, group) + panels.first_float(panel))
          .write(of_group + first * conv.taps());
    }
    pack_columns(panels, bias == nullptr ? nullptr : bias + group * conv.out_per_group,
                 products.bias(target, group));
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Phases::bind(const TileSet& tiles, const BindArgs& args) {
  return bind_as<BoundPhases>(tiles, args);
}

}  // namespace fettle::kernels
