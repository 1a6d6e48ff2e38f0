// SPDX-License-Identifier: Apache-2.0
//
// Packed weights that several products share: parts of larger panels, and what belongs to columns apart from
// them.
#include "kernels/common/blocking.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/window_rows.h"
#include "lib/compile/kernel_table.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/kernels/layers.h"
#include "tests/kernels/tile_sets.h"
#include "tests/kernels/variant.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

using kernels::Panels;
using kernels::ProductWeights;
using kernels::TileSet;

using Numbers = std::vector<float>;

Numbers drawn(Random& random, std::int64_t count) {
  std::uniform_real_distribution<float> between(-1, 1);
  Numbers numbers(static_cast<std::size_t>(count));
  for (float& number : numbers) number = between(random);
  return numbers;
}

// Memory that ends where the numbers do.
struct Guarded {
  GuardedBuffer buffer;

  explicit Guarded(std::int64_t count)
      : buffer(static_cast<std::size_t>(count) * sizeof(float), Against::end) {}
  float* floats() const { return reinterpret_cast<float*>(buffer.data()); }
};

// Filters of channels x taps, column by column.
struct Filters {
  std::int64_t columns, channels, taps;
  Numbers weights;

  float at(std::int64_t column, std::int64_t channel, std::int64_t tap) const {
    return weights[static_cast<std::size_t>((column * channels + channel) * taps + tap)];
  }
  // The first columns, and of each the first channels.
  Filters part(std::int64_t some_columns, std::int64_t some_channels) const {
    Filters some{some_columns, some_channels, taps, {}};
    for (std::int64_t column = 0; column < some_columns; ++column) {
      const auto begin = weights.begin() + static_cast<std::ptrdiff_t>(column * channels * taps);
      some.weights.insert(some.weights.end(), begin,
                          begin + static_cast<std::ptrdiff_t>(some_channels * taps));
    }
    return some;
  }
};

// Filters in panels.
struct PackedFilters {
  Panels panels;
  Guarded floats;

  PackedFilters(const TileSet& set, const Filters& filters)
      : panels(set, filters.columns, filters.channels * filters.taps), floats(panels.floats()) {
    kernels::pack_panels(panels, filters.weights.data(), filters.channels, filters.taps, floats.floats());
  }
};

// Numbers of columns, in whole vectors; those behind them are NaN, and must not matter.
Guarded padded(const TileSet& set, const Numbers& numbers) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  Guarded memory((count + set.vector - 1) / set.vector * set.vector);
  std::copy(numbers.begin(), numbers.end(), memory.floats());
  return memory;
}

struct WindowSize {
  std::int64_t height, width;
};

// A convolution with filters of some rows and columns over a picture in nhwc; its padding keeps the size.
struct NhwcPicture {
  std::int64_t height, width, channels;
  WindowSize window;
  Numbers numbers, zeros;

  NhwcPicture(Random& random, std::int64_t channels_, const WindowSize& window_)
      : height(5),
        width(7),
        channels(channels_),
        window(window_),
        numbers(drawn(random, pixels() * channels)),
        zeros(static_cast<std::size_t>(channels), 0.0f) {}

  std::int64_t pixels() const { return height * width; }
  std::int64_t taps() const { return window.height * window.width; }

  kernels::ConvShape shape(std::int64_t columns) const {
    Attributes a;
    a.set("kernel_shape", Integers{window.height, window.width});
    a.set("pads", Integers{window.height / 2, window.width / 2, window.height / 2, window.width / 2});
    return kernels::ConvShape(make_layer(Op::conv, a,
                                         {input({1, channels, height, width}),
                                          weight({columns, channels, window.height, window.width})})
                                  ->desc);
  }

  float at(std::int64_t y, std::int64_t x, std::int64_t channel) const {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? numbers[static_cast<std::size_t>((y * width + x) * channels + channel)] : 0.0f;
  }
  double exact(const Filters& filters, std::int64_t pixel, std::int64_t column) const {
    double sum = 0;
    for (std::int64_t tap = 0; tap < taps(); ++tap) {
      const std::int64_t y = pixel / width + tap / window.width - window.height / 2;
      const std::int64_t x = pixel % width + tap % window.width - window.width / 2;
      for (std::int64_t c = 0; c < channels; ++c)
        sum += static_cast<double>(at(y, x, c)) * static_cast<double>(filters.at(column, c, tap));
    }
    return sum;
  }
};

// The convolution of `picture` by the product of `panels`, of which each tap has `tap_pitch` rows.
Numbers convolution(const TileSet& set, const NhwcPicture& picture, const Panels& panels,
                    const ProductWeights& weights, std::int64_t tap_pitch, int threads) {
  const kernels::Blocking blocks(set, panels, picture.pixels(), picture.pixels() * picture.channels, threads);
  const kernels::ConvShape shape = picture.shape(panels.columns);
  const kernels::WindowRows rows(shape, picture.channels, picture.zeros.data());
  kernels::Tile common = kernels::plain_tile(picture.taps(), picture.channels);
  common.tap_pitch = static_cast<std::size_t>(tap_pitch);
  common.output_stride = static_cast<std::size_t>(panels.columns);
  const Guarded output(picture.pixels() * panels.columns);
  std::vector<const float*> pointers(static_cast<std::size_t>(picture.taps() * kernels::kMostRows));
  blocks.for_each(0, blocks.count(), [&](std::int64_t, const kernels::Block& block) {
    kernels::Tile tile = common;
    tile.output = output.floats() + block.first_row * panels.columns;
    if (picture.taps() == 1) {
      multiply_rows(set, panels, weights, block, picture.numbers.data(), picture.channels, tile, {});
      return;
    }
    rows.find(picture.numbers.data(), block.first_row, block.rows, pointers.data());
    tile.rows = pointers.data();
    multiply_panels(set, panels, weights, block, tile, {});
  });
  CHECK(output.buffer.surroundings_intact());
  return Numbers(output.floats(), output.floats() + picture.pixels() * panels.columns);
}

bool same_bits(const Numbers& a, const Numbers& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Extents {
  std::int64_t columns, channels;
};

// The part, by the backbone's panels, is what it is by panels of its own, and right.
void check_part(const TileSet& set, const Filters& backbone, const PackedFilters& packed, Extents used,
                const WindowSize& window, Random& random) {
  INFO(backbone.columns << " x " << backbone.channels << " x " << backbone.taps << ", of which "
                        << used.columns << " x " << used.channels);
  const NhwcPicture picture(random, used.channels, window);
  const Filters filters = backbone.part(used.columns, used.channels);
  const PackedFilters own(set, filters);
  const Panels part = packed.panels.part(used.columns, used.channels * backbone.taps);
  const Numbers bias = drawn(random, used.columns);
  const Numbers scale = drawn(random, used.columns);
  const Guarded padded_bias = padded(set, bias);
  const Guarded padded_scale = padded(set, scale);
  // A bias of panels of its own is as wide as these.
  Guarded own_bias(own.panels.padded_columns());
  kernels::pack_columns(own.panels, bias.data(), own_bias.floats());
  Guarded own_scale(own.panels.padded_columns());
  kernels::pack_columns(own.panels, scale.data(), own_scale.floats());

  for (const bool scaled : {false, true}) {
    const ProductWeights shared{packed.floats.floats(), padded_bias.floats(),
                                scaled ? padded_scale.floats() : nullptr};
    const ProductWeights separate{own.floats.floats(), own_bias.floats(),
                                  scaled ? own_scale.floats() : nullptr};
    const Numbers expected = convolution(set, picture, own.panels, separate, used.channels, 1);
    for (const int threads : {1, 4}) {
      INFO((scaled ? "scaled, " : "") << threads << " threads");
      CHECK(same_bits(convolution(set, picture, part, shared, backbone.channels, threads), expected));
    }
    double error = 0;
    for (std::int64_t pixel = 0; pixel < picture.pixels(); ++pixel) {
      for (std::int64_t column = 0; column < used.columns; ++column) {
        const auto at = static_cast<std::size_t>(column);
        const double factor = scaled ? static_cast<double>(scale[at]) : 1;
        const double exact = picture.exact(filters, pixel, column) * factor + static_cast<double>(bias[at]);
        const auto place = static_cast<std::size_t>(pixel * used.columns + column);
        error = std::max(error, std::abs(static_cast<double>(expected[place]) - exact));
      }
    }
    CHECK(error < 1e-4);
  }
}

}  // namespace

TEST_CASE("products of a part of packed panels equal those of panels of their own", "[kernels]") {
  Random random(1);
  int checked = 0;
  for (const NamedTiles& tiles : tile_sets_here()) {
    INFO(tiles.name);
    const TileSet& set = *tiles.set;
    // One panel, several of one width, and some of two widths.
    for (const std::int64_t vectors : {1, 2, 3, 5, 7}) {
      const std::int64_t columns = vectors * set.vector - (vectors % 2 == 0 ? 3 : 0);
      for (const WindowSize& window : {WindowSize{1, 1}, WindowSize{1, 3}, WindowSize{3, 3}}) {
        const std::int64_t channels = 9;
        const std::int64_t taps = window.height * window.width;
        const Filters backbone{columns, channels, taps, drawn(random, columns * channels * taps)};
        const PackedFilters packed(set, backbone);
        for (const std::int64_t used_channels : {std::int64_t{1}, std::int64_t{6}, channels}) {
          for (const std::int64_t used_columns :
               {std::int64_t{1}, columns / 2 + 1, columns - set.vector, columns}) {
            if (used_columns < 1) continue;
            check_part(set, backbone, packed, {used_columns, used_channels}, window, random);
            ++checked;
          }
        }
      }
    }
  }
  CHECK((checked > 0 || tile_sets_here().empty()));
}

TEST_CASE("parts of panels have the panels and vectors that their columns need", "[kernels]") {
  for (const NamedTiles& tiles : tile_sets_here()) {
    const TileSet& set = *tiles.set;
    const Panels all(set, 7 * set.vector, 10);
    for (std::int64_t columns = 1; columns <= all.packed_columns; ++columns) {
      INFO(tiles.name << ", " << columns << " columns");
      const Panels part = all.part(columns, 4);
      std::int64_t counted = 0;
      for (std::int64_t panel = 0; panel < part.count; ++panel) {
        CHECK(part.width_of(panel) == all.width_of(panel));
        CHECK(part.first_float(panel) == all.first_float(panel));
        CHECK(part.used_vectors_of(panel) <= part.vectors_of(panel));
        CHECK(part.used_vectors_of(panel) * set.vector >= part.columns_of(panel));
        CHECK((part.used_vectors_of(panel) - 1) * set.vector < part.columns_of(panel));
        counted += part.columns_of(panel);
      }
      CHECK(counted == columns);
      CHECK(part.floats() == all.floats());
      CHECK(part.padded_columns() == all.padded_columns());
      CHECK(part.uses_all_rows() == false);
    }
  }
}

namespace {

struct Biased {
  const char* rows;
  TestLayer layer;
};

std::vector<Biased> biased_layers() {
  const auto layer = [](Op op, Integers window, Integers strides, std::int64_t groups, std::int64_t channels,
                        const Shape& weights, std::int64_t biases) {
    Attributes a;
    a.set("kernel_shape", std::move(window));
    a.set("strides", std::move(strides));
    a.set("group", groups);
    return make_layer(op, a, {input({1, channels, 9, 9}), weight(weights, 0.5), weight({biases})}).value();
  };
  const TestLayer pictures = layer(Op::conv, {3, 3}, {1, 1}, 1, 3, {40, 3, 3, 3}, 40);
  const TestLayer wide = layer(Op::conv, {3, 3}, {1, 1}, 1, 16, {40, 16, 3, 3}, 40);
  const TestLayer grouped = layer(Op::conv, {3, 3}, {1, 1}, 2, 32, {64, 16, 3, 3}, 64);
  const TestLayer transposed = layer(Op::conv_transpose, {3, 3}, {2, 2}, 1, 8, {8, 40, 3, 3}, 40);
  const TestLayer patched = layer(Op::conv_transpose, {2, 2}, {2, 2}, 1, 8, {8, 3, 2, 2}, 3);
  const TestLayer dense =
      make_layer(Op::gemm, {}, {input({2, 20}), weight({20, 100}, 0.5), weight({100})}).value();
  return {{"conv.indirect.f32", wide},
          {"conv.indirect.f32", grouped},
          {"conv.direct.f32", wide},
          {"conv.direct.f32", grouped},
          {"conv.winograd_f2.f32", wide},
          {"conv.winograd_f5.f32", wide},
          {"conv.planar_rows.f32", pictures},
          {"conv.planar_pixels.f32", pictures},
          {"conv.padded_rows.f32", pictures},
          {"conv_transpose.phases.f32", transposed},
          {"conv_transpose.patches.f32", patched},
          {"gemm.panels.f32", dense},
          {"gemm.panels.f32_f16w", dense},
          {"gemm.panels.f32_bf16w", dense},
          {"gemm.panels.f32_s8w", dense}};
}

Numbers packed_floats(const Kernel& kernel, const LayerDesc& desc, TestLayer layer, float bias) {
  std::vector<std::byte>& biases = layer.inputs[2];
  const Numbers numbers(biases.size() / sizeof(float), bias);
  std::memcpy(biases.data(), numbers.data(), biases.size());
  const std::vector<std::byte> bytes = packed(kernel, desc, layer);
  Numbers floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

}  // namespace

TEST_CASE("packed weights hold biases in one place, apart from what layers could share", "[kernels]") {
  for (const Biased& biased : biased_layers()) {
    int checked = 0;
    for (const Kernel* row : rows_here(biased.rows)) {
      for (const Signature& signature : row->signatures) {
        const LayerDesc desc = with_signature(biased.layer.desc, signature, this_cpu().isa);
        if (row->supports(desc, this_cpu()) != Refusal::none) continue;
        INFO(row->name << ": " << desc.text());
        const Numbers without = packed_floats(*row, desc, biased.layer, 0);
        const Numbers with = packed_floats(*row, desc, biased.layer, 1);
        REQUIRE(without.size() == with.size());
        const auto first = std::mismatch(without.begin(), without.end(), with.begin()).first;
        const auto last = std::mismatch(without.rbegin(), without.rend(), with.rbegin()).first.base();
        REQUIRE(first < last);
        // No weight is zero: there is none among the biases.
        CHECK(std::all_of(first, last, [](float number) { return number == 0; }));
        ++checked;
      }
    }
    INFO(biased.rows);
    CHECK((checked > 0 || rows_here(biased.rows).empty()));
  }
}

}  // namespace fettle::test
