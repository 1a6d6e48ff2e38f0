// SPDX-License-Identifier: Apache-2.0
//
// Resizing of pictures by nearest neighbours, in every layout.
#include "kernels/common/blocked.h"
#include "kernels/common/in_blocks.h"
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "kernels/resize_axis.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace fettle::kernels::portable {
namespace {

void resize_nearest(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const std::int64_t rows = y.shape[2];
  const ResizeAxis down(call.attributes(), 2, x.shape[2], rows);
  const ResizeAxis across(call.attributes(), 3, x.shape[3], y.shape[3]);
  call.parallel(y.shape[0] * rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = call.in(0) + i / rows * stride(x, 0) + down.nearest(i % rows) * stride(x, 2);
      float* to = call.out() + i / rows * stride(y, 0) + i % rows * stride(y, 2);
      for (std::int64_t ox = 0; ox < y.shape[3]; ++ox, to += stride(y, 3))
        copy_line(from + across.nearest(ox) * stride(x, 3), stride(x, 1), to, stride(y, 1), y.shape[1]);
    }
  });
}

// In planes: what the columns of a row are taken from is found for some of them at a time, and rows that are
// taken from the same one are copied.
void resize_planes(const Call& call) {
  constexpr std::int64_t kColumns = 512;
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const std::int64_t height = y.shape[2];
  const std::int64_t width = y.shape[3];
  const ResizeAxis down(call.attributes(), 2, x.shape[2], height);
  const ResizeAxis across(call.attributes(), 3, x.shape[3], width);
  call.parallel(y.shape[0] * y.shape[1], [&](std::int64_t begin, std::int64_t end, int) {
    std::array<std::int64_t, kColumns> columns;
    for (std::int64_t first = 0; first < width; first += kColumns) {
      const std::int64_t count = std::min(kColumns, width - first);
      for (std::int64_t i = 0; i < count; ++i)
        columns[static_cast<std::size_t>(i)] = across.nearest(first + i);
      for (std::int64_t plane = begin; plane < end; ++plane) {
        const std::int64_t image = plane / y.shape[1];
        const std::int64_t channel = plane % y.shape[1];
        const float* from = call.in(0) + image * stride(x, 0) + channel * stride(x, 1);
        float* to = call.out() + image * stride(y, 0) + channel * stride(y, 1) + first;
        std::int64_t before = -1;
        for (std::int64_t row = 0; row < height; ++row, to += stride(y, 2)) {
          const std::int64_t source = down.nearest(row);
          if (source == before) {
            std::memcpy(to, to - stride(y, 2), static_cast<std::size_t>(count) * sizeof(float));
            continue;
          }
          before = source;
          const float* line = from + source * stride(x, 2);
          for (std::int64_t i = 0; i < count; ++i) to[i] = line[columns[static_cast<std::size_t>(i)]];
        }
      }
    }
  });
}

void resize_any(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const bool planes = stride(x, 3) == 1 && stride(y, 3) == 1 && stride(y, 1) != 1;
  planes ? resize_planes(call) : resize_nearest(call);
}

Refusal supports_nearest(const LayerDesc& layer) {
  const Attributes& a = layer.main().attributes;
  if (layer.inputs.size() != 1) return Refusal::attribute;
  if (layer.main().clamp) return Refusal::clamp;
  const TensorDesc& x = layer.inputs.front();
  const Shape& y = layer.outputs.front().shape;
  if (x.shape.rank() != 4) return Refusal::rank;
  if (a.string("mode") != "nearest" || a.string("coordinate_transformation_mode") == "tf_crop_and_resize")
    return Refusal::attribute;
  const auto scales = a.reals("scales");
  const bool scaled = scales.empty() || (scales.size() == 4 && scales[0] == 1 && scales[1] == 1);
  if (!scaled) return Refusal::attribute;
  const bool pictures = x.shape[0] == y[0] && x.shape[1] == y[1] && x.shape.elements() > 0;
  return pictures ? Refusal::none : Refusal::shape;
}

Refusal supports_resize(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = supports_nearest(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.front().constant && layout_of(layer) != Layout::nchw) return Refusal::constant;
  return uniform_f32(layer);
}

Refusal supports_blocks(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = supports_nearest(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.front().constant) return Refusal::constant;
  return check_blocked_f32(layer, layer.outputs.front().format.block);
}

constexpr Op kResizeOp[] = {Op::resize};
constexpr Kernel kResize = [] {
  Kernel kernel =
      entry<resize_any>("resize.nearest.f32.portable", kResizeOp, kNchwNhwc<kF32>, supports_resize);
  kernel.input_striding = kernel.output_striding = Striding::any;
  return kernel;
}();
constexpr Kernel kResizeBlocks = [] {
  Kernel kernel =
      entry<resize_nearest>("resize.nearest_blocks.f32.portable", kResizeOp, kNchwc<kF32>, supports_blocks);
  kernel.bind = [](const BindArgs& args) {
    return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
      const LayerDesc pictures = pictures_of_blocks(args.layer);
      return bind<resize_nearest>({pictures, args.packed, args.pool, args.threads});
    });
  };
  return if_selected(kernel);
}();
constexpr const Kernel* kResizeEntries[] = {kept(kResize), kept(kResizeBlocks)};

}  // namespace

std::span<const Kernel* const> resize_entries() noexcept { return kResizeEntries; }

}  // namespace fettle::kernels::portable
