// SPDX-License-Identifier: Apache-2.0
//
// What the shared networks become.
#include <fettle/model.h>

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#ifndef FETTLE_SHARED_DIR
#define FETTLE_SHARED_DIR "../shared"
#endif

namespace fettle {
namespace {

struct Expectation {
  const char* name;
  std::map<std::string, int> layers;
};

const Expectation kExpectations[] = {
    {"edsr_f32b5_x2", {{"add", 6}, {"conv", 13}, {"depth_to_space", 1}}},
    {"face_rfb_320",
     {{"add", 3},
      {"concat", 5},
      {"conv", 52},
      {"div", 2},
      {"exp", 1},
      {"mul", 4},
      {"reshape", 10},
      {"slice", 6},
      {"softmax", 1},
      {"sub", 1},
      {"transpose", 8}}},
    {"kws_dscnn", {{"conv", 9}, {"gemm", 1}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"mcunet_best_144_int8_qdq",
     {{"add", 12}, {"conv", 58}, {"convert", 2}, {"global_average_pool", 1}, {"reshape", 1}}},
    {"mobilenet_v1_0.25_224_bn", {{"conv", 28}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"mobilenet_v2_0.5_160_uint8_qdq",
     {{"add", 10}, {"conv", 53}, {"convert", 4}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"mobilenet_v2_0.5_96",
     {{"add", 10}, {"conv", 53}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"mobilenet_v2_0.75_160",
     {{"add", 10}, {"conv", 53}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"mobilenet_v2_1.0_224", {{"add", 10}, {"conv", 53}, {"global_average_pool", 1}, {"reshape", 1}}},
    {"ppocr_cls_mbv3",
     {{"add", 7},
      {"conv", 53},
      {"gemm", 1},
      {"global_average_pool", 10},
      {"hard_sigmoid", 9},
      {"hard_swish", 18},
      {"max_pool", 1},
      {"mul", 9},
      {"reshape", 1},
      {"softmax", 1}}},
    {"resnet20_cifar10",
     {{"add", 9},
      {"conv", 19},
      {"gemm", 1},
      {"global_average_pool", 1},
      {"pad", 2},
      {"reshape", 1},
      {"slice", 4}}},
    {"resnet8_cifar10",
     {{"add", 3}, {"conv", 9}, {"gemm", 1}, {"global_average_pool", 1}, {"reshape", 1}, {"softmax", 1}}},
    {"resnet8_cifar10_int8_qdq",
     {{"add", 3},
      {"conv", 9},
      {"convert", 4},
      {"gemm", 1},
      {"global_average_pool", 1},
      {"reshape", 1},
      {"softmax", 1}}},
    {"squeezenet1.1",
     {{"concat", 8},
      {"conv", 26},
      {"global_average_pool", 1},
      {"max_pool", 3},
      {"reshape", 1},
      {"softmax", 1}}},
};

TEST_CASE("the shared networks become the expected layers", "[onnx][shared]") {
  const char* set = std::getenv("FETTLE_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(set != nullptr ? set : FETTLE_SHARED_DIR) / "models";
  if (!std::filesystem::exists(folder)) SKIP("no shared models in " << folder);
  for (const Expectation& expected : kExpectations) {
    const Result<Model> model = Model::load((folder / (std::string(expected.name) + ".onnx")).string());
    INFO(expected.name);
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    std::map<std::string, int> found;
    for (const LayerInfo& layer : model->layers()) ++found[std::string(to_string(layer.desc.main().op))];
    std::string text;
    for (const auto& [op, count] : found) text += "{\"" + op + "\", " + std::to_string(count) + "}, ";
    INFO(text);
    CHECK(found == expected.layers);
  }
}

}  // namespace
}  // namespace fettle
