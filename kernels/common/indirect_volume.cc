// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/indirect_volume.h"

#include "kernels/common/blocking.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/panels.h"
#include "kernels/common/uniform.h"
#include "kernels/volume.h"

#include <algorithm>
#include <array>
#include <vector>

namespace fettle::kernels {
namespace {

// The pointers of a tile lie in the workspace.
constexpr std::int64_t kMostVolumeTaps = 1024;
constexpr int kVolumeRank = 5;
constexpr std::size_t kVolumeAxes = 3;

struct VolumeShape {
  Volume window;
  std::int64_t batch, in_channels, out_channels, groups, in_per_group, out_per_group;
  bool biased;

  explicit VolumeShape(const LayerDesc& layer)
      : window(layer.main().attributes, layer.inputs[0].shape, layer.outputs[0].shape),
        batch(layer.inputs[0].shape[0]),
        in_channels(layer.inputs[0].shape[1]),
        out_channels(layer.outputs[0].shape[1]),
        groups(layer.main().attributes.integer("group", 1)),
        in_per_group(in_channels / groups),
        out_per_group(out_channels / groups),
        biased(layer.operand(2) != nullptr) {}
  std::int64_t taps() const { return window.taps(); }
  std::int64_t depth() const { return in_per_group * taps(); }
  /// Floats of the zeros before the panels, which taps outside of the input read.
  std::int64_t zero_pixel() const { return (in_per_group + 15) / 16 * 16; }
  /// With few channels a tap is hardly worth a pointer: a tile's inputs are copied into rows.
  bool copies() const { return in_per_group < 8; }
  /// Bytes of one thread's pointers or rows.
  std::size_t scratch_bytes() const {
    const std::int64_t rows = copies() ? depth() * static_cast<std::int64_t>(sizeof(float))
                                       : taps() * static_cast<std::int64_t>(sizeof(const float*));
    constexpr std::size_t kLine = 64;
    return (static_cast<std::size_t>(rows * kMostRows) + kLine - 1) / kLine * kLine;
  }
};

Panels panels_of_volume(const TileSet& tiles, const VolumeShape& s) {
  return {tiles, s.out_per_group, s.depth()};
}

PackedProducts packed_volume(const Panels& panels, const VolumeShape& s) {
  return PackedProducts(panels, s.groups, s.zero_pixel());
}

class BoundIndirectVolume final : public BoundKernel {
 public:
  BoundIndirectVolume(const TileSet& tiles, const BindArgs& args, const UnaryFunction& activation)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(panels_of_volume(tiles, shape_)),
        blocks_(tiles, panels_, shape_.window.y_size(), shape_.window.x_size() * shape_.in_per_group,
                args.threads),
        epilogue_(args.layer),
        activation_(activation),
        common_(conv_tile(shape_.copies() ? 1 : shape_.taps(),
                          shape_.copies() ? shape_.depth() : shape_.in_per_group, epilogue_,
                          shape_.out_channels)),
        products_(packed_volume(panels_, shape_)),
        packed_(reinterpret_cast<const float*>(args.packed.data())),
        pool_(args.pool),
        threads_(args.threads) {
    // Floats from the corner of a window to each tap, and the tap's place along each axis.
    const Volume& w = shape_.window;
    for (std::int64_t tap = 0; tap < w.taps(); ++tap) {
      Place place;
      std::int64_t rest = tap;
      for (std::size_t axis = kVolumeAxes; axis-- > 0; rest /= w.kernel[axis])
        place[axis] = rest % w.kernel[axis] * w.dilation[axis];
      taps_.push_back(place);
      offsets_.push_back(offset_of(place));
    }
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs);
    scratch_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t units = shape_.batch * shape_.groups * blocks_.count();
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        run_block(product / shape_.groups, product % shape_.groups, block,
                  scratch_ + static_cast<std::size_t>(worker) * shape_.scratch_bytes());
      });
    });
    return {};
  }

 private:
  using Place = std::array<std::int64_t, kVolumeAxes>;

  std::int64_t offset_of(const Place& at) const noexcept {
    const Volume& w = shape_.window;
    return ((at[0] * w.x[1] + at[1]) * w.x[2] + at[2]) * shape_.in_channels;
  }

  void run_block(std::int64_t image, std::int64_t group, const Block& block,
                 std::byte* scratch) const noexcept {
    const VolumeShape& s = shape_;
    const float* x = input_ + image * s.window.x_size() * s.in_channels + group * s.in_per_group;
    const std::int64_t at =
        (image * s.window.y_size() + block.first_row) * s.out_channels + group * s.out_per_group;
    Tile tile = common_;
    tile.output = output_ + at;
    if (residual_ != nullptr) tile.residual = residual_ + at;
    std::array<const float*, kMostRows> copied;
    if (s.copies()) {
      auto* rows = reinterpret_cast<float*>(scratch);
      for (int row = 0; row < block.rows; ++row, rows += s.depth()) {
        copied[static_cast<std::size_t>(row)] = rows;
        float* to = rows;
        if (const float* corner = whole_window(x, block.first_row + row); corner != nullptr) {
          // Taps along the innermost axis are neighbours.
          const std::int64_t run = s.window.kernel[2] * s.in_per_group;
          for (std::size_t tap = 0; tap < offsets_.size();
               tap += static_cast<std::size_t>(s.window.kernel[2])) {
            for (std::int64_t i = 0; i < run; ++i) *to++ = corner[offsets_[tap] + i];
          }
          continue;
        }
        visit(x, block.first_row + row, [&](std::size_t, const float* from) {
          for (std::int64_t c = 0; c < s.in_per_group; ++c) *to++ = from[c];
        });
      }
      tile.rows = copied.data();
    } else {
      auto** pointers = reinterpret_cast<const float**>(scratch);
      for (int row = 0; row < block.rows; ++row) {
        visit(x, block.first_row + row, [&](std::size_t tap, const float* from) {
          pointers[static_cast<std::int64_t>(tap) * block.rows + row] = from;
        });
      }
      tile.rows = pointers;
    }
    multiply_panels(tiles_, panels_, products_.weights(packed_, group), block, tile, activation_);
  }

  // The corner of a window that lies inside and whose taps along the innermost axis are one run of memory, or
  // null.
  const float* whole_window(const float* x, std::int64_t pixel) const noexcept {
    const Volume& w = shape_.window;
    if (w.dilation[2] != 1 || shape_.groups != 1) return nullptr;
    Place corner{};
    for (std::size_t axis = kVolumeAxes; axis-- > 0; pixel /= w.y[axis]) {
      corner[axis] = pixel % w.y[axis] * w.stride[axis] - w.pad[axis];
      if (corner[axis] < 0 || corner[axis] + taps_.back()[axis] >= w.x[axis]) return nullptr;
    }
    return x + offset_of(corner);
  }

  // Calls body(tap, what lies under it) for all taps of an output pixel.
  template <typename Body>
  void visit(const float* x, std::int64_t pixel, Body&& body) const noexcept {
    const Volume& w = shape_.window;
    Place corner{};
    bool inside = true;
    for (std::size_t axis = kVolumeAxes; axis-- > 0; pixel /= w.y[axis]) {
      corner[axis] = pixel % w.y[axis] * w.stride[axis] - w.pad[axis];
      inside = inside && corner[axis] >= 0 && corner[axis] + taps_.back()[axis] < w.x[axis];
    }
    // In two steps: a corner outside of the input has no address.
    const std::int64_t start = offset_of(corner);
    for (std::size_t tap = 0; tap < taps_.size(); ++tap) {
      bool there = true;
      for (std::size_t axis = 0; !inside && axis < kVolumeAxes; ++axis) {
        const std::int64_t place = corner[axis] + taps_[tap][axis];
        there = there && place >= 0 && place < w.x[axis];
      }
      body(tap, there ? x + (start + offsets_[tap]) : packed_);
    }
  }

  const TileSet& tiles_;
  const VolumeShape shape_;
  const Panels panels_;
  const Blocking blocks_;
  const Epilogue epilogue_;
  const UnaryFunction activation_;
  const Tile common_;
  const PackedProducts products_;
  const float* const packed_;
  ThreadPool* const pool_;
  const int threads_;
  std::vector<Place> taps_;
  std::vector<std::int64_t> offsets_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  std::byte* scratch_ = nullptr;
};

}  // namespace

Refusal IndirectVolume::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nhwc) return Refusal::layout;
  if (layer.inputs[0].shape.rank() != kVolumeRank) return Refusal::rank;
  const std::size_t operands = layer.main().operands.size();
  if (operands < 2 || operands > 3 || layer.inputs[0].constant) return Refusal::op;
  for (std::size_t operand = 1; operand < operands; ++operand) {
    const TensorDesc* constant = layer.operand(operand);
    if (constant == nullptr) return Refusal::op;
    if (!constant->constant) return Refusal::not_constant;
  }
  if (!consistent_conv(layer) || layer.inputs[0].shape.elements() <= 0) return Refusal::shape;
  const VolumeShape s(layer);
  if (s.groups > 1 && s.in_per_group == 1) return Refusal::groups;
  if (s.taps() > kMostVolumeTaps) return Refusal::kernel_size;
  return check_second_part(layer);
}

std::size_t IndirectVolume::workspace_bytes(const TileSet&, const LayerDesc& layer, int threads) {
  return VolumeShape(layer).scratch_bytes() * static_cast<std::size_t>(threads);
}

std::size_t IndirectVolume::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  const VolumeShape s(layer);
  return static_cast<std::size_t>(packed_volume(panels_of_volume(tiles, s), s).floats()) * sizeof(float);
}

Status IndirectVolume::pack(const TileSet& tiles, const LayerDesc& layer,
                            std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const VolumeShape s(layer);
  const Panels panels = panels_of_volume(tiles, s);
  const auto values = [&](std::size_t operand) {
    return reinterpret_cast<const float*>(
        constants[static_cast<std::size_t>(layer.main().operands[operand])].data());
  };
  auto* target = reinterpret_cast<float*>(packed.data());
  const PackedProducts products = packed_volume(panels, s);
  std::fill_n(target, s.zero_pixel(), 0.0f);
  for (std::int64_t group = 0; group < s.groups; ++group) {
    const std::int64_t first = group * s.out_per_group;
    pack_panels(panels, values(1) + first * s.depth(), s.in_per_group, s.taps(),
                products.panels(target, group));
    pack_columns(panels, s.biased ? values(2) + first : nullptr, products.bias(target, group));
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> IndirectVolume::bind(const TileSet& tiles, const BindArgs& args,
                                                          const UnaryFunction& activation) {
  return bind_as<BoundIndirectVolume>(tiles, args, activation);
}

}  // namespace fettle::kernels
