// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/indirect.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/q8/bytes.h"
#include "kernels/common/q8/product.h"
#include "kernels/common/window_rows.h"

#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

// The pointers of a tile lie in the workspace.
constexpr std::int64_t kMostTapsQ8 = 1024;

ProductQ8Shape product_of(const ConvShape& s) { return {s.out_per_group, s.taps(), s.in_per_group}; }

// A pixel of zeros, which taps outside of the input read.
std::int64_t zero_bytes(const ConvShape& s) { return s.in_per_group + kQ8Group; }

std::int64_t pointers_of_q8(const ConvShape& s) { return s.taps() * kMostQ8Rows; }

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
        common_(tile_of_q8(args.layer, product_)),
        row_factor_(left_of_zero_point(set.weight_bytes, args.layer)),
        products_(set, panels_, shape_.groups, zero_bytes(shape_)),
        packed_(args.packed.data()),
        rows_(shape_, input_pitch_, reinterpret_cast<const std::uint8_t*>(packed_)),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    input_ = static_cast<const std::uint8_t*>(inputs[0]);
    output_ = static_cast<std::uint8_t*>(outputs[0]);
    pointers_ = static_cast<const std::uint8_t**>(workspace);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t units = shape_.batch * shape_.groups * blocks_.count();
    parallel_for(pool_, threads_, units, [&](std::int64_t begin, std::int64_t end, int worker) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        run_block(product / shape_.groups, product % shape_.groups, block,
                  pointers_ + worker * pointers_of_q8(shape_));
      });
    });
    return {};
  }

 private:
  void run_block(std::int64_t image, std::int64_t group, const Block& block,
                 const std::uint8_t** pointers) const noexcept {
    const ConvShape& s = shape_;
    const std::uint8_t* x = input_ + image * s.in_h * s.in_w * input_pitch_ + group * s.in_per_group;
    rows_.find(x, block.first_row, block.rows, pointers);
    TileQ8 tile = common_;
    tile.rows = pointers;
    tile.output =
        output_ + (image * s.out_h * s.out_w + block.first_row) * output_pitch_ + group * s.out_per_group;
    tile.output_stride = static_cast<std::size_t>(output_pitch_);
    multiply_q8(set_, panels_, products_.weights(packed_, group), block, row_factor_, product_.unused(),
                tile);
  }

  const TileQ8Set& set_;
  const ConvShape shape_;
  const ProductQ8Shape product_;
  const Panels panels_;
  const Blocking blocks_;
  const std::int64_t input_pitch_, output_pitch_;
  const TileQ8 common_;
  const int row_factor_;
  const PackedQ8Products products_;
  const std::byte* const packed_;
  const WindowRowsOf<std::uint8_t> rows_;
  ThreadPool* const pool_;
  const int threads_;
  const std::uint8_t* input_ = nullptr;
  std::uint8_t* output_ = nullptr;
  const std::uint8_t** pointers_ = nullptr;
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
  return static_cast<std::size_t>(pointers_of_q8(ConvShape(layer)) * threads) * sizeof(const std::uint8_t*);
}

std::size_t IndirectQ8::packed_bytes(const TileQ8Set& set, const LayerDesc& layer) {
  const ConvShape s(layer);
  return PackedQ8Products(set, panels_of_q8(set, product_of(s)), s.groups, zero_bytes(s)).bytes();
}

Status IndirectQ8::pack(const TileQ8Set& set, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const ConvShape s(layer);
  const ProductQ8Shape product = product_of(s);
  const Panels panels = panels_of_q8(set, product);
  const PackedQ8Products products(set, panels, s.groups, zero_bytes(s));
  std::memset(packed.data(), 0, packed.size());
  std::memset(packed.data(), static_cast<std::uint8_t>(layer.inputs[0].format.zero_point),
              static_cast<std::size_t>(zero_bytes(s)));
  for (std::int64_t group = 0; group < s.groups; ++group) {
    const std::int64_t first = group * s.out_per_group;
    products.pack(set, panels, product, layer, constants, group, first, packed,
                  [&](std::int64_t column, std::int64_t tap, std::int64_t c) {
                    return ((first + column) * s.in_per_group + c) * s.taps() + tap;
                  });
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> IndirectQ8::bind(const TileQ8Set& set, const BindArgs& args) {
  return bind_as<BoundIndirectQ8>(set, args);
}

}  // namespace fettle::kernels
