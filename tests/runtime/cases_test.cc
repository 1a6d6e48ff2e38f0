// SPDX-License-Identifier: Apache-2.0
//
// The smallest inputs with known answers of the shared data, NAME.onnx with NAME.npz (and perhaps a plan):
// what must be right, and what must be refused with a message that names it.
#include "tests/common/check.h"
#include "tests/common/data.h"
#include "tests/onnx/model_bytes.h"

#include "kernels/reference/numbers.h"
#include "tuner/io/npy.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

namespace fs = std::filesystem;
using kernels::reference::load;

// Whose results must be those of their .npz.
const std::vector<std::string> kRight{
    "01_pad_runtime_value",
    "02_sigmoid_large",
    "03_resize_nearest_6_8",
    "04_resize_extent_10_07",
    "05_convtranspose_output_shape",
    "06_resize10_nearest_down",
    "09_conv_div_denormal",
    "11_reducemax_nan",
    "12_range_2p53",
    "13_gemm_relu_nan",
    "13_maxpool_nan_plan",
    "20_layernorm_broadcast",
    "21_qdq_shapes_1_and_scalar",
    "22_nan_mask_value",
    "23_clip_min_above_max",
    "24_string_initialiser",
    "25_extent_zero",
    "27_local_function",
    "30_verify_nan",
    "31_verify_f64",
    "40_no_inputs",
};

// Whose error must say all of this.
const std::map<std::string, std::vector<std::string>> kRefused{
    {"07_resize_unknown_word",
     {"Resize", "coordinate_transformation_mode is half_pixel_symmetric", "half_pixel", "asymmetric"}},
    {"07_bitshift_left_small", {"BitShift", "direction is left", "LEFT or RIGHT"}},
    {"15_roialign_ratio_65535", {"RoiAlign", "there is no attribute to"}},
    {"26_rank9", {"x", "9 dimensions", "8"}},
};

fs::path cases() {
  fs::path folder = shared_path("cases");
  if (!fs::exists(folder)) SKIP("the shared cases are not here: " << folder.string());
  return folder;
}

double element(const io::Array& array, std::int64_t i) {
  return load<double>(array.type, array.bytes.data(), i);
}

// NaN is NaN, infinities and integers are exact, and reals right but for rounding.
void check_equal(const TensorView& got, const io::Array& wanted) {
  REQUIRE(got.type() == wanted.type);
  REQUIRE(wanted.has_shape(got.shape()));
  const bool real = kernels::reference::kind_of(got.type()) == kernels::reference::Kind::real;
  double largest = 0;
  for (std::int64_t i = 0; i < got.shape().elements(); ++i) {
    if (std::isfinite(element(wanted, i))) largest = std::max(largest, std::abs(element(wanted, i)));
  }
  for (std::int64_t i = 0; i < got.shape().elements(); ++i) {
    INFO("element " << i);
    const auto value = load<double>(got.type(), got.bytes().data(), i);
    const double right = element(wanted, i);
    if (std::isnan(right))
      CHECK(std::isnan(value));
    else if (std::isinf(right))
      CHECK(value == right);
    else if (real)
      CHECK(std::abs(value - right) <= 1e-5 * largest);
    else
      CHECK(load<std::int64_t>(got.type(), got.bytes().data(), i) ==
            load<std::int64_t>(wanted.type, wanted.bytes.data(), i));
  }
}

}  // namespace

TEST_CASE("small inputs with known answers get them", "[runtime][cases]") {
  const fs::path folder = cases();
  for (const std::string& name : kRight) {
    INFO(name);
    const fs::path path = folder / name;
    const bool planned = fs::exists(path.string() + ".plan");
    Runtime runtime =
        value_of(Runtime::load(path.string() + ".onnx", planned ? path.string() + ".plan" : std::string()));
    const auto arrays = value_of(io::load_npz(path.string() + ".npz"));
    for (std::size_t i = 0; i < runtime.input_count(); ++i) {
      const TensorView input = runtime.input(i);
      const auto given = arrays.find("input:" + input.info().name);
      REQUIRE(given != arrays.end());
      succeeds(input.copy_from(std::span<const std::byte>(given->second.bytes)));
    }
    succeeds(runtime.run());
    for (std::size_t i = 0; i < runtime.output_count(); ++i) {
      const auto wanted = arrays.find("output:" + runtime.output(i).info().name);
      REQUIRE(wanted != arrays.end());
      check_equal(runtime.output(i), wanted->second);
    }
  }
}

TEST_CASE("small inputs that no network may hold are refused by name", "[runtime][cases][bad]") {
  const fs::path folder = cases();
  for (const auto& [name, parts] : kRefused) {
    INFO(name);
    const Result<Model> model = Model::load((folder / (name + ".onnx")).string());
    REQUIRE_FALSE(model);
    INFO(model.error().text());
    CHECK_FALSE(model.error().hint().empty());
    for (const std::string& part : parts) CHECK(model.error().text().find(part) != std::string::npos);
  }
}

TEST_CASE("small files that would compute for minutes are held to a limit", "[runtime][cases][bad]") {
  using namespace onnx_bytes;
  ModelOptions options;
  options.limits.run_operations = 100'000'000;
  ModelBytes regions;
  regions.opset = 16;
  regions.nodes = {
      node("RoiAlign", {"x", "r", "i"}, {"y"},
           {attribute("sampling_ratio", std::int64_t{65535}), attribute("output_height", std::int64_t{2}),
            attribute("output_width", std::int64_t{3})})};
  regions.inputs = {value_info("x", {1, 1, 4, 4})};
  regions.initialisers = {floats("r", {3, 4}, std::vector<float>(12, 1)), integers("i", {0, 0, 0})};
  regions.outputs = {"y"};
  error_of(Model::parse(as_bytes(regions.bytes()), "test", options), ErrorCode::kLimitExceeded,
           "ModelLimits::run_operations");
  value_of(Model::parse(as_bytes(regions.bytes()), "test"));
  const std::string file = (cases() / "15_convtranspose_stride_4096.onnx").string();
  error_of(Model::load(file, options), ErrorCode::kLimitExceeded, "ModelLimits::run_operations");
  value_of(Model::load(file));
}

}  // namespace fettle::test
