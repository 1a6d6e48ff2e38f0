// SPDX-License-Identifier: Apache-2.0
//
// Operators that read pictures between their pixels.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace fettle::graph {

bool infer_grid_sample(NodeView& view) {
  // The names of opset 16 say how many axes there are, those of opset 20 do not.
  std::string mode(view.attributes().string("mode", "linear"));
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  view.attributes().set("mode", mode);
  view.fill("padding_mode", std::string("zeros"));
  view.fill("align_corners", std::int64_t{0});
  const Shape& x = view.shape(0);
  const int axes = x.rank() - 2;
  if (!view.expect(view.inputs() == 2 && axes >= 1 && view.rank(1) == x.rank() &&
                       view.shape(1)[axes + 1] == axes && view.shape(1)[0] == x[0],
                   "an image N x C x D1 x ... and a grid N x d1 x ... x (number of D) are needed"))
    return false;
  Shape output{x[0], x[1]};
  for (int axis = 0; axis < axes; ++axis) output.push_back(view.shape(1)[axis + 1]);
  return view.set(0, output, view.type(0));
}

// The grid that GridSample reads an image by, for an affine map of its coordinates. Canonical nodes have lost
// the size of the image; the result says it.
bool infer_affine_grid(NodeView& view) {
  view.fill("align_corners", std::int64_t{0});
  const Shape theta = view.shape(0);
  const std::int64_t axes = theta.rank() == 3 ? theta[1] : 0;
  if (!view.expect((axes == 2 || axes == 3) && theta[2] == axes + 1, "N maps 2 x 3 or 3 x 4 are needed"))
    return false;
  if (!view.has(1)) {
    const std::optional<Shape>& known = view.graph().value(view.node().outputs[0]).shape;
    return view.expect(known && known->rank() == axes + 2 && (*known)[0] == theta[0] &&
                           (*known)[static_cast<int>(axes) + 1] == axes,
                       "the size is missing") &&
           view.set(0, Shape(*known), view.type(0));
  }
  const auto size = view.integers(1);
  if (!view.expect(size && size->size() == static_cast<std::size_t>(axes) + 2 && size->front() == theta[0],
                   "the size must be constant: N, C and the extents of the image"))
    return false;
  Shape output{theta[0]};
  for (std::size_t i = 2; i < size->size(); ++i) {
    if (!view.expect((*size)[i] >= 0, "an extent of the size is negative")) return false;
    output.push_back((*size)[i]);
  }
  output.push_back(axes);
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool infer_roi_align(NodeView& view) {
  const bool half = view.graph().opset >= 16;
  view.fill("coordinate_transformation_mode", std::string(half ? "half_pixel" : "output_half_pixel"));
  view.fill("mode", std::string("avg"));
  view.fill("output_height", std::int64_t{1});
  view.fill("output_width", std::int64_t{1});
  view.fill("sampling_ratio", std::int64_t{0});
  view.fill("spatial_scale", 1.0f);
  const std::int64_t height = view.attributes().integer("output_height");
  const std::int64_t width = view.attributes().integer("output_width");
  const std::int64_t ratio = view.attributes().integer("sampling_ratio");
  constexpr std::int64_t kMost = 1 << 16;
  if (!view.expect(
          height >= 1 && width >= 1 && ratio >= 0 && height <= kMost && width <= kMost && ratio <= kMost,
          "output_height, output_width or sampling_ratio is out of range"))
    return false;
  if (!view.expect(view.inputs() == 3 && view.rank(0) == 4 && view.rank(1) == 2 && view.shape(1)[1] == 4 &&
                       view.rank(2) == 1 && view.shape(2)[0] == view.shape(1)[0] &&
                       view.type(2) == DataType::s64,
                   "pictures N x C x H x W, regions R x 4 and R picture numbers are needed"))
    return false;
  return view.set(0, Shape{view.shape(1)[0], view.shape(0)[1], height, width}, view.type(0));
}

bool infer_max_unpool(NodeView& view) {
  const Shape x = view.shape(0);
  const auto axes = static_cast<std::size_t>(std::max(0, x.rank() - 2));
  if (!view.expect(x.rank() >= 3 && view.inputs() >= 2 && view.shape(1) == x && view.type(1) == DataType::s64,
                   "a tensor of rank 3 or more, and places of its shape, are needed"))
    return false;
  if (view.attributes().has("places_shape")) return true;  // canonical
  const auto kernel = view.attributes().integers("kernel_shape");
  const auto given_strides = view.attributes().integers("strides");
  const auto given_pads = view.attributes().integers("pads");
  std::vector<std::int64_t> strides(given_strides.begin(), given_strides.end());
  std::vector<std::int64_t> pads(given_pads.begin(), given_pads.end());
  if (strides.empty()) strides.assign(axes, 1);
  if (pads.empty()) pads.assign(2 * axes, 0);
  if (!view.expect(kernel.size() == axes && strides.size() == axes && pads.size() == 2 * axes,
                   "kernel_shape, strides or pads has the wrong length"))
    return false;
  // The places count through the tensor that the pool read, which a wished shape may be larger than.
  Shape pooled{x[0], x[1]};
  for (std::size_t i = 0; i < axes; ++i) {
    constexpr std::int64_t kMost = 1 << 20;
    const bool small = kernel[i] >= 1 && kernel[i] <= kMost && strides[i] >= 1 && strides[i] <= kMost &&
                       pads[i] >= 0 && pads[i + axes] >= 0 && pads[i] <= kMost && pads[i + axes] <= kMost;
    if (!view.expect(small && x[static_cast<int>(i) + 2] <= kMost, "the window is out of range"))
      return false;
    const std::int64_t extent =
        (x[static_cast<int>(i) + 2] - 1) * strides[i] + kernel[i] - pads[i] - pads[i + axes];
    if (!view.expect(extent >= 1, "the padding removes the whole output")) return false;
    pooled.push_back(extent);
  }
  Shape output = pooled;
  if (view.has(2)) {
    const auto wished = view.integers(2);
    if (!view.expect(wished && wished->size() == static_cast<std::size_t>(x.rank()),
                     "output_shape must be constant, one number per axis"))
      return false;
    for (int axis = 0; axis < x.rank(); ++axis) {
      output[axis] = (*wished)[static_cast<std::size_t>(axis)];
      if (!view.expect(output[axis] >= 1, "output_shape is out of range")) return false;
    }
  }
  for (const char* name : {"kernel_shape", "strides", "pads"}) view.attributes().erase(name);
  view.attributes().set("places_shape", std::vector<std::int64_t>(pooled.begin(), pooled.end()));
  view.keep_inputs(2);
  return view.set(0, output, view.type(0));
}

}  // namespace fettle::graph
