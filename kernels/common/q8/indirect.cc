// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/indirect.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/q8/bytes.h"
#include "kernels/common/q8/joined_taps.h"
#include "kernels/common/q8/product.h"
#include "kernels/common/window_rows.h"

#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

// The pointers of a tile lie in the workspace.
constexpr std::int64_t kMostTapsQ8 = 1024;

// Of a window: single taps, or rows of them.
ProductQ8Shape product_of(const ConvShape& s) {
  if (joins_taps(s)) return {s.out_per_group, s.kernel_h, s.kernel_w * s.in_channels};
  return {s.out_per_group, s.taps(), s.in_per_group};
}

// Zeros of the input, which taps outside of it read.
std::int64_t zero_bytes(const ConvShape& s) { return product_of(s).depth + kQ8Group; }

// What a thread needs beside its rows' pointers.
std::int64_t copies_of_q8(const ConvShape& s) {
  return joins_taps(s) ? whole_lines(JoinedTaps::copied_bytes(s, kMostQ8Rows)) : 0;
}

std::int64_t scratch_of_q8(const ConvShape& s) {
  return whole_lines(product_of(s).taps * kMostQ8Rows * std::int64_t{sizeof(const std::uint8_t*)}) +
         copies_of_q8(s);
}

class BoundIndirectQ8 final : public BoundKernel {
 public:
  BoundIndirectQ8(const TileQ8Set& set, const BindArgs& args)
      : set_(set),
        shape_(args.layer),
        product_(product_of(shape_)),
        panels_(panels_of_q8(set, product_)),
        blocks_(set.most_rows[panels_.vectors - 1], panels_, shape_.out_h * shape_.out_w,
                ceil_div(shape_.read_floats(), std::int64_t{sizeof(float)}), args.threads),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        common_(tile_of_q8(set, args.layer, product_)),
        products_(set, panels_, product_, args.layer, shape_.groups, zero_bytes(shape_)),
        packed_(args.packed.data()),
        joined_(joins_taps(shape_)),
        rows_(shape_, input_pitch_, reinterpret_cast<const std::uint8_t*>(packed_)),
        joined_rows_(shape_, input_pitch_, reinterpret_cast<const std::uint8_t*>(packed_)),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const std::uint8_t*>(inputs[0]);
    output_ = static_cast<std::uint8_t*>(outputs[0]);
    scratch_ = static_cast<std::byte*>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t units = shape_.batch * shape_.groups * blocks_.count();
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        run_block(product / shape_.groups, product % shape_.groups, block,
                  scratch_ + worker * scratch_of_q8(shape_));
      });
    });
    return {};
  }

 private:
  void run_block(std::int64_t image, std::int64_t group, const Block& block,
                 std::byte* scratch) const noexcept {
    const ConvShape& s = shape_;
    auto** pointers = reinterpret_cast<const std::uint8_t**>(scratch + copies_of_q8(s));
    const std::uint8_t* x = input_ + image * s.in_h * s.in_w * input_pitch_ + group * s.in_per_group;
    if (joined_)
      joined_rows_.find(x, block.first_row, block.rows, pointers, reinterpret_cast<std::uint8_t*>(scratch));
    else
      rows_.find(x, block.first_row, block.rows, pointers);
    TileQ8 tile = common_;
    tile.rows = pointers;
    tile.output =
        output_ + (image * s.out_h * s.out_w + block.first_row) * output_pitch_ + group * s.out_per_group;
    tile.output_stride = static_cast<std::size_t>(output_pitch_);
    multiply_q8(set_, panels_, products_.weights(packed_, group), block, tile);
  }

  const TileQ8Set& set_;
  const ConvShape shape_;
  const ProductQ8Shape product_;
  const Panels panels_;
  const Blocking blocks_;
  const std::int64_t input_pitch_, output_pitch_;
  const TileQ8 common_;
  const PackedQ8Products products_;
  const std::byte* const packed_;
  const bool joined_;
  const WindowRowsOf<std::uint8_t> rows_;
  const JoinedTaps joined_rows_;
  ThreadPool* const pool_;
  const int threads_;
  const std::uint8_t* input_ = nullptr;
  std::uint8_t* output_ = nullptr;
  std::byte* scratch_ = nullptr;
};

}  // namespace

Refusal IndirectQ8::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer, 4); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (const Refusal refusal = check_q8_product(layer, s.out_channels); refusal != Refusal::none)
    return refusal;
  if (layer.inputs[0].format.layout != Layout::nhwc || layer.outputs[0].format.layout != Layout::nhwc)
    return Refusal::layout;
  if (s.groups > 1 && s.in_per_group == 1) return Refusal::groups;
  return s.taps() <= kMostTapsQ8 ? Refusal::none : Refusal::kernel_size;
}

std::size_t IndirectQ8::workspace_bytes(const TileQ8Set&, const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(scratch_of_q8(ConvShape(layer)) * threads);
}

std::size_t IndirectQ8::packed_bytes(const TileQ8Set& set, const LayerDesc& layer) {
  const ConvShape s(layer);
  const ProductQ8Shape product = product_of(s);
  return PackedQ8Products(set, panels_of_q8(set, product), product, layer, s.groups, zero_bytes(s)).bytes();
}

Status IndirectQ8::pack(const TileQ8Set& set, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const ConvShape s(layer);
  const ProductQ8Shape product = product_of(s);
  const Panels panels = panels_of_q8(set, product);
  const PackedQ8Products products(set, panels, product, layer, s.groups, zero_bytes(s));
  std::memset(packed.data(), 0, packed.size());
  std::memset(packed.data(), static_cast<std::uint8_t>(layer.inputs[0].format.zero_point),
              static_cast<std::size_t>(zero_bytes(s)));
  for (std::int64_t group = 0; group < s.groups; ++group) {
    const std::int64_t first = group * s.out_per_group;
    products.pack(set, panels, product, layer, constants, group, first, packed,
                  [&](std::int64_t column, std::int64_t tap, std::int64_t c) {
                    // A row of joined taps has the channels of each.
                    const std::int64_t joined = c / s.in_per_group;
                    const std::int64_t channel = c % s.in_per_group;
                    const std::int64_t of_window = joins_taps(s) ? tap * s.kernel_w + joined : tap;
                    return ((first + column) * s.in_per_group + channel) * s.taps() + of_window;
                  });
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> IndirectQ8::bind(const TileQ8Set& set, const BindArgs& args) {
  return bind_as<BoundIndirectQ8>(set, args);
}

}  // namespace fettle::kernels
