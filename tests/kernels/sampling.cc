// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

void visit_pictures(Random& random, const Visit& visit) {
  const Shape picture{2, pick(random, 1, 3), pick(random, 1, 7), pick(random, 1, 7)};
  const char* modes[] = {"linear", "nearest", "cubic"};
  const char* paddings[] = {"zeros", "border", "reflection"};
  Attributes a = with("mode", std::string(modes[random() % 3]));
  a.set("padding_mode", std::string(paddings[random() % 3]));
  a.set("align_corners", pick(random, 0, 1));
  visit_made(Op::grid_sample, std::move(a), {input(picture), input({2, 3, 4, 2}, -1.5, 1.5)}, visit);

  // Lines and volumes, too.
  Attributes volume = with("mode", std::string(random() % 2 == 0 ? "linear" : "nearest"));
  volume.set("padding_mode", std::string(paddings[random() % 3]));
  visit_made(Op::grid_sample, volume,
             {input({2, 2, pick(random, 1, 4), 3, 4}), input({2, 2, 3, 2, 3}, -1.5, 1.5)}, visit);
  visit_made(Op::grid_sample, std::move(volume),
             {input({2, 2, pick(random, 1, 9)}), input({2, 5, 1}, -1.5, 1.5)}, visit);
  const bool flat = random() % 2 == 0;
  visit_made(
      Op::affine_grid, with("align_corners", pick(random, 0, 1)),
      {input(flat ? Shape{2, 2, 3} : Shape{2, 3, 4}),
       parameter(flat ? Integers{2, 1, pick(random, 1, 4), 3} : Integers{2, 1, 2, pick(random, 1, 4), 3})},
      visit);

  Attributes roi = with("output_height", pick(random, 1, 3));
  roi.set("output_width", pick(random, 1, 3));
  roi.set("sampling_ratio", pick(random, 0, 2));
  roi.set("mode", std::string(random() % 2 == 0 ? "avg" : "max"));
  roi.set("coordinate_transformation_mode",
          std::string(random() % 2 == 0 ? "half_pixel" : "output_half_pixel"));
  visit_made(Op::roi_align, std::move(roi),
             {input(picture), input({3, 4}, 0, 6), typed({3}, DataType::s64, 0, 1)}, visit);

  Attributes crop = with("coordinate_transformation_mode", std::string("tf_crop_and_resize"));
  crop.set("mode", std::string("linear"));
  crop.set("extrapolation_value", 5.0f);
  const Operand none{Shape{0}, true, DataType::f32};
  // Fewer elements, of which none is passed over.
  Attributes smooth = with("antialias", std::int64_t{1});
  smooth.set("mode", std::string(random() % 2 == 0 ? "linear" : "cubic"));
  smooth.set("exclude_outside", pick(random, 0, 1));
  visit_made(Op::resize, smooth,
             {input({1, 2, 8, 9}), left_out(), left_out(), parameter({1, 2, pick(random, 1, 9), 3})}, visit);
  Attributes symmetric = with("coordinate_transformation_mode", std::string("half_pixel_symmetric"));
  symmetric.set("mode", std::string("linear"));
  visit_made(Op::resize, std::move(symmetric), {input({1, 2, 8, 9}), left_out(), weight({4}, 1, 1.99)},
             visit);
  visit_made(Op::resize, std::move(crop),
             {input(picture), input({8}, 0, 1.2), none, parameter({2, picture[1], 3, 4})}, visit);
}

// Pools with a second output, and the way back.
void visit_places(Random& random, const Visit& visit) {
  const Shape picture{1, pick(random, 1, 3), pick(random, 2, 7), pick(random, 2, 7)};
  Attributes a = with("kernel_shape", std::vector<std::int64_t>{2, 2});
  a.set("storage_order", pick(random, 0, 1));
  visit_made(Op::max_pool, std::move(a), {input(picture)}, visit, 2);
  Attributes norm = with("kernel_shape", std::vector<std::int64_t>{2, 2});
  norm.set("p", pick(random, 1, 3));
  visit_made(Op::lp_pool, norm, {input(picture)}, visit);
  norm.erase("kernel_shape");
  visit_made(Op::global_lp_pool, std::move(norm), {input(picture)}, visit);
  Attributes back = with("kernel_shape", std::vector<std::int64_t>{2, 2});
  back.set("strides", std::vector<std::int64_t>{2, 2});
  visit_made(
      Op::max_unpool, std::move(back),
      {input(picture), typed(picture, DataType::s64, 0, static_cast<double>(4 * picture.elements() - 1))},
      visit);
}

void visit_signals(Random& random, const Visit& visit) {
  const std::int64_t length = pick(random, 1, 20);
  Attributes a = with("axis", pick(random, 0, 1));
  a.set("inverse", pick(random, 0, 1));
  a.set("onesided", pick(random, 0, 1));
  visit_made(Op::dft, std::move(a),
             {input({2, length, pick(random, 1, 2)}), parameter({pick(random, 1, 24)})}, visit);
  const std::int64_t frame = pick(random, 1, length);
  visit_made(Op::stft, with("onesided", pick(random, 0, 1)),
             {input({2, length, 1}), parameter({pick(random, 1, 5)}), weight({frame}), parameter({frame})},
             visit);
  // Folding leaves no windows in a network, so their layers are made by hand.
  for (const Op op : {Op::hann_window, Op::hamming_window, Op::blackman_window}) {
    TestLayer window = make_layer(Op::identity, {}, {input({length})}).value();
    window.desc.parts[0].op = op;
    window.desc.parts[0].attributes.set("periodic", pick(random, 0, 1));
    visit(window);
  }
  const std::int64_t edge = pick(random, 1, 5);
  visit_made(Op::mel_weight_matrix, {},
             {parameter({pick(random, 1, 9)}), parameter({pick(random, 8, 64)}), parameter({8000}),
              typed({}, DataType::f32, 0, 10), typed({}, DataType::f32, 1000, 3000)},
             visit);
  visit_made(Op::det, {}, {input({2, edge, edge})}, visit);
  const std::int64_t m = pick(random, 1, 5);
  const std::int64_t n = pick(random, 1, 5);
  const std::pair<const char*, std::vector<Shape>> equations[] = {
      {"ij,jk->ik", {{m, n}, {n, edge}}},
      {"bij,bjk", {{2, m, n}, {2, n, edge}}},
      {"ii->i", {{m, m}}},
      {"...ij->...ji", {{2, m, n}}},
      {"i,i->", {{m}, {m}}},
      {"ij,kj->ikj", {{m, n}, {edge, n}}},
      {"bhid,bhjd->bhij", {{2, 3, m, n}, {2, 3, edge, n}}},
      {"ij,ij->i", {{m, n}, {m, n}}},
      {"ij,k->ki", {{m, n}, {edge}}},
      {"ij,ki->j", {{m, n}, {edge, m}}},
      {"ii,ij->j", {{m, m}, {m, n}}},
      {"iij->ji", {{m, m, n}}},
      {"ijk->ki", {{m, n, edge}}},
      {"ij->", {{m, n}}},
      {"...ij,...jk->...ki", {{1, m, n}, {3, n, edge}}}};
  for (const auto& [equation, shapes] : equations) {
    std::vector<Operand> operands;
    for (const Shape& shape : shapes) operands.push_back(input(shape));
    visit_made(Op::einsum, with("equation", std::string(equation)), operands, visit);
  }
}

}  // namespace

void visit_sampling(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    visit_pictures(random, visit);
    visit_places(random, visit);
    visit_signals(random, visit);
  }
}

}  // namespace fettle::test
